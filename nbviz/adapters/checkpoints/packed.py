"""Tells how many values packed weights stand for, where the tensors beside them leave no doubt.

Safetensors files have no types for what quantization libraries pack: four bits lie in pairs in bytes, or eight to a whole
number. Each library keeps scales beside a packed weight, under names of its own, whose shapes tell the rest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
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

    The shapes of MLX always do, those of HQQ and of compressed-tensors where the values of the tensor that holds them cannot be read.
    """
    mlx = _around("weight", "uint32", entries)
    mlx = mlx and mlx & _around("scales", None, entries) & _around("biases", None, entries)
    whole = _around("weight_packed", "int32", [entry for entry in entries if entry.trainable is None])
    whole = whole and whole & _around("weight_shape", None, entries)
    return len(mlx) + len(whole) + _half_quadratic_as_stored(entries)


def _half_quadratic_as_stored(entries: Sequence[Entry]) -> int:
    """Return how many of HQQ's weights leave it open: scales and zeros are beside ``W_q``, or in ``meta``."""
    found = {entry.path[:-1] for entry in entries if entry.path[-1] == "W_q" and entry.trainable is None}
    if not found:
        return 0
    both = _around("scale", None, entries) & _around("zero", None, entries)
    return sum(row in both or (*row, "meta") in both for row in found)


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


def _floats_of_four_bits(entry: Entry, tensors: Tensors) -> int | None:
    """Return the values of a weight whose rows have one scale for 16 or 32 values: two in each byte.

    compressed-tensors says ``weight_packed`` and ``weight_scale``. ModelOpt leaves the name as it is, and then it is the scales of
    eight bits, which no other format has, that tell: NVFP4 has one for 16 values, MXFP4 for 32.
    """
    name = entry.path[-1]
    scale = _beside(entry, f"{name.removesuffix('_packed')}_scale", tensors)
    if scale is None or len(entry.shape) < 2 or scale.shape[:-1] != entry.shape[:-1]:
        return None
    values = 2 * entry.shape[-1]
    named = (16, 32) if name.endswith("_packed") else _VALUES_OF_A_SCALE.get(scale.dtype, ())
    return 2 * entry.size if any(values == each * scale.shape[-1] for each in named) else None


_VALUES_OF_A_SCALE = {"float8_e4m3fn": (16,), "float8_e8m0fnu": (32,), "uint8": (32,)}


def _compressed_whole(entry: Entry, tensors: Tensors) -> int | None:
    """Return the values of ``weight_packed`` with ``weight_shape``, which holds their shape: each row takes whole numbers."""
    told = _beside(entry, "weight_shape", tensors) if entry.path[-1] == "weight_packed" else None
    shape = _few_numbers(told) if told is not None and told.shape == (len(entry.shape),) else None
    if not shape or min(shape) <= 0 or tuple(shape[:-1]) != entry.shape[:-1]:
        return None
    fits = any(math.ceil(shape[-1] / (32 // bits)) == entry.shape[-1] for bits in range(1, 9))
    return math.prod(shape) if fits else None


def _half_quadratic(entry: Entry, tensors: Tensors) -> int | None:
    """Return the values of HQQ's ``W_q`` with ``shape``, which holds their shape: up to eight bits each."""
    told = _beside(entry, "shape", tensors) if entry.path[-1] == "W_q" else None
    shape = _few_numbers(told) if told is not None else None
    size = math.prod(shape) if shape and min(shape) > 0 else 0
    bits = 32 if entry.dtype == "int32" else 8
    return size if size and bits * entry.size in range(size, 9 * size) else None


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
    "uint8": (_bitsandbytes, _microscaled, _floats_of_four_bits, _half_quadratic),
    "int32": (_whole_numbers, _compressed_whole, _half_quadratic),
}
