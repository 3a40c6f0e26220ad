"""The variables around a function: what it reads there."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from types import FunctionType, MethodType, ModuleType
from typing import Any

from nbviz.adapters.jax.inputs import argument_names, signature_of
from nbviz.adapters.jax.linen_bound import is_bound
from nbviz.adapters.names import names_in
from nbviz.adapters.places import is_of_library
from nbviz.adapters.undo import attributes_of

_MODULES = ("jax", "jaxlib", "flax", "equinox", "haiku", "optax", "keras")
_ARRAYS = ("numpy", "torch", "tensorflow", "pandas", "scipy")
_LIBRARIES = frozenset({*_MODULES, *_ARRAYS, "nbviz"})

_NOTHING = object()

_DEEPEST = 3
"""Functions and objects that are read by a function, and by those, of which the variables are looked at."""


def is_library(module: str | None) -> bool:
    """Tell whether a module of Python's is one of a library, whose code reads no weights but what it is given."""
    return is_of_library(module, _LIBRARIES)


def is_method(value: Any) -> bool:
    """Tell whether a value is a method of an object; Equinox has a class of its own for those of its modules."""
    return inspect.ismethod(value) or type(value).__name__ == "BoundMethod"


def is_partial(value: Any) -> bool:
    """Tell whether a value has bound arguments to a function, as Python's partial functions, JAX's and Equinox's do."""
    return isinstance(value, functools.partial) or (
        type(value).__name__ == "Partial" and is_of_library(type(value).__module__, frozenset({"equinox"}))
    )


def is_jit(value: Any) -> bool:
    """Tell whether a value is what ``jax.jit``, ``nnx.jit`` or ``equinox.filter_jit`` makes of a function."""
    return type(value).__name__ in {"PjitFunction", "JitWrapped", "_JitWrapper"} and hasattr(value, "__wrapped__")


def unjitted(function: Any) -> Any:
    """Return a function that computes the same without a jitted function around all of it."""
    while is_jit(function):
        function = function.__wrapped__
    return function


def unwrapped(function: Any) -> Any:
    """Return the function that others are wrapped around: with a method, its object too, whatever its code is wrapped in."""
    return inspect.unwrap(function, stop=is_method)


def variables_of(function: Any, given: AbstractSet[str] = frozenset()) -> Iterator[tuple[str, Any]]:
    """Yield what a function reads besides its inputs: what is bound to it, defaults, what is around it, and its own object's.

    ``given`` names the arguments that it gets: in their place it reads nothing else.
    """
    if is_partial(function):
        first = zip(argument_names(function.func, len(function.args)), function.args, strict=True)
        # those by place are never given again, though the next of ``*args`` is called as the first was
        bound = {**dict(first), **{name: value for name, value in function.keywords.items() if name not in given}}
        yield from bound.items()
        yield from variables_of(function.func, given | bound.keys())
        return
    code = getattr(function, "__code__", None)
    if code is None:
        return
    if inspect.ismethod(function):
        yield from _own(function.__self__, sorted(code.co_names))
    defaults = ((p.name, p.default) for p in signature_of(function) if p.default is not p.empty)
    yield from ((name, value) for name, value in defaults if name not in given)
    yield from around(function)


def _own(held: Any, names: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """Yield what an object has by names, without running its code: functions of its class as its methods."""
    attributes = attributes_of(held) or {}
    for name in names:
        value = inspect.getattr_static(held, name, _NOTHING)
        if value is not _NOTHING:
            is_own_method = isinstance(value, FunctionType) and name not in attributes
            yield name, MethodType(value, held) if is_own_method else value


def read_by(function: Any, depth: int = 0, given: AbstractSet[str] = frozenset()) -> Iterator[tuple[str, Any]]:
    """Yield what a function reads, and what functions and objects that it reads have for it, with their names before it."""
    code = getattr(getattr(function, "func", function), "__code__", None)
    names = [] if code is None else list(names_in(code).all)
    for name, value in variables_of(function, given):
        yield name, value
        yield from _within(name, value, names, depth + 1)


def _within(name: str, value: Any, names: list[str], depth: int) -> Iterator[tuple[str, Any]]:
    """Yield what is read in a function or an object with a name; ``names`` are the attributes that may be asked for."""
    if depth <= _DEEPEST:
        yield from ((f"{name}.{other}", found) for other, found in _inside(value, names, depth))


def _inside(value: Any, names: list[str], depth: int) -> Iterator[tuple[str, Any]]:
    inner = _unwrapped(value)
    if isinstance(inner, (FunctionType, MethodType)):
        if not is_library(inner.__module__):
            yield from read_by(inner, depth)
        return
    own = _attributes_of(value)
    for name in names:
        if name in own:
            yield name, own[name]
            yield from _within(name, own[name], names, depth + 1)
    for name in ("__call__", *names) if own else ():
        method = inspect.getattr_static(type(value), name, None)
        if isinstance(method, FunctionType):
            yield from read_by(MethodType(method, value), depth)


def _unwrapped(value: Any) -> Any:
    """Return the function that others are wrapped around, None for what is no function or does not tell."""
    if is_bound(value):  # which would run its ``setup`` to tell
        return None
    try:
        return unwrapped(value) if callable(value) else None
    except Exception:  # noqa: BLE001 - an object's own code may raise anything
        return None


def _attributes_of(value: Any) -> Mapping[str, Any]:
    """Return the attributes of an object, or a Python module, of the user's own; none of what a library knows better."""
    homes = [value.__name__] if isinstance(value, ModuleType) else [cls.__module__ for cls in type(value).__mro__[:-1]]
    return {} if any(map(is_library, homes)) else attributes_of(value) or {}


def around(function: Any) -> Iterator[tuple[str, Any]]:
    """Yield the variables of the functions around one, and of its module, that it reads."""
    yield from cells_of(function)
    for name in names_in(function.__code__).globals:
        if name in function.__globals__:
            yield name, function.__globals__[name]


def cells_of(function: Any) -> Iterator[tuple[str, Any]]:
    """Yield the variables of the functions around one that it reads."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        try:
            yield name, cell.cell_contents
        except ValueError:  # it is not assigned yet
            continue
