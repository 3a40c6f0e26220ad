"""Which library a model belongs to."""

from __future__ import annotations

from typing import Any

from nbviz.adapters.jax.closures import unjitted
from nbviz.adapters.jax.linen_bound import are_variables, is_method_of_linen
from nbviz.adapters.jax.subject import Subject
from nbviz.errors import InputsError, MissingExtraError

_FUNCTION = (
    "nbviz reads a function by tracing it, so it needs inputs: nbviz.view({name}, inputs=(params, x)), with "
    "arrays, shapes or pairs of shape and dtype; the tree of parameters comes first."
)


def subject_of(model: Any, inputs: Any) -> tuple[Subject, Any]:
    """Return a model as what can be traced, and what of ``inputs`` it is to be called with.

    Raises
    ------
    InputsError
        If a function is given no inputs.
    MissingExtraError
        If JAX is not installed.
    """
    try:
        import jax  # noqa: F401
    except ImportError as error:
        msg = "Reading a function needs JAX, which is not installed: pip install 'nbviz[jax]'."
        raise MissingExtraError(msg) from error
    model = unjitted(model)  # else all of it would be inside one frame
    home = _library(model)
    if home == "flax.nnx":
        from nbviz.adapters.jax.nnx import NnxModel

        return NnxModel(model), inputs
    if home == "flax.linen":
        return _linen(model, inputs)
    if is_method_of_linen(model):
        return _linen(model.__self__, inputs, None if model.__name__ == "__call__" else model.__name__)
    from nbviz.adapters.jax.functions import equinox_model, function_model

    if home == "equinox":
        return equinox_model(model, inputs)
    if inputs is None:
        raise InputsError(_FUNCTION.format(name=getattr(model, "__name__", type(model).__name__)))
    return function_model(model, inputs)


def _library(model: Any) -> str:
    for cls in type(model).__mro__:
        if cls.__name__ == "Module" and cls.__module__.startswith(("flax.", "equinox.")):
            parts = cls.__module__.split(".")
            return ".".join(parts[:2]) if parts[0] == "flax" else parts[0]
    return ""


def _linen(model: Any, inputs: Any, method: str | None = None) -> tuple[Subject, Any]:
    from nbviz.adapters.jax.linen import LinenModel

    if are_variables(inputs):
        return LinenModel(model, inputs, method), None
    if isinstance(inputs, tuple) and inputs and are_variables(inputs[0]):
        return LinenModel(model, inputs[0], method), inputs[1:] or None
    return LinenModel(model, method=method), inputs
