"""Opens zip archives without trusting their headers."""

from __future__ import annotations

import copy
import io
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import final

from nbviz.adapters.files.opening import Bounded, opened
from nbviz.adapters.text import short

_DIRECTORY = 32 << 20
"""The most bytes of a list of contents: hundreds of thousands of files."""

_PIECE = 1 << 20
_MAGIC = b"PK\x03\x04"
_CUT = "it is truncated: its end is missing"

BAD_ZIP = (
    zipfile.BadZipFile,
    NotImplementedError,  # an unknown compression
    RuntimeError,  # a password
    OSError,
    EOFError,
    OverflowError,
    ValueError,
    struct.error,
    zlib.error,
)
"""What reading an archive may raise."""


@final
class _Careful(io.BufferedReader):
    """A file of which nobody reads very much at once."""

    def read(self, size: int | None = -1, /) -> bytes:
        left = max(0, os.fstat(self.fileno()).st_size - self.tell())
        wanted = left if size is None or size < 0 else min(size, left)
        if wanted > _DIRECTORY:
            raise ValueError(f"its table of contents claims {wanted:,} bytes")
        return super().read(wanted)


@contextmanager
def open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open an archive; what is wrong with it is raised as one of ``BAD_ZIP``.

    Raises
    ------
    FileReadError
        If it is no file with contents, or cannot be opened.
    """
    with (
        opened(path) as file,
        _Careful(io.FileIO(file.fileno(), closefd=False)) as careful,
        _archive(careful) as archive,
    ):
        names = archive.namelist()
        if len(set(names)) < len(names):
            raise ValueError("two files in it have the same name")
        if min((info.header_offset for info in archive.infolist()), default=0):
            raise ValueError(_CUT)  # what was found is the end of an archive inside it
        yield archive


def _archive(file: io.BufferedReader) -> zipfile.ZipFile:
    begins = file.peek(len(_MAGIC))[: len(_MAGIC)] == _MAGIC
    try:
        return zipfile.ZipFile(file)
    except zipfile.BadZipFile as error:
        if begins and "not a zip file" in str(error):
            raise ValueError(_CUT) from error
        raise


@contextmanager
def member(archive: zipfile.ZipFile, name: str, limit: int) -> Iterator[Bounded]:
    """Open a file in an archive, of which no more than ``limit`` bytes are decompressed."""
    if name not in archive.NameToInfo:
        raise ValueError(f"it lacks the file {short(name, 100)!r}")
    with archive.open(name) as stream:
        yield Bounded(stream, limit)


def contents(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """Return a file in an archive that has no more than ``limit`` bytes."""
    with member(archive, name, limit) as stream:
        return stream.read(archive.NameToInfo[name].file_size)


def require_honest(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limit: int) -> None:
    """Raise a ``ValueError`` if more comes out of a file in an archive than it says, or than ``limit``.

    Whoever reads it at once decompresses all of it first, and cuts off what is too much then.
    """
    if info.file_size > limit:
        raise ValueError(
            f"{short(info.filename, 100)!r} in it claims {info.file_size:,} bytes, more than nbviz accepts"
        )
    if info.compress_type == zipfile.ZIP_STORED:
        return
    beyond = copy.copy(info)
    beyond.file_size = info.file_size + 1
    with archive.open(beyond) as stream:
        count = sum(len(piece) for piece in iter(lambda: stream.read(_PIECE), b""))
    if count > info.file_size:
        raise ValueError(
            f"{short(info.filename, 100)!r} in it is larger than the {info.file_size:,} bytes that it claims"
        )


def stored_at(path: Path, header: int) -> int:
    """Return where the bytes of an uncompressed file begin, from where its own header does."""
    with path.open("rb") as file:
        file.seek(header)
        found = file.read(30)
    if len(found) < 30 or found[:4] != _MAGIC:
        raise ValueError("the archive has changed")
    name, extra = struct.unpack("<HH", found[26:])
    return int(header + 30 + name + extra)
