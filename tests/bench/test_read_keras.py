"""Reading ResNet152 against Keras's own summary of it, paired in one run."""

from __future__ import annotations

import statistics
import time

import pytest

keras = pytest.importorskip("keras")

from nbviz.adapters import read  # noqa: E402

PAIRS = 7
ALLOWED = 3.0


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def test_reading_resnet152_takes_at_most_three_summaries(capsys):
    model = keras.applications.ResNet152(weights=None)
    ours, theirs = [], []
    for _ in range(PAIRS + 1):
        theirs.append(seconds(lambda: model.summary(print_fn=lambda *_args, **_kwargs: None)))
        ours.append(seconds(lambda: read(model)))
    read_time, summary_time = statistics.median(ours[1:]), statistics.median(theirs[1:])
    with capsys.disabled():
        print(  # noqa: T201 - the figure is what a benchmark is for
            f"\nread {read_time * 1000:.0f} ms, Keras summary {summary_time * 1000:.0f} ms, "
            f"ratio {read_time / summary_time:.2f}"
        )
    assert read_time <= ALLOWED * summary_time
