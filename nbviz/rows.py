"""The rows of a model: its layers, bare operations and groups as one tree, in table order."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Literal, TypedDict, final

from nbviz.frames import Frames
from nbviz.graph import ModelGraph

RowKind = Literal["layer", "operation", "group"]
NEVER = 1 << 62
"""Sorts behind every call id."""


class Totals(TypedDict):
    """Numbers of the whole model; None is unknown."""

    params: int | None
    trainable_params: int | None
    non_trainable_params: int | None
    buffers: int | None
    bytes: int | None
    macs: int | None


@final
class RowTree:
    """Every row of a graph in table order, with its parent in the real tree and the group around it.

    Order is pre-order, siblings by their first call; what is never called comes last. A group stands where its
    first member stood, with its members behind it.

    Parameters
    ----------
    graph
        The model graph.

    Attributes
    ----------
    graph
        The model graph.
    path, kind
        One entry per row.
    parent
        Row of the layer that holds it, -1 for the root.
    group
        Row of the innermost group around it, -1 for none.
    index
        Row by path.
    """

    def __init__(self, graph: ModelGraph) -> None:
        self.graph = graph
        parents, kinds = _parents(graph)
        group_of = _group_of(graph)
        order = _pre_order(parents, group_of, _first_calls(graph, parents, group_of))
        self.path: list[str] = order
        self.kind: list[RowKind] = [kinds[path] for path in order]
        self.index: Mapping[str, int] = {path: row for row, path in enumerate(order)}
        self.parent = [-1 if (up := parents[path]) is None else self.index[up] for path in order]
        self.group = [self.index[group_of[path]] if path in group_of else -1 for path in order]

    def __len__(self) -> int:
        return len(self.path)

    @functools.cached_property
    def around(self) -> Sequence[int]:
        """The row of the innermost group or else the layer around each row, -1 for the root; it stands before the row."""
        return [parent if group < 0 else group for parent, group in zip(self.parent, self.group, strict=True)]

    def ancestors(self, row: int) -> Sequence[int]:
        """Return the row itself and every layer and group around it, inner first."""
        found = []
        while row >= 0:
            found.append(row)
            row = self.around[row]
        return found

    @functools.cached_property
    def calls(self) -> Sequence[tuple[int, ...]]:
        """Ids of the calls of each row, in execution order."""
        calls_of = self.graph.calls_of
        return [calls_of.get(path, ()) for path in self.path]

    @functools.cached_property
    def holds_calls(self) -> Sequence[bool]:
        """Whether each row, or anything inside it, is called."""
        return self._with_what_is_around([bool(ids) for ids in self.calls])

    @functools.cached_property
    def takes_part(self) -> Sequence[bool]:
        """Whether each row, or anything inside it, is called, or holds weights that calls of others read."""
        read = {number for numbers in self.graph.calls.column("parameters") for number in numbers}
        owners = self.graph.parameters.column("owners")
        # a tied one may be read for the other
        alone = {owners[number][0] for number in read if len(owners[number]) == 1}
        return self._with_what_is_around(
            [bool(ids) or path in alone for ids, path in zip(self.calls, self.path, strict=True)]
        )

    def _with_what_is_around(self, found: list[bool]) -> list[bool]:
        for row in range(len(self) - 1, 0, -1):  # parents come before what they hold
            for around in (self.parent[row], self.group[row]):
                if around >= 0 and found[row]:
                    found[around] = True
        return found

    @functools.cached_property
    def labels(self) -> Sequence[str]:
        """The last segment of each path as a person reads it; for the root, the model's name."""
        labels = {group.id: group.label for group in self.graph.groups} | {"": self.graph.name}
        # "~1" first: "~01" is an escaped "~1"
        return [
            labels[path] if path in labels else path.rsplit("/", 1)[-1].replace("~1", "/").replace("~0", "~")
            for path in self.path
        ]

    @functools.cached_property
    def row_of_call(self) -> Sequence[int]:
        """The row of each call, -1 for inputs, outputs and constants that are no layer."""
        return [self.index.get(path, -1) for path in self.graph.calls.column("path")]

    @functools.cached_property
    def frames(self) -> Frames:
        """Where each call stands, with the groups in which it is seen."""
        return Frames(self.graph.calls.column("parent"), self.row_of_call, self.group)


def _parents(graph: ModelGraph) -> tuple[dict[str, str | None], dict[str, RowKind]]:
    parents: dict[str, str | None] = {}
    kinds: dict[str, RowKind] = {}
    for path, parent in zip(graph.layers.column("path"), graph.layers.column("parent"), strict=True):
        parents[path], kinds[path] = parent, "layer"
    call_paths = graph.calls.column("path")
    columns = zip(graph.calls.column("kind"), call_paths, graph.calls.column("parent"), strict=True)
    for kind, path, parent in columns:
        if kind == "operation" and path not in parents:
            parents[path], kinds[path] = "" if parent is None else call_paths[parent], "operation"
    for group in graph.groups:
        parents[group.id], kinds[group.id] = group.layer, "group"
    return parents, kinds


def _group_of(graph: ModelGraph) -> dict[str, str]:
    found: dict[str, str] = {}
    for group in graph.groups:
        found.update(dict.fromkeys(group.members, group.id))
        if group.parent is not None:
            found[group.id] = group.parent
    return found


def _first_calls(graph: ModelGraph, parents: Mapping[str, str | None], group_of: Mapping[str, str]) -> dict[str, int]:
    """When each row first runs: by its own call, or, for a container that is never called, by what is in it."""
    first = {path: ids[0] for path, ids in graph.calls_of.items() if path in parents}
    for path in list(first):
        call, at = first[path], path
        while True:
            up = group_of.get(at, parents[at])
            if up is None or first.get(up, NEVER) <= call:
                break
            first[up] = call
            at = up
    return first


def _pre_order(parents: Mapping[str, str | None], group_of: Mapping[str, str], first: Mapping[str, int]) -> list[str]:
    children: dict[str | None, list[str]] = {}
    for path, parent in parents.items():
        children.setdefault(group_of.get(path, parent), []).append(path)
    order: list[str] = []
    waiting = list(children[None])
    while waiting:
        path = waiting.pop()
        order.append(path)
        if path in children:
            # sort is stable, so that layers never called keep the order in which the model holds them
            inside = sorted(children[path], key=lambda child: first.get(child, NEVER))
            waiting.extend(reversed(inside))
    return order
