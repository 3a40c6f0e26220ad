"""Tells how many values packed weights stand for, where the tensors beside them leave no doubt.

Safetensors files have no types for what quantization libraries pack: four bits lie in pairs in bytes, or eight to a whole
number. Each library keeps scales beside a packed weight, under names of its own, whose shapes tell the rest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbviz.adapters.checkpoints.tree import Entry

Tensors = Mapping[tuple[str, ...], "Entry"]

_FEW = 8
"""Numbers that are a shape, and are read at once."""


def with_logical_sizes(entries: list[Entry]) -> tuple[list[Entry], int]:
    """Return the entries, packed ones with the number of values that they stand for, and how many of those there are."""
    tensors = {entry.path: entry for entry in entries}
    found = [_logical(entry, tensors) for entry in entries]
    return found, sum(new is not old for new, old in zip(found, entries, strict=True))


def count_as_stored(entries: list[Entry]) -> int:
    """Return how many packed weights, of entries with their logical sizes, leave open how many bits a value takes.

    The shapes of MLX always do, those of compressed-tensors where the values of ``weight_shape`` cannot be read.
    """
    mlx = _around("weight", "uint32", entries)
    mlx = mlx and mlx & _around("scales", None, entries) & _around("biases", None, entries)
    whole = _around("weight_packed", "int32", [entry for entry in entries if entry.trainable is None])
    return len(mlx) + len(whole and whole & _around("weight_shape", None, entries))


def _around(name: str, dtype: str | None, entries: Iterable[Entry]) -> set[tuple[str, ...]]:
    """Return the rows that have a tensor of this name, of one dtype or of any."""
    return {entry.path[:-1] for entry in entries if entry.path[-1] == name and dtype in (None, entry.dtype)}


def _logical(entry: Entry, tensors: Tensors) -> Entry:
    rules = _RULES.get(entry.dtype, ())
    size = next((size for rule in rules if (size := rule(entry, tensors)) is not None), None)
    return entry if size is None else replace(entry, size=size, trainable=False)


def _beside(entry: Entry, name: str, tensors: Tensors) -> Entry | None:
    return tensors.get((*entry.path[:-1], name))


def _bitsandbytes(entry: Entry, tensors: Tensors) -> int | None:
    """Return the values of ``weight`` with ``weight.absmax`` and ``weight.quant_map``: two in each byte."""
    return 2 * entry.size if all((*entry.path, name) in tensors for name in ("absmax", "quant_map")) else None


def _microscaled(entry: Entry, tensors: Tensors) -> int | None:
    """Return the values of ``x_blocks`` with one scale in ``x_scales`` for each row of 16 bytes: two in each byte."""
    name = entry.path[-1]
    scales = _beside(entry, f"{name.removesuffix('_blocks')}_scales", tensors) if name.endswith("_blocks") else None
    return 2 * entry.size if scales is not None and entry.shape == (*scales.shape, 16) else None


def _compressed(entry: Entry, tensors: Tensors) -> int | None:
    """Return the values of ``weight_packed`` with ``weight_scale``, of which each row has one for 16 or 32 values."""
    scale = _beside(entry, "weight_scale", tensors) if entry.path[-1] == "weight_packed" else None
    if scale is None or len(entry.shape) != 2 or scale.shape[:1] != entry.shape[:1]:
        return None
    return 2 * entry.size if 2 * entry.size in {16 * scale.size, 32 * scale.size} else None


def _compressed_whole(entry: Entry, tensors: Tensors) -> int | None:
    """Return the values of ``weight_packed`` with ``weight_shape``, which holds their shape: each row takes whole numbers."""
    told = _beside(entry, "weight_shape", tensors) if entry.path[-1] == "weight_packed" else None
    shape = _few_numbers(told) if told is not None and told.shape == (len(entry.shape),) else None
    if not shape or min(shape) <= 0 or tuple(shape[:-1]) != entry.shape[:-1]:
        return None
    fits = any(math.ceil(shape[-1] / (32 // bits)) == entry.shape[-1] for bits in range(1, 9))
    return math.prod(shape) if fits else None


def _few_numbers(entry: Entry) -> list[int] | None:
    """Return the values of a tensor of few whole numbers, None where they cannot be read."""
    if isinstance(entry.values, str) or not entry.dtype.startswith(("int", "uint")) or entry.size > _FEW:
        return None
    try:
        return [int(number) for piece in entry.values.pieces() for number in piece]
    except (OSError, ValueError, EOFError, LookupError, RuntimeError):
        return None


def _whole_numbers(entry: Entry, tensors: Tensors) -> int | None:
    """Return the values of ``qweight`` with ``scales``, and ``g_idx`` where it is packed along its first axis.

    GPTQ packs along the inputs, and ``g_idx`` has one number for each; AWQ packs along the outputs, of which the last axis of
    ``scales`` has one for each.
    """
    scales, groups = _beside(entry, "scales", tensors), _beside(entry, "g_idx", tensors)
    if entry.path[-1] != "qweight" or scales is None or len(entry.shape) != 2 or len(scales.shape) != 2:
        return None
    (rows, columns), outputs = entry.shape, scales.shape[1]
    size = groups.size * outputs if columns == outputs and groups is not None else rows * outputs
    packs = 32 * entry.size
    return size if size and packs % size == 0 and packs // size in {2, 3, 4, 8} else None


_RULES: Mapping[str, tuple[Callable[[Entry, Tensors], int | None], ...]] = {
    "uint8": (_bitsandbytes, _microscaled, _compressed),
    "int32": (_whole_numbers, _compressed_whole),
}
