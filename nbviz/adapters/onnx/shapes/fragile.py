"""Keeps models away from ``onnx`` shape inference if they would crash the process.

A few operations are inferred without asking whether the type of their input is known, or whether an attribute makes sense (seen in
onnx 1.23: a null pointer or a place outside an array in C++, which no ``except`` catches). They are hidden until the type is known,
and for good where the attribute is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from nbviz.adapters.onnx.nodes import inner_nodes

_UNTYPED = frozenset({"DictVectorizer", "EyeLike", "LabelEncoder", "RegexFullMatch", "TreeEnsemble"})
_MISUSED: Mapping[str, tuple[str, Callable[[int, Any], bool]]] = {
    "GatherND": ("batch_dims", lambda axes, _: axes < 0),
    "LayerNormalization": ("axis", lambda axis, _: abs(axis) > _MOST_AXES),
    "Split": ("num_outputs", lambda count, node: count != len(node.output)),
}
_MOST_AXES = 1 << 16
_HIDDEN = "?"


def guarded(infer: Callable[[Any], Any], model: Any) -> Any:
    """Return what ``infer`` makes of a model, or of its bytes; the model is changed."""
    data = model.SerializeToString()
    if not any(op.encode() in data for op in (*_UNTYPED, *_MISUSED)):
        return infer(data)
    nodes = [*model.graph.node, *_inside(model)]
    hidden = [n for n in nodes if n.op_type in _UNTYPED or (n.op_type in _MISUSED and _is_misused(n))]
    if not hidden:
        return infer(data)
    for node in hidden:
        node.op_type += _HIDDEN
    result = infer(model)
    typed = [node for node in _typed(model.graph, result.graph) if node.op_type.removesuffix(_HIDDEN) in _UNTYPED]
    for node in typed:
        node.op_type = node.op_type.removesuffix(_HIDDEN)
    if typed:
        result = infer(model)
    for node in (*result.graph.node, *_inside(result)):
        if node.op_type.endswith(_HIDDEN):
            node.op_type = node.op_type.removesuffix(_HIDDEN)
    return result


def _is_misused(node: Any) -> bool:
    """Tell whether an attribute of a node has a value that no runtime takes, and that the inference does not ask about."""
    name, is_wrong = _MISUSED[node.op_type]
    return any(attribute.name == name and is_wrong(attribute.i, node) for attribute in node.attribute)


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
    yield from inner_nodes(model.graph.node)
    for function in model.functions:
        yield from function.node
        yield from inner_nodes(function.node)
