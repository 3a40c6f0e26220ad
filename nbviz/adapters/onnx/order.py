"""The order of nodes in a file: the standard requires a topological order, but runtimes do not."""

from __future__ import annotations

from typing import Any

from nbviz.adapters.dataflow.ordering import ordered
from nbviz.adapters.onnx.nodes import node_of


def is_in_order(graph: Any) -> bool:
    """Tell whether no node of a graph takes what a later one makes."""
    later = {name for node in graph.node for name in node.output if name}
    for node in graph.node:
        if not later.isdisjoint(node.input):
            return False
        later.difference_update(node.output)
    return True


def put_in_order(graph: Any) -> None:
    """Put the nodes of a graph in order, which the inference of ``onnx`` follows."""
    nodes = list(map(node_of, graph.node))
    protos = dict(zip(map(id, nodes), list(graph.node), strict=True))
    arranged = type(graph)(node=[protos[id(node)] for node in ordered(nodes).nodes])
    del graph.node[:]
    graph.node.extend(arranged.node)
