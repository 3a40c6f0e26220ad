"""Turns operations, scopes and stored tensors into calls, for all file formats."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, final

from nbviz.adapters.dataflow.ordering import Frame, Node
from nbviz.adapters.dataflow.rows import SCOPE, Key, Rows
from nbviz.adapters.text import label
from nbviz.builder import GraphBuilder
from nbviz.graph import Setting, TensorSpec
from nbviz.records import CallRecord, Port


class Tensor(Protocol):
    """A tensor as a reader knows it: what operations make, a weight, or a constant."""

    @property
    def spec(self) -> TensorSpec:
        """What is known of it."""
        ...

    @property
    def weight(self) -> Key | None:
        """Its key if it is a weight."""
        ...

    @property
    def constant(self) -> Any:
        """What is stored if it is a constant."""
        ...


T = TypeVar("T", bound=Tensor)


@final
@dataclass(slots=True)
class Given(Generic[T]):
    """What an operation is given: tensors as ports, weights, constants as settings, and all of them by position."""

    ports: list[Port]
    reads: list[Key]
    settings: list[tuple[str, Setting]]
    tensors: Sequence[T | None]


def ports(tensors: Iterable[Tensor | None]) -> list[Port]:
    """Return tensors as ports, without those that are left out."""
    return [(tensor, tensor.spec) for tensor in tensors if tensor is not None]


@final
class Calls:
    """Records calls.

    Parameters
    ----------
    builder
        Takes the calls.
    rows
        Takes the layers.
    constants
        Whether constants are calls of their own; else they are settings of what reads them.
    """

    def __init__(self, builder: GraphBuilder, rows: Rows, *, constants: bool) -> None:
        self.builder = builder
        self.rows = rows
        self._constants = constants
        self._read: dict[Hashable, set[tuple[str, ...]]] = {}
        self._counters: dict[Hashable, dict[str, int]] = {}

    def given(
        self, tensors: Sequence[T | None], told: Callable[[int, T], tuple[str, Setting]], parent: int
    ) -> Given[T]:
        """Return what an operation inside ``parent`` is given; ``told`` makes a setting of the constant at a position."""
        found: Given[T] = Given([], [], [], tensors)
        for at, tensor in enumerate(tensors):
            if tensor is None:
                continue
            if tensor.weight is not None:
                found.reads.append(tensor.weight)
            elif tensor.constant is not None and not self._constants:
                found.settings.append(told(at, tensor))
            else:
                if tensor.constant is not None and not self.builder.knows(tensor):
                    self._end_constant(told(at, tensor)[1], tensor, parent)
                found.ports.append((tensor, tensor.spec))
        return found

    def _end_constant(self, value: Setting, made: Tensor, parent: int) -> None:
        """Record a call that gives a constant."""
        record = self.builder.begin("constant", "constant", parent)
        record.settings = (("value", value),)
        self.builder.end(record, [(made, made.spec)])

    def scope(self, key: Hashable, frame: Frame, parent: int) -> tuple[CallRecord, bool]:
        """Begin a call of a scope; return it, and whether the scope has been called before.

        A scope that reads the same weights is called again, or that names tell; else this is the rest of it, and has operations
        of its own.
        """
        layer = self.rows.layer(key)
        record = self.builder.begin("layer", layer.type, parent, layer=layer.path)
        is_later = bool(frame.entry.first) and key in self._read
        read = self._read.setdefault(key, set())
        again = is_later or not read.isdisjoint(frame.read)
        read.update(frame.read)
        if not again:
            record.counters = self._counters.setdefault(key, {})
        return record, again

    def row(self, node: Node, reads: Sequence[Key], holder: Hashable, *, again: bool) -> Hashable:
        """Return the key of a row for an operation: where its scope is called again, that of the first call."""
        known = self.rows.called_again(holder, node.op, reads) if again else None
        return self.rows.node(holder, node, reads) if known is None else known

    def operation(
        self,
        node: Node,
        taken: Given[T],
        settings: tuple[tuple[str, Setting], ...],
        parent: int,
        *,
        key: Hashable | None,
        holder: Hashable | None,
    ) -> CallRecord:
        """Begin a call of an operation: of the row ``key``, or bare; ``holder`` is the row that holds its weights."""
        told = (*settings, *taken.settings)
        if key is None:
            record = self.builder.begin("operation", label(node.op), parent, taken.ports)
            record.settings = (("name", label(node.full_name)), *told) if node.full_name else told
        else:
            record = self.layer(node, key, told, parent, taken.ports)
        for weight in taken.reads:
            self.rows.hold(holder, weight)
        record.reads = tuple(taken.reads)
        return record

    def layer(
        self,
        node: Node,
        key: Hashable,
        told: tuple[tuple[str, Setting], ...],
        parent: int,
        entering: Sequence[Port],
    ) -> CallRecord:
        """Begin a call of an operation that has a row."""
        layer = self.rows.layer(key)
        if layer.type == SCOPE:
            layer.type, layer.module = label(node.op), label(node.module)
        if not layer.settings:
            own = () if layer.type == node.op else (("op", label(node.op)),)
            layer.settings = (*own, *told)
        return self.builder.begin("layer", layer.type, parent, entering, layer=layer.path)

    def constant(self, stored: Tensor, made: Tensor, setting: Setting, parent: int, holder: Hashable) -> None:
        """Record a call that gives what is stored, a weight or a constant, as the tensor ``made``."""
        if stored.weight is None:
            self._end_constant(setting, made, parent)
            return
        record = self.builder.begin("constant", "constant", parent)
        self.rows.hold(holder, stored.weight)
        record.reads = (stored.weight,)
        self.builder.end(record, [(made, made.spec)])

    def part(self, key: Hashable, name: str, around: CallRecord, *, alone: bool) -> tuple[Hashable, CallRecord]:
        """Return row and call of one of the graphs in an operation: of its own, unless it is alone."""
        if alone:
            return key, around
        part = self.rows.part(key, name)
        return part, self.builder.begin("layer", "Graph", around.id, layer=self.rows.layer(part).path)

    def merge(
        self,
        record: CallRecord,
        entering: Iterable[Port],
        ends: Iterable[Tensor],
        made: Iterable[Tensor | None],
        *,
        known: bool = False,
    ) -> bool:
        """End an operation with graphs inside, where their results meet: which of them run, and how often, depends on values.

        Those are what enters and goes into none of the graphs, such as the condition. Return whether nothing is computed inside
        that would have to be counted, or that is counted as often as it runs, which is then ``known``.
        """
        inside = self.builder.calls[record.id + 1 :]
        idle = known or all(call.compute == () for call in inside)
        closing = record
        if record.has_children:
            results = ports(ends)
            used = {origin for call in inside for origin in call.sources}
            used.update(self.builder.origin(tensor) for tensor, _ in results)
            deciding = [port for port in entering if self.builder.origin(port[0]) not in used]
            closing = self.builder.begin("operation", "merge", record.id, [*deciding, *results])
        closing.compute = () if idle else None
        outputs = ports(made)
        self.builder.end(closing, outputs)
        if closing is not record:
            self.builder.end(record, outputs)
        return idle
