"""The nodes of a graph, copied once from their protocol buffers, which are slow to access."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, final

from nbviz.adapters.dataflow.scopes import Entry
from nbviz.adapters.onnx.schemas import standard_domain
from nbviz.adapters.onnx.scopes import noted_in, scopes_of, source_of, tells_scopes
from nbviz.adapters.onnx.types import dtype_of
from nbviz.adapters.text import decoded, label, short
from nbviz.graph import Setting

_MOST_VALUES = 16
"""Values of a list that a setting shows."""

DEEPEST = 24
"""Graphs inside graphs that are followed; protocol buffers themselves stop at about thirty."""

WITH_BODIES = frozenset({"If", "Loop", "Scan", "SequenceMap"})
"""Operations of the standard that run graphs."""


@final
@dataclass(slots=True, eq=False)
class Node:
    """One node of a graph.

    Attributes
    ----------
    op, domain
        What it does; the standard's own domain is ``""``.
    name
        Its own name without the scopes around it, or ``""``.
    full_name
        Its name as the file has it.
    inputs, outputs
        Names of tensors; ``""`` for one that is left out.
    attributes
        Its attributes by name.
    scopes
        The scopes around it, outer first.
    has_graphs
        Whether graphs are among its attributes.
    source
        The line of the original model's code that it comes from, or ``""``.
    overload
        Which of the functions of one name it calls, or ``""``.
    is_placed
        Whether the file says in which scopes it is.
    """

    op: str
    domain: str
    name: str
    full_name: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any] = field(default_factory=dict)
    scopes: tuple[Entry, ...] = ()
    has_graphs: bool = False
    source: str = ""
    overload: str = ""
    is_placed: bool = True

    @property
    def module(self) -> str:
        """The set of operations that it belongs to."""
        return self.domain or "ai.onnx"

    def needed(self) -> Collection[str]:
        """Return the names of the tensors that have to be there before it."""
        return {*self.inputs, *taken_from_outside(self)} if self.has_graphs else self.inputs

    def graphs(self) -> dict[str, Any]:
        """Return the graphs among its attributes by name."""
        return {label(name): graph for name, graph in graphs_in(self.attributes.values())}


def node_of(proto: Any) -> Node:
    """Return a node as it is written."""
    full_name, noted = decoded(proto.name), noted_in(proto)
    scopes, name = scopes_of(full_name, noted)
    attributes = {a.name: a for a in proto.attribute}
    return Node(
        decoded(proto.op_type),
        standard_domain(decoded(proto.domain)),
        name,
        full_name,
        proto.input[:],
        proto.output[:],
        attributes,
        scopes,
        bool(attributes) and any(True for _ in graphs_in(attributes.values())),
        source_of(noted) if noted else "",
        decoded(proto.overload),
        tells_scopes(full_name, noted),
    )


def graphs_in(attributes: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    """Yield the graphs among attributes, with their names."""
    from onnx import AttributeProto

    for attribute in attributes:
        if attribute.type == AttributeProto.GRAPH:
            yield attribute.name, attribute.g
        elif attribute.type == AttributeProto.GRAPHS:
            for i, graph in enumerate(attribute.graphs):
                yield f"{attribute.name}_{i}", graph


def bodies(graph: Any, depth: int = 0) -> Iterator[Any]:
    """Yield the graphs inside the nodes of a graph, and inside theirs."""
    for node in graph.node:
        if node.op_type in WITH_BODIES and depth < DEEPEST:
            for _, body in graphs_in(node.attribute):
                yield body
                yield from bodies(body, depth + 1)


def inner_nodes(nodes: Iterable[Any], depth: int = 0) -> Iterator[Any]:
    """Yield the nodes of all graphs inside nodes, whatever these do."""
    for node in nodes:
        for _, graph in graphs_in(node.attribute) if depth < DEEPEST else ():
            yield from graph.node
            yield from inner_nodes(graph.node, depth + 1)


def copied(proto: Any) -> Any:
    """Return a copy of a model, or of a part of one."""
    copy = type(proto)()
    copy.CopyFrom(proto)
    return copy


def taken_from_outside(node: Node) -> set[str]:
    """Return the names of tensors around a node that the graphs inside it use."""
    found: set[str] = set()
    waiting = [(graph, 1) for graph in node.graphs().values()]
    while waiting:
        graph, depth = waiting.pop()
        for proto in graph.node:
            found.update(proto.input)
            if depth < DEEPEST:
                waiting.extend((inner, depth + 1) for _, inner in graphs_in(proto.attribute))
        found.update(value.name for value in graph.output)
    return found


# Settings


def settings(node: Node) -> tuple[tuple[str, Setting], ...]:
    """Return the attributes of a node as plain values; graphs are shown as frames, not here."""
    return tuple((label(name), value) for name, a in node.attributes.items() if (value := setting(a)) is not _A_GRAPH)


_A_GRAPH = "<graph>"


@functools.cache
def _fields() -> Mapping[int, str]:
    from onnx import AttributeProto as A

    single = {A.FLOAT: "f", A.INT: "i", A.STRING: "s", A.TENSOR: "t", A.SPARSE_TENSOR: "sparse_tensor"}
    several = {A.FLOATS: "floats", A.INTS: "ints", A.STRINGS: "strings"}
    return {**single, **several, A.GRAPH: "g", A.GRAPHS: "graphs"}


def setting(attribute: Any) -> Setting:
    """Return one attribute as a plain value."""
    name = _fields().get(attribute.type)
    if name in ("g", "graphs"):
        return _A_GRAPH
    if attribute.ref_attr_name:  # inside a function: an argument of its call
        return f"@{label(attribute.ref_attr_name)}"
    if name is None:
        return None
    value = getattr(attribute, name)
    if name in ("t", "sparse_tensor"):
        return constant(value)
    return _several(value, len(value)) if name.endswith("s") and name != "s" else plain_value(value)


def plain_value(value: Any) -> Setting:
    """Return one value as a setting: text is decoded, a float is written as shortly as 32 bits allow."""
    if isinstance(value, bytes):
        return short(value.decode("utf-8", "replace"))
    if isinstance(value, float):
        return float(f"{value:.7g}")
    return value if isinstance(value, bool | int) else short(value)


def _several(values: Any, count: int) -> Setting:
    first = tuple(plain_value(value) for value in values[:_MOST_VALUES])
    return first if count <= _MOST_VALUES else (*first, f"… {count} values")


def constant(tensor: Any) -> Setting:
    """Return a constant as a setting: its values if they are few, else what it is."""
    dims = list(tensor.dims)
    values = _values(tensor, dims) if not hasattr(tensor, "indices") else None
    if values is None:
        dense = tensor.values if hasattr(tensor, "indices") else tensor
        return f"{dtype_of(dense.data_type)} {tuple(dims)}"
    return plain_value(values[0]) if not dims else tuple(map(plain_value, values))


def _values(tensor: Any, dims: list[int]) -> list[Any] | None:
    """Return the values of a scalar or a short vector, None for any other tensor, or if they cannot be read."""
    from onnx import TensorProto, numpy_helper

    if len(dims) > 1 or (dims and not 0 <= dims[0] <= _MOST_VALUES):
        return None
    if tensor.data_location == TensorProto.EXTERNAL:
        return None
    try:
        found = numpy_helper.to_array(tensor).reshape(-1).tolist()
    except Exception:  # noqa: BLE001 - the values are not as many, or not of a kind, as the file says
        return None
    return found if found or dims else None


def stored_setting(stored: Any) -> Setting:
    """Return what a constant is: a stored tensor, or the attribute of a ``Constant`` node."""
    return constant(stored) if hasattr(stored, "dims") else setting(stored)
