"""What a traced function gives back, why that may be nothing, and what JAX calls the function meanwhile."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any

from nbviz.adapters.jax.arrays import is_array
from nbviz.adapters.jax.closures import is_method
from nbviz.adapters.jax.leaves import is_finite
from nbviz.adapters.jax.wrapped import innermost
from nbviz.adapters.text import plain
from nbviz.errors import kind_of

_ASYNC = (
    "{name} is an async function, which runs only when it is awaited: view a function that returns what it computes."
)
_GENERATOR = (
    "{name} is a generator, which runs only when its values are used: view a function that returns them, such as "
    "lambda x: list(f(x))."
)
_NOTHING = "{{name}} returned {what}, in which there are no arrays, so there are no outputs: return what it computes."


def arrays_given(result: Any) -> list[tuple[str, Any]]:
    """Return the arrays in a result with names: where in it they are, as those of inputs are; nothing for the result itself."""
    import jax

    leaves = jax.tree_util.tree_leaves_with_path(result) if is_finite(result) else []
    return [(plain(_name(jax.tree_util.keystr(path))), leaf) for path, leaf in leaves if is_array(leaf)]


def _name(place: str) -> str:
    """Return ``output[0]['loss']``; an attribute has a name of its own, such as ``loss``."""
    return place[1:] if place.startswith(".") else place and f"output{place}"


def why_empty(result: Any) -> str:
    """Return what to say of a result without arrays, with a place for the name of the function."""
    if inspect.iscoroutine(result) or inspect.isasyncgen(result):
        if inspect.iscoroutine(result):
            result.close()  # else Python warns that nobody has awaited it
        return _ASYNC
    if inspect.isgenerator(result):
        return _GENERATOR
    return _NOTHING.format(what=kind_of(result))


def named_as(function: Callable[..., Any], model: Any) -> None:
    """Let JAX's errors speak of a model where they name the function that is traced; its arguments keep their names."""
    called = innermost(model)
    called = called.__func__ if is_method(called) else called
    if not isinstance(called, (FunctionType, MethodType)):
        called = inspect.getattr_static(type(called), "__call__", None)
    if isinstance(called, (FunctionType, MethodType)):
        function.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
        function.__wrapped__ = called  # type: ignore[attr-defined]
