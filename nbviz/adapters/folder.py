"""Reads a folder as the checkpoint that it contains, as model hubs and training runs write them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from nbviz.adapters.checkpoints import gguf, hdf5, npz, safetensors, sharded, torch_files
from nbviz.adapters.checkpoints.sharded import USUAL, called
from nbviz.adapters.files.foreign import half_of_others, written_by_others
from nbviz.adapters.files.opening import inside, part_of, without_variant
from nbviz.adapters.savedmodel import opening as savedmodel
from nbviz.adapters.text import label
from nbviz.errors import FileReadError, counted
from nbviz.graph import Diagnostic
from nbviz.reading import Reading

_ASIDE = re.compile(
    r"(training_args|optimizer|scheduler|rng_state.*|scaler|random_states.*)\.(bin|pt|pth)$", re.IGNORECASE
)
"""What training leaves beside a checkpoint."""
_LOOKED_FOR = "saved_model.pb, *.safetensors.index.json, *.safetensors, *.gguf, *.bin.index.json, *.bin, *.pt, *.pth, *.pth.tar, *.ckpt, *.weights.json, *.weights.h5, *.npz"
_PICKLES = (".bin", ".pt", ".pth", ".pth.tar", ".ckpt")
_FILES = (".safetensors", ".gguf", *_PICKLES, ".weights.h5", ".npz", savedmodel.FILE)
_MODELS = (".onnx", ".keras", ".tflite", ".pt2")
"""Models with a graph, which a folder is not read as: there may be several, and it is weights that most folders are for."""
_LAST_MODELS = (".h5", ".hdf5")
"""What may be a model, or weights of one."""
_DEEPEST = 3
"""Folders below one another that are looked into: the cache of Hugging Face has a model's files in the third."""
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
    try:
        saved = (path / savedmodel.FILE).is_file()
    except OSError as error:
        raise FileReadError(f"{str(path)!r} cannot be opened: {error.strerror}.") from error
    if saved:
        return savedmodel.read_folder(path, constants=constants)
    files = _files(path)
    reading = _checkpoint(path, files)
    if reading is None:
        raise FileReadError(_nothing(path, files))
    name = called(path) if reading.graph.name in USUAL else ""
    return _beside(replace(reading, graph=replace(reading.graph, name=label(name))) if name else reading, files)


def _checkpoint(path: Path, files: Sequence[Path]) -> Reading | None:
    """Read the one checkpoint among the files of a folder, None where there is none."""
    indexes = _indexes(files, ".safetensors.index.json")
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
    pickles = [file for file in _ending(_readable(files), *_PICKLES) if not _ASIDE.fullmatch(file.name)]
    indexes = _indexes(files, ".bin.index.json")
    if indexes:
        return sharded.read_index(_only(path, indexes))
    if pickles:
        if _one_set(path, pickles):
            return sharded.read_shards(path, pickles, pickled=True)
        return torch_files.read_file(_only(path, pickles))
    indexes = _ending(files, ".weights.json")
    if indexes:
        return sharded.read_keras_index(_only(path, indexes))
    weights = _ending(files, ".weights.h5")
    if weights:
        return hdf5.read_file(_only(path, weights))
    arrays = _ending(files, ".npz")
    if arrays:
        return npz.read_archive(_only(path, arrays))
    return None


def _files(folder: Path) -> list[Path]:
    """Return the files in a folder by name; a link that leads out of it is none of them."""
    found = []
    try:
        for count, path in enumerate(folder.iterdir()):
            if count > _MOST:
                raise FileReadError(
                    f"{str(folder)!r} holds more than {_MOST:,} files. Pass the path of the checkpoint itself."
                )
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


def _indexes(files: Sequence[Path], suffix: str) -> list[Path]:
    """Return the indexes of a suffix; those of variants, such as ``fp16``, where they are the only ones."""
    return _ending(files, suffix) or [file for file in files if without_variant(file.name.lower()).endswith(suffix)]


def _one_set(folder: Path, files: Sequence[Path]) -> bool:
    """Tell whether files are the parts of one checkpoint, as their names count them (``-00001-of-00003``)."""
    sets = {part_of(file) for file in files}
    counted = sets.pop()
    if sets or counted is None:
        return False
    if counted[1] != len(files):
        raise FileReadError(
            f"{str(folder)!r} holds only {len(files):,} of the {counted[1]:,} parts of a checkpoint "
            f"({files[0].name!r} and so on). Download the other parts into the same folder."
        )
    return True


