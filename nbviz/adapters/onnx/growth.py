"""How much the inference of ``onnx`` would hold: a short chain of nodes can double shapes, and the values in them, without end.

Seen in onnx 1.23: it joins the values that shapes are made of (``Concat``), and adds up axes (``Gather``). What it would hold
is therefore counted first, as a bound from above; that has to be close where exporters compute shapes, layer after layer.
"""

from __future__ import annotations

import math
from collections import ChainMap
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from typing import Any, NamedTuple, final

from nbviz.adapters.onnx.nodes import graphs_in

_MOST = 1 << 21
"""Axes and values that are held for a model: each takes about two hundred bytes."""

_DEEPEST = 64
"""Graphs and functions around a node."""

_USUAL = 5
"""Axes of what operations make out of fewer, as recurrent ones do."""

_LONGEST = 1 << 10
"""Values of which no more than the number is known, that are taken for a shape."""

_FEW = 16
"""Stored values that say where something is cut."""

_SIZED = frozenset({"ConstantOfShape", "Expand", "Range", "Tile"})
"""Operations that make as many values as their inputs say."""

_WHOLE = (6, 7)
"""Element types of what shapes are made of, by their numbers in ``TensorProto.DataType``."""


class _TooMuchError(Exception):
    """More would be held than is allowed."""


@final
class _Held(NamedTuple):
    """What is held of a tensor, at most.

    Attributes
    ----------
    axes
        Its axes.
    values
        How many values it has, where these may be a shape and they or their number is known; else None.
    stored
        These themselves, where the file has them and they are few.
    """

    axes: int = 0
    values: int | None = None
    stored: tuple[int, ...] = ()


_NOTHING = _Held()
_Known = MutableMapping[str, _Held]


def is_bounded(model: Any) -> bool:
    """Tell whether the shapes of a model can be inferred in little memory."""
    if not model.functions and _GROWING.isdisjoint({node.op_type for node in model.graph.node}):
        return True  # most of a large model's operations give what they take
    try:
        _Growth(model).graph(model.graph, {}, 0)
    except _TooMuchError:
        return False
    return True


@final
class _Growth:
    """Walks through a model as the inference would, and counts."""

    def __init__(self, model: Any) -> None:
        self._functions = {(_domain(function), function.name): function for function in model.functions}
        self._total = 0

    def graph(self, graph: Any, known: _Known, depth: int, given: int = 0) -> _Held:
        """Count a graph of whose inputs each has no more axes than ``given``; return the most that an output has."""
        for info in (*graph.value_info, *graph.output, *graph.input):
            known[info.name] = _declared(info.type)
        for info in graph.input if given else ():
            known[info.name] = known[info.name]._replace(axes=max(known[info.name].axes, given))
        known.update((tensor.name, _stored(tensor)) for tensor in graph.initializer)
        self._nodes(graph.node, known, depth)
        return _most(known.get(info.name, _NOTHING) for info in graph.output)

    def _nodes(self, nodes: Any, known: _Known, depth: int) -> None:
        if depth > _DEEPEST:
            raise _TooMuchError
        for node in nodes:
            taken = [known.get(name, _NOTHING) if name else None for name in node.input]
            made = self._made(node, taken, known, depth)
            for name in node.output:
                axes = max(made.axes, known.get(name, _NOTHING).axes)
                known[name] = made._replace(axes=axes)
                self._total += axes + (made.values or 0)
            self._total += 1
            if self._total > _MOST:
                raise _TooMuchError

    def _made(self, node: Any, taken: Sequence[_Held | None], known: _Known, depth: int) -> _Held:
        """Return the most that a result of a node has."""
        function = self._functions.get((_domain(node), node.op_type)) if self._functions else None
        if function is not None:
            pairs = zip(function.input, taken, strict=False)
            inside: _Known = {name: one for name, one in pairs if one is not None}
            self._nodes(function.node, inside, depth + 1)
            return _most(inside.get(name, _NOTHING) for name in function.output)
        given = [one for one in taken if one is not None]
        axes = max((one.axes for one in given), default=0)
        found = [self.graph(graph, ChainMap({}, known), depth + 1, axes) for _, graph in graphs_in(node.attribute)]
        if found:  # steps are put together along an axis of their own
            return _Held(max(axes, _most(found).axes + 1))
        if node.op_type == "Constant":
            return _constant(node)
        rule = _AXES.get(node.op_type)
        return _Held(max(axes, _USUAL) if rule is None else rule(node, given), _values(node, given))


def _domain(named: Any) -> str:
    return "" if named.domain == "ai.onnx" else str(named.domain)


def _most(several: Iterable[_Held]) -> _Held:
    found = list(several)
    values = [one.values for one in found if one.values is not None]
    return _Held(max((one.axes for one in found), default=0), max(values, default=None))


# What a file says


def _declared(kind: Any) -> _Held:
    """Return what a type says, of tensors in a sequence too."""
    which = kind.WhichOneof("value")
    inner: Any = getattr(kind, which) if which else None
    if which in ("tensor_type", "sparse_tensor_type"):
        dims = inner.shape.dim
        known = inner.elem_type in _WHOLE and len(dims) > 0 and all(dim.dim_value > 0 for dim in dims)
        return _Held(len(dims), min(math.prod(dim.dim_value for dim in dims), _LONGEST) if known else None)
    return _declared(inner.elem_type) if inner is not None and hasattr(inner, "elem_type") else _NOTHING


