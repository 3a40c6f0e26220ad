"""Every coding, read back by its documented layout."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbviz import codings
from nbviz.codings import Hole, Writer
from tests import payload

NUMBERS = st.integers(-(2**31), 2**31 - 1)
REPEATING = st.builds(
    lambda head, part, times, tail: head + part * times + tail,
    *(st.lists(NUMBERS | st.integers(-2, 4), max_size=n) for n in (6, 40)),
    st.integers(0, 12),
    st.lists(st.integers(-2, 4), max_size=6),
)
"""Columns as models have them: a part that comes again and again, between other numbers."""

PARENTS = st.lists(st.integers(0, 30), max_size=60).map(
    lambda ups: [-1, *(max(0, row - up) for row, up in enumerate(ups))]
)
TEXTS = st.text(st.sampled_from("ab01234567899/~.\1\2é🙂") | st.characters(), max_size=12)


def column(values):
    return np.array(values, np.int32)


def read(data, length, coding="plain", other=None):
    body = iter(data)
    found = payload.ints(body, length, coding, other)
    assert next(body, None) is None, "bytes are left over"
    return found


@given(REPEATING.filter(bool), st.integers(1, 50))
def test_copies_read_equal(values, period):
    data = codings.copies(column(values), period)
    assert data is None or read(data, len(values)) == values


def test_copies_are_only_made_where_there_is_something_to_copy():
    assert codings.copies(column(range(20)), 7) is None
    assert codings.copies(column([1, 2, 3] * 7), 3) is not None


@given(REPEATING)
def test_packed_numbers_read_equal(values):
    assert read(codings.packed(column(values)), len(values)) == values


@given(st.lists(NUMBERS))
def test_varints_read_equal(values):
    body = iter(codings.varints(column(values)))
    assert [payload.varint(body) for _ in values] == values


@pytest.mark.parametrize("coding", ["plain", "delta"])
@given(values=REPEATING)
def test_coding_reads_equal(coding, values):
    coded = getattr(codings, coding)(column(values))
    assert read(codings.packed(coded), len(values), coding) == values


@given(REPEATING, st.booleans())
def test_what_came_before_reads_equal(values, expects):
    other = values[::-1] if expects else None
    coded = codings.again(column(values), None if other is None else column(other))
    if coded is None:
        assert max(map(abs, values)) >= 1 << 29
    else:
        assert read(codings.packed(coded), len(values), "again", other) == values


def test_what_each_part_has_for_itself_looks_the_same_in_all():
    coded = codings.again(column([0, 1, 2, 0, 3, 1, 2, 3, 4, 1, 2, 4])).reshape(3, 4)
    assert coded[1].tolist() == coded[2].tolist() == [1, 8, 8, 6]
    near = codings.again(column([9, 4, 5, 9, 7, 8, 9, 10, 11]), column([0, 5, 6, 0, 8, 9, 0, 11, 12])).reshape(3, 3)
    assert near[1].tolist() == near[2].tolist() == [6, -1, -1]


@given(st.lists(st.tuples(NUMBERS, NUMBERS)))
def test_numbers_beside_others_read_equal(pairs):
    values, other = ([pair[side] for pair in pairs] for side in (0, 1))
    data = codings.packed(codings.beside(column(values), column(other)))
    assert read(data, len(values), "beside", other) == values


@given(PARENTS | st.lists(st.integers(-3, 20)))
def test_climbing_reads_equal_where_rows_nest(parents):
    steps = codings.climb(column(parents))
    if steps is not None:
        assert read(codings.packed(steps), len(parents), "climb") == parents


def test_climbing_counts_levels():
    assert codings.climb(column([-1, 0, 1, 2, 0, 4])).tolist() == [0, 0, 0, 0, 3, 0]
    assert codings.climb(column([-1, 0, 0, 1])) is None  # row 3 is not behind what row 1 holds


@given(REPEATING, PARENTS)
def test_smallest_coding_reads_equal(values, parents):
    coding, data = codings.smallest(column(values), other=column(values[::-1]))
    assert read(data, len(values), coding, values[::-1]) == values
    coding, data = codings.smallest(column(parents), is_tree=True)
    assert read(data, len(parents), coding) == parents


def test_repeated_part_is_written_once():
    part = column(np.random.default_rng(1).integers(0, 100, 200))
    assert len(codings.packed(np.tile(part, 500))) < 400


@given(st.lists(TEXTS))
def test_texts_without_their_numbers_read_equal(texts):
    patterns, which, numbers = codings.patterns(texts)
    spec = {"patterns": patterns, "length": len(texts), "numbers": len(numbers)}
    body = iter(codings.packed(which) + codings.packed(numbers))
    assert payload.patterned(body, spec | {"coding": "plain", "of_numbers": "plain"}) == texts


def test_counting_texts_are_one_pattern():
    patterns, which, numbers = codings.patterns([f"layers.{i}.norm{i % 2}" for i in range(4)] + ["007", "1" * 12])
    assert patterns == ["layers.0.norm0", "000", "00"]
    assert which.tolist() == [0, 0, 0, 0, 1, 2]
    assert numbers.tolist() == [0, 1, 2, 3, 0, 1, 0, 1, 0, 0, 7, 111_111_111, 111]


@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS)))
def test_texts_with_holes_read_equal(rows):
    writer = Writer()
    table = writer.table("rows", len(rows))
    parents = [-1, *range(len(rows))][: len(rows)]
    labels = [label for label, _, _ in rows]
    paths = []
    for parent, (label, before, between) in zip(parents, rows, strict=True):
        paths.append(f"{before}{paths[parent][:40] if parent >= 0 else ''}{between}{label}")
    table.ints("parent", parents)
    table.texts("label", labels)
    table.texts("path", paths, [Hole("rows", "path", "parent"), Hole("rows", "label")])
    found = _texts(writer, labels)
    assert found == paths


def _texts(writer, labels):
    """The last column of the table, read from what is left of it and the labels."""
    reader = object.__new__(payload.Payload)
    strings, specs = list(writer.strings), writer.tables["rows"].columns
    body = iter(b"".join(writer.body))
    reader.ints = {("rows", key): payload.ints(body, len(labels), spec["coding"]) for key, spec in specs.items()}
    reader.tables = {"rows": {"label": labels}}
    left = [strings[i] for i in reader.ints["rows", "path"]]
    return reader.texts("rows", "path", left, specs["path"].get("holes", ()))
