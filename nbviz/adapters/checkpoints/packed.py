"""Tells how many values packed weights stand for, where the tensors beside them leave no doubt.

Safetensors files have no types for what quantization libraries pack: four bits lie in pairs in bytes, or eight to a whole
number. Each library keeps scales beside a packed weight, under names of its own, whose shapes tell the rest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, final

from nbviz.adapters.checkpoints.quantization import Quantization

if TYPE_CHECKING:
    from nbviz.adapters.checkpoints.tree import Entry

Tensors = Mapping[tuple[str, ...], "Entry"]

_FEW = 8
"""Numbers that are a shape, and are read at once."""


@final
class Counted(NamedTuple):
    """The tensors of a checkpoint, packed ones with the number of values that they stand for.

    Attributes
    ----------
    entries
        All of them.
    told
        How many are packed, and tell how many values they hold.
    untold
        How many are packed, and leave it open how many bits a value takes: they count as stored.
    """

    entries: list[Entry]
    told: int
    untold: int


def with_logical_sizes(entries: list[Entry], quantization: Quantization | None = None) -> Counted:
    """Return the tensors with the number of values that each stands for; what is said of their quantization may tell it too."""
    tensors = {entry.path: entry for entry in entries}
    found = [_logical(entry, tensors, quantization) for entry in entries]
    same = [entry for new, entry in zip(found, entries, strict=True) if new is entry]
    return Counted(found, len(entries) - len(same), sum(_is_open(entry, tensors) for entry in same))


_OPEN: Mapping[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "weight": (("uint32", ("scales",)), ("uint8", ("weight_scale",))),
    "weight_packed": (("int32", ("weight_shape",)), ("uint8", ("weight_scale",))),
    "W_q": (("", ("scale", "zero")), ("", ("meta/scale", "meta/zero"))),
    "qweight": (("int32", ("scales",)),),
    "q_weight": (("int32", ("q_scale",)),),
}
"""Packed weights by name and dtype, which is empty where it may be any, and what is beside them.

The shapes of affine weights of MLX do not tell the bits of a value, and those of HQQ and of compressed-tensors do not where the
values of the tensor that holds them cannot be read. Bytes with one scale are four values each in BitNet, and one where eight bits
of a float were stored as a byte.
"""


def _is_open(entry: Entry, tensors: Tensors) -> bool:
    """Tell whether an entry that none of the rules explains is packed all the same."""
    row = entry.path[:-1]
    return any(
        dtype in {"", entry.dtype} and all((*row, *name.split("/")) in tensors for name in beside)
        for dtype, beside in _OPEN.get(entry.path[-1], ())
    )


def _logical(entry: Entry, tensors: Tensors, quantization: Quantization | None) -> Entry:
    rules = _RULES.get(entry.dtype, ())
    size = next((size for rule in rules if (size := rule(entry, tensors)) is not None), None)
    if size is None and quantization is not None:
        size = _affine(entry, tensors, quantization)
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


def _quanto(entry: Entry, tensors: Tensors) -> int | None:
    """Return the values of quanto's ``weight._data._data`` with ``weight._scale``: two or four rows, each with a scale, in a row of bytes."""
    scales = tensors.get((*entry.path[:-2], "_scale")) if entry.path[-2:] == ("_data", "_data") else None
    if scales is None or not entry.shape or scales.shape != (scales.size, *(1 for _ in entry.shape[1:])):
        return None
    fits = entry.shape[0] in {math.ceil(scales.size / rows) for rows in (2, 4)}
    return scales.size * math.prod(entry.shape[1:]) if fits else None


def _keras(entry: Entry, tensors: Tensors) -> int | None:
    """Return the values of what Keras packs in four bits, two in each byte of a row: scales, zeros and groups come after it.

    A kernel has a group for each row, and a column of scales for each of its own; embeddings have a group for each column, and a
    row of scales for each of their own.
    """
    if entry.path[-1] != "0" or len(entry.shape) != 2:
        return None
    rows, width = entry.shape
    after = [_beside(entry, str(place), tensors) for place in range(1, 5)]  # where a bias may come first
    for scales, zeros, groups in zip(after, after[1:], after[2:], strict=False):
        if scales is None or zeros is None or groups is None or zeros.dtype != "int8":
            continue
        if zeros.shape == scales.shape and len(scales.shape) == 2 and len(groups.shape) == 1:
            kernel, table = (groups.size, scales.shape[1]), (scales.shape[0], groups.size)
            fitting = (columns for each, columns in (kernel, table) if each == rows and math.ceil(columns / 2) == width)
            return rows * columns if (columns := next(fitting, 0)) else None
    return None


