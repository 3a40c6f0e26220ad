"""The graph as SVG text, drawn without a browser: by the front end's own code in an embedded V8."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from nbviz.errors import NbvizError
from nbviz.views import page
from nbviz.views.looks import Theme
from nbviz.views.needs import need

_SIZE = re.compile(r'<svg [^>]*?width="(\d+)" height="(\d+)"')


def draw(payload: bytes, state: Mapping[str, Any], *, theme: Theme = "light", **wish: Any) -> str:
    """Return what a view shows, as an SVG document.

    Parameters
    ----------
    payload
        The model as ``wire.encode`` gives it.
    state
        The view's traits; those left out are as in a new view.
    theme
        ``"light"`` or ``"dark"``.
    **wish
        The other fields of ``PictureWish`` in ``picture.ts``.

    Raises
    ------
    MissingExtraError
        If the extra ``image`` is not installed.
    """
    racer = need("py_mini_racer")
    text = json.dumps({"state": dict(state), "theme": theme, **wish}, allow_nan=False)
    try:
        # A context that stays open can keep the interpreter from ending.
        with racer.MiniRacer() as context:
            context.eval(page.bundled("picture.js"))
            room = context.eval(f"const payload = new ArrayBuffer({len(payload)}); payload")
            room[:] = payload
            drawn: str = context.eval("(wish) => nbviz.svg(payload, wish)")(text)
    except racer.JSEvalException as error:
        msg = f"The graph could not be drawn: {error}"
        raise NbvizError(msg) from error
    return drawn


def size_of(svg: str) -> tuple[int, int]:
    """Return width and height of a document from ``draw``, in CSS pixels: 96 to the inch."""
    found = _SIZE.search(svg)
    if found is None:
        msg = "This is not an nbviz picture: its first element has no size."
        raise ValueError(msg)
    return int(found[1]), int(found[2])
