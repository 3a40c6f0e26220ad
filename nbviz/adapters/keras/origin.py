"""Finds the Keras version that wrote a file; nothing else is read from it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from nbviz.adapters.files.opening import MAX_HEADER
from nbviz.adapters.files.zips import BAD_ZIP, contents, open_zip
from nbviz.errors import FileReadError

_ATTRIBUTE = "keras_version"
_METADATA = "metadata.json"
_LONG = 128
_VERSION = re.compile(r"\d{1,4}(\.[\w-]{1,20}){1,5}")


def written_by(path: Path) -> str:
    """Return the version of Keras that a file says has written it, ``""`` where it says none."""
    try:
        said = _in_archive(path) if path.suffix == ".keras" else _in_hdf5(path)
    except (*BAD_ZIP, FileReadError, KeyError, TypeError, RecursionError):
        return ""
    return said if isinstance(said, str) and _VERSION.fullmatch(said) else ""


def _in_archive(path: Path) -> object:
    with open_zip(path) as archive:
        found = json.loads(contents(archive, _METADATA, MAX_HEADER))
    return found[_ATTRIBUTE]


def _in_hdf5(path: Path) -> object:
    """Return the attribute of a file of which Keras has read another one: HDF5 never comes back from some that are damaged."""
    import h5py

    with h5py.File(path, "r", locking=False) as file:
        held = file.attrs.get_id(_ATTRIBUTE)
        if held.shape != () or held.dtype.itemsize > _LONG:  # room is made for what it claims
            return ""
        said = file.attrs[_ATTRIBUTE]
    return said.decode() if isinstance(said, bytes) else said
