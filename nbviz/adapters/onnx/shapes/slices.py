"""Slices that keep a whole axis, as TensorFlow exporters write them; ``onnx`` loses the size of such an axis if it is open."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from nbviz.adapters.onnx.nodes import bodies
from nbviz.adapters.onnx.shapes.constants import constants_in

_END = (1 << 31) - 1
"""No axis is longer: this, or more, is written where a slice goes on to the end."""

_GIVEN = 3
"""What a slice is given at least: the tensor, starts and ends."""

_ADDED = "?cut_"


def inferred_without_whole_axes(model: Any, infer: Callable[[Any], Any]) -> Any:
    """Return a model with the shapes that ``infer`` finds where slices name those axes alone that they cut."""
    graphs = [model.graph, *bodies(model.graph)]
    stored = [len(graph.initializer) for graph in graphs]
    changed = [list(_narrowed(graph)) for graph in graphs]
    shaped = infer(model)
    for one in (model, shaped) if any(changed) else ():
        for graph, count, slices in zip((one.graph, *bodies(one.graph)), stored, changed, strict=True):
            del graph.initializer[count:]
            for at, inputs in slices:
                graph.node[at].op_type = "Slice"
                graph.node[at].input[:] = inputs
    return shaped


def _narrowed(graph: Any) -> Iterator[tuple[int, list[str]]]:
    """Take axes that stay whole out of the slices of a graph; yield which these are, and their inputs before."""
    slices = [(at, node) for at, node in enumerate(graph.node) if node.op_type == "Slice" and not node.domain]
    given_by_callers = {info.name for info in graph.input}  # who may replace what is stored too
    known = constants_in(graph, given_by_callers) if slices else {}
    for at, node in slices:
        given = [known.get(name) for name in node.input[1:] if name]
        if len(given) < _GIVEN - 1 or not all(node.input[:_GIVEN]) or not all(map(_are_numbers, given)):
            continue
        cuts = list(zip(*_cuts(node, given), strict=False))
        kept = [cut for cut in cuts if not _is_whole(*cut)]
        if len(kept) < len(cuts):
            before = list(node.input)
            _name(node, kept, graph, f"{_ADDED}{at}_")
            yield at, before


def _cuts(node: Any, given: Sequence[Any]) -> tuple[Any, ...]:
    """Return the starts, the ends, the axes and the steps of a slice."""
    told = dict(zip((at for at, name in enumerate(node.input[1:]) if name), given, strict=True))
    count = told[0].size
    values = [told[at].ravel().tolist() if at in told else None for at in range(4)]
    return values[0], values[1], values[2] or range(count), values[3] or [1] * count


def _are_numbers(value: Any) -> bool:
    return value is not None and value.dtype.kind == "i"


def _is_whole(start: int, end: int, _axis: int, step: int) -> bool:
    return start == 0 and end >= _END and step == 1


def _name(node: Any, cuts: Sequence[Sequence[int]], graph: Any, prefix: str) -> None:
    """Write into a slice what it cuts; one that cuts nothing is no slice."""
    del node.input[1:]
    if not cuts:
        node.op_type = "Identity"
    for what, values in zip(("starts", "ends", "axes", "steps"), zip(*cuts, strict=True), strict=False):
        graph.initializer.add(name=prefix + what, data_type=7, dims=[len(values)], int64_data=values)
        node.input.append(prefix + what)
