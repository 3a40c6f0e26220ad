"""Finds modules that a model calls but has not registered with PyTorch, such as those in a plain list.

Whoever asks such a model for its parameters does not hear of theirs: they are not trained, moved or saved with it.
"""

from __future__ import annotations

from collections.abc import Container, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, final

from nbviz.adapters.text import plain
from nbviz.adapters.torch.modules.kinds import type_name
from nbviz.adapters.torch.modules.lazy import is_uninitialized
from nbviz.adapters.torch.modules.walk import modules_of, tensors_of

_REGISTERS: dict[type, str] = {list: "nn.ModuleList", tuple: "nn.ModuleList", dict: "nn.ModuleDict"}
"""Containers that PyTorch does not look into, and what to take instead."""

_DEPTH = 3
"""How deep containers in containers are looked into."""


@final
@dataclass(frozen=True, slots=True)
class Place:
    """Where a module lies that is not registered.

    Attributes
    ----------
    holder
        The module with the attribute.
    attribute
        The name of the attribute.
    key
        What takes the module out of it: ``[0]``.
    container
        What the attribute is.
    """

    holder: Any
    attribute: str
    key: str
    container: Any


def place_of(module: Any, holders: Iterable[Any]) -> Place | None:
    """Return where a module lies in a container that one of these modules has as an attribute; None if in none."""
    for holder in holders:
        for attribute, value in vars(holder).items():
            if type(value) in _REGISTERS and attribute != "_modules":
                key = next((key for key, item in _items(value) if item is module), None)
                if key is not None:
                    return Place(holder, attribute, key, value)
    return None


def unregistered_parameters(module: Any, held: Container[Hashable]) -> int:
    """Return how many values a module has in parameters that the model does not hold, by the identities of those that it does.

    What stands in a parameter's place for a while, as in ``torch.func.functional_call``, is none.
    """
    import torch

    found = (
        t
        for t in tensors_of(modules_of(module), buffers=False)
        if isinstance(t, torch.nn.Parameter) and id(t) not in held
    )
    return sum(0 if is_uninitialized(t) else t.numel() for t in found)


def unregistered(module: Any, place: Place | None, count: int) -> str:
    """Return what to say of a module that has so many values in its parameters."""
    if place is None:
        return (
            f"The model calls a {type_name(module)} that none of its modules holds: it is created in forward, or "
            f"kept where PyTorch does not look, so its {count:,} parameters are not counted, moved, trained or "
            "saved with the model. Make it an attribute in __init__."
        )
    kind, name = type(place.container), f"self.{plain(place.attribute)}"
    modules = sum(hasattr(item, "_parameters") for _, item in _items(place.container))
    held = f"{modules:,} module{'s' if modules > 1 else ''}"
    return (
        f"In {type_name(place.holder)}, {name} is a plain {kind.__name__} ({held}), which PyTorch does not "
        "search: its contents are not counted, moved, trained or saved with the model. Make it "
        f"{_REGISTERS[kind]}({name})."
    )


def _items(container: Any, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield what is in a container and in those inside it, with what takes it out: ``[0]['a']``."""
    items = container.items() if isinstance(container, dict) else enumerate(container)
    for key, item in items:
        yield f"[{key!r}]", item
        if type(item) in _REGISTERS and depth < _DEPTH:
            yield from ((f"[{key!r}]{inner}", held) for inner, held in _items(item, depth + 1))
