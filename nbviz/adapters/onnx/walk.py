"""Writes the graph of an ONNX model into a model graph."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

from nbviz.adapters.dataflow.boundaries import fill_boundaries
from nbviz.adapters.dataflow.findings import Findings
from nbviz.adapters.dataflow.ordering import Frame, nested, ordered
from nbviz.adapters.dataflow.rows import SCOPE, Rows
from nbviz.adapters.onnx import inference
from nbviz.adapters.onnx.compute import Step, contractions, contracts_nothing, known
from nbviz.adapters.onnx.nodes import DEEPEST, Node, node_of, settings, stored_setting
from nbviz.adapters.onnx.schemas import input_names, versions
from nbviz.adapters.onnx.types import UNKNOWN, Described, Types, named, type_proto
from nbviz.adapters.onnx.values import (
    Environment,
    Key,
    Value,
    as_stored,
    constant_value,
    readers_of,
    stored_value,
    tensor_name,
)
from nbviz.adapters.text import label
from nbviz.builder import GraphBuilder
from nbviz.graph import Setting
from nbviz.records import CallRecord, Port
from nbviz.shape import Dim


@final
@dataclass(frozen=True, slots=True)
class Place:
    """Where nodes stand.

    Attributes
    ----------
    env, types
        The tensors of the graph that they are in, and what is known of those that they make.
    where
        Tells this graph from others that store tensors (see ``weights.stored_in``).
    around
        The row of what holds the graph: the model, a node, or a part of one.
    holder
        The row that they are in: a scope, or the same.
    versions
        The versions of operation sets by domain.
    depth
        How many graphs are around this one.
    again
        Whether the scope has been called before.
    """

    env: Environment
    types: Types
    where: str
    around: Hashable
    holder: Hashable
    versions: Mapping[str, int]
    depth: int = 0
    again: bool = False

    def inside(self, scope: Hashable, *, again: bool) -> Place:
        """Return the place inside a scope of the same graph."""
        return Place(self.env, self.types, self.where, self.around, scope, self.versions, self.depth, again)


@final
@dataclass(slots=True)
class _Given:
    """What a node is given: tensors as ports, weights, constants as settings, and all of them by position."""

    ports: list[Port]
    reads: list[Key]
    settings: list[tuple[str, Setting]]
    values: list[Value | None]


@final
class Walk:
    """Walks a model once.

    Parameters
    ----------
    builder
        Takes the calls.
    rows
        Takes the layers.
    model
        The model with all shapes that are known (see ``inference.with_shapes``).
    """

    def __init__(self, builder: GraphBuilder, rows: Rows, model: Any) -> None:
        self.builder = builder
        self.rows = rows
        self.model = model
        self._functions = inference.Functions(model)
        self._seen: dict[bytes, Described] = {}
        self._bodies: dict[Any, Any] = {}
        self._batch: Dim = None
        self._findings = Findings()
        self._read: dict[Hashable, set[tuple[str, ...]]] = {}
        self._counters: dict[Hashable, dict[str, int]] = {}

    def run(self, root: Hashable) -> None:
        """Write the whole model into the row ``root``."""
        graph = self.model.graph
        call = self.builder.begin("layer", self.rows.layer(root).type, None, layer="")
        types = Types([*graph.value_info, *graph.output, *graph.input], self._seen)
        place = Place(Environment(), types, "", root, root, versions(self.model.opset_import))
        self._enter(graph, place, call)
        self._nodes(graph, place, call.id)
        outputs: list[Port] = []
        for info in graph.output:
            value = self._result(info.name, place, call.id)
            spec = named(value.spec, info.name)
            self.builder.begin("output", "output", call.id, [(value, spec)])
            outputs.append((value, spec))
        self.builder.end(call, outputs)
        fill_boundaries(self.builder.calls)
        self.rows.hold_the_rest(root)
        self._findings.report(self.builder.note)

    def _enter(self, graph: Any, place: Place, call: CallRecord) -> None:
        stored = {tensor_name(tensor) for tensor in (*graph.initializer, *graph.sparse_initializer)}
        entered = []
        for info in graph.input:
            if info.name in stored:  # a value that callers may replace
                continue
            spec, dims = place.types.of(info.name)
            value = Value(named(spec, info.name), dims)
            place.env.own[info.name] = value
            self.builder.end(self.builder.begin("input", "input", call.id), [(value, value.spec)])
            entered.append(value)
        call.inputs = tuple(value.spec for value in entered)
        firsts = (value.dims[0] for value in entered if value.dims)
        self._batch = next((dim for dim in firsts if not isinstance(dim, int)), None)
        self.builder.batch_axis = self._batch is not None

    def _result(self, name: str, place: Place, parent: int) -> Value:
        """Return a tensor that a graph gives; one that is stored gets a call that gives it."""
        value = self._find(name, place)
        if value.weight is None and value.constant is None:
            return value
        made = Value(value.spec, value.dims)
        record = self.builder.begin("constant", "constant", parent)
        if value.weight is not None:
            self.rows.hold(place.holder, value.weight)
            record.reads = (value.weight,)
        elif value.constant is not None:
            record.settings = (("value", stored_setting(value.constant)),)
        self.builder.end(record, [(made, made.spec)])
        return made

    def _find(self, name: str, place: Place) -> Value:
        value = place.env.find(name)
        if value is None:
            self._findings.missing[name] = None
            value = place.env.own[name] = Value(*place.types.of(name))
        return value

    # Nodes

    def _nodes(self, graph: Any, place: Place, parent: int) -> None:
        """Write the nodes of a graph."""
        nodes = list(map(node_of, graph.node))
        constants = [node for node in nodes if node.op == "Constant" and not node.domain and node.outputs]
        tensors = {tensor_name(tensor): tensor for tensor in getattr(graph, "initializer", ())}
        tensors.update((tensor_name(tensor), tensor) for tensor in getattr(graph, "sparse_initializer", ()))
        readers = readers_of(nodes, {**tensors, **{node.outputs[0]: node for node in constants}})
        for name, tensor in tensors.items():
            self._store(name, stored_value(tensor, readers.get(name, ()), (place.where, name)), place)
        taken = set()
        for node in constants:
            name = node.outputs[0]
            value = constant_value(node, readers.get(name, ()), place.where, place.types.of(name))
            if value is not None:
                taken.add(node)
                self._store(name, value, place)
        weights = {name for name, value in place.env.own.items() if value.weight is not None}
        order = ordered([node for node in nodes if node not in taken] if taken else nodes, weights)
        self._findings.doubled.update(dict.fromkeys(order.doubled))
        self._findings.circular += order.circular
        self._items(nested(order.nodes, weights), place, parent)

    def _store(self, name: str, value: Value, place: Place) -> None:
        if name in place.env.own:
            self._findings.doubled[name] = None
        place.env.own[name] = value
        if value.weight is not None:
            self.rows.store(value.weight, as_stored(value))

    def _items(self, items: Iterable[Any], place: Place, parent: int) -> None:
        for item in items:
            if isinstance(item, Frame):
                self._frame(item, place, parent)
            else:
                self._node(item, place, parent)

    def _frame(self, frame: Frame, place: Place, parent: int) -> None:
        """Record a call of a scope: with what happens inside, or as one step if that is a single node."""
        key = self.rows.scope(place.around, frame.entry)
        node = frame.items[0]
        if frame.step and not self._is_container(node):
            if not self._passes_on(node, place):
                self._operation(node, place, parent, key)
            return
        layer = self.rows.layer(key)
        record = self.builder.begin("layer", layer.type, parent, layer=layer.path)
        # a scope that reads the same weights is called again; else this is the rest of it, and has operations of its own
        read = self._read.setdefault(key, set())
        inside = place.inside(key, again=not read.isdisjoint(frame.read))
        read.update(frame.read)
        if not inside.again:
            record.counters = self._counters.setdefault(key, {})
        self._items(frame.items, inside, record.id)

    def _is_container(self, node: Node) -> bool:
        return node.has_graphs or self._functions.find(node.domain, node.op) is not None

    def _node(self, node: Node, place: Place, parent: int) -> None:
        if self._passes_on(node, place):
            return
        if self._is_container(node):
            if place.depth >= DEEPEST:
                self._findings.closed = True
            elif (function := self._functions.find(node.domain, node.op)) is not None:
                self._function(node, function, place, parent)
                return
            else:
                self._region(node, place, parent)
                return
        self._operation(node, place, parent)

    def _passes_on(self, node: Node, place: Place) -> bool:
        """Give what is stored another name where a node does no more: exporters share equal weights so."""
        if node.op != "Identity" or node.domain or len(node.inputs) != 1 or len(node.outputs) != 1:
            return False
        value = place.env.find(node.inputs[0])
        if value is None or (value.weight is None and value.constant is None):
            return False
        place.env.own[node.outputs[0]] = value
        return True

    def _given(self, node: Node, place: Place) -> _Given:
        given = _Given([], [], [], [])
        for at, name in enumerate(node.inputs):
            if not name:
                given.values.append(None)
                continue
            value = self._find(name, place)
            given.values.append(value)
            if value.weight is not None:
                given.reads.append(value.weight)
            elif value.constant is not None:
                given.settings.append((self._input_name(node, at, place), stored_setting(value.constant)))
            else:
                given.ports.append((value, value.spec))
        return given

    def _input_name(self, node: Node, at: int, place: Place) -> str:
        names = input_names(node.op, node.domain, place.versions.get(node.domain, 0))
        return names[at] if at < len(names) else f"input {at}"

    def _operation(self, node: Node, place: Place, parent: int, key: Hashable | None = None) -> None:
        """Record a node that has no others inside; ``key`` is that of its own scope."""
        given = self._given(node, place)
        told = (*(settings(node) if node.attributes else ()), *given.settings)
        holder = key
        if key is None and given.reads:
            if self._is_module(place.holder, given.reads):
                holder = place.holder
            else:
                holder = key = self._row(node, given.reads, place)
        if key is None:
            record = self.builder.begin("operation", label(node.op), parent, given.ports)
            record.settings = (("name", label(node.full_name)), *told) if node.full_name else told
        else:
            record = self._layer_call(node, key, told, parent, given.ports)
        for weight in given.reads:
            self.rows.hold(holder, weight)
        record.reads = tuple(given.reads)
        outputs = self._outputs(node, place)
        if not contracts_nothing(node):
            record.compute = contractions(Step(node, given.values, outputs, self._batch))
            if not known(node):
                self._findings.unknown[node.domain, node.op] = None
        self.builder.end(record, [(value, value.spec) for value in outputs if value is not None])

    def _row(self, node: Node, reads: Sequence[Key], place: Place) -> Hashable:
        """Return the key of a row for a node: where its scope is called again, that of the first call."""
        known = self.rows.called_again(place.holder, node.op, reads) if place.again else None
        return self.rows.node(place.holder, node, reads) if known is None else known

    def _is_module(self, scope: Hashable, reads: Iterable[Key]) -> bool:
        """Tell whether a scope is the module that holds these weights: by its class, or by their names."""
        if scope in self.rows.modules:
            return True
        name = self.rows.layer(scope).name
        return bool(name) and all(weight.rpartition(".")[0] == name for _, weight in reads)

    def _layer_call(
        self, node: Node, key: Hashable, told: Iterable[tuple[str, Setting]], parent: int, ports: Sequence[Port]
    ) -> CallRecord:
        layer = self.rows.layer(key)
        if layer.type == SCOPE:
            layer.type, layer.module = label(node.op), label(node.domain) or "ai.onnx"
        if not layer.settings:
            own = () if layer.type == node.op else (("op", label(node.op)),)
            layer.settings = (*own, *told)
        return self.builder.begin("layer", layer.type, parent, ports, layer=layer.path)

    def _outputs(self, node: Node, place: Place) -> list[Value | None]:
        made: list[Value | None] = []
        for name in node.outputs:
            value = Value(*place.types.of(name)) if name else None
            if value is not None:
                place.env.own[name] = value
            made.append(value)
        return made

    # Graphs inside a node

    def _region(self, node: Node, place: Place, parent: int) -> None:
        """Record a node that runs graphs (a condition, a loop), with each of them inside it."""
        given = self._given(node, place)
        key = self.rows.node(place.holder, node)
        told = (*settings(node), *given.settings)
        record = self._layer_call(node, key, told, parent, given.ports)
        graphs = node.graphs()
        first = f"{place.where}/{node.outputs[0] if node.outputs else node.full_name}"
        ends: list[Value] = []
        for name, graph in graphs.items():
            holder, call = key, record
            if len(graphs) > 1:
                holder = self.rows.part(key, name)
                call = self.builder.begin("layer", "Graph", record.id, layer=self.rows.layer(holder).path)
            types = Types([*graph.value_info, *graph.output, *graph.input], self._seen)
            env = Environment(place.env)
            inner = replace(
                place,
                env=env,
                types=types,
                where=f"{first}.{name}",
                around=holder,
                holder=holder,
                depth=place.depth + 1,
            )
            self._bind(graph, given.values, inner)
            self._nodes(graph, inner, call.id)
            results = [self._result(info.name, inner, call.id) for info in graph.output]
            if call is not record:
                self.builder.end(call, [(value, value.spec) for value in results])
            ends.extend(results)
        # which of them run, and how often, depends on values
        idle = all(inside.compute == () for inside in self.builder.calls[record.id + 1 :])
        closing = record
        if record.has_children:
            closing = self.builder.begin("operation", "merge", record.id, [(value, value.spec) for value in ends])
        closing.compute = () if idle else None
        outputs = [(value, value.spec) for value in self._outputs(node, place) if value is not None]
        self.builder.end(closing, outputs)
        if closing is not record:
            self.builder.end(record, outputs)

    def _bind(self, graph: Any, values: Sequence[Value | None], inner: Place) -> None:
        """Give a graph its inputs: the last of the node's, as they are before the first step."""
        for info, value in zip(graph.input, values[len(values) - len(graph.input) :], strict=False):
            spec, dims = inner.types.of(info.name)
            own = inner.env.own[info.name] = Value(spec, dims, weight=None if value is None else value.weight)
            if value is not None:
                self.builder.alias(own, value)

    def _function(self, node: Node, function: Any, place: Place, parent: int) -> None:
        """Record the call of one of the model's own functions, with what it does inside."""
        given = self._given(node, place)
        key = self.rows.node(place.holder, node)
        record = self._layer_call(node, key, (*settings(node), *given.settings), parent, given.ports)
        graph = self._body(function, node, given.values)
        env = Environment()
        env.own.update((name, value) for name, value in zip(function.input, given.values, strict=False) if value)
        types = Types([*graph.value_info, *graph.output, *graph.input], self._seen)
        where = f"{function.domain}::{function.name}"
        versions_inside = {**place.versions, **versions(function.opset_import)}
        inner = Place(env, types, where, key, key, versions_inside, place.depth + 1)
        self._nodes(graph, inner, record.id)
        outputs: list[Port] = []
        for name, outer in zip(function.output, node.outputs, strict=False):
            value = self._find(name, inner)
            if value.spec.shape is None:
                spec, dims = place.types.of(outer)
                value.spec, value.dims = (spec, dims) if spec is not UNKNOWN else (value.spec, value.dims)
            if outer:
                place.env.own[outer] = value
                outputs.append((value, value.spec))
        self.builder.end(record, outputs)

    def _body(self, function: Any, node: Node, values: Sequence[Value | None]) -> Any:
        """Return the graph of a function with the shapes of one call; equal calls have one."""
        types = [
            (name, type_proto(value.spec.dtype, value.dims))
            for name, value in zip(function.input, values, strict=False)
            if value is not None
        ]
        attributes = {a.name: a for a in function.attribute_proto} | node.attributes
        key = (
            (function.domain, function.name),
            tuple((name, kind.SerializeToString()) for name, kind in types),
            tuple(sorted((name, a.SerializeToString()) for name, a in attributes.items())),
        )
        if key not in self._bodies:
            self._bodies[key] = inference.in_function(function, self.model, types, attributes)
        return self._bodies[key]
