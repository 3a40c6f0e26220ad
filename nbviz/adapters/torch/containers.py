"""Rebuilds containers of arguments with other items, keeping the types that the model's code expects."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any


def is_container(value: Any) -> bool:
    """Tell whether a value is a list, a tuple, a mapping, or of a class of its own that is one."""
    return isinstance(value, (list, tuple, Mapping))


def rebuilt(value: Any, one: Callable[[Any, Any], Any]) -> Any:
    """Return a container like another, with what ``one`` makes of each key and item.

    A class may have its own idea of how it is made: it is asked for a copy, whose items are then replaced. Where that does not
    work either the container is returned as it is, with its own items: a plain one would make the model look broken.
    """
    kind = type(value)
    if isinstance(value, Mapping):
        items = {key: one(key, item) for key, item in value.items()}
        return items if kind is dict else _or_itself(value, lambda: _with_items(value, items.items()))
    made = [one(i, item) for i, item in enumerate(value)]
    if kind is list or kind is tuple:
        return kind(made)
    if isinstance(value, list):
        return _or_itself(value, lambda: _with_items(value, enumerate(made)))
    # the constructor of a named tuple takes its fields one by one, and that of a packed sequence works some out
    return _or_itself(value, lambda: value._make(made) if hasattr(value, "_fields") else kind(made))


def _with_items(value: Any, items: Iterable[tuple[Any, Any]]) -> Any:
    made = copy.copy(value)
    for key, item in items:
        made[key] = item
    return made


def _or_itself(value: Any, make: Callable[[], Any]) -> Any:
    try:
        return make()
    except Exception:  # noqa: BLE001 - whatever its class raises
        return value
