"""The tensors of a TFLite model: their kind, quantization, and the location of their values in the file."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

from nbviz.adapters.dataflow.rows import FRACTIONS
from nbviz.adapters.files.values import Span, Values
from nbviz.adapters.text import label
from nbviz.adapters.tflite.flat import Flat, Table
from nbviz.adapters.tflite.naming import name_of
from nbviz.adapters.tflite.values import Packed
from nbviz.graph import ParameterKind, Setting, TensorSpec, itemsize
from nbviz.records import Stored
from nbviz.shape import Dim, Shape

if TYPE_CHECKING:
    from pathlib import Path

_LARGEST = 1 << 48
"""Elements of a tensor that a file can mean."""

_AXES = 64

SHOWN = 16
"""Values of a constant that a setting shows."""

_STATE = "it is a state tensor, whose values are computed while the model runs"


@final
@dataclass(frozen=True, slots=True)
class Place:
    """Where in a file the values of a tensor lie.

    Attributes
    ----------
    key
        Tells the place apart: tensors of one place are tied.
    offset
        Where they begin, None if they lie in another file, or are made while the model runs.
    bytes
        How many there are, None if that is not known.
    """

    key: tuple[str, int]
    offset: int | None
    bytes: int | None


def spec_of(tensor: Table) -> TensorSpec:
    """Return what is known of a tensor; sizes that are open are those of the shape's signature."""
    sizes = tensor.numbers("shape", _AXES)
    signature = tensor.numbers("shape_signature", _AXES)
    if len(signature) == len(sizes):
        sizes = signature
    dims: tuple[Dim, ...] = tuple(size if size >= 0 else None for size in sizes)
    ranked = bool(dims) or tensor.number("has_rank")
    credible = math.prod(dim for dim in dims if isinstance(dim, int) and dim) <= _LARGEST
    return TensorSpec(Shape(dims) if ranked and credible else None, dtype_of(tensor), label(tensor.text("name")))


def dtype_of(tensor: Table) -> str | None:
    """Return the name of a tensor's type, None for one of a later version."""
    name = tensor.name("type")
    return None if " " in name else name.lower()


def stored(tensor: Table, spec: TensorSpec, place: Place, kind: ParameterKind) -> Stored:
    """Return a tensor whose values are stored as the graph keeps it.

    Its size is that of the values it stands for, however few bytes hold them; of one that holds too little for that, and does
    not say that it is sparse, it is what it holds.
    """
    shape = Shape(dim if isinstance(dim, int) else 0 for dim in spec.shape or ())
    size, width = math.prod(number for number in shape if isinstance(number, int)), itemsize(spec.dtype)
    if is_short(tensor, spec, place) and place.bytes is not None and width:
        size = int(place.bytes / width)
    taken = place.bytes if place.offset is not None or width is None else math.ceil(size * width)
    trainable = kind == "weight" and (spec.dtype or "").startswith(FRACTIONS)
    return Stored(
        label(name_of([spec.name], ())) or "tensor", kind, shape, spec.dtype or "unknown", trainable, taken, size
    )


def is_short(tensor: Table, spec: TensorSpec, place: Place) -> bool:
    """Tell whether a tensor holds another number of bytes than its shape takes."""
    width = itemsize(spec.dtype)
    if width is None or place.bytes is None or place.offset is None or tensor.has("sparsity"):
        return False
    size = math.prod(dim if isinstance(dim, int) else 0 for dim in spec.shape or ())
    return math.ceil(size * width) != place.bytes


def values(path: Path, tensor: Table, spec: TensorSpec, place: Place) -> Values | str:
    """Return where the values of a tensor are read from, or why they are not."""
    width = itemsize(spec.dtype)
    if place.offset is None or place.bytes is None:
        return _STATE if tensor.number("is_variable") else "they are in another file"
    if tensor.has("sparsity"):
        return "they are sparse"
    if width is None or spec.dtype is None:
        return f"they are of type {spec.dtype}"
    if width < 1:
        size = math.prod(dim for dim in spec.shape or () if isinstance(dim, int))
        return Packed(path, place.offset, min(size, int(place.bytes / width)), int(width * 8), spec.dtype)
    return Span(path, place.offset, int(place.bytes / width), spec.dtype)


def constant(flat: Flat, tensor: Table, spec: TensorSpec, place: Place) -> Setting:
    """Return a constant as a setting: its values if they are few, else what it is."""
    import numpy as np

    width, told = itemsize(spec.dtype), f"{spec.dtype or 'unknown'} {spec.shape or ()}"
    if place.offset is None or not place.bytes or not width or width < 1 or is_short(tensor, spec, place):
        return told
    count = int(place.bytes / width)
    if count > SHOWN or not spec.dtype or spec.dtype not in np.sctypeDict:
        return told
    found = np.frombuffer(flat.data[place.offset : place.offset + place.bytes], np.dtype(spec.dtype).newbyteorder("<"))
    return _nested(found.reshape([dim if isinstance(dim, int) else 1 for dim in spec.shape or ()]).tolist())


def _nested(found: Any) -> Setting:
    if isinstance(found, list):
        return tuple(map(_nested, found))
    if isinstance(found, complex):
        return str(found)
    return float(f"{found:.7g}") if isinstance(found, float) else found


def quantization(tensor: Table) -> str:
    """Say how numbers of a tensor stand for others, ``""`` if they stand for themselves."""
    parameters = tensor.table("quantization")
    if parameters is None:
        return ""
    details = parameters.table("details")
    if details is not None:
        if details.kind not in {"BlockwiseQuantization", "MultiAxisQuantization"}:
            return details.kind
        size = details.number("block_size")
        return f"in blocks of {size}" if size else "in blocks"
    _, count = parameters.extent("scale")
    if not count:
        return ""
    zeros = parameters.numbers("zero_point", SHOWN)
    if count == 1:
        scale = parameters.numbers("scale", 1)[0]
        return f"scale {scale:.7g}, zero point {zeros[0] if zeros else 0}"
    axis, shift = parameters.number("quantized_dimension"), f", zero point {zeros[0]}" if len(set(zeros)) == 1 else ""
    return f"{count:,} scales along axis {axis}{shift}"


def is_quantized(tensor: Table) -> bool:
    """Tell whether numbers of a tensor stand for others."""
    return bool(quantization(tensor))


def sparsity(tensor: Table) -> str:
    """Say how the values of a sparse tensor are stored, ``""`` if it is dense."""
    found = tensor.table("sparsity")
    if found is None:
        return ""
    axes = [axis.name("format").removeprefix("SPARSE_").lower() for axis in found.tables("dim_metadata")[:SHOWN]]
    return f"sparse ({', '.join(axes)})"