def _few_numbers(entry: Entry) -> list[int] | None:
    """Return the values of a tensor of few whole numbers, None where they cannot be read."""
    if isinstance(entry.values, str) or not entry.dtype.startswith(("int", "uint")) or entry.size > _FEW:
        return None
    try:
        return [int(number) for piece in entry.values.pieces() for number in piece]
    except (OSError, ValueError, EOFError, LookupError, RuntimeError):
        return None


def _whole_numbers(entry: Entry, tensors: Tensors) -> int | None:
    """Return the values of ``qweight`` with ``scales``, whose last axis has one for each output.

    AWQ packs along the outputs. GPTQ packs along the inputs: ``g_idx`` has one number for each, and where there is none, as in
    AutoRound, ``qzeros`` tells the bits of a value, since it is packed alike along the outputs.
    """
    scales = _beside(entry, "scales", tensors)
    if entry.path[-1] != "qweight" or scales is None or len(entry.shape) != 2 or len(scales.shape) != 2:
        return None
    (rows, columns), outputs = entry.shape, scales.shape[1]
    if columns != outputs:
        return _fitting(entry, rows * outputs)
    groups, zeros = _beside(entry, "g_idx", tensors), _beside(entry, "qzeros", tensors)
    if groups is not None:
        return _fitting(entry, groups.size * outputs)
    if zeros is None or zeros.shape[:-1] != scales.shape[:-1]:
        return None
    bits, rest = divmod(32 * zeros.shape[1], outputs or 1)
    return None if rest or not bits else _fitting(entry, 32 * entry.size // bits)


def _fitting(entry: Entry, size: int) -> int | None:
    """Return a number of values if each takes as many bits of whole numbers as libraries pack."""
    packs = 32 * entry.size
    return size if size and packs % size == 0 and packs // size in {2, 3, 4, 8} else None


def _floats_of_mlx(entry: Entry, tensors: Tensors) -> int | None:
    """Return the values of MLX's ``weight`` with ``scales`` of eight bits: how much of a row has one scale tells the format."""
    scales = _beside(entry, "scales", tensors) if entry.path[-1] == "weight" else None
    if scales is None or scales.dtype != "uint8" or not entry.shape or scales.shape[:-1] != entry.shape[:-1]:
        return None
    bits, rest = divmod(32 * entry.shape[-1], scales.shape[-1] or 1)
    values = 0 if rest else _BITS_OF_A_SCALE.get(bits, 0)
    return values * scales.size or None


_BITS_OF_A_SCALE = {64: 16, 128: 32, 256: 32}
"""How many values the bits are that have one scale in MLX: NVFP4, MXFP4, MXFP8."""


def _affine(entry: Entry, tensors: Tensors, quantization: Quantization) -> int | None:
    """Return the values of MLX's ``weight`` with ``scales`` and ``biases``, in groups whose size is said, as the bits are."""
    if entry.path[-1] != "weight" or entry.dtype != "uint32" or not entry.shape:
        return None
    scales, biases = (_beside(entry, name, tensors) for name in ("scales", "biases"))
    if scales is None or biases is None or scales.shape != biases.shape or scales.shape[:-1] != entry.shape[:-1]:
        return None
    said = quantization.of(entry.path[:-1])
    if said is None or said.values * scales.shape[-1] * said.bits != 32 * entry.shape[-1]:
        return None
    return said.values * scales.size


def _of_mixed_widths(entry: Entry, tensors: Tensors) -> int | None:
    """Return the values of EXL2's ``q_weight``, where bits differ by rows: ``q_invperm`` has one number for each input."""
    inputs = _beside(entry, "q_invperm", tensors) if entry.path[-1] == "q_weight" else None
    size = inputs.size * entry.shape[1] if inputs is not None and len(entry.shape) == 2 else 0
    return size if size and 2 * size <= 32 * entry.size <= 8 * size else None


_RULES: Mapping[str, tuple[Callable[[Entry, Tensors], int | None], ...]] = {
    "uint8": (_bitsandbytes, _microscaled, _floats_of_four_bits, _half_quadratic, _quanto),
    "int8": (_keras,),
    "uint32": (_floats_of_mlx,),
    "int32": (_whole_numbers, _of_mixed_widths, _compressed_whole, _half_quadratic),
}
