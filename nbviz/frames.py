"""The place of each call: inside other calls and, within those, inside inferred groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias, final

import numpy as np
import numpy.typing as npt

Numbers: TypeAlias = npt.NDArray[np.intp]
Pairs: TypeAlias = tuple[Numbers, Numbers]
"""Frames of several pairs of frames: the number of the pair, and the frame."""


@final
class Frames:
    """Calls, and the groups in which each of them is seen, as one tree.

    A frame below the number of calls is that call; the others are groups, one for each call in which a group is seen, so
    that a shared block's groups stay apart per call.

    Parameters
    ----------
    parents
        The call around each call, None for the outermost; it comes before the call.
    rows
        The row of each call, -1 for none.
    groups
        The group around each row, -1 for none.

    Attributes
    ----------
    row, call
        Of each frame: its row, and the call that it is or, of a group, in which it is seen.
    around
        The frame that holds it, -1 for the outermost.
    depth
        How many frames hold it.
    """

    def __init__(self, parents: Sequence[int | None], rows: Sequence[int], groups: Sequence[int]) -> None:
        self.row = list(rows)
        self.call = list(range(len(rows)))
        self.around = [-1 if parent is None else parent for parent in parents]
        self.depth = [0] * len(rows)
        known: dict[tuple[int, int], int] = {}
        for call, (parent, row) in enumerate(zip(parents, rows, strict=True)):
            if parent is None:
                continue
            if row >= 0 and groups[row] >= 0:
                self.around[call] = self._group(groups[row], parent, groups, known)
            self.depth[call] = self.depth[self.around[call]] + 1

    def _group(self, group: int, within: int, groups: Sequence[int], known: dict[tuple[int, int], int]) -> int:
        """Return the frame of a group in one call, made when it is first asked for."""
        missing = []
        while group >= 0 and (group, within) not in known:
            missing.append(group)
            group = groups[group]
        around = within if group < 0 else known[group, within]
        for inner in reversed(missing):
            known[inner, within] = len(self.row)
            self.row.append(inner)
            self.call.append(within)
            self.around.append(around)
            self.depth.append(self.depth[around] + 1)
            around = known[inner, within]
        return around

    def chain(self, frame: int) -> Sequence[int]:
        """Return a frame and everything around it, outer first."""
        found = []
        while frame >= 0:
            found.append(frame)
            frame = self.around[frame]
        return found[::-1]

    def apart(self, ones: Numbers, others: Numbers) -> tuple[Pairs, Pairs]:
        """Return what is around only one of two frames, for many pairs: frames around the one, and around the other.

        Each is the number of the pair and the frame, sorted by pair, inner frames first.
        """
        around, depth = np.array(self.around, np.intp), np.array(self.depth, np.intp)
        number = np.arange(len(ones))
        found: tuple[list[Pairs], list[Pairs]] = [], []
        while True:
            differ = ones != others
            number, ones, others = number[differ], ones[differ], others[differ]
            if not len(number):
                return _by_pair(found[0]), _by_pair(found[1])
            deeper = depth[ones] - depth[others]  # the deeper of two does not hold the other
            up, down = deeper >= 0, deeper <= 0
            found[0].append((number[up], ones[up]))
            found[1].append((number[down], others[down]))
            ones, others = np.where(up, around[ones], ones), np.where(down, around[others], others)


def _by_pair(steps: Sequence[Pairs]) -> Pairs:
    if not steps:
        return np.empty(0, np.intp), np.empty(0, np.intp)
    number, frames = (np.concatenate(parts) for parts in zip(*steps, strict=True))
    order = np.argsort(number, kind="stable")
    return number[order], frames[order]
