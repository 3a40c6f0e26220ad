"""Reads checkpoints in several files, with an index that says which tensor is in which, or without."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from nbviz.adapters.checkpoints import safetensors, torch_files
from nbviz.adapters.checkpoints.files import MAX_HEADER, damaged, inside, opened, size_of, unique, without_variant
from nbviz.adapters.checkpoints.tree import MAX_TENSORS, Checkpoint, Entry, reading_of
from nbviz.adapters.text import short
from nbviz.errors import FileReadError, counted
from nbviz.graph import Setting
from nbviz.progress import report
from nbviz.reading import Reading

_TORCH = ".bin.index.json"
_KIND = "the index of a sharded checkpoint"
_SHARDS = 10_000
_USUAL = frozenset({"model", "pytorch_model", "diffusion_pytorch_model"})
"""What libraries call the index of any model."""


def read_index(path: Path) -> Reading:
    """Read the files that a ``.safetensors.index.json`` or a ``.bin.index.json`` file names.

    Raises
    ------
    FileReadError
        If the index or one of the files is damaged or missing, or the two disagree.
    """
    weight_map, metadata = _index(path)
    names = list(dict.fromkeys(weight_map.values()))
    try:
        shards = {name: inside(path.parent, name) for name in names}
    except ValueError as error:
        raise damaged(path, _KIND, error) from error
    _refuse_missing(path, shards)
    pickled = without_variant(path.name.lower()).endswith(_TORCH)
    found: dict[str, Entry] = {}
    left_out = 0
    for number, (shard, file) in enumerate(shards.items()):
        _tell(path, number, len(shards))
        held = torch_files.read_entries(file) if pickled else safetensors.read_header(file)[0]
        listed = {name: entry for name, entry in held.items() if weight_map.get(name) == shard}
        left_out += len(held) - len(listed)
        found.update(listed)
    lost = [name for name in weight_map if name not in found]
    if lost:
        what = f"it says that {short(lost[0], 100)!r} is in {short(weight_map[lost[0]], 100)!r}, which is not so"
        raise damaged(path, _KIND, what)
    kind = "PyTorch" if pickled else safetensors.KIND
    checkpoint = Checkpoint(
        _name(path), kind, [found[name] for name in weight_map], {(): [*metadata, ("files", len(shards))]}
    )
    if left_out:
        checkpoint.notes.append(
            f"The index {path.name!r} does not list {counted(left_out, 'tensor')} of the files, not shown here."
        )
    return reading_of(path, _KIND, checkpoint)


def read_shards(folder: Path, shards: Sequence[Path]) -> Reading:
    """Read safetensors files that are parts of one checkpoint, though no index says so.

    Raises
    ------
    FileReadError
        If one is damaged, or two hold a tensor of the same name.
    """
    found: dict[str, Entry] = {}
    for number, path in enumerate(shards):
        _tell(folder, number, len(shards))
        held, _ = safetensors.read_header(path)
        twice = held.keys() & found.keys()
        if twice:
            raise damaged(
                path, safetensors.KIND, f"{short(min(twice), 100)!r} is in another file of the folder as well"
            )
        found.update(held)
    checkpoint = Checkpoint(folder.absolute().name, safetensors.KIND, list(found.values()))
    checkpoint.settings[()] = [("files", len(shards))]
    return reading_of(folder, safetensors.KIND, checkpoint)


def _tell(path: Path, number: int, count: int) -> None:
    report(lambda: f"Reading {path.name}: {number:,} of {count:,} files")


def _name(path: Path) -> str:
    """Return what to call the checkpoint of an index: most are called ``model``, and their folders after the model."""
    name, folder = without_variant(path.name).rsplit(".", 3)[0], path.absolute().parent
    if name not in _USUAL:
        return name
    if folder.parent.name == "snapshots":  # of Hugging Face's cache: models--who--what/snapshots/commit
        return folder.parent.parent.name.rpartition("--")[2]
    return folder.name or name


def _index(path: Path) -> tuple[dict[str, str], list[tuple[str, Setting]]]:
    """Return in which file each tensor is, and the index's own metadata."""
    with opened(path) as file:
        size = size_of(file)
        if size > MAX_HEADER:
            raise damaged(path, _KIND, f"it has {size:,} bytes, more than any real one")
        try:
            index = json.loads(file.read(size), object_pairs_hook=unique)
        except (ValueError, RecursionError) as error:
            raise damaged(path, _KIND, error) from error
    weight_map = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(weight_map, dict) or not all(isinstance(name, str) for name in weight_map.values()):
        raise damaged(path, _KIND, "it has no 'weight_map' of tensors to files")
    if not weight_map:
        raise damaged(path, _KIND, "its 'weight_map' lists no tensors")
    if len(weight_map) > MAX_TENSORS or len(set(weight_map.values())) > _SHARDS:
        raise damaged(path, _KIND, f"it claims {len(weight_map):,} tensors in {len(set(weight_map.values())):,} files")
    metadata = index.get("metadata")
    return weight_map, list(metadata.items()) if isinstance(metadata, dict) else []


def _refuse_missing(path: Path, shards: Mapping[str, Path]) -> None:
    missing = [name for name, file in shards.items() if not file.exists()]
    if missing:
        raise FileReadError(
            f"{str(path)!r} names files that are missing beside it, {len(missing):,} of {len(shards):,}: "
            f"{short(missing[0], 100)!r}{' and others' if len(missing) > 1 else ''}. Download them into the same folder."
        )
