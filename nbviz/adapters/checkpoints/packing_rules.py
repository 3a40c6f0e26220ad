"""How each quantization library packs weights, and which tensors beside a weight tell how many values it represents."""

from __future__ import annotations

import math

from nbviz.adapters.checkpoints.packed_tensor import Rules, Tensor, few_numbers


def _bitsandbytes(packed: Tensor) -> int | None:
    """Return the values of ``weight`` with ``weight.absmax`` and ``weight.quant_map``: two in each byte."""
    told = all((*packed.entry.path, name) in packed.tensors for name in ("absmax", "quant_map"))
    return 2 * packed.size if told else None


def _microscaled(packed: Tensor) -> int | None:
    """Return the values of ``x_blocks`` with one scale in ``x_scales`` for each row of 16 bytes: two in each byte."""
    name = packed.name
    scales = packed.beside(f"{name.removesuffix('_blocks')}_scales") if name.endswith("_blocks") else None
    return 2 * packed.size if scales is not None and packed.shape == (*scales.shape, 16) else None


def _floats_of_four_bits(packed: Tensor) -> int | None:
    """Return the values of a weight whose rows have one scale for 16 or 32 values: two in each byte.

    compressed-tensors says ``weight_packed`` and ``weight_scale``, FP-Quant ``qweight`` and ``scales``. ModelOpt leaves the name as
    it is, and then it is the scales of eight bits, which no other format has, that tell: NVFP4 has one for 16 values, MXFP4 for 32.
    """
    name = packed.name
    scale = packed.beside("scales" if name == "qweight" else f"{name.removesuffix('_packed')}_scale")
    if scale is None or len(packed.shape) < 2 or scale.shape[:-1] != packed.shape[:-1]:
        return None
    values = 2 * packed.shape[-1]
    says_so = name == "qweight" or name.endswith("_packed")
    each = (16, 32) if says_so else _VALUES_OF_A_SCALE.get(scale.dtype, ())
    return 2 * packed.size if any(values == one * scale.shape[-1] for one in each) else None


_VALUES_OF_A_SCALE = {"float8_e4m3fn": (16,), "float8_e8m0fnu": (32,), "uint8": (32,)}


def _padded(packed: Tensor) -> int | None:
    """Return the values of Four Over Six's ``quantized_weight_values``, of which ``quantized_weight_metadata`` says the shape.

    It says that of the weight, and then that of what is stored, in which both sides may be longer, in pairs or each in a byte.
    """
    told = few_numbers(packed.beside("quantized_weight_metadata")) if packed.name == "quantized_weight_values" else []
    match told:
        case [rows, columns, all_rows, all_columns, *_] if 0 < rows <= all_rows and 0 < columns <= all_columns:
            return rows * columns if all_rows * all_columns in {packed.size, 2 * packed.size} else None
    return None


def _floats_of_six_bits(packed: Tensor) -> int | None:
    """Return the values of Quark's ``weight`` whose rows have one scale for 32 values in MXFP6: four in three bytes."""
    scale = packed.beside("weight_scale") if packed.name == "weight" else None
    if scale is None or scale.dtype != "uint8" or len(packed.shape) < 2 or scale.shape[:-1] != packed.shape[:-1]:
        return None
    return 32 * scale.size or None if packed.shape[-1] == 24 * scale.shape[-1] else None


def _in_groups_of_inputs(packed: Tensor) -> int | None:
    """Return the values of Quark's ``weight``, which has a row for each input if inputs are in groups: eight in each whole number.

    ``weight_scale`` has a row for each group, and a column for each output.
    """
    scale = packed.beside("weight_scale") if packed.name == "weight" else None
    if scale is None or not len(packed.shape) == len(scale.shape) == 2:
        return None
    (inputs, columns), (groups, outputs) = packed.shape, scale.shape
    fits = groups and inputs % groups == 0 and columns == math.ceil(outputs / 8)
    return inputs * outputs or None if fits else None


def _of_said_type(packed: Tensor) -> int | None:
    """Return the values of Quark's ``weight`` with ``weight_scale`` where the folder says their type, and it is of all weights."""
    scale = packed.beside("weight_scale") if packed.name == "weight" else None
    if scale is None or packed.quantization is None:
        return None
    held, bits = _TYPES_OF_QUARK.get(packed.quantization.weights or "", ("", 1))
    size, rest = divmod(packed.bits, bits)
    return size if held == packed.dtype and scale.size and size % scale.size == rest == 0 else None


