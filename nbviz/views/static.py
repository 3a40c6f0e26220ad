"""What a notebook keeps without a kernel: the plain table, and the page in a sandboxed frame."""

from __future__ import annotations

import html
from typing import final

from nbviz.metrics import Metrics

_MOST_ROWS = 500
"""A notebook's preview should stay small; the totals are of everything."""


def table_html(metrics: Metrics, title: str) -> str:
    """Return the summary as HTML that survives a notebook's sanitiser: no script, no style sheet, escaped text."""
    from nbviz.views.text import size_text

    columns = metrics.columns
    cells = zip(
        metrics.tree.path, columns["type"], columns["output_shape"], columns["params"], metrics.tree.kind, strict=True
    )
    rows = [
        f"<tr><td style='text-align:left'>{html.escape(path)}</td><td style='text-align:left'>{html.escape(kind)}</td>"
        f"<td style='text-align:left'><code>{html.escape('?' if shape is None else str(shape))}</code></td>"
        f"<td>{'?' if params is None else f'{params:,}'}</td></tr>"
        for path, kind, shape, params, row_kind in cells
        if path and row_kind != "group"
    ]
    more = f"<p>… and {len(rows) - _MOST_ROWS:,} more rows.</p>" if len(rows) > _MOST_ROWS else ""
    totals = metrics.totals
    lines = [
        f"{label}: <b>{'unknown' if count is None else f'{count:,}'}</b>"
        for label, count in (
            ("Total params", totals["params"]),
            ("Trainable", totals["trainable_params"]),
            ("Non-trainable", totals["non_trainable_params"]),
        )
    ]
    if totals["bytes"] is not None:
        lines.append(f"Size: <b>{size_text(totals['bytes'])}</b>")
    head = "".join(f"<th style='text-align:{side}'>{name}</th>" for name, side in _HEAD)
    return (
        f"<div><p><b>{html.escape(title)}</b></p><table><thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(rows[:_MOST_ROWS])}</tbody></table>{more}<p>{' · '.join(lines)}</p></div>"
    )


_HEAD = (("Layer", "left"), ("Type", "left"), ("Output shape", "left"), ("Params", "right"))


@final
class StaticView:
    """A view as a page in a sandboxed frame: interactive, without a kernel, saved with the notebook.

    Parameters
    ----------
    page
        The standalone page.
    height
        Height in pixels, None to choose by the number of rows.
    rows
        Number of table rows.
    """

    def __init__(self, page: str, height: int | None, rows: int) -> None:
        self._page = page
        self._height = height if height is not None else (440 if rows <= 12 else 660)

    def _repr_html_(self) -> str:
        return (
            f'<iframe title="nbviz model view" sandbox="allow-scripts allow-downloads allow-popups" '
            f'style="width:100%;height:{self._height}px;border:0" srcdoc="{html.escape(self._page, quote=True)}"></iframe>'
        )

    def __repr__(self) -> str:
        return "<nbviz static view: shown as a page inside the notebook's output>"
