"""Reads the values of tensors in PyTorch files: bytes of a storage, with an offset and strides."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, final

from nbviz.adapters.checkpoints.torch_objects import Region
from nbviz.adapters.files.values import Span, decoder
from nbviz.adapters.weights import CHUNK

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_AT_ONCE = 256 << 20
"""The most bytes that are read for a tensor whose elements do not lie in a row."""


@final
@dataclass(frozen=True, slots=True)
class StorageValues:
    """The values of one tensor.

    Attributes
    ----------
    path
        The file.
    start
        Finds where the storage begins in it.
    region
        Which part of the storage.
    big
        Whether numbers have their most significant byte first.
    """

    path: Path
    start: Callable[[], int]
    region: Region
    big: bool = False

    def pieces(self) -> Iterator[npt.NDArray[np.generic]]:
        """Yield the values as flat pieces."""
        import numpy as np

        stored, decode = decoder(self.region.dtype)
        dtype = np.dtype(stored)
        start = self.start() + self.region.offset * dtype.itemsize
        shape, strides = self.region.shape, self.region.strides
        count = math.prod(shape)
        if not count or _in_a_row(shape, strides):
            yield from Span(self.path, start, count, self.region.dtype, self.big).pieces()
            return
        extent = 1 + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
        if max(extent, count) * dtype.itemsize > _AT_ONCE:
            raise ValueError("its elements are not contiguous, and it is too large to read at once")
        raw = np.concatenate(list(Span(self.path, start, extent, stored, self.big).pieces()))
        steps = [step * dtype.itemsize for step in strides]
        flat = np.lib.stride_tricks.as_strided(raw, shape, steps, writeable=False).reshape(-1)
        for at in range(0, count, CHUNK):
            yield decode(flat[at : at + CHUNK])


def _in_a_row(shape: tuple[int, ...], strides: tuple[int, ...]) -> bool:
    expected = 1
    for n, step in zip(reversed(shape), reversed(strides), strict=True):
        if n != 1 and step != expected:
            return False
        expected *= n
    return True
