"""Runs a function with more room on Python's stack.

CPython keeps the frames of calls in chunks of 16 KB, and maps memory for a new chunk, and unmaps it, whenever a call goes over
the border of one and returns (``push_chunk`` in ``Python/pystate.c``, from 3.11 on). All operations of a model happen at about
the same depth of calls: where a border lies there, each of them pays, and a reading takes up to twice as long. A frame that is
said to need much gets a chunk with as much again behind it, where the frames of what it calls stand.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

_VALUES = 1 << 17
"""What the frame is said to hold: 1 MB, so that with what else is in it its chunk has 2 MB; memory that nobody touches costs nothing."""

_P = ParamSpec("_P")
_T = TypeVar("_T")


def with_room(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """Return a function that is called with room for the frames of some thousand calls inside."""

    def call(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        return function(*args, **kwargs)

    call.__code__ = call.__code__.replace(co_stacksize=_VALUES)
    return functools.wraps(function)(call)
