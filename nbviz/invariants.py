"""The rules that every model graph obeys; a graph from a file is checked before use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nbviz.columns import Columns
from nbviz.errors import with_article
from nbviz.graph import EXTENTS, Call, Edge, Group, Layer, ModelGraph, Parameter


def violations(graph: ModelGraph) -> Iterator[str]:
    """Yield one sentence for every rule of ``nbviz.graph`` that a graph breaks; none for a sound one."""
    yield from _layers(graph.layers, len(graph.parameters))
    paths = set(graph.layers.column("path"))
    yield from _calls(graph.calls, paths, len(graph.parameters))
    yield from _edges(graph.edges, graph.calls)
    yield from _parameters(graph.parameters, paths)
    yield from _groups(graph.groups, paths, _holders(graph))
    for diagnostic in graph.diagnostics:
        if diagnostic.call is not None and not 0 <= diagnostic.call < len(graph.calls):
            yield f"a diagnostic is about call {diagnostic.call}, which does not exist"


def _holders(graph: ModelGraph) -> dict[str, str | None]:
    """Return the path of what holds each layer and operation."""
    found: dict[str, str | None] = {layer.path: layer.parent for layer in graph.layers}
    paths = graph.calls.column("path")
    for call in graph.calls:
        if call.kind == "operation":
            at = call.parent
            found.setdefault(call.path, paths[at] if at is not None and 0 <= at < len(paths) else "")
    return found


def _outside(ids: Any, length: int) -> bool:
    return any(not 0 <= i < length for i in ids)


def _layers(layers: Columns[Layer], parameters: int) -> Iterator[str]:
    seen: set[str] = set()
    if not layers or layers[0].path or layers[0].parent is not None:
        yield "the first layer is not the root, which has the path '' and the parent None"
    for layer in layers:
        if layer.path in seen:
            yield f"two layers have the path {layer.path!r}"
        if layer.path and layer.parent not in seen:
            yield f"layer {layer.path!r} appears before its parent {layer.parent!r}"
        if _outside(layer.parameters or (), parameters):
            yield f"layer {layer.path!r} holds a parameter that does not exist"
        seen.add(layer.path)


def _calls(calls: Columns[Call], paths: set[str], parameters: int) -> Iterator[str]:
    kinds = calls.column("kind")
    for position, call in enumerate(calls):
        if call.id != position:
            yield f"call {call.id} is at position {position}"
        if call.parent is not None and not 0 <= call.parent < position:
            yield f"call {position} does not come after its parent {call.parent}"
        elif call.parent is not None and kinds[call.parent] not in {"layer", "operation"}:
            yield f"call {position} is inside call {call.parent}, which is {with_article(kinds[call.parent])}"
        if call.layer is not None and (call.layer != call.path or call.layer not in paths):
            yield f"call {position} has the path {call.path!r} but the layer {call.layer!r}"
        if _outside(call.parameters, parameters):
            yield f"call {position} reads a parameter that does not exist"
        for pattern in call.compute or ():
            names = {name for name, _ in pattern.shapes}
            if names != EXTENTS.get(pattern.op, names):
                yield f"call {position} has a {pattern.op} with the shapes {', '.join(sorted(names)) or 'nothing'}"


def _edges(edges: Columns[Edge], calls: Columns[Call]) -> Iterator[str]:
    inputs, outputs = calls.column("inputs"), calls.column("outputs")
    containers = set(calls.column("parent"))
    before = (-1, -1, -1, -1)
    for edge in edges:
        key = (edge.target, edge.target_port, edge.source, edge.source_port)
        if not 0 <= edge.source < edge.target < len(calls):
            yield f"an edge goes from call {edge.source} to call {edge.target}, which is not later"
            continue
        if _outside([edge.source_port], len(outputs[edge.source])):
            yield f"an edge starts at output {edge.source_port} of call {edge.source}, which does not exist"
        if _outside([edge.target_port], len(inputs[edge.target])):
            yield f"an edge ends at input {edge.target_port} of call {edge.target}, which does not exist"
        if {edge.source, edge.target} & containers:
            yield f"an edge from call {edge.source} to call {edge.target} ends at a call that contains others"
        if key < before:
            yield f"the edge from call {edge.source} to call {edge.target} is out of order"
        before = key


def _parameters(parameters: Columns[Parameter], paths: set[str]) -> Iterator[str]:
    for position, parameter in enumerate(parameters):
        if parameter.id != position:
            yield f"parameter {parameter.id} is at position {position}"
        if not parameter.owners or not paths.issuperset(parameter.owners):
            yield f"parameter {position} is owned by {parameter.owners!r}, which are not layers"


def _groups(groups: Columns[Group], paths: set[str], holders: Mapping[str, str | None]) -> Iterator[str]:
    seen: dict[str, str] = {}
    grouped: set[str] = set()
    for group in groups:
        if group.id in seen or group.id in holders:
            yield f"the group id {group.id!r} is used twice"
        if group.parent is not None and seen.get(group.parent) != group.layer:
            yield f"group {group.id!r} must come after its parent group {group.parent!r}, in the same layer"
        if group.layer not in paths:
            yield f"group {group.id!r} is in {group.layer!r}, which is not a layer"
        for member in group.members:
            if member not in holders or holders[member] != group.layer:
                yield f"group {group.id!r} has the member {member!r}, which is not a row directly in {group.layer!r}"
            if member in grouped:
                yield f"group {group.id!r} has the member {member!r}, which is also in another group"
            grouped.add(member)
        seen[group.id] = group.layer
