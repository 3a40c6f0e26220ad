"""Functions that make modules of Flax NNX of their parts: ``nnx.merge(graphdef, state)``."""

from __future__ import annotations

import pytest

jax = pytest.importorskip("jax")
nnx = pytest.importorskip("flax.nnx")

from tests.adapters.jax_reading import calls_of, graph_of, sizes, totals  # noqa: E402

X = (None, 8)


class Block(nnx.Module):
    def __init__(self, rngs):
        self.linear = nnx.Linear(8, 8, rngs=rngs)
        self.norm = nnx.BatchNorm(8, rngs=rngs)
        self.rest = nnx.List([nnx.Dropout(0.5, deterministic=True), nnx.Dropout(0.1, deterministic=True)])

    def __call__(self, x):
        x = self.norm(self.linear(x))
        for drop in self.rest:
            x = drop(x)
        return nnx.relu(x)


class Net(nnx.Module):
    def __init__(self, rngs):
        self.blocks = nnx.List([Block(rngs) for _ in range(2)])
        self.head = nnx.Linear(8, 4, rngs=rngs)

    def __call__(self, x):
        for block in self.blocks:
            x = block(x)
        return self.head(x)


MODEL = nnx.eval_shape(lambda: Net(nnx.Rngs(0)))
PARAMETERS = sizes(nnx.state(MODEL, nnx.Param))
INSIDE = ["", "/linear", "/norm", "/rest/0", "/rest/1"]
LAYERS = [*(f"blocks/{i}{inside}" for i in range(2) for inside in INSIDE), "head"]
TYPES = [*["Block", "Linear", "BatchNorm", "Dropout", "Dropout"] * 2, "Linear"]


def layers(graph):
    return [(c.path, c.op) for c in graph.calls if c.kind == "layer"][1:]


def test_a_module_that_is_merged_in_a_function_has_its_layers():
    definition, state = nnx.split(MODEL)
    graph = graph_of(lambda state, x: nnx.merge(definition, state)(x), (state, X))
    assert layers(graph) == list(zip(LAYERS, TYPES, strict=True))
    assert totals(graph)["params"] == PARAMETERS
    settings = dict(next(layer for layer in graph.layers if layer.path == "blocks/1/rest/1").settings)
    assert settings["rate"] == 0.1


def test_gradients_of_the_parameters_of_a_merged_module_have_its_layers_too():
    definition, params, others = nnx.split(MODEL, nnx.Param, ...)

    def loss(params, others, x):
        return nnx.merge(definition, params, others, copy=True)(x).mean()

    graph = graph_of(jax.jit(jax.value_and_grad(loss)), (params, others, X))
    assert layers(graph) == list(zip(LAYERS, TYPES, strict=True))
    assert totals(graph)["params"] == PARAMETERS
    for i in range(2):
        (call,) = calls_of(graph, f"blocks/{i}/linear")
        assert {graph.parameters[at].owners[0] for at in call.parameters} == {f"blocks/{i}/linear"}
    outer = {c.op for c in graph.calls if c.parent == 0}
    assert "gradient of Net" in outer


def test_classes_are_as_before_once_a_function_is_read():
    definition, state = nnx.split(MODEL)
    kinds = [Net, Block, nnx.Linear, nnx.Dropout]
    before = [dict(vars(kind)) for kind in kinds]
    graph_of(lambda state, x: nnx.merge(definition, state)(x), (state, X))
    assert [dict(vars(kind)) for kind in kinds] == before
