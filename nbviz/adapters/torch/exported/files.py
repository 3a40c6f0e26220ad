"""Reads ``.pt2`` files: exported programs saved by ``torch.export.save``."""

from __future__ import annotations

import json
import math
from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, final

from nbviz.adapters.text import plain
from nbviz.adapters.torch.exported.archive import Archive, damaged_program
from nbviz.adapters.torch.exported.nesting import root_class
from nbviz.adapters.torch.exported.program import Layers, all_nodes, structure_names, walk
from nbviz.adapters.torch.exported.serialized import GraphReader, dims, dtype_of
from nbviz.adapters.weights import of_parameter
from nbviz.builder import GraphBuilder
from nbviz.errors import FileReadError, MissingExtraError
from nbviz.graph import stored_bytes
from nbviz.reading import Reading
from nbviz.records import Stored
from nbviz.shape import Shape

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_FOLDERS = {"data/weights/": "weights", "data/constants/": "constants"}


def read_file(path: Path) -> Reading:
    """Read a ``.pt2`` file.

    Raises
    ------
    FileReadError
        If it is damaged, or holds no exported program.
    MissingExtraError
        If PyTorch is not installed.
    """
    try:
        import torch  # noqa: F401
    except ImportError as error:
        msg = f"Reading {str(path)!r} needs PyTorch: pip install 'nbviz[torch]'."
        raise MissingExtraError(msg) from error
    archive = Archive(path)
    program = archive.json(f"models/{archive.model}.json")
    try:
        return _read(archive, program["graph_module"])
    except FileReadError:
        raise
    except Exception as error:
        raise damaged_program(path, error) from error


def _read(archive: Archive, module: Mapping[str, Any]) -> Reading:
    reader = GraphReader(module["graph"])
    graph = reader.read()
    nodes = list(all_nodes(graph))
    kind = root_class(nodes)
    builder = GraphBuilder(kind.rpartition(".")[2] or archive.path.stem, "PyTorch")
    layers = Layers(builder)
    layers.add_root(kind)
    layers.add_called(nodes)
    specs = [next(iter(spec.items())) for spec in module["signature"]["input_specs"]]
    stored = _stored(archive, module["graph"], specs)
    for target, (key, known) in stored.items():
        layers.hold(target, key, known)
    lifted: dict[str, Hashable | None] = {}
    for what, given in specs:
        if what in ("parameter", "buffer", "tensor_constant"):
            name = reader.names[given["arg"]["name"]]
            lifted[name] = layers.key_of(str(given.get(f"{what}_name")))
    names = iter(_output_names(module))
    outputs = [next(names, "") if "user_output" in spec else None for spec in module["signature"]["output_specs"]]
    walk(builder, layers, graph, lifted, outputs, {})
    weights = dict(stored.values())
    order = builder.parameter_keys()
    return Reading(builder.finish(), ArchiveWeightReader(archive.path, [(key, weights[key].dtype) for key in order]))


def _output_names(module: Mapping[str, Any]) -> list[str]:
    """Return the names of the outputs in the structure that the model gives, as far as it can be read."""
    try:
        written = json.loads(module["module_call_graph"][0]["signature"]["out_spec"])
        return list(structure_names(_structure(written[1])))
    except (IndexError, KeyError, TypeError, ValueError):
        return []


def _structure(written: Mapping[str, Any]) -> Any:
    """Return a structure as ``torch.utils._pytree`` has it; types are not looked up, since that imports what a file names."""
    context = written["context"]
    children = [_structure(child) for child in written["children_spec"]]
    return SimpleNamespace(
        type=written["type"],
        context=json.loads(context) if isinstance(context, str) else context,
        children_specs=children,
    )


# Weights


def _stored(archive: Archive, graph: Mapping[str, Any], specs: list[tuple[str, Any]]) -> dict[str, tuple[Any, Stored]]:
    """Return the parameters and buffers by their dotted names, each with its key: where it is in the archive."""
    found: dict[str, tuple[Any, Stored]] = {}
    buffers = {given["buffer_name"] for what, given in specs if what == "buffer"}
    for folder, what in _FOLDERS.items():
        config = f"{folder}{archive.model}_{what}_config.json"
        entries = archive.json(config)["config"] if config in archive.names else {}
        for target, entry in entries.items():
            meta = entry.get("tensor_meta")
            if meta is None or (what == "constants" and target not in buffers):
                continue
            at = None if entry["use_pickle"] else f"{folder}{entry['path_name']}"
            known = _of(target, meta, buffer=target in buffers or not entry["is_param"])
            found[target] = ((entry["path_name"], at, *_extent(meta)), known)
    for what, given in specs:  # an archive of PyTorch 2.8 has its weights in a pickle: what they are, the graph tells
        target = given.get(f"{what}_name")
        if what in ("parameter", "buffer") and target not in found:
            meta = graph["tensor_values"][given["arg"]["name"]]
            found[target] = ((target, None, *_extent(meta)), _of(target, meta, buffer=what == "buffer"))
    return found


def _extent(meta: Mapping[str, Any]) -> tuple[Any, ...]:
    offset = meta.get("storage_offset") or {}
    return int(offset.get("as_int", 0)), tuple(dims(meta["sizes"])), tuple(dims(meta["strides"]))


def _of(target: str, meta: Mapping[str, Any], *, buffer: bool) -> Stored:
    shape, dtype = Shape(dims(meta["sizes"])), dtype_of(meta["dtype"])
    size = math.prod(int(d or 0) for d in shape)
    return Stored(
        name=plain(target.rpartition(".")[2]),
        kind="buffer" if buffer else "weight",
        shape=shape,
        dtype=dtype or "unknown",
        trainable=bool(meta["requires_grad"]) and not buffer,
        bytes=stored_bytes(dtype, size),
        size=size,
    )


@final
class ArchiveWeightReader:
    """Reads weights by opening the file again: a view holds none of them.

    Parameters
    ----------
    path
        The file.
    weights
        Where each parameter is, and its dtype.
    """

    def __init__(self, path: Path, weights: list[tuple[Any, str]]) -> None:
        self._path = path.absolute()
        self._weights = weights

    def chunks(self, parameter: int) -> Iterator[npt.NDArray[np.generic]]:
        """Yield the values of one parameter.

        Raises
        ------
        LookupError
            If the file is gone, has no such parameter, or holds it as a pickle, which is never opened.
        """
        import torch

        (_, at, offset, sizes, strides), dtype = of_parameter(self._weights, parameter, "program")
        if at is None or not hasattr(torch, dtype):
            msg = f"{str(self._path)!r} stores this weight as a pickle, or as {dtype}, which nbviz does not open."
            raise LookupError(msg)
        try:
            data = bytearray(Archive(self._path).read(at))
            flat = torch.frombuffer(data, dtype=getattr(torch, dtype)) if data else torch.empty(0)
            values = flat.as_strided(sizes, strides, offset)
        except (FileReadError, RuntimeError, ValueError) as error:
            msg = f"This weight can no longer be read from {str(self._path)!r}: {plain(error)}"
            raise LookupError(msg) from error
        from nbviz.adapters.torch.modules.weights import tensor_pieces

        return tensor_pieces(values)
