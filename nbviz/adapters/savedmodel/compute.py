"""The multiply-accumulates of TensorFlow operations, and how the operations treat the batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nbviz.adapters.dataflow.batches import (
    behind_first,
    constant,
    cut,
    gathered,
    joined,
    multiplied,
    permuted,
    sliced,
    stacked,
    unstacked,
)
from nbviz.adapters.dataflow.contractions import convolution, dims, einsum, matmul, transposed_convolution, unknown
from nbviz.adapters.dataflow.program import (
    KEPT,
    ONE_OF_THEM,
    RESHAPED,
    UNKNOWN,
    Batch,
    Operands,
    Patterns,
    Rule,
    Tensor,
)
from nbviz.adapters.text import decoded

Attributes = Mapping[str, Any]
Given = Sequence[Tensor | None]


def is_known(op: str) -> bool:
    """Tell whether it is known how much an operation contracts, if its sizes are."""
    return _RULES.get(op) is not _nobody_knows


def rule_of(op: str, attributes: Attributes) -> Rule | None:
    """Return what tells the contractions of an operation, None if it makes none."""
    made = _RULES.get(op)
    return None if made is None else lambda operands: made(operands, attributes)


def _conv(operands: Operands, _: Attributes) -> Patterns:
    """Take a filter of (sizes, input channels of one group, output channels)."""
    return convolution(operands, *dims(operands.inputs, 1)[:-1])


def _depthwise(operands: Operands, _: Attributes) -> Patterns:
    """Take a filter of (height, width, input channels, multiplier)."""
    return convolution(operands, *dims(operands.inputs, 1)[:2])


def _transposed(operands: Operands, _: Attributes) -> Patterns:
    """Take a filter of (sizes, output channels, input channels)."""
    return transposed_convolution(operands, 2, *dims(operands.inputs, 1)[:-1])


def _product(turned: str) -> Callable[[Operands, Attributes], Patterns]:
    def rule(operands: Operands, attributes: Attributes) -> Patterns:
        a, b = dims(operands.inputs, 0), dims(operands.inputs, 1)
        first, second = (
            f"{turned}_{which}"
            for which in ("a" if turned == "transpose" else "x", "b" if turned == "transpose" else "y")
        )
        left = a[-2 if first in attributes and attributes[first].b else -1]
        right = b[-1 if second in attributes and attributes[second].b else -2]
        return matmul(operands, left if isinstance(left, int) else right)

    return rule


def _einsum(operands: Operands, attributes: Attributes) -> Patterns:
    return einsum(decoded(attributes["equation"].s), operands)


def _nobody_knows(operands: Operands, _: Attributes) -> Patterns:
    return unknown(operands)


_RULES: Mapping[str, Callable[[Operands, Attributes], Patterns]] = {
    "BatchMatMul": _product("adj"),
    "BatchMatMulV2": _product("adj"),
    "BatchMatMulV3": _product("adj"),
    "Conv2D": _conv,
    "Conv2DBackpropInput": _transposed,
    "Conv3D": _conv,
    "Conv3DBackpropInputV2": _transposed,
    "DepthwiseConv2dNative": _depthwise,
    "Einsum": _einsum,
    "MatMul": _product("transpose"),
    "_FusedConv2D": _conv,
    "_FusedMatMul": _product("transpose"),
    **dict.fromkeys(
        ("Conv", "ConvolutionV2", "CudnnRNN", "CudnnRNNV2", "CudnnRNNV3", "PyFunc", "EagerPyFunc", "QuantizedConv2D",
         "QuantizedMatMul", "SparseMatMul", "SparseTensorDenseMatMul", "XlaCallModule", "XlaConv", "XlaConvV2", "XlaDot",
         "XlaDotV2", "FFT", "FFT2D", "FFT3D", "IFFT", "RFFT", "RFFT2D", "IRFFT"),
        _nobody_knows,
    ),
}  # fmt: skip

COMPUTES = frozenset(op for op, rule in _RULES.items() if rule is not _nobody_knows) | {"BiasAdd"}
"""Operations whose constants are weights however few they are."""

_KEEPING = frozenset({
    "Abs", "Add", "AddN", "AddV2", "AvgPool", "AvgPool3D", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "BiasAdd",
    "Cast", "Ceil", "Conv2D", "Conv3D", "DepthToSpace", "DepthwiseConv2dNative", "Div", "DivNoNan", "Elu", "Equal", "Erf",
    "Exp", "Expm1", "Floor", "FloorDiv", "FloorMod", "FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3", "Greater",
    "GreaterEqual", "LRN", "LeakyRelu", "Less", "LessEqual", "Log", "Log1p", "LogSoftmax", "LogicalAnd", "LogicalNot",
    "LogicalOr", "MaxPool", "MaxPool3D", "MaxPoolV2", "Maximum", "Minimum", "MirrorPad", "Mul", "Neg",
    "NotEqual", "Pad", "PadV2", "Pow", "RealDiv", "Reciprocal", "Relu", "Relu6", "ResizeBilinear",
    "ResizeNearestNeighbor", "ResourceGather", "Round", "Rsqrt", "Select", "SelectV2", "Selu", "Sigmoid", "Sign", "Sin",
    "Cos", "Softmax", "Softplus", "Softsign", "SpaceToDepth", "Sqrt", "Square", "SquaredDifference", "Sub", "Switch", "Tan",
    "Tanh", "ZerosLike", "OnesLike", "_FusedConv2D", "Conv2DBackpropInput", "Conv3DBackpropInputV2",
})  # fmt: skip
"""Operations of which each example in a batch makes one example, at the same place."""


def batch_of(op: str, attributes: Attributes, given: Given) -> Batch:
    """Return what an operation makes of each example in a batch.

    Parameters
    ----------
    op
        The operation.
    attributes
        Its attributes.
    given
        Its inputs.
    """
    if op in _KEEPING:
        return KEPT
    return _BATCHES[op](attributes, given) if op in _BATCHES else UNKNOWN


def _multiplied(attributes: Attributes, given: Given) -> Batch:
    turned = {which for which in "ab" if f"transpose_{which}" in attributes and attributes[f"transpose_{which}"].b}
    return UNKNOWN if "a" in turned else multiplied(given[1] if len(given) > 1 else None, turned="b" in turned)


def _axis(attributes: Attributes) -> int:
    return int(attributes["axis"].i) if "axis" in attributes else 0


def _sliced(attributes: Attributes, given: Given) -> Batch:
    masks = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")
    return sliced({name: attributes[name].i for name in masks if name in attributes}, given)


def _first_index(attributes: Attributes, _given: Given) -> Batch:
    terms, _, result = decoded(attributes["equation"].s).replace(" ", "").partition("->")
    return KEPT if result[:1] and result[0] == terms[:1] and result[0] != "." else UNKNOWN


_BATCHES: Mapping[str, Callable[[Attributes, Given], Batch]] = {
    **dict.fromkeys(("ExpandDims", "Reshape", "Squeeze"), lambda _, __: RESHAPED),
    **dict.fromkeys(
        ("All", "Any", "ArgMax", "ArgMin", "Cumsum", "Max", "Mean", "Min", "Prod", "ReverseV2", "Sum"),
        lambda _, given: behind_first(constant(given, 1), given),
    ),
    **dict.fromkeys(("MatMul", "_FusedMatMul"), _multiplied),
    "BatchToSpaceND": lambda _, given: joined(constant(given, 1)),
    "ConcatV2": lambda _, given: behind_first(constant(given, -1), given),
    "Einsum": _first_index,
    "GatherV2": lambda _, given: gathered(constant(given, 2), given),
    "Merge": lambda _, given: ONE_OF_THEM if len(given) > 1 else UNKNOWN,  # a loop begins with one of its own results
    "Pack": lambda attributes, given: stacked(_axis(attributes), given),
    "SpaceToBatchND": lambda _, given: cut(constant(given, 1)),
    "Split": lambda _, given: behind_first(constant(given, 0), given, 1),
    "SplitV": lambda _, given: behind_first(constant(given, 2), given),
    "StridedSlice": _sliced,
    "Transpose": lambda _, given: permuted(constant(given, 1)),
    "Unpack": lambda attributes, given: unstacked(_axis(attributes), given),
}
"""What operations do with the first axis that do not always keep it."""
