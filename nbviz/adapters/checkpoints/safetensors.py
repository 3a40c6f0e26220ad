"""Reads ``.safetensors`` files: only their header, which is JSON after its length."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from nbviz.adapters.checkpoints.quantization import Quantization
from nbviz.adapters.checkpoints.tree import MAX_TENSORS, Checkpoint, Entry, reading_of, split
from nbviz.adapters.files.opening import MAX_HEADER, damaged, extents, opened, said_alone, size_of, unique, whole
from nbviz.adapters.files.values import Span
from nbviz.adapters.text import short
from nbviz.graph import Setting
from nbviz.reading import Reading

KIND = "safetensors"
_DTYPES = {
    "BOOL": ("bool", 8),
    "BF16": ("bfloat16", 16),
    "C64": ("complex64", 64),
    "F4": ("float4_e2m1fn", 4),
    "F6_E2M3": ("float6_e2m3fn", 6),
    "F6_E3M2": ("float6_e3m2fn", 6),
    "F8_E4M3": ("float8_e4m3fn", 8),
    "F8_E4M3FNUZ": ("float8_e4m3fnuz", 8),
    "F8_E5M2": ("float8_e5m2", 8),
    "F8_E5M2FNUZ": ("float8_e5m2fnuz", 8),
    "F8_E8M0": ("float8_e8m0fnu", 8),
    **{f"F{bits}": (f"float{bits}", bits) for bits in (16, 32, 64)},
    **{f"I{bits}": (f"int{bits}", bits) for bits in (8, 16, 32, 64)},
    **{f"U{bits}": (f"uint{bits}", bits) for bits in (8, 16, 32, 64)},
}
"""The name in a graph and the bits of each dtype."""


def read_file(path: Path) -> Reading:
    """Read a ``.safetensors`` file; the folder that it is in may say how its weights were quantized.

    Raises
    ------
    FileReadError
        If it is damaged, or no such file.
    """
    found, metadata = read_header(path)
    name = path.name[: -len(".safetensors")]
    checkpoint = Checkpoint(name, KIND, list(found.values()), {(): metadata}, said_alone(path))
    checkpoint.quantization = Quantization(path.parent, dict(metadata))
    return reading_of(path, KIND, checkpoint)


def read_header(path: Path) -> tuple[dict[str, Entry], list[tuple[str, Setting]]]:
    """Return the tensors of a file by name, and the metadata that was stored with them.

    Raises
    ------
    FileReadError
        If the file is damaged, or no such file.
    """
    with opened(path) as file:
        try:
            size = size_of(file)
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= min(MAX_HEADER, size - 8):
                raise ValueError(f"its header claims {length:,} bytes, but the file has {size:,}")  # noqa: TRY301
            return _entries(path, file.read(length), 8 + length, size)
        except (ValueError, RecursionError, OSError) as error:
            raise damaged(path, KIND, error) from error


def _entries(path: Path, text: bytes, start: int, end: int) -> tuple[dict[str, Entry], list[tuple[str, Setting]]]:
    """Return what a header says, after checking that the tensors fill the file from ``start`` to ``end``."""
    header = json.loads(text, object_pairs_hook=unique)
    if not isinstance(header, dict):
        raise ValueError("its header is not a JSON object")  # noqa: TRY004 - of the file, not of an argument
    metadata = header.pop("__metadata__", None)
    if len(header) > MAX_TENSORS:
        raise ValueError(f"it claims {len(header):,} tensors, more than nbviz accepts")
    found: dict[str, Entry] = {}
    places: list[tuple[int, int, str]] = []
    for name, about in header.items():
        found[name], first, last = _entry(path, name, about, start)
        places.append((first, last, name))
    reached = start
    for first, last, name in sorted(places):
        if first != reached:
            raise ValueError(f"{short(name, 100)!r} does not start where the previous tensor ends")
        reached = last
    if reached > end:
        raise ValueError(f"it ends early: its tensors need {reached:,} bytes, but the file has {end:,}")
    if reached < end:
        raise ValueError(f"{end - reached:,} bytes after the last tensor belong to no tensor")
    return found, list(metadata.items()) if isinstance(metadata, dict) else []


def _entry(path: Path, name: str, about: Any, start: int) -> tuple[Entry, int, int]:
    """Return a tensor from its part of the header, and where in the file it begins and ends."""
    if not isinstance(about, dict):
        raise ValueError(f"{short(name, 100)!r} is not a JSON object")  # noqa: TRY004
    dims = extents(about.get("shape"), name)
    offsets = about.get("data_offsets")
    if not isinstance(offsets, list) or len(offsets) != 2:
        raise ValueError(f"{short(name, 100)!r} has no data_offsets")
    first, last = (whole(at, lambda: f"an offset of {short(name, 100)!r}") for at in offsets)
    size, dtype = math.prod(dims), str(about.get("dtype"))
    known, bits = _DTYPES.get(dtype, (dtype.lower(), None))
    taken = (last - first) * 8
    if taken < 0 or (size > taken if bits is None else size * bits != taken):
        what = f"shape {dims} and dtype {short(dtype, 40)}"
        raise ValueError(f"{short(name, 100)!r} with {what} cannot have {last - first:,} bytes")
    values = Span(path, start + first, size, known)
    return Entry(split(name), dims, known, last - first, size, values=values), start + first, start + last
