"""Values of a model's configuration as plain, short values."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from nbviz.adapters.text import plain, short
from nbviz.graph import Setting

_NUMBERS = frozenset({bool, int, float, type(None)})
_LONGEST = 16
_DEPTH = 4


def simple(value: Any, depth: int = 0) -> Setting:
    """Return a value as a plain value, or as short text."""
    if type(value) in _NUMBERS:
        return value  # type: ignore[no-any-return]
    try:
        return _structured(value, depth)
    except Exception:  # noqa: BLE001 - a model's own code may raise anything
        return _as_text(value)


def _structured(value: Any, depth: int) -> Setting:
    """Return a value by what it holds, which asks the code of its class."""
    if isinstance(value, str):
        return short(value)
    if isinstance(value, (list, tuple)) and depth < _DEPTH:
        if len(value) <= _LONGEST:
            return tuple(simple(item, depth + 1) for item in value)
        head = ", ".join(str(simple(item, depth + 1)) for item in value[:3])
        return f"[{short(head)}, … {len(value):,} values]"
    if isinstance(value, Mapping) and depth < _DEPTH:
        parts = [f"{plain(k)}: {simple(v, depth + 1)}" for k, v in list(value.items())[:_LONGEST]]
        return short(f"{{{', '.join(parts)}}}", 400)
    return _other(value)


def _other(value: Any) -> Setting:
    kind = type(value)
    name = getattr(value, "__name__", None)
    if isinstance(name, str):  # first: a type of tensors has a shape and a dtype too, but as descriptors
        return short(name)
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        shape = value.shape
        sizes = tuple(islice(shape, len(shape)))  # what answers to any name and any index has items without end
        return short(f"{kind.__name__} {sizes} {value.dtype}")
    if kind.__module__ == "torch":  # a dtype, a device
        return short(str(value).removeprefix("torch."))
    return f"{kind.__name__}()" if hasattr(value, "_modules") else _as_text(value)


def _as_text(value: Any) -> str:
    kind: Any = type(value)
    return f"{kind.__name__}()" if kind.__repr__ is object.__repr__ else short(value)
