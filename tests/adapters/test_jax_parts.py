"""Functions of a tree of parameters: what reads the arrays of a node of the tree is a call of the node."""

from __future__ import annotations

import pytest

jax = pytest.importorskip("jax")

import jax.numpy as jnp  # noqa: E402

from tests.adapters.jax_reading import calls_of, contractions, edges, graph_of, totals  # noqa: E402


def weights(*shape):
    return jnp.ones(shape)


def dense(params, x):
    return x @ params["w"] + params["b"]


def norm(params, x):
    centred = x - x.mean(-1, keepdims=True)
    return centred * params["scale"]


def attention(params, x):
    q, k, v = (x @ params[name] for name in ("q", "k", "v"))
    return jax.nn.softmax(q @ k.T) @ v @ params["out"]


def block(params, x):
    x = x + attention(params["attention"], norm(params["norm"], x))
    return x + dense(params["mlp"], x)


def linear():
    return {"w": weights(8, 8), "b": weights(8)}


def block_params():
    return {
        "attention": {name: weights(8, 8) for name in ("q", "k", "v", "out")},
        "norm": {"scale": weights(8)},
        "mlp": linear(),
    }


def layers_in(graph, path):
    """The layers that are called right inside the call of one, in order."""
    [call] = calls_of(graph, path)
    return [c.path for c in graph.calls if c.parent == call.id and c.kind == "layer"]


def operations_in(graph, path):
    ids = set(graph.calls_of[path])
    return [c.op for c in graph.calls if c.parent in ids and c.kind == "operation"]


def test_layers_of_a_list_of_weights_hold_what_reads_them():
    def mlp(params, x):
        for w, b in params[:-1]:
            x = jax.nn.relu(x @ w + b)
        w, b = params[-1]
        return x @ w + b

    params = [(weights(8, 8), weights(8)) for _ in range(3)]
    graph = graph_of(mlp, (params, (None, 8)))
    assert layers_in(graph, "") == ["0", "1", "2"]
    assert operations_in(graph, "1") == ["dot_general", "broadcast_in_dim", "add"]
    assert operations_in(graph, "") == ["relu", "relu"]
    assert ("relu#1", "1/dot_general#1") in edges(graph)
    assert totals(graph)["params"] == 3 * (64 + 8)


@pytest.mark.parametrize("cast", [False, True])
def test_blocks_hold_what_their_functions_do_also_before_and_behind_what_reads(cast):
    def model(params, ids):
        if cast:  # all at once, before anything reads them
            params = jax.tree.map(lambda a: a.astype(jnp.bfloat16), params)
        x = params["tokens"]["table"][ids]
        for one in params["blocks"]:
            x = block(one, x)
        return norm(params["norm"], x) @ params["tokens"]["table"].T

    params = {
        "tokens": {"table": weights(50, 8)},
        "blocks": [block_params(), block_params()],
        "norm": {"scale": weights(8)},
    }
    graph = graph_of(model, (params, ((4,), "int32")))
    assert layers_in(graph, "") == ["tokens", "blocks", "norm", "tokens"]
    assert operations_in(graph, "") == []
    assert layers_in(graph, "blocks") == ["blocks/0", "blocks/1"]
    assert operations_in(graph, "blocks") == []
    for at in "01":
        inside = [f"blocks/{at}/{name}" for name in ("norm", "attention", "mlp")]
        assert layers_in(graph, f"blocks/{at}") == inside
        assert operations_in(graph, f"blocks/{at}") == ["add", "add"]
        assert {"reduce_sum", "sub", "mul"} <= set(operations_in(graph, inside[0]))
        assert operations_in(graph, inside[1]).count("dot_general") == 6
    assert contractions(graph)["tokens"] == 4 * 8 * 50


def test_stacked_blocks_are_called_in_their_loop():
    def model(params, x):
        x, _ = jax.lax.scan(lambda x, one: (block(one, x), None), x, params["blocks"])
        return dense(params["head"], x)

    blocks = jax.tree.map(lambda *leaves: jnp.stack(leaves), *(block_params() for _ in range(3)))
    graph = graph_of(model, ({"blocks": blocks, "head": linear()}, (4, 8)))
    assert layers_in(graph, "") == ["blocks", "head"]
    assert operations_in(graph, "blocks") == ["scan"]
    called = [c.path for c in graph.calls if c.kind == "layer"]
    assert called[2:5] == ["blocks/norm", "blocks/attention", "blocks/mlp"]
    assert contractions(graph)["blocks/mlp"] == 3 * 4 * 8 * 8


def test_functions_that_are_jitted_or_have_a_scope_are_calls_themselves():
    def model(params, x):
        x = jax.jit(dense)(params["first"], x)
        with jax.named_scope("encoder"), jax.named_scope("linear"):
            x = dense(params["encoder/~/linear"], x)  # as Haiku names them
        return jax.jit(dense)(params["first"], x)

    graph = graph_of(model, ({"first": linear(), "encoder/~/linear": linear()}, (2, 8)))
    assert [c.op for c in calls_of(graph, "first")] == ["dense", "dense"]
    [named] = calls_of(graph, "encoder~1~0~1linear")
    assert (named.op, graph.calls[named.parent].op) == ("linear", "encoder")


