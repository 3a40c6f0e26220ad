"""Fields of thousands of messages at once, from the bytes that they are written as.

To ask a protocol buffer for one field of one message takes Python a quarter of a microsecond, and a graph of 50,000 nodes has
half a million of them. Here the first fields of all messages are found together, then their second ones, and so on; texts
are decoded all in one. The encoding is https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias, final

import numpy as np
import numpy.typing as npt

from nbviz.adapters.text import decoded

_Numbers: TypeAlias = npt.NDArray[np.int64]
_Octets: TypeAlias = npt.NDArray[np.uint8]

_NUMBER, _EIGHT, _SIZED, _FOUR = 0, 1, 2, 5
"""How a field is written: as a number, in eight bytes, in as many as stand before them, in four."""

_FEW = 32
"""Messages that are quicker read one by one."""

_SHORT = 32
"""Bytes of texts that are quicker decoded all in one than each alone, on average."""

_Field = tuple[_Numbers, _Numbers, _Numbers]
"""Which message has it, where it begins and where it ends, for each time that it is there."""


@final
class Messages:
    """Messages of one kind.

    Parameters
    ----------
    data
        The bytes that they are written in.
    starts, ends
        Where each of them begins and ends.
    kind
        The descriptor of their kind.
    """

    def __init__(self, data: bytes, starts: _Numbers, ends: _Numbers, kind: Any) -> None:
        self.data = data
        self._count = len(starts)
        self._kind = kind
        self._fields = _fields_of(data, starts, ends)

    @classmethod
    def of(cls, message: Any) -> Messages:
        """Return a single message."""
        data = message.SerializeToString()
        return cls(data, np.zeros(1, np.int64), np.full(1, len(data)), message.DESCRIPTOR)

    def __len__(self) -> int:
        return self._count

    def _field(self, name: str) -> _Field:
        return self._fields.get(self._kind.fields_by_name[name].number, _NOWHERE)

    def places(self, name: str) -> Iterable[tuple[int, int, int]]:
        """Return which message has a field, and where in the data it begins and ends, for each time that it is there."""
        return zip(*(part.tolist() for part in self._field(name)), strict=True)

    def inside(self, name: str) -> tuple[Messages, list[int]]:
        """Return the messages in a field, and which message each of them is in."""
        owner, starts, ends = self._field(name)
        return Messages(self.data, starts, ends, self._kind.fields_by_name[name].message_type), owner.tolist()

    def texts(self, name: str) -> list[str]:
        """Return a text of each message, ``""`` where there is none."""
        found = [""] * self._count
        owner, starts, ends = self._field(name)
        for at, text in zip(owner.tolist(), _decoded(self.data, starts, ends), strict=True):
            found[at] = text
        return found

    def text_lists(self, name: str) -> list[list[str]]:
        """Return the texts of each message in a field that can be there several times."""
        owner, starts, ends = self._field(name)
        texts = _decoded(self.data, starts, ends)
        first = np.searchsorted(owner, np.arange(self._count + 1)).tolist()
        return [texts[start:end] for start, end in itertools.pairwise(first)]


def _decoded(data: bytes, starts: _Numbers, ends: _Numbers) -> list[str]:
    """Return the texts in these places; what is no UTF-8 in them is marked as such."""
    sizes = ends - starts
    if sizes.sum() <= _SHORT * len(sizes):
        texts = _at_once(data, starts, sizes)
        if len(texts) == len(starts):
            return texts
    return [decoded(data[start:end]) for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]


def _at_once(data: bytes, starts: _Numbers, sizes: _Numbers) -> list[str]:
    """Return the texts in these places, more of them where one has a zero in it."""
    behind = np.cumsum(sizes + 1)  # there is a zero behind each
    whole = np.zeros(int(behind[-1]) if len(behind) else 0, np.uint8)
    taken = np.ones(len(whole), bool)
    taken[behind - 1] = False
    # the zeros before a text are as many as the texts before it
    offsets = starts - (behind - sizes - 1) + np.arange(len(starts))
    whole[taken] = np.frombuffer(data, np.uint8)[np.repeat(offsets, sizes) + np.arange(sizes.sum())]
    return decoded(whole.tobytes()).split("\0")[:-1]


# The places of fields


def _fields_of(data: bytes, starts: _Numbers, ends: _Numbers) -> Mapping[int, _Field]:
    """Return the fields of bytes by their number, sorted by message; in a message they keep their order."""
    found: dict[int, list[_Field]] = {}
    octets = np.frombuffer(data, np.uint8)
    owner, at = np.arange(len(starts)), starts
    while len(owner) > _FEW:
        number, begin, at = _next_fields(octets, at)
        for one in filter(None, np.unique(number).tolist()):
            these = number == one
            found.setdefault(one, []).append((owner[these], begin[these], at[these]))
        left = at < ends
        owner, at, ends = owner[left], at[left], ends[left]
    for one, field in _rest(data, owner, at, ends).items():
        found.setdefault(one, []).append(field)
    return {one: _sorted(parts) for one, parts in found.items()}


def _sorted(parts: list[_Field]) -> _Field:
    owner, begin, end = (np.concatenate(part) for part in zip(*parts, strict=True))
    order = np.argsort(owner, kind="stable")
    return owner[order], begin[order], end[order]


def _next_fields(octets: _Octets, at: _Numbers) -> tuple[_Numbers, _Numbers, _Numbers]:
    """Return the numbers of the fields that begin here, and where what they hold begins and ends; 0 for what is no bytes."""
    tag, at = _numbers(octets, at)
    written = tag & 7
    if (written == _SIZED).all():
        size, at = _numbers(octets, at)
        return tag >> 3, at, at + size
    if not np.isin(written, (_NUMBER, _EIGHT, _SIZED, _FOUR)).all():
        raise ValueError(_UNREADABLE)
    begin, width = at.copy(), np.zeros_like(at)
    sized, number = written == _SIZED, written == _NUMBER
    width[sized], begin[sized] = _numbers(octets, at[sized])
    width[number] = _numbers(octets, at[number])[1] - at[number]
    width[written == _EIGHT], width[written == _FOUR] = 8, 4
    return np.where(sized, tag >> 3, 0), begin, begin + width


def _numbers(octets: _Octets, at: _Numbers) -> tuple[_Numbers, _Numbers]:
    """Return the numbers that are written here in seven bits a byte, the lowest first, and where they end."""
    found, at = octets[at].astype(np.int64), at + 1
    more = np.flatnonzero(found >= 1 << 7)
    found[more] &= 0x7F
    for shift in range(7, 70, 7):
        if not len(more):
            break
        octet = octets[at[more]].astype(np.int64)
        found[more] |= (octet & 0x7F) << shift
        at[more] += 1
        more = more[octet >= 1 << 7]
    return found, at


def _rest(data: bytes, owner: _Numbers, at: _Numbers, ends: _Numbers) -> Mapping[int, _Field]:
    """Return the fields of what is left of a few messages."""
    found: dict[int, list[tuple[int, int, int]]] = {}
    for one, start, end in zip(owner.tolist(), at.tolist(), ends.tolist(), strict=True):
        for number, begin, behind in _each(data, start, end):
            found.setdefault(number, []).append((one, begin, behind))
    return {number: tuple(np.array(fields, np.int64).T) for number, fields in found.items()}


def _each(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield the number of each field of one message that holds bytes, and where these begin and end."""
    while at < end:
        tag, size = data[at], 0
        if tag & 7 == _SIZED and tag < 1 << 7 and (size := data[at + 1]) < 1 << 7:  # nearly always
            begin = at + 2
        else:
            tag, begin = _number(data, at)
            if tag & 7 == _SIZED:
                size, begin = _number(data, begin)
            elif tag & 7 == _NUMBER:
                size = _number(data, begin)[1] - begin
            elif tag & 7 in (_EIGHT, _FOUR):
                size = 8 if tag & 7 == _EIGHT else 4
            else:
                raise ValueError(_UNREADABLE)
        at = begin + size
        if tag & 7 == _SIZED:
            yield tag >> 3, begin, at


def _number(data: bytes, at: int) -> tuple[int, int]:
    found = shift = 0
    while True:
        found |= (data[at] & 0x7F) << shift
        at += 1
        if data[at - 1] < 1 << 7:
            return found, at
        shift += 7


_UNREADABLE = "a field is written in a way that nothing writes any more"
_NOWHERE: _Field = tuple(np.empty(0, np.int64) for _ in range(3))  # type: ignore[assignment]
