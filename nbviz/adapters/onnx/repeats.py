"""How often the subgraphs of a node run, if the model says so."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple, final

from nbviz.adapters.onnx.nodes import Node, constant, stored_setting
from nbviz.adapters.onnx.shapes.expressions import size_of
from nbviz.adapters.onnx.shapes.outcomes import branch_of
from nbviz.adapters.onnx.shapes.steps import steps_of
from nbviz.adapters.onnx.values import Value
from nbviz.shape import Dim

_NO_LIMIT = 1 << 31
"""Steps that stand for as many as it takes."""

_WITHOUT_BATCH = 9
"""The version of the standard since which ``Scan`` has no batch of its own."""


@final
class Runs(NamedTuple):
    """How often nodes run.

    Attributes
    ----------
    times
        One factor for each loop around them; None where one of these does not say how often it runs.
    lengths
        Symbols of the open sizes that loops around them walk along, where these alone leave it open.
    """

    times: tuple[int, ...] | None = ()
    lengths: tuple[str, ...] = ()

    @property
    def depends(self) -> bool:
        """Whether how often they run depends on values of tensors."""
        return self.times is None and not self.lengths

    def inside(self, node: Node, times: int | None, length: str) -> Runs:
        """Return how often a graph of a node runs, of which it has been told how often, or along which open size.

        What a branch does is told as if it ran, for it runs once or not at all.
        """
        if times is not None:
            return Runs(None if self.times is None else (*self.times, times), self.lengths)
        if node.op == "If" and not node.domain:
            return self
        return Runs(None, (*self.lengths, length) if length and not self.depends else ())


ONCE = Runs()
"""Of what no loop is around."""


def open_length(node: Node, taken: Sequence[Value | None], version: int, entering: Collection[str]) -> str:
    """Return the symbol of the size that a ``Scan`` walks along, ``""`` where sizes of inputs, ``entering``, do not tell it."""
    if node.domain or node.op != "Scan" or _is_first(node, version):
        return ""
    length = _scanned(node, taken)
    if not isinstance(length, str):
        return ""
    told = length in entering or size_of(length, dict.fromkeys(entering, 1)) is not None
    return length if told else ""


def times_of(
    node: Node,
    name: str,
    graph: Any,
    taken: Sequence[Value | None],
    known: Callable[[str], Any],
    *,
    version: int,
    batch: Dim,
) -> int | None:
    """Return how often a graph of a node runs when the node does, None if that is not known.

    Parameters
    ----------
    node
        The node: a condition, a loop, or what has graphs for another reason.
    name
        What the graph is to it.
    graph
        The graph.
    taken
        What the node is given.
    known
        Returns the values of a tensor around the node by its name, None if they are not known.
    version
        The version of the standard, 0 if it is not known.
    batch
        The symbol of the batch.
    """
    if node.domain:
        return None
    if node.op == "Scan":
        if _is_first(node, version):
            return _scanned_in_batches(node, taken, batch)
        steps = _scanned(node, taken)
        return steps if isinstance(steps, int) else None
    if node.op == "Loop":
        steps = _stored(taken, 0)
        if isinstance(steps, int) and 0 <= steps < _NO_LIMIT and _goes_on(graph, taken):
            return steps
        return steps_of(graph, node.inputs, known, version)
    if node.op == "If":
        chosen = _stored(taken, 0)
        if isinstance(chosen, bool):
            return int(chosen == (name == "then_branch"))
        branch = branch_of(known(node.inputs[0])) if node.inputs else ""
        return int(branch == name) if branch else None
    return None


def _stored(taken: Sequence[Value | None], at: int) -> Any:
    """Return the value of an input that is a constant of one number."""
    value = taken[at] if at < len(taken) else None
    found = None if value is None or value.constant is None else stored_setting(value.constant)
    return found[0] if isinstance(found, tuple) and len(found) == 1 else found


def _is_first(node: Node, version: int) -> bool:
    """Tell whether a ``Scan`` is of the first version."""
    return 0 < version < _WITHOUT_BATCH or "directions" in node.attributes


def _scanned(node: Node, taken: Sequence[Value | None]) -> Dim:
    """Return how many slices the first tensor is taken in that a ``Scan`` walks along."""
    if "num_scan_inputs" not in node.attributes:
        return None
    count = node.attributes["num_scan_inputs"].i
    first = taken[len(taken) - count] if 0 < count <= len(taken) else None
    axes = node.attributes["scan_input_axes"].ints if "scan_input_axes" in node.attributes else [0]
    if first is None or first.dims is None or not axes or not -len(first.dims) <= axes[0] < len(first.dims):
        return None
    steps: Dim = first.dims[axes[0]]
    return steps


def _scanned_in_batches(node: Node, taken: Sequence[Value | None], batch: Dim) -> int | None:
    """Return how many slices a ``Scan`` of the first version takes, which stand along the second axis of each example."""
    count = node.attributes["num_scan_inputs"].i if "num_scan_inputs" in node.attributes else 0
    first = taken[len(taken) - count] if 0 < count < len(taken) else None
    if first is None or taken[0] is not None or first.dims is None or len(first.dims) < 2:  # or lengths are given
        return None
    examples, steps = first.dims[:2]
    if batch is not None and examples == batch:  # of which one is counted
        examples = 1
    return examples * steps if isinstance(examples, int) and isinstance(steps, int) else None


def _goes_on(graph: Any, taken: Sequence[Value | None]) -> bool:
    """Tell whether the condition of a ``Loop`` is true before its first step and stays so."""
    begun = len(taken) < 2 or taken[1] is None or _stored(taken, 1) is True
    return begun and bool(graph.output) and _is_true(graph, graph.output[0].name)


def _is_true(graph: Any, name: str) -> bool:
    """Tell whether a tensor of a loop's body is true: a constant, or the condition as it came in."""
    makers = {output: node for node in graph.node for output in node.output}
    maker = makers.get(name)
    for _ in makers:
        if maker is None or maker.op_type != "Identity" or not maker.input:
            break
        name = maker.input[0]
        maker = makers.get(name)
    stored = [tensor for tensor in graph.initializer if tensor.name == name]
    if maker is not None and maker.op_type == "Constant":
        stored = [attribute.t for attribute in maker.attribute if attribute.HasField("t")]
    as_given = len(graph.input) > 1 and name == graph.input[1].name
    return as_given or any(constant(tensor) in (True, (True,)) for tensor in stored)
