"""What flows between rows: the tensors that enter and leave each, and which rows they come from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from nbviz.graph import TensorSpec
from nbviz.rows import RowTree, by_row

Boundaries = tuple[list[Sequence[TensorSpec]], list[Sequence[TensorSpec]], list[tuple[int, ...]]]


def boundaries(tree: RowTree) -> Boundaries:
    """Return the tensors that enter and that leave each row, and the nearest rows upstream of it.

    They are those of its first call; of a group, those that cross its border there.
    """
    calls = tree.graph.calls
    all_inputs, all_outputs = calls.column("inputs"), calls.column("outputs")
    inputs: list[Sequence[TensorSpec]] = [all_inputs[call] if call >= 0 else () for call in tree.first_call]
    outputs: list[Sequence[TensorSpec]] = [all_outputs[call] if call >= 0 else () for call in tree.first_call]
    if tree.graph.groups:
        for side, crossed in zip((outputs, inputs), tree.crossed, strict=True):
            pairs = zip(*(part.tolist() for part in crossed), strict=True)
            for row, tensors in _of_groups(tree, pairs).items():
                side[row] = [all_outputs[call][port] for call, port in tensors]
    return inputs, outputs, _upstream(tree)


def _upstream(tree: RowTree) -> list[tuple[int, ...]]:
    """Return the rows that each row takes tensors from: of what an edge leaves, the outermost layer or operation."""
    row_of, is_group = np.array(tree.frames.row, np.intp), np.array([kind == "group" for kind in tree.kind])
    left, entered = tree.crossed
    number, frames = left
    real = (row_of[frames] >= 0) & ~is_group[row_of[frames]]
    nearest = np.full(len(tree.graph.edges), -1)
    nearest[number[real]] = row_of[frames[real]]  # inner first: the last one stays
    number, frames = entered
    rows, found = row_of[frames], nearest[number]
    known = (rows >= 0) & (found >= 0)
    rows, found = rows[known], found[known]
    _, first = np.unique(rows * len(tree) + found, return_index=True)
    first.sort()  # in the order of the edges
    return by_row(rows[first], found[first], len(tree))


def _of_groups(tree: RowTree, crossed: Iterable[tuple[int, int]]) -> Mapping[int, Iterable[tuple[int, int]]]:
    """Return the tensors that cross the border of each group, in the first call in which it is seen."""
    sources, ports = (tree.graph.edges.column(name) for name in ("source", "source_port"))
    seen_in: dict[int, int] = {}
    found: dict[int, dict[tuple[int, int], None]] = {}
    for edge, frame in crossed:
        row, call = tree.frames.row[frame], tree.frames.call[frame]
        if row >= 0 and tree.kind[row] == "group" and seen_in.setdefault(row, call) == call:
            found.setdefault(row, {})[sources[edge], ports[edge]] = None
    return found
