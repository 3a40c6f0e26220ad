"""The standalone page: one HTML file that contains the view and needs no network and no kernel."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbviz.errors import NbvizError
from nbviz.views.looks import Theme

_STATIC = Path(__file__).parent.parent / "static"


def bundled(name: str) -> str:
    """Return the text of one file of the built front end.

    Raises
    ------
    NbvizError
        If this installation lacks it.
    """
    try:
        return (_STATIC / name).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        msg = (
            f"This installation of nbviz lacks its front end ({name}). Reinstall nbviz; in a checkout, run `npm "
            "ci && npm run build` in js/."
        )
        raise NbvizError(msg) from error


def _hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def _script(text: str) -> str:
    # An inline script ends at the first "</script", and "<!--" changes how what follows is read.
    return text.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _json(value: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(value, allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def page(state: Mapping[str, Any], payload: bytes, *, fallback: str, title: str, theme: Theme | None = None) -> str:
    """Return the page.

    Parameters
    ----------
    state
        The view's traits.
    payload
        The model as ``wire.pack`` gives it.
    fallback
        HTML shown where scripts do not run; escaped already.
    title
        Title of the page, plain text.
    theme
        Whether the page is light or dark; with None, as the reader's system.
    """
    script = _script(bundled("standalone.js"))
    style = bundled("standalone.css").replace("</style", "<\\/style")
    data = _json({"state": state, "payload": base64.b64encode(payload).decode()})
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; "
        "img-src data: blob:; worker-src blob:; base-uri 'none'; form-action 'none'"
    )
    return f"""<!doctype html>
<html lang="en"{"" if theme is None else f' data-theme="{theme}"'}>
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)}</title>
<style>{style}</style>
</head>
<body class="nbviz-page">
<script type="application/json" id="nbviz-state">{data}</script>
<script>{script}</script>
<div class="nbviz-fallback">{fallback}</div>
</body>
</html>
"""
