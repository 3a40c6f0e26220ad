"""Writes the graph of an ONNX model into a model graph."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, final

from nbviz.adapters.dataflow.boundaries import fill_boundaries
from nbviz.adapters.dataflow.calls import Calls, Given, ports
from nbviz.adapters.dataflow.findings import Findings
from nbviz.adapters.dataflow.ordering import Frame, nested, ordered
from nbviz.adapters.dataflow.rows import Rows
from nbviz.adapters.onnx.compute import Contractions, Step, contracts_nothing, known
from nbviz.adapters.onnx.counting import Uncounted, count_for_one
from nbviz.adapters.onnx.cuts import computed_bounds
from nbviz.adapters.onnx.fits.misfits import Misfits
from nbviz.adapters.onnx.function_graphs import FunctionGraphs
from nbviz.adapters.onnx.functions import Functions
from nbviz.adapters.onnx.nodes import DEEPEST, Node, node_of, settings, stored_setting
from nbviz.adapters.onnx.packed import packed_sizes
from nbviz.adapters.onnx.place import Place
from nbviz.adapters.onnx.recalls import number_calls
from nbviz.adapters.onnx.repeats import Runs, open_length, times_of
from nbviz.adapters.onnx.schemas import input_names, versions
from nbviz.adapters.onnx.settling import settle
from nbviz.adapters.onnx.shapes.folding import value_in
from nbviz.adapters.onnx.shapes.inference import misfit
from nbviz.adapters.onnx.shapes.sizes import open_sizes
from nbviz.adapters.onnx.types import UNKNOWN, Described, Types, named
from nbviz.adapters.onnx.values import (
    PASS_ON,
    Environment,
    Value,
    as_stored,
    constant_value,
    has_weights_in_nodes,
    is_scale,
    lose,
    passed_on,
    readers_of,
    sparse_bytes,
    stored_tensors,
    stored_value,
)
from nbviz.adapters.onnx.weights import function_name
from nbviz.builder import GraphBuilder
from nbviz.records import CallRecord, Port
from nbviz.shape import Dim


@final
class CircleError(Exception):
    """Nodes need each other's results, so that none of them can run."""

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} of its nodes are in a dependency cycle, or depend on one, and cannot run")


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
    constants
        Whether constants are calls of their own.

    Attributes
    ----------
    lost_shapes
        Whether nothing is known of what an operation makes, though all is of what it takes.
    """

    def __init__(self, builder: GraphBuilder, rows: Rows, model: Any, *, constants: bool) -> None:
        self.builder = builder
        self.rows = rows
        self.model = model
        self._functions = Functions(model)
        self._seen: dict[bytes, Described] = {}
        self._function_graphs = FunctionGraphs(model)
        self._batch: Dim = None
        self._findings = Findings()
        self._contractions = Contractions()
        self._uncounted: list[Uncounted] = []
        self._misfits = Misfits(model)
        self._entering = open_sizes(model.graph)
        self.lost_shapes = False
        self._number = value_in(model)
        self._weights_in_nodes = has_weights_in_nodes(model.graph)
        self._calls = Calls(builder, rows, constants=constants)

    def run(self, root: Hashable) -> None:
        """Write the whole model into the row ``root``."""
        graph = self.model.graph
        call = self.builder.begin("layer", self.rows.layer(root).type, None, layer="")
        types = Types.of_graph(graph, self._seen)
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
        self._findings.unread = self.rows.hold_the_rest(root)
        waiting = self._uncounted
        if self._misfits.report(self.builder.note) or self._is_misfit():  # which is why others are not counted
            waiting = [call for call in waiting if not call.is_lost]
        count_for_one(self.model, self._batch, waiting, self._findings)
        self._findings.report(self.builder.note)

    def _is_misfit(self) -> bool:
        """Tell whether the inference finds sizes that do not match where shapes are lost, and say which."""
        reason = misfit(self.model) if self.lost_shapes else ""
        if reason and all(known.message != reason for known in self.builder.diagnostics):
            self.builder.note(reason)
        return bool(reason)

    def _enter(self, graph: Any, place: Place, call: CallRecord) -> None:
        stored = stored_tensors(graph)
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
        self._batch = next((dim for dim in firsts if not isinstance(dim, int)), None) or next(
            (dim for value in entered for dim in value.dims or () if isinstance(dim, str) and "batch" in dim.lower()),
            None,
        )
        self.builder.batch_axis = self._batch is not None

    def _result(self, name: str, place: Place, parent: int) -> Value:
        """Return a tensor that a graph gives; one that is stored gets a call that gives it."""
        value = self._find(name, place)
        if value.weight is None and value.constant is None:
            return value
        made = Value(value.spec, value.dims)
        setting = stored_setting(value.constant) if value.weight is None else None
        self._calls.constant(value, made, setting, parent, place.holder)
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
        tensors = stored_tensors(graph)
        readers = readers_of(nodes, {**tensors, **{node.outputs[0]: node for node in constants}})
        packed = packed_sizes(nodes, tensors)
        for name, tensor in tensors.items():
            scales = is_scale(name, tensors)
            value = stored_value(tensor, readers.get(name, ()), (place.where, name), literal=scales)
            self._store(name, value, readers.get(name, ()), place, packed.get(name), sparse_bytes(tensor))
        taken = set()
        for node in constants:
            name = node.outputs[0]
            said, literal = place.types.of(name), not self._weights_in_nodes
            made = constant_value(node, readers.get(name, ()), place.where, said, literal=literal)
            if made is not None:
                taken.add(node)
                self._store(name, made, readers.get(name, ()), place)
        taken.update(self._passed_on(nodes, place))
        own = place.env.own.items()
        weights = {name: value.weight for name, value in own if value.weight is not None}
        fixed = {name for name, value in own if value.constant is not None}
        fixed |= computed_bounds(nodes, weights, fixed)
        number_calls(nodes, weights)
        settle(nodes, tensors.keys(), {info.name for info in graph.output})
        order = ordered([node for node in nodes if node not in taken] if taken else nodes, weights, fixed)
        self._findings.doubled.update(dict.fromkeys(order.doubled))
        if order.circular:
            raise CircleError(order.circular)
        self._items(nested(order.nodes, weights, fixed), place, parent)

    def _passed_on(self, nodes: Iterable[Node], place: Place) -> Iterator[Node]:
        """Yield the nodes that do no more than pass on what is stored, after giving their results."""
        for node in nodes:
            if node.op not in PASS_ON or len(node.outputs) != 1:
                continue
            found = [place.env.find(name) if name else None for name in node.inputs]
            value = passed_on(node, found, place.types.of(node.outputs[0]))
            if value is not None:
                if node.outputs[0] in place.env.own:
                    self._findings.doubled[node.outputs[0]] = None
                place.env.own[node.outputs[0]] = value
                self._findings.unpacked += bool(value.packed)
                yield node

    def _store(
        self, name: str, value: Value, readers: Sequence[tuple[str, int]], place: Place, *packed: int | None
    ) -> None:
        if name in place.env.own:
            self._findings.doubled[name] = None
        place.env.own[name] = value
        if value.weight is not None:
            self.rows.store(value.weight, as_stored(value, readers, *packed))

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
            self._operation(node, place, parent, key)
            return
        record, again = self._calls.scope(key, frame, parent)
        self._items(frame.items, place.inside(key, again=again), record.id)

    def _is_container(self, node: Node) -> bool:
        return node.has_graphs or self._functions.find(node) is not None

    def _node(self, node: Node, place: Place, parent: int) -> None:
        if self._is_container(node):
            if place.depth >= DEEPEST:
                self._findings.closed = True
            elif (function := self._functions.find(node)) is not None:
                self._function(node, function, place, parent)
                return
            else:
                self._region(node, place, parent)
                return
        self._operation(node, place, parent)

    def _given(self, node: Node, place: Place, parent: int) -> Given[Value]:
        own = place.env.own
        found = [(own.get(name) or self._find(name, place)) if name else None for name in node.inputs]
        told = lambda at, value: (self._input_name(node, at, place), stored_setting(value.constant))  # noqa: E731
        taken = self._calls.given(found, told, parent)
        for at, value in enumerate(found):
            if value is not None and value.packed:
                name = self._input_name(node, at, place)
                taken.settings.extend((f"{name}_{what}", setting) for what, setting in value.packed)
        return taken

    def _input_name(self, node: Node, at: int, place: Place) -> str:
        names = input_names(node.op, node.domain, place.versions.get(node.domain, 0))
        return names[at] if at < len(names) else f"input {at}"

    def _operation(self, node: Node, place: Place, parent: int, key: Hashable | None = None) -> None:
        """Record a node that has no others inside; ``key`` is that of its own scope."""
        taken = self._given(node, place, parent)
        holder = key
        if key is None and taken.reads:
            if self._is_module(place.holder, taken.reads):
                holder = place.holder
            else:
                holder = key = self._calls.row(node, taken.reads, place.holder, again=place.again)
        own = settings(node) if node.attributes else ()
        record = self._calls.operation(node, taken, own, parent, key=key, holder=holder)
        record.source = node.source
        outputs, fits = self._outputs(node, place), self._misfits.fits(node, record, place.where)
        if not contracts_nothing(node):
            step = Step(node, taken.tensors, outputs, self._batch)
            record.compute = self._contractions.of(step, place.runs.times) if fits else None
            if not known(node):
                self._findings.unknown[node.domain, node.op] = None
            elif record.compute is None and fits and not place.runs.depends:
                uncounted = Uncounted(record, node, taken.tensors, outputs, place.where, place.runs.lengths)
                self._uncounted.append(uncounted)
        lost = _lost_shape(node, taken.tensors, outputs)
        self.lost_shapes = self.lost_shapes or lost
        lose(outputs, taken.tensors, at_once=lost or not fits)
        self.builder.end(record, ports(outputs))

    def _is_module(self, scope: Hashable, weights: Iterable[Any]) -> bool:
        """Tell whether a scope is the module that holds weights: by its class, or by their names."""
        if scope in self.rows.modules:
            return True
        name = self.rows.layer(scope).name
        return bool(name) and all(weight.rpartition(".")[0] == name for _, weight in weights)

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
        taken = self._given(node, place, parent)
        key = self.rows.node(place.holder, node)
        record = self._calls.layer(node, key, (*settings(node), *taken.settings), parent, taken.ports)
        graphs = node.graphs()
        first = f"{place.where}/{node.outputs[0] if node.outputs else node.full_name}"
        ends: list[Value] = []
        known = True
        for name, graph in graphs.items():
            runs, tells = self._runs(node, name, graph, taken.tensors, place)
            known = known and tells
            holder, call = self._calls.part(key, name, record, alone=len(graphs) == 1)
            types = Types.of_graph(graph, self._seen)
            env = Environment(place.env)
            inner = replace(
                place,
                env=env,
                types=types,
                where=f"{first}.{name}",
                around=holder,
                holder=holder,
                depth=place.depth + 1,
                runs=runs,
            )
            self._bind(graph, taken.tensors, inner)
            self._nodes(graph, inner, call.id)
            results = [self._result(info.name, inner, call.id) for info in graph.output]
            if call is not record:
                self.builder.end(call, ports(results))
            ends.extend(results)
        made = self._outputs(node, place)
        lose(made, (*taken.tensors, *ends))
        if not self._calls.merge(record, taken.ports, ends, made, known=known):
            self._findings.depends[node.op] = None

    def _runs(
        self, node: Node, name: str, graph: Any, taken: Sequence[Value | None], place: Place
    ) -> tuple[Runs, bool]:
        """Return how often what is in a graph of a node runs, and whether no values of tensors decide how often the graph does."""
        version, known = place.versions.get("", 0), self._number if not place.where else lambda _: None
        times = times_of(node, name, graph, taken, known, version=version, batch=self._batch)
        length = open_length(node, taken, version, self._entering) if times is None else ""
        return place.runs.inside(node, times, length), times is not None or bool(length)

    def _bind(self, graph: Any, values: Sequence[Value | None], inner: Place) -> None:
        """Give a graph its inputs: the last of the node's, as they are before the first step."""
        for info, value in zip(graph.input, values[len(values) - len(graph.input) :], strict=False):
            spec, dims = inner.types.of(info.name)
            own = inner.env.own[info.name] = Value(spec, dims, weight=None if value is None else value.weight)
            lose([own], [value])
            if value is not None:
                self.builder.alias(own, value)

    def _function(self, node: Node, function: Any, place: Place, parent: int) -> None:
        """Record the call of one of the model's own functions, with what it does inside."""
        taken = self._given(node, place, parent)
        key = self.rows.node(place.holder, node)
        record = self._calls.layer(node, key, (*settings(node), *taken.settings), parent, taken.ports)
        graph = self._function_graphs.of(function, node, taken.tensors)
        env = Environment()
        env.own.update((name, value) for name, value in zip(function.input, taken.tensors, strict=False) if value)
        types = Types.of_graph(graph, self._seen)
        where = function_name(function)
        versions_inside = {**place.versions, **versions(function.opset_import)}
        inner = Place(env, types, where, key, key, versions_inside, place.depth + 1, runs=place.runs)
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


def _lost_shape(node: Node, taken: Iterable[Value | None], made: Sequence[Value | None]) -> bool:
    """Tell whether nothing is known of the shapes that a standard operation makes, though its inputs have theirs."""
    for value in made:
        if value is None or value.dims is not None:  # nearly always the first
            return False
    return bool(made) and not node.domain and all(value is None or value.dims is not None for value in taken)
