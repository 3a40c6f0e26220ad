"""Reads the header of a GGUF file (version 2 or 3, any byte order): its metadata and the description of each tensor."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Literal, final

from nbviz.adapters.checkpoints.tree import MAX_TENSORS
from nbviz.adapters.files.opening import extents, size_of, unique
from nbviz.adapters.text import short

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_NAMES = {"B": "uint8", "b": "int8", "H": "uint16", "h": "int16", "I": "uint32", "i": "int32", "f": "float32"}
_NAMES |= {"?": "bool", "Q": "uint64", "q": "int64", "d": "float64"}
_STRING, _ARRAY = 8, 9
_KEYS = 100_000
_KEPT = 4096
_STRINGS = 4_000_000
"""The most strings and arrays in all arrays together; the largest vocabularies have some hundred thousand."""
_ITEMS = 16
_DEEPEST = 8
"""Arrays around an array."""
_AXES = 8
_NAME = 1 << 16
_VERSIONS = 1000
"""What is no lower was never a version."""


@final
class VersionError(Exception):
    """The file may be whole, but is of a version of the format that is not read."""

    def __init__(self, version: int) -> None:
        how = "Convert the original model again with a newer llama.cpp" if version == 1 else "Update nbviz"
        super().__init__(f"version {version}, but nbviz reads versions 2 and 3. {how}")


@final
@dataclass(slots=True)
class Tensor:
    """What a header says of a tensor; ``shape`` with the longest stride first, as everybody else writes it."""

    name: str
    shape: tuple[int, ...]
    kind: int
    offset: int


@final
@dataclass(slots=True)
class Header:
    """What a GGUF file says of itself.

    Attributes
    ----------
    version
        Of the format.
    big
        Whether numbers have their most significant byte first.
    metadata
        By key; of a long array only what it holds and how much.
    tensors
        In the order of the file.
    end
        Where the header ends.
    """

    version: int
    big: bool
    metadata: dict[str, Any] = field(default_factory=dict)
    tensors: list[Tensor] = field(default_factory=list)
    end: int = 0


def read_header(file: BinaryIO) -> Header:
    """Read the header at the beginning of a file.

    Raises
    ------
    VersionError
        If it is of a version that is not read.
    ValueError
        If there is none, or what it claims is not in the file.
    """
    if file.read(4) != b"GGUF":
        raise ValueError("it does not start with the letters GGUF")
    raw = file.read(4)
    order: Literal["little", "big"] = "little" if raw[:2] != b"\0\0" else "big"
    version = int.from_bytes(raw, order)
    if version in range(1, _VERSIONS) and version not in (2, 3):
        raise VersionError(version)
    if version not in (2, 3):
        raise ValueError(f"it claims format version {version:,}")
    cursor = _Cursor(file, "<" if order == "little" else ">")
    tensors, keys = cursor.number("Q"), cursor.number("Q")
    if tensors > MAX_TENSORS or keys > _KEYS:
        raise ValueError(f"it claims {tensors:,} tensors and {keys:,} metadata keys, more than nbviz accepts")
    metadata = unique([(cursor.text(_NAME), cursor.value()) for _ in range(keys)])
    found = [_tensor(cursor) for _ in range(tensors)]
    unique([(tensor.name, None) for tensor in found])
    return Header(version, order == "big", metadata, found, file.tell())


def _tensor(cursor: _Cursor) -> Tensor:
    name = cursor.text(_NAME)
    axes = cursor.number("I")
    if axes > _AXES:
        raise ValueError(f"{short(name, 100)!r} claims to have {axes:,} axes")
    shape = extents([cursor.number("Q") for _ in range(axes)][::-1], name)
    return Tensor(name, shape, cursor.number("I"), cursor.number("Q"))


@final
class _Cursor:
    """Reads numbers and texts from a file, and passes over what is too long to be kept."""

    def __init__(self, file: BinaryIO, order: str) -> None:
        self._file = file
        self._order = order
        self._size = size_of(file)
        self._strings = 0
        self._formats = {kind: struct.Struct(order + kind) for kind in _SCALARS.values()}

    def number(self, kind: str) -> Any:
        form = self._formats[kind]
        found = self._file.read(form.size)
        if len(found) < form.size:
            raise ValueError("its header ends early")
        return form.unpack(found)[0]

    def text(self, limit: int) -> str:
        """Return a text; of one that is longer than is kept, the beginning."""
        length = self.number("Q")
        if length > limit:
            raise ValueError(f"it claims a string of {length:,} bytes")
        found = self._file.read(min(length, _KEPT))
        self._skip(length - len(found))
        return found.decode("utf-8", "replace")

    def value(self) -> Any:
        """Return a value of metadata behind its type."""
        kind = self.number("I")
        if kind in _SCALARS:
            return self.number(_SCALARS[kind])
        if kind == _STRING:
            return self.text(self._size)
        if kind == _ARRAY:
            return self._array()
        raise ValueError(f"it has metadata of the unknown type {kind}")

    def _array(self, depth: int = 0) -> Any:
        kind, count = self.number("I"), self.number("Q")
        if kind == _STRING:
            return self._texts(count)
        if kind == _ARRAY:
            if depth == _DEEPEST:
                raise ValueError(f"its arrays are nested more than {_DEEPEST} levels deep")
            return self._arrays(count, depth + 1)
        form = _SCALARS.get(kind)
        if form is None:
            raise ValueError(f"it has an array of the unknown type {kind}")
        if count <= _ITEMS:
            return tuple(self.number(form) for _ in range(count))
        self._skip(count * self._formats[form].size)
        return f"{count:,} x {_NAMES[form]}"

    def _arrays(self, count: int, depth: int) -> Any:
        """Return a few arrays; of many, no list is made."""
        self._count(count)
        if count <= _ITEMS:
            return tuple(self._array(depth) for _ in range(count))
        for _ in range(count):
            self._array(depth)
        return f"{count:,} x array"

    def _count(self, more: int) -> None:
        self._strings += more
        if self._strings > _STRINGS:
            raise ValueError(f"its arrays claim {self._strings:,} strings and nested arrays")

    def _texts(self, count: int) -> Any:
        """Return a few texts; of a vocabulary, no list is made."""
        self._count(count)
        if count <= _ITEMS:
            return tuple(self.text(self._size) for _ in range(count))
        read, unpack = self._file.read, self._formats["Q"].unpack
        for _ in range(count):
            length = read(8)
            if len(length) < 8:
                raise ValueError("its header ends early")
            self._skip(unpack(length)[0])
        return f"{count:,} x string"

    def _skip(self, count: int) -> None:
        if count > self._size or (count and self._file.seek(count, 1) > self._size):
            raise ValueError("its header claims more data than the file holds")
