"""Calls of modules of Flax Linen while they run, and what is known of each module.

``flax.linen.intercept_methods`` says which module runs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from nbviz.adapters.jax.subject import Path, is_of_library
from nbviz.adapters.simple import simple
from nbviz.graph import Setting

Settings = tuple[tuple[str, Setting], ...]


@contextmanager
def intercepted(through: Callable[..., Any]) -> Iterator[None]:
    """Let calls of modules go through a function; the names that Linen gives scopes are left out."""
    from flax import linen

    def interceptor(function: Any, args: Any, kwargs: Any, context: Any) -> Any:
        if context.module.scope is None or not _runs(context.module, context.method_name):
            return function(*args, **kwargs)  # what is bound to no other has no place in a model
        return through(context.module, function, args, kwargs)

    with linen.override_named_call(enable=False), _told_apart(), linen.intercept_methods(interceptor):
        yield


def _runs(module: Any, method: str) -> bool:
    """Tell whether a method is a call of its module: ``__call__``, or a public one that is not the library's own."""
    if method.startswith("_") or method == "setup":
        return method == "__call__"
    definer = next((cls for cls in type(module).__mro__ if method in vars(cls)), None)
    return definer is not None and not is_of_library(definer)


@contextmanager
def _told_apart() -> Iterator[None]:
    """Let ``nn.jit`` trace modules that are alike each for itself: their names are nothing to it, so that only one would run."""
    from flax.linen import transforms

    original = transforms._module_fingerprint

    def with_path(module: Any) -> Any:
        return None if module.scope is None else module.path, original(module)

    transforms._module_fingerprint = with_path
    try:
        yield
    finally:
        transforms._module_fingerprint = original


def flat(tree: Any, is_leaf: Any) -> list[tuple[Path, Any]]:
    """Return the leaves of nested dicts with their paths."""
    import jax

    found = jax.tree_util.tree_flatten_with_path(tree, is_leaf=is_leaf)[0]
    return [
        (tuple(str(getattr(part, "key", getattr(part, "idx", part))) for part in path), leaf) for path, leaf in found
    ]


def described(module: Any) -> tuple[type, Settings]:
    """Return the class of a module and the values of its fields; the module itself holds what is traced."""
    fields = (field.name for field in dataclasses.fields(module) if field.name not in {"parent", "name"})
    values = ((name, getattr(module, name, None)) for name in fields)
    return type(module), tuple((name, simple(value)) for name, value in values if value is not None)
