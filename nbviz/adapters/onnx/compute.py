"""The multiply-accumulates of ONNX operations, as contractions that ``nbviz.metrics`` can count.

A size without a number makes them unknown; only the batch may be open, and it has to be the first axis.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple, final

from nbviz.adapters.onnx.nodes import Node, plain_value
from nbviz.adapters.onnx.schemas import is_standard
from nbviz.adapters.onnx.types import shown
from nbviz.adapters.onnx.values import Value
from nbviz.graph import Compute
from nbviz.metrics import macs
from nbviz.shape import Dim, Shape

Patterns = tuple[Compute, ...]

_MOST = 1 << 52
"""Multiply-accumulates of a call that a file can mean."""

_FACTORS = 2
"""Factors of a product of which it is known how much it computes."""


class _UnknownError(Exception):
    """The contractions of an operation cannot be told."""


class Step(NamedTuple):
    """A node with the tensors that it takes and gives, and the symbol of the batch."""

    node: Node
    inputs: Sequence[Value | None]
    outputs: Sequence[Value | None]
    batch: Dim

    def key(self) -> Hashable:
        """Return what decides its contractions."""
        node, ends = self.node, (self.inputs, self.outputs)
        sizes = tuple([value if value is None else (value.dims,) for values in ends for value in values])
        attributes = tuple([a.SerializeToString() for a in node.attributes.values()])
        return node.op, node.domain, attributes, len(self.inputs), sizes, self.batch

    def has(self, at: int) -> bool:
        """Tell whether an input is given."""
        return at < len(self.inputs) and self.inputs[at] is not None

    def dims(self, at: int) -> tuple[Dim, ...]:
        """Return the sizes of an input."""
        return _rank_known(self.inputs[at] if at < len(self.inputs) else None)

    def out(self, at: int = 0) -> tuple[Dim, ...]:
        """Return the sizes of an output."""
        return _rank_known(self.outputs[at] if at < len(self.outputs) else None)

    def attribute(self, name: str, default: Any) -> Any:
        """Return an attribute that is a number or a text."""
        found = self.node.attributes.get(name)
        if found is None:
            return default
        if found.ref_attr_name:
            raise _UnknownError
        return plain_value(found.s) if isinstance(default, str) else found.i

    def first(self, *dims: Dim) -> Shape:
        """Return sizes of which the first may be the batch."""
        if not all(isinstance(dim, int) for dim in dims[1:]):
            raise _UnknownError
        if dims and not isinstance(dims[0], int) and (self.batch is None or dims[0] != self.batch):
            raise _UnknownError
        return shown(dims)


def _rank_known(value: Value | None) -> tuple[Dim, ...]:
    if value is None or value.dims is None:
        raise _UnknownError
    return value.dims


def _fixed(*dims: Dim) -> Shape:
    if not all(isinstance(dim, int) for dim in dims):
        raise _UnknownError
    return Shape(dims)


def _number(dim: Dim) -> int:
    if not isinstance(dim, int):
        raise _UnknownError
    return dim


def _contraction(step: Step, *contracted: Dim) -> Patterns:
    return (Compute("matmul", (("output", step.first(*step.out())), ("contracted", _fixed(*contracted)))),)


def _convolution(weight: int) -> Callable[[Step], Patterns]:
    def rule(step: Step) -> Patterns:
        window = _fixed(*step.dims(weight)[1:])  # a weight has the channels of one group alone
        return (Compute("conv", (("output", step.first(*step.out())), ("window", window))),)

    return rule


def _transposed_convolution(step: Step) -> Patterns:
    window = _fixed(*step.dims(1)[1:])
    return (Compute("conv_transpose", (("input", step.first(*step.dims(0))), ("window", window))),)


def _gemm(step: Step) -> Patterns:
    return _contraction(step, step.dims(0)[0 if step.attribute("transA", 0) else -1])


def _matmul(right: int) -> Callable[[Step], Patterns]:
    def rule(step: Step) -> Patterns:
        a, b = step.dims(0)[-1], step.dims(right)
        return _contraction(step, a if isinstance(a, int) else b[-2 if len(b) > 1 else 0])

    return rule


def _fused_matmul(step: Step) -> Patterns:
    rows = 0 if step.attribute("transBatchA", 0) else -2  # they stand before the batch
    return _contraction(step, step.dims(0)[rows if step.attribute("transA", 0) else -1])


def _packed_matmul(step: Step) -> Patterns:
    return _contraction(step, step.attribute("K" if step.attribute("transB", 1) else "N", 0) or None)


def _recurrent(step: Step) -> Patterns:
    """X: (steps, batch, features); W: (directions, gates, features); R: (directions, gates, state)."""
    steps, batch, features = step.dims(0)
    if step.attribute("layout", 0):
        steps, batch = batch, steps
    directions, gates, width = step.dims(1)
    contracted = width if isinstance(width, int) else features  # computed sizes of X may be lost
    return _gates(step, (batch, steps, directions, gates), contracted, step.dims(2)[-1])


def _turned_recurrent(step: Step) -> Patterns:
    """Count an LSTM with W: (directions, features, gates) and R: (directions, state, gates)."""
    steps, batch, features = step.dims(0)
    directions, state, gates = step.dims(2)
    return _gates(step, (batch, steps, directions, gates), features, state)


def _gates(step: Step, gates: Sequence[Dim], features: Dim, state: Dim) -> Patterns:
    contracted = _fixed(_number(features) + _number(state))
    return (Compute("recurrent", (("gates", step.first(*gates)), ("contracted", contracted))),)


def _attention(step: Step) -> Patterns:
    """Of four axes (batch, heads, positions, size), or of three with all heads in the last."""
    names = ("q_num_heads", "kv_num_heads", "kv_num_heads")
    query, key, value = (_heads(step.dims(at), step.attribute(name, 0)) for at, name in enumerate(names))
    if step.has(4):  # keys of earlier steps
        past = step.dims(4)
        key = (*key[:2], _number(past[2]) + _number(key[2]), key[3])
    return _attending(step, query, key, value)


def _packed_attention(past: int, buffer: int) -> Callable[[Step], Patterns]:
    """Return the rule of an attention that projects to queries, keys and values in one.

    ``past`` is where earlier keys are given, and ``buffer`` how many of them are taken.
    """

    def rule(step: Step) -> Patterns:
        batch, positions, features = step.dims(0)
        width, heads = _number(step.dims(1)[-1]), step.attribute("num_heads", 0)
        if step.has(buffer) or "qkv_hidden_sizes" in step.node.attributes or heads < 1:
            raise _UnknownError
        size = width // 3 // heads
        behind = _number(step.dims(past)[3]) + _number(positions) if step.has(past) else positions
        head, key = step.first(batch, heads, positions, size), step.first(batch, heads, behind, size)
        projected = ("output", step.first(batch, positions, width)), ("contracted", _fixed(features))
        return Compute("matmul", projected), Compute("attention", (("query", head), ("key", key), ("value", key)))

    return rule


def _attention_of_heads(step: Step) -> Patterns:
    """Of (batch, positions, features), also of heads apart; or in one: (batch, positions, heads, 2 or 3, size)."""
    heads = step.attribute("num_heads", 0)
    if step.has(8):  # how many of the earlier keys are taken is a value
        raise _UnknownError
    query, key = step.dims(0), step.dims(1) if step.has(1) else step.dims(0)
    value = step.dims(2) if step.has(2) else key
    query, key, value = (
        (dims[0], dims[2], dims[1], dims[4]) if len(dims) == 5 else _heads(dims, heads) for dims in (query, key, value)
    )
    return _attending(step, query, _behind(step, 6, key), value)


def _attention_in_groups(step: Step) -> Patterns:
    """Of (batch, positions, features), fewer of keys and values; all three may be in one, queries first."""
    heads, others = step.attribute("num_heads", 0), step.attribute("kv_num_heads", 0)
    if step.has(1) and step.has(2):
        query, key, value = (_heads(step.dims(at), count) for at, count in enumerate((heads, others, others)))
    else:
        batch, _, positions, size = _heads(step.dims(0), heads + 2 * others)
        query, key = (batch, heads, positions, size), (batch, others, positions, size)
        value = key
    return _attending(step, query, _behind(step, 3, key), value)


def _behind(step: Step, at: int, key: tuple[Dim, ...]) -> tuple[Dim, ...]:
    """Return keys with earlier ones before them, unless what comes out shows that these are a buffer that is filled in part."""
    if not step.has(at):
        return key
    count = _number(step.dims(at)[2]) + _number(key[2])
    made = step.outputs[1] if len(step.outputs) > 1 else None
    if made is not None and made.dims is not None and isinstance(made.dims[2], int) and made.dims[2] != count:
        raise _UnknownError
    return (*key[:2], count, key[3])


def _experts(*weights: int, bits: int = 8) -> Callable[[Step], Patterns]:
    """Return the rule of experts, of which each position is given to some; the second of their weights makes the result.

    ``bits`` is how many a value has, unless an attribute says so, where bytes are what is stored.
    """

    def rule(step: Step) -> Patterns:
        *positions, width = step.dims(0)
        chosen, packed = step.attribute("k", 1), 8 // step.attribute("expert_weight_bits", bits)
        found = []
        for at in filter(step.has, weights):
            inner, left = divmod(math.prod(map(_number, step.dims(at)[1:])) * packed, _number(width))
            if left:
                raise _UnknownError
            made, contracted = (width, inner) if at == weights[1] else (inner, width)
            ends = ("output", step.first(*positions, chosen, made)), ("contracted", _fixed(contracted))
            found.append(Compute("matmul", ends))
        return tuple(found)

    return rule


def _attending(step: Step, *shapes: tuple[Dim, ...]) -> Patterns:
    if shapes[0][3] != shapes[1][3]:  # queries and keys that have no product
        raise _UnknownError
    named = zip(("query", "key", "value"), shapes, strict=True)
    return (Compute("attention", tuple((name, step.first(*dims)) for name, dims in named)),)


def _heads(dims: tuple[Dim, ...], heads: int) -> tuple[Dim, ...]:
    if len(dims) == 4:
        return dims
    if len(dims) != 3 or heads < 1:
        raise _UnknownError
    return (dims[0], heads, dims[1], _number(dims[2]) // heads)


def _einsum(step: Step) -> Patterns:
    """Two factors contract every index that the result lacks; of more, the order is the runtime's choice."""
    equation = step.attribute("equation", "").replace(" ", "").replace("...", ".")
    given, _, result = equation.partition("->")
    terms = given.split(",")
    if len(terms) == 1:
        return ()
    if len(terms) > _FACTORS or len(step.inputs) != _FACTORS:
        raise _UnknownError
    if "->" not in equation:
        letters = terms[0] + terms[1]
        result = "." + "".join(sorted(letter for letter in set(letters) if letters.count(letter) == 1))
    sizes: dict[str, Dim] = {}
    for at, term in enumerate(terms):
        for letter, dim in _indexed(term, step.dims(at)):
            if not isinstance(sizes.get(letter), int) or sizes[letter] == 1:
                sizes[letter] = dim
    contracted = [dim for letter, dim in sizes.items() if letter not in result]
    return _contraction(step, *contracted) if contracted else ()


