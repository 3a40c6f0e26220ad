"""Pictures of the graph in files and in notebooks: SVG, PNG, JPEG and PDF."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, final

from nbviz.errors import InputsError, PictureWarning
from nbviz.views import raster
from nbviz.views.pdf import pdf
from nbviz.views.svg import size_of

if TYPE_CHECKING:
    from nbviz.graph import ModelGraph

SUFFIXES = (".svg", ".png", ".pdf", ".jpg", ".jpeg")
MAX_PIXELS: Final = 8_000_000
DPI: Final = 200

_READABLE: Final = 72
"""Dots per inch below which the smallest text gets lost."""

_SHOWN: Final = 2_000_000
"""Pixels of what a notebook keeps beside the SVG, for where it trusts no SVG."""


@final
@dataclass(frozen=True)
class Saved:
    """What was written.

    Attributes
    ----------
    paths
        The files: several where it was too large for one.
    note
        What a reader should know of it: that it was scaled, or is in tiles.
    """

    paths: tuple[Path, ...]
    note: str | None = None

    def warn(self, stacklevel: int) -> None:
        """Say the note."""
        if self.note is not None:
            warnings.warn(self.note, PictureWarning, stacklevel=stacklevel + 1)


def check_drawable(graph: ModelGraph) -> None:
    """Refuse to draw a model of which no call is known: the picture would be empty.

    Raises
    ------
    InputsError
        With what the reader of the model says of it.
    """
    if len(graph.calls):
        return
    unknown = "Its calls are unknown: pass inputs, for example inputs=(None, 224, 224, 3)."
    why = " ".join(known.message for known in graph.diagnostics if not known.path) or unknown
    msg = f"There is no graph of {graph.name!r} to draw. {why} Its table can be saved as .html, .csv, .md or .tex."
    raise InputsError(msg)


def save_picture(
    svg: str, path: Path, *, title: str, dpi: float | None = None, max_pixels: int | None = MAX_PIXELS
) -> Saved:
    """Write a drawing in the format of the suffix; arguments as ``ModelView.save``."""
    suffix = path.suffix.lower()
    if suffix == ".svg":
        path.write_text(svg, encoding="utf-8", newline="\n")
        return Saved((path,))
    if suffix == ".pdf":
        path.write_bytes(pdf(svg, title))
        return Saved((path,))
    size = raster.fitting(svg, DPI if dpi is None else dpi, max_pixels)
    if max(size.width, size.height) > raster.LONGEST:
        return _save_tiles(svg, path, size)
    path.write_bytes(_encoded(raster.png(svg, size.zoom), path, size))
    return Saved((path,), _scaled_note(path, size, _READABLE if dpi is None else dpi))


def _save_tiles(svg: str, path: Path, size: raster.Size) -> Saved:
    written = []
    for number, tile in enumerate(raster.tiles(svg, size.zoom), 1):
        part = path.with_stem(f"{path.stem}-{number}")
        part.write_bytes(_encoded(tile, path, size))
        written.append(part)
    note = (
        f"{size.width:,} x {size.height:,} pixels are too many for one file: {path.name} was written as "
        f"{len(written)} tiles, {written[0].name} to {written[-1].name}, row by row."
    )
    return Saved(tuple(written), note)


def _scaled_note(path: Path, size: raster.Size, wanted: float) -> str | None:
    if round(size.dpi) >= round(wanted):
        return None
    advice = "pass max_pixels=None to remove the limit; .svg and .pdf are sharp at any size."
    if size.dpi < _READABLE:
        advice = f"its text is too small to read. Fold or close parts of the graph, or {advice}"
    return f"{path.name} is limited to {size.dpi:.0f} dots per inch ({size.width:,} x {size.height:,} pixels): {advice}"


def _encoded(png: bytes, path: Path, size: raster.Size) -> bytes:
    return raster.jpeg(png, size.dpi) if path.suffix.lower() in (".jpg", ".jpeg") else png


@final
@dataclass(frozen=True)
class Picture:
    """A drawing of a model, which a notebook displays; ``nbviz.plot_model`` returns it.

    Attributes
    ----------
    svg
        The drawing as an SVG document.
    title
        Title of the drawing, as plain text.
    paths
        Files that the drawing was saved to.

    Examples
    --------
    >>> picture = nbviz.plot_model(model, "net.svg", show_layer_names=True)
    >>> picture.title
    'matcher'
    >>> [path.name for path in picture.paths]
    ['net.svg']
    >>> picture.svg == picture.paths[0].read_text()
    True
    """

    svg: str
    title: str
    paths: tuple[Path, ...] = ()

    @property
    def width(self) -> int:
        """Width in CSS pixels (96 per inch).

        Examples
        --------
        >>> nbviz.plot_model(model, rankdir="LR").width > nbviz.plot_model(model, rankdir="TB").width
        True
        """
        return size_of(self.svg)[0]

    @property
    def height(self) -> int:
        """Height in CSS pixels (96 per inch).

        Examples
        --------
        >>> nbviz.plot_model(model, show_shapes=True).height > nbviz.plot_model(model).height
        True
        """
        return size_of(self.svg)[1]

    def _repr_mimebundle_(self, **_kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        zoom = raster.fitting(self.svg, raster.CSS_DPI, _SHOWN).zoom
        data = {"image/svg+xml": self.svg, "image/png": raster.png(self.svg, zoom), "text/plain": repr(self)}
        size = {"width": self.width, "height": self.height}
        return data, {"image/png": size}

    def __repr__(self) -> str:
        names = ", ".join(str(path) for path in self.paths)
        return f"<nbviz picture of {self.title!r}, {self.width} x {self.height}{f', in {names}' if names else ''}>"
