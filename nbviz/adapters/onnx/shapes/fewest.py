"""Lower bounds for the rank of tensors and the number of values in shapes, which rule out that a tensor is a shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nbviz.adapters.onnx.shapes.held import Held


def fewest_axes(node: Any, given: Sequence[Held]) -> int:
    """Return how many axes a result of an operation has at least."""
    op = node.op_type
    if op in _AS_FIRST:
        return given[0].fewest_axes if given else 0
    if op in _BROADCAST:
        return max((one.fewest_axes for one in given), default=0)
    rule = _FEWEST_AXES.get(op)
    return 0 if rule is None else rule(node, given)


def fewest(node: Any, given: Sequence[Held]) -> int:
    """Return how many values a result of an operation has at least that may be a shape."""
    op = node.op_type
    if op == "Concat":
        return sum(one.fewest for one in given)
    if op in _BROADCAST:
        return max((one.fewest for one in given), default=0)
    if op in ("Cast", "Identity", "Unsqueeze"):
        return given[0].fewest if given else 0
    if op == "Gather":
        return given[1].fewest if len(given) > 1 else 0
    if op == "Shape":
        return 0 if node.attribute or not given else given[0].fewest_axes
    if op == "Slice":
        return _fewest_cut(given)
    return 1 if op == "Size" else 0


def _fewest_cut(given: Sequence[Held]) -> int:
    """Return how many values a ``Slice`` takes, where that is known."""
    if not 3 <= len(given) <= 4 or given[0].longest != given[0].fewest:
        return 0
    if len(given[1].stored) != 1 or len(given[2].stored) != 1:
        return 0
    start, end = int(given[1].stored[0]), int(given[2].stored[0])
    return len(range(*slice(start, end).indices(given[0].fewest)))


def _least_kept(node: Any, given: Sequence[Held]) -> int:
    kept = next((a.i for a in node.attribute if a.name == "keepdims"), 1)
    return given[0].fewest_axes if given and kept else 0


def _least_multiplied(_: Any, given: Sequence[Held]) -> int:
    axes = [one.fewest_axes for one in given]
    return max(max(axes) - (min(axes) < 2), 0) if axes else 0


def _least_gathered(_: Any, given: Sequence[Held]) -> int:
    return max(sum(one.fewest_axes for one in given) - 1, 0) if len(given) == 2 else 0


def _least_inserted(node: Any, given: Sequence[Held]) -> int:
    named = given[1].fewest if len(given) > 1 else sum(len(a.ints) for a in node.attribute)
    return (given[0].fewest_axes if given else 0) + named


def _least_removed(node: Any, given: Sequence[Held]) -> int:
    named = given[1].longest if len(given) > 1 else sum(len(a.ints) for a in node.attribute)
    return max(given[0].fewest_axes - named, 0) if given and named else 0


def _least_product(node: Any, _: Sequence[Held]) -> int:
    return sum(letter.isalpha() for letter in equation_of(node).partition("->")[2])


def equation_of(node: Any) -> str:
    """Return the equation of an ``Einsum``."""
    return next((a.s.decode("ascii", "ignore") for a in node.attribute if a.name == "equation"), "")


def _least_by_values(_: Any, given: Sequence[Held]) -> int:
    return given[-1].fewest if given else 0


_FEWEST_AXES: Mapping[str, Callable[[Any, Sequence[Held]], int]] = {
    **dict.fromkeys(("ArgMax", "ArgMin"), _least_kept),
    **dict.fromkeys(
        (
            f"Reduce{how}"
            for how in ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare")
        ),
        _least_kept,
    ),
    "BatchNormalization": lambda node, given: given[0].fewest_axes if given and len(node.output) == 1 else 0,
    "ConstantOfShape": _least_by_values,
    "Einsum": _least_product,
    "Flatten": lambda *_: 2,
    "Gather": _least_gathered,
    "Gemm": lambda *_: 2,
    "MatMul": _least_multiplied,
    "MatMulInteger": lambda node, given: _least_multiplied(node, given[:2]),
    "QLinearMatMul": lambda node, given: _least_multiplied(node, given[:4:3]),
    "Reshape": lambda node, given: _least_by_values(node, given) if len(given) == 2 else 0,
    "Squeeze": _least_removed,
    "Unsqueeze": _least_inserted,
}
"""The operations that may make fewer axes than they take, as far as it is known how many; others may make one."""

_AS_FIRST = frozenset((
    "Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Attention", "AveragePool", "Bernoulli", "BitwiseNot", "Cast",
    "CastLike", "Ceil", "Celu", "Clip", "Conv", "ConvInteger", "ConvTranspose", "Cos", "Cosh", "CumSum", "DeformConv",
    "DepthToSpace", "DequantizeLinear", "Dropout", "Elu", "Erf", "Exp", "Expand", "Floor", "GRU", "GatherElements", "Gelu",
    "GlobalAveragePool", "GlobalMaxPool", "GridSample", "GroupNormalization", "HardSigmoid", "HardSwish", "Hardmax", "Identity",
    "InstanceNormalization", "IsInf", "IsNaN", "LRN", "LSTM", "LayerNormalization", "LeakyRelu", "Log", "LogSoftmax",
    "LpNormalization", "LpPool", "MaxPool", "MeanVarianceNormalization", "Mish", "Neg", "Not", "Pad", "QLinearConv",
    "QuantizeLinear", "RMSNormalization", "RNN", "Reciprocal", "Relu", "Resize", "ReverseSequence", "RotaryEmbedding", "Round",
    "ScatterElements", "ScatterND", "Selu", "Shrink", "Sigmoid", "Sign", "Sin", "Sinh", "Slice", "Softmax", "Softplus",
    "Softsign", "SpaceToDepth", "Split", "Sqrt", "Swish", "Tan", "Tanh", "ThresholdedRelu", "Tile", "TopK", "Transpose",
    "Trilu", "Upsample",
))  # fmt: skip
"""Operations whose results have as many axes as their first input, or more."""

_BROADCAST = frozenset((
    "Add", "And", "BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "Concat", "Div", "Equal", "Greater", "GreaterOrEqual",
    "Less", "LessOrEqual", "Max", "Mean", "Min", "Mod", "Mul", "Or", "PRelu", "Pow", "Sub", "Sum", "Where", "Xor",
))  # fmt: skip
"""Operations whose results have as many axes as the input with the most."""
