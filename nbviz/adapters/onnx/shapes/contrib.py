"""Replaces onnxruntime's own operations by standard ones with the same output shapes, for shape inference only.

The ``onnx`` package does not know them, and knows nothing of what comes behind them either. Operations as documented by
onnxruntime (https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md). So it is with those that prepare
what classic models take, of which it knows no more than types.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nbviz.adapters.onnx.nodes import DEEPEST, WITH_BODIES, graphs_in
from nbviz.adapters.onnx.packed import unpacked
from nbviz.adapters.onnx.schemas import WITHOUT_DOMAIN
from nbviz.adapters.onnx.shapes.attending import in_groups, of_heads, projected
from nbviz.adapters.onnx.shapes.blocked import NCHWC
from nbviz.adapters.onnx.shapes.blocked import RULES as BLOCKED
from nbviz.adapters.onnx.shapes.standing_in import FLOAT, INT64, Rule, Standard, attribute

DOMAIN = "com.microsoft"
CLASSIC = "ai.onnx.ml"
"""The domain of trees, linear models and the like."""

_UINT8, _INT32, _STRING = 2, 6, 8
"""Element types, by their numbers in ``TensorProto.DataType``."""

_PAIR = 2
"""Classes between which one score decides, which is given for both."""

_SAME = (
    "BiasAdd", "BiasDropout", "BiasGelu", "BiasSoftmax", "Binarizer", "FastGelu", "Gelu", "GroupNorm", "Imputer", "Inverse",
    "MoE", "QLinearLeakyRelu", "QLinearSigmoid", "QLinearSoftmax", "QMoE", "QuickGelu", "RotaryEmbedding",
    "SimplifiedLayerNormalization", "SkipLayerNormalization", "SkipSimplifiedLayerNormalization", "Trilu",
)  # fmt: skip
"""Operations whose first result has the shape of their first input."""


def replace_contrib(graph: Any) -> None:
    """Replace all nodes of a graph that are known here, also those inside others."""
    _replace(Standard(graph), 0)


def _replace(to: Standard, depth: int) -> None:
    nodes = list(to.graph.node)
    for node in nodes:
        for _, body in graphs_in(node.attribute) if node.op_type in WITH_BODIES and depth < DEEPEST else ():
            _replace(to.inside(body), depth + 1)
    del to.graph.node[:]
    for node in nodes:
        rule = _rule_of(node)
        if rule is None or not node.input or not node.output or not rule(to, node):
            to.graph.node.append(node)


def uses_contrib(model: Any) -> bool:
    """Tell whether a model may have operations of onnxruntime's own, or of classic models."""
    named = any(opset.domain in (DOMAIN, CLASSIC, NCHWC) for opset in model.opset_import)
    return named or any(node.op_type in WITHOUT_DOMAIN for node in model.graph.node)


def _rule_of(node: Any) -> Rule | None:
    if node.domain == NCHWC:
        return BLOCKED.get(node.op_type)
    is_own = node.domain in (DOMAIN, CLASSIC) or (not node.domain and node.op_type in WITHOUT_DOMAIN)
    return _RULES.get(node.op_type) if is_own else None


def _same(to: Standard, node: Any) -> bool:
    to.add("Identity", node.input[0], to=node.output[0])
    if node.op_type.startswith("Skip") and len(node.output) > 3 and node.output[3]:  # the sum, before it is normalized
        to.add("Identity", node.input[0], to=node.output[3])
    return True


def _with_fraction(to: Standard, node: Any) -> bool:
    to.cast(node.input[0], FLOAT, to=node.output[0])
    return True


def _as_it_is(to: Standard, node: Any) -> bool:
    if attribute(node, "channels_last"):
        return False
    to.add(node.op_type, *node.input, to=node.output[0], attributes=node.attribute)
    return True


def _as(op: str, dropped: tuple[str, ...]) -> Rule:
    """Return the rule of an operation that does something else on top."""

    def rule(to: Standard, node: Any) -> bool:
        kept = [a for a in node.attribute if a.name not in dropped]
        to.add(op, *list(node.input)[:3], to=node.output[0], attributes=kept)
        return True

    return rule


def _matmul(right: int) -> Rule:
    """Return the rule of a product with a quantized weight, as numbers with a fraction."""

    def rule(to: Standard, node: Any) -> bool:
        weight = to.stored(node.input[right]) if len(node.input) > right else ""
        if weight:
            to.add("MatMul", to.cast(node.input[0], FLOAT), weight, to=node.output[0])
        return bool(weight)

    return rule


def _fused_matmul(to: Standard, node: Any) -> bool:
    if len(node.input) < 2:
        return False
    moved = [attribute(node, f"transBatch{which}") for which in "AB"]
    dims = to.dims(node.input[1])
    if dims and len(dims) > 1 and not attribute(node, "transA") and not any(moved):
        turned = (*dims[:-2], dims[-1], dims[-2]) if attribute(node, "transB") else dims
        to.add("MatMul", node.input[0], to.weight(*turned), to=node.output[0])
        return True
    axes = ("ji" if attribute(node, "transA") else "ij"), ("kj" if attribute(node, "transB") else "jk")
    left, right = (f"{a[0]}...{a[1]}" if before else f"...{a}" for a, before in zip(axes, moved, strict=True))
    to.einsum(f"{left},{right}->...ik", *list(node.input)[:2], to=node.output[0])
    return True


