"""Tables drawn with box characters in a given width; long text is wrapped, never cut."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, final

Align = Literal["left", "right", "center"]
FRAME = 3
"""Characters that each column spends on its left border and the blanks beside its text; one more closes the table."""
NO_BREAK = "\u00a0"
"""A blank at which a line is broken only when the word around it does not fit into any line; drawn as a blank."""
_BREAK_AFTER = "/_.-,:"


@final
@dataclass(frozen=True, slots=True)
class BoxColumn:
    """One column of a table.

    Attributes
    ----------
    header
        Its heading.
    width
        Characters for its text, borders and blanks not counted.
    align
        Where shorter text stands.
    """

    header: str
    width: int
    align: Align = "left"


def clean(text: str) -> str:
    """Return text that a terminal can only print: control and format characters become the replacement character.

    Names come from models, which nobody vouches for: an escape sequence in one could rewrite the screen, and a
    bidirectional override could reorder the line.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_printable(character) for character in text)


def _printable(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Zs" or character == "\n":
        return " "
    return "\ufffd" if category[0] in "CZ" else character


def text_width(text: str) -> int:
    """Return how many cells of a terminal the text takes: wide East Asian characters two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(_character_width(character) for character in text)


def _character_width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cut(text: str, width: int) -> str:
    """Return as much of a text as fits into ``width`` cells."""
    return text if text_width(text) <= width else text[: _longest_prefix(text, width)]


def wrap(text: str, width: int) -> list[str]:
    """Return the lines of a text, each indented like the first one of its paragraph.

    It is broken at blanks, inside a long name behind ``/_.-,:`` or before ``[``, and anywhere if nothing else fits.
    """
    lines: list[str] = []
    for paragraph in text.split("\n"):
        body = paragraph.lstrip(" ")
        indent = " " * min(len(paragraph) - len(body), width // 2)  # deep nesting still leaves room for names
        lines.extend(indent + line for line in _fill(body, width - len(indent)))
    return lines


def _fill(text: str, width: int) -> Iterator[str]:
    line = ""
    for word in text.split(" "):
        joined = f"{line} {word}" if line else word
        if text_width(joined) <= width:
            line = joined
            continue
        if line:
            yield line
        *full, line = _pieces(word, width)
        yield from full
    yield line


def _pieces(word: str, width: int) -> Iterator[str]:
    while text_width(word) > width:
        end = _longest_prefix(word, width)
        # A break after a separator, or before an index, reads better, unless it wastes more than half of the line.
        cut = max(word.rfind("[", 0, end), *(word.rfind(mark, 0, end) + 1 for mark in _BREAK_AFTER))
        end = cut if cut > end // 2 else end
        yield word[:end]
        word = word[end:].lstrip(NO_BREAK)
        if not word:
            return
    yield word


def _longest_prefix(word: str, width: int) -> int:
    used = 0
    for at, character in enumerate(word):
        used += _character_width(character)
        if used > width:
            return max(at, 1)  # a wide character in a column of one cell still has to go somewhere
    return len(word)


def _pad(text: str, width: int, align: Align) -> str:
    room = max(width - text_width(text), 0)
    before = {"left": 0, "right": room, "center": room // 2}[align]
    return " " * before + text + " " * (room - before)


def box_table(columns: Sequence[BoxColumn], rows: Iterable[Sequence[str]]) -> str:
    """Return the table as text; a line is as long as the widths plus ``FRAME`` for each column plus 1."""
    spans = [column.width + FRAME - 1 for column in columns]
    between = _border(("├", "┼", "┤"), "─", spans)
    parts = [
        _border(("┏", "┳", "┓"), "━", spans),
        *_row(columns, [c.header for c in columns], "┃"),
        _border(("┡", "╇", "┩"), "━", spans),
    ]
    for number, row in enumerate(rows):
        if number:
            parts.append(between)
        parts.extend(_row(columns, row, "│"))
    parts.append(_border(("└", "┴", "┘"), "─", spans))
    return "\n".join(parts)


def _border(corners: tuple[str, str, str], line: str, spans: Sequence[int]) -> str:
    left, middle, right = corners
    return left + middle.join(line * span for span in spans) + right


def _row(columns: Sequence[BoxColumn], cells: Sequence[str], bar: str) -> Iterator[str]:
    wrapped = [wrap(cell, column.width) for column, cell in zip(columns, cells, strict=True)]
    for line in range(max(len(lines) for lines in wrapped)):
        texts = [lines[line] if line < len(lines) else "" for lines in wrapped]
        padded = (_pad(text, column.width, column.align) for column, text in zip(columns, texts, strict=True))
        yield f"{bar} {f' {bar} '.join(padded)} {bar}".replace(NO_BREAK, " ")
