"""What a trace hears of: all that its own thread does, nothing of a reading inside it, and of other threads that they are there."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

import nbviz  # noqa: E402
from nbviz.adapters import read  # noqa: E402
from nbviz.metrics import Metrics  # noqa: E402
from tests.adapters.torch_reading import graph_of  # noqa: E402


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(4, 3)

    def forward(self, x):
        y = self.lin(x)
        y[:, 0].mul_(2)
        return y


@pytest.mark.parametrize("run", [False, True])
def test_a_reading_inside_a_forward_is_no_part_of_it(run):
    block, ones, inside = Block(), torch.ones(2, 4), []

    class Reads(nn.Module):
        def __init__(self):
            super().__init__()
            self.lin = nn.Linear(4, 4)

        def forward(self, x):
            y = self.lin(x)
            inside.extend([nbviz.read(block, y), nbviz.view(block, ones, run=True).graph])
            nbviz.summary(self.lin, (None, 4))
            return y * 2

    graph = read(Reads(), torch.randn(2, 4), run=run).graph
    assert [c.path for c in graph.calls] == ["", "input#1", "lin", "mul#1", "output#1"]
    alone = read(Block(), torch.randn(2, 4)).graph
    for found in inside:
        assert list(found.calls.column("path")) == list(alone.calls.column("path"))
        assert list(found.edges) == list(alone.edges)


@pytest.mark.parametrize("run", [False, True])
def test_what_other_threads_run_of_a_model_is_said_to_be_missing(run):
    class Threads(nn.Module):
        def __init__(self):
            super().__init__()
            self.lin, self.last = nn.Linear(4, 4), nn.Linear(4, 2)

        def forward(self, x):
            with ThreadPoolExecutor(2) as pool:
                a, b = pool.map(self.lin, [x, x + 1])
            return self.last(a + b)

    graph = read(Threads(), torch.randn(2, 4), run=run).graph
    assert "thread" in graph.diagnostics[0].message
    assert Metrics(graph).totals["macs"] is None


def test_threads_that_run_something_else_are_not_missed():
    other, stop = Block(), threading.Event()

    def work():
        while not stop.is_set():
            other(torch.ones(2, 4))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        graph = graph_of(Block(), torch.randn(2, 4))
    finally:
        stop.set()
        thread.join()
    assert graph.diagnostics == ()
