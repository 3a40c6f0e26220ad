"""Estimates the memory that ``onnx`` shape inference needs: a short chain of nodes can double shapes and their values without end.

Seen in onnx 1.23: it joins the values that shapes are made of (``Concat``), and adds up axes (``Gather``); of whole numbers
that it does not know it holds as many as there are, where it knows that. What it would hold is therefore counted first, as a
bound from above; that has to be close where exporters compute shapes, layer after layer. Of fractions with one axis it holds
as many values, for nothing. Where all that is too much, the nodes that hold most are named, so that they can be left out (see
``rounds``). Without following values it holds axes alone.
"""

from __future__ import annotations

from collections import ChainMap, Counter
from collections.abc import Collection, Iterable, MutableMapping, Sequence
from itertools import chain
from typing import Any, NamedTuple, final

from nbviz.adapters.onnx.nodes import graphs_in
from nbviz.adapters.onnx.schemas import domain_of, is_operation
from nbviz.adapters.onnx.shapes.held import NOTHING, Held, at_most, of_constant, of_tensor, of_type, without_values
from nbviz.adapters.onnx.shapes.lengths import GROWING, READING, made_by

_MOST = 1 << 21
"""Axes and values that are held for a model: each takes about two hundred bytes."""

_EACH = (_MOST, _MOST >> 4, _MOST >> 8, _MOST >> 12)
"""What one node may hold: as much as all together or, where all is too much, less; the largest nodes are left out then."""

_DEEPEST = 64
"""Graphs and functions around a node."""

_READ = 6
"""Tensors that an operation takes or makes of which values are held, at most."""

_ASKING = READING - {"Shape"}
"""Operations that ask for the values of what they take, and not for its sizes alone."""

_Known = MutableMapping[str, Held]


class _TooMuchError(Exception):
    """More would be held than is allowed."""


@final
class Doubtful(NamedTuple):
    """The nodes of a model's own graph, by their places, that have to be left out for the inference to take little memory.

    Attributes
    ----------
    shapes
        Those to leave out where shapes alone are inferred.
    values
        Those to leave out where the values that shapes are made of are followed too.
    """

    shapes: frozenset[int] = frozenset()
    values: frozenset[int] = frozenset()


def doubtful(model: Any, inferred: Collection[str] = ()) -> Doubtful:
    """Tell which nodes of a model cannot be inferred in little memory.

    Parameters
    ----------
    model
        The model.
    inferred
        Names of tensors of which a type in the model is no claim, but what has been inferred of them.
    """
    if _is_plain(model):  # most of a large model's operations give what they take
        return Doubtful()
    values = _left_out(model, inferred, follows=True)
    return Doubtful(_left_out(model, inferred, follows=False) if values else values, values)


def _left_out(model: Any, inferred: Collection[str], *, follows: bool) -> frozenset[int]:
    for each in _EACH:
        growth = _Growth(model, inferred, each, follows=follows)
        growth.run(model.graph)
        if growth.total <= _MOST:
            return frozenset(growth.left_out)
    return frozenset(range(len(model.graph.node)))


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
    """Walks through a model as the inference would, and counts; a node that holds more than ``each`` is left out."""

    def __init__(self, model: Any, inferred: Collection[str], each: int, *, follows: bool) -> None:
        self._functions = {(domain_of(f), f.name, f.overload): f for f in model.functions}
        self._inferred = frozenset(inferred)
        self._each = each
        self._follows = follows
        self._unread: set[str] = set()
        self._end = _MOST
        self.total = 0
        self.left_out: set[int] = set()

    def run(self, graph: Any) -> None:
        """Count the model's own graph, until it is too much."""
        known: _Known = {info.name: of_type(info.type) for info in _infos(graph)}
        made = {name for node in graph.node if self._is_inferred(node) for name in node.output}
        self._unread = _unstored(graph) - made
        known.update((tensor.name, of_tensor(tensor)) for tensor in graph.initializer)
        for at, node in enumerate(graph.node):
            before = self.total
            self._end = min(before + self._each, _MOST)
            try:
                self._node(node, known, 0)
            except _TooMuchError:
                if self._end < self.total <= before + self._each:  # no more than others
                    return
                self.total = before + 1
                self.left_out.add(at)
                self._unread.update(name for name in node.output if name in known)  # what the file says stands

    def _graph(self, graph: Any, known: _Known, depth: int, given: Held) -> Held:
        """Count a graph of whose inputs each is as large as ``given`` at most; return the most that an output has."""
        for info in _infos(graph):
            known[info.name] = of_type(info.type)
        for info in graph.input:
            known[info.name] = _entering(known[info.name], given)
        self._count(sum(self._followed(known[name]) for name in _unstored(graph)))
        known.update((tensor.name, of_tensor(tensor)) for tensor in graph.initializer)
        self._nodes(graph.node, known, depth)
        return at_most(known.get(info.name, NOTHING) for info in graph.output)

    def _nodes(self, nodes: Any, known: _Known, depth: int) -> None:
        if depth > _DEEPEST:
            raise _TooMuchError
        for node in nodes:
            self._node(node, known, depth)

    def _is_inferred(self, node: Any) -> bool:
        """Tell whether the inference makes anything of a node; if not, what the file says of its results is all there is."""
        return is_operation(node.op_type, node.domain) or self._function(node) is not None

    def _function(self, node: Any) -> Any:
        return self._functions.get((domain_of(node), node.op_type, node.overload)) if self._functions else None

    def _node(self, node: Any, known: _Known, depth: int) -> None:
        if not self._is_inferred(node):
            return
        read = self._unread.intersection(node.input) if self._follows and node.op_type in _ASKING else ()
        self._count(1 + sum(known[name].followed() for name in read))
        made = self._made(node, [known.get(name, NOTHING) if name else None for name in node.input], known, depth)
        results = {name: self._result(node, name, made, known, depth) for name in node.output}
        self._count(sum(one.axes + self._followed(one) for one in results.values()))
        known.update(results)

    def _result(self, node: Any, name: str, made: Held, known: _Known, depth: int) -> Held:
        if name not in known:
            return made
        follows = node.op_type in READING  # it may hold other values than its type says
        is_inferred = name in self._inferred and not depth and not follows
        return made.inferred_as(known[name]) if is_inferred else made.beside(known[name])

    def _followed(self, one: Held) -> int:
        return one.followed() if self._follows else 0

    def _count(self, held: int) -> None:
        self.total += held
        if self.total > self._end:
            raise _TooMuchError

    def _made(self, node: Any, taken: Sequence[Held | None], known: _Known, depth: int) -> Held:
        """Return the most that a result of a node has."""
        function = self._function(node)
        if function is not None:
            pairs = zip(function.input, taken, strict=False)
            inside: _Known = {name: one for name, one in pairs if one is not None}
            self._nodes(function.node, inside, depth + 1)
            return at_most(inside.get(name, NOTHING) for name in function.output)
        given = [one for one in taken if one is not None]
        axes = max((one.axes for one in given), default=0)
        found = [
            self._graph(graph, ChainMap({}, known), depth + 1, at_most(given)) for _, graph in graphs_in(node.attribute)
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
