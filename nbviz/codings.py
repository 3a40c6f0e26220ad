"""Compact encodings of columns, which omit repeated and shared content; ``js/src/codings.ts`` decodes them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Generic, Literal, NamedTuple, TypeAlias, TypeVar, final

import numpy as np
import numpy.typing as npt

Ints: TypeAlias = npt.NDArray[np.int32]
Spec: TypeAlias = dict[str, Any]
"""What the header says about a column: its type, the coding of its integers, and the columns that it refers to."""

# Integers: each coding names what a number is written relative to; sums wrap at 32 bits on both sides


def plain(values: Ints) -> Ints:
    """Numbers as they are."""
    return values


def delta(values: Ints) -> Ints:
    """Numbers relative to the one before."""
    coded = values.copy()
    coded[1:] -= values[:-1]
    return coded


def beside(values: Ints, other: Ints) -> Ints:
    """Numbers relative to those of another column, or of their rows."""
    return values - other


def again(values: Ints, expected: Ints | None = None) -> Ints | None:
    """Numbers that came before: twice the rows since then; new ones: relative to what is expected, as odd numbers.

    Expected is another column, or else one more than the largest so far, as interned things are numbered. What each
    of many equal parts has for itself, and what all of them share, look the same in all of them.
    """
    if expected is None:
        expected = np.maximum.accumulate(np.concatenate([np.full(1, -1, np.int32), values]))[:-1] + 1
    relative = values - expected
    if np.abs(relative.astype(np.int64)).max(initial=0) >= 1 << 30:
        return None
    order = np.argsort(values, kind="stable")
    sorted_values = values[order]
    came_before = np.flatnonzero(sorted_values[1:] == sorted_values[:-1])
    coded = 2 * relative + 1
    coded[order[came_before + 1]] = 2 * (order[came_before + 1] - order[came_before])
    return coded


def climb(values: Ints) -> Ints | None:
    """Parents of rows in pre-order: how many levels lie between the row before and the parent."""
    parents = values.tolist()
    steps = []
    for row, parent in enumerate(parents):
        at, count = row - 1, 0
        while at > parent and at >= 0:
            at = parents[at]
            count += 1
        if at != parent:
            return None
        steps.append(count)
    return np.array(steps, np.int32)


# Integers as bytes


def varints(values: Ints) -> bytes:
    """Return numbers in 7 bits per byte, low bits first, the sign in the lowest: small numbers take one byte."""
    zigzag = ((values << 1) ^ (values >> 31)).view(np.uint32)
    largest = int(zigzag.max(initial=0))
    if largest < 128:
        return zigzag.astype(np.uint8).tobytes()
    width = -(-largest.bit_length() // 7)
    shifted = zigzag[:, None] >> np.arange(0, 7 * width, 7, dtype=np.uint32)
    more = np.zeros(shifted.shape, bool)
    more[:, :-1] = shifted[:, 1:] > 0
    kept = np.ones(shifted.shape, bool)
    kept[:, 1:] = more[:, :-1]
    return ((shifted & 0x7F) | (more << 7)).astype(np.uint8)[kept].tobytes()


_SHORTEST: Final = 4
"""Copies of fewer numbers than this cost more than the numbers."""


def copies(values: Ints, period: int) -> bytes | None:
    """Return numbers, at least one, without those that stood ``period`` earlier; None where too few of them do.

    The period, the number of runs, the lengths of runs that are written and copied in turn, what is written.
    """
    same = np.zeros(len(values), bool)
    same[period:] = values[period:] == values[:-period]
    starts = _starts(same)
    lengths = np.diff(np.append(starts, len(values)))
    copied = same[starts] & (lengths >= _SHORTEST)
    if not copied.any():
        return None
    starts = _starts(copied)  # what is too short to be copied joins what is written around it
    lengths, copied = np.add.reduceat(lengths, starts), copied[starts]
    head = np.concatenate(([period, len(lengths)], lengths)).astype(np.int32)
    return varints(head) + varints(values[~np.repeat(copied, lengths)])


def _starts(flags: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """Return where runs of equal flags begin."""
    changes = np.flatnonzero(flags[1:] != flags[:-1])
    starts = np.zeros(len(changes) + 1, changes.dtype)
    starts[1:] = changes + 1
    return starts


def _periods(values: Ints) -> Iterator[int]:
    """Find how far behind samples of a column the same numbers stand again."""
    data = values.tobytes()
    yield 1
    for start, width in itertools.product((len(values) // 4, len(values) // 2), (16, 128)):
        sample = data[4 * start : 4 * (start + width)]
        again = data.find(sample, 4 * start + 4) if len(sample) == 4 * width else -1
        if again >= 0 and again % 4 == 0:
            yield again // 4 - start


def packed(values: Ints) -> bytes:
    """Return numbers as bytes: with copies where that is shorter, else a period of 0 and all of them."""
    if len(values) <= _SHORTEST:
        return b"\0" + varints(values)
    if (values == values[0]).all():  # half of all columns: one number, and copies of it
        return varints(np.array([1, 2, 1, len(values) - 1, values[0]], np.int32))
    period = min(set(_periods(values)), key=lambda p: int(np.count_nonzero(values[p:] != values[:-p])) + p)
    short = copies(values, period)
    if short is not None and len(short) < len(values):
        return short
    whole = b"\0" + varints(values)
    return whole if short is None else min(short, whole, key=len)


def smallest(values: Ints, *, other: Ints | None = None, is_tree: bool = False) -> tuple[str, bytes]:
    """Return the name of the coding that takes the fewest bytes, and those.

    ``other`` is a column that the numbers are near to; ``is_tree`` says that they are the parents of rows.
    """
    best = "plain", packed(plain(values))
    codings: dict[str, Callable[[], Ints | None]] = {}
    if is_tree:
        codings["climb"] = lambda: climb(values)
    if other is not None:
        codings["beside"] = lambda: beside(values, other)
    codings["delta"] = lambda: delta(values)
    codings["again"] = lambda: again(values, other)
    for name, coding in codings.items():
        if len(best[1]) < _TINY:
            break
        coded = coding()
        data = None if coded is None else packed(coded)
        if data is not None and len(data) < len(best[1]):
            best = name, data
    return best


_TINY: Final = 16
"""Bytes of a column that no other coding would make much smaller."""

# Texts

_NUMBER: Final = re.compile("(0|[1-9][0-9]{0,8})")


def patterns(texts: Sequence[str]) -> tuple[list[str], Ints, Ints]:
    """Take the numbers out of texts: the patterns that remain, the pattern of each text, the numbers by pattern.

    In a pattern every digit is a 0 and stands for one number: ``layers.0`` of ``layers.17``. A number with zeros in
    front, or with more than nine digits, is several. Equal patterns have their numbers one after the other, those of
    one place together, so that counting ones differ by one.
    """
    of_pattern: dict[str, list[list[str]]] = {}
    found: list[str] = []
    for text in texts:
        parts = _NUMBER.split(text)  # numbers stand at odd places
        found.append("0".join(parts[::2]))
        of_pattern.setdefault(found[-1], []).append(parts[1::2])
    index = {pattern: i for i, pattern in enumerate(of_pattern)}
    numbers = [int(n) for rows in of_pattern.values() for place in zip(*rows, strict=True) for n in place]
    return list(index), np.array([index[p] for p in found], np.int32), np.array(numbers, np.int32)


class Hole(NamedTuple):
    """A text that others may hold: that of ``column`` of ``table`` in row ``by`` (a column; the row itself when empty)."""

    table: str
    column: str
    by: str = ""


def punched(texts: Sequence[str], holes: Sequence[Sequence[str]]) -> Sequence[str] | None:
    r"""Return texts with a mark in place of what they share with others: ``\1/\2`` for a path of parent and label.

    None where a text holds a mark of its own.
    """
    marks = [chr(1 + i) for i in range(len(holes))]
    columns = ["\n".join(column) for column in (texts, *holes)]
    if any(mark in column for mark in marks for column in columns):
        return None
    left: Iterable[str] = texts
    for mark, column in zip(marks, holes, strict=True):
        left = [text.replace(part, mark, 1) if part else text for text, part in zip(left, column, strict=True)]
    return list(left)


# Tables

_Value = TypeVar("_Value", bound=Hashable)
_Thing = TypeVar("_Thing")


@final
class Interned(dict[_Value, int], Generic[_Value]):
    """Gives each distinct value a number, in the order of first use."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[object, int]] = {}  # by identity, which lasts as long as the object

    def __missing__(self, value: _Value) -> int:
        self[value] = number = len(self)
        return number

    def numbers(self, values: Iterable[_Value]) -> list[int]:
        """Return the number of each value."""
        return list(map(self.__getitem__, values))

    def numbers_of(self, things: Iterable[_Thing], value: Callable[[_Thing], _Value]) -> list[int]:
        """Return the numbers of what ``value`` makes of things; asked once of each object, as most come many times."""
        kept = list(things)
        ids = list(map(id, kept))
        for key, thing in dict(zip(ids, kept, strict=True)).items():
            if key not in self._known:
                self._known[key] = thing, self[value(thing)]
        return [number for _, number in map(self._known.__getitem__, ids)]


