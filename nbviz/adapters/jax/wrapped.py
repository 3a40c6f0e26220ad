"""Modules inside what is wrapped around them, as ``jax.vmap`` is: what is called in the end, and the same with a copy in it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, final

from nbviz.adapters.jax.closures import is_jit, is_method, is_partial, unwrapped
from nbviz.adapters.jax.linen_bound import is_bound, is_method_of_linen
from nbviz.adapters.jax.nnx import is_nnx
from nbviz.adapters.jax.parameters import is_parameter
from nbviz.adapters.jax.replaced import with_others
from nbviz.adapters.jax.trees import is_module
from nbviz.adapters.text import plain


@final
@dataclass(frozen=True)
class Wrapped:
    """A module that is called in the end inside what is wrapped around it, as ``jax.vmap`` is.

    Attributes
    ----------
    module
        The module.
    name
        By which function it is called: the name of another method than ``__call__``, or of one that it is bound to as an argument.
    around
        Returns what is wrapped with another module in it; None where that cannot be made.
    """

    module: Any
    name: str
    around: Callable[[Any], Any]


def wrapped_module(function: Any) -> Wrapped | None:
    """Return the module inside what is wrapped around it; None where nothing is, or it is no module."""
    called = called_by(function)[0]
    return None if unwrapped(called) is called else _module_in(function)


def _module_in(function: Any) -> Wrapped | None:
    if is_jit(function):  # which computes the same as what it wraps
        return _module_in(function.__wrapped__)
    if is_method(function):
        name = "" if function.__name__ == "__call__" else function.__name__
        bind = lambda copy: functools.partial(function.__func__, copy)  # noqa: E731
        runs = is_method_of_linen(function) if is_bound(function.__self__) else is_any_module(function.__self__)
        return Wrapped(function.__self__, name, bind) if runs else None
    inner = function.func if is_partial(function) else getattr(function, "__wrapped__", None)
    if inner is None:
        return Wrapped(function, "", lambda copy: copy) if is_any_module(function) or is_bound(function) else None
    found = _module_in(inner)
    if found is None and is_partial(function):
        inner = _bound_alone(function)
        found = None if inner is None else Wrapped(inner, plain_name(function.func), lambda copy: copy)
    if found is None:
        return None
    return replace(found, around=lambda copy: with_others(function, {id(inner): found.around(copy)}))


def _bound_alone(function: Any) -> Any:
    """Return the module that is the only one bound as an argument, where no other parameters are."""
    bound = (*function.args, *function.keywords.values())
    found = [value for value in bound if is_any_module(value) or is_parameter(value)]
    return found[0] if len(found) == 1 and is_any_module(found[0]) else None


def is_any_module(value: Any) -> bool:
    """Tell whether a value is a module of NNX or of Equinox."""
    return is_nnx(value) or is_module(value)


def called_by(function: Any) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
    """Return what ``functools.partial`` calls in the end, and with what; another function is called as it is."""
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}
    while is_partial(function):
        args, kwargs, function = (*function.args, *args), {**function.keywords, **kwargs}, function.func
    return function, args, kwargs


def innermost(function: Any) -> Any:
    """Return the function that others call in the end, whatever is bound or wrapped around it."""
    inner = unwrapped(called_by(function)[0])
    return function if inner is function else innermost(inner)


def plain_name(function: Any) -> str:
    """Return the name of a function, or of the class of what is called."""
    return plain(getattr(function, "__name__", None) or type(function).__name__)
