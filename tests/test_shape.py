"""Shapes as values: equality, order, text, and what pandas does with them."""

import copy
import itertools
import pickle

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbviz.shape import Shape, Shapes

dims = st.one_of(st.none(), st.integers(-1, 5), st.sampled_from(["batch", "time", "2*n"]))
shapes = st.lists(dims, max_size=3).map(Shape)
cells = st.one_of(shapes, st.lists(st.one_of(st.none(), shapes), max_size=3).map(Shapes))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Shape((None, 7, 7, 2048)), "(None, 7, 7, 2048)"),
        (Shape((None,)), "(None,)"),
        (Shape(()), "()"),
        (Shape(("batch", "2*n", 3)), "(batch, 2*n, 3)"),
        (Shapes((Shape((None, 2)), None, Shape(()))), "(None, 2), ?, ()"),
    ],
)
def test_prints_as_a_tuple_does_with_symbols_bare(value, text):
    assert str(value) == repr(value) == f"{value}" == text


def test_equals_the_tuple_that_people_write():
    assert Shape((None, 2)) == (None, 2)
    assert hash(Shape((None, 2))) == hash((None, 2))
    assert Shapes((Shape((2,)), None)) == ((2,), None)
    assert Shape((None, 2)) != [None, 2]
    assert Shape((2,)) != Shapes((Shape((2,)),))


@given(cells, cells, cells)
def test_order_is_total(a, b, c):
    assert (a < b) + (a == b) + (a > b) == 1
    assert (a <= b) == (not a > b)
    if a < b < c:
        assert a < c
    if a == b:
        assert hash(a) == hash(b)


def test_free_dimensions_sort_before_named_ones_before_sizes():
    wanted = [Shape(()), Shape((None,)), Shape((None, 3)), Shape(("n",)), Shape((2,)), Shape((10,))]
    for permuted in itertools.permutations(wanted):
        assert sorted(permuted) == wanted


def test_does_not_compare_with_other_things():
    with pytest.raises(TypeError):
        assert Shape((1,)) < 3
    with pytest.raises(TypeError):
        assert Shapes(()) > "x"


@pytest.mark.parametrize("value", [Shape((None, "n", 3)), Shapes((None, Shape((1,))))])
def test_is_immutable_and_survives_copying(value):
    with pytest.raises(AttributeError, match="immutable"):
        value.dims = ()
    assert copy.deepcopy(value) == value
    assert pickle.loads(pickle.dumps(value)) == value  # noqa: S301
    assert not isinstance(value, tuple)


@pytest.mark.parametrize(
    ("shape", "free_batch", "size"),
    [
        ((), False, 1),
        ((2, 3), False, 6),
        ((0, None), True, None),
        ((None, 3), False, None),
        ((None, 3), True, 3),
        (("b", 3), True, 3),
        (("batch-size", 3), True, 3),
        (("16*batch", 3), True, 48),
        *(((dim, 3), True, None) for dim in ("batch/2", "s0 + 1", "s0 - s1", "n-1", "-n", "s0 % 2", "n^2", "?")),
        ((3, None), True, None),
        ((None, None), True, None),
        ((2**40, 2**40), False, 2**80),
    ],
)
def test_size_is_unknown_unless_only_the_batch_is_free(shape, free_batch, size):
    assert Shape(shape).size(free_batch=free_batch) == size


@given(st.lists(st.one_of(st.none(), cells), min_size=1, max_size=12))
def test_pandas_sorts_and_groups_a_column_of_shapes(values):
    frame = pd.DataFrame({"shape": pd.Series(values, dtype="object"), "n": 1})
    found = frame.sort_values("shape")["shape"].tolist()
    known = [value for value in values if value is not None]
    assert found[: len(known)] == sorted(known)
    assert all(pd.isna(value) for value in found[len(known) :])
    sums = frame.groupby("shape")["n"].sum()
    assert list(sums.index) == sorted(set(known))
    assert sums.sum() == len(known)
    assert frame["shape"].nunique() == len(set(known))


def test_pandas_selects_rows_by_shape():
    frame = pd.DataFrame({"shape": pd.Series([Shape((None, 2)), None, Shape((None, 3))], dtype="object")})
    assert (frame["shape"] == Shape((None, 2))).tolist() == [True, False, False]
    assert frame["shape"].isin([Shape((None, 3))]).tolist() == [False, False, True]
    assert frame.drop_duplicates("shape").shape == (3, 1)
    assert "(None, 2)" in frame.to_html()
    assert frame.to_csv(index=False) == 'shape\n"(None, 2)"\n\n"(None, 3)"\n'.replace("\n\n", '\n""\n')
