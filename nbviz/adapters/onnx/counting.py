"""Counts multiply-accumulates that depend on the batch in ways that symbols cannot express."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, final

from nbviz.adapters.dataflow.findings import Findings
from nbviz.adapters.onnx.compute import Contractions, Step
from nbviz.adapters.onnx.nodes import Node
from nbviz.adapters.onnx.schemas import domain_of, is_operation
from nbviz.adapters.onnx.scopes import is_noted
from nbviz.adapters.onnx.shapes.expressions import size_of
from nbviz.adapters.onnx.shapes.inference import for_batch, for_sizes
from nbviz.adapters.onnx.shapes.sizes import open_sizes
from nbviz.adapters.onnx.types import Types, is_sized, shown
from nbviz.adapters.onnx.values import Value
from nbviz.metrics import macs
from nbviz.records import CallRecord
from nbviz.shape import Dim


@final
@dataclass(frozen=True, slots=True)
class Uncounted:
    """A call whose multiply-accumulates cannot be told from the sizes that are known.

    Attributes
    ----------
    record, node
        The call, and what it is a call of.
    taken, made
        What it takes and makes.
    where
        The graph that it is in, ``""`` for a model's own.
    lengths
        Symbols of the open sizes that loops around it walk along.
    """

    record: CallRecord
    node: Node
    taken: Sequence[Value | None]
    made: Sequence[Value | None]
    where: str
    lengths: Sequence[str] = ()

    @property
    def is_lost(self) -> bool:
        """Whether what it takes, or makes, comes after sizes that may contradict each other."""
        return any(value is not None and value.is_lost for value in (*self.taken, *self.made))

    def step(self, types: Types) -> Step:
        """Return the call with other sizes."""

        def sized(name: str, value: Value | None) -> Value | None:
            stored = value is None or value.weight is not None or value.constant is not None
            return value if stored else Value(*types.of(name))

        inputs = list(map(sized, self.node.inputs, self.taken))
        return Step(self.node, inputs, list(map(sized, self.node.outputs, self.made)), None)

    def symbols(self, entering: Collection[str]) -> Iterator[str]:
        """Yield the names of its open sizes that are among those of the model's inputs, and of the lengths of loops."""
        yield from (str(name) for name in shown(self.lengths) if name)
        for value in (*self.taken, *self.made):
            dims = () if value is None or value.dims is None else value.dims
            yield from (str(name) for dim, name in zip(dims, shown(dims), strict=True) if name and dim in entering)


def count_for_one(model: Any, batch: Dim, calls: Sequence[Uncounted], findings: Findings) -> None:
    """Count calls with numbers for the batch, such as those of attention with the heads of all examples on one axis.

    What a batch of two does not do twice is none of an example's, and stays unknown; ``findings`` is told of what does.
    """
    waiting = [call for call in calls if not call.where] if batch is not None else []
    if waiting:
        graphs = (for_batch(model, batch, size) for size in (1, 2))
        one, two = (Types.of_graph(graph) for graph in graphs)
        contractions = Contractions()
        for call in waiting:
            compute = contractions.of(call.step(one))
            count, twice = macs(compute), macs(contractions.of(call.step(two)))
            if count is not None and twice == 2 * count:
                call.record.compute = compute
    left = [call for call in calls if call.record.compute is None]
    entering = set(open_sizes(model.graph))
    for call in left:
        findings.uncounted += 1
        findings.open.update(dict.fromkeys(call.symbols(entering - {batch})))
    if left:
        findings.advice = "; ".join(_advice(model, entering, left))


_OPEN = "pass sizes as inputs"
_LOST = "onnxslim or onnxsim can write the sizes that the model computes into the file"
_EXPORT = ", as can torch.onnx.export(..., dynamo=True)"

_TRIED = 64
"""A size that is large enough for most models to make something of."""


def _advice(model: Any, entering: Collection[str], calls: Sequence[Uncounted]) -> Iterator[str]:
    """Yield what helps to count calls: each is tried, as far as it can be."""
    counted = _counted_with_sizes(model, entering, calls)
    if counted:
        yield _OPEN
    if counted < len(calls) and _are_computed(model.graph, calls):
        by_torch = model.producer_name == "pytorch" and not is_noted(model.graph.node)
        yield _LOST + _EXPORT * by_torch


def _counted_with_sizes(model: Any, entering: Collection[str], calls: Sequence[Uncounted]) -> int:
    """Return how many calls can be counted where the sizes of inputs are given; of those inside graphs it is not known."""
    if not entering or "" in entering:
        return len(calls) if entering else 0
    names = dict.fromkeys(entering, _TRIED)
    sizes = {name: size_of(name, names) or _TRIED for name in entering}  # some are expressions of others
    graph = for_sizes(model, sizes)
    types, contractions = Types.of_graph(graph), Contractions()
    return sum(bool(call.where) or macs(contractions.of(call.step(types))) is not None for call in calls)


def _are_computed(graph: Any, calls: Sequence[Uncounted]) -> bool:
    """Tell whether sizes are lost at an operation of the standard, which computes them, and not at one that nobody knows."""
    types = Types.of_graph(graph)
    makers = {name: node for node in graph.node for name in node.output}
    waiting = [name for call in calls for name in (*call.node.inputs, *call.node.outputs)]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        node = makers.get(name)
        if node is None or name in seen or is_sized(types.of(name)[1]):
            continue
        seen.add(name)
        before = [taken for taken in node.input if taken in makers and not is_sized(types.of(taken)[1])]
        if not before and is_operation(node.op_type, "") and not domain_of(node):
            return True
        waiting.extend(before)
    return any(call.where for call in calls)
