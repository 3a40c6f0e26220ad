"""Opens ``.tflite`` files."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from nbviz.adapters.dataflow.rows import TRAINED, Rows
from nbviz.adapters.dataflow.writer import Writer
from nbviz.adapters.files.opening import damaged, opened
from nbviz.adapters.files.values import Weights
from nbviz.adapters.text import decoded, label, short
from nbviz.adapters.tflite.flat import Flat
from nbviz.adapters.tflite.model import Model
from nbviz.adapters.tflite.programs import Programs
from nbviz.builder import GraphBuilder
from nbviz.columns import Columns
from nbviz.graph import Group, Setting
from nbviz.grouping import infer_groups
from nbviz.reading import Reading

KIND = "TFLite"

_IDENTIFIER = b"TFL3"
_LISTED = 32


def read_file(path: Path, *, constants: bool = False) -> Reading:
    """Read a ``.tflite`` file; the bytes of weights are not touched.

    Raises
    ------
    FileReadError
        If it is damaged, or no such file.
    """
    with opened(path) as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if data[4:8] != _IDENTIFIER:
            raise damaged(path, KIND, f"the identifier {decoded(_IDENTIFIER)!r} is missing at byte 4")
        try:
            return _reading(path.absolute(), Flat(data), constants=constants)
        except (ValueError, IndexError, KeyError, OverflowError, struct.error) as error:
            raise damaged(path, KIND, error) from error


def _reading(path: Path, flat: Flat, *, constants: bool) -> Reading:
    model = Model(flat)
    programs = Programs(model, path)
    builder = GraphBuilder(label(path.stem), KIND, batch_axis=False)
    rows = Rows(builder)
    root = rows.root("Model", "tflite", _settings(model))
    writer = Writer(builder, rows, programs, constants=constants)
    writer.write(root, programs.entrances())
    unopened = programs.unopened()
    for key, stored in programs.stored.items():
        rows.store(key, stored)
    writer.findings.unpacked = len(programs.unpacked)
    writer.finish(root)
    if unopened:
        builder.note(f"Subgraphs that nothing calls are not shown: {_listed(unopened)}.")
    if programs.short:
        builder.note(f"Damaged tensors, with fewer bytes than their shapes need: {_listed(programs.short)}.")
    keys = builder.parameter_keys()
    graph = builder.finish()
    if not rows.has_scopes:
        graph = replace(graph, groups=Columns(Group, infer_groups(graph, rows.automatic)))
    return Reading(graph, Weights(repr(str(path)), [programs.values[key] for key in keys]))


def _listed(names: Collection[str]) -> str:
    shown = ", ".join(map(repr, list(names)[:5]))
    return f"{shown} and {len(names) - 5:,} more" if len(names) > 5 else shown


def _settings(model: Model) -> tuple[tuple[str, Setting], ...]:
    root = model.root
    signatures = [label(signature.text("signature_key")) for signature in root.tables("signature_defs")[:_LISTED]]
    _, codes = root.extent("operator_codes")
    used = [f"{op} {version}" for op, _, version in map(model.code, range(min(codes, _LISTED)))]
    told: list[tuple[str, Setting]] = [("schema_version", root.number("version"))]
    if root.has("description"):
        told.append(("description", short(decoded(root.text("description")))))
    for entry in root.tables("metadata")[:_LISTED]:
        name, number = label(entry.text("name")), entry.number("buffer")
        if name == "min_runtime_version":
            told.append((name, label(model.buffer(number, 32).rstrip(b"\0"))))
        else:
            told.append((name, f"{model.buffer_size(number):,} bytes"))
    if signatures:
        told.append(("signatures", tuple(signatures)))
    told.append(("operators", tuple(used) if codes <= _LISTED else (*used, f"… {codes:,} operators")))
    return (*told, TRAINED)
