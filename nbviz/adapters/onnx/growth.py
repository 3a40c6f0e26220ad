"""How much the inference of ``onnx`` would hold: a short chain of nodes can double shapes, and the values in them, without end.

Seen in onnx 1.23: it joins the values that shapes are made of (``Concat``), and adds up axes (``Gather``); of whole numbers
that it does not know it holds as many as there are, where it knows that. What it would hold is therefore counted first, as a
bound from above; that has to be close where exporters compute shapes, layer after layer. Of fractions with one axis it holds
as many values, for nothing: where these are too many, shapes are inferred without following values.
"""

from __future__ import annotations

from collections import ChainMap, Counter
from collections.abc import Iterable, MutableMapping, Sequence
from itertools import chain
from typing import Any, NamedTuple, final

from nbviz.adapters.onnx.held import NOTHING, Held, at_most, of_constant, of_tensor, of_type, without_values
from nbviz.adapters.onnx.lengths import GROWING, READING, made_by
from nbviz.adapters.onnx.nodes import graphs_in

_MOST = 1 << 21
"""Axes and values that are held for a model: each takes about two hundred bytes."""

_DEEPEST = 64
"""Graphs and functions around a node."""

_READ = 6
"""Tensors that an operation takes or makes of which values are held, at most."""


_Known = MutableMapping[str, Held]


class _TooMuchError(Exception):
    """More would be held than is allowed."""


@final
class Bounds(NamedTuple):
    """What of a model can be inferred in little memory.

    Attributes
    ----------
    shapes
        Whether its shapes can.
    values
        Whether the values that shapes are made of can be followed too.
    """

    shapes: bool
    values: bool


def bounds_of(model: Any) -> Bounds:
    """Tell what of a model can be inferred in little memory."""
    if _is_plain(model):  # most of a large model's operations give what they take
        return Bounds(shapes=True, values=True)
    growth = _Growth(model)
    try:
        growth.graph(model.graph, {}, 0)
    except _TooMuchError:
        return Bounds(shapes=False, values=False)
    return Bounds(shapes=True, values=growth.followed <= _MOST)


def _is_plain(model: Any) -> bool:
    """Tell whether no node makes more than the file holds, and that, once for each node, is little."""
    graph = model.graph
    operations = Counter(node.op_type for node in graph.node)
    if model.functions or not GROWING.isdisjoint(operations):
        return False
    constants = (node for node in graph.node if node.op_type == "Constant") if "Constant" in operations else ()
    types = (of_type(info.type) for info in _infos(graph))
    held = list(chain(types, map(without_values, graph.initializer), map(of_constant, constants)))
    reading = sum(operations[op] for op in READING) * _READ
    longest = max((one.longest or 0 for one in held), default=0) if reading else 0
    taken = max((one.taken() for one in held), default=0)
    return max(len(graph.node) * taken, reading * longest) <= _MOST


def _infos(graph: Any) -> Iterable[Any]:
    return chain(graph.value_info, graph.output, graph.input)


@final
class _Growth:
    """Walks through a model as the inference would, and counts."""

    def __init__(self, model: Any) -> None:
        self._functions = {(_domain(f), f.name, f.overload): f for f in model.functions}
        self._total = 0
        self.followed = 0

    def graph(self, graph: Any, known: _Known, depth: int, given: Held = NOTHING) -> Held:
        """Count a graph of whose inputs each is as large as ``given`` at most; return the most that an output has."""
        for info in _infos(graph):
            known[info.name] = of_type(info.type)
        for info in graph.input if given is not NOTHING else ():
            known[info.name] = _entering(known[info.name], given)
        self.followed += sum(known[name].followed() for name in _unstored(graph))
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
                self.followed += found.followed()
            self._total += 1
            if self._total > _MOST:
                raise _TooMuchError

    def _made(self, node: Any, taken: Sequence[Held | None], known: _Known, depth: int) -> Held:
        """Return the most that a result of a node has."""
        function = self._functions.get((_domain(node), node.op_type, node.overload)) if self._functions else None
        if function is not None:
            pairs = zip(function.input, taken, strict=False)
            inside: _Known = {name: one for name, one in pairs if one is not None}
            self._nodes(function.node, inside, depth + 1)
            return at_most(inside.get(name, NOTHING) for name in function.output)
        given = [one for one in taken if one is not None]
        axes = max((one.axes for one in given), default=0)
        found = [
            self.graph(graph, ChainMap({}, known), depth + 1, at_most(given)) for _, graph in graphs_in(node.attribute)
        ]
        if found:  # steps are put together along an axis of their own
            return at_most((*given, *found))._replace(axes=max(axes, at_most(found).axes + 1), fewest_axes=0, fewest=0)
        if node.op_type == "Constant":
            return of_constant(node)
        return made_by(node, given)


def _unstored(graph: Any) -> set[str]:
    """Return the names of what the file gives a type and no values: those of a stored tensor are in the file."""
    return {info.name for info in _infos(graph)}.difference(tensor.name for tensor in graph.initializer)


def _entering(said: Held, given: Held) -> Held:
    """Return what enters a graph, which may be one step of what its node is given, whatever the file says."""
    longest = max(said.longest or 0, given.longest or 0) or None
    return said._replace(axes=max(said.axes, given.axes), longest=longest, fewest_axes=0, fewest=0)


def _domain(named: Any) -> str:
    return "" if named.domain == "ai.onnx" else str(named.domain)
