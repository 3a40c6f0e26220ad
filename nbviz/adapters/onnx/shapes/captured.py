"""Constants that subgraphs use from the graph around them.

The inference of ``onnx`` knows their types in there and not their values, which say how a ``Reshape`` or a ``Squeeze`` shapes.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterator
from typing import Any

from nbviz.adapters.onnx.nodes import DEEPEST, WITH_BODIES, bodies, graphs_in
from nbviz.adapters.onnx.shapes.constants import constants_in


def inferred_with_captured(model: Any, infer: Callable[[Any], Any]) -> Any:
    """Return a model with the shapes that ``infer`` finds where each graph has the constants that it takes from around it."""
    own = [len(body.initializer) for body in bodies(model.graph)]
    for body, tensors in list(_captured(model.graph, ChainMap())):
        body.initializer.extend(tensors)
    shaped = infer(model)
    for graph in (model.graph, shaped.graph):
        for body, count in zip(bodies(graph), own, strict=True):
            del body.initializer[count:]
    return shaped


def _captured(graph: Any, around: ChainMap[str, Any], depth: int = 0) -> Iterator[tuple[Any, list[Any]]]:
    """Yield the graphs inside the nodes of a graph, each with the short constants around it that its nodes take."""
    from onnx import numpy_helper

    inside = [node for node in graph.node if node.op_type in WITH_BODIES]
    if not inside or depth >= DEEPEST:
        return
    known = around.new_child(_constants(graph))
    for _, body in (found for node in inside for found in graphs_in(node.attribute)):
        own = {tensor.name for tensor in body.initializer} | {info.name for info in body.input}
        own.update(name for node in body.node for name in node.output)
        taken = dict.fromkeys(name for node in body.node for name in node.input if name not in own)
        values = ((name, known.get(name)) for name in taken)
        yield body, [numpy_helper.from_array(value, name) for name, value in values if _is_number(value)]
        yield from _captured(body, known, depth + 1)


def _constants(graph: Any) -> dict[str, Any]:
    """Return what a graph knows of its tensors' values: None stands for those that are not known, or long."""
    given = {info.name for info in graph.input}  # callers may replace what is an input too
    made = dict.fromkeys(name for node in graph.node for name in node.output)
    return dict.fromkeys(given) | made | constants_in(graph, given)


def _is_number(value: Any) -> bool:
    """Tell whether values are known, and such as shapes are made of."""
    return value is not None and value.dtype.kind in "biuf"
