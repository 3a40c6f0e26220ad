"""What is known of arrays, of their abstract values and of parameters."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from nbviz.adapters.text import plain, short
from nbviz.graph import ParameterKind, TensorSpec, itemsize
from nbviz.records import Stored
from nbviz.shape import Shape

_PLACED: ContextVar[bool] = ContextVar("placed", default=True)
"""Whether abstract arrays are spread over devices as those that they stand for."""


def is_array(value: Any) -> bool:
    """Tell whether a value is an array that JAX takes, one of NumPy's too, or only its shape and dtype.

    What has attributes of these names is not yet one: a tensor of PyTorch, a Python module, an object that answers to any name.
    """
    import jax
    import numpy as np

    kind = type(value)
    if issubclass(kind, (jax.Array, jax.core.Tracer, jax.ShapeDtypeStruct)):
        return True
    if issubclass(kind, (np.ndarray, np.generic)):
        return _is_taken(value.dtype)
    try:
        return hasattr(kind, "__jax_array__") and looks_like_array(value) and _is_taken(value.dtype)
    except TypeError:  # a dtype that NumPy and JAX do not know
        return False


def looks_like_array(value: Any) -> bool:
    """Tell whether a value has a shape and a dtype, which asks its own code."""
    if isinstance(value, type):
        return False
    try:
        len(value.shape)  # an object that answers to any name and any index has items without end, but no length
        return hasattr(value, "dtype")
    except Exception:  # noqa: BLE001 - an object's own code may raise anything
        return False


@functools.lru_cache(maxsize=256)
def _is_taken(dtype: Any) -> bool:
    """Tell whether JAX has arrays of a dtype: none of text or of objects."""
    import jax
    import numpy as np

    return is_key(dtype) or any(jax.dtypes.issubdtype(dtype, kind) for kind in (np.number, np.bool_))


def seen_as(array: Any) -> Any:
    """Return what JAX sees of an array: what holds one and says which, as a variable of Keras, is not seen itself."""
    try:
        return array.__jax_array__() if hasattr(type(array), "__jax_array__") else array
    except Exception:  # noqa: BLE001 - one that has no values yet, or whatever it raises
        return array


def abstract(value: Any) -> Any:
    """Return the shape and dtype of an array, in the precision that JAX gives it, and its sharding where that is part of its type."""
    import jax

    shape, dtype = tuple(value.shape), value.dtype
    if not isinstance(value, jax.ShapeDtypeStruct) and not is_key(dtype):
        dtype = jax.dtypes.canonicalize_dtype(dtype)
    return jax.ShapeDtypeStruct(shape, dtype, sharding=typed_sharding(value) if _PLACED.get() else None)


def typed_sharding(array: Any) -> Any:
    """Return the sharding of an array whose mesh has explicit axes, which a model's code may ask for; None for others."""
    import jax

    sharding = None if isinstance(array, jax.core.Tracer) else getattr(array, "sharding", None)
    axes = getattr(getattr(sharding, "mesh", None), "axis_types", None) or ()
    return (
        sharding if any(getattr(axis, "name", "") == "Explicit" for axis in axes) and not is_key(array.dtype) else None
    )


@contextmanager
def without_sharding() -> Iterator[None]:
    """Let abstract arrays have no sharding meanwhile."""
    before = _PLACED.set(False)
    try:
        yield
    finally:
        _PLACED.reset(before)


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
