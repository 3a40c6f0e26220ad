"""Where a function has its parameters: among its arguments, bound by ``functools.partial``, or in variables around it."""

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Callable, Container, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from types import FunctionType
from typing import Any, final

from nbviz.adapters.jax.arrays import is_array
from nbviz.adapters.jax.closures import (
    is_method,
    is_partial,
    read_by,
    unjitted,
    unwrapped,
    variables_of,
)
from nbviz.adapters.jax.inputs import argument_names, arrays_of, check, is_alone, placed_in, signature_of
from nbviz.adapters.jax.leaves import leaves_of
from nbviz.adapters.jax.linen_bound import is_bound, tree_of
from nbviz.adapters.jax.models import are_modules, holds_model, holds_nnx, left_over, together, with_copies
from nbviz.adapters.jax.nnx import is_nnx
from nbviz.adapters.jax.parameters import arrays_in, is_parameter, is_tree, lacks_values
from nbviz.adapters.jax.replaced import with_others
from nbviz.adapters.jax.wrapped import called_by, is_any_module, plain_name
from nbviz.adapters.specs import Arguments
from nbviz.adapters.text import short

_NAMES = ("params", "parameters", "variables", "weights", "theta", "p")
"""What parameters are called."""

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
    left
        The names of inputs that may be parameters too.
    """

    tree: Any
    call: Callable[..., Any]
    rest: Any
    inputs: Any
    closed: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


def binding_of(function: Any, inputs: Any) -> Binding | None:
    """Return the parameters of a function, None where it has none that can be told from its inputs."""
    ways = (_of_its_module, _given, _bound, _of_modules, _closed_over)
    return next((found for way in ways if (found := way(function, inputs)) is not None), None)


def _given(function: Any, inputs: Any) -> Binding | None:
    """Return the arguments that are parameters, and leave the others as inputs."""
    placed = placed_in(function, inputs)
    if is_alone(inputs, placed):
        return None
    first = argument_names(function, len(placed.args))
    given = {**dict(zip(first, placed.args, strict=True)), **_in_order(function, placed.kwargs)}
    where = [*range(len(first)), *map(repr, list(given)[len(first) :])]
    values = {name: arrays_of(given[name], f"inputs[{at}]") for name, at in zip(given, where, strict=True)}
    chosen = _chosen(values)
    if not chosen:
        return None
    tree, taken = together(chosen)

    def call(tree: Any, *args: Any, **kwargs: Any) -> Any:
        copies, others = taken(tree), iter(args)
        before = [copies[name] if name in copies else next(others) for name in first]
        named = {name: copy for name, copy in copies.items() if name not in first}
        return with_copies(function, chosen, copies, given.keys())(*before, *others, **{**kwargs, **named})

    rest = {name: value for name, value in given.items() if name not in chosen}
    args = tuple(rest[name] for name in first if name in rest)
    others = Arguments(args, {name: value for name, value in rest.items() if name not in first})
    beside = any(map(holds_model, chosen.values()))
    left = left_over({name: values[name] for name in rest}) if beside else ()
    return Binding(tree, call, _without(function, chosen), others, left=left)


def _in_order(function: Any, named: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments by name in the order of a function's own, others behind them."""
    names = [p.name for p in signature_of(function) if p.name in named]
    return {name: named[name] for name in (*names, *named)}