@final
class Writer:
    """Collects columns: their bytes in ``body``, and what a reader has to know of them in the specs that it returns."""

    def __init__(self) -> None:
        self.strings: Interned[str] = Interned()
        self.numbers: Interned[float | None] = Interned()
        self.tables: dict[str, Table] = {}
        self.body: list[bytes] = []

    def table(self, name: str, length: int) -> Table:
        """Begin a table. Columns can refer to those before them, in this table and in earlier ones."""
        self.tables[name] = Table(self, length)
        return self.tables[name]

    def put(self, values: Ints, **how: Any) -> str:
        """Write integers and return the name of their coding."""
        coding, data = smallest(values, **how)
        self.body.append(data)
        return coding


@final
class Table:
    """Writes the columns of one table."""

    def __init__(self, writer: Writer, length: int) -> None:
        self._writer = writer
        self.length = length
        self.columns: dict[str, Spec] = {}
        self._ints: dict[str, Ints] = {}
        self.texts_of: dict[str, Sequence[str]] = {}

    def _add(self, name: str, kind: str, values: Ints, to: str | None, *, is_tree: bool = False) -> None:
        other = None if to is None else self._ints[to] if to else np.arange(len(values), dtype=np.int32)
        coding = self._writer.put(values, other=other, is_tree=is_tree)
        self._ints[name] = values
        self.columns[name] = {"type": kind, "coding": coding} | ({} if to is None else {"to": to})

    def ints(self, name: str, values: Sequence[int | None], *, to: str | None = None, is_tree: bool = False) -> None:
        """Write integers, None as -1. ``to``: a column that they are near to, "" for the row itself."""
        known = [-1 if value is None else value for value in values] if None in values else values
        self._add(name, "int", np.array(known, np.int32), to, is_tree=is_tree)

    def numbers(self, name: str, values: Iterable[float | None], *, to: str | None = None) -> None:
        """Write numbers of any size, None as NaN."""
        self._add(name, "num", _ints(self._writer.numbers.numbers(values)), to)

    def shares(self, name: str, values: Sequence[float | None], of: Sequence[float | None], column: str) -> None:
        """Write numbers of which each is its part of the first one in another column, ``of``."""
        whole = of[0] if of else None
        if whole and list(values) == [None if n is None else float(n) / float(whole) for n in of]:
            self.columns[name] = {"type": "share", "of": column}
        else:
            self.numbers(name, values)

    def lists(
        self,
        name: str,
        values: Sequence[Sequence[Any]],
        number: Callable[[Iterable[Any]], Iterable[int]] = list,
        *,
        to: Literal[""] | None = None,
    ) -> None:
        """Write several integers per row; ``number`` makes them of what the lists hold."""
        lengths = _ints(map(len, values))
        flat = _ints(number(itertools.chain.from_iterable(values)))
        rows = None if to is None else np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
        how = self._writer.put(lengths), self._writer.put(flat, other=rows)
        self.columns[name] = {"type": "ints", "lengths": how[0], "coding": how[1]} | ({} if to is None else {"to": to})

    def texts(self, name: str, values: Iterable[str | None], holes: Sequence[Hole] = ()) -> None:
        """Write texts, None as ""; they may hold those of other columns."""
        texts = self.texts_of[name] = [value or "" for value in values]
        left = punched(texts, [self._in_hole(hole) for hole in holes]) if holes and any(texts) else None
        self._add(name, "str", _ints(self._writer.strings.numbers(texts if left is None else left)), None)
        if left is not None and left != texts:
            self.columns[name]["holes"] = holes

    def _in_hole(self, hole: Hole) -> Sequence[str]:
        """Return the text for each row, "" where there is none."""
        texts = self._writer.tables[hole.table].texts_of[hole.column]
        if not hole.by:
            return texts
        return [texts[row] if row >= 0 else "" for row in self._ints[hole.by].tolist()]


def _ints(values: Iterable[int]) -> Ints:
    return np.fromiter(values, np.int32)


def texts_coded(texts: Sequence[str], writer: Writer) -> Mapping[str, Any]:
    """Write texts by their patterns."""
    left, which, numbers = patterns(texts)
    codings = writer.put(which), writer.put(numbers)
    return {
        "patterns": left,
        "length": len(texts),
        "numbers": len(numbers),
        "coding": codings[0],
        "of_numbers": codings[1],
    }
