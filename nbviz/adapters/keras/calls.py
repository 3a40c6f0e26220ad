"""Details of traced Keras calls: which layers stay closed, and the names and arguments of operations."""

from __future__ import annotations

import sys
import traceback
from typing import Any

from nbviz.adapters.keras.compute import einsum_shape
from nbviz.adapters.keras.kinds import definer, fused_cell, is_builtin, is_kind, sublayers
from nbviz.adapters.keras.settings import simple
from nbviz.adapters.keras.tensors import flatten, is_array, is_symbolic, is_variable, map_tensors, symbolic
from nbviz.adapters.keras.text import plain, snake_case
from nbviz.adapters.keras.variables import own_variables
from nbviz.adapters.places import is_of_library, place
from nbviz.shape import Dim


def is_leaf(layer: Any) -> bool:
    """Tell whether a layer is one step of computation, with nothing inside that a user would look at."""
    if not is_builtin(definer(layer, "call")) or is_kind(layer, "Lambda"):
        return False
    details = fused_cell(layer) is not None or is_kind(layer, "BaseImagePreprocessingLayer")
    return details or not sublayers(layer)


def sharper(layer: Any, first: tuple[Dim, ...], outputs: Any) -> Any:
    """Fill in the sizes that ``EinsumDense`` lets free although its input has them."""
    if not is_kind(layer, "EinsumDense"):
        return outputs
    return map_tensors(lambda x: symbolic(einsum_shape(layer.equation, first, x.shape), x.dtype), outputs)


def unchanged(given: Any, made: Any) -> bool:
    """Tell whether an operation has given back what it got."""
    return is_symbolic(given) and is_symbolic(made) and given.shape == made.shape and given.dtype == made.dtype


def is_abstract(value: Any) -> bool:
    """Tell whether a tensor of the backend stands for values that do not exist."""
    name = type(value).__name__
    return bool(getattr(value, "is_meta", False)) or "Tracer" in name or name == "SymbolicTensor"


def as_symbolic(value: Any) -> Any:
    """Let a variable stand for its shape, so that no operation asks for its values."""
    return symbolic(tuple(value.shape), str(value.dtype)) if is_variable(value) else value


def all_variables(layer: Any) -> list[Any]:
    """Return the variables of a layer and of everything inside."""
    found = list(own_variables(layer))
    if fused_cell(layer) is None:
        for inner in sublayers(layer):
            found.extend(all_variables(inner))
    return found


def operation_name(operation: Any) -> str:
    """Return an operation's name as its function in ``keras.ops`` is called."""
    return snake_case(type(operation).__name__)


def operation_settings(operation: Any, args: Any, kwargs: Any) -> tuple[tuple[str, Any], ...]:
    """Return what an operation was given besides tensors."""
    found: dict[str, Any] = {
        key: value for key, value in vars(operation).items() if not key.startswith("_") and key != "name"
    }
    found.update(kwargs)
    others = [a for a in flatten(list(args)) if not (is_symbolic(a) or is_array(a) or is_variable(a))]
    if others:
        found["arguments"] = others
    kept = {}
    for key, value in found.items():
        leaves = [value] if callable(value) else flatten(value)
        if not any(is_symbolic(x) or is_array(x) or is_variable(x) for x in leaves):
            kept[plain(key)] = simple(value)
    return tuple(kept.items())


_READS = "nbviz.adapters.keras.model"
"""Calls everything that is recorded. What has called it is the session that views the model, and no code of the model."""

_LIBRARIES = frozenset({"keras", "nbviz", "torch", "jax", "jaxlib", "tensorflow", "optree", "numpy", "ml_dtypes"})


def caller() -> str:
    """Return ``file.py:line`` of the model's code that makes this call, ``""`` when there is none."""
    frame = sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module == _READS:
            return ""
        if not is_of_library(module, _LIBRARIES):
            break
        frame = frame.f_back  # type: ignore[assignment]
    if frame is None:
        return ""
    return place(frame.f_code.co_filename, frame.f_lineno)


def raised_at(error: BaseException) -> str:
    """Return ``file.py:line`` of the model's code in which an error came up or that called what failed, ``""`` when there is none."""
    steps = [
        place(frame.f_code.co_filename, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if not is_of_library(frame.f_globals.get("__name__"), _LIBRARIES)
    ]
    return steps[-1] if steps else ""
