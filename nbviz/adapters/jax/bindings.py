"""Where a function has its parameters: among its arguments, bound by ``functools.partial``, or in variables around it."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import Any, final

from nbviz.adapters.jax.arrays import is_array
from nbviz.adapters.jax.closures import (
    around,
    is_method,
    is_partial,
    read_by,
    unjitted,
    unwrapped,
)
from nbviz.adapters.jax.inputs import argument_names, arrays_of, is_one_input, names_arguments, signature_of
from nbviz.adapters.jax.leaves import leaves_of
from nbviz.adapters.jax.linen_bound import is_bound, tree_of, with_tree
from nbviz.adapters.jax.nnx import is_nnx
from nbviz.adapters.jax.parameters import arrays_in, is_parameter, is_tree, lacks_values
from nbviz.adapters.jax.replaced import with_others, with_variables
from nbviz.adapters.jax.wrapped import called_by, is_any_module
from nbviz.adapters.kinds import is_kind_of

_NAMES = ("params", "parameters", "variables", "weights", "theta", "p")
"""What parameters are called; else they are the first of several arguments, the last left out, that holds arrays."""

_ONE_ARRAY = ("params", "parameters", "weights", "theta")
"""What they are called where they are a single array."""


@final
@dataclass(frozen=True)
class Binding:
    """A function and its parameters.

    Attributes
    ----------
    tree
        The parameters.
    call
        Calls the function with another tree and the rest of the arguments.
    rest
        Has the signature of what is left.
    inputs
        What goes in beside the parameters.
    closed
        The names of the variables around the function that have the parameters, so that no others can go in.
    """

    tree: Any
    call: Callable[..., Any]
    rest: Any
    inputs: Any
    closed: tuple[str, ...] = ()


def binding_of(function: Any, inputs: Any) -> Binding | None:
    """Return the parameters of a function, None where it has none that can be told from its inputs."""
    ways = (_of_its_module, _given, _bound, _of_modules, _closed_over)
    return next((found for way in ways if (found := way(function, inputs)) is not None), None)


def _given(function: Any, inputs: Any) -> Binding | None:
    """Return the argument that is called as parameters are; else the first of several with arrays, if it is a tree."""
    if isinstance(inputs, Mapping) and names_arguments(inputs, signature_of(function)):
        return _named(function, inputs)
    if type(inputs) not in (tuple, list) or is_one_input(inputs):
        return None
    names = argument_names(function, len(inputs))
    values = [arrays_of(value, f"inputs[{at}]") for at, value in enumerate(inputs)]
    at = _chosen(names, values)
    if at is None:
        return None
    held, taken = _held(names[at], values[at])

    def call(tree: Any, *args: Any, **kwargs: Any) -> Any:
        return function(*args[:at], taken(tree), *args[at:], **kwargs)

    others = tuple(value for i, value in enumerate(inputs) if i != at)
    return Binding(held, call, _without(function, names[at]), others)


def _named(function: Any, inputs: Mapping[str, Any]) -> Binding | None:
    names = [name for name in (p.name for p in signature_of(function)) if name in inputs]
    values = [arrays_of(inputs[name], f"inputs[{name!r}]") for name in names]
    at = _chosen(names, values)
    if at is None:
        return None
    name = names[at]
    held, taken = _held(name, values[at])

    def call(tree: Any, *args: Any, **kwargs: Any) -> Any:
        return function(*args, **{**kwargs, name: taken(tree)})

    others = {other: value for other, value in inputs.items() if other != name}
    return Binding(held, call, _without(function, name), others or ())


def _chosen(names: list[str], values: Any) -> int | None:
    trees = [at for at, value in enumerate(values) if is_tree(value)]
    called = [at for at in trees if names[at] in _NAMES]
    called += [at for at, value in enumerate(values) if names[at] in _ONE_ARRAY and is_array(value)]
    first = next((at for at, value in enumerate(values[:-1]) if not _stands_aside(value)), None)
    return next(iter([*called, *([first] if first in trees else [])]), None)


def _stands_aside(value: Any) -> bool:
    """Tell whether an argument holds no arrays and is no shape: what says how the parameters are used, such as a ``GraphDef``."""
    return type(value) not in (dict, list, tuple) and not any(map(is_array, leaves_of(value)))


def _held(name: str, value: Any) -> tuple[Any, Callable[[Any], Any]]:
    """Return parameters as a tree, and what makes of the tree what a function takes: a single array has the argument's name."""
    return (value, lambda tree: tree) if is_tree(value) else ({name: value}, operator.itemgetter(name))


def _bound(function: Any, inputs: Any) -> Binding | None:
    """Return the tree that ``functools.partial`` has bound; several of which none is called as parameters are all that it reads."""
    if not is_partial(function):
        return None
    args, kwargs = function.args, function.keywords
    bound = {**dict(enumerate(args)), **kwargs}
    names = dict(zip(bound, (*argument_names(function.func, len(args)), *kwargs), strict=True))
    places = [at for at, value in bound.items() if is_tree(value)]
    called = [at for at in places if names[at] in _NAMES]
    alone = places if sum(map(is_parameter, bound.values())) == 1 else []
    at = next(iter([*called, *alone]), None)
    if at is None:
        return None

    def call(tree: Any, *others: Any, **named: Any) -> Any:
        given = {**bound, at: tree}
        first = [given.pop(place) for place in range(len(args))]
        return unjitted(function.func)(*first, *others, **{**given, **named})

    return Binding(bound[at], call, function, inputs)