def _only(folder: Path, files: Sequence[Path]) -> Path:
    if len(files) == 1:
        return files[0]
    hint = written_by_others(file.name for file in files)
    raise FileReadError(
        f"{str(folder)!r} is a folder with several checkpoints: {_names(files)}. Pass the path of one of them.{hint}"
    )


def _nothing(folder: Path, files: Sequence[Path]) -> str:
    links = _leading_out(folder)
    none = f"it holds no files{' of its own' if links else ''}"
    found = f"it holds {counted(len(files), 'file')}: {_names(files)}" if files else none
    here = f"{str(folder)!r} is a folder; nbviz looked in it for {_LOOKED_FOR}, but {found}.{links}"
    models = _ending(files, *_MODELS, *_LAST_MODELS)
    if models:
        return f"{here} Pass the path of the model: {_paths([str(file) for file in models])}."
    return here + (written_by_others([folder.absolute().name]) or _of_others(files) or _further_down(folder))


def _of_others(files: Sequence[Path], what: str = "It") -> str:
    """Say which format of others the files of a folder have, by their names or as halves of models."""
    named = written_by_others((file.name for file in files), what)
    return named or next(filter(None, (half_of_others(file, what) for file in _ending(files, ".bin"))), "")


def _readable(files: Sequence[Path]) -> list[Path]:
    """Return the files that are checkpoints, or of a SavedModel; ``.bin`` is the suffix of other formats' weights too."""
    return [file for file in _ending(files, *_FILES) if not half_of_others(file)]


def _leading_out(folder: Path) -> str:
    """Say which files of a folder are links to what is elsewhere."""
    found = sorted(path for path in folder.iterdir() if path.is_symlink() and not _is_inside(folder, path))
    files = [path for path in found if path.is_file()]
    if not files:
        return ""
    what = "is a link that points outside the folder" if len(files) == 1 else "are links that point outside the folder"
    return (
        f" {_names(files)} {what}, which nbviz does not follow automatically: pass the path "
        f"{_paths([str(f) for f in files])}."
    )


def _further_down(folder: Path) -> str:
    """Say which folders and files below a folder can be read; what is in one of them is not looked for below it."""
    folders: list[str] = []
    models: list[str] = []
    others: list[str] = []
    waiting = [(inner, 1) for inner in _folders(folder)]
    for inner, depth in itertools.islice(waiting, _LOOKED_INTO):  # which grows meanwhile
        try:
            files = _files(inner)
        except (FileReadError, OSError):
            continue
        name, named = str(inner.relative_to(folder)), _ending(files, *_MODELS)
        package, said = written_by_others([inner.name], repr(name)), _of_others(files, repr(name))
        if not package and _readable(files):
            folders.append(name)
        elif named:
            models.extend(f"{name}/{file.name}" for file in named)
        elif package or said:
            others.append(package or said)
        elif depth < _DEEPEST:
            waiting.extend((further, depth + 1) for further in _folders(inner))
    hints = f" Pass the path of a folder inside it: {_paths(folders)}." if folders else ""
    hints += f" Pass the path of a model inside it: {_paths(models)}." if models else ""
    return hints or "".join(others[:1])


def _folders(folder: Path) -> list[Path]:
    try:
        found = list(itertools.islice(folder.iterdir(), _MOST))
    except OSError:
        return []
    return sorted(path for path in found if path.name[0] != "." and path.is_dir() and _is_inside(folder, path))


def _beside(reading: Reading, files: Sequence[Path]) -> Reading:
    """Return the reading of a checkpoint with a note that names the models beside it, which are more than that."""
    models = _ending(files, *_MODELS)
    if not models:
        return reading
    what = (
        "a model that is not shown. To view it, pass"
        if len(models) == 1
        else "models that are not shown. To view one, pass"
    )
    note = Diagnostic("note", f"The folder also holds {what} the path {_paths([str(f) for f in models])}.")
    return replace(reading, graph=replace(reading.graph, diagnostics=(*reading.graph.diagnostics, note)))


def _names(paths: Sequence[Path]) -> str:
    return _paths([path.name for path in paths])


def _paths(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else ""
    return ", ".join(map(repr, names[:_LISTED])) + more
