"""The types of tensors in an ONNX model: shapes, dtypes, and names of open sizes."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any, final

from nbviz.adapters.text import decoded, label
from nbviz.graph import TensorSpec
from nbviz.shape import Dim, Shape

UNKNOWN = TensorSpec(None)
"""What is known of a tensor that a model says nothing about."""

FREE = "?"
"""Begins the symbols that stand for sizes without a name while shapes are inferred."""

BATCH = "?batch"
"""The symbol of a first axis without a name: it is the batch of every input."""

_INFERRED = re.compile(r"unk__\d+")
"""A name that shape inference makes up: for the reader, the size has none."""

_WORDS = {"float": "float32", "double": "float64"}

_LARGEST = 1 << 48
"""Elements of a tensor that a file can mean: more is damage, or done in malice, and no number to add up."""

_MOST_AXES = 64
"""Axes of a tensor that a file can mean: NumPy has no more."""


@functools.cache
def dtype_of(number: int) -> str | None:
    """Return the name of an element type by its number in ``TensorProto.DataType``; None for one that does not exist."""
    from onnx import TensorProto

    try:
        name = TensorProto.DataType.Name(number).lower()
    except ValueError:  # of a later version, or damaged
        return None
    if name == "undefined":
        return None
    return _WORDS.get(name) or re.sub(r"^float(\d)e", r"float\1_e", name)


def dims_of(sizes: Iterable[int]) -> tuple[Dim, ...]:
    """Return the sizes of a stored tensor; one that is negative is unknown, and all if no memory could hold it."""
    found = tuple(size if size >= 0 else None for size in sizes)
    return found if is_credible(found) else (None,)


def is_credible(dims: Collection[Dim]) -> bool:
    """Tell whether any memory could hold a tensor of these sizes."""
    return len(dims) <= _MOST_AXES and math.prod(dim for dim in dims if isinstance(dim, int) and dim) <= _LARGEST


def _dim(dim: Any) -> Dim:
    kind = dim.WhichOneof("value")
    if kind == "dim_value":
        return dim.dim_value if dim.dim_value >= 0 else None
    return decoded(dim.dim_param) or None if kind == "dim_param" else None


def shown(dims: Iterable[Dim]) -> Shape:
    """Return sizes as people see them: symbols that only the inference knows have no name."""
    return Shape(_shown(dim) if isinstance(dim, str) else dim for dim in dims)


def _shown(symbol: str) -> Dim:
    return None if symbol.startswith(FREE) or is_made_up(symbol) else label(symbol)


def is_made_up(symbol: str) -> bool:
    """Tell whether a name is one that shape inference, and what saves its results, makes up."""
    return _INFERRED.fullmatch(symbol) is not None


def is_nameless(dim: Dim) -> bool:
    """Tell whether a size is not known, and has no name that says more."""
    return dim is None or (isinstance(dim, str) and is_made_up(dim))


def is_sized(dims: Iterable[Dim] | None) -> bool:
    """Tell whether each size of a tensor is known or has a name."""
    return dims is not None and not any(map(is_nameless, dims))


Described = tuple[TensorSpec, tuple[Dim, ...] | None]
"""What is known of a tensor, and its sizes with every symbol, None when the rank is unknown."""

NOTHING: Described = (UNKNOWN, None)


def described(type_proto: Any) -> Described:
    """Return what a ``TypeProto`` says; a sequence, optional or map has a dtype that names it, and no shape."""
    kind = type_proto.WhichOneof("value")
    if kind not in ("tensor_type", "sparse_tensor_type"):
        return TensorSpec(None, _kind(type_proto)), None
    inner = getattr(type_proto, kind)
    dtype = dtype_of(inner.elem_type)
    if not inner.HasField("shape"):
        return TensorSpec(None, dtype), None
    dims = tuple(map(_dim, inner.shape.dim))
    if not is_credible(dims):
        return TensorSpec(None, dtype), None
    return TensorSpec(shown(dims), dtype), dims


def _kind(type_proto: Any, depth: int = 0) -> str | None:
    """Return the name of a type that is no tensor: ``sequence(float32)``."""
    kind = type_proto.WhichOneof("value")
    if kind is None or depth > 8:
        return None
    inner = getattr(type_proto, kind)
    if kind in ("tensor_type", "sparse_tensor_type"):
        return dtype_of(inner.elem_type)
    if kind == "map_type":
        return f"map({dtype_of(inner.key_type)}, {_kind(inner.value_type, depth + 1)})"
    word = kind.removesuffix("_type")
    return f"{word}({_kind(inner.elem_type, depth + 1)})" if hasattr(inner, "elem_type") else word


@final
class Types:
    """The types of one graph's tensors by name.

    Parameters
    ----------
    infos
        Its inputs, outputs and value infos; of several for one tensor, the last that has a type holds.
    seen
        Descriptions by the bytes of a type, shared between graphs: a large model has many tensors of one type.
    """

    def __init__(self, infos: Iterable[Any], seen: dict[bytes, Described]) -> None:
        self._types = {info.name: info.type for info in infos if info.HasField("type")}
        self._seen = seen

    @classmethod
    def of_graph(cls, graph: Any, seen: dict[bytes, Described] | None = None) -> Types:
        """Return the types of all tensors that a graph names; what its inputs say holds."""
        return cls([*graph.value_info, *graph.output, *graph.input], {} if seen is None else seen)

    def of(self, name: str) -> Described:
        """Return what is known of a tensor."""
        found = self._types.get(name)
        if found is None:
            return NOTHING
        key = found.SerializeToString()
        if key not in self._seen:
            self._seen[key] = described(found)
        return self._seen[key]


def described_tensor(tensor: Any) -> Described:
    """Return what is known of a stored tensor, dense or sparse."""
    dense = tensor.values if hasattr(tensor, "indices") else tensor
    dims = dims_of(tensor.dims)
    return TensorSpec(Shape(dims), dtype_of(dense.data_type)), dims


def named(spec: TensorSpec, name: str) -> TensorSpec:
    """Return what is known of a tensor with its name."""
    return replace(spec, name=label(name))


@functools.cache
def _numbers() -> dict[str | None, int]:
    from onnx import TensorProto

    return {dtype_of(number): number for number in TensorProto.DataType.values()}


def type_proto(dtype: str | None, dims: Iterable[Dim] | None) -> Any:
    """Return a tensor's type as ``TypeProto``, an empty one if it is not known to be a tensor."""
    from onnx import TypeProto

    found = TypeProto()
    number = _numbers().get(dtype)
    if dtype is None or number is None:
        return found
    found.tensor_type.elem_type = number
    if dims is not None:
        found.tensor_type.shape.SetInParent()
        for dim in dims:
            added = found.tensor_type.shape.dim.add()
            if isinstance(dim, int):
                added.dim_value = dim
            elif dim is not None:
                added.dim_param = dim
    return found