def _indexed(term: str, dims: tuple[Dim, ...]) -> list[tuple[str, Dim]]:
    before, _, after = term.partition(".")
    tail = dims[len(dims) - len(after) :] if after else ()
    return [*zip(before, dims, strict=False), *zip(after, tail, strict=False)]


def _unknown(_: Step) -> Patterns:
    raise _UnknownError


_STANDARD: Mapping[str, Callable[[Step], Patterns]] = {
    "AffineGrid": _unknown,
    "Attention": _attention,
    "CausalConvWithState": _unknown,
    "Conv": _convolution(1),
    "ConvInteger": _convolution(1),
    "ConvTranspose": _transposed_convolution,
    "DFT": _unknown,  # which way of a Fourier transform is taken is the runtime's choice
    "DeformConv": _convolution(1),
    "Einsum": _einsum,
    "GRU": _recurrent,
    "Gemm": _gemm,
    "LSTM": _recurrent,
    "LinearAttention": _unknown,
    "MatMul": _matmul(1),
    "MatMulInteger": _matmul(1),
    "MelWeightMatrix": _unknown,
    "QLinearConv": _convolution(3),
    "QLinearMatMul": _matmul(3),
    "RNN": _recurrent,
    "STFT": _unknown,
}

_OTHERS: Mapping[str, Mapping[str, Callable[[Step], Patterns] | None]] = {
    "com.microsoft": {
        "Attention": _packed_attention(4, 6),
        "DynamicQuantizeLSTM": _turned_recurrent,
        "DynamicQuantizeMatMul": _matmul(1),
        "FusedConv": _convolution(1),
        "FusedGemm": _gemm,
        "FusedMatMul": _fused_matmul,
        "GroupQueryAttention": _attention_in_groups,
        "MatMulBnb4": _packed_matmul,
        "MatMulIntegerToFloat": _matmul(1),
        "MatMulNBits": _packed_matmul,
        "MoE": _experts(2, 4, 6),
        "MultiHeadAttention": _attention_of_heads,
        "NhwcConv": _convolution(1),
        "NhwcFusedConv": _convolution(1),
        "QAttention": _packed_attention(8, 9),
        "QGemm": _gemm,
        "QLinearConv": _convolution(3),
        "QMoE": _experts(2, 5, 8, bits=4),
        **dict.fromkeys((
            "BiasAdd", "BiasDropout", "BiasGelu", "BiasSoftmax", "CropAndResize", "DequantizeLinear",
            "DynamicQuantizeLinear", "EmbedLayerNormalization", "FastGelu", "GatherBlockQuantized", "Gelu", "GridSample",
            "GroupNorm", "NGramRepeatBlock", "QLinearAdd", "QLinearAveragePool",
            "QLinearConcat", "QLinearGlobalAveragePool", "QLinearLeakyRelu", "QLinearMul", "QLinearSigmoid",
            "QLinearSoftmax", "QuantizeLinear", "QuickGelu", "RotaryEmbedding", "SimplifiedLayerNormalization",
            "SkipLayerNormalization", "SkipSimplifiedLayerNormalization", "Trilu",
        )),
    },
    "ai.onnx.ml": dict.fromkeys((
        "ArrayFeatureExtractor", "Binarizer", "CastMap", "CategoryMapper", "DictVectorizer", "FeatureVectorizer",
        "Imputer", "LabelEncoder", "Normalizer", "OneHotEncoder", "Scaler", "TreeEnsemble", "TreeEnsembleClassifier",
        "TreeEnsembleRegressor", "ZipMap",
    )),
    "com.microsoft.nchwc": {
        "Conv": _convolution(1),
        **dict.fromkeys((
            "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "MaxPool", "ReorderInput", "ReorderOutput", "Upsample",
        )),
    },
    "ai.onnx.preview.training": dict.fromkeys(("Adagrad", "Adam", "Momentum")),
}  # fmt: skip
"""Operations outside the standard that are known, with None for those that contract nothing."""


