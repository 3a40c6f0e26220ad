"""Describes Keras tensors, symbolic and real, as the graph needs them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nbviz.adapters.keras.text import plain
from nbviz.adapters.kinds import is_kind_of
from nbviz.graph import TensorSpec
from nbviz.records import Port
from nbviz.shape import Dim, Shape


def is_symbolic(value: Any) -> bool:
    """Tell whether a value is a ``KerasTensor``."""
    return type(value).__name__ == "KerasTensor" and type(value).__module__.startswith("keras.")


def is_variable(value: Any) -> bool:
    """Tell whether a value is a ``keras.Variable``."""
    return is_kind_of(value, "Variable", "keras")


def is_array(value: Any) -> bool:
    """Tell whether a value is a tensor or array that holds (or stands for) values."""
    if is_symbolic(value) or is_variable(value):
        return False
    module = type(value).__module__.partition(".")[0]
    return (
        module in ("numpy", "jax", "jaxlib", "torch", "tensorflow")
        and hasattr(value, "shape")
        and hasattr(value, "dtype")
    )


def dtype_name(value: Any) -> str | None:
    """Return the name of a tensor's dtype as Keras writes it."""
    dtype = getattr(value, "dtype", value)
    if dtype is None:
        return None
    return str(getattr(dtype, "name", dtype)).removeprefix("torch.").removeprefix("<dtype: '").removesuffix("'>")


def dims(value: Any) -> tuple[Dim, ...]:
    """Return a tensor's dimensions: whole numbers, and None for what is free."""
    return tuple(
        int(d) if isinstance(d, int) or (hasattr(d, "__index__") and not _is_symbol(d)) else None for d in value.shape
    )


def _is_symbol(dim: Any) -> bool:
    return dim is None or type(dim).__name__ in ("SymInt", "_DimExpr", "Dimension")


def spec(value: Any, name: str = "") -> TensorSpec:
    """Return what is known of a tensor."""
    return TensorSpec(Shape(dims(value)), dtype_name(value), plain(name))


def port(value: Any, name: str = "") -> Port:
    """Return a tensor together with what is known of it."""
    return (value, spec(value, name))


def symbolic(shape: tuple[Dim, ...], dtype: str | None, *, like: Any = None) -> Any:
    """Make a symbolic tensor; it is named so that Keras's name counters stay where they are."""
    from keras.src.backend.common.keras_tensor import KerasTensor

    sparse = bool(getattr(like, "sparse", False))
    return KerasTensor(shape, dtype=dtype or "float32", sparse=sparse, name="nbviz")


def fresh(tensor: Any) -> Any:
    """Make another symbolic tensor of the same shape, dtype and mask."""
    made = symbolic(tensor.shape, tensor.dtype, like=tensor)
    mask = getattr(tensor, "_keras_mask", None)
    if mask is not None:
        made._keras_mask = mask
    return made


def flatten(structure: Any) -> list[Any]:
    """Return the leaves of a nested structure, in Keras's order."""
    if is_symbolic(structure):
        return [structure]
    from keras.src import tree

    return list(tree.flatten(structure))


def map_tensors(function: Callable[[Any], Any], structure: Any) -> Any:
    """Apply a function to every leaf of a nested structure."""
    if is_symbolic(structure):
        return function(structure)
    from keras.src import tree

    return tree.map_structure(function, structure)


def symbolic_ports(*structures: Any) -> list[Port]:
    """Return the symbolic tensors among the leaves."""
    return [port(leaf) for structure in structures for leaf in flatten(structure) if is_symbolic(leaf)]
