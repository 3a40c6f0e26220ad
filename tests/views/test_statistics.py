"""Weight statistics against NumPy's."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbviz.views.statistics import BINS, weight_statistics


def computed(values, pieces=1):
    parts = np.array_split(values, pieces)
    *progress, result = weight_statistics(7, values.size, lambda: iter(parts))
    return progress, result


@pytest.mark.parametrize("dtype", ["float32", "float16", "float64", "int8", "bool"])
def test_statistics_equal_numpy(dtype):
    values = (np.random.default_rng(0).normal(size=10_000) * 3).astype(dtype)
    progress, result = computed(values, pieces=7)
    exact = values.astype("float64")
    assert result["count"] == 10_000
    assert result["min"] == exact.min()
    assert result["max"] == exact.max()
    assert result["mean"] == pytest.approx(exact.mean(), rel=1e-12, abs=1e-12)
    assert result["std"] == pytest.approx(exact.std(), rel=1e-12)
    assert result["zeros"] == np.count_nonzero(exact == 0)
    counts, edges = np.histogram(exact, bins=BINS)
    assert result["histogram"] == {"counts": counts.tolist(), "edges": edges.tolist()}
    assert progress == sorted(progress)
    assert progress[-1] == 1.0


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), max_size=50), st.integers(1, 5))
def test_what_is_not_finite_is_counted_apart(values, pieces):
    array = np.array(values, dtype="float32")
    _, result = computed(array, pieces)
    finite = array[np.isfinite(array)].astype("float64")
    assert result["non_finite"] == array.size - finite.size
    if finite.size == 0:
        assert result["min"] is result["mean"] is result["histogram"] is None
    else:
        assert (result["min"], result["max"]) == (finite.min(), finite.max())
        assert sum(result["histogram"]["counts"]) == finite.size


def test_a_large_weight_is_never_copied_whole():
    values = np.ones(20_000_000, dtype="float32")
    tracemalloc.start()
    _, result = computed(values)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert result["mean"] == 1.0
    assert peak < values.nbytes
