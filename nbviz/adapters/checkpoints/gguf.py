"""Reads ``.gguf`` files: only their headers, never the tensors after them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nbviz.adapters.checkpoints.ggml import FILE_TYPES, KINDS
from nbviz.adapters.checkpoints.gguf_header import Header, Tensor, VersionError, read_header
from nbviz.adapters.checkpoints.tree import Checkpoint, Entry, reading_of, split
from nbviz.adapters.files.opening import damaged, opened, parts_missing, size_of
from nbviz.adapters.files.values import Span
from nbviz.adapters.text import short
from nbviz.errors import FileReadError
from nbviz.graph import Setting
from nbviz.reading import Reading

KIND = "GGUF"


def read_file(path: Path) -> Reading:
    """Read a ``.gguf`` file.

    Raises
    ------
    FileReadError
        If it is damaged, no such file, or of a version that is not read.
    """
    return read_parts(path, [path])


def read_parts(path: Path, parts: Sequence[Path]) -> Reading:
    """Read the files into which a model was split; the first has the metadata.

    Raises
    ------
    FileReadError
        If one is damaged, or two have a tensor of the same name.
    """
    checkpoint = Checkpoint(path.stem if path.is_file() else path.absolute().name, KIND)
    seen: dict[tuple[str, ...], Path] = {}
    for part in parts:
        metadata, entries = _read(part)
        if not seen:
            _describe(checkpoint, metadata, len(parts))
        twice = next((entry for entry in entries if entry.path in seen and seen[entry.path] != part), None)
        if twice is not None:
            what = f"{short('.'.join(twice.path), 100)!r} is also in {seen[twice.path].name!r}"
            raise damaged(part, KIND, what)
        seen.update((entry.path, part) for entry in entries)
        checkpoint.entries += entries
    unknown = {entry.dtype for entry in checkpoint.entries if entry.bytes is None}
    if unknown:
        checkpoint.notes.append(
            f"This version of nbviz does not know how many bytes {', '.join(sorted(unknown))} tensors take."
        )
    return reading_of(path, KIND, checkpoint)


def _read(path: Path) -> tuple[dict[str, Any], list[Entry]]:
    with opened(path) as file:
        try:
            header = read_header(file)
            return header.metadata | {"GGUF version": header.version}, _entries(path, header, size_of(file))
        except VersionError as error:
            raise FileReadError(f"{str(path)!r} is a GGUF file of {error}.") from error
        except (ValueError, OSError) as error:
            raise damaged(path, KIND, error) from error


def _describe(checkpoint: Checkpoint, metadata: dict[str, Any], parts: int) -> None:
    """Let a checkpoint have the name and class that the metadata tell, and the rest of them as settings."""
    name, architecture = metadata.get("general.name"), metadata.get("general.architecture")
    checkpoint.name = name if isinstance(name, str) and name else checkpoint.name
    checkpoint.type = architecture if isinstance(architecture, str) and architecture else checkpoint.type
    settings: list[tuple[str, Setting]] = list(metadata.items())
    file_type = FILE_TYPES.get(metadata.get("general.file_type", -1))
    if file_type is not None:
        settings.insert(0, ("quantization", file_type))
    checkpoint.settings[()] = settings
    count = metadata.get("split.count", 1)
    checkpoint.notes += parts_missing(parts, count) if isinstance(count, int) else []


def _entries(path: Path, header: Header, size: int) -> list[Entry]:
    """Return the tensors, after checking that each lies in the file, and none in another."""
    alignment = header.metadata.get("general.alignment", 32)
    if not isinstance(alignment, int) or alignment <= 0 or alignment & (alignment - 1):
        raise ValueError(f"its alignment is {short(alignment, 40)}, which is not a power of two")
    start = -(-header.end // alignment) * alignment
    found = [_entry(path, tensor, start, header) for tensor in header.tensors]
    reached = 0
    for tensor, entry in sorted(zip(header.tensors, found, strict=True), key=lambda pair: pair[0].offset):
        if tensor.offset % alignment or tensor.offset < reached:
            raise ValueError(
                f"{short(tensor.name, 100)!r} begins at byte {tensor.offset:,}, which is inside another tensor or "
                "not aligned"
            )
        reached = tensor.offset + (entry.bytes or 0)
        if start + reached > size:
            raise ValueError(
                f"it ends early: {short(tensor.name, 100)!r} ends at byte {start + reached:,}, but the file has "
                f"{size:,} bytes"
            )
    return found


def _entry(path: Path, tensor: Tensor, start: int, header: Header) -> Entry:
    size = math.prod(tensor.shape)
    kind = KINDS.get(tensor.kind)
    if kind is None:
        why = f"this version of nbviz does not know its type number {tensor.kind}"
        return Entry(split(tensor.name), tensor.shape, f"ggml type {tensor.kind}", None, size, values=why)
    if (tensor.shape[-1] if tensor.shape else 1) % kind.block:
        raise ValueError(
            f"{short(tensor.name, 100)!r} of shape {tensor.shape} does not fill whole blocks of {kind.block} values"
        )
    taken = size // kind.block * kind.bytes
    if kind.block > 1:
        return Entry(split(tensor.name), tensor.shape, kind.name, taken, size, values=f"they are packed as {kind.name}")
    values = Span(path, start + tensor.offset, size, kind.name, header.big)
    return Entry(split(tensor.name), tensor.shape, kind.name, taken, size, values=values)
