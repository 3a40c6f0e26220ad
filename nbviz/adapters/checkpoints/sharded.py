"""Reads checkpoints that are split into several files, with or without an index."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from nbviz.adapters.checkpoints import hdf5, safetensors, torch_files
from nbviz.adapters.checkpoints.quantization import Quantization
from nbviz.adapters.checkpoints.tree import MAX_TENSORS, Checkpoint, Entry, reading_of
from nbviz.adapters.files.opening import MAX_HEADER, damaged, inside, opened, size_of, unique, without_variant
from nbviz.adapters.text import short
from nbviz.errors import FileReadError, counted
from nbviz.graph import Setting
from nbviz.progress import Step, report
from nbviz.reading import Reading

_TORCH = ".bin.index.json"
_KIND = "the index of a sharded checkpoint"
_SHARDS = 10_000
USUAL = frozenset({"model", "adapter_model", "pytorch_model", "diffusion_pytorch_model"})
"""What libraries call the file, or the index, of any model."""


def read_index(path: Path) -> Reading:
    """Read the files that a ``.safetensors.index.json`` or a ``.bin.index.json`` file names.

    Raises
    ------
    FileReadError
        If the index or one of the files is damaged or missing, or the two disagree.
    """
    weight_map, metadata = _index(path)
    shards = _shards_of(path, weight_map.values())
    pickled = without_variant(path.name.lower()).endswith(_TORCH)
    found: dict[str, Entry] = {}
    said: dict[str, Setting] = {}
    left_out = 0
    for number, (shard, file) in enumerate(shards.items()):
        _tell(path, number, len(shards))
        held = _tensors_of(file, said, pickled=pickled)
        listed = {name: entry for name, entry in held.items() if weight_map.get(name) == shard}
        left_out += len(held) - len(listed)
        found.update(listed)
    lost = [name for name in weight_map if name not in found]
    if lost:
        what = (
            f"it lists {short(lost[0], 100)!r} in the file {short(weight_map[lost[0]], 100)!r}, which does not "
            "contain it"
        )
        raise damaged(path, _KIND, what)
    kind = "PyTorch" if pickled else safetensors.KIND
    checkpoint = Checkpoint(_name(path), kind, [found[name] for name in weight_map])
    checkpoint.settings[()] = [*metadata, ("files", len(shards))]
    checkpoint.quantization = Quantization(path.parent, said)
    if left_out:
        checkpoint.notes.append(
            f"Not shown: {counted(left_out, 'tensor')} in the files that the index {path.name!r} does not list."
        )
    return reading_of(path, _KIND, checkpoint)


def read_keras_index(path: Path) -> Reading:
    """Read the files that a ``.weights.json`` file names, as Keras's ``save_weights`` with ``max_shard_size`` writes it.

    Raises
    ------
    FileReadError
        If the index or one of the files is damaged or missing, or two hold a tensor of the same name.
    MissingExtraError
        If h5py is not installed.
    """
    weight_map, metadata = _index(path, several=True)
    shards = _shards_of(path, itertools.chain.from_iterable(weight_map.values()))
    whole = Checkpoint(path.name[: -len(".weights.json")], "Keras")
    whole.settings[()] = [*metadata, ("files", len(shards))]
    parts = []
    for number, file in enumerate(shards.values()):
        _tell(path, number, len(shards))
        parts.append((file, hdf5.read_checkpoint(file)))
    seen: set[tuple[str, ...]] = set()
    for file, part in parts:
        for entry in part.entries:
            if entry.path in seen:
                name = short("/".join(entry.path), 100)
                raise damaged(file, hdf5.KIND, f"{name!r} is also in another file")
            seen.add(entry.path)
            whole.entries.append(_of_file(entry, file))
        for name, tensors in part.optimizers.items():
            whole.optimizers.setdefault(name, []).extend(_of_file(entry, file) for entry in tensors)
    whole.notes = list(dict.fromkeys(note for _, part in parts for note in part.notes))
    whole.missing = list(dict.fromkeys(what for _, part in parts for what in part.missing))
    return reading_of(path, _KIND, whole)


def _of_file(entry: Entry, file: Path) -> Entry:
    """Return a dataset as one of several files: its key is where it is in its own."""
    return replace(entry, key=(file, entry.key))


def read_shards(folder: Path, shards: Sequence[Path], *, pickled: bool = False) -> Reading:
    """Read safetensors files, or those of PyTorch, that are parts of one checkpoint, though no index says so.

    Raises
    ------
    FileReadError
        If one is damaged, or two hold a tensor of the same name.
    """
    found: dict[str, Entry] = {}
    said: dict[str, Setting] = {}
    kind = torch_files.KIND if pickled else safetensors.KIND
    for number, path in enumerate(shards):
        _tell(folder, number, len(shards))
        held = _tensors_of(path, said, pickled=pickled)
        twice = held.keys() & found.keys()
        if twice:
            raise damaged(path, kind, f"{short(min(twice), 100)!r} is also in another file of the folder")
        found.update(held)
    checkpoint = Checkpoint(folder.absolute().name, "PyTorch" if pickled else kind, list(found.values()))
    checkpoint.settings[()] = [("files", len(shards))]
    checkpoint.quantization = Quantization(folder, said)
    return reading_of(folder, kind, checkpoint)


def _tensors_of(file: Path, said: dict[str, Setting], *, pickled: bool) -> dict[str, Entry]:
    """Return the tensors of one of the files by name, and add to what headers have ``said``."""
    if pickled:
        return torch_files.read_entries(file)
    held, metadata = safetensors.read_header(file)
    said.update(metadata)
    return held


def _shards_of(path: Path, names: Iterable[str]) -> dict[str, Path]:
    """Return the files that an index names, each once, after checking that they are there."""
    try:
        shards = {name: inside(path.parent, name) for name in dict.fromkeys(names)}
    except ValueError as error:
        raise damaged(path, _KIND, error) from error
    _refuse_missing(path, shards)
    return shards


def _tell(path: Path, number: int, count: int) -> None:
    report(lambda: Step(f"Reading {path.name}: {number:,} of {count:,} files", number / count))


def _name(path: Path) -> str:
    """Return what to call the checkpoint of an index: most are called ``model``, and their folders after the model."""
    name = without_variant(path.name).rsplit(".", 3)[0]
    return name if name not in USUAL else called(path.parent) or name


def called(folder: Path) -> str:
    """Return what a folder with a checkpoint is called."""
    folder = folder.absolute()
    if folder.parent.name == "snapshots":  # of Hugging Face's cache: models--who--what/snapshots/commit
        return folder.parent.parent.name.rpartition("--")[2]
    return folder.name


def _index(path: Path, *, several: bool = False) -> tuple[dict[str, Any], list[tuple[str, Setting]]]:
    """Return in which file each tensor is, or in which ``several`` files, and the index's own metadata."""
    with opened(path) as file:
        size = size_of(file)
        if size > MAX_HEADER:
            raise damaged(path, _KIND, f"it is {size:,} bytes, more than nbviz accepts")
        try:
            index = json.loads(file.read(size), object_pairs_hook=unique)
        except (ValueError, RecursionError) as error:
            raise damaged(path, _KIND, error) from error
    weight_map = index.get("weight_map") if isinstance(index, dict) else None
    named = weight_map.values() if isinstance(weight_map, dict) else ()
    names = [name for some in named for name in (some if several and isinstance(some, list) else [some])]
    if not isinstance(weight_map, dict) or not all(isinstance(name, str) for name in names):
        raise damaged(path, _KIND, "it has no 'weight_map' from tensors to files")
    if not weight_map:
        raise damaged(path, _KIND, "its 'weight_map' lists no tensors")
    if len(names) > MAX_TENSORS or len(set(names)) > _SHARDS:
        raise damaged(
            path, _KIND, f"it claims {len(weight_map):,} tensors in {len(set(names)):,} files, more than nbviz accepts"
        )
    metadata = index.get("metadata")
    kept = {name: [some] if several and isinstance(some, str) else some for name, some in weight_map.items()}
    return kept, list(metadata.items()) if isinstance(metadata, dict) else []


def _refuse_missing(path: Path, shards: Mapping[str, Path]) -> None:
    missing = [name for name, file in shards.items() if not file.exists()]
    if missing:
        raise FileReadError(
            f"Missing files of {str(path)!r} ({len(missing):,} of {len(shards):,}): "
            f"{short(missing[0], 100)!r}{' and others' if len(missing) > 1 else ''}. Download them into the same "
            "folder."
        )
