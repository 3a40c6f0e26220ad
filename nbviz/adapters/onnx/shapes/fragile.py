"""Keeps the shape inference of ``onnx`` away from what ends the process.

A few operations are inferred without asking whether the type of their input is known (seen in onnx 1.23: a null
pointer in C++, which no ``except`` catches). They are hidden until it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from nbviz.adapters.onnx.nodes import DEEPEST, graphs_in

_FRAGILE = frozenset({"DictVectorizer", "EyeLike", "LabelEncoder", "RegexFullMatch", "TreeEnsemble"})
_HIDDEN = "?"


def guarded(infer: Callable[[Any], Any], model: Any) -> Any:
    """Return what ``infer`` makes of a model, or of its bytes; the model is changed."""
    data = model.SerializeToString()
    if not any(op.encode() in data for op in _FRAGILE):
        return infer(data)
    top = [node for node in model.graph.node if node.op_type in _FRAGILE]
    hidden = [*top, *(node for node in _inside(model) if node.op_type in _FRAGILE)]
    for node in hidden:
        node.op_type += _HIDDEN
    first = infer(model)
    safe = [node for node in _typed(model.graph, first.graph) if node.op_type.endswith(_HIDDEN)]
    for node in safe:
        node.op_type = node.op_type.removesuffix(_HIDDEN)
    result = infer(model) if safe else first
    for node in (*result.graph.node, *_inside(result)):
        if node.op_type.endswith(_HIDDEN):
            node.op_type = node.op_type.removesuffix(_HIDDEN)
    return result


def _typed(graph: Any, inferred: Any) -> Iterator[Any]:
    """Yield the nodes of a graph whose inputs have types when the inference comes to them, which follows the order of the file."""
    found = _names_with_types(inferred)
    here = _names_with_types(graph)
    for node in graph.node:
        if node.input and here.issuperset(node.input):
            yield node
        here.update(found.intersection(node.output))


def _names_with_types(graph: Any) -> set[str]:
    declared = (info.name for info in (*graph.input, *graph.value_info) if info.type.WhichOneof("value"))
    return {*declared, *(tensor.name for tensor in graph.initializer)} - {""}


def _inside(model: Any) -> Iterator[Any]:
    """Yield the nodes of the graphs inside nodes, and of functions."""
    yield from _nested(model.graph.node, 0)
    for function in model.functions:
        yield from function.node
        yield from _nested(function.node, 0)


def _nested(nodes: Iterable[Any], depth: int) -> Iterator[Any]:
    for node in nodes:
        for _, graph in graphs_in(node.attribute) if depth < DEEPEST else ():
            yield from graph.node
            yield from _nested(graph.node, depth + 1)
