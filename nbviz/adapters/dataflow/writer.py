"""Writes a program into a model graph, with scopes and bodies as frames, and weights and constants inside the operations that use them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

from nbviz.adapters.dataflow.batches import agree, begin, follow
from nbviz.adapters.dataflow.boundaries import fill_boundaries
from nbviz.adapters.dataflow.calls import Calls, Given, ports
from nbviz.adapters.dataflow.contractions import contractions, unknown
from nbviz.adapters.dataflow.findings import Findings
from nbviz.adapters.dataflow.ordering import Frame, nested, ordered
from nbviz.adapters.dataflow.program import Body, Entrance, Operands, Operation, Program, Source, Tensor
from nbviz.adapters.dataflow.rows import Rows
from nbviz.adapters.dataflow.scopes import Entry, of_names
from nbviz.adapters.text import label
from nbviz.builder import GraphBuilder
from nbviz.graph import TensorSpec
from nbviz.records import CallRecord, Port

_DEEPEST = 24
"""Programs inside programs that are opened."""

_DEEPEST_SCOPE = 96
"""Scopes and programs around a program that is opened."""

_MOST_CALLS = 100_000
"""Calls from which on no further program is opened: those that call each other twice would double without end."""

_MOST_TEXT = 50_000_000
"""Letters of paths from which on no further program is opened: each level makes those inside it longer."""


@final
@dataclass(frozen=True, slots=True)
class _Place:
    """Where operations stand.

    Attributes
    ----------
    program
        The program that they are in.
    around
        The row of what holds the program: the model, an operation, or a part of one.
    holder
        The row that they are in: a scope, or the same.
    opened
        Keys of the programs around this one, and its own.
    again
        Whether the scope has been called before.
    depth
        How many scopes and programs are around it.
    repeats
        Whether a loop is around it, so that nobody knows how often what is here runs.
    """

    program: Program
    around: Hashable
    holder: Hashable
    opened: tuple[Hashable, ...] = ()
    again: bool = False
    depth: int = 0
    repeats: bool = False


@final
class Writer:
    """Writes a program once.

    Parameters
    ----------
    builder
        Takes the calls.
    rows
        Takes the layers.
    source
        Gives the programs inside operations.
    constants
        Whether constants are calls of their own.
    """

    def __init__(self, builder: GraphBuilder, rows: Rows, source: Source, *, constants: bool) -> None:
        self.builder = builder
        self.rows = rows
        self.source = source
        self.findings = Findings()
        self._calls = Calls(builder, rows, constants=constants)
        self._first = 0
        self._text = 0

    def write(self, root: Hashable, entries: Sequence[Entrance]) -> None:
        """Write a model into the row ``root``: its only program, or one part for each."""
        call = self.builder.begin("layer", self.rows.layer(root).type, None, layer="")
        self.builder.expected = sum(len(entry.program.operations) for entry in entries)
        self._first = sum(len(entry.program.operations) + len(entry.program.tensors) for entry in entries)
        if len(entries) == 1:
            self._whole(entries[0], root, call)
        for entry in entries if len(entries) > 1 else ():
            part = self.rows.part(root, label(entry.name))
            inner = self.rows.layer(part)
            inner.type = "Signature"
            self._whole(entry, part, self.builder.begin("layer", inner.type, call.id, layer=inner.path))
        if len(entries) != 1:
            self.builder.end(call, ())

    def finish(self, root: Hashable) -> None:
        """Fill in what only the whole tells, and say what was found."""
        fill_boundaries(self.builder.calls)
        self.findings.unread = self.rows.hold_the_rest(root)
        self.findings.report(self.builder.note)

    def _whole(self, entry: Entrance, row: Hashable, call: CallRecord) -> None:
        """Write a program with what enters and leaves it."""
        program = entry.program
        place = _Place(program, row, row, (entry.key,))
        self._enter(program, call)
        self._operations(place, call.id)
        outputs: list[Port] = []
        for name in program.outputs:
            tensor = self._result(name, place, call.id)
            self.builder.begin("output", "output", call.id, [(tensor, tensor.spec)])
            outputs.append((tensor, tensor.spec))
        self.builder.end(call, outputs)

    def _enter(self, program: Program, call: CallRecord) -> None:
        entered = [program.tensors[name] for name in dict.fromkeys(program.inputs) if name in program.tensors]
        for tensor in entered:
            self.builder.end(self.builder.begin("input", "input", call.id), [(tensor, tensor.spec)])
            begin(tensor)
        call.inputs = tuple(tensor.spec for tensor in entered)
        self.builder.batch_axis = self.builder.batch_axis or any(tensor.rows for tensor in entered)

    def _find(self, name: str, place: _Place) -> Tensor:
        """Return a tensor, which something has to have made."""
        found = place.program.tensors.get(name)
        if found is None:
            found = place.program.tensors[name] = Tensor(TensorSpec(None))
        if _is_made(found) and not self.builder.knows(found) and name not in place.program.inputs:
            self.findings.missing[found.spec.name or name] = None
        return found

    def _result(self, name: str, place: _Place, parent: int) -> Tensor:
        """Return a tensor that a program gives; one that is stored gets a call that gives it."""
        tensor = self._find(name, place)
        if _is_made(tensor):
            return tensor
        made = Tensor(tensor.spec)
        self._calls.constant(tensor, made, tensor.constant, parent, place.holder)
        return made

    # Operations

    def _operations(self, place: _Place, parent: int) -> None:
        program = place.program
        for key, stored in program.stored.items():
            self.rows.store(key, stored)
        weights = {name for name, tensor in program.tensors.items() if tensor.weight is not None}
        order = ordered(program.operations, weights)
        self.findings.doubled.update(dict.fromkeys(order.doubled))
        self.findings.circular += order.circular
        self._items(nested(order.nodes, weights), place, parent)

    def _items(self, items: Iterable[Any], place: _Place, parent: int) -> None:
        for item in items:
            if isinstance(item, Frame):
                self._frame(item, place, parent)
            elif item.bodies:
                self._container(item, place, parent)
            else:
                self._operation(item, place, parent)

    def _frame(self, frame: Frame, place: _Place, parent: int) -> None:
        """Record a call of a scope: with what happens inside, or as one step if that is a single operation."""
        key = self.rows.scope(place.around, frame.entry)
        if frame.step and not frame.items[0].bodies:
            self._operation(frame.items[0], place, parent, key)
            return
        record, again = self._calls.scope(key, frame, parent)
        self._items(frame.items, replace(place, holder=key, again=again, depth=place.depth + 1), record.id)

    def _given(self, operation: Operation, place: _Place, parent: int) -> Given[Tensor]:
        names = operation.input_names
        found = [self._find(name, place) if name else None for name in operation.inputs]
        told = lambda at, tensor: (names[at] if at < len(names) else f"input {at}", tensor.constant)  # noqa: E731
        return self._calls.given(found, told, parent)

    def _operation(self, operation: Operation, place: _Place, parent: int, key: Hashable | None = None) -> None:
        """Record an operation that has no others inside; ``key`` is that of its own scope."""
        taken = self._given(operation, place, parent)
        if key is None and taken.reads:
            key = self._calls.row(operation, taken.reads, place.holder, again=place.again)
        record = self._calls.operation(operation, taken, operation.settings, parent, key=key, holder=key)
        operands = Operands(taken.tensors, self._made(operation, place))
        for tensor in operands.outputs:
            if tensor is not None:
                follow(operation, operands, tensor)
        record.compute = contractions(operation, operands)
        if not operation.known:
            self.findings.unknown["", operation.op] = None
        elif record.compute is None and operation.rule is unknown:  # it is in a loop
            self.findings.depends[operation.op] = None
        elif record.compute is None:
            self.findings.uncounted += 1
        if place.repeats and record.compute:  # that of one step would stand beside numbers of a whole run
            record.compute = None
        self.builder.end(record, ports(operands.outputs))

    def _made(self, operation: Operation, place: _Place) -> list[Tensor | None]:
        tensors = place.program.tensors
        for name in operation.outputs:
            if name and (name not in tensors or self.builder.knows(tensors[name])):  # made twice: the last one holds
                tensors[name] = Tensor(tensors[name].spec if name in tensors else TensorSpec(None))
        return [tensors[name] if name else None for name in operation.outputs]

    # Programs inside an operation

    def _container(self, operation: Operation, place: _Place, parent: int) -> None:
        """Record an operation with the programs inside it, or closed where they are inside too much."""
        if self._is_too_much(place) or any(body.key in place.opened for body in operation.bodies):
            self.findings.closed = True
            operation.known, operation.bodies = False, ()
            self._operation(operation, place, parent)
            return
        taken = self._given(operation, place, parent)
        key = self.rows.node(place.holder, operation)
        record = self._calls.layer(operation, key, (*operation.settings, *taken.settings), parent, taken.ports)
        if operation.loops:
            kept = self._kept(operation.bodies[-1], taken.tensors)
            begun = [t.weight for at, t in enumerate(taken.tensors) if t is not None and at not in kept]
            record.reads = tuple(weight for weight in begun if weight is not None)
        for weight in record.reads:
            self.rows.hold(key, weight)
        if operation.calls:
            self._call(operation, key, record, place)
        else:
            self._regions(operation, key, record, place, taken.ports)

    def _is_too_much(self, place: _Place) -> bool:
        """Tell whether no further program can be opened."""
        deep = len(place.opened) >= _DEEPEST or place.depth >= _DEEPEST_SCOPE
        return deep or len(self.builder.calls) > self._first + _MOST_CALLS or self._text > _MOST_TEXT

    def _inside(self, operation: Operation, body: Body, around: Hashable, place: _Place) -> _Place:
        """Return the place inside a body, after giving that its inputs."""
        given = [self._find(name, place) if name else None for name in body.inputs]
        if operation.loops:
            kept = self._kept(operation.bodies[-1], given)
            given = [tensor if at in kept else _changing(tensor) for at, tensor in enumerate(given)]
        program = self.source.program(body.key, given)
        self._text += len(self.rows.layer(around).path) * len(program.operations)
        for inner in program.operations:
            inner.scopes = _relative(inner, operation)
        for name, tensor in zip(program.inputs, given, strict=False):
            own = program.tensors.setdefault(name, Tensor(TensorSpec(None)))
            if tensor is None:
                continue
            own.rows, own.elements = tensor.rows, tensor.elements
            if tensor.weight is not None or tensor.constant is not None:
                own.weight, own.constant = tensor.weight, tensor.constant
            self.builder.alias(own, tensor)
        opened, repeats = (*place.opened, body.key), place.repeats or operation.loops
        return _Place(program, around, around, opened, depth=place.depth + 1, repeats=repeats)

    def _kept(self, body: Body, given: Sequence[Tensor | None]) -> set[int]:
        """Return which inputs of a loop's body are the same in every step: it gives them as it has taken them."""
        program = self.source.program(body.key, given)
        return {
            at for at, (one, other) in enumerate(zip(program.inputs, program.outputs, strict=False)) if one == other
        }

    def _call(self, operation: Operation, key: Hashable, record: CallRecord, place: _Place) -> None:
        """Record what a function does inside the operation that calls it; its results are those of the call."""
        inner = self._inside(operation, operation.bodies[0], key, place)
        self._operations(inner, record.id)
        outputs: list[Port] = []
        for name, outer in zip(inner.program.outputs, operation.outputs, strict=False):
            tensor = self._find(name, inner)
            known = place.program.tensors.get(outer)
            if tensor.spec.shape is None and known is not None:
                tensor.spec = known.spec
            if outer:
                place.program.tensors[outer] = tensor
                outputs.append((tensor, tensor.spec))
        if not record.has_children:  # it passes on what it is given
            record.compute = ()
        self.builder.end(record, outputs)

    def _regions(
        self, operation: Operation, key: Hashable, record: CallRecord, place: _Place, entering: Sequence[Port]
    ) -> None:
        """Record the programs of a condition or a loop, and where their results meet."""
        ends: list[Tensor] = []
        outcomes: list[list[Tensor | None]] = []
        for body in operation.bodies:
            holder, call = self._calls.part(key, body.name, record, alone=len(operation.bodies) == 1)
            inner = self._inside(operation, body, holder, place)
            self._operations(inner, call.id)
            results = [self._result(name, inner, call.id) for name in _changed(inner.program)]
            if call is not record:
                self.builder.end(call, ports(results))
            ends.extend(results)
            outcomes.append([inner.program.tensors.get(name) for name in inner.program.outputs])
        if operation.loops:  # which makes what it begins with, or what a step does
            outcomes[:-1] = [[place.program.tensors.get(name) for name in operation.bodies[-1].inputs]]
        made = self._made(operation, place)
        for tensor, *several in zip(made, *outcomes, strict=False):
            if tensor is not None and several:
                agree(tensor, several)
        if not self._calls.merge(record, entering, ends, made):
            self.findings.depends[operation.op] = None


def _changed(program: Program) -> list[str]:
    """Return what a program gives, without the weights and constants that it has only been given."""
    known = {name for name in program.inputs if not _is_made(program.tensors[name])}
    return [name for name in program.outputs if name not in known]


def _is_made(tensor: Tensor) -> bool:
    return tensor.weight is None and tensor.constant is None


def _changing(tensor: Tensor | None) -> Tensor | None:
    """Return a tensor that only begins as the one given: it is neither a weight nor a constant."""
    if tensor is None or _is_made(tensor):
        return tensor
    return Tensor(tensor.spec)


def _relative(inner: Operation, around: Operation) -> tuple[Entry, ...]:
    """Return the scopes of an operation without those that what is around it is in as well."""
    if not inner.scopes:
        return ()
    path, same = inner.scopes[-1].path, 0
    for one, other in zip(path, around.path, strict=False):
        if one != other:
            break
        same += 1
    return of_names(path[same:]) if same else inner.scopes
