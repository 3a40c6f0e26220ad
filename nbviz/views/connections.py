"""The sources of each row's tensors when only some rows are shown."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

from nbviz.metrics import Metrics

Frame = tuple[int, int]
"""A row and one call of it."""
Port = tuple[int, int]
"""A call and one output of it."""


@final
@dataclass(frozen=True, slots=True)
class Source:
    """Where a tensor comes from.

    Attributes
    ----------
    row
        The row.
    call
        Which of its calls, counted from 0.
    port
        Which of its outputs; None when several could be meant.
    """

    row: int
    call: int
    port: int | None


@final
class Connections:
    """The sources of every call of every visible row.

    A tensor comes from the outermost visible row around the call that made it, as seen from where it is used. What a
    hidden operation makes comes from wherever the operation takes it.

    Parameters
    ----------
    metrics
        The measured graph.
    visible
        Whether each row is shown.
    """

    def __init__(self, metrics: Metrics, visible: Sequence[bool]) -> None:
        self._metrics = metrics
        self._visible = visible
        self._frames = functools.cache(self._visible_frames)
        self._found: dict[Frame, list[Source]] = {}
        passed: dict[int, Sequence[Port]] = {}
        for target, ports in self._incoming().items():
            origins = [
                origin
                for source, port in ports
                for origin in (passed.get(source, ()) if self._is_around(source, target) else [(source, port)])
            ]
            passed[target] = tuple(dict.fromkeys(origins))
            self._connect(target, origins)

    def of(self, row: int) -> list[list[Source]]:
        """Return the sources of each call of a row, in call order."""
        return [self._found.get((row, call), []) for call in self._metrics.tree.calls[row]]

    def linear(self) -> bool:
        """Tell whether every called row takes its one input from the first output of the row before it."""
        tree, inputs = self._metrics.tree, self._metrics.graph.calls.column("inputs")
        last: dict[int, int] = {}
        entry: dict[int, int | None] = {}
        for row, shown in enumerate(self._visible):
            if not (shown and tree.calls[row]):
                continue
            around = tree.parent[row]
            while around > 0 and not tree.calls[around]:  # a list of blocks: its layers follow what stands before it
                around = tree.parent[around]
            expected = last.get(around, entry.get(around))
            entry[row], last[around] = expected, row
            if len(tree.calls[row]) > 1 or len(inputs[tree.calls[row][0]]) > 1:
                return False
            if self.of(row) != [[] if expected is None else [Source(expected, 0, 0)]]:
                return False
        return True

    def _incoming(self) -> Mapping[int, list[Port]]:
        """Tensors by the call that takes them, in execution order."""
        edges = self._metrics.graph.edges
        found: dict[int, list[Port]] = {}
        for edge in edges:  # sorted by target
            found.setdefault(edge.target, []).append((edge.source, edge.source_port))
        return found

    def _visible_frames(self, call: int) -> tuple[Frame, ...]:
        tree = self._metrics.tree
        row, at = tree.frames.row, tree.frames.call
        return tuple((row[f], at[f]) for f in tree.frames.chain(call) if row[f] >= 0 and self._visible[row[f]])

    def _is_around(self, source: int, target: int) -> bool:
        """Whether nothing but rows around the target shows the source, so that an arrow has to start further up."""
        frames = self._frames(source)
        return self._frames(target)[: len(frames)] == frames

    def _connect(self, target: int, origins: Sequence[Port]) -> None:
        inner = self._frames(target)
        for call, port in origins:
            outer = self._frames(call)
            common = next(i for i, frame in enumerate(outer) if inner[i : i + 1] != (frame,))
            source = self._source(outer[common], call, port)
            for frame in inner[common:]:
                known = self._found.setdefault(frame, [])
                # a layer that takes one tensor twice says so; a box around many layers names each tensor once
                if frame[1] == target or source not in known:
                    known.append(source)

    def _source(self, frame: Frame, call: int, port: int) -> Source:
        row, around = frame
        number = self._number_of_call[around]
        if around == call:
            return Source(row, number, port)
        outputs = self._metrics.graph.calls.column("outputs")
        if len(outputs[around]) == 1:
            return Source(row, number, 0)
        made = outputs[call][port]
        fits = [at for at, out in enumerate(outputs[around]) if (out.shape, out.dtype) == (made.shape, made.dtype)]
        return Source(row, number, fits[0] if len(fits) == 1 else None)

    @functools.cached_property
    def _number_of_call(self) -> Mapping[int, int]:
        return {call: number for calls in self._metrics.tree.calls for number, call in enumerate(calls)}
