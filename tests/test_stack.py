"""A function with room for what it calls is otherwise the same function."""

from __future__ import annotations

import inspect
import sys

import pytest

from nbviz.stack import with_room


def depth(count: int, *, step: int = 1) -> int:
    """Return how deep it has come."""
    return 0 if count <= 0 else 1 + depth(count - step, step=step)


def test_it_gives_what_it_gave_and_says_what_it_said():
    roomy = with_room(depth)
    assert (roomy(600), roomy(600, step=2)) == (600, 300)
    assert (roomy.__name__, roomy.__doc__, inspect.signature(roomy)) == (
        "depth",
        depth.__doc__,
        inspect.signature(depth),
    )


def test_what_it_raises_comes_out():
    with pytest.raises(TypeError, match="'<='"):
        with_room(depth)("many")
    with pytest.raises(RecursionError):
        with_room(depth)(2 * sys.getrecursionlimit())


def test_the_frame_takes_most_of_a_chunk_that_is_far_larger_than_usual():
    assert with_room(depth).__code__.co_stacksize * 8 >= 1 << 20
