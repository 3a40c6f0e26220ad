"""The tensors of a model: results of nodes, weights and constants.

What a file stores besides its nodes (initializers, ``Constant`` nodes) is not told apart by the format. Here

- initializers with a fraction (``float32``, ``bfloat16``, ``float8``, ...) and at least one axis are weights, unless every
  node that reads them takes them as an argument (the scales of a ``Resize``);
- one of a single number that PyTorch's or Paddle's exporter has taken out of the code (``val_7``, ``helper.constant.7``) is a
  constant: they number those, and parameters keep their names;
- whole numbers, and what ``Constant`` nodes give, are weights where a node computes with them (the weight of
  ``QLinearConv``, what ``DequantizeLinear`` unpacks); scales and zero points are arguments;
- where that is so in a file without initializers, ``Constant`` nodes are all that it stores weights in (Paddle's exporter
  does so), and what they give is told apart as initializers are;
- so are initializers of whole numbers of up to eight bits with two axes or more, which nothing but quantized weights have:
  a table of embeddings, the weight of an operation that nobody knows;
- everything else is a constant: shapes, indices, scalars.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

from nbviz.adapters.dataflow.rows import FRACTIONS
from nbviz.adapters.onnx.nodes import Node, settings, stored_setting
from nbviz.adapters.onnx.types import NOTHING, Described, described_tensor, dtype_of
from nbviz.adapters.text import label
from nbviz.graph import Setting, TensorSpec, stored_bytes
from nbviz.records import Stored
from nbviz.shape import Dim, Shape

Key = tuple[str, str]
"""Tells stored tensors apart: the graph that holds it (see ``stored_in``), and its name there."""

_FROM_CODE = re.compile(r"val_\d+|helper\.constant\.\d+|auto\.cast\.\d+|p2o\.pd_op\.full\.[\d.]+")
_NARROW = re.compile(r"u?int[248]")
_PACKED = 8
"""Values that a byte can hold."""
_LAST = 1 << 10
_STATISTICS: Mapping[str, Sequence[int]] = {"BatchNormalization": (3, 4)}
"""The inputs that nothing trains, though they are weights."""
_TABLES: Mapping[str, Sequence[int]] = {"GroupQueryAttention": (7, 8), "RotaryEmbedding": (1, 2, 3)}
"""The inputs that are tables of sines and cosines, which a model keeps as buffers; what positions there are is no fraction."""
_QUANTIZED, _SCALE = "_quantized", "_scale"
"""How onnxruntime names what it makes of a weight, and the scales beside that, of which each channel can have one."""

ARGUMENTS: Mapping[str, Sequence[int]] = {
    "Clip": (1, 2),
    "ConvInteger": (2, 3),
    "DequantizeLinear": (1, 2),
    "Dropout": (1, 2),
    "DynamicQuantizeLSTM": (8, 9, 10, 11),
    "DynamicQuantizeMatMul": (2, 3),
    "GatherBlockQuantized": (2, 3),
    "MatMulBnb4": (2,),
    "MatMulInteger": (2, 3),
    "MatMulIntegerToFloat": (2, 3, 4, 5),
    "MatMulNBits": (2, 3, 4),
    "NonMaxSuppression": (2, 3, 4),
    "OneHot": (1, 2),
    "Pad": range(1, _LAST),
    "QAttention": (3, 4, 5, 6, 7),
    "QGemm": (1, 2, 4, 5, 7, 8),
    "QLinearAdd": (1, 2, 4, 5, 6, 7),
    "QLinearConv": (1, 2, 4, 5, 6, 7),
    "QLinearMatMul": (1, 2, 4, 5, 6, 7),
    "QLinearMul": (1, 2, 4, 5, 6, 7),
    "QMoE": (3, 6, 9, 11, 12, 13),
    "QuantizeLinear": (1, 2),
    "Range": range(_LAST),
    "Resize": range(1, _LAST),
    "Upsample": (1,),
}
"""The inputs that say how an operation works, and are no weights whatever their type."""

COMPUTES = frozenset({
    "Conv", "ConvInteger", "ConvTranspose", "DequantizeLinear", "DynamicQuantizeLSTM", "DynamicQuantizeMatMul", "Gemm", "MatMul",
    "MatMulBnb4", "MatMulInteger", "MatMulIntegerToFloat", "MatMulNBits", "QAttention", "QGemm", "QLinearAdd", "QLinearConv",
    "QLinearMatMul", "QLinearMul", "QMoE",
})  # fmt: skip
"""Operations that compute with whole numbers as weights."""

_MULTIPLIES = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
"""Those of them that take weights as they are; which nobody writes into code."""

PASS_ON = frozenset({"Identity", "DequantizeLinear"})
"""Operations that may do no more than name or unpack what is stored."""


@final
@dataclass(slots=True, eq=False)
class Value:
    """A tensor of a graph, known by its identity.

    Attributes
    ----------
    spec
        What is known of it.
    dims
        Its sizes with every symbol, None when the rank is unknown.
    weight
        Its key if it is a weight.
    constant
        What is stored, if it is a constant: a ``TensorProto``, or the attribute of a ``Constant`` node.
    packed
        How it is stored, if it is a weight that a node unpacks.
    is_lost
        Whether it comes after sizes that may contradict each other.
    """

    spec: TensorSpec
    dims: tuple[Dim, ...] | None = None
    weight: Key | None = None
    constant: Any = None
    packed: tuple[tuple[str, Setting], ...] = ()
    is_lost: bool = False


def lose(made: Iterable[Value | None], taken: Iterable[Value | None], *, at_once: bool = False) -> None:
    """Note that tensors come after sizes that may contradict each other, as one that they are made of does, or ``at_once``."""
    if at_once or any(value is not None and value.is_lost for value in taken):
        for value in made:
            if value is not None:
                value.is_lost = True


@final
class Environment:
    """The tensors that the nodes of one graph see by name: its own and those of the graphs around it.

    Parameters
    ----------
    outer
        The graph around it, None for a model's own and for the body of a function.
    """

    def __init__(self, outer: Environment | None = None) -> None:
        self.own: dict[str, Value] = {}
        self._outer = outer

    def find(self, name: str) -> Value | None:
        """Return a tensor, None where there is none of that name."""
        at: Environment | None = self
        while at is not None:
            if name in at.own:
                return at.own[name]
            at = at._outer
        return None


def stored_value(tensor: Any, readers: Iterable[tuple[str, int]], key: Key, *, literal: bool = False) -> Value:
    """Return a stored tensor as a weight or a constant.

    Parameters
    ----------
    tensor
        The tensor, dense or sparse.
    readers
        The operations that take it, and as which input.
    key
        What tells it apart.
    literal
        Whether it is written into a node, as numbers in a model's code are.
    """
    spec, dims = described_tensor(tensor)
    from_code = spec.shape is not None and spec.shape.size() == 1 and _FROM_CODE.fullmatch(key[1]) is not None
    if is_weight(spec, list(readers), literal=literal or from_code):
        return Value(spec, dims, weight=key)
    return Value(spec, dims, constant=tensor)


def is_weight(spec: TensorSpec, readers: Sequence[tuple[str, int]], *, literal: bool) -> bool:
    """Tell whether a stored tensor is a weight (see the head of this file)."""
    as_argument = [at in ARGUMENTS.get(op, ()) for op, at in readers]
    if readers and all(as_argument):
        return False
    if spec.dtype is None:
        return False
    fraction = spec.dtype.startswith(FRACTIONS)
    if fraction and not literal:
        return bool(spec.shape)
    computed = (op in COMPUTES and not argument for (op, _), argument in zip(readers, as_argument, strict=True))
    if any(computed):
        return bool(spec.shape)
    return not literal and len(spec.shape or ()) > 1 and _NARROW.fullmatch(spec.dtype) is not None


def has_weights_in_nodes(graph: Any) -> bool:
    """Tell whether a graph stores its weights in ``Constant`` nodes (see the head of this file)."""
    if any(tensor.dims and (dtype_of(tensor.data_type) or "").startswith(FRACTIONS) for tensor in graph.initializer):
        return False
    given = {node.output[0] for node in graph.node if node.op_type == "Constant" and node.output}
    return bool(given) and any(not given.isdisjoint(node.input) for node in graph.node if node.op_type in _MULTIPLIES)


def constant_value(
    node: Node, readers: Iterable[tuple[str, int]], where: str, known: Described, *, literal: bool
) -> Value | None:
    """Return what a ``Constant`` node gives, None where it says nothing; ``literal`` is that of ``stored_value``."""
    from onnx import AttributeProto

    attribute = next(iter(node.attributes.values()), None)
    if attribute is None:
        return None
    if attribute.type == AttributeProto.TENSOR:
        return stored_value(attribute.t, readers, (where, node.outputs[0]), literal=literal)
    if attribute.type == AttributeProto.SPARSE_TENSOR:
        return stored_value(attribute.sparse_tensor, readers, (where, node.outputs[0]), literal=literal)
    spec, dims = known
    return Value(spec, dims, constant=attribute)


def passed_on(node: Node, taken: Sequence[Value | None], known: Described) -> Value | None:
    """Return what a node of one output gives where it does no more than name or unpack what is stored, None for others.

    Exporters share equal weights by ``Identity``, and store weights of whole numbers behind ``DequantizeLinear``.
    """
    first = taken[0] if taken else None
    if first is None:
        return None
    if node.op == "Identity" and not node.domain and (first.weight is not None or first.constant is not None):
        return first
    if node.op != "DequantizeLinear" or first.weight is None or any(v and v.constant is None for v in taken[1:]):
        return None
    told = zip(("scale", "zero_point"), taken[1:], strict=False)
    by = [(name, stored_setting(value.constant)) for name, value in told if value is not None]
    spec, dims = known if known is not NOTHING else (TensorSpec(first.spec.shape), first.dims)
    return Value(spec, dims, first.weight, packed=(("storage", first.spec.dtype), *by, *settings(node)))


def sparse_bytes(tensor: Any) -> int | None:
    """Return the bytes of a sparse tensor's values and of their places, None for a dense one."""
    if not hasattr(tensor, "indices"):
        return None
    values, places = (math.prod(max(dim, 0) for dim in part.dims) for part in (tensor.values, tensor.indices))
    return sum(filter(None, (stored_bytes(dtype_of(tensor.values.data_type), values), stored_bytes("int64", places))))


