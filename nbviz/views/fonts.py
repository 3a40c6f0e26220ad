"""The fonts of pictures, the same on every machine, with the character widths that box sizes are computed from."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nbviz.views.needs import need

_FONTS = ("figo", "figbo", "fimo", "symbol2")
"""FiraGO, regular and bold, Fira Mono, and Noto Sans Symbols 2 for warning signs and triangles."""

_FOREIGN = re.compile("[\u1100-\u1fff\u2c00-\U0010ffff]")
"""Scripts that these fonts lack, as Chinese, and emoji."""


@contextmanager
def font_folder() -> Iterator[Path]:
    """Give a folder with the fonts as files.

    Raises
    ------
    MissingExtraError
        If the extra ``image`` is not installed.
    """
    fonts = need("pymupdf_fonts")
    with tempfile.TemporaryDirectory(prefix="nbviz-fonts-") as folder:
        for name in _FONTS:
            (Path(folder) / f"{name}.ttf").write_bytes(fonts.myfont(name))
        yield Path(folder)


def enough(svg: str) -> bool:
    """Tell whether a picture can do without the system's own fonts, which take long to look through."""
    return _FOREIGN.search(svg) is None
