"""A free batch that a model takes apart: what is shown has to hold for every batch."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from nbviz.adapters import read  # noqa: E402
from nbviz.metrics import Metrics  # noqa: E402

HALVES = {
    "two halves": (lambda x: x.chunk(2), [("batch/2", 8), ("batch/2", 8)]),
    "pairs": (lambda x: x.view(-1, 2, 8), [("batch/2", 2, 8)]),
    "half as many": (lambda x: x.view(x.shape[0] // 2, -1), [("batch/2", 16)]),
    "halves beside each other": (lambda x: torch.cat(x.chunk(2), -1), [("batch/2", 16)]),
    "each with each": (lambda x: x @ x.mT, [(None, None)]),
    "the first": (lambda x: x[0], [(8,)]),
}


@pytest.mark.parametrize("name", HALVES)
def test_a_batch_that_is_taken_apart_is_free_in_all_its_parts(name):
    class Parts(nn.Module):
        def forward(self, x):
            return HALVES[name][0](x)

    graph = read(Parts(), (None, 8)).graph
    assert [s.shape for c in graph.calls if c.kind == "output" for s in c.inputs] == HALVES[name][1]


def test_a_batch_in_as_many_parts_as_it_has_examples_is_a_note():
    class Parts(nn.Module):
        def forward(self, x):
            return torch.stack(x.unbind())

    graph = read(Parts(), (None, 8)).graph
    assert "with a different batch, the model takes another path" in graph.diagnostics[0].message


def test_a_function_of_jax_may_take_a_batch_in_halves_too():
    jnp = pytest.importorskip("jax.numpy")

    def pairs(params, x):
        return jnp.split(x @ params["w"], 2)

    graph = read(pairs, ({"w": jnp.ones((8, 4))}, (None, 8))).graph
    assert [s.shape for c in graph.calls if c.kind == "output" for s in c.inputs] == [("batch/2", 4)] * 2
    assert Metrics(graph).totals["macs"] == 8 * 4


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x, lin: lin(x), 8 * 4),
        (lambda x, lin: lin(x.repeat(3, 1)), 3 * 8 * 4),
        (lambda x, lin: lin(x.chunk(2)[0]), None),
    ],
)
def test_macs_are_known_per_example_where_a_size_is_so_many_for_each(function, expected):
    class Layer(nn.Module):
        def __init__(self):
            super().__init__()
            self.lin = nn.Linear(8, 4)

        def forward(self, x):
            return function(x, self.lin)

    graph = read(Layer(), (None, 8)).graph
    assert Metrics(graph).totals["macs"] == expected
    assert len(graph.diagnostics) == (expected is None)


@pytest.mark.parametrize(
    ("function", "given", "shape", "size"),
    [
        (lambda x: x.reshape(-1, 4), (None, 16, 4), ("16*batch", 4), 16 * 4 * 4),
        (lambda x: x.flatten(), (None, 16, 4), ("64*batch",), 64 * 4),
        (lambda x: x.repeat_interleave(3, 0)[::2], (None, 4), ("3*batch/2", 4), None),
        (lambda x: x.reshape(-1, 4), (None, None, 4), ("?", 4), None),
        (lambda x: x.mT, (8, None), (None, 8), None),
        (lambda x: x[0] + 1, (None, None, 4), ("?", 4), None),
        (lambda x: torch.cat([x, x[:1]]), (None, 4), ("?", 4), None),
    ],
    ids=["rows", "all", "a share", "batch and length", "no batch", "length", "one more"],
)
def test_bytes_are_those_of_one_example_or_unknown(function, given, shape, size):
    class Folds(nn.Module):
        def forward(self, x):
            return function(x)

    graph = read(Folds(), given).graph
    metrics = Metrics(graph)
    assert (metrics.outputs[0][0].shape, metrics.columns["output_bytes"][0]) == (shape, size)
