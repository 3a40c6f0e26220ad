"""Checks parsed files against the field types of dataclasses, because a file may contain anything."""

from __future__ import annotations

import functools
import reprlib
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from types import NoneType, UnionType
from typing import Any, ForwardRef, Literal, Union, get_args, get_origin, get_type_hints

from nbviz import graph

Check = Callable[[Sequence[Any]], bool]


def held(values: Any, name: str, where: str) -> Any:
    """Return a member of a JSON object that stands at ``where``."""
    if not isinstance(values, dict) or name not in values:
        raise ValueError(f"{where} has no {name!r}")
    return values[name]


def rows_of(values: Any, name: str, where: str) -> list[Any]:
    """Return a member that is an array."""
    rows = held(values, name, where)
    if not isinstance(rows, list):
        raise ValueError(wrong(f"{where}.{name}", rows))  # noqa: TRY004 - of the file, not of an argument
    return rows


def require_fit(values: Sequence[Any], hint: Any, where: str, written: Sequence[Any] | None = None) -> None:
    """Raise a ``ValueError`` that names the first value that is not of a type, with what was ``written`` for it in a column.

    The values are looked at together, level by level, so that a column of 100,000 costs a few passes in C.
    """
    if _fit(values, hint):
        return
    position = next(position for position, value in enumerate(values) if not _fit([value], hint))
    at = where if written is None else f"{where}[{position}]"
    raise ValueError(wrong(at, (written or values)[position]))


def wrong(where: str, found: Any) -> str:
    """Return what to say of a value that cannot be."""
    return f"{where} is {reprlib.repr(found)}, which is not a valid value"


def _fit(values: Sequence[Any], hint: Any) -> bool:
    checks = _checks(hint)
    kinds = set(map(type, values))  # exactly: True is no number here
    if not kinds <= checks.keys():
        return False
    return all(checks[kind]([value for value in values if type(value) is kind]) for kind in kinds)


@functools.cache
def _checks(hint: Any) -> Mapping[type, Check]:
    """Return the types that a hint allows, each with what its values have to pass beyond that."""
    if isinstance(hint, str | ForwardRef):  # a type that is made of itself, as ``Setting`` is
        return _checks(getattr(graph, hint if isinstance(hint, str) else hint.__forward_arg__))
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return {kind: check for choice in inner for kind, check in _checks(choice).items()}
    if origin is Literal:
        return {str: frozenset(inner).issuperset}
    if origin is tuple:
        return {tuple: _repeated(inner[0]) if inner[-1] is Ellipsis else _fixed(inner)}
    if hint is None:
        return {NoneType: _anything}
    return {hint: _structure(hint) if hint.__module__.startswith(f"{__package__}.") else _anything}


def _anything(_: Sequence[Any]) -> bool:
    return True


def _repeated(hint: Any) -> Check:
    return lambda tuples: _fit(list(chain.from_iterable(tuples)), hint)


def _fixed(inner: Sequence[Any]) -> Check:
    def check(tuples: Sequence[Any]) -> bool:
        if set(map(len, tuples)) != {len(inner)}:
            return False
        return all(_fit(column, hint) for column, hint in zip(zip(*tuples, strict=True), inner, strict=True))

    return check


def _structure(cls: type) -> Check:
    """Return the check of one of our own classes, field by field."""
    return lambda held: all(
        _fit([getattr(one, name) for one in held], hint) for name, hint in get_type_hints(cls).items()
    )
