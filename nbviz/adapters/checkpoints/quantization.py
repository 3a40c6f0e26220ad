"""Asks ``config.json``, which MLX keeps beside a checkpoint, how weights were quantized: their shapes alone do not tell."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, final

from nbviz.adapters.checkpoints.files import inside, opened
from nbviz.errors import FileReadError

_CONFIG = "config.json"
_LONGEST = 16 << 20
"""The most bytes of a configuration: with a line for each layer it takes some hundred thousand."""


class Grouping(NamedTuple):
    """How many values have one scale, and how many bits a value takes."""

    values: int
    bits: int


@final
class Quantization:
    """How the weights of a checkpoint were quantized, as the folder says that it is in; it is read when it is first asked.

    Parameters
    ----------
    folder
        Where ``config.json`` may be.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def of(self, layer: tuple[str, ...]) -> Grouping | None:
        """Return how the weight of a layer was quantized, None where the folder does not say."""
        own = self._said.get(".".join(layer), True)  # a layer alone may differ, or not be quantized
        return _grouping(self._said if own is True else own)

    @cached_property
    def _said(self) -> Mapping[str, Any]:
        try:
            with opened(inside(self._folder, _CONFIG)) as file:
                config = json.loads(file.read(_LONGEST))
        except (FileReadError, OSError, ValueError, RecursionError):  # a checkpoint can do without
            return {}
        said = config.get("quantization") if isinstance(config, dict) else None
        return said if isinstance(said, dict) else {}


def _grouping(said: Any) -> Grouping | None:
    values, bits = (said.get("group_size"), said.get("bits")) if isinstance(said, dict) else (None, None)
    return Grouping(values, bits) if type(values) is int and type(bits) is int and min(values, bits) > 0 else None
