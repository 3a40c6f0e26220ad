"""Reads the model graphs that ``view.save("net.json")`` wrote."""

from __future__ import annotations

from pathlib import Path

from nbviz import wire
from nbviz.errors import FileReadError, SchemaError
from nbviz.reading import Reading


def read_file(path: Path) -> Reading:
    """Return the saved graph; it has no weights.

    Raises
    ------
    FileReadError
        If the file is not text.
    SchemaError
        If the text is no model graph, or a newer version wrote it.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        msg = f"{path.name} is not text, so it is no model graph that nbviz saved."
        raise FileReadError(msg) from error
    try:
        return Reading(wire.from_json(text))
    except SchemaError as error:
        msg = f"{path.name}: {error}"
        raise SchemaError(msg) from error