_TYPES_OF_QUARK = {
    **dict.fromkeys(("int4", "uint4"), ("int32", 4)),
    **dict.fromkeys(("fp6_e2m3", "fp6_e3m2"), ("uint8", 6)),
    "fp4": ("uint8", 4),
    "int3": ("uint8", 3),
    "uint2": ("uint8", 2),
}
"""The dtype that Quark packs a type in, and the bits that a value takes."""


def _of_a_class(packed: Tensor) -> int | None:
    """Return the values of torchao's ``_x_qdata`` if the header says that ``x`` is of a class that packs four bits each.

    Whole numbers may be padded, and so their shape is said too. Floats lie in pairs in bytes.
    """
    name = packed.name
    if packed.quantization is None or not name.startswith("_") or not name.endswith("_qdata"):
        return None
    match packed.quantization.subclass((*packed.row, name[1 : -len("_qdata")])):
        case (str(kind), {"shape": [*shape]}) if kind.startswith("Int4") and len(shape) in {2, 3}:
            fits = all(type(extent) is int and extent > 0 for extent in shape) and math.prod(shape) <= packed.bits // 4
            return math.prod(shape) if fits else None
        case ("NVFP4Tensor", _) | ("MXTensor", {"elem_dtype": {"_data": "float4_e2m1fn_x2"}}) if (
            packed.dtype == "uint8"
        ):
            return 2 * packed.size
    return None


