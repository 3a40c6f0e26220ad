"""Numbers that a model computes from stored values and known sizes, if other sizes depend on them.

The inference of ``onnx`` follows values through few operations, and exporters compute sizes with many: TorchScript's fills,
turns, joins and compares lists that are all in the file, to pad by nothing. ``onnx`` has its own implementation of operations,
which computes them here, one node at a time.
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, final

from nbviz.adapters.onnx.schemas import versions
from nbviz.adapters.onnx.shapes.constants import MOST, constants_in, is_short
from nbviz.adapters.onnx.shapes.declarations import Declarations
from nbviz.adapters.onnx.shapes.lengths import GROWING
from nbviz.adapters.onnx.shapes.outcomes import Outcomes
from nbviz.adapters.onnx.types import Types, dtype_of, is_sized, type_proto

_ROUNDS = 32
_NODES = 1 << 16
"""Nodes that are walked through in all rounds, about."""

_OF_SIZES = frozenset({"Shape", "Size"})
_FOLLOWED = _OF_SIZES | {
    *("Abs", "Add", "And", "Cast", "Ceil", "Clip", "Concat", "ConstantOfShape", "Div", "Equal", "Expand", "Floor"),
    *("Gather", "Greater", "GreaterOrEqual", "Identity", "Less", "LessOrEqual", "Max", "Min", "Mod", "Mul", "Neg"),
    *("NonZero", "Not", "Or", "Pow", "Range", "Reciprocal", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceSum"),
    *("Reshape", "Round", "Slice", "Sqrt", "Squeeze", "Sub", "Tile", "Transpose", "Unsqueeze", "Where"),
}
"""Operations that are computed: of few values they make few, but for those that ``_makes_few`` knows."""

_Dims = Mapping[str, tuple[Any, ...] | None]


def inferred_with_values(model: Any, infer: Callable[[Any, Sequence[Any]], Any]) -> Any:
    """Return a model with the shapes that ``infer`` finds, also those that follow from numbers it does not.

    Each round knows more sizes, which numbers may be computed from; ``infer`` is told what the one before has found.
    """
    stored = len(model.graph.initializer)
    shaped = infer(model, ())
    if GROWING.isdisjoint(node.op_type for node in model.graph.node):  # sizes follow from sizes alone, as in most
        return shaped
    numbers = Numbers(model)
    declared = Declarations(model.graph)
    outcomes = Outcomes(model.graph, declared, numbers.version)
    for _ in range(max(1, min(_ROUNDS, _NODES // len(model.graph.node)))):
        sizes = _sizes(shaped.graph)
        wanted = {name for node in model.graph.node if _is_lost(node, sizes) for name in node.input}
        found = numbers.of(wanted, sizes) if wanted else {}
        chosen = outcomes.write(shaped.graph, numbers.known)
        if not found and not chosen:
            break
        inferred = list(shaped.graph.value_info)
        for tensor in found.values():
            model.graph.initializer.append(tensor)
            # the inference says nothing of what is stored
            declared.write(tensor.name, type_proto(dtype_of(tensor.data_type), tensor.dims))
        shaped = infer(model, inferred)
    for graph in (model.graph, shaped.graph):
        del graph.initializer[stored:]
    if shaped is not model:
        declared.take_back()
    return shaped


def _is_lost(node: Any, sizes: _Dims) -> bool:
    """Tell whether a size of what a node makes is not known."""
    return any(name and not is_sized(sizes.get(name)) for name in node.output)


@final
class Numbers:
    """The short tensors of a model whose values are known: those that it stores, and what its nodes make of them.

    Parameters
    ----------
    model
        A ``ModelProto``.
    """

    def __init__(self, model: Any) -> None:
        # callers may replace what is an input too
        given = {info.name for info in model.graph.input} if model.ir_version > 3 else set()
        stored = constants_in(model.graph, given).items()
        self._known = {name: value for name, value in stored if value is not None}
        self.version = versions(model.opset_import).get("", 0)
        followed = (node for node in model.graph.node if _is_followed(node))
        self._makers = {node.output[0]: node for node in followed if node.output[0] not in self._known}
        self._places = {name: at for at, name in enumerate(self._makers)}

    def of(self, wanted: Collection[str], sizes: _Dims) -> dict[str, Any]:
        """Return those of the wanted tensors that nodes compute and whose values are known now, as stored ones."""
        from onnx import numpy_helper

        needed = self._behind(wanted)
        made: dict[str, Any] = {}
        for name in sorted(needed, key=self._places.__getitem__):
            value = self._made(self._makers[name], sizes)
            if value is not None:
                made[name] = self._known[name] = value
                del self._makers[name]
        return {name: numpy_helper.from_array(value, name) for name, value in made.items() if name in wanted}

    def value(self, name: str, sizes: _Dims) -> Any:
        """Return the values of one tensor, None where they are not known."""
        self.of({name}, sizes)
        return self.known(name)

    def known(self, name: str) -> Any:
        """Return the values of one tensor as far as they are known by now, None if they are not."""
        return self._known.get(name)

    def _behind(self, wanted: Iterable[str]) -> set[str]:
        """Return the results of nodes that tensors are made of."""
        found: set[str] = set()
        waiting = list(wanted)
        while waiting:
            name = waiting.pop()
            if name in self._makers and name not in found:
                found.add(name)
                waiting.extend(self._makers[name].input)
        return found

    def _made(self, node: Any, sizes: _Dims) -> Any:
        """Return what a node makes, None where that is not known, or long."""
        import numpy as np
        from onnx import helper
        from onnx.reference import ReferenceEvaluator

        look = (lambda name: _of_size(sizes.get(name))) if node.op_type in _OF_SIZES else self._known.get
        given = {name: look(name) for name in node.input if name}
        if any(value is None for value in given.values()):
            return None
        opsets = [helper.make_opsetid("", self.version)]
        try:
            if not _makes_few(node, list(given.values())):
                return None
            alone = helper.make_function("nbviz", "node", list(given), node.output, [node], opsets)
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                value = np.asarray(ReferenceEvaluator(alone).run(None, given, attributes={})[0])
        except Exception:  # noqa: BLE001 - the node is not as the standard says
            return None
        return value if value.size <= MOST and value.dtype.kind in "biuf" else None


def value_in(model: Any) -> Callable[[str], Any]:
    """Return what tells the value of one of a model's own tensors by its name, or None; the model has the shapes that are known."""

    @functools.cache
    def known() -> tuple[Numbers, _Dims]:  # few models ask
        return Numbers(model), _sizes(model.graph)

    def value(name: str) -> Any:
        numbers, sizes = known()
        return numbers.value(name, sizes)

    return value


