"""Limits the memory that loading a model file can take, because Keras trusts the sizes in the file."""

from __future__ import annotations

import math
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, final

from nbviz.adapters.files.opening import MAX_HEADER, damaged, looks_like, opened, size_of
from nbviz.adapters.files.zips import BAD_ZIP, open_zip, require_honest
from nbviz.adapters.keras.patches import variables_made
from nbviz.errors import FileReadError
from nbviz.graph import itemsize

_KIND = "a Keras model"
_TEXTS = ("config.json", "metadata.json")
_WEIGHTS = (".h5", ".npz")
_RATIO = 100
"""How many times its bytes a compressed file may give; Keras itself compresses nothing."""
_SMALL = 1 << 16
_FREE = 256 << 20
_COPIES = 16
"""How often the bytes of a file may be made: an optimizer adds two of each value, and quantized ones are wider at first."""


def most_variables(path: Path) -> int:
    """Return how many bytes of variables a model of this file may have, after checking that it is what it says.

    Raises
    ------
    FileReadError
        If it is no such file, or more would come out of it than any real one holds.
    """
    if path.suffix == ".keras":
        return _FREE + _COPIES * _unpacked(path)
    with opened(path) as file:
        return _FREE + _COPIES * size_of(file)


def _unpacked(path: Path) -> int:
    """Return the bytes of the weights in an archive, after looking at all that is in it."""
    with opened(path) as file:
        start = file.read(4)
    if start != b"PK\x03\x04":
        hint = looks_like(path)
        raise FileReadError(
            f"{str(path)!r} is not a zip archive, as a .keras file must be: it is damaged or another kind of "
            f"file.{hint}"
        )
    try:
        with open_zip(path) as archive:
            return _weights_in(archive, path)
    except FileReadError:
        raise
    except BAD_ZIP as error:
        raise damaged(path, _KIND, error) from error


def _weights_in(archive: zipfile.ZipFile, path: Path) -> int:
    if _TEXTS[0] not in archive.NameToInfo:
        raise FileReadError(f"{str(path)!r} is a zip archive without a {_TEXTS[0]}, so Keras did not write it.")
    for info in archive.infolist():
        limit = MAX_HEADER if info.filename in _TEXTS else max(_SMALL, _RATIO * info.compress_size)
        require_honest(archive, info, limit)
    return sum(info.file_size for info in archive.infolist() if info.filename.endswith(_WEIGHTS))


@final
class Allowance:
    """How many bytes of variables may still be made, and whether more were asked for."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._made = 0
        self.refused = ""

    def take(self, shape: Any, dtype: Any) -> None:
        """Count a variable before it is made.

        Raises
        ------
        MemoryError
            If it would be too much.
        """
        dims = [dim for dim in (shape if isinstance(shape, list | tuple) else ()) if isinstance(dim, int)]
        self._made += math.ceil(math.prod(dims) * (itemsize(str(dtype)) or 4))
        if self._made > self._limit:
            self.refused = f"its layers need variables of {self._made:,} bytes, far more than the file holds"
            raise MemoryError(self.refused)


@contextmanager
def at_most(limit: int) -> Iterator[Allowance]:
    """Let no more than so many bytes of Keras's variables be made by this thread."""
    allowance, thread = Allowance(limit), threading.get_ident()

    def take(shape: Any, dtype: Any) -> None:
        if threading.get_ident() == thread:
            allowance.take(shape, dtype)

    with variables_made(take):
        yield allowance