def missed(inputs: Any) -> bool:
    """Tell whether there is a tree of arrays among inputs of which none are taken for parameters.

    An empty dict is the parameters of a model that has none, as Haiku gives it beside the state.
    """
    values = inputs.values() if isinstance(inputs, Mapping) else inputs if isinstance(inputs, (tuple, list)) else ()
    return any(map(is_tree, values)) and not any(isinstance(value, Mapping) and not value for value in values)


def _of_its_module(function: Any, inputs: Any) -> Binding | None:
    """Return the module that a method is of, or that is called itself where ``functools.partial`` has bound arguments."""
    inner, args, kwargs = called_by(function)
    method = is_method(inner)
    module = inner.__self__ if method else inner
    wraps = getattr(module, "__wrapped__", None) is not None  # as what ``equinox.filter_jit`` makes of a function
    if wraps or not is_any_module(module):
        return None
    run = unjitted(inner.__func__) if method else operator.call

    def call(copy: Any, *others: Any, **named: Any) -> Any:
        return run(copy, *args, *others, **{**kwargs, **named})

    return Binding(module, call, function, inputs)


def with_bound_given(function: Any, inputs: Any) -> tuple[Any, Any]:
    """Return a function that has several objects of NNX bound, as a step of training, with those among its inputs.

    Copies have to go in the place of all of them, since a trace may not change the objects themselves.
    """
    cached = _cached(function)
    called, args, kwargs = cached or called_by(function)
    if kwargs or sum(map(_is_of_nnx, args)) < (1 if cached else 2):
        return function, inputs
    if isinstance(inputs, Mapping) and names_arguments(inputs, signature_of(called)):
        return called, {**dict(zip(argument_names(called, len(args)), args, strict=True)), **inputs}
    return called, (*args, inputs) if is_one_input(inputs) else (*args, *inputs)


def _cached(function: Any) -> tuple[Any, tuple[Any, ...], dict[str, Any]] | None:
    """Return what ``nnx.cached_partial`` calls, and with what, which only the variables around its wrapper tell."""
    if not isinstance(function, FunctionType) or function.__code__.co_name != "cache_args_wrapper":
        return None
    held = inspect.getclosurevars(function).nonlocals
    return held["f"], tuple(held["cached_args"]), {}


def _is_of_nnx(value: Any) -> bool:
    return is_kind_of(value, "Pytree", "flax.nnx")


def _of_modules(function: Any, inputs: Any) -> Binding | None:
    """Return the modules of NNX that a function reads around it: copies can go in their place."""
    if not isinstance(function, FunctionType) or unwrapped(function) is not function:
        return None
    held = {name: value for name, value in around(function) if is_nnx(value)}
    others = [name for name, value in read_by(function) if name not in held and is_parameter(value)]
    if not held or others:  # in whose place none can go
        return None
    from flax import nnx

    def call(copy: Any, *args: Any, **kwargs: Any) -> Any:
        values = {name: copy if len(held) == 1 else copy[name] for name in held}
        return with_variables(function, values)(*args, **kwargs)

    return Binding(next(iter(held.values())) if len(held) == 1 else nnx.Dict(held), call, function, inputs)


def _closed_over(function: Any, inputs: Any) -> Binding | None:
    """Return the arrays, and trees of arrays, in variables that a function reads and does not make."""
    held = dict(around_it(function))
    if not held:
        return None
    trees = {name: tree_of(value) for name, value in held.items()}
    alone = next(iter(trees.values())) if len(trees) == 1 else None
    tree = alone if alone is not None and is_tree(alone) else trees
    cannot = with_others(function, {id(value): value for value in held.values()}) is None
    if cannot or not (lacks_values(tree) or any(map(is_bound, held.values()))):  # the last may be changed in the trace
        return Binding(tree, lambda _, *args, **kwargs: function(*args, **kwargs), function, inputs, tuple(held))

    def call(copy: Any, *args: Any, **kwargs: Any) -> Any:
        copies = copy if tree is trees else dict.fromkeys(held, copy)
        others = {id(value): with_tree(value, copies[name]) for name, value in held.items()}
        return with_others(function, others)(*args, **kwargs)

    return Binding(tree, call, function, inputs)


def around_it(function: Any) -> list[tuple[str, Any]]:
    """Return the arrays, and trees of arrays, that a function reads and is not given, without those that are in others of them."""
    found = [(name, value) for name, value in read_by(unwrapped(function)) if is_parameter(value)]
    leaves = [arrays_in(value) for _, value in found]
    kept: list[int] = []
    seen: set[int] = set()
    for at in sorted(range(len(found)), key=lambda at: -len(leaves[at])):
        if not leaves[at] <= seen:
            kept.append(at)
            seen |= leaves[at]
    return [found[at] for at in sorted(kept)]


def _without(function: Any, name: str) -> Callable[..., Any]:
    """Return a stand-in with the signature of a function that has got one of its arguments."""

    def rest(*args: Any, **kwargs: Any) -> None: ...

    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return rest
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    kept = [p for p in signature.parameters.values() if p.name != name or p.kind in variable]
    rest.__wrapped__ = function  # type: ignore[attr-defined]
    rest.__signature__ = signature.replace(parameters=kept)  # type: ignore[attr-defined]
    return rest
