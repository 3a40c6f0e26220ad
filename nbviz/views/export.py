"""The table as CSV, Markdown, LaTeX and HTML, in the order and selection that a view shows.

CSV is for programs: plain numbers, empty cells for what is unknown. The others are for readers: thousands are
separated, sizes have units. Markdown and LaTeX are written here and not by pandas, which needs two more packages for them
and does not escape the marks of Markdown.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from nbviz.errors import OptionError, nearest
from nbviz.views.box import clean
from nbviz.views.cells import is_missing, plain_text
from nbviz.views.text import size_text

if TYPE_CHECKING:
    import pandas as pd

LONG: Final = 40
"""A LaTeX table of more rows than this breaks across pages."""


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


def _csv(frame: pd.DataFrame) -> str:
    table = frame.reset_index()
    for name, dtype in table.dtypes.items():
        if not _is_number(dtype):
            table[name] = [_no_formula(clean(plain_text(value))) for value in table[name].tolist()]
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
    if is_missing(value):
        return ""
    if column in {"bytes", "output_bytes"}:
        return size_text(value)
    if column == "share":
        return "<0.1%" if 0 < value < 0.001 else f"{value:.1%}"  # what is little is not nothing
    if isinstance(value, float):
        return f"{value:,.6g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else clean(plain_text(value))


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
