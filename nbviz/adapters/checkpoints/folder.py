"""Reads a folder as the checkpoint that is in it, as model hubs and training runs leave them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from pathlib import Path

from nbviz.adapters.checkpoints import gguf, hdf5, npz, safetensors, sharded, torch_files
from nbviz.adapters.checkpoints.files import inside
from nbviz.adapters.savedmodel import opening as savedmodel
from nbviz.errors import FileReadError, counted
from nbviz.reading import Reading

_PART = re.compile(r"(.*)-\d+-of-(\d+)")
_ASIDE = re.compile(
    r"(training_args|optimizer|scheduler|rng_state.*|scaler|random_states.*)\.(bin|pt|pth)$", re.IGNORECASE
)
"""What training leaves beside a checkpoint."""
_LOOKED_FOR = "saved_model.pb, *.safetensors.index.json, *.safetensors, *.gguf, *.bin.index.json, *.bin, *.pt, *.pth, *.pth.tar, *.ckpt, *.weights.h5, *.npz"
_PICKLES = (".bin", ".pt", ".pth", ".pth.tar", ".ckpt")
_FILES = (".safetensors", ".gguf", *_PICKLES, ".weights.h5", ".npz", savedmodel.FILE)
_LISTED = 5
_LOOKED_INTO = 100
_MOST = 100_000


def read_folder(path: Path, *, constants: bool = False) -> Reading:
    """Read the SavedModel or the one checkpoint in a folder: an index of shards first, then safetensors, GGUF, PyTorch, Keras and NumPy files.

    Raises
    ------
    FileReadError
        If there is none, or there are several of a kind, or one that cannot be read.
    """
    if (path / savedmodel.FILE).is_file():
        return savedmodel.read_folder(path, constants=constants)
    files = _files(path)
    indexes = _ending(files, ".safetensors.index.json")
    if indexes:
        return sharded.read_index(_only(path, indexes))
    tensors = _ending(files, ".safetensors")
    if tensors:
        return (
            sharded.read_shards(path, tensors)
            if _one_set(path, tensors)
            else safetensors.read_file(_only(path, tensors))
        )
    models = _ending(files, ".gguf")
    if models:
        return gguf.read_parts(path, models) if _one_set(path, models) else gguf.read_file(_only(path, models))
    pickles = [file for file in _ending(files, *_PICKLES) if not _ASIDE.fullmatch(file.name)]
    indexes = _ending(files, ".bin.index.json")
    if indexes:
        return sharded.read_index(_only(path, indexes))
    if pickles:
        return torch_files.read_file(_only(path, pickles))
    weights = _ending(files, ".weights.h5")
    if weights:
        return hdf5.read_file(_only(path, weights))
    arrays = _ending(files, ".npz")
    if arrays:
        return npz.read_archive(_only(path, arrays))
    raise FileReadError(_nothing(path, files))


def _files(folder: Path) -> list[Path]:
    """Return the files in a folder by name; a link that leads out of it is none of them."""
    found = []
    try:
        for count, path in enumerate(folder.iterdir()):
            if count > _MOST:
                raise FileReadError(f"{str(folder)!r} holds more than {_MOST:,} files. Pass the checkpoint itself.")
            found.append(path)
    except OSError as error:
        raise FileReadError(f"{str(folder)!r} cannot be listed: {error.strerror}.") from error
    return sorted(
        path for path in found if not path.name.startswith(".") and _is_inside(folder, path) and path.is_file()
    )


def _is_inside(folder: Path, path: Path) -> bool:
    try:
        inside(folder, path.name)
    except ValueError:
        return False
    return True


def _ending(files: Sequence[Path], *suffixes: str) -> list[Path]:
    return [file for file in files if file.name.lower().endswith(suffixes)]


def _one_set(folder: Path, files: Sequence[Path]) -> bool:
    """Tell whether files are the parts of one checkpoint, as their names count them (``-00001-of-00003``)."""
    sets = {match.groups() if (match := _PART.fullmatch(file.stem)) else None for file in files}
    counted = sets.pop()
    if sets or counted is None:
        return False
    if int(counted[1]) != len(files):
        raise FileReadError(
            f"{str(folder)!r} holds {len(files):,} of the {int(counted[1]):,} parts of a checkpoint ({files[0].name!r} and so on). "
            "Download the others into the same folder."
        )
    return True


def _only(folder: Path, files: Sequence[Path]) -> Path:
    if len(files) == 1:
        return files[0]
    raise FileReadError(
        f"{str(folder)!r} is a folder with several checkpoints: {_names(files)}. Pass the path of one of them."
    )


def _nothing(folder: Path, files: Sequence[Path]) -> str:
    found = f"it holds {counted(len(files), 'file')}: {_names(files)}" if files else "it holds no files"
    folders = (
        path for path in sorted(folder.iterdir()) if path.is_dir() and path.name[0] != "." and _is_inside(folder, path)
    )
    inner = [path for path in itertools.islice(folders, _LOOKED_INTO) if _has_any(path)]
    hint = f" Pass the path of a folder in it: {_names(inner)}." if inner else ""
    return f"{str(folder)!r} is a folder, in which nbviz looked for {_LOOKED_FOR}; {found}.{hint}"


def _has_any(folder: Path) -> bool:
    """Tell whether there is a file in a folder that could be read."""
    try:
        return bool(_ending(_files(folder), *_FILES))
    except (FileReadError, OSError):
        return False


def _names(paths: Sequence[Path]) -> str:
    more = f" and {len(paths) - _LISTED:,} more" if len(paths) > _LISTED else ""
    return ", ".join(repr(path.name) for path in paths[:_LISTED]) + more
