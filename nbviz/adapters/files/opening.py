"""Opens only the files that were named, and reads no more of them than a header may need."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, final

from nbviz.adapters.files.foreign import begun_by_others
from nbviz.adapters.text import plain, short
from nbviz.errors import FileReadError

MAX_HEADER = 100 << 20
"""The most bytes of a header: as the safetensors library has it."""

_AXES = 64
_PIECE = 1 << 20
_BEGINNINGS = {
    rb"\s*GGUF": "a GGUF file (.gguf)",
    rb"\s*\x89HDF\r\n\x1a\n": "an HDF5 file (.weights.h5)",
    rb"\s*PK\x03\x04": "a zip archive (.npz, .pt, .keras)",
    rb"\s*\x93NUMPY": "a NumPy array (.npy)",
    rb"\s*\x80": "a pickle written by torch.save before PyTorch 1.6 (.pt)",
    rb"\s*version https://git-lfs": "a Git LFS pointer; fetch the actual file with `git lfs pull`",
    rb"\s*<": "a web page, perhaps from a failed download: download it again",
    rb".{4}TFL3": "a TFLite model (.tflite)",
    # the version of the format from 3 on, then another field of the model; a SavedModel begins with version 1
    rb"\x08[\x03-\x1f][\x12\x1a\x22\x28\x32\x3a\x42]": "an ONNX model (.onnx)",
}
_STARTS = [(re.compile(pattern, re.DOTALL), what) for pattern, what in _BEGINNINGS.items()]


_VARIANT = re.compile(r"(\.(?:safetensors|bin)\.index)\.[^./\\]+(\.json)$", re.IGNORECASE)


_PART = re.compile(r"(.*)-\d+-of-(\d+)")


def part_of(path: Path) -> tuple[str, int] | None:
    """Return of what a file is a part, and of how many, as its name counts them (``-00001-of-00003``); None for other files."""
    named = _PART.fullmatch(path.stem)
    return None if named is None else (named[1], int(named[2]))


def parts_missing(shown: int, count: int) -> list[str]:
    """Return what there is to say of a checkpoint where not all of its parts are shown."""
    said = f"Parts shown: {shown:,} of {count:,}. To see the whole model, view the folder that contains all parts."
    return [said] if shown < count else []


def said_alone(path: Path) -> list[str]:
    """Return what there is to say of a file that is shown by itself: by its name it may be a part."""
    part = part_of(path)
    return [] if part is None else parts_missing(1, part[1])


def without_variant(name: str) -> str:
    """Return the name of an index without that of a variant, which libraries of Hugging Face put inside: ``.index.fp16.json``."""
    return _VARIANT.sub(r"\1\2", name)


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading.

    Raises
    ------
    FileReadError
        If it is no file with contents, or cannot be opened.
    """
    require_contents(path)
    try:
        file = path.open("rb")
    except OSError as error:
        raise FileReadError(f"{str(path)!r} cannot be opened: {plain(error.strerror)}.") from error
    with file:
        yield file


def require_contents(path: Path) -> None:
    """Make sure that there is something to read.

    Raises
    ------
    FileReadError
        If it is no file, or empty.
    """
    if path.is_dir():
        raise FileReadError(f"{str(path)!r} is a folder, but a file was expected.")
    if path.exists() and not path.is_file():  # a pipe would never answer
        raise FileReadError(f"{str(path)!r} is not a regular file.")
    if path.is_file() and not path.stat().st_size:
        raise FileReadError(f"{str(path)!r} is empty. Copy or download it again.")


def size_of(file: BinaryIO) -> int:
    """Return the size of an open file."""
    return os.fstat(file.fileno()).st_size


def damaged(path: Path, kind: str, what: object) -> FileReadError:
    """Return the error for a file that is not what its format says: ``what`` is wrong with it."""
    text = short(" ".join(plain(what).split("\n")), 300)
    rest = looks_like(path) or f" {_AGAIN}"  # another format is no better for a second download
    return FileReadError(f"{str(path)!r} cannot be read as {kind}: {text}.{rest}")


_AGAIN = "Copy, download or save it again."


