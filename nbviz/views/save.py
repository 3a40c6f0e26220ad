"""Saves a view to a file; the suffix sets the format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from nbviz import wire
from nbviz.errors import OptionError, nearest
from nbviz.graph import ModelGraph
from nbviz.metrics import Metrics
from nbviz.views.dot import SUFFIXES as GRAPHVIZ
from nbviz.views.dot import dot_graph
from nbviz.views.export import write_table
from nbviz.views.picture import SUFFIXES as PICTURES
from nbviz.views.picture import Saved, check_drawable
from nbviz.views.plates import PlateOptions

if TYPE_CHECKING:
    import pandas as pd

TEXTS = (".html", ".csv", ".md", ".tex", ".json", *GRAPHVIZ)
PARTS = ("table", "graph")


def require_format(path: Path) -> str:
    """Return the suffix of a file, which says in which format a view is saved there.

    Raises
    ------
    OptionError
        If there is no such format, or it is a folder.
    """
    suffix = path.suffix.lower()
    if suffix not in (known := (*TEXTS, *PICTURES)):
        if path.is_dir():
            msg = (
                f"A view is saved to a file, but {str(path)!r} is a folder; name a file in it, such as "
                f"{str(path / 'net.html')!r}."
            )
            raise OptionError(msg)
        if f".{path.name.lower()}" in known:
            msg = f"{path.name!r} is a suffix without a file name; pass {f'net.{path.name}'!r}."
            raise OptionError(msg)
        near = nearest(suffix[1:], (name[1:] for name in known), lambda name: repr(f".{name}"))
        msg = f"A view can be saved as {', '.join(known)}; found {path.name!r}.{near}"
        raise OptionError(msg)
    return suffix


def save(
    path: Path,
    part: str | None,
    *,
    page: Callable[[str | None], str],
    table: Callable[[], pd.DataFrame],
    picture: Callable[[Path], Saved],
    graph: ModelGraph,
) -> Saved:
    """Write to ``path`` what its suffix asks for; arguments and errors as ``ModelView.save``."""
    suffix = require_format(path)
    if part is not None and (part not in PARTS or suffix != ".html"):
        msg = f"part must be 'table' or 'graph', and is only for .html; found part={part!r} with {path.name!r}."
        raise OptionError(msg)
    if suffix in (*PICTURES, *GRAPHVIZ):
        check_drawable(graph)
    if suffix in PICTURES:
        return picture(path)
    if suffix == ".html":
        text = page(part)
    elif suffix == ".json":
        text = wire.to_json(graph)
    elif suffix in GRAPHVIZ:
        text = dot_graph(Metrics(graph), PlateOptions(show_layer_names=True)).text()
    else:
        text = write_table(table(), suffix)
    write(path, text)
    return Saved((path,))


def is_json_of_others(path: Path) -> bool:
    """Tell whether a file that is there is JSON, and no model graph that was saved before."""
    if path.suffix.lower() != ".json":
        return False
    with path.open("rb") as file:
        return wire.FORMAT.encode() not in file.read(100)


def write(path: Path, text: str) -> None:
    """Write a text as UTF-8, in which half a surrogate pair, as a name from Python can have it, becomes ``?``."""
    path.write_bytes(text.encode("utf-8", "replace"))
