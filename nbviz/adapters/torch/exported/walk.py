"""Writes the fx graph of a program into a model graph, without running it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, final

from nbviz.adapters.text import plain
from nbviz.adapters.torch.execution.compute import summed
from nbviz.adapters.torch.exported.counting import Counting
from nbviz.adapters.torch.exported.environment import Environment
from nbviz.adapters.torch.exported.nesting import Entry, Frame, nested, stack_of
from nbviz.adapters.torch.exported.nodes import (
    function_of,
    graphs_among,
    name_of,
    output_of,
    placeholders,
    settings,
    source_of,
    viewed,
    written,
)
from nbviz.adapters.torch.exported.values import UNKNOWN, Value, flat, gives_tensors, made, values_in
from nbviz.adapters.torch.modules.kinds import type_name
from nbviz.builder import GraphBuilder
from nbviz.graph import Compute, TensorSpec
from nbviz.records import CallRecord, Port


@final
@dataclass(frozen=True)
class Program:
    """A model as a graph of nodes.

    Attributes
    ----------
    graph
        The fx graph.
    lifted
        For each placeholder that is no input of the model: the key of its parameter, or None for a constant.
    outputs
        For each output of the graph its name, or None where the model does not return it.
    names
        Names for the symbols of sizes.
    parameter
        Returns the key of a tensor of the model, None if it is no parameter.
    layer
        Returns the row of a module by its dotted name.
    held
        Returns the keys of the parameters in a module, and inside it, by its dotted name.
    """

    graph: Any
    lifted: Mapping[str, Hashable | None]
    outputs: Sequence[str | None]
    names: Mapping[str, str]
    parameter: Callable[[Any], Hashable | None]
    layer: Callable[[str], str]
    held: Callable[[str], Iterable[Hashable]]


@final
@dataclass(slots=True)
class _Step:
    """What a call does: the parameters it reads, its contractions, the tensors it changes."""

    reads: dict[Hashable, None] = field(default_factory=dict)
    compute: list[Compute] | None = field(default_factory=list)
    written: list[Value] = field(default_factory=list)


@final
class Walk:
    """Walks a program once.

    Parameters
    ----------
    builder
        Takes the calls.
    program
        What is read.
    """

    def __init__(self, builder: GraphBuilder, program: Program) -> None:
        self.builder = builder
        self.program = program
        self._env = Environment(program.names, program.parameter)
        self._bases: dict[Value, Value] = {}
        self._counting = Counting(None)
        self._within = ""
        results = list(zip(flat(output_of(program.graph).args[0]), program.outputs, strict=False))
        returned = {node for node, name in results if name is not None}
        self._updates = {node for node, name in results if name is None} - returned

    def run(self) -> None:
        """Write the whole program."""
        root = self.builder.begin("layer", self.builder.name, None, layer="")
        entered = self._enter()
        root.inputs = tuple(value.spec for value in entered)
        firsts = (v.spec.shape[0] for v in entered if v.spec.shape)
        batch = next((dim for dim in firsts if isinstance(dim, str)), None)
        self.builder.batch_axis = batch is not None
        self._counting = Counting(batch)
        self._items(nested(filter(self._env.is_call, self.program.graph.nodes)), root.id)
        self._leave(root)

    # Boundaries

    def _enter(self) -> list[Value]:
        entered = []
        for node in placeholders(self.program.graph):
            known = self._env.describe(node)
            value = made(known)
            if isinstance(known, TensorSpec) and node.name in self.program.lifted:
                value = Value(known, self.program.lifted[node.name])
            elif isinstance(known, TensorSpec):
                value = Value(replace(known, name=plain(node.target)))
                self.builder.end(self.builder.begin("input", "input", 0), [(value, value.spec)])
                entered.append(value)
            self._env.put(node, value)
        return entered

    def _leave(self, root: CallRecord) -> None:
        results = list(flat(self._env.arguments(output_of(self.program.graph).args[0])))
        outputs: list[Port] = []
        for name, value in zip(self.program.outputs, results, strict=False):
            if name is None or not isinstance(value, Value):
                continue
            step = _Step()
            known = replace(value.spec, name=plain(name))
            ports: list[Port] = [(given, known) for given, _ in self._ports([value], root.id, step)]
            exit_ = self.builder.begin("output", "output", root.id, ports)
            exit_.reads = tuple(step.reads)
            outputs.append((value, known))
        self.builder.end(root, outputs)

    # Calls

    def _items(self, items: Iterable[Any], parent: int) -> None:
        for item in items:
            if isinstance(item, Frame):
                self._frame(item, parent)
            elif item.op == "call_module":
                self._module(item, parent)
            elif graphs_among(item):
                self._region(item, parent)
            else:
                self._operation(item, parent)

    def _operation(self, node: Any, parent: int) -> None:
        args, kwargs = self._env.arguments(node.args), self._env.arguments(node.kwargs)
        step = _Step()
        ports = self._ports(values_in(args, kwargs), parent, step)
        record = self.builder.begin("operation", name_of(node), parent, ports, source=source_of(node))
        record.settings = settings(node, args, kwargs)
        self._do(node, step)
        self._finish(record, step, values_in(self._env.value(node)))

    def _ports(self, values: Iterable[Value], parent: int, step: _Step) -> list[Port]:
        """Return tensors as ports; parameters are read, and a constant stands where it is first used."""
        ports: list[Port] = []
        for value in values:
            if value.key is not None and not self.builder.knows(value):
                step.reads[value.key] = None
                continue
            if not self.builder.knows(value):
                self.builder.end(self.builder.begin("constant", "constant", parent), [(value, value.spec)])
            ports.append((value, value.spec))
        return ports

    def _do(self, node: Any, step: _Step) -> None:
        """Note what an operation computes, and which tensors it changes."""
        args, kwargs = self._env.arguments(node.args), self._env.arguments(node.kwargs)
        counted = self._counting.count(function_of(node), args, kwargs)
        step.compute = None if counted is None or step.compute is None else [*step.compute, *counted]
        base = viewed(node, args)
        if base is not None:
            self._bases.update((view, base) for view in values_in(self._env.value(node)) if view is not base)
        for value in written(node, args, kwargs):
            at: Value | None = value
            while at is not None:  # who reads the whole reads what was written into a part of it
                step.written.append(at)
                at = self._bases.get(at)

    def _finish(self, record: CallRecord, step: _Step, results: Iterable[Value]) -> None:
        """Finish a call in which there are no others."""
        made = [(value, value.spec) for value in results]
        record.reads = tuple(step.reads)
        record.compute = None if step.compute is None else summed(step.compute)
        self.builder.end(record, made)
        for value in step.written if made else ():
            self.builder.alias(value, made[0][0])

    # Modules

    def _frame(self, frame: Frame, parent: int) -> None:
        """Record a call of a module: a step of PyTorch's own as one call, others with what happens inside."""
        inside = list(frame.nodes())
        path, op = self.program.layer(self._within + frame.entry.path), frame.entry.type.rpartition(".")[2] or "Module"
        entering, step = self._entering(inside), _Step()
        if not self._is_step(frame):
            known: list[Port] = [(value, value.spec) for value in entering if self.builder.knows(value)]
            record = self.builder.begin("layer", op, parent, known, layer=path)
            self._items(frame.items, record.id)
            self.builder.end(record, [(value, value.spec) for value in self._leaving(inside)])
            return
        ports = self._ports(entering, parent, step)
        record = self.builder.begin("layer", op, parent, ports, layer=path, source=source_of(inside[0]))
        for node in inside:
            self._do(node, step)
        # that a normalisation updates its statistics is no part of the path of the data
        step.written = [value for value in step.written if value.key is None]
        if len(inside) == 1:
            given = self._env.arguments((inside[0].args, inside[0].kwargs))
            record.settings = settings(inside[0], *given)
        self._finish(record, step, self._leaving(inside))

    def _is_step(self, frame: Frame) -> bool:
        return frame.entry.type.startswith("torch.") and not any(
            isinstance(item, Frame) or item.op == "call_module" or graphs_among(item) for item in frame.items
        )

    def _entering(self, inside: list[Any]) -> list[Value]:
        own = set(inside)
        given = (n for node in inside for n in node.all_input_nodes if self._env.source(n) not in own)
        return values_in([self._env.value(n) for n in given])

    def _leaving(self, inside: list[Any]) -> list[Value]:
        """Return what nodes outside use; what the last node gives if there are none."""
        own = set(inside)
        parts = (part for node in inside for part in (node, *filter(self._env.takes_one, node.users)))
        found = [self._env.value(part) for part in parts if self._is_used(part, own)]
        return values_in(found) or values_in(self._env.value(inside[-1]))

    def _is_used(self, node: Any, own: set[Any]) -> bool:
        """Tell whether nodes outside use what a node gives; that a buffer has new values at the end is no use."""
        users = (u for u in node.users if u not in own and not self._env.takes_one(u))
        return any(user.op != "output" or node not in self._updates for user in users)

    def _module(self, node: Any, parent: int) -> None:
        """Record a call of a module as one step, or with its own graph inside."""
        module = node.graph.owning_module.get_submodule(node.target)
        given = list(flat(self._env.arguments((node.args, node.kwargs))))
        graph = getattr(module, "graph", None)
        step = _Step()
        ports = self._ports(values_in(given), parent, step)
        name = self._within + node.target
        op = type_name(module)
        record = self.builder.begin("layer", op, parent, ports, layer=self.program.layer(name), source=source_of(node))
        if hasattr(graph, "nodes") and len(placeholders(graph)) == len(given):
            outside, self._within = self._within, f"{name}."  # its nodes know the names inside it
            results = self._inside(graph, given, record.id, [])
            self._within = outside
            if record.has_children:
                self._env.put(node, results[0] if len(results) == 1 else tuple(results))
                self.builder.end(record, [(value, value.spec) for value in values_in(results)])
                return
        step.reads.update(dict.fromkeys(self.program.held(name)))
        if step.reads:  # what a module does with its weights is known only when it runs
            step.compute = None
        self._finish(record, step, values_in(self._env.value(node)))

    # Graphs inside an operation

    def _region(self, node: Any, parent: int) -> None:
        """Record an operation that runs graphs (a condition, a loop), with each of them inside it."""
        args = list(flat(self._env.arguments((node.args, node.kwargs))))
        last = max(i for i, item in enumerate(args) if hasattr(item, "nodes"))
        operands = [item for item in args[last + 1 :] if not isinstance(item, str)]
        graphs = {n.name: self._env.value(n) for n in graphs_among(node)}
        fitting = {name: graph for name, graph in graphs.items() if len(placeholders(graph)) == len(operands)}
        step = _Step()
        before, ports = values_in(args[:last]), self._ports(values_in(args), parent, step)
        record = self.builder.begin("operation", name_of(node), parent, ports, source=source_of(node))
        ends = [self._body(name, graph, operands, record, node) for name, graph in fitting.items()]
        known = self._env.describe(node)
        if record.has_children and len(graphs) == 1 and _passes_on(known, ends[0]):
            self._env.put(node, tuple(ends[0]))
            self.builder.end(record, [(value, value.spec) for value in values_in(ends)])
            return
        # which of them run, and how often, depends on values
        idle = len(fitting) == len(graphs) and all(call.compute == () for call in self.builder.calls[record.id + 1 :])
        step.compute = [] if idle else None
        self._env.put(node, made(known if known is not UNKNOWN or not ends else (UNKNOWN,) * len(ends[0])))
        results = values_in(self._env.value(node))
        if not record.has_children:
            self._finish(record, step, results)
            return
        end = _Step(compute=step.compute)
        ports = self._ports(values_in(before, ends), record.id, end)
        self._finish(self.builder.begin("operation", "merge", record.id, ports), end, results)
        self.builder.end(record, [(value, value.spec) for value in results])

    def _body(self, name: str, graph: Any, operands: list[Any], record: CallRecord, node: Any) -> list[Any]:
        """Walk one of an operation's graphs, in a frame of its own if there are several."""
        around = stack_of(node)
        if len(graphs_among(node)) == 1 or not any(map(self._env.is_call, graph.nodes)):
            return self._inside(graph, operands, record.id, around)
        ports = [(value, value.spec) for value in values_in(operands) if self.builder.knows(value)]
        frame = self.builder.begin("operation", plain(name), record.id, ports)
        results = self._inside(graph, operands, frame.id, around)
        self.builder.end(frame, [(value, value.spec) for value in values_in(results)])
        return results

    def _inside(self, graph: Any, operands: list[Any], parent: int, around: list[Entry]) -> list[Any]:
        """Walk a graph that is given operands; return what it gives."""
        self._env.forget(graph)
        for node, operand in zip(placeholders(graph), operands, strict=True):
            inner = operand
            if isinstance(operand, Value):  # a loop over the first axis gives each of its steps a part
                known = self._env.describe(node)
                inner = Value(
                    operand.spec if known is UNKNOWN or not isinstance(known, TensorSpec) else known, operand.key
                )
                self.builder.alias(inner, operand)
            self._env.put(node, inner)
        self._items(nested(filter(self._env.is_call, graph.nodes), around), parent)
        return list(flat(self._env.arguments(output_of(graph).args[0])))


def _passes_on(known: Any, results: list[Any]) -> bool:
    """Tell whether an operation gives what its graph gives, as it is."""
    if not gives_tensors(known) or known is UNKNOWN:
        return True
    shapes = [item.shape for item in flat(known) if isinstance(item, TensorSpec)]
    return shapes == [value.spec.shape for value in results if isinstance(value, Value)]
