"""Where a function has its parameters: among its arguments, bound by ``functools.partial``, or in variables around it."""

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Callable, Container, Mapping
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
from nbviz.adapters.jax.inputs import argument_names, arrays_of, is_one_input, names_arguments, signature_of
from nbviz.adapters.jax.leaves import leaves_of
from nbviz.adapters.jax.linen_bound import is_bound, tree_of, with_tree
from nbviz.adapters.jax.nnx import is_nnx
from nbviz.adapters.jax.parameters import arrays_in, is_parameter, is_tree, lacks_values
from nbviz.adapters.jax.replaced import with_others
from nbviz.adapters.jax.trees import is_module
from nbviz.adapters.jax.wrapped import called_by, is_any_module
from nbviz.adapters.kinds import is_kind_of

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
    """Return the arguments that are parameters, and leave the others as inputs."""
    if isinstance(inputs, Mapping) and names_arguments(inputs, signature_of(function)):
        return _named(function, inputs)
    if type(inputs) not in (tuple, list) or is_one_input(inputs):
        return None
    names = argument_names(function, len(inputs))
    chosen = _chosen(names, [arrays_of(value, f"inputs[{at}]") for at, value in enumerate(inputs)])
    if not chosen:
        return None
    tree, taken = _together(chosen)

    def call(tree: Any, *args: Any, **kwargs: Any) -> Any:
        given, others = taken(tree), iter(args)
        first = [given[name] if name in given else next(others) for name in names]
        return function(*first, *others, **kwargs)

    others = tuple(value for name, value in zip(names, inputs, strict=True) if name not in chosen)
    return Binding(tree, call, _without(function, chosen), others)


def _named(function: Any, inputs: Mapping[str, Any]) -> Binding | None:
    names = [name for name in (p.name for p in signature_of(function)) if name in inputs]
    chosen = _chosen(names, [arrays_of(inputs[name], f"inputs[{name!r}]") for name in names])
    if not chosen:
        return None
    tree, taken = _together(chosen)

    def call(tree: Any, *args: Any, **kwargs: Any) -> Any:
        return function(*args, **{**kwargs, **taken(tree)})

    others = {name: value for name, value in inputs.items() if name not in chosen}
    return Binding(tree, call, _without(function, chosen), others or ())


def _chosen(names: list[str], values: list[Any]) -> dict[str, Any]:
    """Return the arguments that are parameters, by name.

    That is the one that is called as parameters are; else all that are models; else the first of several with arrays, if it
    is a tree.
    """
    trees = [at for at, value in enumerate(values) if is_tree(tree_of(value))]
    called = [at for at in trees if names[at] in _NAMES]
    called += [at for at, value in enumerate(values) if names[at] in _ONE_ARRAY and is_array(value)]
    models = [at for at in trees if _is_model(values[at])]
    first = next((at for at, value in enumerate(values[:-1]) if not _stands_aside(value)), None)
    found = called[:1] or models or ([first] if first in trees else [])
    return {names[at]: values[at] for at in found}


def _is_model(value: Any) -> bool:
    """Tell whether a value is a model for sure: in a module of Equinox that cannot be called may be anything, a batch too."""
    return is_nnx(value) or is_bound(value) or (is_module(value) and callable(value))


def _stands_aside(value: Any) -> bool:
    """Tell whether an argument holds no arrays and is no shape: what says how the parameters are used, such as a ``GraphDef``."""
    return type(value) not in (dict, list, tuple) and not any(map(is_array, leaves_of(value)))


def _together(held: Mapping[str, Any]) -> tuple[Any, Callable[[Any], dict[str, Any]]]:
    """Return parameters as one tree, and what takes them out of another such tree, by name.

    What is in several modules of NNX is one thing, so that these are parts of one module.
    """
    (name, value), *others = held.items()
    if not others and is_tree(alone := tree_of(value)):
        return alone, lambda tree: {name: with_tree(value, tree)}
    if all(map(is_nnx, held.values())):
        from flax import nnx

        return nnx.Dict(held), lambda copy: {name: copy[name] for name in held}
    trees = {name: tree_of(value) for name, value in held.items()}
    return trees, lambda tree: {name: with_tree(value, tree[name]) for name, value in held.items()}


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
    values = _values(inputs)
    return any(map(is_tree, values)) and not any(isinstance(value, Mapping) and not value for value in values)


