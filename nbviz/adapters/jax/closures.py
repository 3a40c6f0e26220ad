"""The variables around a function: what it reads there, and the same function with other values in them."""

from __future__ import annotations

import dis
import functools
import inspect
import sys
from collections.abc import Iterator, Mapping
from types import CellType, CodeType, FunctionType
from typing import Any

from nbviz.adapters.jax.inputs import signature_of

_LIBRARIES = frozenset({"jax", "jaxlib", "flax", "equinox", "haiku", "optax", "numpy", "nbviz"})

_DEEPEST = 3
"""Functions that are called by a function, and by those, of which the variables are looked at."""


def variables_of(function: Any) -> Iterator[tuple[str, Any]]:
    """Yield what a function reads besides its inputs: what is bound to it, defaults, what is around it, and its own object's."""
    if isinstance(function, functools.partial):
        yield from ((f"argument {at}", value) for at, value in enumerate(function.args))
        yield from function.keywords.items()
        yield from variables_of(function.func)
        return
    code = getattr(function, "__code__", None)
    if code is None:
        return
    if inspect.ismethod(function):
        read = set(code.co_names)
        yield from ((name, value) for name, value in inspect.getmembers_static(function.__self__) if name in read)
    yield from ((p.name, p.default) for p in signature_of(function) if p.default is not p.empty)
    yield from around(function)


def read_by(function: Any, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield what a function reads, and what the functions that it calls by name read around them, with their names before it."""
    for name, value in variables_of(function):
        yield name, value
        inner = inspect.unwrap(value) if callable(value) else None
        if isinstance(inner, FunctionType) and depth < _DEEPEST and not _is_library(inner.__module__):
            yield from ((f"{name}.{other}", found) for other, found in read_by(inner, depth + 1))


def _is_library(module: str | None) -> bool:
    root = (module or "").partition(".")[0]
    return root in _LIBRARIES or (root in sys.stdlib_module_names and root != "__main__")


def around(function: Any) -> Iterator[tuple[str, Any]]:
    """Yield the variables of the functions around one, and of its module, that it reads."""
    code = function.__code__
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=False):
        try:
            yield name, cell.cell_contents
        except ValueError:  # it is not assigned yet
            continue
    for name in dict.fromkeys(_globals_of(code)):
        if name in function.__globals__:
            yield name, function.__globals__[name]


def _globals_of(code: CodeType) -> Iterator[str]:
    for instruction in dis.get_instructions(code):
        if instruction.opname == "LOAD_GLOBAL":
            yield instruction.argval
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _globals_of(inner)


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
