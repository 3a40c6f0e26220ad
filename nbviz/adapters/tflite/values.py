"""Unpacks values of fewer than eight bits, which share bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from nbviz.adapters.files.values import Span
from nbviz.adapters.weights import CHUNK

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@final
@dataclass(frozen=True, slots=True)
class Packed:
    """A tensor of which each byte holds several values, the first in the lowest bits.

    Attributes
    ----------
    path
        The file.
    offset
        Where the bytes begin.
    count
        How many values there are.
    bits
        How many bits each takes.
    dtype
        Their type, by the name in the graph.
    """

    path: Path
    offset: int
    count: int
    bits: int
    dtype: str

    def pieces(self) -> Iterator[npt.NDArray[np.generic]]:
        """Yield the values as flat pieces."""
        import numpy as np

        each = 8 // self.bits
        signed = self.dtype.startswith("int")
        left = self.count
        for packed in Span(self.path, self.offset, -(-self.count // each), "uint8").pieces():
            for start in range(0, packed.size, CHUNK // each):
                part: Any = packed[start : start + CHUNK // each]
                spread = np.stack([part >> shift for shift in range(0, 8, self.bits)], axis=-1).reshape(-1)[:left]
                left -= spread.size
                whole = (spread << (8 - self.bits)).astype("uint8")
                yield (whole.view("int8") if signed else whole) >> (8 - self.bits)
