"""Modules that are called again, whose later calls TorchScript's exporter numbers: ``/block/q_1/MatMul`` for ``/block/q``.

It numbers each module by itself: what the second call of ``block`` does itself is in ``/block_1``, and what its ``q`` does in
``/block/q_1``. A module may be called ``q_1``, too: the weights that are read tell which of both it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import final

from nbviz.adapters.dataflow.rows import Key
from nbviz.adapters.dataflow.scopes import Entry
from nbviz.adapters.onnx.nodes import Node

_NUMBERED = re.compile(r"(.+)_([1-9]\d{0,5})")

_Path = tuple[str, ...]
_Stack = tuple[Entry, ...]


def number_calls(nodes: Sequence[Node], weights: Mapping[str, Key]) -> None:
    """Put the nodes of later calls into the scopes of the first, with the number of the call.

    Parameters
    ----------
    nodes
        The nodes of a graph.
    weights
        Names of the weights, each with its key.
    """
    distinct = {id(node.scopes): node.scopes for node in nodes if node.scopes}.values()
    if not any(_first(stack[-1].path) for stack in distinct):  # as in most files
        return
    named = [node for node in nodes if node.full_name.startswith("/") and node.scopes and not node.scopes[-1].type]
    stacks = {node.scopes[-1].path: node.scopes for node in named}
    known = {entry.path for stack in stacks.values() for entry in stack}
    likely = {path: first for path in stacks if (first := _first(path)) in known}
    if not likely:
        return
    read: dict[_Path, set[Key]] = {path: set() for path in (*likely, *likely.values())}
    for node in named:
        if (found := read.get(node.scopes[-1].path)) is not None:
            found.update(weights[name] for name in node.inputs if name in weights)
    calls = _Calls(stacks, likely, read)
    numbered = {path: calls.numbered(stack) for path, stack in stacks.items()} if calls.later else {}
    for node in named:
        node.scopes = numbered.get(node.scopes[-1].path, node.scopes)


def _first(path: _Path) -> _Path:
    """Return the scope of which this may be a later call, an empty one where its name has no number."""
    found = _NUMBERED.fullmatch(path[-1])
    return (*path[:-1], found[1]) if found else ()


def _number(path: _Path) -> int:
    return int(path[-1].rpartition("_")[2])


@final
class _Calls:
    """Which scopes are later calls of others.

    Parameters
    ----------
    stacks
        Each scope with those around it.
    likely
        Scopes that may be later calls, with the scopes of the first.
    read
        The weights that these read themselves.

    Attributes
    ----------
    later
        Those that are later calls indeed.
    """

    def __init__(
        self, stacks: Mapping[_Path, _Stack], likely: Mapping[_Path, _Path], read: Mapping[_Path, set[Key]]
    ) -> None:
        self._stacks = stacks
        self._likely = likely
        self._counts: dict[_Path, int] = {}
        for path, first in likely.items():
            self._counts[first] = max(self._counts.get(first, 1), _number(path) + 1)
        self.later: dict[_Path, _Path] = {}
        self._often: dict[_Path, int] = {}
        around: set[_Path] = set()
        inner = sorted(likely, key=len, reverse=True)
        for path in inner:
            first = likely[path]
            is_part = first[-1].isdigit()  # of a list, which has no other names
            if read[path] <= read[first] if read[path] else is_part or first in around:
                self._keep(path)
                around.update(entry.path for entry in stacks[path])
        for path in reversed(inner):
            if not read[path] and self._is_as_often(path):
                self._keep(path)

    def _keep(self, path: _Path) -> None:
        first = self.later[path] = self._likely[path]
        self._often[first] = self._counts[first]

    def _is_as_often(self, path: _Path) -> bool:
        """Tell whether there are as many scopes of one name as calls of what is around them."""
        outer = self._stacks[path][-2:-1]
        return bool(outer) and self._often.get(outer[0].path) == self._counts[self._likely[path]]

    def numbered(self, stack: _Stack) -> _Stack:
        """Return scopes with the numbers of their calls: those around one are called no more often, at the same time."""
        path = stack[-1].path
        number = _number(path) if path in self._likely else 0
        count = self._counts.get(self._likely.get(path, path), 1)
        rows = [*(entry.path for entry in stack[:-1]), self.later.get(path, path)]
        numbers = [number if path in self.later else 0]
        for row in reversed(rows[:-1]):
            often = self._often.get(row, 1)
            if often > 1 and count % often == 0:
                number, count = number * often // count, often
            numbers.append(number if often == count else 0)
        return _entries(stack, rows, numbers[::-1])


def _entries(stack: _Stack, rows: Sequence[_Path], numbers: Sequence[int]) -> _Stack:
    if not any(numbers):
        return stack
    made: list[Entry] = []
    before: _Path = ()
    place: _Path = ()
    for entry, row, number in zip(stack, rows, numbers, strict=True):
        name = f"{row[-1]}_{number}" if number else row[-1]
        before, place = row, (*place, *row[len(before) : -1], name)
        made.append(Entry(place, entry.type, () if place == row else row))
    return tuple(made)
