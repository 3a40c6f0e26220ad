"""The graph as a small picture, for notebook previews and notebooks that are not trusted yet."""

from __future__ import annotations

import base64
import html

from nbviz.errors import NbvizError
from nbviz.views import raster, svg
from nbviz.views.needs import has

MOST_CALLS = 20_000
"""Calls from which a picture of the folded graph would keep a cell waiting."""

_MOST_BYTES = 170_000
"""Of the drawing: with a table of 500 rows, the output stays under 300 kB."""

_PIXELS = 600_000
"""Of a drawing that is too long as SVG."""


def preview_html(payload: bytes, state: dict[str, object], title: str) -> str:
    """Return the graph as an image that every notebook keeps, ``""`` where the extra ``image`` is missing.

    Parameters
    ----------
    payload, state
        As for ``svg.draw``.
    title
        What it shows, plain text.
    """
    if not has("py_mini_racer"):
        return ""
    try:
        drawn = svg.draw(payload, state)
    except NbvizError:  # the view itself says what is wrong
        return ""
    width, height = svg.size_of(drawn)
    kind, data = "svg+xml", drawn.encode()
    if len(data) > _MOST_BYTES and has("resvg_py", "pymupdf_fonts"):
        kind, data = "png", raster.png(drawn, raster.fitting(drawn, raster.CSS_DPI, _PIXELS).zoom)
    if len(data) > _MOST_BYTES:
        return ""
    source = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    style = "min-width:160px;max-width:100%;height:auto"
    return f'<img src="{source}" width="{width}" height="{height}" style="{style}" alt="The graph of {html.escape(title)}">'


def beside(table: str, picture: str) -> str:
    """Return both side by side, one below the other where a notebook drops styles."""
    if not picture:
        return table
    style = "display:flex;gap:24px;align-items:flex-start"
    return f'<div style="{style}"><div style="flex:none">{table}</div>{picture}</div>'
