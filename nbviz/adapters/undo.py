"""Remembers containers and attributes of objects, so that changes by a model's code can be undone."""

from __future__ import annotations

import operator
from argparse import Namespace
from collections import ChainMap, OrderedDict, UserDict, UserList, deque
from collections.abc import Callable
from contextlib import suppress
from queue import Queue
from types import SimpleNamespace
from typing import Any


def _same(now: Any, before: list[Any]) -> bool:
    return len(now) == len(before) and all(map(operator.is_, now, before))


def undo_list(value: list[Any]) -> Callable[[], None]:
    """Return what puts a list's items back."""
    before = list.copy(value)  # a list of a framework's may show others

    def undo() -> None:
        if not _same(list.copy(value), before):
            list.__setitem__(value, slice(None), before)

    return undo


def undo_deque(value: deque[Any]) -> Callable[[], None]:
    """Return what puts a deque's items back."""
    before = list(value)

    def undo() -> None:
        if not _same(value, before):
            value.clear()
            value.extend(before)

    return undo


def undo_dict(value: dict[Any, Any]) -> Callable[[], None]:
    """Return what puts a dict's items back, in their order."""
    keys, values = list(dict.keys(value)), list(dict.values(value))
    kind = OrderedDict if isinstance(value, OrderedDict) else dict

    def undo() -> None:
        if _same(dict.keys(value), keys) and _same(dict.values(value), values):
            return
        kind.clear(value)  # the containers of frameworks would track and untrack
        for key, item in zip(keys, values, strict=True):
            kind.__setitem__(value, key, item)

    return undo


def undo_set(value: set[Any]) -> Callable[[], None]:
    """Return what puts a set's items back."""
    before = set(value)

    def undo() -> None:
        if set(value) != before:
            set.clear(value)
            set.update(value, before)

    return undo


HOLDERS = (ChainMap, Namespace, Queue, SimpleNamespace, UserDict, UserList)
"""Python's own classes whose objects keep in attributes what is put into them."""

CONTAINERS: dict[type, Callable[[Any], Callable[[], None]]] = {
    dict: undo_dict,
    list: undo_list,
    set: undo_set,
    deque: undo_deque,
}
"""What puts the items of a container back, by its class."""


def undo_slots(value: Any) -> Callable[[], None]:
    """Return what puts the attributes of an object back that it keeps in slots."""
    before = slots_of(value)

    def undo() -> None:
        now = slots_of(value)
        for name in now.keys() - before.keys():
            object.__delattr__(value, name)
        for name, item in before.items():
            if name not in now or now[name] is not item:
                object.__setattr__(value, name, item)

    return undo


def attributes_of(value: Any) -> dict[str, Any] | None:
    """Return the dict of an object's attributes, without asking its own code; None if it has none."""
    try:
        found = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return None
    return found if isinstance(found, dict) else None


def slots_of(value: Any) -> dict[str, Any]:
    """Return the attributes that an object keeps in slots, without asking its own code."""
    found = {}
    for cls in type(value).__mro__:
        slots = vars(cls).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name in ("__dict__", "__weakref__"):
                continue
            private = (
                f"_{cls.__name__.lstrip('_')}{name}" if name.startswith("__") and not name.endswith("__") else name
            )
            with suppress(AttributeError):
                found[private] = object.__getattribute__(value, private)
    return found


def undo_array(value: Any) -> Callable[[], None]:
    """Return what puts the values of a NumPy array back."""
    before = value.copy()

    def undo() -> None:
        if value.tobytes() != before.tobytes():
            value[...] = before

    return undo
