"""Rows of a dataclass stored as columns."""

import dataclasses
import sys
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbviz.columns import Columns


@dataclass(frozen=True, slots=True)
class Point:
    x: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class Other:
    x: int
    name: str = ""


points = st.lists(st.builds(Point, st.integers(0, 3), st.text(max_size=2)), max_size=5)


@given(points, points)
def test_behaves_as_the_list_of_its_rows(a, b):
    kept = Columns(Point, a)
    assert list(kept) == a
    assert len(kept) == len(a)
    assert [kept[i] for i in range(len(a))] == a
    assert (kept == Columns(Point, b)) == (a == b)
    assert list(reversed(kept)) == a[::-1]
    assert kept[1:3] == a[1:3]
    assert kept[::-1] == a[::-1]
    assert all(point in kept for point in a)
    assert hash(kept) == hash(Columns(Point, a))


def test_gives_one_field_of_every_row():
    kept = Columns(Point, (Point(i, str(i)) for i in range(3)))
    assert kept.column("x") == (0, 1, 2)
    assert kept.column("name") == ("0", "1", "2")
    with pytest.raises(KeyError):
        kept.column("y")


def test_negative_and_missing_positions():
    kept = Columns(Point, [Point(1), Point(2)])
    assert kept[-1] == Point(2)
    with pytest.raises(IndexError):
        kept[2]
    with pytest.raises(IndexError):
        kept[-3]


def test_empty_columns_of_different_rows_differ():
    assert Columns(Point) == Columns(Point, [])
    assert Columns(Point) != Columns(Other)
    assert Columns(Point) != []
    assert not Columns(Point)
    assert Columns(Point).column("x") == ()


def test_rows_are_the_dataclass_and_cannot_be_changed():
    kept = Columns(Point, [Point(1)])
    with pytest.raises(dataclasses.FrozenInstanceError):
        kept[0].x = 2
    assert repr(kept) == "<1 x Point>"


def test_values_are_kept_once_and_rows_are_not_kept():
    name = "shared text"
    kept = Columns(Point, (Point(i, name) for i in range(1000)))
    assert all(value is name for value in kept.column("name"))
    assert sys.getsizeof(kept) < 100
