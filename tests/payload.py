"""A payload, read by its documented layout and independently of the writer: what `js/src/wire.ts` has to give."""

from __future__ import annotations

import itertools
import json
import struct
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np


def varint(data: Iterator[int]) -> int:
    value = 0
    for shift in itertools.count(0, 7):
        byte = next(data)
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1)
    raise AssertionError


def packed(data: Iterator[int], length: int) -> list[int]:
    period = varint(data)
    if period == 0:
        return [varint(data) for _ in range(length)]
    runs = [varint(data) for _ in range(varint(data))]
    values: list[int] = []
    for number, run in enumerate(runs):
        for _ in range(run):
            values.append(values[-period] if number % 2 else varint(data))
    assert len(values) == length
    return values


def delta(values: list[int], _: Any) -> list[int]:
    return list(itertools.accumulate(values))


def beside(values: list[int], other: list[int]) -> list[int]:
    return [value + base for value, base in zip(values, other, strict=True)]


def again(values: list[int], other: list[int] | None) -> list[int]:
    found: list[int] = []
    largest = -1
    for row, value in enumerate(values):
        expected = largest + 1 if other is None else other[row]
        found.append(expected + value // 2 if value % 2 else found[-value // 2])
        largest = max(largest, found[-1])
    return found


def climb(values: list[int], _: Any) -> list[int]:
    parents: list[int] = []
    for row, steps in enumerate(values):
        at = row - 1
        for _step in range(steps):
            at = parents[at]
        parents.append(at)
    return parents


CODINGS: dict[str, Callable[[list[int], Any], list[int]]] = {
    "plain": lambda values, _: values,
    "delta": delta,
    "beside": beside,
    "again": again,
    "climb": climb,
}


def ints(data: Iterator[int], length: int, coding: str, other: list[int] | None = None) -> list[int]:
    found = CODINGS[coding](packed(data, length), other)
    return np.array(found, np.int64).astype(np.int32).tolist()


def patterned(data: Iterator[int], spec: dict[str, Any]) -> list[str]:
    which = ints(data, spec["length"], spec["coding"])
    numbers = iter(ints(data, spec["numbers"], spec["of_numbers"]))
    parts = [pattern.split("0") for pattern in spec["patterns"]]
    places: list[Iterator[tuple[int, ...]]] = []
    for i, part in enumerate(parts):
        count = which.count(i)
        columns = [list(itertools.islice(numbers, count)) for _ in part[1:]]
        places.append(iter(zip(*columns, strict=True)) if columns else itertools.repeat(()))
    return [
        "".join(f"{text}{number}" for text, number in zip(parts[i], (*next(places[i]), ""), strict=True)) for i in which
    ]


class Payload:
    """Tables by name, each a dict of columns."""

    def __init__(self, data: bytes) -> None:
        magic, length = struct.unpack_from("<4sI", data)
        assert magic == b"NBVZ"
        self.header = json.loads(data[8 : 8 + length].decode("ascii"))
        self.body = iter(data[8 + length :])
        self.strings = patterned(self.body, self.header["strings"])
        self.settings = [json.loads(text) for text in patterned(self.body, self.header["settings"])]
        self.ints: dict[tuple[str, str], list[int]] = {}
        self.tables: dict[str, dict[str, Any]] = {}
        for name, table in self.header["tables"].items():
            self.tables[name] = {"length": table["length"]}
            for key, spec in table["columns"].items():
                self.tables[name][key] = self.column(name, key, table["length"], spec)
        assert next(self.body, None) is None

    def column(self, table: str, key: str, length: int, spec: dict[str, Any]) -> list[Any]:
        if spec["type"] == "ints":
            return self.lists(length, spec)
        if spec["type"] == "share":
            whole, *_ = values = self.tables[table][spec["of"]]
            return [None if n is None else n / whole for n in values]
        to = spec.get("to")
        other = None if to is None else self.ints[table, to] if to else list(range(length))
        found = self.ints[table, key] = ints(self.body, length, spec["coding"], other)
        if spec["type"] == "int":
            return found
        if spec["type"] == "num":
            return [None if n is None else float(n) for n in map(self.header["numbers"].__getitem__, found)]
        return self.texts(table, key, [self.strings[i] for i in found], spec.get("holes", ()))

    def lists(self, length: int, spec: dict[str, Any]) -> list[list[int]]:
        lengths = ints(self.body, length, spec["lengths"])
        owners = [row for row, count in enumerate(lengths) for _ in range(count)]
        values = iter(ints(self.body, len(owners), spec["coding"], owners if "to" in spec else None))
        return [list(itertools.islice(values, count)) for count in lengths]

    def texts(self, table: str, key: str, left: list[str], holes: list[list[str]]) -> list[str]:
        found: list[str] = []
        for row, text in enumerate(left):
            texts = {}
            for i, (other, column, by) in enumerate(holes):
                at = self.ints[table, by][row] if by else row
                source = found if (other, column) == (table, key) else self.tables[other][column]
                texts[chr(1 + i)] = source[at] if at >= 0 else ""
            found.append("".join(texts.get(character, character) for character in text))
        return found


def decode(data: bytes) -> dict[str, Any]:
    payload = Payload(data)
    kept = {name: payload.header[name] for name in ("schema", "meta", "shapes")}
    return kept | {"settings": payload.settings} | payload.tables
