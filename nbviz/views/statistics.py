"""Statistics and a histogram of one weight, computed piece by piece."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypedDict, final

import numpy as np
import numpy.typing as npt

BINS = 40
_PIECE = 1 << 20
"""Elements looked at at once: 8 MB as float64, so that a weight of any size needs no more."""

Chunks = Callable[[], Iterator[npt.NDArray[Any]]]


class Histogram(TypedDict):
    """Counts per bin, and the edges of the bins (one more)."""

    counts: list[int]
    edges: list[float]


class WeightStatistics(TypedDict):
    """What is shown of one weight; numbers are of its finite elements, None when there are none."""

    parameter: int
    count: int
    min: float | None
    max: float | None
    mean: float | None
    std: float | None
    zeros: int
    non_finite: int
    histogram: Histogram | None


@final
@dataclass
class _Moments:
    """Count, mean and squared deviations, merged piece by piece (Chan, Golub and LeVeque 1979)."""

    count: int = 0
    finite: int = 0
    mean: float = 0.0
    deviations: float = 0.0
    low: float = math.inf
    high: float = -math.inf
    zeros: int = 0

    def add(self, values: npt.NDArray[np.float64]) -> None:
        self.count += values.size
        values = values[np.isfinite(values)]
        if values.size == 0:
            return
        total = self.finite + values.size
        mean = float(values.mean())
        delta = mean - self.mean
        self.deviations += float(np.square(values - mean).sum()) + delta * delta * self.finite * values.size / total
        self.mean += delta * values.size / total
        self.finite = total
        self.low, self.high = min(self.low, float(values.min())), max(self.high, float(values.max()))
        self.zeros += int(np.count_nonzero(values == 0))


def _pieces(chunks: Chunks) -> Iterator[npt.NDArray[np.float64]]:
    for chunk in chunks():
        flat = np.ravel(chunk)
        for start in range(0, flat.size, _PIECE):
            yield flat[start : start + _PIECE].astype(np.float64)


def _edges(low: float, high: float) -> npt.NDArray[np.float64] | None:
    """Return bins over the range, widened where floats are too coarse to tell its bins apart; None for no finite range."""
    if not math.isfinite(high - low):
        return None
    narrowest = 4 * BINS * float(np.spacing(max(abs(low), abs(high))))
    if high - low < narrowest:
        margin = max(0.5, narrowest)
        low, high = low - margin, high + margin
    return np.linspace(low, high, BINS + 1)


def weight_statistics(parameter: int, size: int, chunks: Chunks) -> Iterator[float | WeightStatistics]:
    """Yield the progress from 0 to 1 after each piece, and at last the statistics.

    Parameters
    ----------
    parameter
        The parameter's id, repeated in the result.
    size
        Number of its elements, for the progress.
    chunks
        Called twice (range and moments first, then the histogram); yields the values in flat pieces.
    """
    moments = _Moments()
    for piece in _pieces(chunks):
        moments.add(piece)
        yield min(moments.count / max(2 * size, 1), 0.5)
    counts = np.zeros(BINS, dtype=np.int64)
    edges = _edges(moments.low, moments.high)
    if edges is not None:
        done = 0
        for piece in _pieces(chunks):
            # a number of bins and not their edges: NumPy then need not search each element's bin
            counts += np.histogram(piece[np.isfinite(piece)], bins=BINS, range=(edges[0], edges[-1]))[0]
            done += piece.size
            yield min(0.5 + done / max(2 * size, 1), 1.0)
    yield {
        "parameter": parameter,
        "count": moments.count,
        "min": moments.low if moments.finite else None,
        "max": moments.high if moments.finite else None,
        "mean": moments.mean if moments.finite else None,
        "std": math.sqrt(moments.deviations / moments.finite) if moments.finite else None,
        "zeros": moments.zeros,
        "non_finite": moments.count - moments.finite,
        "histogram": None if edges is None else {"counts": counts.tolist(), "edges": edges.tolist()},
    }
