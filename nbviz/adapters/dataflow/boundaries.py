"""Finds the tensors that enter and leave the scopes of a model; files say this only for nodes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nbviz.graph import TensorSpec
from nbviz.records import CallRecord

Crossing = dict[tuple[int, int], TensorSpec]
"""Tensors that cross a border, each once, by where they come from."""


def fill_boundaries(calls: Sequence[CallRecord]) -> None:
    """Give each call that contains others the tensors that cross its border, as far as it has none."""
    entering: dict[int, Crossing] = {c.id: {} for c in calls if c.has_children and not c.inputs}
    leaving: dict[int, Crossing] = {c.id: {} for c in calls if c.has_children and not c.outputs}
    for call in calls:
        for origin, spec in () if call.has_children else zip(call.sources, call.inputs, strict=True):
            if origin is None or calls[origin[0]].parent == call.parent:
                continue
            for frame, borders in _apart(calls, calls[origin[0]].parent, call.parent, entering, leaving):
                if frame in borders:
                    borders[frame].setdefault(origin, spec)
    for at, found in entering.items():
        calls[at].inputs = tuple(found.values())
    for at, found in leaving.items():
        calls[at].outputs = tuple(found.values())


def _apart(
    calls: Sequence[CallRecord],
    source: int | None,
    target: int | None,
    entering: dict[int, Crossing],
    leaving: dict[int, Crossing],
) -> Iterator[tuple[int, dict[int, Crossing]]]:
    """Yield the calls around one end of an edge that are not around the other, with where to note it."""
    while source != target:  # what is around a call has begun before it: the later of two is around one end alone
        if source is not None and (target is None or source > target):
            yield source, leaving
            source = calls[source].parent
        elif target is not None:
            yield target, entering
            target = calls[target].parent
