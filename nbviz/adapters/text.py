"""Text from frameworks and users' models as plain, short, readable text."""

from __future__ import annotations

import re

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[@-_]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""What a terminal acts on, and what changes the direction of the text around it: a name could look like another one."""
_HALVES = re.compile("[\ud800-\udfff]")
"""Halves of surrogate pairs, which stand for bytes of a file's name that are not UTF-8, and cannot be written."""


def plain(text: object) -> str:
    """Return text without terminal escapes and control characters, those of direction too; line breaks stay."""
    try:
        raw = str(text)
    except Exception as error:  # noqa: BLE001 - a model's own __str__ may do anything
        raw = f"<{type(text).__name__}: no text, {type(error).__name__}>"
    if raw.isprintable():  # nearly always
        return raw
    return _CONTROL.sub("", _ESCAPES.sub("", _HALVES.sub("\ufffd", raw).replace("\r\n", "\n")))


def short(text: object, limit: int = 200) -> str:
    """Return plain text cut at ``limit`` characters."""
    flat = plain(text)
    return flat if len(flat) <= limit else f"{flat[: limit - 1]}…"


def full_name(kind: type) -> str:
    """Return the name of a class with its module, which is left out for Python's own classes."""
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def decoded(text: str | bytes) -> str:
    """Return text from a file, which may not be UTF-8: whoever reads the file then gives its bytes."""
    return text if isinstance(text, str) else text.decode("utf-8", "replace")


_LABEL = 200


def label(text: str | bytes) -> str:
    """Return a name from a file as one short line of plain text."""
    if not isinstance(text, str):
        text = decoded(text)
    if text.isprintable() and len(text) <= _LABEL:  # nearly always
        return text
    return short(" ".join(plain(text).split()), _LABEL)