def _chosen(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that are parameters.

    That is the one that is called as parameters are, and all that are models; else the first of several with arrays, if it
    is a tree.
    """
    trees = [name for name, value in given.items() if is_tree(tree_of(value))]
    called = [name for name in trees if name in _NAMES]
    called += [name for name, value in given.items() if name in _ONE_ARRAY and is_array(value)]
    models = [name for name in trees if holds_model(given[name])]
    first = next((name for name in list(given)[:-1] if not _stands_aside(given[name])), None)
    found = {*called[:1], *models} or ({first} & {*trees})
    return {name: value for name, value in given.items() if name in found}


def _stands_aside(value: Any) -> bool:
    """Tell whether an argument holds no arrays and is no shape: what says how the parameters are used, such as a ``GraphDef``."""
    return type(value) not in (dict, list, tuple) and not any(map(is_array, leaves_of(value)))


def _bound(function: Any, inputs: Any) -> Binding | None:
    """Return the tree that ``functools.partial`` has bound.

    Several of which none is called as parameters, and modules of NNX, are found among all that the function reads.
    """
    if not is_partial(function):
        return None
    args, kwargs = function.args, function.keywords
    bound = {**dict(enumerate(args)), **kwargs}
    names = dict(zip(bound, (*argument_names(function.func, len(args)), *kwargs), strict=True))
    places = [at for at, value in bound.items() if is_tree(value)]
    called = [at for at in places if names[at] in _NAMES]
    alone = [] if sum(map(is_parameter, bound.values())) > 1 else [at for at in places if not are_modules(bound[at])]
    at = next(iter([*called, *alone]), None)
    if at is None:
        return None
    tree, taken = together({at: bound[at]})

    def call(tree: Any, *others: Any, **named: Any) -> Any:
        return with_copies(function, {at: bound[at]}, taken(tree))(*others, **named)

    return Binding(tree, call, function, inputs)


def missed(inputs: Any) -> bool:
    """Tell whether there is a tree of arrays among inputs of which none are taken for parameters.

    An empty dict is the parameters of a model that has none, as Haiku gives it beside the state.
    """
    values = _values(inputs)
    return any(map(is_tree, values)) and not any(isinstance(value, Mapping) and not value for value in values)


def _values(inputs: Any) -> list[Any]:
    if isinstance(inputs, Arguments):
        return [*inputs.args, *inputs.kwargs.values()]
    return list(inputs.values() if isinstance(inputs, Mapping) else inputs if isinstance(inputs, (tuple, list)) else ())


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
    """Return a function that has some objects of NNX bound, as in a step of training, with those among its inputs.

    Copies have to go in the place of all of them, since a trace may not change the objects themselves. Where there are no
    others than modules, and none among the inputs, copies can go in their place where they are.
    """
    cached = _cached(function)
    called, args, kwargs = cached or called_by(function)
    bound = list(filter(holds_nnx, (*args, *kwargs.values())))
    alone = not any(map(holds_nnx, _values(inputs))) and (len(bound) < 2 or all(map(are_modules, bound)))
    if not cached and (alone or not bound):
        return function, inputs
    named = {name: value for name, value in kwargs.items() if holds_nnx(value)}
    kept = {name: value for name, value in kwargs.items() if name not in named}
    called = functools.partial(called, **kept) if kept else called
    placed = placed_in(called, inputs)
    given = Arguments((*args, *placed.args), {**named, **placed.kwargs})
    names = short(", ".join([*argument_names(called, len(args)), *named]))
    check(called, given, plain_name(called_by(called)[0]), f"These are bound already: {names}.")
    return called, given


def _cached(function: Any) -> tuple[Any, tuple[Any, ...], dict[str, Any]] | None:
    """Return what ``nnx.cached_partial`` calls, and with what, which only the variables around its wrapper tell."""
    if not isinstance(function, FunctionType) or function.__code__.co_name != "cache_args_wrapper":
        return None
    held = inspect.getclosurevars(function).nonlocals
    return held["f"], tuple(held["cached_args"]), {}


def _of_modules(function: Any, inputs: Any) -> Binding | None:
    """Return the modules of NNX that a function reads around it, or has bound: copies can go in their place."""
    if unwrapped(function) is not function:
        return None
    given = names_given(function, inputs)
    held = {name: value for name, value in variables_of(function, given) if are_modules(value)}
    others = [name for name, value in read_by(function, given=given) if name not in held and is_parameter(value)]
    if not held or others or with_others(function, {id(value): value for value in held.values()}) is None:
        return None  # there is something in whose place none can go
    tree, taken = together(held)

    def call(tree: Any, *args: Any, **kwargs: Any) -> Any:
        return with_copies(function, held, taken(tree), given)(*args, **kwargs)

    return Binding(tree, call, function, inputs)


def _closed_over(function: Any, inputs: Any) -> Binding | None:
    """Return the arrays, and trees of arrays, in variables that a function reads and does not make."""
    given = names_given(function, inputs)
    held = dict(around_it(function, given))
    if not held:
        return None
    tree, taken = together(held)
    cannot = with_others(function, {id(value): value for value in held.values()}) is None
    if cannot or not (lacks_values(tree) or any(map(_may_change, held.values()))):
        return Binding(tree, lambda _, *args, **kwargs: function(*args, **kwargs), function, inputs, tuple(held))

    def call(tree: Any, *args: Any, **kwargs: Any) -> Any:
        return with_copies(function, held, taken(tree), given)(*args, **kwargs)

    return Binding(tree, call, function, inputs)


def _may_change(value: Any) -> bool:
    """Tell whether a module is in a value that a call of it may change, which a trace must not see itself."""
    import jax

    return is_bound(value) or any(map(is_nnx, jax.tree.leaves(value, is_leaf=is_nnx)))


def names_given(function: Any, inputs: Any) -> AbstractSet[str]:
    """Return the names of the arguments that a function gets."""
    placed = placed_in(function, inputs)
    return {*argument_names(function, len(placed.args)), *placed.kwargs}


def around_it(function: Any, given: AbstractSet[str]) -> list[tuple[str, Any]]:
    """Return the arrays, and trees of arrays, that a function reads and is not given, without those that are in others of them."""
    found = [(name, value) for name, value in read_by(unwrapped(function), given=given) if is_parameter(value)]
    leaves = [arrays_in(value) for _, value in found]
    kept: list[int] = []
    seen: set[int] = set()
    for at in sorted(range(len(found)), key=lambda at: -len(leaves[at])):
        if not leaves[at] <= seen:
            kept.append(at)
            seen |= leaves[at]
    return [found[at] for at in sorted(kept)]


def _without(function: Any, names: Container[str]) -> Callable[..., Any]:
    """Return a stand-in with the signature of a function that has got some of its arguments."""

    def rest(*args: Any, **kwargs: Any) -> None: ...

    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return rest
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    kept = [p for p in signature.parameters.values() if p.name not in names or p.kind in variable]
    rest.__wrapped__ = function  # type: ignore[attr-defined]
    rest.__signature__ = signature.replace(parameters=kept)  # type: ignore[attr-defined]
    return rest
