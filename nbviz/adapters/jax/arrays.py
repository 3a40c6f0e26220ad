"""What is known of arrays, of their abstract values and of parameters."""

from __future__ import annotations

import math
from typing import Any

from nbviz.adapters.text import plain, short
from nbviz.graph import ParameterKind, TensorSpec, itemsize
from nbviz.records import Stored
from nbviz.shape import Shape


def is_array(value: Any) -> bool:
    """Tell whether a leaf is an array, one of NumPy's, or only its shape and dtype."""
    return hasattr(value, "shape") and hasattr(value, "dtype") and not isinstance(value, type)


def abstract(value: Any) -> Any:
    """Return the shape and dtype of an array, in the precision that JAX gives it."""
    import jax

    shape, dtype = tuple(value.shape), value.dtype
    if isinstance(value, jax.ShapeDtypeStruct) or is_key(dtype):
        return jax.ShapeDtypeStruct(shape, dtype)
    return jax.ShapeDtypeStruct(shape, jax.dtypes.canonicalize_dtype(dtype))


def is_key(dtype: Any) -> bool:
    """Tell whether a dtype is that of random keys."""
    import jax

    return bool(jax.dtypes.issubdtype(dtype, jax.dtypes.prng_key))


def is_floating(dtype: Any) -> bool:
    """Tell whether numbers of this dtype have a gradient."""
    import jax

    return bool(jax.dtypes.issubdtype(dtype, jax.numpy.inexact))


def spec(aval: Any, name: str = "") -> TensorSpec:
    """Return what is known of an abstract value."""
    shape = getattr(aval, "shape", None)
    dtype = getattr(aval, "dtype", None)
    if shape is None:
        return TensorSpec(None, None, plain(name))
    return TensorSpec(
        Shape(d if isinstance(d, int) else str(d) for d in shape), None if dtype is None else str(dtype), plain(name)
    )


def stored(name: str, array: Any, kind: ParameterKind, *, trainable: bool) -> Stored:
    """Return what is known of a parameter."""
    known = spec(array)
    size = math.prod(array.shape)
    width = itemsize(known.dtype)
    width = getattr(array.dtype, "itemsize", None) if width is None else width
    return Stored(
        name=plain(name),
        kind=kind,
        shape=known.shape or Shape(()),
        dtype=known.dtype or "",
        trainable=trainable and kind == "weight",
        bytes=None if width is None else math.ceil(size * width),
        size=size,
    )


def of_leaf(name: str, array: Any, *, trained: bool = True) -> Stored:
    """Return what is known of an array in a tree of parameters: all count but random keys; those with gradients train."""
    counts = trained and not is_key(array.dtype)
    return stored(name, array, "weight" if counts else "buffer", trainable=is_floating(array.dtype))


def placement(array: Any) -> str:
    """Return how an array is spread over devices, ``""`` where it is not."""
    sharding = getattr(array, "sharding", None)
    if sharding is None or len(getattr(sharding, "device_set", ())) < 2:
        return ""
    return short(getattr(sharding, "spec", sharding))
