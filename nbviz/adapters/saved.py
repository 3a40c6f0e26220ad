"""Reads model graphs that ``view.save("net.json")`` wrote."""

from __future__ import annotations

from pathlib import Path

from nbviz import wire
from nbviz.adapters.files.opening import damaged, looks_like, opened, size_of
from nbviz.errors import FileReadError, SchemaError
from nbviz.reading import Reading

_KIND = "a model graph saved by nbviz"
_MAX = 1 << 30
"""The most bytes of a saved graph: one of 100,000 layers has 30 MB."""


def read_file(path: Path) -> Reading:
    """Return the saved graph; it has no weights.

    Raises
    ------
    FileReadError
        If the file is not text, or too large to be a graph.
    SchemaError
        If the text is no model graph, or a newer version wrote it.
    """
    with opened(path) as file:
        size = size_of(file)
        if size > _MAX:
            raise damaged(path, _KIND, f"it is {size:,} bytes, more than nbviz accepts")
        raw = file.read(size)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        msg = f"{str(path)!r} is not a text file, so it is not a model graph saved by nbviz."
        raise FileReadError(msg) from error
    try:
        return Reading(wire.from_json(text))
    except SchemaError as error:
        msg = f"{str(path)!r}: {error}{looks_like(path)}{_weights_of(path)}"
        raise SchemaError(msg) from error


def _weights_of(path: Path) -> str:
    """Say where the weights are of which a configuration tells."""
    return f" For the weights beside it, view the folder {str(path.parent)!r}." if path.name == "config.json" else ""