def looks_like(path: Path) -> str:
    """Say what a file looks like from its first bytes if that is not what its name says, and what to do with it then."""
    if not path.is_file():  # a pipe would never answer
        return ""
    if other := begun_by_others(path):
        return other
    try:
        with path.open("rb") as file:
            start = file.read(32)
    except OSError:
        return ""
    found = next((what for pattern, what in _STARTS if pattern.match(start)), "")
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") <= MAX_HEADER:
        found = "a safetensors file (.safetensors)"
    named = path.suffix.lower()
    return f" It looks like {found}.{_renamed(found)}" if found and (not named or named not in found) else ""


def _renamed(found: str) -> str:
    """Say under which suffix a file can be read that looks like something which has one, or several."""
    suffixes = found.rpartition("(")[2].removesuffix(")") if found.endswith(")") else ""
    if "," in suffixes:
        return " Give it the suffix of what it is."
    return f" Give it the suffix {suffixes!r}, or link to it under a name with that suffix." if suffixes else ""


@final
class Bounded:
    """A stream that gives no more than ``limit`` bytes, whatever a header claims.

    Parameters
    ----------
    stream
        Where the bytes come from.
    limit
        After how many a ``ValueError`` is raised.
    """

    def __init__(self, stream: Any, limit: int) -> None:
        self._stream = stream
        self._left = limit
        self._limit = limit

    def read(self, count: int = -1) -> bytes:
        """Return up to ``count`` bytes."""
        if not 0 <= count <= self._left:
            raise ValueError(f"its header is larger than {self._limit:,} bytes")
        if count <= _PIECE:
            return self._taken(self._stream.read(count))
        found = bytearray()
        while piece := self._stream.read(min(count - len(found), _PIECE)):  # room is made for what is there alone
            found += piece
        return self._taken(bytes(found))

    def readline(self) -> bytes:
        """Return bytes up to the end of a line."""
        found = self._stream.readline(self._left + 1)
        if len(found) > self._left:
            raise ValueError(f"its header is larger than {self._limit:,} bytes")
        return self._taken(found)

    def tell(self) -> int:
        """Return how many bytes have been read."""
        return self._limit - self._left

    def _taken(self, found: bytes) -> bytes:
        self._left -= len(found)
        return found


def inside(folder: Path, name: object) -> Path:
    """Return a file that a file in ``folder`` names, if that is in the folder.

    A link may lead out of a snapshot of Hugging Face's cache into the cache's own blobs, which is how that is made.

    Raises
    ------
    ValueError
        If it is not.
    """
    if not isinstance(name, str) or not name or "\0" in name:
        raise ValueError(f"it refers to {short(name, 100)!r}, which is not a file name")
    path = folder / name
    roots = [folder.resolve()]
    snapshot = next((up for up in folder.absolute().parents if up.name == "snapshots"), None)
    if snapshot is not None:
        roots.append((snapshot.parent / "blobs").resolve())
    steps = Path(name)
    written_inside = not steps.is_absolute() and ".." not in steps.parts and "\\" not in name
    try:
        real = path.resolve()
        path.exists()
    except (OSError, RuntimeError) as error:  # a circle of links, or a name that is too long
        raise ValueError(f"it refers to {short(name, 100)!r}, which cannot be resolved") from error
    if not written_inside or not any(real.is_relative_to(root) for root in roots):
        raise ValueError(f"it refers to {short(name, 100)!r}, which is outside the folder")
    return path


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object as a dict; two values of one name are an error, where Python would keep the last."""
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise ValueError(f"the name {short(twice, 100)!r} appears twice")
    return found


def whole(value: object, what: Callable[[], str]) -> int:
    """Return a number from a header that has to be a whole one, not negative and below 2 to the power of 63."""
    if type(value) is not int or not 0 <= value < 1 << 63:
        raise ValueError(f"{what()} is {short(value, 60)}, which is not valid")
    return value


def extents(shape: object, of: str) -> tuple[int, ...]:
    """Return a shape from a header, after checking that it is one."""
    if not isinstance(shape, list | tuple) or len(shape) > _AXES:
        raise ValueError(f"the shape of {short(of, 100)!r} is not a list of up to {_AXES} sizes")
    return tuple(whole(size, lambda: f"a size of {short(of, 100)!r}") for size in shape)