def known(node: Node) -> bool:
    """Tell whether it is known how much an operation contracts, if its sizes are."""
    if node.domain:
        return node.op in _OTHERS.get(node.domain, {})
    if node.op == "Einsum" and len(node.inputs) > _FACTORS:  # in which order is the runtime's choice
        return False
    return is_standard(node.op) and _STANDARD.get(node.op) is not _unknown


def contracts_nothing(node: Node) -> bool:
    """Tell whether an operation is known to contract nothing."""
    if node.domain:
        return _OTHERS.get(node.domain, {}).get(node.op, _unknown) is None
    return node.op not in _STANDARD and is_standard(node.op)


@final
class Contractions:
    """Tells what nodes contract; most are like one before."""

    def __init__(self) -> None:
        self._known: dict[Hashable, Patterns | None] = {}

    def of(self, step: Step, times: tuple[int, ...] | None = ()) -> Patterns | None:
        """Return the contractions of a node that makes some, as often as it runs, None where they, or that, are not known."""
        node = step.node
        rule = _OTHERS.get(node.domain, {}).get(node.op) if node.domain else _STANDARD.get(node.op)
        if rule is None:
            return None
        key = step.key(), times
        if key not in self._known:
            self._known[key] = _counted(rule, step, times)
        return self._known[key]


def _counted(rule: Callable[[Step], Patterns], step: Step, times: tuple[int, ...] | None) -> Patterns | None:
    try:
        patterns: Patterns | None = rule(step)
    except (_UnknownError, IndexError, ValueError):  # a size is open, or the node is not as the standard says
        return None
    if patterns and times != ():
        patterns = None if times is None else tuple(one.repeated(times) for one in patterns)
    return None if (macs(patterns) or 0) > _MOST else patterns
