"""The display options of the graph; their values are those of the state in the browser."""

from __future__ import annotations

from typing import Final, Literal

Theme = Literal["light", "dark"]
THEMES: Final = ("light", "dark")
COLOR_BY: Final = ("params", "type", "dtype", "trainable", "macs", "bytes", "none")
OPS: Final = ("auto", True, False)
DIRECTIONS: Final = ("down", "right")
EDGE_WIDTHS: Final = ("none", "bytes")