def _values(inputs: Any) -> list[Any]:
    values = inputs.values() if isinstance(inputs, Mapping) else inputs if isinstance(inputs, (tuple, list)) else ()
    return list(values)


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
    bound = list(filter(_is_of_nnx, (*args, *kwargs.values())))
    alone = not any(map(_is_of_nnx, _values(inputs))) and (len(bound) < 2 or all(map(is_nnx, bound)))
    if not cached and (alone or not bound):
        return function, inputs
    given = {name: value for name, value in kwargs.items() if _is_of_nnx(value)}
    kept = {name: value for name, value in kwargs.items() if name not in given}
    by_name = isinstance(inputs, Mapping) and names_arguments(inputs, signature_of(called))
    first = args if by_name else (*args, inputs) if is_one_input(inputs) else (*args, *inputs)
    called = functools.partial(called, **kept) if kept else called
    if not by_name and not given:
        return called, first
    named = dict(zip(argument_names(called, len(first)), first, strict=True))
    return called, {**named, **given, **(inputs if by_name else {})}


def _cached(function: Any) -> tuple[Any, tuple[Any, ...], dict[str, Any]] | None:
    """Return what ``nnx.cached_partial`` calls, and with what, which only the variables around its wrapper tell."""
    if not isinstance(function, FunctionType) or function.__code__.co_name != "cache_args_wrapper":
        return None
    held = inspect.getclosurevars(function).nonlocals
    return held["f"], tuple(held["cached_args"]), {}


def _is_of_nnx(value: Any) -> bool:
    return is_kind_of(value, "Pytree", "flax.nnx")


def _of_modules(function: Any, inputs: Any) -> Binding | None:
    """Return the modules of NNX that a function reads around it, or has bound: copies can go in their place."""
    if unwrapped(function) is not function:
        return None
    held = {name: value for name, value in variables_of(function) if is_nnx(value)}
    others = [name for name, value in read_by(function) if name not in held and is_parameter(value)]
    if not held or others or with_others(function, {id(value): value for value in held.values()}) is None:
        return None  # there is something in whose place none can go
    tree, taken = _together(held)

    def call(tree: Any, *args: Any, **kwargs: Any) -> Any:
        copies = taken(tree)
        return with_others(function, {id(value): copies[name] for name, value in held.items()})(*args, **kwargs)

    return Binding(tree, call, function, inputs)


def _closed_over(function: Any, inputs: Any) -> Binding | None:
    """Return the arrays, and trees of arrays, in variables that a function reads and does not make."""
    held = dict(around_it(function))
    if not held:
        return None
    trees = {name: tree_of(value) for name, value in held.items()}
    alone = next(iter(trees.values())) if len(trees) == 1 else None
    tree = alone if alone is not None and is_tree(alone) else trees
    cannot = with_others(function, {id(value): value for value in held.values()}) is None
    if cannot or not (lacks_values(tree) or any(map(_may_change, held.values()))):
        return Binding(tree, lambda _, *args, **kwargs: function(*args, **kwargs), function, inputs, tuple(held))

    def call(copy: Any, *args: Any, **kwargs: Any) -> Any:
        copies = copy if tree is trees else dict.fromkeys(held, copy)
        others = {id(value): with_tree(value, copies[name]) for name, value in held.items()}
        return with_others(function, others)(*args, **kwargs)

    return Binding(tree, call, function, inputs)


def _may_change(value: Any) -> bool:
    """Tell whether a module is in a value that a call of it may change, which a trace must not see itself."""
    import jax

    return is_bound(value) or any(map(is_nnx, jax.tree.leaves(value, is_leaf=is_nnx)))


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
