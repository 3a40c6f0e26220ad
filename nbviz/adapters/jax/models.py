"""Which values are models for sure, and several modules of NNX as one, in which those that are shared stay shared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from nbviz.adapters.jax.arrays import is_array, is_floating
from nbviz.adapters.jax.closures import read_by, unwrapped
from nbviz.adapters.jax.leaves import leaves_of
from nbviz.adapters.jax.linen_bound import are_variables, is_bound, tree_of, with_tree
from nbviz.adapters.jax.nnx import is_nnx
from nbviz.adapters.jax.parameters import is_tree
from nbviz.adapters.jax.replaced import with_others
from nbviz.adapters.jax.trees import is_module, is_of_optax
from nbviz.adapters.kinds import is_kind_of

_BARE = (dict, list, tuple)


def holds_model(value: Any) -> bool:
    """Tell whether a tree is a model for sure, or has one in it; the state of an optimizer, which is made like one, has none."""
    return any(map(_is_model, leaves_of(value, lambda inner: _is_model(inner) or _is_beside(inner))))


def _is_model(value: Any) -> bool:
    """Tell whether a value is a model: in a module of Equinox that cannot be called may be anything, a batch too."""
    known = is_nnx(value) or _is_state(value) or is_bound(value) or are_variables(value)
    return known or (is_module(value) and callable(value))


def _is_beside(value: Any) -> bool:
    """Tell whether a value is what libraries keep beside a model: of an optimizer, of metrics, of random numbers."""
    return is_of_optax(value) or (_is_object(value) and not is_nnx(value))


def _is_object(value: Any) -> bool:
    """Tell whether a value is an object of NNX that its own code may change: a module, an optimizer."""
    return is_kind_of(value, "Pytree", "flax.nnx")


def holds_nnx(value: Any) -> bool:
    """Tell whether a value is an object of NNX, or the state of one, or a tree with some in it."""
    return _is_from_nnx(value) or (is_tree(value) and any(map(_is_from_nnx, leaves_of(value, _is_from_nnx))))


def _is_from_nnx(value: Any) -> bool:
    return _is_object(value) or _is_state(value)


def _is_state(value: Any) -> bool:
    return is_kind_of(value, "State", "flax.nnx")


def left_over(inputs: Mapping[str, Any]) -> tuple[str, ...]:
    """Return which inputs beside models may be weights too: trees of fractions, where there is another input than that."""
    inside = {name: _inside(value) for name, value in inputs.items()}
    trees = [name for name, leaves in inside.items() if is_tree(inputs[name]) and any(map(_is_weight, leaves))]
    return tuple(trees) if sum(map(bool, inside.values())) > 1 else ()


def _inside(value: Any) -> list[Any]:
    """Return what of a value may be an input: arrays, and the sizes of shapes."""
    leaves = leaves_of(value, lambda inner: inner is None or _is_beside(inner))
    found = [leaf for leaf in leaves if not _is_beside(leaf)]
    return found if type(value) in _BARE else [leaf for leaf in found if is_array(leaf) and leaf.ndim]


def _is_weight(leaf: Any) -> bool:
    return is_array(leaf) and bool(leaf.ndim) and is_floating(leaf.dtype)


def are_modules(value: Any) -> bool:
    """Tell whether a value is a module of NNX, or bare containers of no others."""
    if is_nnx(value):
        return True
    items = list(value.values() if type(value) is dict else value) if type(value) in _BARE and is_tree(value) else []
    return bool(items) and all(map(are_modules, items))


def together(held: Mapping[Any, Any]) -> tuple[Any, Callable[[Any], dict[Any, Any]]]:
    """Return parameters as one tree, and what takes them out of another such tree, by name.

    What is in several modules of NNX is one thing, so that these are parts of one module.
    """
    (name, value), *others = held.items()
    if all(map(are_modules, held.values())):
        whole = held if others else value
        return _as_module(whole), lambda copy: _as_given(held, copy if others else {str(name): copy})
    if not others and is_tree(alone := tree_of(value)):
        return alone, lambda tree: {name: with_tree(value, tree)}
    trees = {name: tree_of(value) for name, value in held.items()}
    return trees, lambda tree: {name: with_tree(value, tree[name]) for name, value in held.items()}


def _as_module(value: Any) -> Any:
    if is_nnx(value):
        return value
    from flax import nnx

    if isinstance(value, Mapping):
        return nnx.Dict({str(key): _as_module(item) for key, item in value.items()})
    return nnx.List(map(_as_module, value))


def _as_given(value: Any, copy: Any) -> Any:
    """Return containers like those of a value with the modules of a copy of it."""
    if is_nnx(value):
        return copy
    if isinstance(value, Mapping):
        return {key: _as_given(item, copy[str(key)]) for key, item in value.items()}
    return type(value)(_as_given(item, other) for item, other in zip(value, copy, strict=True))


def with_copies(
    function: Any, held: Mapping[Any, Any], copies: Mapping[Any, Any], given: AbstractSet[str] = frozenset()
) -> Any:
    """Return a function with copies in the place of what it reads, by name, and of all other objects of NNX that it reads.

    A trace may not change the objects themselves. What is inside of several is one copy.
    """
    found = {id(value): value for _, value in read_by(unwrapped(function), given=given) if holds_nnx(value)}
    inside: dict[int, Any] = {}
    for name, value in held.items():
        inside |= _copies_within(value, copies[name])
    others = {key: value for key, value in found.items() if key not in inside}
    clones = dict(zip(others, _cloned(list(others.values())), strict=True))
    return with_others(function, {**clones, **inside}) or function


def _cloned(values: list[Any]) -> list[Any]:
    if not values:
        return []
    from flax import nnx

    return list(nnx.clone(values))


def _copies_within(value: Any, copy: Any) -> dict[int, Any]:
    """Return a copy, and those of the objects of NNX inside it, by the identities of what they are copies of."""
    if not holds_nnx(value):
        return {id(value): copy}
    from flax import nnx

    inside = dict(nnx.iter_graph(copy))
    found = {id(node): inside[path] for path, node in nnx.iter_graph(value) if _is_object(node) and path in inside}
    return {**found, id(value): copy}
