"""Names as Keras makes them, and text from models as plain text."""

from __future__ import annotations

import re

from nbviz.adapters.text import plain, short

__all__ = ["is_automatic", "plain", "short", "snake_case"]


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
