"""Data flow between rows: the tensors that enter and leave each row, and the rows that they come from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from nbviz.frames import Numbers, Pairs
from nbviz.graph import TensorSpec
from nbviz.rows import RowTree, by_row

Boundaries = tuple[list[Sequence[TensorSpec]], list[Sequence[TensorSpec]], list[tuple[int, ...]]]
Crossed = dict[int, dict[tuple[int, int], None]]
"""Tensors that cross the border of each frame, by the call and the output that they come from, each once."""


def boundaries(tree: RowTree) -> Boundaries:
    """Return the tensors that enter and that leave each row, and the nearest rows upstream of it.

    They are those of its first call; of a group, those that cross its border in the first call in which any does.
    """
    calls = tree.graph.calls
    all_inputs, all_outputs = calls.column("inputs"), calls.column("outputs")
    inputs: list[Sequence[TensorSpec]] = [all_inputs[call] if call >= 0 else () for call in tree.first_call]
    outputs: list[Sequence[TensorSpec]] = [all_outputs[call] if call >= 0 else () for call in tree.first_call]
    for side, crossed in zip((inputs, outputs), across_groups(tree), strict=True):
        for frame, tensors in reversed(crossed.items()):  # the first frame of each row stays
            side[tree.frames.row[frame]] = [all_outputs[call][port] for call, port in tensors]
    return inputs, outputs, _upstream(tree)


def across_groups(tree: RowTree) -> tuple[Crossed, Crossed]:
    """Return the tensors that enter and that leave each group, as it is seen in one call; frames are in the order of the edges."""
    entering: Crossed = {}
    leaving: Crossed = {}
    if not tree.graph.groups:
        return entering, leaving
    sources, ports = (tree.graph.edges.column(name) for name in ("source", "source_port"))
    for start, left, entered in tree.crossings():
        for found, (number, frames) in ((entering, entered), (leaving, left)):
            inside = frames >= len(tree.graph.calls)
            for edge, frame in zip((number[inside] + start).tolist(), frames[inside].tolist(), strict=True):
                found.setdefault(frame, {})[sources[edge], ports[edge]] = None
    return entering, leaving


def _upstream(tree: RowTree) -> list[tuple[int, ...]]:
    """Return the rows that each row takes tensors from: of what an edge leaves, the outermost layer or operation."""
    row_of, is_group = np.array(tree.frames.row, np.intp), np.array([kind == "group" for kind in tree.kind])
    is_real = (row_of >= 0) & ~is_group[row_of]
    found = [_taken(row_of, is_real, left, entered) for _, left, entered in tree.crossings()]
    if not found:
        return [()] * len(tree)
    rows, sources = _distinct(*(np.concatenate(part) for part in zip(*found, strict=True)))
    return by_row(rows, sources, len(tree))


def _taken(row_of: Numbers, is_real: npt.NDArray[np.bool_], left: Pairs, entered: Pairs) -> Pairs:
    """Return rows that edges enter, and the row that each takes from, in the order of the edges."""
    number, frames = left
    real = is_real[frames]
    nearest = np.full(1 + max(side[0].max(initial=-1) for side in (left, entered)), -1)
    nearest[number[real]] = row_of[frames[real]]  # inner first: the last one stays
    number, frames = entered
    rows, sources = row_of[frames], nearest[number]
    known = (rows >= 0) & (sources >= 0)
    return _distinct(rows[known], sources[known])


def _distinct(rows: Numbers, sources: Numbers) -> Pairs:
    """Return pairs of rows, each where it comes first."""
    _, first = np.unique((rows.astype(np.int64) << 32) + sources, return_index=True)
    first.sort()
    return rows[first], sources[first]
