"""The multiply-accumulates of Keras layers and operations, as contractions that ``nbviz.metrics`` can count.

The result of each rule is a tuple of contractions, ``()`` when there is none, or None when it is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nbviz.adapters.keras.kinds import definer, is_builtin, is_kind
from nbviz.graph import Compute
from nbviz.shape import Dim, Shape

Patterns = tuple[Compute, ...] | None
Dims = tuple[Dim, ...]

_UNKNOWN_LAYERS = frozenset({
    "Lambda", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "TFSMLayer", "MelSpectrogram", "STFTSpectrogram",
    "FeatureSpace", "Pipeline",
})  # fmt: skip


def matmul(output: Sequence[Dim], contracted: Sequence[Dim]) -> Patterns:
    """Return a product whose every output element sums over the contracted extents."""
    return (Compute("matmul", (("output", Shape(output)), ("contracted", Shape(contracted)))),)


def convolution(output: Sequence[Dim], window: Sequence[Dim]) -> Compute:
    """Return a convolution: every output element sums over the window."""
    return Compute("conv", (("output", Shape(output)), ("window", Shape(window))))


def repeated(patterns: Patterns, steps: Dim) -> Patterns:
    """Return the same work done ``steps`` times for each example."""
    if patterns is None:
        return None
    return tuple(_repeat(pattern, steps) for pattern in patterns)


def _repeat(pattern: Compute, steps: Dim) -> Compute:
    scaled = {"conv": "output", "conv_transpose": "input", "matmul": "output", "recurrent": "gates"}
    if pattern.op not in scaled:  # attention: more heads do the same work more often
        names = [name for name, _ in pattern.shapes]
        return Compute(
            pattern.op, tuple((n, _times(s, 1, steps)) for n, s in zip(names, _shapes(pattern), strict=True))
        )
    name = scaled[pattern.op]
    return Compute(pattern.op, tuple((n, _insert(s, steps) if n == name else s) for n, s in pattern.shapes))


def _shapes(pattern: Compute) -> list[Shape]:
    return [shape for _, shape in pattern.shapes]


def _insert(shape: Shape, steps: Dim) -> Shape:
    return Shape((*shape.dims[:1], steps, *shape.dims[1:]))


def _times(shape: Shape, axis: int, steps: Dim) -> Shape:
    old = shape.dims[axis]
    new = old * steps if isinstance(old, int) and isinstance(steps, int) else None
    return Shape((*shape.dims[:axis], new, *shape.dims[axis + 1 :]))


def einsum(equation: str, operands: Sequence[Dims], output: Dims) -> Patterns:
    """Return the contraction of an einsum of two operands; None for what cannot be told from its text."""
    left, _, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) == 1:
        return ()
    if len(terms) != 2 or len(operands) != 2:
        return None
    extents: dict[str, Dim] = {}
    for term, dims in zip(terms, operands, strict=True):
        head, dots, tail = term.partition("...")
        extents.update(zip(head, dims, strict=False))
        if dots:
            extents.update(zip(reversed(tail), reversed(dims), strict=False))
    kept = set(right) if "->" in equation else {c for c in extents if left.count(c) == 1}
    contracted = [dim for letter, dim in extents.items() if letter not in kept]
    return matmul(output, contracted) if contracted else matmul(output, ())


def einsum_shape(equation: str, first: Dims, output: Dims) -> Dims:
    """Return the output's shape with the sizes that the first operand knows (Keras forgets them when it builds)."""
    left, _, right = equation.replace(" ", "").partition("->")
    term = left.partition(",")[0]
    if "." in term or "." in right or len(term) != len(first) or len(right) != len(output):
        return output
    known = dict(zip(term, first, strict=True))
    return tuple(known.get(c) if d is None else d for c, d in zip(right, output, strict=True))


def layer_compute(layer: Any, inputs: Sequence[Dims], outputs: Sequence[Dims], kwargs: Mapping[str, Any]) -> Patterns:
    """Return the work of one call of a layer, without that of layers called inside."""
    for cls in type(layer).__mro__:
        if not is_builtin(cls):
            continue
        rule = _LAYERS.get(cls.__name__)
        if rule is not None:
            try:
                return rule(layer, inputs, outputs, kwargs)
            except (AttributeError, IndexError, TypeError, ValueError):
                return None  # a subclass that has changed what the rule relies on
        if cls.__name__ in _UNKNOWN_LAYERS:
            return None
        break
    return () if is_builtin(definer(layer, "call")) else None


def _dense(layer: Any, inputs: Any, outputs: Any, _: Any) -> Patterns:
    extra: tuple[Compute, ...] = ()
    rank = getattr(layer, "lora_rank", None) if getattr(layer, "lora_enabled", False) else None
    if rank:  # x @ a @ b; without quantisation Keras multiplies a @ b first
        extra = matmul((layer.lora_kernel_a.shape[0], outputs[0][-1]), (rank,)) or ()
    return (*(matmul(outputs[0], (inputs[0][-1],)) or ()), *extra)


