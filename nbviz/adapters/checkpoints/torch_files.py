"""Reads files of ``torch.save`` (``.pt``, ``.pth``, ``.pth.tar``, ``.bin``, ``.ckpt``) without PyTorch and without unpickling."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from nbviz.adapters.checkpoints.nested import Other, Walk
from nbviz.adapters.checkpoints.pickles import take_apart
from nbviz.adapters.checkpoints.torch_objects import Region, Storage, TorchObjects, holds_tensors
from nbviz.adapters.checkpoints.torch_values import StorageValues
from nbviz.adapters.checkpoints.tree import Checkpoint, Entry, reading_of
from nbviz.adapters.files.foreign import half_of_others
from nbviz.adapters.files.opening import Bounded, damaged, opened, said_alone, size_of
from nbviz.adapters.files.values import Values
from nbviz.adapters.files.zips import BAD_ZIP, contents, open_zip, stored_at
from nbviz.adapters.text import short
from nbviz.errors import FileReadError
from nbviz.graph import itemsize
from nbviz.reading import Reading

KIND = "a PyTorch checkpoint"
_PICKLE = 64 << 20
_MAGIC = 0x1950A86A20F9469CFC6C
_SAVE = (
    "Save only the tensors with torch.save(model.state_dict(), path), or load the file in Python and pass the model."
)


def read_file(path: Path) -> Reading:
    """Read a file of ``torch.save``.

    Raises
    ------
    FileReadError
        If it is damaged, no such file, or holds objects of other classes than tensors and plain values.
    """
    checkpoint = _checkpoint(path)
    checkpoint.notes += said_alone(path)
    return reading_of(path, KIND, checkpoint)


def read_entries(path: Path) -> dict[str, Entry]:
    """Return the tensors of a file that is one of several, by name.

    Raises
    ------
    FileReadError
        As ``read_file`` does.
    """
    entries = _checkpoint(path).entries
    # a storage is known by its name in its own file
    keys = [(path, id(entry) if entry.key is None else entry.key) for entry in entries]
    return {".".join(entry.path): replace(entry, key=key) for entry, key in zip(entries, keys, strict=True)}


def _checkpoint(path: Path) -> Checkpoint:
    with opened(path) as file:
        start = file.read(4)
    try:
        if start == b"PK\x03\x04":
            return _read_zip(path)
        if start[:1] == b"\x80":
            return _read_legacy(path)
    except FileReadError:
        raise
    except BAD_ZIP as error:
        raise damaged(path, KIND, error) from error
    if whole := half_of_others(path):
        raise FileReadError(
            f"{str(path)!r} holds the weights of another file next to it, which nbviz does not read.{whole}"
        )
    raise damaged(path, KIND, "it is neither a zip archive nor a pickle written by torch.save")


def _read_zip(path: Path) -> Checkpoint:
    with open_zip(path) as archive:
        names = set(archive.namelist())
        root = next((name.removesuffix("/data.pkl") for name in names if name.endswith("/data.pkl")), None)
        refusal = _other_archive(path, root, names)
        if refusal or root is None:
            raise FileReadError(refusal)
        pickled = contents(archive, f"{root}/data.pkl", _PICKLE)
        found = _unpickled(pickled)
        big = f"{root}/byteorder" in names and contents(archive, f"{root}/byteorder", 16) == b"big"
        return _read(path, found, _in_zip(path, archive, root, big=big))


def _unpickled(pickled: bytes) -> Any:
    try:
        return take_apart(Bounded(io.BytesIO(pickled), len(pickled)))
    except ValueError as error:
        if pickled.endswith(b"."):  # as every pickle does that is there as a whole
            raise
        raise ValueError("its pickle, data.pkl, is empty or truncated") from error


def _in_zip(path: Path, archive: zipfile.ZipFile, root: str, *, big: bool) -> Callable[[Region], Values | str]:
    """Return what finds a tensor's values in an archive, after checking that its storage is there as a whole."""

    def values(region: Region) -> Values | str:
        storage = region.storage
        info = archive.NameToInfo.get(f"{root}/data/{storage.key}")
        if info is None:
            raise ValueError(f"the storage {short(storage.key, 40)!r} is missing")
        width = int(itemsize(storage.dtype) or 1)
        if info.file_size != storage.length * width:
            raise ValueError(
                f"the storage {short(storage.key, 40)!r} has {info.file_size:,} bytes, which does not match its "
                f"{storage.length:,} values"
            )
        if info.compress_type != zipfile.ZIP_STORED:
            return "they are compressed in the archive"
        return StorageValues(path, partial(stored_at, path, info.header_offset), region, big=big)

    return values


