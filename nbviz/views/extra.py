"""A user's own column next to the built-in ones."""

from __future__ import annotations

import math
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeGuard, final

from nbviz.errors import OptionError
from nbviz.graph import ModelGraph
from nbviz.rows import RowTree

if TYPE_CHECKING:
    import pandas as pd


@final
@dataclass(frozen=True)
class Column:
    """One column of a user's own values.

    Attributes
    ----------
    id, label
        Its key and its heading.
    unit
        Shown behind the numbers, ``""`` for none.
    series
        The values, indexed by path.
    """

    id: str
    label: str
    unit: str
    series: pd.Series[Any]

    def on_wire(self, tree: RowTree) -> dict[str, Any]:
        """Return it as the browser takes it: one plain value per row, None where unknown."""
        values = self.series[self.series.notna()].to_dict()
        return {
            "id": self.id,
            "label": self.label,
            "unit": self.unit,
            "values": [_plain(values.get(path)) for path in tree.path],
        }


def is_series(value: object) -> TypeGuard[pd.Series[Any]]:
    """Tell whether a value is a ``pandas.Series``, without loading pandas: who has one has loaded it."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, pandas.Series)


def column(
    graph: ModelGraph, series: pd.Series[Any], label: str | None, unit: str | None, taken: Collection[str]
) -> Column:
    """Return the column for a series indexed by paths or layer names; errors as ``ModelView.add_column``."""
    if not is_series(series):
        msg = f"A column is a pandas Series with one value per layer, indexed by path; found {type(series).__name__}."
        raise OptionError(msg)
    heading = label if label is not None else series.name
    if heading is None or heading == "":
        msg = "The series has no name, which would be its heading. Give it one with series.rename('...')."
        raise OptionError(msg)
    if str(heading) in taken:
        msg = f"{heading!r} is a built-in column. Give yours another name with series.rename('...')."
        raise OptionError(msg)
    indexed = series.copy()
    indexed.index = indexed.index.map(lambda path: graph.resolve(str(path)))
    if not indexed.index.is_unique:
        twice = indexed.index[indexed.index.duplicated()][0]
        msg = f"The series has more than one value for {twice!r}: reduce it to one per layer first."
        raise OptionError(msg)
    return Column(id=str(heading), label=str(heading), unit=unit or "", series=indexed)


def join(table: pd.DataFrame, columns: Sequence[Column]) -> pd.DataFrame:
    """Return the table with the columns behind its own."""
    if not columns:
        return table
    joined = table.assign(**{kept.id: kept.series.reindex(table.index) for kept in columns})
    joined.attrs.update(table.attrs)
    return joined


def _plain(value: Any) -> float | str | None:
    if value is None or isinstance(value, str):
        return value
    try:
        number = float(value)
    except (TypeError, ValueError):
        return str(value)
    return number if math.isfinite(number) else None
