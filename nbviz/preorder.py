"""The rows of a tree in pre-order, siblings by the first call of themselves or of anything inside them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def first_calls(around: Sequence[int], called: Sequence[int]) -> list[int]:
    """Return the first call of each row or of anything inside it; for what is never called, the number of calls.

    Parameters
    ----------
    around
        The row around each row, -1 for the outermost.
    called
        The row of each call, in execution order, -1 for none.
    """
    never = len(called)
    first = [never] * len(around)
    for call, innermost in enumerate(called):
        row = innermost
        while row >= 0 and first[row] == never:  # what is around a row that was called before has been reached then
            first[row] = call
            row = around[row]
    return first


def pre_order(around: Sequence[int], first: Sequence[int]) -> list[int]:
    """Return rows so that each stands before what is inside it, and siblings by their first calls, else as they were."""
    outer = np.array(around, np.intp)
    siblings = np.lexsort((np.array(first, np.intp), outer))
    ends = np.searchsorted(outer[siblings], np.arange(len(siblings) + 1)).tolist()
    inside = siblings.tolist()
    order: list[int] = []
    waiting = inside[: ends[0]][::-1]
    while waiting:
        row = waiting.pop()
        order.append(row)
        start, end = ends[row], ends[row + 1]
        if start < end:
            waiting.extend(reversed(inside[start:end]))
    return order