def _read_legacy(path: Path) -> Checkpoint:
    """Read a file of PyTorch before 1.6: pickles in a row, then each storage behind its length."""
    storages: dict[str, Storage] = {}
    starts: dict[str, int] = {}

    def values(region: Region) -> Values | str:
        storages[region.storage.key] = region.storage
        return StorageValues(path, partial(starts.__getitem__, region.storage.key), region)

    with opened(path) as file:
        stream = Bounded(file, _PICKLE)
        if take_apart(stream) != _MAGIC:
            raise FileReadError(f"{str(path)!r} is a pickle that torch.save did not write. {_SAVE}")
        take_apart(stream)  # the version of the format
        take_apart(stream)  # byte order and sizes of the machine, which since then are always the same
        found, keys = take_apart(stream), take_apart(stream)
        checkpoint = _read(path, found, values)
        starts.update(_starts(file, keys, storages))
    return checkpoint


def _starts(file: BinaryIO, keys: Any, storages: Mapping[str, Storage]) -> dict[str, int]:
    """Return where each storage begins, after checking that all are there as a whole."""
    found: dict[str, int] = {}
    size = size_of(file)
    for key in map(str, keys if isinstance(keys, list) else ()):
        if key not in storages:
            raise ValueError(f"the storage {short(key, 40)!r} belongs to no tensor")
        length = int.from_bytes(file.read(8), "little")
        found[key] = file.tell()
        end = found[key] + length * int(itemsize(storages[key].dtype) or 1)
        if length != storages[key].length or end > size:
            raise ValueError(f"the storage {short(key, 40)!r} is truncated or has the wrong length")
        file.seek(end)
    missing = storages.keys() - found.keys()
    if missing:
        raise ValueError(f"the storage {short(min(missing), 40)!r} is missing")
    return found


def _read(path: Path, found: Any, values: Callable[[Region], Values | str]) -> Checkpoint:
    """Return what was pickled as a checkpoint.

    Raises
    ------
    FileReadError
        If tensors are in objects of classes that are not known here, or there are none.
    """
    whole = path.stem if path.suffix.lower() == ".tar" else path.name
    checkpoint = Checkpoint(Path(whole).stem, "PyTorch")
    objects = TorchObjects(values)

    def look(value: Any) -> Any:
        seen = objects.look(value)
        return replace(seen, tensors=holds_tensors(value)) if isinstance(seen, Other) else seen

    walk = Walk(checkpoint, look)
    walk.run(found)
    nothing = not checkpoint.entries and not checkpoint.optimizers
    for where, other in walk.others:
        if nothing or other.tensors:
            raise FileReadError(_holds_code(path, where, other.name))
    if nothing:
        raise FileReadError(f"{str(path)!r} holds no tensors. {_SAVE}")
    return checkpoint


def _holds_code(path: Path, where: str, name: str) -> str:
    at = f" at {short(where, 100)!r}" if where else ""
    return (
        f"{str(path)!r} holds{at} an object of class {name}. Rebuilding it would run code, and nbviz runs no "
        f"code from files. {_SAVE}"
    )


def _other_archive(path: Path, root: str | None, names: Iterable[str]) -> str:
    """Return what to do with an archive that is no checkpoint, an empty text if it is one."""
    found = set(names)
    here = f"{str(path)!r} is"
    if f"{root}/constants.pkl" in found or any(name.startswith(f"{root}/code/") for name in found):
        return (
            f"{here} a TorchScript module, which contains code. Load it with torch.jit.load({str(path)!r}) and "
            "pass the module."
        )
    if any(name.endswith("/archive_format") or "/models/" in name for name in found):
        return f"{here} an exported program. Give it the suffix .pt2."
    if root is not None:
        return ""
    if any(name.endswith(".npy") for name in found):
        return f"{here} an archive of NumPy arrays. Give it the suffix .npz."
    return f"{here} a zip archive, but torch.save did not write it: it has no data.pkl."
