"""Undoes changes by a model's code that added or removed tensors; other changes stay."""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from types import CellType
from typing import Any

from nbviz.adapters.kinds import Kinds, items_of
from nbviz.adapters.undo import slots_of

MISSING = object()
"""Stands where there is no value."""

Matters = Callable[[Any, Any], bool]
"""Tells whether tensors came or went when one value took the place of another."""


def undo_items(
    held: dict[Any, Any], before: dict[Any, Any], matters: Matters, along: Callable[[Any], bool] | None
) -> Callable[[], None]:
    """Return what puts the items of a dict back; ``along`` is given where it is not the code's own (see ``_undo_named``)."""
    kind = OrderedDict if isinstance(held, OrderedDict) else dict
    write = functools.partial(kind.__setitem__, held)
    return _undo_named(
        lambda: held, before, write, functools.partial(kind.__delitem__, held), matters=matters, along=along
    )


def undo_class(cls: type, matters: Matters) -> Callable[[], None]:
    """Return what puts the attributes of a class back."""
    write = functools.partial(type.__setattr__, cls)
    return _undo_named(
        lambda: vars(cls), dict(vars(cls)), write, functools.partial(type.__delattr__, cls), matters=matters
    )


def undo_slots(value: Any, matters: Matters) -> Callable[[], None]:
    """Return what puts the attributes of an object back that it keeps in slots."""
    write = functools.partial(object.__setattr__, value)
    delete = functools.partial(object.__delattr__, value)
    return _undo_named(lambda: slots_of(value), slots_of(value), write, delete, matters=matters)


def _undo_named(
    current: Callable[[], Mapping[Any, Any]],
    before: Mapping[Any, Any],
    write: Callable[[Any, Any], None],
    delete: Callable[[Any], None],
    *,
    matters: Matters,
    along: Callable[[Any], bool] | None = None,
) -> Callable[[], None]:
    """Return what gives names what they had ``before``, if tensors came or went.

    All of them then, also those that have come since: beside a table there is a length, or a flag that it is filled. With
    ``along`` what is held is not the code's own, as its globals: only names that were remembered, and of those in which no
    tensors came or went only the ones for which it is true.
    """

    def undo() -> None:
        now = current()
        names = before if along is not None else dict.fromkeys([*before, *now])
        changed = {n: before.get(n, MISSING) for n in names if before.get(n, MISSING) is not now.get(n, MISSING)}
        mattering = {name for name, value in changed.items() if matters(value, now.get(name, MISSING))}
        for name, value in changed.items() if mattering else ():
            if name not in mattering and along is not None and not along(name):
                continue
            if value is MISSING:
                delete(name)
            else:
                write(name, value)

    return undo


def undo_cell(cell: CellType, matters: Matters) -> Callable[[], None]:
    """Return what puts back what a variable of a closure holds."""
    before = content(cell)

    def undo() -> None:
        if matters(before, content(cell)):
            if before is MISSING:
                del cell.cell_contents
            else:
                cell.cell_contents = before

    return undo


def content(cell: CellType) -> Any:
    """Return what a variable of a closure holds, ``MISSING`` where it is not assigned yet."""
    try:
        return cell.cell_contents
    except ValueError:  # not assigned yet
        return MISSING


def undo_cache(cache: Any) -> Callable[[], None]:
    """Return what empties a cache that has got anything: what it holds cannot be told apart, and it is filled again when it is asked."""
    before = cache.cache_info().misses

    def undo() -> None:
        if cache.cache_info().misses != before:
            cache.cache_clear()

    return undo


def undo_sequence(value: Any, kinds: Kinds) -> Callable[[], None]:
    """Return what puts the items of a list, a set or a queue back."""
    before = items_of(value)

    def undo() -> None:
        now = items_of(value)
        if len(now) == len(before) and {id(item) for item in now} == {id(item) for item in before}:
            return
        gone = any(kinds.went(item) for item in without(before, now))
        if not gone and not any(kinds.came(item) for item in without(now, before)):
            return
        if isinstance(value, list):
            list.__setitem__(value, slice(None), before)
        else:
            value.clear()
            (value.update if isinstance(value, set) else value.extend)(before)

    return undo


def without(items: Iterable[Any], others: Iterable[Any]) -> list[Any]:
    """Return the items that are not among others."""
    known = {id(item) for item in others}
    return [item for item in items if id(item) not in known]
