"""The tree of a model's modules: who holds whom, under which path, reachable by which expression."""

from __future__ import annotations

import functools
import keyword
from typing import Any

from nbviz.adapters.text import plain
from nbviz.adapters.torch.kinds import kind_of, type_name
from nbviz.adapters.torch.settings import settings_of
from nbviz.builder import GraphBuilder
from nbviz.graph import Setting


def definer(module: Any, method: str) -> type:
    """Return the class that defines a method of this module."""
    return next((cls for cls in type(module).__mro__ if method in vars(cls)), object)


def add_tree(builder: GraphBuilder, model: Any) -> tuple[dict[int, Any], bool]:
    """Add a model and every module inside it; return the modules by identity, and whether one of them is held more than once.

    Such a module stays where it was first.
    """
    shared = False
    found: dict[int, Any] = {}
    texts: dict[int, Setting] = {}
    waiting: list[tuple[Any, Any, str]] = [(model, None, "")]
    while waiting:
        module, holder, name = waiting.pop()
        if id(module) in found:
            shared = True
            continue
        found[id(module)] = module
        add_one(builder, module, holder, name, texts)
        if module._modules:
            waiting += [
                (child, module, inner) for inner, child in reversed(module._modules.items()) if child is not None
            ]
    return found, shared


def add_one(
    builder: GraphBuilder, module: Any, holder: Any, segment: str, texts: dict[int, Setting] | None = None
) -> str:
    """Add one module below one that is already there; ``texts`` as for ``settings_of``."""
    kind = kind_of(module)
    key, name, accessor = None, plain(segment), ""
    if holder is not None:
        key = id(holder)
        above = builder.layer(key)
        segment, accessor = name, above.accessor + _accessor(holder, segment)
        if above.name:
            name = f"{above.name}.{segment}"
    return builder.add_layer(
        id(module),
        key,
        segment,
        name=name,
        type=type_name(module),
        module=kind.module,
        settings=settings_of(module, {} if texts is None else texts),
        accessor=accessor,
        source=kind.source,
    )


def _accessor(holder: Any, segment: str) -> str:
    """Return what follows the expression of a module for that of one inside it."""
    access = kind_of(holder).access
    if access == "key":
        return f"[{segment!r}]"
    if access == "index" and segment.isdigit():
        return f"[{_position(holder._modules, segment)}]"
    if _is_name(segment):
        return f".{segment}"
    return f"._modules[{segment!r}]" if access == "scripted" else f".get_submodule({segment!r})"


@functools.lru_cache(maxsize=4096)
def _is_name(segment: str) -> bool:
    return segment.isidentifier() and not keyword.iskeyword(segment)


def _position(modules: dict[str, Any], name: str) -> int | str:
    """Return where a module stands among those of a container: where its name says, unless it is a part of another container."""
    whole = next(iter(modules), None) == "0" and next(reversed(modules)) == str(len(modules) - 1)
    return name if whole or name not in modules else list(modules).index(name)
