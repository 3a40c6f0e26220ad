"""Writing a view to a file, by suffix."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from nbviz import wire
from nbviz.errors import OptionError, nearest
from nbviz.graph import ModelGraph
from nbviz.metrics import Metrics
from nbviz.views.dot import dot_graph
from nbviz.views.export import write_table
from nbviz.views.plates import PlateOptions

if TYPE_CHECKING:
    import pandas as pd

GRAPHVIZ = (".dot", ".gv")
SUFFIXES = (".html", ".csv", ".md", ".tex", ".json", *GRAPHVIZ)
PICTURES = (".svg", ".png", ".pdf", ".jpg", ".jpeg")
PARTS = ("table", "graph")


def save(
    path: Path,
    part: str | None,
    *,
    page: Callable[[str | None], str],
    table: Callable[[], pd.DataFrame],
    graph: ModelGraph,
) -> Path:
    """Write to ``path`` what its suffix asks for; arguments and errors as ``ModelView.save``."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        if suffix in PICTURES:
            msg = f"{path.name!r} is a picture: the Save menu of the view itself writes the graph as SVG."
            raise OptionError(msg)
        known = ", ".join(SUFFIXES)
        msg = f"view.save writes {known}; found {path.name!r}.{nearest(suffix, SUFFIXES)}"
        raise OptionError(msg)
    if part is not None and (part not in PARTS or suffix != ".html"):
        msg = f"part is 'table' or 'graph', and goes with .html; found part={part!r} with {path.name!r}."
        raise OptionError(msg)
    if suffix == ".html":
        text = page(part)
    elif suffix == ".json":
        text = wire.to_json(graph)
    elif suffix in GRAPHVIZ:
        text = dot_graph(Metrics(graph), PlateOptions(show_layer_names=True)).text()
    else:
        text = write_table(table(), suffix)
    path.write_text(text, encoding="utf-8", newline="\n")
    return path
