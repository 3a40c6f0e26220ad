"""Puts a table between two marks of a Markdown document."""

from __future__ import annotations

from pathlib import Path

BENCH, TORCH, ONNX = "bench", "bench torch", "bench onnx"
"""What the marks around each table are called."""


class MarksError(Exception):
    """A document lacks the marks."""


def marks(name: str) -> tuple[str, str]:
    """Return the lines before and behind a table."""
    return f"<!-- {name} -->", f"<!-- /{name} -->"


def parts(document: Path, name: str = BENCH) -> tuple[str, str]:
    """Return what stands before and behind the place for the table.

    Raises
    ------
    MarksError
        If the document does not have each mark once, in this order.
    """
    begin, end = marks(name)
    text = document.read_text()
    before, begun, rest = text.partition(begin)
    _, ended, behind = rest.partition(end)
    if not (begun and ended) or text.count(begin) != 1 or text.count(end) != 1:
        raise MarksError(f"{document.name} needs a line {begin} and, below it, a line {end}, each once.")
    return before, behind


def fill(document: Path, table: str, name: str = BENCH) -> None:
    """Replace what stands between the marks."""
    before, behind = parts(document, name)
    begin, end = marks(name)
    document.write_text(f"{before}{begin}\n{table}{end}{behind}")
