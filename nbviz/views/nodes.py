"""The nodes and edges of ``plot_model``: which calls are drawn, which of them are open, and how they are connected."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import final

from nbviz.graph import ModelGraph
from nbviz.views.ranges import name_range

_CONTAINERS = ("Functional", "Sequential")
"""Classes that a framework ships for models, not for layers."""


@final
@dataclass(frozen=True, slots=True)
class Nodes:
    """The calls that are drawn, by id and in execution order.

    Attributes
    ----------
    shown
        Calls that are one node each.
    opened
        Calls that are frames around nodes and other frames.
    edges
        Nodes that a tensor goes between, each pair once however many tensors there are.
    """

    shown: tuple[int, ...]
    opened: tuple[int, ...]
    edges: tuple[tuple[int, int], ...]


def nodes_of(
    graph: ModelGraph,
    *,
    expand_nested: bool = False,
    layer_range: Sequence[str] | None = None,
    name: Callable[[int], str],
) -> Nodes:
    """Return what is drawn of a graph.

    The model itself is open and has no frame, also a subclassed one, which Keras draws as one box. Its outputs are no nodes,
    and neither is the one input of a model that has no layer for it, such as a Sequential one, unless several nodes take it.

    Parameters
    ----------
    graph
        The model graph.
    expand_nested
        Open what is inside: nested models, and layers that a user wrote. The framework's own layers stay closed, as in Keras.
    layer_range
        Names or patterns of the first and the last call at the top of the model to draw; by default all.
    name
        The name of a call.
    """
    opened = _opened(graph, expand_nested=expand_nested)
    parents = graph.calls.column("parent")
    node: list[int] = []
    for call, parent in enumerate(parents):
        node.append(call if parent is None or parent in opened else node[parent])
    edges = _edges(graph, node)
    left_out = _hidden(graph, edges)
    top = [call for call in range(len(parents)) if call not in left_out and _is_top(call, parents, opened)]
    if layer_range is not None:
        kept = name_range([name(call) for call in top], layer_range)
        left_out.update(call for at, call in enumerate(top) if at not in kept)
    for call, parent in enumerate(parents):
        if parent in left_out:
            left_out.add(call)
    calls = [call for call in range(len(parents)) if call not in left_out]
    return Nodes(
        tuple(call for call in calls if node[call] == call and call not in opened),
        tuple(call for call in calls if call in opened and parents[call] is not None),
        tuple(edge for edge in edges if left_out.isdisjoint(edge)),
    )


def _is_top(call: int, parents: Sequence[int | None], opened: Collection[int]) -> bool:
    """Tell whether a call is directly inside the model, or is a model of which nothing more is known."""
    parent = parents[call]
    return call not in opened if parent is None else parent in opened and parents[parent] is None


def _opened(graph: ModelGraph, *, expand_nested: bool) -> Collection[int]:
    """Return the calls that show what is inside them, which is more than where tensors come in and leave."""
    calls = graph.calls
    parents, layers = calls.column("parent"), calls.column("layer")
    holding = {
        parent for parent, kind in zip(parents, calls.column("kind"), strict=True) if kind not in {"input", "output"}
    }
    opened: set[int] = set()
    for call, parent in enumerate(parents):
        inside = parent is None or (expand_nested and parent in opened and not _is_shipped_layer(graph, layers[call]))
        if inside and call in holding:
            opened.add(call)
    return opened


def _is_shipped_layer(graph: ModelGraph, path: str | None) -> bool:
    """Tell whether a call is of an operation or of a layer that comes with the framework: a building block, not a model."""
    if path is None:
        return True
    layer = graph.layer_index[path]
    # "keras" comes with Keras, "torch" with PyTorch
    package = graph.layers.column("module")[layer].partition(".")[0].lower()
    shipped = bool(package) and graph.framework.lower().endswith(package)
    return shipped and graph.layers.column("type")[layer] not in _CONTAINERS


def _edges(graph: ModelGraph, node: Sequence[int]) -> Collection[tuple[int, int]]:
    ends = zip(graph.edges.column("source"), graph.edges.column("target"), strict=True)
    found = ((node[source], node[target]) for source, target in ends)
    return dict.fromkeys((source, target) for source, target in found if source != target)


def _hidden(graph: ModelGraph, edges: Collection[tuple[int, int]]) -> set[int]:
    """Return outputs, and an input that says no more than the node behind it."""
    kinds, layers = graph.calls.column("kind"), graph.calls.column("layer")
    hidden = {call for call, kind in enumerate(kinds) if kind == "output"}
    bare = [call for call, kind in enumerate(kinds) if kind == "input" and layers[call] is None]
    if len(bare) == 1 and sum(bare[0] in edge and hidden.isdisjoint(edge) for edge in edges) == 1:
        hidden.update(bare)
    return hidden
