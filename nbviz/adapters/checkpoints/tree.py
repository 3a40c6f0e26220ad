"""Turns the tensors of a checkpoint into a model graph with layers from the tensor names, and without calls."""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

from nbviz.adapters.checkpoints.buffers import kinds_of
from nbviz.adapters.checkpoints.optimizers import apart
from nbviz.adapters.checkpoints.packed import with_logical_sizes
from nbviz.adapters.checkpoints.quantization import Quantization
from nbviz.adapters.files.opening import damaged
from nbviz.adapters.files.values import Values, Weights
from nbviz.adapters.text import plain, short
from nbviz.builder import GraphBuilder
from nbviz.errors import FileReadError, NbvizError
from nbviz.graph import Diagnostic, ModelGraph, ParameterKind, Setting
from nbviz.progress import Step, report
from nbviz.reading import Reading
from nbviz.records import Stored
from nbviz.shape import Shape

MAX_TENSORS = 500_000
"""The most tensors, and the most rows around them, that a checkpoint may have."""

_COUNTABLE = 1 << 63
_DEPTH = 32
_NAME = 400
_NO_NAME = "(no name)"
_SETTINGS = 200
_NO_GRAPH = (
    "A checkpoint has tensors but no graph; its rows come from the tensor names. It does not say which tensors "
    "are trained, so those that could be trained count as trainable."
)
_NO_MODEL = (
    "A checkpoint has tensors but no graph, and all tensors here are the state of an optimizer, which is no part of a "
    "model: its weights are elsewhere."
)


class TooLargeError(NbvizError, ValueError):
    """A checkpoint claims more than any real one has."""


@final
@dataclass(frozen=True, slots=True)
class Entry:
    """A tensor of a checkpoint.

    Attributes
    ----------
    path
        The rows around it, and its own name.
    shape, dtype
        As the file stores it; a quantized one has the shape of the values that it stands for.
    bytes
        Stored size, None when unknown.
    size
        The number of values that it stands for.
    key
        What is the same for tied tensors alone; by default each tensor is one of its own.
    trainable
        Whether it could be trained; by default floating-point numbers can.
    values
        Where its values are; a text says why they are not read.
    buffer
        Whether it is known to be one; others are told by their names.
    settings
        What else there is to say of it (``"sharding"``).
    """

    path: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str
    bytes: int | None
    size: int
    key: Hashable = None
    trainable: bool | None = None
    values: Values | str = "the format does not define how"
    buffer: bool = False
    settings: tuple[tuple[str, Setting], ...] = ()


