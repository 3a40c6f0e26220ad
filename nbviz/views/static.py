"""Views that work without a kernel: the plain table, and the page in a sandboxed frame."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator
from typing import final

from nbviz.metrics import Metrics
from nbviz.views.text import size_text

_MOST_ROWS = 500
"""A notebook's preview should stay small; the totals are of everything."""


_SHAPES = {"output_shape": "Output shape", "param_shape": "Param shape"}


def table_html(metrics: Metrics, title: str, *, styled: bool = True) -> str:
    """Return the summary as HTML that survives a notebook's sanitizer: no script, no style sheet, escaped text.

    Parameters
    ----------
    metrics
        The measured graph.
    title
        Heading, plain text.
    styled
        Align the cells by style attributes, which notebooks keep; a page refuses them and has a style sheet instead.
    """
    tree = metrics.tree
    rows = [at for at, (path, kind) in enumerate(zip(tree.path, tree.kind, strict=True)) if path and kind != "group"]
    headings = _row(("Layer", "Type", _SHAPES[metrics.shape_column], "Params"), "th", styled=styled)
    more = f"<p>… and {len(rows) - _MOST_ROWS:,} more rows.</p>" if len(rows) > _MOST_ROWS else ""
    body = "".join(_row(_cells(metrics, at), "td", styled=styled) for at in rows[:_MOST_ROWS])
    return (
        f"<div><p><b>{html.escape(title)}</b></p><table class='nbviz-static'><thead>{headings}</thead>"
        f"<tbody>{body}</tbody></table>{more}<p>{' · '.join(_totals(metrics))}</p></div>"
    )


def _cells(metrics: Metrics, at: int) -> tuple[str, ...]:
    columns = metrics.columns
    shape, params = columns[metrics.shape_column][at], columns["params"][at]
    missing = "?" if metrics.graph.calls else "-"  # a row without parameters of its own lacks none
    shown = missing if shape is None else str(shape), "?" if params is None else f"{params:,}"
    return metrics.tree.path[at], columns["type"][at], *shown


def _row(cells: Iterable[str], tag: str, *, styled: bool) -> str:
    *texts, number = (html.escape(cell) for cell in cells)
    left, right = (" style='text-align:left'", " style='text-align:right'") if styled else ("", " class='nbviz-right'")
    return f"<tr>{''.join(f'<{tag}{left}>{text}</{tag}>' for text in texts)}<{tag}{right}>{number}</{tag}></tr>"


def _totals(metrics: Metrics) -> Iterator[str]:
    totals = metrics.totals
    counts = {
        "Total params": totals["params"],
        "Trainable": totals["trainable_params"],
        "Non-trainable": totals["non_trainable_params"],
    }
    for label, count in counts.items():
        yield f"{label}: <b>{'unknown' if count is None else f'{count:,}'}</b>"
    if totals["bytes"] is not None:
        yield f"Size: <b>{size_text(totals['bytes'])}</b>"


@final
class StaticView:
    """A view as a page in a sandboxed frame: interactive, without a kernel, saved with the notebook.

    Parameters
    ----------
    page
        The standalone page.
    height
        Height in pixels; if None, it depends on the number of rows.
    rows
        Number of table rows.
    fallback
        Content to show if the notebook removes the frame, as JupyterLab does until it trusts the notebook.

    Examples
    --------
    >>> view.static()
    <nbviz static view: shown as a page inside the notebook's output>
    """

    def __init__(self, page: str, height: int | None, rows: int, fallback: str) -> None:
        self._page = page
        self._fallback = fallback
        self._height = height if height is not None else (440 if rows <= 12 else 660)

    def _repr_html_(self) -> str:
        return (
            f'<iframe title="nbviz model view" sandbox="allow-scripts allow-downloads allow-popups" '
            f'style="width:100%;height:{self._height}px;border:0" srcdoc="{html.escape(self._page, quote=True)}"></iframe>'
            # what takes the frame away takes the style away too, and the table shows
            f'<style>.nbviz-instead{{display:none}}</style><div class="nbviz-instead">{self._fallback}</div>'
        )

    def __repr__(self) -> str:
        return "<nbviz static view: shown as a page inside the notebook's output>"
