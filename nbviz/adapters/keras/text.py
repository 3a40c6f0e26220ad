"""Text from Keras and from users' models as plain, short, readable text."""

from __future__ import annotations

import re

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[@-_]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def plain(text: object) -> str:
    """Return text without terminal escapes and control characters; line breaks stay."""
    try:
        raw = str(text)
    except Exception as error:  # noqa: BLE001 - a model's own __str__ may do anything
        raw = f"<{type(text).__name__}: no text, {type(error).__name__}>"
    return _CONTROL.sub("", _ESCAPES.sub("", raw.replace("\r\n", "\n")))


def short(text: object, limit: int = 200) -> str:
    """Return plain text cut at ``limit`` characters."""
    flat = plain(text)
    return flat if len(flat) <= limit else f"{flat[: limit - 1]}…"


def snake_case(name: str) -> str:
    """Return a class name as Keras writes it in automatic layer names (``Conv2D`` -> ``conv2d``)."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def is_automatic(name: str, type_name: str) -> bool:
    """Tell whether Keras has numbered this name itself (``dense``, ``dense_17``, ``forward_lstm_2``)."""
    bare = re.sub(r"_\d+$", "", name)
    bare = re.sub(r"^(forward|backward)_", "", bare)
    return bare == snake_case(type_name)