def _packed_matmul(to: Standard, node: Any) -> bool:
    rows, columns = attribute(node, "K"), attribute(node, "N")
    if not attribute(node, "transB", 1):
        rows, columns = columns, rows
    to.add("MatMul", node.input[0], to.weight(rows, columns), to=node.output[0])
    return True


def _packed_rows(to: Standard, node: Any) -> bool:
    """Take rows of a packed table, which are unpacked into numbers of the type of its scales."""
    from onnx import helper

    dims = to.dims(node.input[0])
    if dims is None or len(node.input) < 3:
        return False
    table = unpacked(dims, to.kind(node.input[0]), attribute(node, "bits", 4))
    rows = to.weight(*table, kind=to.kind(node.input[2]))
    axis = helper.make_attribute("axis", attribute(node, "gather_axis"))
    to.add("Gather", rows, node.input[1], to=node.output[0], attributes=[axis])
    return True


def _quantized_gemm(to: Standard, node: Any) -> bool:
    weight = to.stored(node.input[3]) if len(node.input) > 3 else ""
    if not weight:
        return False
    kept = [a for a in node.attribute if a.name.startswith("trans")]
    scaled = len(node.input) > 7 and node.input[7]  # else what comes out has a fraction
    made = to.add("Gemm", to.cast(node.input[0], FLOAT), weight, to="" if scaled else node.output[0], attributes=kept)
    if scaled:
        to.cast(made, _quantized(to, node, 8), to=node.output[0])
    return True


def _quantized(to: Standard, node: Any, zero_point: int) -> int:
    """Return the element type of a quantized result, which is that of its zero point."""
    name = node.input[zero_point] if len(node.input) > zero_point else ""
    return to.kind(name) if to.dims(name) is not None else _UINT8


def _with_zero_point(to: Standard, node: Any) -> bool:
    """Round to the type of the zero point, which is the standard's default where there is none."""
    if len(node.input) > 2 and node.input[2] and to.dims(node.input[2]) is None:
        return False
    to.cast(node.input[0], _quantized(to, node, 2), to=node.output[0])
    return True


def _embedding(to: Standard, node: Any) -> bool:
    if len(node.input) < 3:
        return False
    to.add("Gather", node.input[2], node.input[0], to=node.output[0])
    if len(node.output) > 1 and node.output[1]:  # how many tokens of each row are no padding
        to.cast(_one_each(to, node, keepdims=0), _INT32, to=node.output[1])
    if len(node.output) > 2 and node.output[2]:  # the sum, before it is normalized
        to.add("Identity", node.output[0], to=node.output[2])
    return True


def _elementwise(op: str) -> Rule:
    def rule(to: Standard, node: Any) -> bool:
        to.add(op, node.input[0], node.input[3], to=node.output[0])
        return True

    return rule


def _pooled(op: str) -> Rule:
    """Return the rule of a pooling, as of numbers with a fraction."""

    def rule(to: Standard, node: Any) -> bool:
        if attribute(node, "channels_last"):
            return False
        kept = [a for a in node.attribute if a.name != "channels_last"]
        made = to.add(op, to.cast(node.input[0], FLOAT), attributes=kept)
        to.cast(made, _quantized(to, node, 4), to=node.output[0])
        return True

    return rule


def _joined(to: Standard, node: Any) -> bool:
    to.add("Concat", *list(node.input)[2::3], to=node.output[0], attributes=node.attribute)
    return True


def _like(at: int) -> Rule:
    """Return the rule of an operation that makes something like one of its inputs."""

    def rule(to: Standard, node: Any) -> bool:
        to.add("Identity", node.input[at], to=node.output[0])
        return True

    return rule


def _product(equation: str) -> Rule:
    """Return the rule of an operation that makes the axes of a product."""

    def rule(to: Standard, node: Any) -> bool:
        to.einsum(equation, *list(node.input)[:2], to=node.output[0])
        return True

    return rule


def _channels_last(to: Standard, node: Any) -> bool:
    """Turn what a convolution takes, whose channels come last, and what it makes."""
    from onnx import helper

    dims = to.dims(node.input[1]) if len(node.input) > 1 else None
    if dims is None:
        return False
    kept = [a for a in node.attribute if not a.name.startswith("activation")]
    axes = range(1, len(dims) - 1)
    turned, back = (
        helper.make_attribute("perm", perm) for perm in ((0, len(dims) - 1, *axes), (0, *(a + 1 for a in axes), 1))
    )
    source = to.add("Transpose", node.input[0], attributes=[turned])
    made = to.add("Conv", source, to.weight(*dims), attributes=kept)
    to.add("Transpose", made, to=node.output[0], attributes=[back])
    return True


