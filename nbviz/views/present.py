"""The rows and columns of a table as a view shows them: filtered, sorted and chosen."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from nbviz.errors import OptionError, nearest
from nbviz.metrics import Metrics
from nbviz.shape import Shape, Shapes
from nbviz.views.cells import is_missing, plain_text
from nbviz.views.search import matching_paths

if TYPE_CHECKING:
    import pandas as pd


def present(
    frame: pd.DataFrame,
    metrics: Metrics,
    *,
    sort: Sequence[Mapping[str, Any]] = (),
    filter: Mapping[str, Any] | None = None,
    columns: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Return the rows and columns that a view shows, in its order.

    Parameters
    ----------
    frame
        The whole table, indexed by path.
    metrics
        Those of the model in the table, which the filter's text is looked for in.
    sort
        ``{"id": column, "desc": bool}``, the most important first; ``"path"`` is the index. What is unknown comes last in
        both directions, and equal rows keep their order.
    filter
        ``{"text": str, "types": [str]}``: the text means the row (see ``nbviz.views.search``), and the type is one of
        ``types`` if there are any.
    columns
        Ids of the columns in order, all by default. The path always stays.

    Returns
    -------
    DataFrame
        Without the model's own row when it is sorted or filtered, as on screen: it would head every sorting by size.

    Raises
    ------
    OptionError
        If a column does not exist.
    """
    wanted = filter or {}
    found, types = matching_paths(metrics, str(wanted.get("text", ""))), set(wanted.get("types", ()))
    for name in (*(key["id"] for key in sort), *(columns or ())):
        _check_column(frame, name)
    order = list(range(len(frame)))
    if found is not None or types or sort:
        order = [row for row in order if frame.index[row] != ""]
    if found is not None:
        order = [row for row in order if frame.index[row] in found]
    if types:
        types_of = frame["type"].tolist()
        order = [row for row in order if types_of[row] in types]
    for key in reversed(sort):
        order = _sorted(order, _values(frame, key["id"]), descending=bool(key.get("desc")))
    shown = frame.iloc[order]
    if columns is not None:
        shown = shown[[name for name in dict.fromkeys(columns) if name != "path"]]
    shown.attrs.update(frame.attrs)
    return shown


def _check_column(frame: pd.DataFrame, name: str) -> None:
    known = ["path", *map(str, frame.columns)]
    if name not in known:
        listed = ", ".join(known)
        msg = f"The table has no column {name!r}.{nearest(name, known)} It has {listed}."
        raise OptionError(msg)


def _values(frame: pd.DataFrame, name: str) -> Sequence[Any]:
    values: Sequence[Any] = (frame.index if name == "path" else frame[name]).tolist()
    return values


def _sorted(order: Iterable[int], values: Sequence[Any], *, descending: bool) -> list[int]:
    known: list[int] = []
    missing: list[int] = []
    for row in order:
        (missing if is_missing(values[row]) else known).append(row)
    keys = {row: _sort_key(values[row]) for row in known}
    return sorted(known, key=keys.__getitem__, reverse=descending) + missing


_MARKS: Final = {mark: place for place, mark in enumerate("_-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$")}
"""The order of punctuation in Unicode's collation, which the browser sorts by (https://www.unicode.org/charts/collation)."""


def _sort_key(value: Any) -> tuple[int, Any]:
    """Return what a cell sorts by, as in ``js/src/sort-keys.ts``: numbers, the first shape, names as people count."""
    if isinstance(value, Shapes):
        value = (value[0] if len(value) else None) or Shape(())
    if isinstance(value, Shape):
        return (1, value)
    try:
        return (0, value + 0)  # a number of any kind
    except TypeError:
        return (2, _natural(plain_text(value)))


def _natural(text: str) -> list[tuple[int, int, str]]:
    """Return a key by which conv2 stands before conv10, whatever their case and accents."""
    bare = "".join(c for c in unicodedata.normalize("NFD", text.casefold()) if not unicodedata.combining(c))
    key = []
    for part in re.findall(r"[0-9]+|[^0-9]", bare):
        if part.isdecimal():
            digits = part.lstrip("0")
            key.append((2, len(digits), digits))
        elif part.isalpha():
            key.append((3, 0, part))
        else:
            key.append((1, _MARKS.get(part, -1 if part.isspace() else len(_MARKS)), part))
    return key