@final
@dataclass(slots=True)
class Checkpoint:
    """What a checkpoint holds.

    Attributes
    ----------
    name
        Its title.
    framework
        Who writes such files (``"PyTorch"``, ``"GGUF"``).
    entries
        The tensors, in the order of the file.
    settings
        Metadata by the row that it belongs to; ``()`` is the root.
    notes
        What there is to say.
    missing
        What could not be read, and may hold tensors.
    type
        The class of the model, where the file names it.
    optimizers
        The tensors of optimizers, which are part of no total, by the optimizer's name, where they are not told by theirs.
    quantization
        What the folder around says of packed weights, where it was read too.
    """

    name: str
    framework: str
    entries: list[Entry] = field(default_factory=list)
    settings: dict[tuple[str, ...], list[tuple[str, Setting]]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    type: str = "Checkpoint"
    optimizers: dict[str, list[Entry]] = field(default_factory=dict)
    quantization: Quantization | None = None


def split(name: str) -> tuple[str, ...]:
    """Return the segments of a tensor's name: at ``/`` where it has one, else at ``.``.

    Tens of thousands of names have few different segments, each of which is kept once.
    """
    found = tuple(sys.intern(part) for part in name.split("/" if "/" in name else ".", _DEPTH) if part)
    return found or (_NO_NAME,)


def graph_of(checkpoint: Checkpoint) -> tuple[ModelGraph, list[Entry]]:
    """Return the model graph of a checkpoint, and the first entry of each of its parameters, in the order of their ids.

    Raises
    ------
    TooLargeError
        If its names make more rows than any real checkpoint has.
    """
    builder = GraphBuilder(_text(checkpoint.name), checkpoint.framework, batch_axis=False)
    builder.add_layer((), None, "", name="", type=_text(checkpoint.type))
    rows: set[tuple[str, ...]] = {()}
    entries: dict[Hashable, Entry] = {}
    weights, builder.optimizer = apart(checkpoint.entries, checkpoint.optimizers)
    tensors, told, untold = with_logical_sizes(weights, checkpoint.quantization)
    prefixes = {entry.path[0] for entry in tensors if len(entry.path) > 1}
    kinds = kinds_of(tensors, checkpoint.name, with_optimizer=builder.optimizer is not None)
    so_far = lambda: Step(  # noqa: E731
        f"Reading {builder.name}: {len(entries):,} of {len(tensors):,} tensors", len(entries) / len(tensors)
    )
    for entry, kind in zip(tensors, kinds, strict=True):
        report(so_far)
        *around, name = entry.path
        # a tensor that nothing is around is a row of its own: the root would show none of its names
        alone = not around and name not in prefixes
        layer = _row(builder, rows, tuple(around) or (name,), type="Tensor" if alone else "Tensors")
        key = id(entry) if entry.key is None else entry.key
        first = entries.setdefault(key, entry)
        builder.hold(
            layer, key, _stored(name, kind, entry.shape, entry.dtype, entry.trainable, entry.bytes, entry.size)
        )
        if entry.settings or entry.shape != first.shape:
            builder.layer(layer).settings += tuple(_about(entry, first))
    if max(sum(e.size for e in entries.values()), sum(e.bytes or 0 for e in entries.values())) >= _COUNTABLE:
        raise TooLargeError("its tensors claim more values than a 64-bit number can count")
    for row, settings in _settings(checkpoint, rows).items():
        builder.layer(row).settings += tuple((_text(name), _setting(value)) for name, value in settings[:_SETTINGS])
    builder.note(_NO_MODEL if builder.optimizer is not None and not tensors else _NO_GRAPH)
    if told:
        builder.note(
            f"Packed weights ({told:,}) are counted by the values that they stand for; their shapes are as stored."
        )
    if untold:
        builder.note(
            f"Packed weights ({untold:,}, with scales beside them) are counted as stored: the file does not say "
            "how many bits a value takes."
        )
    builder.diagnostics += [Diagnostic("warning", short(what, 1000)) for what in checkpoint.missing]
    for note in checkpoint.notes:
        builder.note(short(note, 1000))
    return builder.finish(), [entries[key] for key in builder.parameter_keys()]


def reading_of(path: Path, kind: str, checkpoint: Checkpoint) -> Reading:
    """Return the reading of a checkpoint that was found at ``path``.

    Raises
    ------
    FileReadError
        If the names of its tensors make more rows than those of any real checkpoint.
    """
    try:
        graph, entries = graph_of(checkpoint)
    except TooLargeError as error:
        raise damaged(path, kind, error) from error
    missing = next((FileReadError(f"In {str(path)!r}, {short(what, 1000)}") for what in checkpoint.missing), None)
    return Reading(graph, Weights(repr(str(path)), [entry.values for entry in entries]), missing)


def _row(
    builder: GraphBuilder, rows: set[tuple[str, ...]], path: tuple[str, ...], type: str = "Tensors"
) -> tuple[str, ...]:
    """Return the key of a row, which is made with those around it when it is new."""
    path = path[:_DEPTH]
    for depth in range(1, len(path) + 1):
        here = path[:depth]
        if here not in rows:
            if len(rows) >= MAX_TENSORS:
                raise TooLargeError(f"its tensor names make more than {MAX_TENSORS:,} rows")
            rows.add(here)
            own = _text(here[-1]).strip() or _NO_NAME
            around = builder.layer(here[:-1]).name
            builder.add_layer(here, here[:-1], own, name=f"{around}.{own}" if around else own, type=type)
    return path


def _settings(checkpoint: Checkpoint, rows: set[tuple[str, ...]]) -> dict[tuple[str, ...], list[tuple[str, Setting]]]:
    """Return the metadata by rows that exist: what is about none of them is about the nearest one around."""
    found: dict[tuple[str, ...], list[tuple[str, Setting]]] = {}
    for path, settings in checkpoint.settings.items():
        row = path[:_DEPTH]
        while row not in rows:
            row = row[:-1]
        prefix = "".join(f"{segment}." for segment in path[len(row) :])
        found.setdefault(row, []).extend((f"{prefix}{name}", value) for name, value in settings)
    return found


def _about(entry: Entry, first: Entry) -> Iterator[tuple[str, Setting]]:
    """Yield what a row says of a tensor that is the same as ``first``, which may be itself: one is shown, in the shape of the first."""
    name = _text(entry.path[-1])
    for what, value in entry.settings:
        yield f"{name} {what}", value
    if entry.shape != first.shape:
        yield name, f"same as {_text('.'.join(first.path))}, transposed to {Shape(entry.shape)}"


@functools.lru_cache(maxsize=1024)
def _stored(  # noqa: PLR0917 - as a key
    name: str,
    kind: ParameterKind,
    shape: tuple[int, ...],
    dtype: str,
    trainable: bool | None,  # noqa: FBT001
    in_bytes: int | None,
    size: int,
) -> Stored:
    """Return what is known of a tensor; layers that repeat hold the same again and again."""
    floats = dtype.startswith(("float", "bfloat", "complex"))
    return Stored(
        name=_text(name),
        kind=kind,
        shape=Shape(shape),
        dtype=_text(dtype),
        trainable=(floats if trainable is None else trainable) and kind == "weight",
        bytes=in_bytes,
        size=size,
    )


@functools.lru_cache(maxsize=1024)
def _text(text: str) -> str:
    """Return a name from a file as one short line of plain text."""
    return short(" ".join(plain(text[: 2 * _NAME]).split("\n")), _NAME)


def _setting(value: Any) -> Setting:
    """Return metadata as a value that a graph can hold."""
    if isinstance(value, int):  # bool is one
        return value if abs(value) < _COUNTABLE else f"{value:#x}"[:_NAME]
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if value is None:
        return None
    if isinstance(value, tuple | list):
        return tuple(_setting(item) for item in value[:16])
    return _text(str(value))
