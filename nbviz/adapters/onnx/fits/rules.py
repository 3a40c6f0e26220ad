"""Which rules the sizes of an operation follow; each says what does not fit, ``""`` where everything does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from nbviz.adapters.onnx.fits import broadcasting, convolutions, layouts, norms, products, recurrent
from nbviz.adapters.onnx.fits.operands import Operands, UnknownError

Rule = Callable[[Operands], str]

_BROADCAST: Mapping[int, Sequence[str]] = {
    7: ("Add", "And", "Div", "Equal", "Greater", "Less", "Mul", "Or", "PRelu", "Pow", "Sub", "Xor"),
    8: ("Max", "Mean", "Min", "Sum"),
    9: ("BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "GreaterOrEqual", "LessOrEqual", "Mod", "Where"),
}
"""Operations on elements, by the version of the standard since which they broadcast as others do."""


def _convolution(weight: int, bias: int | None = None) -> Sequence[Rule]:
    found = (convolutions.channels(weight), convolutions.groups(weight), convolutions.window(weight))
    return found if bias is None else (*found, convolutions.bias(bias, weight))


def _recurrent(gates: int) -> Sequence[Rule]:
    return recurrent.features, recurrent.gates(gates), recurrent.bias, recurrent.state


_RULES: Mapping[str, Sequence[Rule]] = {
    **{op: (broadcasting.elements(since),) for since, several in _BROADCAST.items() for op in several},
    "BatchNormalization": (norms.channels("scale", "bias", "mean", "variance", since=9),),
    "Concat": (broadcasting.joined,),
    "Conv": _convolution(1, 2),
    "ConvInteger": _convolution(1),
    "ConvTranspose": (
        convolutions.turned_channels,
        convolutions.groups(1),
        convolutions.window(1),
        convolutions.bias(2, 1, turned=True),
    ),
    "Einsum": (products.einsum,),
    "Expand": (broadcasting.expand,),
    "GRU": _recurrent(3),
    "Gemm": (products.gemm, products.gemm_bias),
    "GroupNormalization": (norms.groups, norms.group_scales),
    "InstanceNormalization": (norms.channels("scale", "bias", since=6),),
    "LSTM": _recurrent(4),
    "LayerNormalization": (norms.axes(1, "scale"), norms.axes(2, "bias")),
    "MatMul": (products.matmul(1),),
    "MatMulInteger": (products.matmul(1),),
    "QLinearConv": _convolution(3, 8),
    "QLinearMatMul": (products.matmul(3),),
    "RMSNormalization": (norms.axes(1, "scale"),),
    "RNN": _recurrent(1),
    "Reshape": (layouts.reshape,),
    "Split": (layouts.split,),
}


def has_rules(op: str) -> bool:
    """Tell whether the sizes of an operation of the standard can contradict each other."""
    return op in _RULES


def asks_for_values(op: str) -> bool:
    """Tell whether what an operation is given says sizes by its values."""
    return op in {"Expand", "Reshape", "Split"}


def contradiction(op: str, given: Operands) -> str:
    """Return what does not fit in what a node is given, ``""`` where nothing is known to."""
    for rule in _RULES[op]:
        try:
            said = rule(given)
        except (UnknownError, IndexError, ValueError):  # a size is open, or the node is not as the standard says
            continue
        if said:
            return said
    return ""
