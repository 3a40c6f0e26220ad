"""The multiply-accumulates of TFLite operators."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nbviz.adapters.dataflow.contractions import (
    convolution,
    dims,
    matmul,
    number,
    recurrent,
    transposed_convolution,
    unknown,
)
from nbviz.adapters.dataflow.program import Operands, Patterns, Rule, UnknownError
from nbviz.graph import Setting
from nbviz.shape import Dim

Options = Mapping[str, Setting]


def is_known(op: str) -> bool:
    """Tell whether it is known how much an operation contracts, if its sizes are."""
    return _RULES.get(op) is not _nobody_knows


def rule_of(op: str, options: Options) -> Rule | None:
    """Return what tells the contractions of a built-in operator, None if it makes none."""
    made = _RULES.get(op)
    return None if made is None else lambda operands: made(operands, options)


def _conv(operands: Operands, _: Options) -> Patterns:
    """Take a filter of (output channels, height, width, input channels of one group)."""
    return convolution(operands, *dims(operands.inputs, 1)[1:])


def _depthwise(operands: Operands, _: Options) -> Patterns:
    """Take a filter of (1, height, width, output channels)."""
    return convolution(operands, *dims(operands.inputs, 1)[1:3])


def _conv_3d(operands: Operands, _: Options) -> Patterns:
    """Take a filter of (depth, height, width, input channels of one group, output channels)."""
    return convolution(operands, *dims(operands.inputs, 1)[:4])


def _transposed(operands: Operands, _: Options) -> Patterns:
    """Take a filter of (output channels, height, width, input channels)."""
    return transposed_convolution(operands, 2, *dims(operands.inputs, 1)[:3])


def _transposed_3d(operands: Operands, _: Options) -> Patterns:
    """Take a filter of (depth, height, width, output channels, input channels)."""
    return transposed_convolution(operands, 2, *dims(operands.inputs, 1)[:4])


def _dense(operands: Operands, _: Options) -> Patterns:
    """Take weights of (outputs, inputs)."""
    return matmul(operands, dims(operands.inputs, 1)[-1])


def _batch_matmul(operands: Operands, options: Options) -> Patterns:
    a, b = dims(operands.inputs, 0), dims(operands.inputs, 1)
    left, right = a[-2 if options.get("adj_x") else -1], b[-1 if options.get("adj_y") else -2]
    return matmul(operands, left if isinstance(left, int) else right)


def _lstm(operands: Operands, options: Options) -> Patterns:
    """Take one step of four gates; of the basic kernel one matrix holds them all."""
    if options.get("kernel_type") == "BASIC":
        cells, contracted = dims(operands.inputs, 2)
        return recurrent(_batch(operands, dims(operands.inputs, 0)[0], 0), (1, cells), number(contracted))
    return _gated(operands, dims(operands.inputs, 0)[0], 0, 1)


def _gated(operands: Operands, batch: Dim, axis: int, steps: Dim) -> Patterns:
    """Take input weights of (cells, features), recurrent ones of (cells, outputs), a projection of (outputs, cells)."""
    cells, features = dims(operands.inputs, 2)
    outputs = dims(operands.inputs, 6)[-1]
    gates = 4 if operands.inputs[1] is not None else 3  # without an input gate, it is what the forget gate leaves
    found = recurrent(_batch(operands, batch, axis), (steps, gates * number(cells)), number(features) + number(outputs))
    if len(operands.inputs) > 16 and operands.inputs[16] is not None:
        found += recurrent(_batch(operands, batch, axis), (steps, outputs), number(cells))
    return found


def _sequence(cell: Callable[[Operands, Dim, int, Dim], Patterns]) -> Callable[[Operands, Options], Patterns]:
    """Return what takes a cell through all steps of a sequence, of which the batch or the time is the first axis."""

    def rule(operands: Operands, options: Options) -> Patterns:
        first, second = dims(operands.inputs, 0)[:2]
        return cell(operands, second, 1, first) if options.get("time_major") else cell(operands, first, 0, second)

    return rule


def _batch(operands: Operands, batch: Dim, axis: int) -> Dim:
    """Return the size of a batch, which is open only where it is the first axis and known to be that."""
    given = operands.inputs[0]
    if not isinstance(batch, int) and (axis or given is None or given.rows != 1):
        raise UnknownError
    return batch


def _rnn(operands: Operands, _: Options) -> Patterns:
    return _simple(operands, dims(operands.inputs, 0)[0], 0, 1)


def _simple(operands: Operands, batch: Dim, axis: int, steps: Dim) -> Patterns:
    units, features = dims(operands.inputs, 1)
    return recurrent(_batch(operands, batch, axis), (steps, units), number(features) + number(units))


def _svdf(operands: Operands, _: Options) -> Patterns:
    """Let each filter contract the features, then what it remembers."""
    filters, features = dims(operands.inputs, 1)
    batch = _batch(operands, dims(operands.inputs, 0)[0], 0)
    return recurrent(batch, (1, filters), number(features) + number(dims(operands.inputs, 2)[-1]))


def _dot_general(operands: Operands, options: Options) -> Patterns:
    left, axes = dims(operands.inputs, 0), options.get("lhs_contracting_dimensions")
    if not isinstance(axes, tuple) or not all(isinstance(axis, int) and axis >= 0 for axis in axes):
        raise UnknownError
    return matmul(operands, *(left[axis] for axis in axes if isinstance(axis, int)))


def _hlo_convolution(operands: Operands, options: Options) -> Patterns:
    kernel, out = dims(operands.inputs, 1), options.get("kernel_output_feature_dimension", 0)
    return convolution(operands, *(size for axis, size in enumerate(kernel) if axis != out))


def _nobody_knows(operands: Operands, _: Options) -> Patterns:
    return unknown(operands)


_RULES: Mapping[str, Callable[[Operands, Options], Patterns]] = {
    "BATCH_MATMUL": _batch_matmul,
    "BIDIRECTIONAL_SEQUENCE_LSTM": _nobody_knows,
    "BIDIRECTIONAL_SEQUENCE_RNN": _nobody_knows,
    "CONCAT_EMBEDDINGS": _nobody_knows,
    "CONV_2D": _conv,
    "CONV_3D": _conv_3d,
    "CONV_3D_TRANSPOSE": _transposed_3d,
    "DELEGATE": _nobody_knows,
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": _dense,
    "LSTM": _lstm,
    "RFFT2D": _nobody_knows,
    "RNN": _rnn,
    "STABLEHLO_CONVOLUTION": _hlo_convolution,
    "STABLEHLO_CUSTOM_CALL": _nobody_knows,
    "STABLEHLO_DOT_GENERAL": _dot_general,
    "SVDF": _svdf,
    "TRANSPOSE_CONV": _transposed,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _sequence(_gated),
    "UNIDIRECTIONAL_SEQUENCE_RNN": _sequence(_simple),
}
