"""Puts a table between two marks of a Markdown document."""

from __future__ import annotations

from pathlib import Path

BEGIN, END = "<!-- bench -->", "<!-- /bench -->"


class MarksError(Exception):
    """A document lacks the marks."""


def parts(document: Path) -> tuple[str, str]:
    """Return what stands before and behind the place for the table.

    Raises
    ------
    MarksError
        If the document does not have each mark once, in this order.
    """
    text = document.read_text()
    before, begun, rest = text.partition(BEGIN)
    _, ended, behind = rest.partition(END)
    if not (begun and ended) or text.count(BEGIN) != 1 or text.count(END) != 1:
        raise MarksError(f"{document.name} needs a line {BEGIN} and, below it, a line {END}, each once.")
    return before, behind


def fill(document: Path, table: str) -> None:
    """Replace what stands between the marks."""
    before, behind = parts(document)
    document.write_text(f"{before}{BEGIN}\n{table}{END}{behind}")