def test_what_is_called_again_is_another_call():
    def model(params, x):
        for _ in range(3):
            x = jnp.tanh(dense(params["cell"], x))
        return dense(params["out"], dense(params["out"], x))

    graph = graph_of(model, ({"cell": linear(), "out": linear()}, (2, 8)))
    assert [len(calls_of(graph, path)) for path in ("cell", "out")] == [3, 2]
    assert operations_in(graph, "") == ["tanh"] * 3


def test_list_with_something_between_its_blocks_is_seen_through():
    def model(params, x):
        for one, scale in zip(params["blocks"], params["scales"], strict=True):
            x = dense(one, x) * scale
        return x

    params = {"blocks": [linear(), linear()], "scales": [weights(8), weights(8)]}
    graph = graph_of(model, (params, (2, 8)))
    assert [path for path in layers_in(graph, "") if path != "scales"] == ["blocks/0", "blocks/1"]


def test_tree_inside_another_is_no_call_of_the_outer():
    graph = graph_of(lambda variables, x: dense(variables["model"]["out"], x), ({"model": {"out": linear()}}, (2, 8)))
    assert layers_in(graph, "") == ["model/out"]


def test_collections_of_variables_are_one_tree():
    def model(variables, x):
        kept = variables["batch_stats"]["norm"]
        x = dense(variables["params"]["dense"], x)
        return norm(variables["params"]["norm"], (x - kept["mean"]) / kept["scale"])

    variables = {
        "batch_stats": {"norm": {"mean": weights(8), "scale": weights(8)}},
        "params": {"dense": linear(), "norm": {"scale": weights(8)}},
    }
    graph = graph_of(model, (variables, (2, 8)))
    assert layers_in(graph, "") == ["dense", "norm"]
    held = {p.name: p.kind for p in graph.parameters if p.owners == ("norm",)}
    assert held == {"mean": "buffer", "batch_stats.scale": "buffer", "scale": "weight"}
    assert totals(graph)["params"] == 8 * 8 + 8 + 8
    assert totals(graph)["buffers"] == 16
    assert graph.layers[graph.layer_index["norm"]].accessor == "['params']['norm']"


def test_gradients_and_new_weights_are_no_calls():
    def model(params, x):
        return dense(params["out"], dense(params["in"], x))

    def step(params, x):
        loss, gradients = jax.value_and_grad(lambda params: (model(params, x) ** 2).mean())(params)
        return loss, jax.tree.map(lambda a, g: a - 0.1 * g, params, gradients)

    graph = graph_of(step, ({"in": linear(), "out": linear()}, (2, 8)))
    assert layers_in(graph, "") == ["in", "out"]
    assert operations_in(graph, "out") == ["dot_general", "broadcast_in_dim", "add"]
    updated = [c for c in graph.calls if c.op == "sub" and c.outputs[0].shape == (8, 8)]
    assert [graph.parameters[i].owners for c in updated for i in c.parameters] == [("in",), ("out",)]


def test_function_that_gets_nothing_else_shows_what_its_parameters_become():
    graph = graph_of(lambda params: dense(params["out"], params["start"]), ({"out": linear(), "start": weights(2, 8)},))
    assert totals(graph)["macs"] == 2 * 8 * 8
    assert [c.inputs[0].shape for c in graph.calls if c.kind == "output"] == [(2, 8)]


def test_of_a_state_of_training_the_parameters_alone_are_trained():
    train_state, optax = pytest.importorskip("flax.training.train_state"), pytest.importorskip("optax")

    class State(train_state.TrainState):
        batch_stats: dict
        ema_params: dict

    params = {"w": jnp.ones((8, 4))}
    more = {"batch_stats": {"mean": jnp.ones(4)}, "ema_params": params}
    state = State.create(apply_fn=None, params=params, tx=optax.sgd(1e-3, momentum=0.9), **more)
    as_dict = {"params": params, "opt_state": state.opt_state, **more, "step": jnp.array(0)}
    cases = [
        (lambda state, x: x @ state.params["w"], state.replace(step=jnp.array(3))),  # as a jitted step gives it
        (lambda state, x: x @ state["params"]["w"], as_dict),
    ]
    for model, given in cases:
        found = totals(graph_of(model, (given, (None, 8))))
        assert found["params"] == found["trainable_params"] == 32
        assert found["buffers"] == 32 + 4 + 32 + 1


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_scope_with_the_name_of_one_layer_that_reads_another_is_a_call_of_that(dtype):
    def named(name, layer, x):  # as Haiku names them: inside a module, and its weights after both
        with jax.named_scope(name):
            return x @ layer["w"]

    def model(params, x):
        params = jax.tree.map(lambda weight: weight.astype(dtype), params)
        with jax.named_scope("block"):
            x = jnp.tanh(named("linear", params["block/linear"], x))
        return named("linear", params["linear"], x)

    graph = graph_of(model, ({"block/linear": {"w": weights(8, 8)}, "linear": {"w": weights(8, 2)}}, (None, 8)))
    assert len(calls_of(graph, "linear")) == len(calls_of(graph, "block~1linear")) == 1
    assert calls_of(graph, "linear")[0].outputs[0].shape == (None, 2)


def test_a_cast_of_a_weight_that_is_not_used_is_no_call_of_its_layer():
    def model(params, x):
        params = jax.tree.map(lambda weight: weight.astype("bfloat16"), params)
        return x @ params["up"]["w"] @ params["down"]["w"]

    graph = graph_of(model, ({"up": linear(), "down": linear()}, (None, 8)))
    assert len(calls_of(graph, "up")) == len(calls_of(graph, "down")) == 1
