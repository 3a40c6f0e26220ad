"""Converts SVG text to a one-page PDF with searchable text."""

from __future__ import annotations

import tempfile
from pathlib import Path

from nbviz.views.fonts import enough, font_folder
from nbviz.views.needs import need
from nbviz.views.svg import size_of

_POINTS = 0.75
"""Points in a CSS pixel."""

_LONGEST = 14_400.0
"""Points of a side that every reader shows (PDF 32000-1, annex C)."""


def pdf(svg: str, title: str) -> bytes:
    """Return the picture as a page of its size; one that is too long is scaled, and stays as sharp.

    Raises
    ------
    MissingExtraError
        If the extra ``image`` is not installed.
    """
    typst = need("typst")
    width, height = size_of(svg)
    scale = min(_POINTS, _LONGEST / max(width, height))
    source = (
        "#set document(title: sys.inputs.title)\n"
        f"#set page(width: {width * scale}pt, height: {height * scale}pt, margin: 0pt)\n"
        '#image("picture.svg", width: 100%, height: 100%, alt: sys.inputs.title)\n'
    )
    with font_folder() as fonts, tempfile.TemporaryDirectory(prefix="nbviz-pdf-") as folder:
        (Path(folder) / "picture.svg").write_text(svg, encoding="utf-8")
        compiler = typst.Compiler(
            source.encode(),
            root=folder,
            font_paths=[str(fonts)],
            ignore_system_fonts=enough(svg),
            sys_inputs={"title": title},
        )
        page: bytes = compiler.compile(format="pdf")
    return page
