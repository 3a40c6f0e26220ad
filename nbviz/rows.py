"""The rows of a model: its layers, operations and groups as one tree, in table order."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, TypedDict, final

import numpy as np

from nbviz.frames import Frames, Numbers, Pairs
from nbviz.graph import ModelGraph
from nbviz.preorder import first_calls, pre_order

RowKind = Literal["layer", "operation", "group"]


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
    around
        Row of the innermost group or else the layer around it, -1 for the root; it stands before the row.
    layer
        Position of each row in ``graph.layers``, -1 for what is no layer.
    row_of_call
        The row of each call, -1 for inputs, outputs and constants that are no layer.
    """

    def __init__(self, graph: ModelGraph) -> None:
        self.graph = graph
        found = _Found(graph)
        around = found.around.tolist()
        order = np.array(pre_order(around, first_calls(around, found.of_call)), np.intp)
        row = np.full(len(order) + 1, -1)  # the last one is that of -1
        row[order] = np.arange(len(order))
        self.path: list[str] = list(map(found.path.__getitem__, order.tolist()))
        self.kind: list[RowKind] = list(map(found.kind.__getitem__, order.tolist()))
        self.layer: list[int] = np.where(order < len(graph.layers), order, -1).tolist()
        self.parent: list[int] = row[found.parent[order]].tolist()
        self.group: list[int] = row[found.group[order]].tolist()
        self.around: list[int] = row[found.around[order]].tolist()
        self.row_of_call: list[int] = row[np.array(found.of_call, np.intp)].tolist()

    def __len__(self) -> int:
        return len(self.path)

    @functools.cached_property
    def index(self) -> Mapping[str, int]:
        """Row by path."""
        return {path: row for row, path in enumerate(self.path)}

    def ancestors(self, row: int) -> Sequence[int]:
        """Return the row itself and every layer and group around it, inner first."""
        found = []
        while row >= 0:
            found.append(row)
            row = self.around[row]
        return found

    def with_all_around(self, rows: Iterable[int]) -> Sequence[int]:
        """Return rows and every layer and group around one of them, each once."""
        return list(dict.fromkeys(row for inner in rows for row in self.ancestors(inner)))

    @functools.cached_property
    def calls(self) -> Sequence[tuple[int, ...]]:
        """Ids of the calls of each row, in execution order."""
        rows = np.array(self.row_of_call, np.intp)
        return by_row(rows, np.arange(len(rows)), len(self))

    @functools.cached_property
    def first_call(self) -> Sequence[int]:
        """The first call of each row, -1 for what is never called."""
        return [ids[0] if ids else -1 for ids in self.calls]

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
        for row in range(len(self) - 1, 0, -1):  # what is around a row stands before it
            if found[row]:
                found[self.around[row]] = True
        return found

    @functools.cached_property
    def labels(self) -> Sequence[str]:
        """The last segment of each path as a person reads it; for the root, the model's name."""
        labels = {group.id: group.label for group in self.graph.groups} | {"": self.graph.name}
        return [labels[path] if path in labels else _label(path) for path in self.path]

    @functools.cached_property
    def frames(self) -> Frames:
        """Where each call stands, with the groups in which it is seen."""
        return Frames(self.graph.calls.column("parent"), self.row_of_call, self.group)

    def crossings(self) -> Iterator[tuple[int, Pairs, Pairs]]:
        """Yield the frames that edges leave and those that they enter, for some edges at a time: deep models have many.

        The number of the first edge comes first, and both count from it (see ``Frames.apart``).
        """
        sources, targets = (np.array(self.graph.edges.column(name), np.intp) for name in ("source", "target"))
        block = max(1, _AT_ONCE // (1 + max(self.frames.depth, default=0)))
        for start in range(0, len(sources), block):
            yield start, *self.frames.apart(sources[start : start + block], targets[start : start + block])


_AT_ONCE = 1 << 20
"""Frames that edges leave or enter and that are held, at most."""


def by_row(rows: Numbers, values: Numbers, count: int) -> list[tuple[int, ...]]:
    """Return the values that belong to each of so many rows, in their order; those of row -1 are left out."""
    order = np.argsort(rows, kind="stable")
    ends = np.searchsorted(rows[order], np.arange(count + 1)).tolist()
    flat = values[order].tolist()
    return [tuple(flat[start:end]) for start, end in itertools.pairwise(ends)]


def _label(path: str) -> str:
    segment = path.rpartition("/")[2]
    # "~1" first: "~01" is an escaped "~1"
    return segment.replace("~1", "/").replace("~0", "~") if "~" in segment else segment


class _Found:
    """The rows of a graph in the order in which they are found: layers, bare operations by their first call, groups.

    Attributes
    ----------
    path, kind, parent, group, around
        As in ``RowTree``, with numbers of this order.
    of_call
        The row of each call, -1 for none.
    """

    def __init__(self, graph: ModelGraph) -> None:
        number = {path: at for at, path in enumerate(graph.layers.column("path"))}
        parent = [-1 if up is None else number[up] for up in graph.layers.column("parent")]
        call_paths = graph.calls.column("path")
        callers = zip(graph.calls.column("kind"), call_paths, graph.calls.column("parent"), strict=True)
        for kind, path, caller in callers:
            if kind == "operation" and path not in number:
                number[path] = len(number)
                parent.append(number["" if caller is None else call_paths[caller]])
        operations = len(number) - len(graph.layers)
        for group in graph.groups:
            number[group.id] = len(number)
            parent.append(number[group.layer])
        self.path = list(number)
        self.kind: list[RowKind] = ["layer"] * len(graph.layers)
        self.kind += ["operation"] * operations
        self.kind += ["group"] * len(graph.groups)
        self.parent = np.array(parent)
        self.of_call = [number.get(path, -1) for path in call_paths]
        self.group = np.full(len(number), -1)
        for group in graph.groups:
            self.group[[number[path] for path in group.members]] = number[group.id]
            if group.parent is not None:
                self.group[number[group.id]] = number[group.parent]
        self.around = np.where(self.group < 0, self.parent, self.group)
