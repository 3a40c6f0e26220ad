"""Modules of Flax Linen and their variables, which may be in them (``module.bind``), and the same with other variables."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from nbviz.adapters.kinds import is_kind_of

TRAINED = "params"
"""The collection of a module's variables that is trained."""


def is_linen(value: Any) -> bool:
    """Tell whether a value is a module of Flax Linen."""
    return is_kind_of(value, "Module", "flax.linen")


def are_variables(value: Any) -> bool:
    """Tell whether a value is the variables of a module: collections by name, parameters among them."""
    return isinstance(value, Mapping) and TRAINED in value and all(isinstance(v, Mapping) for v in value.values())


def is_bound(value: Any) -> bool:
    """Tell whether a value is a module of Flax Linen with variables in it."""
    return is_linen(value) and vars(value).get("scope") is not None


def is_method_of_linen(function: Any) -> bool:
    """Tell whether a function is a method that a module of Linen has beside those of all modules, such as ``apply``."""
    if not inspect.ismethod(function) or not is_linen(function.__self__):
        return False
    from flax import linen

    return not hasattr(linen.Module, function.__name__) or function.__name__ == "__call__"


def tree_of(value: Any) -> Any:
    """Return the variables of a module that has them in it, collections by name; another value as it is."""
    if not is_bound(value):
        return value
    from flax.core import unfreeze

    return unfreeze(value.variables)


def with_tree(value: Any, tree: Any) -> Any:
    """Return a value with another tree: a module may change its variables if the first one may, and draws the same random numbers."""
    if not is_bound(value):
        return tree
    scope = value.scope
    streams = {name: stream.as_jax_rng() for name, stream in scope.rngs.items()}
    return value.unbind()[0].bind(tree, rngs=streams, mutable=scope.mutable)
