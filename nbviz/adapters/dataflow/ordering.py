"""Finds the order in which the nodes of a graph run, and which neighbors share a scope."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Generic, Protocol, TypeVar, final

from nbviz.adapters.dataflow.scopes import Entry, shared


class Node(Protocol):
    """An operation of a graph, which knows the tensors that it takes and makes by name."""

    @property
    def op(self) -> str:
        """What it does."""
        ...

    @property
    def module(self) -> str:
        """The set of operations that it belongs to."""
        ...

    @property
    def name(self) -> str:
        """Its own name without the scopes around it, or ``""``."""
        ...

    @property
    def full_name(self) -> str:
        """Its name as the file has it."""
        ...

    @property
    def inputs(self) -> Sequence[str]:
        """Names of the tensors that it takes; ``""`` for one that is left out."""
        ...

    @property
    def outputs(self) -> Sequence[str]:
        """Names of the tensors that it makes."""
        ...

    @property
    def scopes(self) -> tuple[Entry, ...]:
        """The scopes around it, outer first."""
        ...

    def needed(self) -> Collection[str]:
        """Return the names of the tensors that have to be there before it."""
        ...


AnyNode = TypeVar("AnyNode", bound=Node)
Read = tuple[str, ...]
"""An operation, with the weights that it reads."""


@final
@dataclass(slots=True)
class Frame:
    """One call of a scope, or a part of one.

    Attributes
    ----------
    entry
        The scope.
    items
        The nodes and the frames inside it, in order.
    read
        The operations inside it that read weights, with those, in order.
    step
        Whether the scope is always the same single operation.
    """

    entry: Entry
    items: list[Any] = field(default_factory=list)
    read: dict[Read, None] = field(default_factory=dict)
    step: bool = False


@final
@dataclass(frozen=True, slots=True)
class Order(Generic[AnyNode]):
    """An order in which nodes can run.

    Attributes
    ----------
    nodes
        The nodes.
    circular
        How many of them wait for each other in a circle; they stand last.
    doubled
        Names of tensors that more than one node makes.
    """

    nodes: Sequence[AnyNode]
    circular: int = 0
    doubled: Sequence[str] = ()


def ordered(nodes: Sequence[AnyNode], weights: Collection[str] = (), constants: Collection[str] = ()) -> Order[AnyNode]:
    """Return nodes in an order in which each comes behind what it needs.

    It is the file's own, unless that is wrong, or tears the nodes of a scope apart that could stand together: optimizers
    mix the scopes of what does not depend on each other. Where a scope is called again the file's order tells its calls
    apart, and stays.
    """
    maker: dict[str, int] = {}
    doubled: dict[str, None] = {}
    for i, node in enumerate(nodes):
        for name in node.outputs:
            if name:
                if name in maker:
                    doubled[name] = None
                maker[name] = i
    right = all(maker.get(name, -1) < i for i, node in enumerate(nodes) for name in node.inputs)
    stacks = {id(node.scopes): node.scopes for node in nodes}.values()
    runs, scopes = _runs(nodes), len({entry.path for stack in stacks for entry in stack})
    if right and (runs <= scopes or _calls_again(nodes, weights, constants)):
        return Order(nodes, 0, list(doubled))
    ranks = _ranks(nodes, weights, constants)
    arranged, circular = _sorted(nodes, maker, ranks)
    if not circular and _runs(arranged) > scopes:  # what stands around a scope may be what it waits for
        arranged = min(arranged, _sorted(nodes, maker, ranks, outer_first=True)[0], key=_runs)
    if right and not circular and _runs(arranged) >= runs:
        return Order(nodes, 0, list(doubled))
    return Order(arranged, circular, list(doubled))


def _read(node: Node, weights: Collection[str], constants: Collection[str]) -> Read:
    """Return an operation with the weights that it reads, nothing if it reads none or is in no scope.

    Nor if it only cuts a part out of a weight, with constants or what is as fixed: another part of it is no other call.
    """
    if not node.scopes:
        return ()
    read = [name for name in node.inputs if name in weights]
    if not read or (constants and len(read) < len(node.inputs) and _is_stored(node, weights, constants)):
        return ()
    return (node.op, *read)


def _is_stored(node: Node, weights: Collection[str], constants: Collection[str]) -> bool:
    return all(name in weights or name in constants for name in node.inputs if name)


def _calls_again(nodes: Iterable[Node], weights: Collection[str], constants: Collection[str]) -> bool:
    """Tell whether a scope is called again: an operation in it reads what was read in it first."""
    first: dict[tuple[str, ...], Read] = {}
    for node in nodes:
        read = _read(node, weights, constants)
        if read and first.get(node.scopes[-1].path) == read:
            return True
        for entry in node.scopes if read else ():
            first.setdefault(entry.path, read)
    return False


def _runs(nodes: Iterable[Node]) -> int:
    """Return how many frames nodes fall into."""
    count, opened = 0, tuple[Entry, ...]()
    for node in nodes:
        stack = node.scopes
        if stack is not opened:
            count += len(stack) - shared(stack, opened)
            opened = stack
    return count


def _ranks(nodes: Sequence[Node], weights: Collection[str], constants: Collection[str]) -> list[int]:
    """Return numbers by which nodes are taken that can run: those of a scope where it first reads a weight.

    Its first node may stand far before that: exporters compute the same sizes once, for several scopes.
    """
    stacks: dict[int, tuple[Entry, ...]] = {}
    reading: dict[int, int] = {}
    standing: dict[int, int] = {}
    for i, node in enumerate(nodes):
        key = id(node.scopes)
        if key not in stacks:
            stacks[key], standing[key] = node.scopes, i
        if key not in reading and _read(node, weights, constants):
            reading[key] = i
    begins: dict[tuple[str, ...], int] = {}
    for key, i in chain(reading.items(), standing.items()):
        for entry in stacks[key]:
            begins.setdefault(entry.path, i)
    places = {key: tuple(begins[entry.path] for entry in stack) for key, stack in stacks.items()}
    ranked = sorted(range(len(nodes)), key=lambda i: (*places[id(nodes[i].scopes)], i))
    return sorted(range(len(nodes)), key=ranked.__getitem__)


def _sorted(
    nodes: Sequence[AnyNode], maker: Mapping[str, int], ranks: Sequence[int], *, outer_first: bool = False
) -> tuple[list[AnyNode], int]:
    """Sort topologically; of the nodes that are ready, take one in the innermost scope that is open, else the first.

    ``outer_first`` takes what stands in that scope itself before what stands in scopes inside it. Return also how many are in
    circles; they come last.
    """
    waits: list[int] = []
    needed_by: dict[int, list[int]] = {}
    for i, node in enumerate(nodes):
        before = {maker[name] for name in node.needed() if name in maker}
        waits.append(len(before))
        for j in before:
            needed_by.setdefault(j, []).append(i)
    ready = _Ready(nodes, ranks, outer_first=outer_first)
    for i, count in enumerate(waits):
        if not count:
            ready.add(i)
    order: list[int] = []
    while (taken := ready.take(order[-1] if order else None)) is not None:
        order.append(taken)
        for j in needed_by.get(taken, ()):
            waits[j] -= 1
            if not waits[j]:
                ready.add(j)
    done = set(order)
    return [nodes[i] for i in (*order, *(i for i in range(len(nodes)) if i not in done))], len(nodes) - len(order)


@final
class _Ready:
    """The nodes that can run, by every scope around them."""

    def __init__(self, nodes: Sequence[Node], ranks: Sequence[int], *, outer_first: bool) -> None:
        self._nodes = nodes
        self._ranks = ranks
        self._outer_first = outer_first
        self._heaps: dict[tuple[str, ...], list[tuple[bool, int, int]]] = {}
        self._taken: set[int] = set()

    def add(self, i: int) -> None:
        *outer, own = _around(self._nodes[i])
        for path in (*outer, own):
            inside = self._outer_first and path is not own
            heapq.heappush(self._heaps.setdefault(path, []), (inside, self._ranks[i], i))

    def take(self, last: int | None) -> int | None:
        """Return the next node after ``last``, None if none is ready."""
        for path in reversed(_around(self._nodes[last]) if last is not None else [()]):
            heap = self._heaps.get(path, [])
            while heap:
                *_, i = heapq.heappop(heap)
                if i not in self._taken:
                    self._taken.add(i)
                    return i
        return None


def _around(node: Node) -> list[tuple[str, ...]]:
    return [(), *(entry.path for entry in node.scopes)]


def nested(nodes: Iterable[Node], weights: Collection[str], constants: Collection[str] = ()) -> list[Any]:
    """Return nodes as a tree of the calls of scopes that they belong to.

    A scope that reads the weight again that it has read first, in the same way, is called again.
    """
    top: list[Any] = []
    opened: list[Frame] = []
    frames: dict[tuple[str, ...], list[Frame]] = {}
    around: Sequence[Entry] = ()
    for node in nodes:
        if node.scopes is not around:
            del opened[shared(node.scopes, around) :]
            around = node.scopes
        read = _read(node, weights, constants)
        if read and len(opened) == len(node.scopes) and read == next(iter(opened[-1].read), None):
            opened.pop()
        for entry in node.scopes[len(opened) :]:
            frame = Frame(entry)
            frames.setdefault(entry.row, []).append(frame)
            (opened[-1].items if opened else top).append(frame)
            opened.append(frame)
        for frame in opened if read else ():
            frame.read[read] = None
        (opened[-1].items if opened else top).append(node)
    for calls in frames.values():
        steps = [
            frame.items[0].op if len(frame.items) == 1 and not isinstance(frame.items[0], Frame) else ""
            for frame in calls
        ]
        if steps[0] and len(set(steps)) == 1:
            for frame in calls:
                frame.step = True
    return top
