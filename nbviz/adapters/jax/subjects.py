"""Which library a model belongs to."""

from __future__ import annotations

from typing import Any

from nbviz.adapters.jax.subject import Subject
from nbviz.errors import InputsError, MissingExtraError

_FUNCTION = (
    "A function is read by tracing it, so say what goes in: nbviz.view({name}, inputs=(params, x)), with arrays, shapes or pairs "
    "of shape and dtype; the tree of parameters comes first."
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
        msg = "A function is read with JAX, which is not installed: pip install 'nbviz[jax]'."
        raise MissingExtraError(msg) from error
    home = _library(model)
    if home == "flax.nnx":
        from nbviz.adapters.jax.nnx import NnxModel

        return NnxModel(model), inputs
    if home == "flax.linen":
        return _linen(model, inputs)
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


def _linen(model: Any, inputs: Any) -> tuple[Subject, Any]:
    from nbviz.adapters.jax.linen import LinenModel, takes_variables

    if takes_variables(inputs):
        return LinenModel(model, inputs), None
    if isinstance(inputs, tuple) and inputs and takes_variables(inputs[0]):
        return LinenModel(model, inputs[0]), inputs[1:] or None
    return LinenModel(model), inputs
