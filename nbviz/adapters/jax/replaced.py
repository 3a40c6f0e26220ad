"""Functions that do the same as others, with other values in variables around them and in what they call."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from inspect import getattr_static
from types import CellType, FunctionType
from typing import Any, final

from nbviz.adapters.jax.closures import around, cells_of, is_jit, is_method, is_partial, unjitted
from nbviz.adapters.undo import attributes_of


def with_variables(function: FunctionType, values: Mapping[str, Any]) -> FunctionType:
    """Return a function that does the same with other values in variables around it; the function itself keeps its own."""
    code = function.__code__
    cells = zip(code.co_freevars, function.__closure__ or (), strict=True)
    made = FunctionType(
        code,
        {**function.__globals__, **{name: value for name, value in values.items() if name not in code.co_freevars}},
        function.__name__,
        function.__defaults__,
        tuple(CellType(values[name]) if name in values else cell for name, cell in cells),
    )
    made.__kwdefaults__ = function.__kwdefaults__
    return made


def with_others(function: Any, others: Mapping[int, Any]) -> Any:
    """Return what does the same with others in the places of objects in it, such as the module that a wrapper of JAX's calls.

    ``others`` has them by the identities of the objects. None where none is found, or is in what cannot be made again.
    """
    inside: dict[int, dict[Any, Any]] = {}
    waiting = [function]
    while waiting:  # each once: functions may read each other
        value = waiting.pop()
        if id(value) not in inside and id(value) not in others:
            inside[id(value)] = _inside(value, others)
            waiting.extend(inside[id(value)].values())
    changing = set(others)
    while more := {
        key for key, held in inside.items() if key not in changing and any(id(v) in changing for v in held.values())
    }:
        changing |= more
    return _Copies(others, inside, changing).of(function) if id(function) in changing else None


def _inside(value: Any, others: Mapping[int, Any]) -> dict[Any, Any]:
    """Return what is called or bound in a function or in what is wrapped around one, by where it is."""
    if isinstance(value, FunctionType):
        held = {key: held for key, held in [*around(value), *enumerate(_defaults(value))] if id(held) in others}
        return {**held, **dict(cells_of(value))}
    if is_jit(value):
        return {"__wrapped__": value.__wrapped__}
    if is_partial(value):
        return {"": value.func, **dict(enumerate(value.args)), **value.keywords}
    if is_method(value):
        return {"__self__": value.__self__} if id(value.__self__) in others else {}
    wraps = getattr_static(value, "__wrapped__", None) is not None  # an object may answer to any name, or raise
    return dict(attributes_of(value) or {}) if wraps and _bare(value) is not None else {}


def _defaults(function: FunctionType) -> list[Any]:
    return [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]


def _bare(wrapper: Any) -> Any:
    """Return another object of a class without attributes; None for a class that is not made in Python."""
    try:
        return object.__new__(type(wrapper))  # its class may not let attributes be set
    except TypeError:
        return None


@final
class _Copies:
    """Makes what changes again; ``inside`` says what is in each, ``changing`` which those are, by identity."""

    def __init__(self, others: Mapping[int, Any], inside: Mapping[int, dict[Any, Any]], changing: set[int]) -> None:
        self._made = dict(others)
        self._inside = inside
        self._changing = changing

    def of(self, value: Any) -> Any:
        """Return what takes the place of a value, which may be the value itself."""
        if id(value) in self._made or id(value) not in self._changing:
            return self._made.get(id(value), value)
        held = self._inside[id(value)]
        if isinstance(value, FunctionType):
            return self._function(value, held)
        if is_jit(value):  # which computes the same as what it wraps
            return self.of(value.__wrapped__)
        if is_partial(value):
            args = map(self.of, value.args)
            named = {name: self.of(bound) for name, bound in value.keywords.items()}
            return functools.partial(unjitted(self.of(value.func)), *args, **named)
        if is_method(value):
            return functools.partial(value.__func__, self.of(value.__self__))
        made = self._made[id(value)] = _bare(value)
        vars(made).update({name: self.of(inner) for name, inner in held.items()})
        return made

    def _function(self, function: FunctionType, held: Mapping[Any, Any]) -> FunctionType:
        """Return a function with what changes in its variables; it is known before these are, which may hold it."""
        cells = {name for name in function.__code__.co_freevars if id(held.get(name)) in self._changing}
        changed = {name: inner for name, inner in held.items() if isinstance(name, str) and id(inner) in self._changing}
        kept = {name: inner if name in cells else self.of(inner) for name, inner in changed.items()}
        made = self._made[id(function)] = with_variables(function, kept)
        made.__defaults__ = tuple(map(self.of, function.__defaults__ or ())) or None
        made.__kwdefaults__ = {name: self.of(value) for name, value in (function.__kwdefaults__ or {}).items()} or None
        for name, cell in zip(function.__code__.co_freevars, made.__closure__ or (), strict=True):
            if name in cells:
                cell.cell_contents = self.of(held[name])
        return made
