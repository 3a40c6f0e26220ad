"""The front-end program as a widget that all views of a kernel share, so that a page loads it once."""

from __future__ import annotations

import sys
from typing import Final, final

import comm
import ipywidgets
import traitlets

from nbviz.views import page

TEXT: Final = page.bundled("widget.js")
"""Read once, like the loader that is built for it: an upgrade under a running kernel must not bring two that do not fit."""


@final
class Program(ipywidgets.Widget):  # type: ignore[misc]
    """Has no view and does nothing: views refer to it, and their loader reads its text.

    One of Jupyter's own kind of widget and not an anywidget, so that nothing but the loader runs the text.
    """

    text = traitlets.Unicode().tag(sync=True)


_shared: Program | None = None


def shared() -> Program:
    """Return the program of this kernel, made anew when somebody has closed it (``Widget.close_all()`` does)."""
    global _shared  # noqa: PLW0603 - the one of this process
    if _shared is None or _shared.comm is None:
        _shared = Program(text=TEXT)
    return _shared


def widgets_meet() -> bool:
    """Tell whether a view finds another widget in this host; where that is not certain, each carries the program itself.

    They do where Jupyter's comms are Jupyter's own, and where there is no kernel and widgets are only written to files.
    """
    return "marimo" not in sys.modules and comm.create_comm.__module__.partition(".")[0] in {"comm", "ipykernel"}
