"""Finds where the external values of a tensor are stored, and checks that the location is possible."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple, final

from nbviz.adapters.onnx.types import dims_of, dtype_of
from nbviz.adapters.text import label, short
from nbviz.graph import stored_bytes
from nbviz.shape import Shape


@final
class Place(NamedTuple):
    """Where values lie: in which file, which of its bytes; a number is None where text is none of bytes."""

    location: str
    offset: int | None
    length: int | None


def place_of(tensor: Any) -> Place:
    """Return where the values of a tensor are said to lie; without a length they are as many as the tensor has."""
    told = {entry.key: entry.value for entry in tensor.external_data}
    length = _number(told["length"]) if told.get("length") else bytes_of(tensor)
    return Place(told.get("location", ""), _number(told.get("offset") or "0"), length)


def bytes_of(tensor: Any) -> int | None:
    """Return the bytes that the values of a tensor take, None where that is not known."""
    size = Shape(dims_of(tensor.dims)).size()
    return None if size is None else stored_bytes(dtype_of(tensor.data_type), size)


def misplaced(tensor: Any) -> str:
    """Return why values cannot lie where they are said to, ``""`` where they can: no other file is looked at."""
    place, expected = place_of(tensor), bytes_of(tensor)
    told = {entry.key: label(short(entry.value, 80)) for entry in tensor.external_data}
    if is_outside(place.location):
        return f"{told.get('location', '')!r} is outside the model's folder"
    if place.offset is None:
        return f"the file gives the offset {told['offset']!r}"
    if place.length is None and "length" in told:
        return f"the file gives the length {told['length']!r}"
    if None not in (place.length, expected) and place.length != expected:
        return f"the file gives {place.length:,} bytes, but the tensor has {expected:,}"
    return ""


def is_outside(location: str) -> bool:
    """Tell whether a file is named that does not lie in the model's folder, or none."""
    path = Path(os.path.normpath(location))
    return path.is_absolute() or path.parts[:1] in ((), (os.pardir,)) or "\0" in location


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else None
