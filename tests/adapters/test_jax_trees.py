"""Modules of JAX of which there is only a tree to show."""

from __future__ import annotations

import inspect

import pytest

jax = pytest.importorskip("jax")
eqx = pytest.importorskip("equinox")
pytest.importorskip("flax")

import flax.linen as nn  # noqa: E402
from flax import nnx  # noqa: E402

from nbviz.adapters import read  # noqa: E402
from tests.adapters.jax_reading import graph_of, totals  # noqa: E402

KEY = jax.random.key(0)


class OfNnx(nnx.Module):
    def __init__(self):
        self.linear = nnx.Linear(8, 8, rngs=nnx.Rngs(0))


class OfLinen(nn.Module):
    def setup(self):
        self.linear = nn.Dense(8)

    def encode(self, x):
        return self.linear(x)


class OfEquinox(eqx.Module):
    linear: eqx.nn.Linear


@pytest.mark.parametrize("inputs", [None, (None, 8)])
@pytest.mark.parametrize(
    ("module", "params"), [(OfNnx(), 72), (OfLinen(), None), (OfEquinox(eqx.nn.Linear(8, 8, key=KEY)), 72)]
)
def test_a_module_without_a_call_is_its_tree_and_a_note(module, params, inputs):
    graph = graph_of(module, inputs)
    assert totals(graph)["params"] == params
    assert not graph.calls
    assert "has no __call__" in graph.diagnostics[0].message


def test_given_variables_are_those_of_a_module_of_linen_without_a_call():
    variables = OfLinen().init(KEY, jax.numpy.ones((1, 8)), method="encode")
    assert totals(graph_of(OfLinen(), variables))["params"] == 72
    applied = graph_of(lambda variables, x: OfLinen().apply(variables, x, method="encode"), (variables, (None, 8)))
    assert totals(applied)["macs"] == 64


def test_modules_without_arrays_are_rows_of_the_list_that_holds_them():
    class Stack(eqx.Module):
        steps: list

        def __call__(self, x):
            return self.steps[0](x)

    graph = graph_of(Stack([eqx.nn.Lambda(jax.nn.relu)]), (3,))
    assert [layer.path for layer in graph.layers] == ["", "steps", "steps/0"]
    static = eqx.partition(eqx.nn.MLP(3, 2, 8, 1, key=KEY), eqx.is_array)[1]
    assert [layer.path for layer in read(static).graph.layers] == ["", "layers", "layers/0", "layers/1"]


def test_the_source_of_a_class_is_looked_for_once(monkeypatch):
    class Layer(eqx.Module):
        linear: eqx.nn.Linear

    looked = []
    original = inspect.getsourcelines
    monkeypatch.setattr(inspect, "getsourcelines", lambda cls: [looked.append(cls), original(cls)][1])
    graph = graph_of(eqx.nn.Sequential([Layer(eqx.nn.Linear(2, 2, key=KEY)) for _ in range(9)]))
    assert looked.count(Layer) == 1
    assert {layer.source for layer in graph.layers if layer.type == "Layer"} == {
        f"test_jax_trees.py:{original(Layer)[1]}"
    }
