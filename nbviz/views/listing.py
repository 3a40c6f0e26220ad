"""The table of a view as the command line prints it: the rows of the summary, followed by notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbviz.metrics import Metrics
from nbviz.views import text

if TYPE_CHECKING:
    import pandas as pd

    from nbviz.views.widget import ModelView

_WIDTH = 100


def rows_to_depth(view: ModelView, depth: int | str) -> pd.DataFrame:
    """Return the rows of a view's table down to a depth, as ``print_summary`` has them, with ``"auto"`` all of them.

    The root, of which the totals tell, is among them where it is the only one.
    """
    rows = view.table
    if depth != "auto":
        return rows.loc[text.paths_to_depth(Metrics(view.graph), int(depth))].rename({"": view.graph.name})
    return rows[rows.index != ""] if len(rows) > 1 else rows.rename({"": view.graph.name})


def notes_of(view: ModelView) -> str:
    """Return what a view has to say of its model beside the table, as ``print_summary`` has it."""
    return "\n".join([*text.optimizer_of(view.graph.optimizer), *text.notes_of(view.graph.diagnostics, _WIDTH)])