def _sizes(graph: Any) -> _Dims:
    types = Types.of_graph(graph)
    return {info.name: types.of(info.name)[1] for info in (*graph.value_info, *graph.output, *graph.input)}


def _is_followed(node: Any) -> bool:
    is_own = node.op_type in _FOLLOWED and not node.domain and len(node.output) == 1
    return is_own and all(
        is_short(a.t) and not a.ref_attr_name and not a.HasField("sparse_tensor") for a in node.attribute
    )


def _of_size(dims: Sequence[Any] | None) -> Any:
    """Return an array of a size that takes no memory, None where a dimension is not known."""
    import numpy as np

    if dims is None or not all(isinstance(dim, int) for dim in dims):
        return None
    return np.lib.stride_tricks.as_strided(np.zeros(1, np.int8), dims, [0] * len(dims))


def _makes_few(node: Any, given: Sequence[Any]) -> bool:
    """Tell whether a node makes few values of those that it is given."""
    if node.op_type == "Range":
        start, limit, step = (value.item() for value in given)
        return bool(0 <= (limit - start) / step <= MOST)
    sizes = {"ConstantOfShape": 0, "Expand": 1, "Tile": 1}.get(node.op_type)
    return sizes is None or math.prod(max(1, size) for size in given[sizes].tolist()) <= MOST