def as_stored(
    value: Value, readers: Sequence[tuple[str, int]], size: int | None = None, taken: int | None = None
) -> Stored:
    """Return a weight as the graph keeps it: trainable if it could be, for the format does not say which are.

    ``size`` is how many values a packed one stands for, ``taken`` how many bytes a sparse one takes.
    """
    shape, dtype = value.spec.shape or Shape(()), value.spec.dtype or "unknown"
    elements = math.prod(dim if isinstance(dim, int) else 0 for dim in shape)
    name = value.weight[1] if value.weight is not None else ""
    table = _is_taken_as(_TABLES, readers)
    trainable = dtype.startswith(FRACTIONS) and not table and not _is_taken_as(_STATISTICS, readers)
    if size is None or not elements < size <= elements * _PACKED:
        size = elements
    width = stored_bytes(dtype, elements) if taken is None else taken
    return Stored(label(name), "buffer" if table else "weight", shape, dtype, trainable, width, size)


def _is_taken_as(places: Mapping[str, Sequence[int]], readers: Sequence[tuple[str, int]]) -> bool:
    """Tell whether all that take a tensor take it as one of these inputs."""
    return bool(readers) and all(at in places.get(op, ()) for op, at in readers)


def is_scale(name: str, tensors: Collection[str]) -> bool:
    """Tell whether a stored tensor is the scales of another, which quantizing a model has made of a weight."""
    return name.endswith(_SCALE) and name.removesuffix(_SCALE) + _QUANTIZED in tensors


def readers_of(nodes: Iterable[Node], names: Mapping[str, Any]) -> dict[str, list[tuple[str, int]]]:
    """Return for each of these tensors the operations that take it, and as which of their inputs."""
    found: dict[str, list[tuple[str, int]]] = {}
    for node in nodes:
        for at, name in enumerate(node.inputs):
            if name in names:
                found.setdefault(name, []).append((node.op, at))
    return found


def stored_tensors(graph: Any) -> dict[str, Any]:
    """Return the initializers of a graph by name; a sparse one has that of its values."""
    dense = {tensor.name: tensor for tensor in graph.initializer}
    return dense | {tensor.values.name: tensor for tensor in graph.sparse_initializer}
