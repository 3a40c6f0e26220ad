"""Lazy modules in a trace: their parameters get shapes from the inputs, without values, and only during the trace."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

_KINDS = ("_parameters", "_buffers")


def is_uninitialized(tensor: Any) -> bool:
    """Tell whether a tensor belongs to a lazy module that has not seen an input yet."""
    return type(tensor).__name__ in ("UninitializedParameter", "UninitializedBuffer")


@contextmanager
def still_lazy(modules: Iterable[Any], device: str | None = None) -> Iterator[None]:
    """Give lazy modules other uninitialized parameters for a while: the user's own must not take shape.

    They are on ``device``, or else where the model's own are.
    """
    replaced: list[tuple[dict[str, Any], str, Any]] = []
    for module in modules:
        for held in (getattr(module, kind) for kind in _KINDS):
            for name, tensor in held.items():
                if is_uninitialized(tensor):
                    replaced.append((held, name, tensor))
    for held, name, tensor in replaced:
        held[name] = type(tensor)(tensor.requires_grad, device=device or tensor.device, dtype=tensor.dtype)
    try:
        yield
    finally:
        for held, name, tensor in replaced:
            held[name] = tensor


def take_shape(module: Any, args: Any, kwargs: Any) -> list[Any]:
    """Initialize what is lazy in a module for what it is called with; return the parameters and buffers that it has got."""
    if not hasattr(type(module), "initialize_parameters"):
        return []
    places = [getattr(module, kind) for kind in _KINDS]
    held = [(place, name, t) for place in places for name, t in place.items() if t is not None]
    waiting = [(place, name) for place, name, t in held if is_uninitialized(t)]
    if waiting:
        others = [(place, name, t) for place, name, t in held if not is_uninitialized(t)]
        for place, name, tensor in others:  # all that it holds is reset
            place[name] = tensor.detach().clone()
        try:
            module.initialize_parameters(*args, **kwargs)
        finally:
            for place, name, tensor in others:
                place[name] = tensor
    return [place[name] for place, name in waiting]
