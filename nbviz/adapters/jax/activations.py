"""Which equations were made in one call of a function of the user's, by the place in Python's code where each was made.

Instructions of a function run in their order. Where an equation was made by an earlier one than the equation before, the
function was called again, or went round a loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, TypeVar

from nbviz.adapters.jax.jaxprs import is_library

Stack = tuple[tuple[Any, int], ...]
"""The functions around an equation and the instruction in each, that which is viewed first."""

_Key = TypeVar("_Key")

_Range = tuple[int, int]


def instructions_of(equation: Any) -> Stack:
    """Return the user's functions in which an equation was made; nothing where JAX has not kept it."""
    traceback = equation.source_info.traceback
    if traceback is None:
        return ()
    found: list[tuple[Any, int]] = []
    for code, instruction in zip(*traceback.raw_frames(), strict=True):
        if code.co_filename.endswith("recorder.py") and is_library(code.co_filename):
            break  # what is outside is not the model's
        if not is_library(code.co_filename):
            found.append((code, instruction))
    return tuple(reversed(found))


def spread(stacks: Sequence[Stack], marks: Sequence[AbstractSet[_Key]]) -> list[AbstractSet[_Key]]:
    """Return the marks of equations; where there are none, those of the innermost call that has any of its own.

    The outermost function is no such call: all of them were made in it.
    """
    found = list(marks)
    waiting = [(0, len(stacks), 0)]
    while waiting:
        start, end, depth = waiting.pop()
        calls = list(_pieces(stacks, start, end, depth, _follows))
        for call in _whole(stacks, calls, depth) if depth else ():
            _fill(found, marks, call)
        for call in calls:
            for instruction in _pieces(stacks, *call, depth, _same):
                _fill(found, marks, instruction)
                waiting.append((*instruction, depth + 1))
    return found


def _whole(stacks: Sequence[Stack], calls: Sequence[_Range], depth: int) -> Iterator[_Range]:
    """Yield ranges of calls: what follows on another from the same place is another call if it does the same, else a loop in it."""
    at = 0
    while at < len(calls):
        last = at
        while last + 1 < len(calls) and _again(stacks, calls[last], calls[last + 1], depth):
            last += 1
        alike = len({(stacks[first][depth][1], stacks[end - 1][depth][1]) for first, end in calls[at : last + 1]}) == 1
        yield from calls[at : last + 1] if alike else [(calls[at][0], calls[last][1])]
        at = last + 1


def _again(stacks: Sequence[Stack], one: _Range, other: _Range, depth: int) -> bool:
    return one[1] == other[0] and stacks[one[0]][depth][0] is stacks[other[0]][depth][0]


def _fill(found: list[AbstractSet[_Key]], marks: Sequence[AbstractSet[_Key]], piece: _Range) -> None:
    start, end = piece
    held = frozenset[_Key]().union(*marks[start:end])
    for at in range(start, end) if held else ():
        if not marks[at]:
            found[at] = held


def _pieces(
    stacks: Sequence[Stack], start: int, end: int, depth: int, joins: Callable[[Any, Any], bool]
) -> Iterator[_Range]:
    """Yield the ranges of equations that belong together by what runs at a depth."""
    first = start
    for at in range(start, end + 1):
        here = stacks[at][depth] if at < end and len(stacks[at]) > depth else None
        before = stacks[at - 1][depth] if at > first else None
        if before is not None and (here is None or not joins(before, here)):
            yield first, at
            first = at
        if here is None:
            first = at + 1


def _follows(before: tuple[Any, int], here: tuple[Any, int]) -> bool:
    return before[0] is here[0] and before[1] <= here[1]


def _same(before: tuple[Any, int], here: tuple[Any, int]) -> bool:
    return before[0] is here[0] and before[1] == here[1]
