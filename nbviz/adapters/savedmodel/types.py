"""Reads dtypes, shapes and small values from TensorFlow's protocol buffers."""

from __future__ import annotations

import functools
import math
from typing import Any

from nbviz.adapters.text import decoded, short
from nbviz.graph import Setting, TensorSpec, itemsize
from nbviz.shape import Shape

_WORDS = {"float": "float32", "double": "float64", "half": "float16"}

_FILLED = 1 << 26
"""Elements that one value may stand for."""

_LARGEST = 1 << 48
"""Elements of a tensor that a file can mean."""

SHOWN = 16
"""Values of a list that a setting shows."""


@functools.cache
def dtype_of(number: int) -> str | None:
    """Return the name of a type by its number, None for one that is not known."""
    from tensorflow.core.framework.types_pb2 import DataType

    try:
        name = str(DataType.Name(number)).removeprefix("DT_").removesuffix("_REF").lower()
    except ValueError:
        return None
    return None if name == "invalid" else _WORDS.get(name, name)


def shape_of(proto: Any) -> Shape | None:
    """Return a shape, None if its rank is not known or no memory could hold it."""
    if proto.unknown_rank:
        return None
    dims = [dim.size if dim.size >= 0 else None for dim in proto.dim]
    return Shape(dims) if math.prod(dim for dim in dims if dim) <= _LARGEST else None


def spec_of(shape: Any, dtype: int) -> TensorSpec:
    """Return what is known of a tensor."""
    return TensorSpec(shape_of(shape), dtype_of(dtype))


def settings_of(attributes: Any) -> tuple[tuple[str, Setting], ...]:
    """Return the attributes of a node that say how it works, as plain values; types are those of its tensors."""
    found = ((name, _setting(attributes[name])) for name in sorted(attributes) if not name.startswith("_"))
    return tuple((short(name), value) for name, value in found if value is not None and short(name) not in _TECHNICAL)


_TECHNICAL = frozenset({"config", "config_proto", "container", "executor_type", "shared_name"})


def _setting(attribute: Any) -> Setting:
    kind = attribute.WhichOneof("value")
    if kind in {"i", "f", "b", "s"}:
        return _plain(getattr(attribute, kind))
    if kind == "shape":
        shape = shape_of(attribute.shape)
        return "unknown" if shape is None else str(shape)
    if kind == "list":
        values = next((v for v in (attribute.list.i, attribute.list.f, attribute.list.b, attribute.list.s) if v), ())
        first = tuple(map(_plain, values[:SHOWN]))
        return (first if len(values) <= SHOWN else (*first, f"… {len(values):,} values")) or None
    return None


def _plain(value: Any) -> Setting:
    if isinstance(value, bytes):
        return short(decoded(value))
    return float(f"{value:.7g}") if isinstance(value, float) else value


def constant(tensor: Any) -> Setting:
    """Return a stored tensor as a setting: its values if they are few, else what it is."""
    spec = spec_of(tensor.tensor_shape, tensor.dtype)
    size = None if spec.shape is None else spec.shape.size()
    if spec.dtype == "string" and size == 1 and tensor.string_val:
        return short(decoded(tensor.string_val[0]))
    if size is None or size > SHOWN or itemsize(spec.dtype) is None:
        return f"{spec.dtype} {spec.shape}"
    values = values_of(tensor)
    return f"{spec.dtype} {spec.shape}" if values is None else _nested(values.tolist())


def _nested(found: Any) -> Setting:
    if isinstance(found, list):
        return tuple(map(_nested, found))
    return found if isinstance(found, int) else float(f"{found:.7g}") if isinstance(found, float) else short(found)


def values_of(tensor: Any) -> Any:
    """Return the values of a stored tensor as an array, None if there are not as many as it says."""
    from tensorflow import make_ndarray

    shape = shape_of(tensor.tensor_shape)
    size = None if shape is None else shape.size()
    if size is None or size > max(_FILLED, tensor.ByteSize()):
        return None
    try:
        return make_ndarray(tensor)
    except Exception:  # noqa: BLE001 - it raises all kinds where a tensor is not as it says
        return None
