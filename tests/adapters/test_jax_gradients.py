"""Gradients of what JAX traces apart: their scopes are those of what they are the gradients of."""

from __future__ import annotations

import tracemalloc

import pytest

jax = pytest.importorskip("jax")
pytest.importorskip("flax")

import jax.numpy as jnp  # noqa: E402
from flax import nnx  # noqa: E402

from tests.adapters.jax_reading import calls_of, graph_of, totals  # noqa: E402


def scanned(step, x, layers):
    return jax.lax.scan(lambda x, layer: (step(layer, x), None), x, layers)[0]


def block(layer, x):
    with jax.named_scope("dense"):
        hidden = jnp.tanh(x @ layer["dense"]["w"])
    return hidden @ layer["out"]["w"]


WRAPS = {"jit": jax.jit(block), "checkpoint": jax.checkpoint(block)}


@pytest.mark.parametrize("wrap", WRAPS)
def test_gradients_of_a_wrapped_function_are_no_calls_of_its_layers(wrap):
    params = {"dense": {"w": jnp.ones((4, 4))}, "out": {"w": jnp.ones((4, 4))}}
    graph = graph_of(jax.grad(lambda params, x: WRAPS[wrap](params, x).sum()), (params, (2, 4)))
    assert "gradient of dense" in {c.op for c in graph.calls}
    assert {c.outputs[0].shape for path in params for c in calls_of(graph, path)} == {(2, 4)}
    assert len(calls_of(graph, "out")) == 1


def test_gradients_in_a_loop_are_no_calls_of_its_layers():
    params = {"dense": {"w": jnp.ones((3, 4, 4))}, "out": {"w": jnp.ones((3, 4, 4))}}
    graph = graph_of(jax.grad(lambda params, x: scanned(block, x, params).sum()), (params, (2, 4)))
    assert [c.path for c in graph.calls if c.kind == "layer"] == ["", "dense", "out"]
    assert "gradient of dense" in {c.op for c in graph.calls}
    assert totals(graph)["macs"] == 3 * (2 + 4) * 2 * 4 * 4


class Wrapped(nnx.Module):
    def __init__(self, wrap):
        self.wrap = wrap
        self.linear = nnx.Linear(4, 4, rngs=nnx.Rngs(0))

    def __call__(self, x):
        return self.wrap(lambda linear, x: jnp.tanh(linear(x)))(self.linear, x)


@pytest.mark.parametrize(("wrap", "times"), [(nnx.jit, 1), (nnx.remat, 2)])
def test_module_is_called_again_where_it_is_computed_again(wrap, times):
    graph = graph_of(nnx.grad(lambda model, x: model(x).sum()), (Wrapped(wrap), (2, 4)))
    assert [c.outputs[0].shape for c in calls_of(graph, "linear")] == [(2, 4)] * times
    assert [c.op for c in graph.calls].count("gradient of Linear") == 1


def test_nothing_is_left_before_a_loop_of_which_there_is_a_gradient():
    wrapped = jax.checkpoint(lambda layer, x: jax.nn.relu(x) @ layer["w"])
    loss = lambda params, x: scanned(wrapped, x, params).sum()  # noqa: E731
    graph = graph_of(jax.grad(loss), ({"w": jnp.ones((3, 4, 4))}, (2, 4)))
    assert [c.path for c in graph.calls if not c.inputs and not c.outputs] == []
    assert [c.op for c in graph.calls if c.op == "relu"] == ["relu"] * 2  # and once more for the gradient


def test_what_a_deep_gradient_keeps_for_later_grows_as_the_program_does():
    def deep(params, x):
        for block in params:
            x = x + jnp.tanh(x @ block["up"]) @ block["down"]
        return x.sum()

    block = {"up": jax.ShapeDtypeStruct((8, 16), "float32"), "down": jax.ShapeDtypeStruct((16, 8), "float32")}
    tracemalloc.start()
    graph = graph_of(jax.grad(deep), ([block] * 150, (2, 8)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(graph.layers) == 151
    assert peak < 40 << 20  # 130 MB where what is used later is remembered for every step anew


def test_no_operation_is_called_after_a_function_without_a_name():
    graph = graph_of(jax.grad(lambda params, x: jax.nn.relu(x @ params["w"]).sum()), ({"w": jnp.ones((4, 4))}, (2, 4)))
    ops = [c.op for c in graph.calls if c.kind == "operation"]
    assert "select_n" in ops
    assert "<lambda>" not in ops
