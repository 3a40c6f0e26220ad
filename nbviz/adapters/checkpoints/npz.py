"""Reads NumPy files (``.npz``, ``.npy``): only their headers, and never a pickled object."""

from __future__ import annotations

import math
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from nbviz.adapters.checkpoints.tree import MAX_TENSORS, Checkpoint, Entry, reading_of, split
from nbviz.adapters.files.opening import Bounded, damaged, extents, opened, size_of
from nbviz.adapters.files.values import Values, is_text_or_date, left_out, values_of
from nbviz.adapters.files.zips import BAD_ZIP, member, open_zip
from nbviz.adapters.text import short
from nbviz.adapters.weights import CHUNK
from nbviz.errors import FileReadError
from nbviz.reading import Reading

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

KIND = "an archive of NumPy arrays"
_HEADER = 1 << 16
_NOTED = 20


def read_archive(path: Path) -> Reading:
    """Read a ``.npz`` file.

    Raises
    ------
    FileReadError
        If it is damaged, or no such file.
    """
    checkpoint = Checkpoint(path.name[: -len(".npz")], "NumPy")
    try:
        with open_zip(path) as archive:
            if len(archive.filelist) > MAX_TENSORS:
                raise ValueError(f"it claims {len(archive.filelist):,} arrays, more than nbviz accepts")
            for info in archive.infolist():
                _add(checkpoint, path, archive, info)
    except FileReadError:
        raise
    except BAD_ZIP as error:
        raise damaged(path, KIND, error) from error
    said = checkpoint.missing + checkpoint.notes
    if said and not checkpoint.entries:
        raise FileReadError(f"{str(path)!r} holds no numeric arrays: {said[0]}")
    return reading_of(path, KIND, checkpoint)


def read_array(path: Path) -> Reading:
    """Read a ``.npy`` file, a checkpoint of one tensor.

    Raises
    ------
    FileReadError
        If it is damaged, no such file, or holds objects.
    """
    with opened(path) as file:
        try:
            stream = Bounded(file, _HEADER)
            shape, dtype = _header(stream, path.stem)
            entry = _entry(path.stem, shape, dtype, size_of(file) - stream.tell(), ArrayValues(path, None))
        except BAD_ZIP as error:
            raise damaged(path, "a NumPy array", error) from error
    if isinstance(entry, str):
        raise FileReadError(f"{str(path)!r} holds {entry} instead of numbers.")
    return reading_of(path, "a NumPy array", Checkpoint(path.stem, "NumPy", [entry]))


def _add(checkpoint: Checkpoint, path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
    """Add an array of an archive, or say what it is instead: text and dates are no tensors, in all else there may be some."""
    name = info.filename
    what, said = "no array", checkpoint.notes
    if name.endswith(".npy"):
        with member(archive, name, _HEADER) as stream:
            shape, dtype = _header(stream, name)
            found = _entry(
                name.removesuffix(".npy"), shape, dtype, info.file_size - stream.tell(), ArrayValues(path, name)
            )
        if isinstance(found, Entry):
            checkpoint.entries.append(found)
            return
        what, said = found, checkpoint.notes if is_text_or_date(dtype) else checkpoint.missing
    if len(said) < _NOTED:
        said.append(left_out(name, what))


def _header(stream: Bounded, name: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Return shape and dtype of the array of a name at the beginning of a stream."""
    from numpy.lib import format as npy

    def none(why: object) -> ValueError:
        return ValueError(f"{short(name, 100)!r} does not start with a valid array header{why}")

    try:
        version = npy.read_magic(stream)
    except ValueError as error:
        raise none(f": {error}") from error
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    if version not in readers:
        raise none(f": format version {version[0]}.{version[1]} is for structured arrays, which are not tensors")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of headers that Python 2 has written
            shape, _, dtype = readers[version](stream)
    except Exception as error:
        # the parser and the tokenizer of Python, which NumPy gives the header to, raise all kinds, and name their own objects
        ours = isinstance(error, ValueError) and "malformed node" not in str(error)
        raise none(f": {error}" if ours else "") from error
    return extents(shape, name), dtype


def _entry(name: str, shape: tuple[int, ...], dtype: np.dtype[Any], left: int, values: Values) -> Entry | str:
    """Return an array whose contents take ``left`` bytes, or what it holds instead of numbers."""
    if dtype.hasobject:
        return "pickled Python objects (never loaded)"
    if dtype.names is not None or dtype.subdtype is not None or dtype.kind not in "biufcV":
        return values_of(dtype)
    size = math.prod(shape)
    if size * dtype.itemsize != left:
        raise ValueError(
            f"{short(name, 100)!r} claims {size:,} values of {dtype.itemsize} bytes, but has {left:,} bytes"
        )
    if dtype.kind == "V":  # what NumPy has no name for, such as bfloat16, it saves as so many bytes
        why = "NumPy saved them as bytes of an unknown type"
        return Entry(split(name), shape, f"void{8 * dtype.itemsize}", left, size, trainable=True, values=why)
    return Entry(split(name), shape, dtype.name, left, size, values=values)


@final
@dataclass(frozen=True, slots=True)
class ArrayValues:
    """The values of one array, in the order in which they are stored.

    Attributes
    ----------
    path
        The file.
    name
        Of the array in the archive, None for a file of one array.
    """

    path: Path
    name: str | None

    def pieces(self) -> Iterator[npt.NDArray[np.generic]]:
        """Yield the values as flat pieces."""
        if self.name is None:
            with opened(self.path) as file:
                yield from _pieces(file)
        else:
            with open_zip(self.path) as archive, archive.open(self.name) as stream:
                yield from _pieces(stream)


def _pieces(stream: Any) -> Iterator[npt.NDArray[np.generic]]:
    import numpy as np

    shape, dtype = _header(Bounded(stream, _HEADER), "an array")
    left = math.prod(shape)
    while left:
        wanted = min(left, CHUNK)
        found = stream.read(wanted * dtype.itemsize)
        if len(found) < wanted * dtype.itemsize:
            raise ValueError("the file ends early")
        yield np.frombuffer(found, dtype).astype(dtype.newbyteorder("="), copy=False)
        left -= wanted
