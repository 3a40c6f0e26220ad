"""The table as CSV, Markdown, LaTeX and HTML, in the order and selection that a view shows.

CSV is for programs: plain numbers, empty cells for what is unknown. The others are for readers: thousands are
separated, sizes have units. Markdown and LaTeX are written here and not by pandas, which needs two more packages for them
and does not escape the marks of Markdown.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from nbviz.errors import OptionError, nearest
from nbviz.shape import Shape, Shapes
from nbviz.views.box import clean
from nbviz.views.text import size_text

if TYPE_CHECKING:
    import pandas as pd

LONG: Final = 40
"""A LaTeX table of more rows than this breaks across pages."""


# --- what a view shows ---------------------------------------------------------------------------------------------


def present(
    frame: pd.DataFrame,
    *,
    sort: Sequence[Mapping[str, Any]] = (),
    filter: Mapping[str, Any] | None = None,
    columns: Sequence[str] | None = None,
    names: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Return the rows and columns that a view shows, in its order.

    Parameters
    ----------
    frame
        The whole table, indexed by path.
    sort
        ``{"id": column, "desc": bool}``, the most important first; ``"path"`` is the index. What is unknown comes last in
        both directions, and equal rows keep their order.
    filter
        ``{"text": str, "types": [str]}``: every word of the text occurs in the path, name, type, dtype or output shape, in
        either case, and the type is one of ``types`` if there are any.
    columns
        Ids of the columns in order, all by default. The path always stays.
    names
        The framework's own names by path, which the text is looked for in as well.

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
    words, types = str(wanted.get("text", "")).lower().split(), set(wanted.get("types", ()))
    for name in (*(key["id"] for key in sort), *(columns or ())):
        _check_column(frame, name)
    order = list(range(len(frame)))
    if words or types or sort:
        order = [row for row in order if frame.index[row] != ""]
    if words or types:
        found = _matching(frame, words, types, names or {})
        order = [row for row in order if found[row]]
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


def _is_missing(value: Any) -> bool:
    import pandas as pd

    if isinstance(value, tuple):
        return not value
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))


def _sorted(order: Iterable[int], values: Sequence[Any], *, descending: bool) -> list[int]:
    known: list[int] = []
    missing: list[int] = []
    for row in order:
        (missing if _is_missing(values[row]) else known).append(row)
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
        return (2, _natural(_plain(value)))


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


def _matching(
    frame: pd.DataFrame, words: Sequence[str], types: Iterable[str], names: Mapping[str, str]
) -> Sequence[bool]:
    texts = zip(frame.index, frame["type"], frame["dtype"], frame["output_shape"], strict=True)
    allowed = set(types)
    return [
        (not allowed or type_ in allowed)
        and (not words or _has(words, (path, _unescape(path), names.get(path, ""), type_, dtype, *_shape_texts(shape))))
        for path, type_, dtype, shape in texts
    ]


def _has(words: Sequence[str], texts: Iterable[Any]) -> bool:
    # a newline between the fields: a word never matches across two of them
    haystack = "\n".join(text for text in texts if isinstance(text, str)).lower()
    return all(word in haystack for word in words)


def _unescape(path: str) -> str:
    return path.replace("~1", "/").replace("~0", "~")


def _shape_texts(cell: Any) -> Iterable[str]:
    """Yield the ways in which ``js/src/search.ts`` lets a shape be typed."""
    for shape in cell if isinstance(cell, Shapes) else [cell]:
        if not isinstance(shape, Shape):
            yield "?"
            continue
        printed = str(shape)
        dims = [str(dim) for axis, dim in enumerate(shape) if axis or dim is not None]
        yield from (printed, printed.replace(" ", ""))
        yield from (mark.join(dims) or "scalar" for mark in ("x", "\N{MULTIPLICATION SIGN}"))


# --- formats -------------------------------------------------------------------------------------------------------


def write_table(frame: pd.DataFrame, suffix: str) -> str:
    r"""Return the table as text in the format of a suffix.

    Parameters
    ----------
    frame
        A table from ``nbviz.summary`` or ``present``.
    suffix
        ``".csv"``, ``".md"``, ``".tex"`` (needs ``\usepackage{booktabs}``, and ``longtable`` for long ones) or ``".html"``
        (the bare table).

    Raises
    ------
    OptionError
        If the suffix is none of these.

    Notes
    -----
    A text cell in CSV that a spreadsheet would take for a formula (it begins with ``=``, ``+``, ``-`` or ``@``) gets an
    apostrophe in front, and control characters are replaced everywhere: names come from models. ``frame.to_csv`` writes
    them as they are.
    """
    if suffix not in _WRITERS:
        known = ", ".join(_WRITERS)
        msg = f"A table can be saved as {known}; found {suffix!r}.{nearest(suffix, _WRITERS)}"
        raise OptionError(msg)
    return _WRITERS[suffix](frame)


def _is_number(dtype: Any) -> bool:
    import pandas as pd

    return pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype)


def _plain(value: Any) -> str:
    """Return a cell that is no number as text."""
    if _is_missing(value):
        return ""
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _csv(frame: pd.DataFrame) -> str:
    table = frame.reset_index()
    for name, dtype in table.dtypes.items():
        if not _is_number(dtype):
            table[name] = [_no_formula(clean(_plain(value))) for value in table[name].tolist()]
    text: str = table.to_csv(index=False, lineterminator="\n")
    return text


def _no_formula(text: str) -> str:
    # https://owasp.org/www-community/attacks/CSV_Injection
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def _readable(frame: pd.DataFrame) -> tuple[list[str], list[bool], list[list[str]]]:
    """Return headings, which columns are numbers, and rows of text for people."""
    table = frame.reset_index()
    numeric = [_is_number(dtype) for dtype in table.dtypes]
    columns = [[_cell(str(name), value) for value in table[name].tolist()] for name in table.columns]
    return [clean(str(name)) for name in table.columns], numeric, [list(row) for row in zip(*columns, strict=True)]


def _cell(column: str, value: Any) -> str:
    if _is_missing(value):
        return ""
    if column in {"bytes", "output_bytes"}:
        return size_text(value)
    if column == "share":
        return f"{value:.1%}"
    if isinstance(value, float):
        return f"{value:,.6g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else clean(_plain(value))


def _html(frame: pd.DataFrame) -> str:
    names, numeric, rows = _readable(frame)
    align = [' style="text-align:right"' if number else "" for number in numeric]

    def line(tag: str, cells: Sequence[str]) -> str:
        return (
            "<tr>" + "".join(f"<{tag}{a}>{html.escape(c)}</{tag}>" for a, c in zip(align, cells, strict=True)) + "</tr>"
        )

    body = "\n".join(line("td", row) for row in rows)
    return f'<table class="nbviz-table">\n<thead>\n{line("th", names)}\n</thead>\n<tbody>\n{body}\n</tbody>\n</table>\n'


def _markdown(frame: pd.DataFrame) -> str:
    names, numeric, rows = _readable(frame)
    rule = ["---:" if number else "---" for number in numeric]
    lines = [[_escape_markdown(cell) for cell in row] for row in (names, *rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in (lines[0], rule, *lines[1:]))


_MARKDOWN: Final = re.compile(
    r"""[\\`*\[\]|~$]            # code, emphasis, links, cells, strikethrough, mathematics
    | (?<![^\W_])_ | _(?![^\W_])  # an underscore is emphasis only at the edge of a word
    | :(?=//) | (?<=www)\.        # addresses become links by themselves
    """,
    re.VERBOSE | re.IGNORECASE,
)


def _escape_markdown(text: str) -> str:
    escaped = _MARKDOWN.sub(lambda match: "\\" + match[0], text)
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _latex(frame: pd.DataFrame) -> str:
    names, numeric, rows = _readable(frame)
    environment = "tabular" if len(rows) <= LONG else "longtable"
    layout = "".join("r" if number else "l" for number in numeric)
    head, *body = (" & ".join(_escape_latex(cell) for cell in row) + r" \\" for row in (names, *rows))
    after_head = [r"\midrule"] if environment == "tabular" else [r"\midrule", r"\endhead"]
    lines = [
        rf"\begin{{{environment}}}{{{layout}}}",
        r"\toprule",
        head,
        *after_head,
        *body,
        r"\bottomrule",
        rf"\end{{{environment}}}",
    ]
    return "\n".join(lines) + "\n"


_LATEX: Final = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    # behind "\\" these two would be an argument of the line break
    "[": "{[}",
    "*": "{*}",
    **{mark: f"\\{mark}" for mark in "&%$#_{}"},
}


def _escape_latex(text: str) -> str:
    # "--" would print as a dash
    return re.sub("-(?=-)", "-{}", "".join(_LATEX.get(character, character) for character in text))


_WRITERS: Final[Mapping[str, Callable[[pd.DataFrame], str]]] = {
    ".csv": _csv,
    ".md": _markdown,
    ".tex": _latex,
    ".html": _html,
}
