"""Where each call stands: inside other calls and, within those, inside inferred groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final


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

    def apart(self, one: int, other: int) -> tuple[Sequence[int], Sequence[int]]:
        """Return the chains of two frames without what is around both, inner first."""
        depth, around = self.depth, self.around
        if one != other and around[one] == around[other]:  # nearly always
            return (one,), (other,)
        ones, others = [], []
        while one != other:
            # the deeper of two does not hold the other
            deeper = depth[one] - depth[other]
            if deeper >= 0:
                ones.append(one)
                one = around[one]
            if deeper <= 0:
                others.append(other)
                other = around[other]
        return ones, others