def _compressed_whole(packed: Tensor) -> int | None:
    """Return the values of ``weight_packed`` with ``weight_shape``, which holds their shape: each row takes whole numbers."""
    told = packed.beside("weight_shape") if packed.name == "weight_packed" else None
    shape = few_numbers(told)
    if len(shape) != len(packed.shape) or not shape or min(shape) <= 0 or tuple(shape[:-1]) != packed.shape[:-1]:
        return None
    fits = any(math.ceil(shape[-1] / (32 // bits)) == packed.shape[-1] for bits in range(1, 9))
    return math.prod(shape) if fits else None


def _half_quadratic(packed: Tensor) -> int | None:
    """Return the values of HQQ's ``W_q`` with ``shape``, which holds their shape: up to eight bits each.

    SINQ, which packs alike, says the shape in a file beside the index.
    """
    if packed.name != "W_q":
        return None
    shape = few_numbers(packed.beside("shape")) or (
        packed.quantization.shape(packed.row) if packed.quantization else []
    )
    size = math.prod(shape) if shape and min(shape) > 0 else 0
    bits = 32 if packed.dtype == "int32" else 8
    return size if size and bits * packed.size in range(size, 9 * size) else None


def _quanto(packed: Tensor) -> int | None:
    """Return the values of quanto's ``weight._data._data`` with ``weight._scale``: two or four rows, each with a scale, in a row of bytes."""
    path, shape = packed.entry.path, packed.shape
    scales = packed.tensors.get((*path[:-2], "_scale")) if path[-2:] == ("_data", "_data") else None
    if scales is None or not shape or scales.shape != (scales.size, *(1 for _ in shape[1:])):
        return None
    fits = shape[0] in {math.ceil(scales.size / rows) for rows in (2, 4)}
    return scales.size * math.prod(shape[1:]) if fits else None


def _keras(packed: Tensor) -> int | None:
    """Return the values of what Keras packs in four bits, two in each byte of a row: scales, zeros and groups come after it.

    A kernel has a group for each row, and a column of scales for each of its own; embeddings have a group for each column, and a
    row of scales for each of their own.
    """
    if packed.name != "0" or len(packed.shape) != 2:
        return None
    rows, width = packed.shape
    after = [packed.beside(str(place)) for place in range(1, 5)]  # where a bias may come first
    for scales, zeros, groups in zip(after, after[1:], after[2:], strict=False):
        if scales is None or zeros is None or groups is None or zeros.dtype != "int8":
            continue
        if zeros.shape == scales.shape and len(scales.shape) == 2 and len(groups.shape) == 1:
            kernel, table = (groups.size, scales.shape[1]), (scales.shape[0], groups.size)
            fitting = (columns for each, columns in (kernel, table) if each == rows and math.ceil(columns / 2) == width)
            return rows * columns if (columns := next(fitting, 0)) else None
    return None


def _whole_numbers(packed: Tensor) -> int | None:
    """Return the values of ``qweight`` with ``scales``, whose last axis has one for each output.

    AWQ packs along the outputs. GPTQ packs along the inputs: ``g_idx`` has one number for each, and where there is none, as in
    AutoRound, ``qzeros`` tells the bits of a value, since it is packed alike along the outputs.
    """
    scales = packed.beside("scales")
    if packed.name != "qweight" or scales is None or len(packed.shape) != 2 or len(scales.shape) != 2:
        return None
    (rows, columns), outputs = packed.shape, scales.shape[1]
    if columns != outputs:
        return _fitting(packed, rows * outputs)
    groups, zeros = packed.beside("g_idx"), packed.beside("qzeros")
    if groups is not None:
        return _fitting(packed, groups.size * outputs)
    if zeros is None or zeros.shape[:-1] != scales.shape[:-1]:
        return None
    bits, rest = divmod(32 * zeros.shape[1], outputs or 1)
    return None if rest or not bits else _fitting(packed, 32 * packed.size // bits)


def _by_outputs(packed: Tensor) -> int | None:
    """Return the values of AWQ's ``qweight`` for GEMV, which has a row for each output: eight in each whole number.

    ``qzeros`` is packed alike, so that ``scales`` has eight columns for each of its own; both end in empty ones.
    """
    scales, zeros = packed.beside("scales"), packed.beside("qzeros")
    if packed.name != "qweight" or scales is None or zeros is None or not len(packed.shape) == len(zeros.shape) == 2:
        return None
    alike = packed.shape[0] == zeros.shape[0] and scales.shape == (zeros.shape[0], 8 * zeros.shape[1])
    return 8 * packed.size if alike and zeros.dtype == "int32" else None


def _interleaved(packed: Tensor) -> int | None:
    """Return the values of AWQ's ``qweight`` for fast GEMV, of which each row is four outputs: four in 16 bits.

    ``scales`` has a column for each output, and eight rows for each whole number of zeros that other kernels would take. The zeros,
    which are multiplied with the scales, are called ``qzeros`` by AutoAWQ and ``scaled_zeros`` by LLM-AWQ.
    """
    scales, zeros = packed.beside("scales"), packed.beside("qzeros") or packed.beside("scaled_zeros")
    if packed.name != "qweight" or scales is None or zeros is None or not len(packed.shape) == len(scales.shape) == 2:
        return None
    (groups, outputs), rows = scales.shape, packed.shape[0]
    return 4 * packed.size if zeros.shape == scales.shape and outputs == 4 * rows and groups % 8 == 0 else None


def _fitting(packed: Tensor, size: int) -> int | None:
    """Return a number of values if each takes as many bits of whole numbers as libraries pack."""
    packs = 32 * packed.size
    return size if size and packs % size == 0 and packs // size in {2, 3, 4, 8} else None


def _floats_of_mlx(packed: Tensor) -> int | None:
    """Return the values of MLX's ``weight`` with ``scales`` of eight bits: how much of a row has one scale tells the format."""
    scales = packed.beside("scales") if packed.name == "weight" else None
    if scales is None or scales.dtype != "uint8" or not packed.shape or not scales.shape:
        return None
    if scales.shape[:-1] != packed.shape[:-1]:
        return None
    bits, rest = divmod(32 * packed.shape[-1], scales.shape[-1] or 1)
    values = 0 if rest else _BITS_OF_A_SCALE.get(bits, 0)
    return values * scales.size or None


_BITS_OF_A_SCALE = {64: 16, 128: 32, 256: 32}
"""How many values the bits are that have one scale in MLX: NVFP4, MXFP4, MXFP8."""


def _affine(packed: Tensor) -> int | None:
    """Return the values of MLX's ``weight`` with ``scales`` and ``biases``, in groups whose size is said, as the bits are.

    Transformers, which packs alike for Metal, says ``qbiases``.
    """
    scales, biases = packed.beside("scales"), packed.beside("biases") or packed.beside("qbiases")
    if packed.name != "weight" or scales is None or biases is None or not packed.shape or not scales.shape:
        return None
    said = packed.quantization.of(packed.row) if packed.quantization is not None else None
    if (
        said is None
        or said.group is None
        or not scales.shape == biases.shape == (*packed.shape[:-1], *scales.shape[-1:])
    ):
        return None
    return said.group * scales.size if said.group * scales.shape[-1] * said.bits == 32 * packed.shape[-1] else None


def _said(packed: Tensor) -> int | None:
    """Return the values of bytes with a scale for all of them, or one for each row, where the folder says how many bits one takes.

    BitNet and Gemma say ``weight`` and ``weight_scale``, Gemma's embeddings ``embedding_quantized`` and ``embedding_scale``.
    """
    beside = {"weight": "weight_scale", "embedding_quantized": "embedding_scale"}.get(packed.name)
    scale = packed.beside(beside) if beside else None
    if scale is None or packed.quantization is None or scale.size not in {1, *packed.shape[:1]}:
        return None
    said = packed.quantization.of(packed.row)
    return None if said is None or said.group is not None or 8 % said.bits else 8 // said.bits * packed.size


def _of_mixed_widths(packed: Tensor) -> int | None:
    """Return the values of EXL2's ``q_weight``, where bits differ by rows: ``q_invperm`` has one number for each input."""
    inputs = packed.beside("q_invperm") if packed.name == "q_weight" else None
    size = inputs.size * packed.shape[1] if inputs is not None and len(packed.shape) == 2 else 0
    return size if size and 2 * size <= 32 * packed.size <= 8 * size else None


def _with_low_rank(packed: Tensor) -> int | None:
    """Return the values of ``qweight`` with ``wscales``, which has a column for each output, as SVDQuant's kernels take it.

    Bytes hold two values of a row each; whole numbers eight, of four rows.
    """
    scales = packed.beside("wscales") if packed.name == "qweight" else None
    if scales is None or not len(packed.shape) == len(scales.shape) == 2:
        return None
    (rows, columns), (groups, outputs) = packed.shape, scales.shape
    together = 4 if packed.dtype == "int32" else 1
    return 2 * columns * outputs if groups and rows * together == outputs and 2 * columns % groups == 0 else None


def _in_tiles(packed: Tensor) -> int | None:
    """Return the values of Marlin's ``B`` with ``s``, which has a column for each output: four bits each, in tiles of 16 inputs.

    AutoAWQ calls them ``qweight`` and ``scales``.
    """
    scales = packed.beside({"B": "s", "qweight": "scales"}.get(packed.name, ""))
    if scales is None or not len(packed.shape) == len(scales.shape) == 2:
        return None
    (tiles, columns), (groups, outputs) = packed.shape, scales.shape
    return 8 * packed.size if columns == 2 * outputs and groups and 16 * tiles % groups == 0 else None


def _with_sparse_rest(packed: Tensor) -> int | None:
    """Return the values of SpQR's ``dense_weights``, which holds 16 of a row in 64 bits, and 16 rows together.

    ``in_perm`` has two inputs in each whole number. ``row_offsets`` has one more than there are rows, or than there are 16 together.
    """
    inputs, offsets = packed.beside("in_perm"), packed.beside("row_offsets")
    if packed.name != "dense_weights" or inputs is None or offsets is None or packed.beside("col_vals") is None:
        return None
    columns, tiles = 2 * inputs.size, -(-inputs.size // 8)
    possible = (offsets.size - 1, 16 * (offsets.size - 1))
    rows = next((rows for rows in possible if rows % 16 == 0 and rows * tiles == packed.size), 0)
    return rows * columns or None


RULES: Rules = {
    "uint8": (
        _bitsandbytes,
        _microscaled,
        _floats_of_four_bits,
        _floats_of_six_bits,
        _of_said_type,
        _half_quadratic,
        _quanto,
        _said,
        _of_a_class,
        _padded,
    ),
    "int8": (_keras, _with_low_rank, _of_a_class),
    "int16": (_interleaved,),
    "uint32": (_floats_of_mlx, _affine),
    "int64": (_with_sparse_rest,),
    "int32": (
        _by_outputs,
        _whole_numbers,
        _of_mixed_widths,
        _compressed_whole,
        _half_quadratic,
        _with_low_rank,
        _in_tiles,
        _in_groups_of_inputs,
        _of_said_type,
        _of_a_class,
    ),
}