def _stored(tensor: Any) -> _Held:
    from onnx import numpy_helper

    if tensor.data_type not in _WHOLE:
        return _Held(len(tensor.dims))
    count = min(math.prod(max(dim, 0) for dim in tensor.dims), max(_LONGEST, tensor.ByteSize()))
    try:
        stored = tuple(numpy_helper.to_array(tensor).ravel().tolist()) if count <= _FEW else ()
    except Exception:  # noqa: BLE001 - the values are elsewhere, or not as many as the file says
        stored = ()
    return _Held(len(tensor.dims), count, stored)


def _constant(node: Any) -> _Held:
    for a in node.attribute:
        if a.HasField("t"):
            return _stored(a.t)
        if a.name in ("value_int", "value_ints"):
            numbers = tuple(a.ints) if a.name == "value_ints" else (a.i,)
            return _Held(1, len(numbers), numbers if len(numbers) <= _FEW else ())
        return _Held(len(a.sparse_tensor.dims) or 1)
    return _NOTHING


# What operations make of values


def _values(node: Any, given: Sequence[_Held]) -> int | None:
    """Return how many values are known of what an operation makes: where all that it takes are, as many as those at most."""
    op = node.op_type
    if op == "Shape":
        return _cut(given[0].axes if given else 0, *(_attribute(node, name) for name in ("start", "end")))
    if op == "Size":
        return 1
    counts = [one.values for one in given if one.values is not None]
    if len(counts) < len(given) or not counts:
        return None
    if op == "Concat":
        return sum(counts)
    if op == "Slice":
        return _sliced(node, given)
    if op in _SIZED:
        whole = any(a.t.data_type in _WHOLE for a in node.attribute)
        return max(given[0].stored[0], 0) if whole and len(given[0].stored) == 1 else None
    return max(counts[1:] if op == "Gather" and len(counts) > 1 else counts)


def _attribute(node: Any, name: str) -> int | None:
    return next((a.ints[0] if a.ints else a.i for a in node.attribute if a.name == name), None)


def _sliced(node: Any, given: Sequence[_Held]) -> int:
    count = given[0].values or 0
    if len(given) < 3:
        return _cut(count, *(_attribute(node, name) for name in ("starts", "ends")))
    if len(given) > 4 and given[4].stored != (1,):
        return count
    start, end = (one.stored[0] if one.stored else None for one in given[1:3])
    return count if start is None or end is None else _cut(count, start, end)


def _cut(count: int, start: int | None, end: int | None) -> int:
    """Return how many of so many values at most lie between two places, of which negative ones count from the end."""
    start = start or 0
    if end is None:
        return min(count, -start) if start < 0 else max(count - start, 0)
    if start < 0:
        return min(count, -start if end >= 0 else max(end - start, 0))
    return max(count + end - start, 0) if end < 0 else min(count, max(end - start, 0))


# Axes


def _more(by: int) -> _Axes:
    return lambda _, given: _most(given).axes + by


def _by_values(_: Any, given: Sequence[_Held]) -> int:
    """Return the axes of what has the shape that the last input holds."""
    values = given[-1].values if given else None
    return max(_most(given).axes, _USUAL) if values is None else values


def _expanded(node: Any, given: Sequence[_Held]) -> int:
    return max(_by_values(node, given), given[0].axes if given else 0)


def _gathered(_: Any, given: Sequence[_Held]) -> int:
    return max(sum(one.axes for one in given) - 1, 0)


def _listed(node: Any, given: Sequence[_Held]) -> int:
    """Return how many axes an operation names."""
    named = sum(len(a.ints) for a in node.attribute)
    return named + ((given[1].values or 0) if len(given) > 1 else 0)


def _inserted(node: Any, given: Sequence[_Held]) -> int:
    return (given[0].axes if given else 0) + _listed(node, given)


def _removed(node: Any, given: Sequence[_Held]) -> int:
    exact = len(given[1].stored) if len(given) > 1 else _listed(node, given)
    return max((given[0].axes if given else 0) - exact, 0)


def _product(node: Any, given: Sequence[_Held]) -> int:
    """Return the letters of the result, and as many axes as the dots of a factor stand for."""
    equation = next((a.s.decode("ascii", "ignore") for a in node.attribute if a.name == "equation"), "")
    factors, _, result = equation.replace(" ", "").partition("->")
    terms = zip(factors.split(","), given, strict=False)
    dots = max((one.axes - len(term.replace(".", "")) for term, one in terms if "..." in term), default=0)
    return max(dots, 0) + len(result.replace(".", "") or factors)


_Axes = Callable[[Any, Sequence[_Held]], int]

_AXES: Mapping[str, _Axes] = {
    "Col2Im": _inserted,
    "ConcatFromSequence": _more(1),
    "ConstantOfShape": _by_values,
    "Einsum": _product,
    "Expand": _expanded,
    "Flatten": lambda *_: 2,
    "Gather": _gathered,
    "GatherND": _gathered,
    "OneHot": _more(1),
    "RandomNormal": _listed,
    "RandomUniform": _listed,
    "Reshape": _by_values,
    "Squeeze": _removed,
    "StringSplit": _more(1),
    "Unsqueeze": _inserted,
}
"""The operations that may make other axes than they take; others make no more than the usual."""

_GROWING = frozenset({*_AXES, "Concat", "If", "Loop", "Scan", "SequenceMap"}) - {"Flatten", "Squeeze"}
"""Without any of these shapes stay about as long as the file says."""
