"""Reads tables from a flatbuffer as the schema describes them, checking each step because a file may be damaged.

A table begins with the distance back to its vtable, which holds for each slot where in the table the field is, 0 for one that is
left out. Vectors, texts and inner tables are somewhere behind, and may be shared: how much all of them together give is
limited, so that a small file cannot unfold into a large one.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, final

from nbviz.adapters.tflite.schema import Field, is_union, names, tables

_FORMATS = {
    "bool": "<?", "i8": "<b", "u8": "<B", "i16": "<h", "u16": "<H", "i32": "<i", "u32": "<I", "i64": "<q", "u64": "<Q",
    "f32": "<f", "f64": "<d",
}  # fmt: skip
_WIDE_NAMES = {
    "BuiltinOperator": "<i",
    "StablehloComparisonDirection": "<I",
    "StablehloComparisonType": "<I",
    "StablehloPrecisionConfig": "<I",
}
"""Names whose number takes more than one byte."""

_TEXT = 1000
"""Bytes of a text that are read."""

_MOST = 16_000_000
"""Elements of vectors, and pieces of texts, that one file gives; a table costs as much as some of them."""

_TABLE = 8


@final
class Flat:
    """The bytes of a flatbuffer.

    Parameters
    ----------
    data
        The bytes, which may be those of a file that is mapped into memory.
    """

    def __init__(self, data: Any) -> None:
        self.data = data
        self.size = len(data)
        self._left = _MOST

    def root(self, kind: str) -> Table:
        """Return the table that a file begins with."""
        return Table(self, self.follow(0), kind)

    def number(self, form: str, at: int) -> Any:
        """Return a number."""
        if not 0 <= at <= self.size - struct.calcsize(form):
            raise ValueError(f"it points to byte {at:,} of {self.size:,}")
        return struct.unpack_from(form, self.data, at)[0]

    def follow(self, at: int) -> int:
        """Return where an offset leads."""
        return at + int(self.number("<I", at))

    def vector(self, at: int, width: int) -> tuple[int, int]:
        """Return where the elements of a vector begin, and how many there are."""
        count = int(self.number("<I", at))
        if at + 4 + count * width > self.size:
            raise ValueError(f"a list at byte {at:,} claims {count:,} entries, more than the file holds")
        return at + 4, count

    def spend(self, count: int) -> None:
        """Note that so much is read.

        Raises
        ------
        ValueError
            If it is more than a file can mean.
        """
        self._left -= count
        if self._left < 0:
            raise ValueError("its parts refer to each other too often")


@final
class Table:
    """One table of a flatbuffer.

    Parameters
    ----------
    flat
        The bytes.
    at
        Where it begins.
    kind
        Its name in the schema; of one that has no fields, or is not known, nothing is read.
    """

    __slots__ = ("_at", "_fields", "_flat", "_slots", "_vtable", "kind")

    def __init__(self, flat: Flat, at: int, kind: str) -> None:
        self.kind = kind
        self._flat = flat
        self._at = at
        self._fields = tables().get(kind, {})
        self._vtable = at - int(flat.number("<i", at))
        length = int(flat.number("<H", self._vtable))
        if length < 4 or length % 2 or self._vtable + length > flat.size:
            raise ValueError(f"the {kind} at byte {at:,} is not a table")
        self._slots = length // 2 - 2

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def _place(self, slot: int) -> int | None:
        """Return where a slot's field is, None if it is left out."""
        if slot >= self._slots:
            return None
        offset = self._flat.number("<H", self._vtable + 4 + 2 * slot)
        return self._at + offset if offset else None

    def has(self, name: str) -> bool:
        """Tell whether a field is given."""
        return self._place(self._fields[name].slot) is not None

    def number(self, name: str) -> Any:
        """Return a field that is a number, or stands for a name."""
        field = self._fields[name]
        at = self._place(field.slot)
        if at is None:
            return bool(field.default) if field.type == "bool" else field.default
        return self._flat.number(_format(field), at)

    def name(self, name: str) -> str:
        """Return what a field stands for; a number that is not known stands for itself."""
        return self.meaning(name, self.number(name))

    def meaning(self, name: str, number: int) -> str:
        """Return what a number would stand for in a field."""
        return _name(self._fields[name].type, number)

    def text(self, name: str) -> bytes:
        """Return a text, of a long one the beginning."""
        at = self._place(self._fields[name].slot)
        if at is None:
            return b""
        begin, count = self._flat.vector(self._flat.follow(at), 1)
        count = min(count, _TEXT)
        self._flat.spend(count // 16 + 1)
        return bytes(self._flat.data[begin : begin + count])

    def extent(self, name: str) -> tuple[int, int]:
        """Return where in the file the elements of a vector begin, and how many there are."""
        field = self._fields[name]
        at = self._place(field.slot)
        if at is None:
            return 0, 0
        width = 4 if field.type in tables() else struct.calcsize(_format(field))
        return self._flat.vector(self._flat.follow(at), width)

    def numbers(self, name: str, most: int | None = None) -> list[Any]:
        """Return a vector of numbers, on demand no more than its beginning."""
        begin, count = self.extent(name)
        count = count if most is None else min(count, most)
        self._flat.spend(count)
        form = _format(self._fields[name])
        return list(struct.unpack_from(f"<{count}{form[1:]}", self._flat.data, begin))

    def names(self, name: str, most: int) -> list[str]:
        """Return the beginning of a vector of what numbers stand for."""
        return [_name(self._fields[name].type, number) for number in self.numbers(name, most)]

    def table(self, name: str) -> Table | None:
        """Return an inner table, of a union the one that it is."""
        field = self._fields[name]
        at, kind = self._place(field.slot), field.type
        if is_union(kind):
            before = self._place(field.slot - 1)
            number = 0 if before is None else self._flat.number("<B", before)
            if not number:
                return None
            kind = _name(kind, number)
        return None if at is None else Table(self._flat, self._flat.follow(at), kind)

    def tables(self, name: str) -> list[Table]:
        """Return a vector of tables."""
        begin, count = self.extent(name)
        self._flat.spend(_TABLE * count)
        kind = self._fields[name].type
        return [Table(self._flat, self._flat.follow(begin + 4 * i), kind) for i in range(count)]

    def field(self, name: str) -> Field:
        """Return what the schema says of a field."""
        return self._fields[name]


def _format(field: Field) -> str:
    return _FORMATS.get(field.type) or _WIDE_NAMES.get(field.type, "<b")


def _name(kind: str, number: int) -> str:
    known = names()[kind]
    return known[number] if 0 <= number < len(known) else f"{kind} {number}"