def _einsum_dense(layer: Any, inputs: Any, outputs: Any, _: Any) -> Patterns:
    kernel = getattr(layer, "original_kernel_shape", None) or tuple(layer.kernel.shape)
    return einsum(layer.equation, (inputs[0], tuple(kernel)), outputs[0])


def _conv(layer: Any, inputs: Any, outputs: Any, _: Any) -> Patterns:
    channels = inputs[0][-1 if layer.data_format == "channels_last" else 1]
    return (convolution(outputs[0], (*layer.kernel_size, channels // layer.groups)),)


def _depthwise(layer: Any, _inputs: Any, outputs: Any, _: Any) -> Patterns:
    return (convolution(outputs[0], (*layer.kernel_size, 1)),)


def _separable(layer: Any, inputs: Any, outputs: Any, _: Any) -> Patterns:
    last = layer.data_format == "channels_last"
    between = inputs[0][-1 if last else 1] * layer.depth_multiplier
    out = outputs[0]
    middle = (*out[:-1], between) if last else (out[0], between, *out[2:])
    point = (*(1 for _ in layer.kernel_size), between)
    return (convolution(middle, (*layer.kernel_size, 1)), convolution(out, point))


def _conv_transpose(layer: Any, inputs: Any, _outputs: Any, _: Any) -> Patterns:
    window = Shape((*layer.kernel_size, layer.filters))
    return (Compute("conv_transpose", (("input", Shape(inputs[0])), ("window", window))),)


def _recurrent(gates: int) -> Callable[..., Patterns]:
    def rule(layer: Any, inputs: Any, _outputs: Any, _: Any) -> Patterns:
        batch, steps, features = inputs[0]
        shapes = (
            ("gates", Shape((batch, steps, gates * layer.units))),
            ("contracted", Shape((features + layer.units,))),
        )
        return (Compute("recurrent", shapes),)

    return rule


def _cell(gates: int) -> Callable[..., Patterns]:
    def rule(layer: Any, inputs: Any, _outputs: Any, _: Any) -> Patterns:
        batch, features = inputs[0][0], inputs[0][-1]
        return matmul((batch, gates * layer.units), (features + layer.units,))

    return rule


def _conv_lstm(layer: Any, inputs: Any, outputs: Any, _: Any) -> Patterns:
    first = layer.data_format == "channels_first"
    channels = inputs[0][2 if first else -1]
    out = outputs[0][2:] if layer.return_sequences else outputs[0][1:]
    space = out[1:] if first else out[:-1]
    gates = (inputs[0][0], inputs[0][1], *space, 4 * layer.filters)
    kernel = layer.cell.kernel_size
    return (convolution(gates, (*kernel, channels)), convolution(gates, (*kernel, layer.filters)))


def _dot(layer: Any, inputs: Any, outputs: Any, _: Any) -> Patterns:
    axes = layer.axes if isinstance(layer.axes, int) else layer.axes[0]
    return matmul(outputs[0], (inputs[0][axes],))


def _attention(layer: Any, inputs: Any, _outputs: Any, _: Any) -> Patterns:
    query, value = inputs[0], inputs[1]
    key = inputs[2] if len(inputs) > 2 else value
    combine = matmul((*query[:-1], value[-1]), (value[-2],)) or ()
    if is_kind(layer, "AdditiveAttention") or layer.score_mode != "dot":
        return combine  # scores by sums, not by products
    return (*(matmul((*query[:-1], key[-2]), (key[-1],)) or ()), *combine)


def _reversible(layer: Any, inputs: Any, outputs: Any, kwargs: Any) -> Patterns:
    return matmul(outputs[0], (inputs[0][-1],)) if kwargs.get("reverse") else ()


_LAYERS: dict[str, Callable[..., Patterns]] = {
    "Dense": _dense,
    "EinsumDense": _einsum_dense,
    "BaseConv": _conv,
    "BaseDepthwiseConv": _depthwise,
    "BaseSeparableConv": _separable,
    "BaseConvTranspose": _conv_transpose,
    "Conv1D": _conv,
    "Conv2D": _conv,
    "Conv3D": _conv,
    "DepthwiseConv1D": _depthwise,
    "DepthwiseConv2D": _depthwise,
    "SeparableConv1D": _separable,
    "SeparableConv2D": _separable,
    "Conv1DTranspose": _conv_transpose,
    "Conv2DTranspose": _conv_transpose,
    "Conv3DTranspose": _conv_transpose,
    "LSTM": _recurrent(4),
    "GRU": _recurrent(3),
    "SimpleRNN": _recurrent(1),
    "LSTMCell": _cell(4),
    "GRUCell": _cell(3),
    "SimpleRNNCell": _cell(1),
    "ConvLSTM1D": _conv_lstm,
    "ConvLSTM2D": _conv_lstm,
    "ConvLSTM3D": _conv_lstm,
    "Dot": _dot,
    "Attention": _attention,
    "AdditiveAttention": _attention,
    "ReversibleEmbedding": _reversible,
}


def operation_compute(
    operation: Any,
    args: Sequence[Any],
    outputs: Sequence[Dims],
    kwargs: Mapping[str, Any],
) -> Patterns:
    """Return the work of a bare operation (``keras.ops``)."""
    if not is_builtin(type(operation)):
        return None
    rule = _OPERATIONS.get(type(operation).__name__)
    if rule is None:
        return None if type(operation).__name__ in _UNKNOWN_OPERATIONS else ()
    try:
        return rule(operation, args, outputs, kwargs)
    except (AttributeError, IndexError, TypeError, ValueError):
        return None


def _dims(tensor: Any) -> Dims:
    return tuple(tensor.shape)


def _op_matmul(_op: Any, args: Any, outputs: Any, _: Any) -> Patterns:
    return matmul(outputs[0], (_dims(args[0])[-1],))


def _op_dot(_op: Any, args: Any, outputs: Any, _: Any) -> Patterns:
    first, second = (_dims(a) for a in args[:2])
    return matmul(outputs[0], (first[-1],)) if first and second else ()


def _op_tensordot(op: Any, args: Any, outputs: Any, _: Any) -> Patterns:
    first, axes = _dims(args[0]), op.axes
    if isinstance(axes, int):
        return matmul(outputs[0], first[len(first) - axes :])
    picked = axes[0] if isinstance(axes[0], (list, tuple)) else (axes[0],)
    return matmul(outputs[0], [first[axis] for axis in picked])


def _op_einsum(op: Any, args: Any, outputs: Any, _: Any) -> Patterns:
    return einsum(op.subscripts, [_dims(a) for a in args], outputs[0])


def _op_conv(_op: Any, args: Any, outputs: Any, _: Any) -> Patterns:
    return (convolution(outputs[0], _dims(args[1])[:-1]),)


def _op_depthwise(_op: Any, args: Any, outputs: Any, _: Any) -> Patterns:
    return (convolution(outputs[0], (*_dims(args[1])[:-2], 1)),)


def _op_separable(op: Any, args: Any, outputs: Any, _: Any) -> Patterns:
    depth, point, out = _dims(args[1]), _dims(args[2]), outputs[0]
    between = point[-2]
    last = getattr(op, "data_format", None) != "channels_first"
    middle = (*out[:-1], between) if last else (out[0], between, *out[2:])
    return (convolution(middle, (*depth[:-2], 1)), convolution(out, point[:-1]))


def _op_conv_transpose(_op: Any, args: Any, _outputs: Any, _: Any) -> Patterns:
    return (Compute("conv_transpose", (("input", Shape(_dims(args[0]))), ("window", Shape(_dims(args[1])[:-1])))),)


def _op_attention(_op: Any, args: Any, _outputs: Any, _: Any) -> Patterns:
    query, key, value = ((d[0], d[2], d[1], d[3]) for d in map(_dims, args[:3]))  # Keras keeps heads behind steps
    key, value = ((t[0], query[1], *t[2:]) for t in (key, value))  # grouped: every query head attends
    return (Compute("attention", (("query", Shape(query)), ("key", Shape(key)), ("value", Shape(value)))),)


_OPERATIONS: dict[str, Callable[..., Patterns]] = {
    "Matmul": _op_matmul,
    "Dot": _op_dot,
    "Inner": _op_dot,
    "Vdot": _op_dot,
    "Tensordot": _op_tensordot,
    "Einsum": _op_einsum,
    "Conv": _op_conv,
    "DepthwiseConv": _op_depthwise,
    "SeparableConv": _op_separable,
    "ConvTranspose": _op_conv_transpose,
    "DotProductAttention": _op_attention,
}
_UNKNOWN_OPERATIONS = frozenset({
    "FFT", "FFT2", "IFFT2", "RFFT", "IRFFT", "STFT", "ISTFT", "Cholesky", "CholeskyInverse", "Det", "Eig", "Eigh", "Inv",
    "LuFactor", "Qr", "Solve", "SolveTriangular", "SVD", "Lstsq", "JVP", "Expm", "Scan", "Map", "WhileLoop", "ForiLoop",
    "Cond", "Switch", "VectorizedMap", "AssociativeScan", "ERNN", "Correlate", "Convolve",
})  # fmt: skip
