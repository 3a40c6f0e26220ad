"""The nodes of a graph, taken out of their protocol buffers all at once: each access of those is slow."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, final

from nbviz.adapters.dataflow.scopes import Entry
from nbviz.adapters.onnx.messages import Messages
from nbviz.adapters.onnx.scopes import scopes_of, source_of, tells_scopes
from nbviz.adapters.onnx.types import dtype_of
from nbviz.adapters.text import label, short
from nbviz.graph import Setting

_MOST_VALUES = 16
"""Values of a list that a setting shows."""

_SMALL = 1 << 12
"""Bytes of an attribute that is read apart from its node."""

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
    attributes: Mapping[str, Any]
    scopes: tuple[Entry, ...]
    has_graphs: bool
    source: str
    overload: str
    is_placed: bool

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


def nodes_of(graph: Any, written: Messages) -> list[Node]:
    """Return the nodes of a graph as they are written in it."""
    nodes, _ = written.inside("node")
    noted, attributes = _noted(nodes), _attributes(graph, nodes)
    names = nodes.texts("name")
    placed = list(map(scopes_of, names, noted))
    return list(
        map(
            Node,
            nodes.texts("op_type"),
            ["" if domain == "ai.onnx" else domain for domain in nodes.texts("domain")],
            [own for _, own in placed],
            names,
            nodes.text_lists("input"),
            nodes.text_lists("output"),
            attributes,
            [scopes for scopes, _ in placed],
            [bool(found) and any(True for _ in graphs_in(found.values())) for found in attributes],
            [source_of(notes) if notes else "" for notes in noted],
            nodes.texts("overload"),
            map(tells_scopes, names, noted),
        )
    )


def _noted(nodes: Messages) -> Sequence[Mapping[str, str]]:
    """Return the metadata of each node."""
    entries, owners = nodes.inside("metadata_props")
    found: dict[int, dict[str, str]] = {}
    for at, key, value in zip(owners, entries.texts("key"), entries.texts("value"), strict=True):
        found.setdefault(at, {})[key] = value
    return [found.get(at, _NONE) for at in range(len(nodes))]


def _attributes(graph: Any, nodes: Messages) -> Sequence[Mapping[str, Any]]:
    """Return the attributes of each node by name; small ones that are the same are one object."""
    from onnx import AttributeProto

    read = functools.cache(AttributeProto.FromString)
    found: dict[int, dict[str, Any]] = {}
    last, place = -1, 0
    for at, start, end in nodes.places("attribute"):
        last, place = at, place + 1 if at == last else 0
        # a copy of a large one would take as much memory again
        is_small = end - start <= _SMALL
        attribute = read(nodes.data[start:end]) if is_small else graph.node[at].attribute[place]
        found.setdefault(at, {})[attribute.name] = attribute
    return [found.get(at, _NONE) for at in range(len(nodes))]


_NONE: Mapping[str, Any] = MappingProxyType({})


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