def _cropped(to: Standard, node: Any) -> bool:
    """Make as many pictures as there are regions, of the size that is asked for."""
    if len(node.input) < 4:
        return False
    channels = to.add("Reshape", to.einsum("ncij,rk->rc", *list(node.input)[:2]), to.numbers(0, 0, 1, 1))
    size = to.concat((to.numbers(1, 1), to.cast(node.input[3], INT64)), axis=0, to="")
    to.add("Expand", channels, size, to=node.output[0])
    return True


def _recurrent(to: Standard, node: Any) -> bool:
    """Turn the weights round: (directions, features, gates) is (directions, gates, features) in the standard."""
    weights = [to.dims(name) for name in list(node.input)[1:3]]
    if not all(dims is not None and len(dims) == 3 for dims in weights):
        return False
    turned = [to.weight(dims[0], dims[2], dims[1]) for dims in weights if dims is not None]
    outputs = list(node.output)
    made = to.add("LSTM", node.input[0], *turned, to=outputs[0] or "", attributes=node.attribute, more=outputs[1:])
    return bool(made)


def _classified(to: Standard, node: Any) -> bool:
    """Make one label for each row and one score for each class; support vectors score pairs of classes, or have probabilities."""
    listed = {a.name: len(a.strings) or len(a.ints) for a in node.attribute if a.name.startswith("classlabels_")}
    classes = max(listed.values(), default=0)
    if not classes:
        return False
    kind = _STRING if listed.get("classlabels_strings") else INT64
    to.cast(_one_each(to, node, keepdims=0), kind, to=node.output[0])
    in_pairs = node.op_type.startswith("SVM") and not any(a.name == "prob_a" for a in node.attribute)
    if len(node.output) > 1 and node.output[1] and (classes <= _PAIR or not in_pairs):
        scores = to.add("Expand", _one_each(to, node, keepdims=1), to.numbers(1, classes))
        to.cast(scores, FLOAT, to=node.output[1])
    return True


def _regressed(count: str) -> Rule:
    """Return the rule of an operation that makes a few numbers for each row; ``count`` is the attribute that says how many."""

    def rule(to: Standard, node: Any) -> bool:
        targets = to.numbers(1, max(1, attribute(node, count, 1)))
        to.cast(to.add("Expand", _one_each(to, node, keepdims=1), targets), FLOAT, to=node.output[0])
        return True

    return rule


def _one_each(to: Standard, node: Any, *, keepdims: int) -> str:
    """Add a whole number for each row of the first input; return their name."""
    from onnx import helper

    along = [helper.make_attribute("axis", 1), helper.make_attribute("keepdims", keepdims)]
    return to.add("ArgMax", to.cast(node.input[0], FLOAT), attributes=along)


def _columns(to: Standard, node: Any) -> bool:
    """Take columns of a table, or of a list as if it were a row."""
    from onnx import helper

    dims = to.dims(node.input[0])
    if not dims or len(node.input) < 2:
        return False
    places = to.add("Reshape", node.input[1], to.numbers(*((1, -1) if len(dims) == 1 else (-1,))))
    last = [helper.make_attribute("axis", len(dims) - 1)]
    to.add("Gather", node.input[0], places, to=node.output[0], attributes=last)
    return True


_RULES: Mapping[str, Rule] = {
    **dict.fromkeys(_SAME, _same),
    **dict.fromkeys(("DequantizeLinear", "Normalizer", "Scaler"), _with_fraction),
    **dict.fromkeys(("LinearClassifier", "SVMClassifier", "TreeEnsembleClassifier"), _classified),
    "ArrayFeatureExtractor": _columns,
    "LinearRegressor": _regressed("targets"),
    "SVMRegressor": _regressed(""),
    "TreeEnsembleRegressor": _regressed("n_targets"),
    "DynamicQuantizeMatMul": _matmul(1),
    "FusedConv": _as("Conv", ("activation", "activation_params")),
    "FusedGemm": _as("Gemm", ("activation", "activation_alpha", "activation_beta", "activation_gamma")),
    "FusedMatMul": _fused_matmul,
    "Attention": projected(4, 6),
    "EmbedLayerNormalization": _embedding,
    "CropAndResize": _cropped,
    "DecoderMaskedMultiHeadAttention": of_heads(5, 7),
    "DynamicQuantizeLSTM": _recurrent,
    "GroupQueryAttention": in_groups,
    "CDist": _product("ij,kj->ik"),
    "GridSample": _product("ncij,nhwk->nchw"),
    "NGramRepeatBlock": _like(1),
    **dict.fromkeys(("NhwcConv", "NhwcFusedConv"), _channels_last),
    "GatherBlockQuantized": _packed_rows,
    "MatMulBnb4": _packed_matmul,
    "MatMulIntegerToFloat": _matmul(1),
    "MatMulNBits": _packed_matmul,
    "MultiHeadAttention": of_heads(6, 8),
    "QAttention": projected(8, 9),
    "QGemm": _quantized_gemm,
    "QLinearAdd": _elementwise("Add"),
    "QLinearAveragePool": _pooled("AveragePool"),
    "QLinearConcat": _joined,
    "QLinearConv": _as_it_is,
    "QLinearGlobalAveragePool": _pooled("GlobalAveragePool"),
    "QLinearMul": _elementwise("Mul"),
    "QuantizeLinear": _with_zero_point,
}
