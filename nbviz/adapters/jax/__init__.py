"""Reads JAX: Flax NNX, Flax Linen and Equinox modules, and functions, from an abstract trace in which nothing computes."""

from __future__ import annotations

import threading
from typing import Any

__all__ = ["JaxAdapter"]

_MODULES = ("flax.nnx.module", "flax.linen.module", "equinox.")
_FUNCTIONS = frozenset({"function", "method", "builtin_function_or_method", "partial", "PjitFunction", "JitWrapped"})
_HOMES = frozenset({"builtins", "functools", "jaxlib._jax", "jaxlib.xla_extension", "flax.nnx.transforms.compilation"})
_ONE_AT_A_TIME = threading.RLock()
"""Readings of several threads follow each other: two that put Flax's functions back could do so in the wrong order."""

_CUSTOM = frozenset({"custom_jvp", "custom_vjp"})


class JaxAdapter:
    """The adapter of JAX and of the libraries of modules on it; it reads functions too."""

    def reads(self, model_type: type) -> bool:
        """Tell whether ``model_type`` itself is the base of modules of Flax or Equinox, or a type of functions."""
        name, home = model_type.__name__, getattr(model_type, "__module__", "") or ""
        if issubclass(model_type, type):  # a class of modules is no module
            return False
        if name == "Module" and home.startswith(_MODULES):
            return True
        return (name in _FUNCTIONS and home in _HOMES) or (name in _CUSTOM and home.startswith("jax."))

    def read(self, model: Any, inputs: Any) -> Any:
        """Read a module or a function (see ``nbviz.adapters.jax.model.read_model``)."""
        from nbviz.adapters.jax.model import read_model

        with _ONE_AT_A_TIME:
            return read_model(model, inputs)
