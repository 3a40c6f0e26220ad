"""How much the inference of ``onnx`` would hold: a short chain of nodes can double shapes, and the values in them, without end.

Seen in onnx 1.23: it joins the values that shapes are made of (``Concat``), and adds up axes (``Gather``); of whole numbers
that it does not know it holds as many as there are, where it knows that. What it would hold is therefore counted first, as a
bound from above; that has to be close where exporters compute shapes, layer after layer.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, MutableMapping, Sequence
from itertools import chain
from typing import Any, final

from nbviz.adapters.onnx.held import NOTHING, Held, at_most, of_constant, of_tensor, of_type, without_values
from nbviz.adapters.onnx.lengths import GROWING, made_by
from nbviz.adapters.onnx.nodes import graphs_in

_MOST = 1 << 21
"""Axes and values that are held for a model: each takes about two hundred bytes."""

_DEEPEST = 64
"""Graphs and functions around a node."""


_Known = MutableMapping[str, Held]


class _TooMuchError(Exception):
    """More would be held than is allowed."""


def is_bounded(model: Any) -> bool:
    """Tell whether the shapes of a model can be inferred in little memory."""
    try:
        if not _is_plain(model):  # most of a large model's operations give what they take
            _Growth(model).graph(model.graph, {}, 0)
    except _TooMuchError:
        return False
    return True


def _is_plain(model: Any) -> bool:
    """Tell whether no node makes more than the file holds, and that, once for each node, is little."""
    graph = model.graph
    operations = {node.op_type for node in graph.node}
    if model.functions or not GROWING.isdisjoint(operations):
        return False
    constants = (node for node in graph.node if node.op_type == "Constant") if "Constant" in operations else ()
    types = (of_type(info.type) for info in _infos(graph))
    held = chain(types, map(without_values, graph.initializer), map(of_constant, constants))
    return len(graph.node) * max((one.taken() for one in held), default=0) <= _MOST


def _infos(graph: Any) -> Iterable[Any]:
    return chain(graph.value_info, graph.output, graph.input)


@final
class _Growth:
    """Walks through a model as the inference would, and counts."""

    def __init__(self, model: Any) -> None:
        self._functions = {(_domain(function), function.name): function for function in model.functions}
        self._total = 0

    def graph(self, graph: Any, known: _Known, depth: int, given: int = 0) -> Held:
        """Count a graph of whose inputs each has no more axes than ``given``; return the most that an output has."""
        for info in _infos(graph):
            known[info.name] = of_type(info.type)
        for info in graph.input if given else ():
            known[info.name] = known[info.name]._replace(axes=max(known[info.name].axes, given))
        known.update((tensor.name, of_tensor(tensor)) for tensor in graph.initializer)
        self._nodes(graph.node, known, depth)
        return at_most(known.get(info.name, NOTHING) for info in graph.output)

    def _nodes(self, nodes: Any, known: _Known, depth: int) -> None:
        if depth > _DEEPEST:
            raise _TooMuchError
        for node in nodes:
            taken = [known.get(name, NOTHING) if name else None for name in node.input]
            made = self._made(node, taken, known, depth)
            for name in node.output:
                found = known[name] = made.beside(known[name]) if name in known else made
                self._total += found.taken()
            self._total += 1
            if self._total > _MOST:
                raise _TooMuchError

    def _made(self, node: Any, taken: Sequence[Held | None], known: _Known, depth: int) -> Held:
        """Return the most that a result of a node has."""
        function = self._functions.get((_domain(node), node.op_type)) if self._functions else None
        if function is not None:
            pairs = zip(function.input, taken, strict=False)
            inside: _Known = {name: one for name, one in pairs if one is not None}
            self._nodes(function.node, inside, depth + 1)
            return at_most(inside.get(name, NOTHING) for name in function.output)
        given = [one for one in taken if one is not None]
        axes = max((one.axes for one in given), default=0)
        found = [self.graph(graph, ChainMap({}, known), depth + 1, axes) for _, graph in graphs_in(node.attribute)]
        if found:  # steps are put together along an axis of their own
            return at_most((*given, *found))._replace(axes=max(axes, at_most(found).axes + 1))
        if node.op_type == "Constant":
            return of_constant(node)
        return made_by(node, given)


def _domain(named: Any) -> str:
    return "" if named.domain == "ai.onnx" else str(named.domain)
