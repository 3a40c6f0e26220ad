"""Converts SVG text to pixels of any resolution, with a size limit, in tiles if one file would be too large."""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nbviz.views.fonts import enough, font_folder
from nbviz.views.needs import need
from nbviz.views.svg import size_of

CSS_DPI = 96
"""Resolution at which one unit of a picture is one pixel."""

LONGEST = 32_767
"""Pixels of a side that programs can be trusted to open."""

TILE = 6_000
"""Longest side of a tile, in pixels."""


@dataclass(frozen=True)
class Size:
    """How large a picture becomes.

    Attributes
    ----------
    width, height
        In pixels.
    zoom
        Pixels per unit of the drawing.
    """

    width: int
    height: int
    zoom: float

    @property
    def dpi(self) -> float:
        """Dots per inch."""
        return CSS_DPI * self.zoom


def fitting(svg: str, dpi: float, max_pixels: int | None) -> Size:
    """Return the size of a picture at ``dpi``, or at the most that ``max_pixels`` and the longest side allow.

    Without ``max_pixels`` nothing is scaled: what is too long for one file comes in tiles.
    """
    width, height = size_of(svg)
    zoom = dpi / CSS_DPI
    if max_pixels is not None:
        zoom = min(zoom, math.sqrt(max_pixels / (width * height)), LONGEST / width, LONGEST / height)
    return Size(max(1, round(width * zoom)), max(1, round(height * zoom)), zoom)


def png(svg: str, zoom: float) -> bytes:
    """Return a whole picture as PNG.

    Raises
    ------
    MissingExtraError
        If the extra ``image`` is not installed.
    """
    with font_folder() as fonts:
        return _render(svg, zoom, fonts)


def tiles(svg: str, zoom: float) -> Iterator[bytes]:
    """Yield a picture as PNG in one tile, or in as many as it needs, row by row."""
    width, height = size_of(svg)
    across, along = (math.ceil(side * zoom / TILE) for side in (width, height))
    wide, high = width / across, height / along
    whole = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    with font_folder() as fonts:
        for row, column in itertools.product(range(along), range(across)):
            part = f'width="{wide}" height="{high}" viewBox="{column * wide} {row * high} {wide} {high}"'
            yield _render(svg.replace(whole, part, 1), zoom, fonts)


def _render(svg: str, zoom: float, fonts: Path) -> bytes:
    drawn = need("resvg_py").svg_to_bytes(
        svg_string=svg, zoom=zoom, font_dirs=[str(fonts)], skip_system_fonts=enough(svg), sans_serif_family="FiraGO"
    )
    return bytes(drawn)


def jpeg(picture: bytes, dpi: float) -> bytes:
    """Return a PNG as JPEG.

    Raises
    ------
    MissingExtraError
        If the extra ``image`` is not installed.
    """
    image = need("PIL.Image")
    out = io.BytesIO()
    with image.open(io.BytesIO(picture)) as opened:
        opened.convert("RGB").save(out, "JPEG", quality=92, dpi=(round(dpi), round(dpi)), subsampling=0)
    return out.getvalue()
