"""Where functions of JAX have their parameters: among the arguments, bound, or in variables around them."""

from __future__ import annotations

import collections
import functools
import threading

import numpy as np
import pytest

jax = pytest.importorskip("jax")
pytest.importorskip("flax")

import jax.numpy as jnp  # noqa: E402
from flax import nnx  # noqa: E402

from nbviz.adapters import read  # noqa: E402
from tests.adapters.jax_reading import calls_of, graph_of, totals  # noqa: E402

WIDE = {"w": jnp.ones((8, 4))}
X = (None, 8)
OUTER = {"layer": {"w": jnp.ones((8, 4)), "b": jnp.ones(4)}}


def function(params, x):
    return x @ params["w"]


def last(x, weights):
    return x @ weights["w"]


def only_named(x, *, variables):
    return x @ variables["w"]


def names(graph):
    return [(p.name, p.size) for p in graph.parameters]


@pytest.mark.parametrize(
    ("model", "inputs"),
    [
        (function, (WIDE, X)),
        (function, {"params": WIDE, "x": X}),
        (function, {"x": X, "params": WIDE}),
        (last, (X, WIDE)),
        (last, {"x": X, "weights": WIDE}),
        (only_named, {"variables": WIDE, "x": X}),
        (functools.partial(function, WIDE), X),
        (functools.partial(last, weights=WIDE), X),
        (jax.tree_util.Partial(function, WIDE), X),
        (jax.jit(function), {"params": WIDE, "x": X}),
    ],
)
def test_parameters_are_found(model, inputs):
    graph = graph_of(model, inputs)
    assert names(graph) == [("w", 32)]
    assert totals(graph)["macs"] == 32
    assert [c.inputs[0].shape for c in graph.calls if c.kind == "output"] == [(None, 4)]
    assert [c.kind for c in graph.calls if c.kind in {"input", "constant"}] == ["input"]


@pytest.mark.parametrize("aside", [nnx.graphdef(nnx.Linear(8, 4, rngs=nnx.Rngs(0))), "relu", 2, None])
def test_what_stands_before_the_parameters_and_has_no_arrays_is_passed_over(aside):
    graph = graph_of(lambda _, state, x: x @ state["w"], (aside, WIDE, X))
    assert names(graph) == [("w", 32)]
    assert totals(graph)["macs"] == 32


def test_second_tree_under_another_name_is_an_input():
    graph = graph_of(lambda x, batch: x * batch["mask"], (X, {"mask": jnp.ones(8)}))
    assert names(graph) == []
    assert [c.outputs[0].name for c in graph.calls if c.kind == "input"] == ["x", "batch['mask']"]


def test_variables_around_a_function_are_its_parameters():
    inner = jnp.ones((4, 2))
    plain = np.ones(2, np.float32)
    unused = jnp.ones(100)

    def model(x):
        h = jax.jit(lambda x: x @ OUTER["layer"]["w"] + OUTER["layer"]["b"])(x)
        return jax.vmap(lambda h: h @ inner)(h) + plain

    assert unused.size == 100
    graph = graph_of(model, X)
    assert sorted(names(graph)) == [("b", 4), ("inner", 8), ("plain", 2), ("w", 32)]
    assert not [c for c in graph.calls if c.kind == "constant"]
    assert len(calls_of(graph, "OUTER/layer")) == 1
    assert "inner" in graph.diagnostics[0].message
    assert "OUTER" in graph.diagnostics[0].message


def test_variables_in_a_precision_that_jax_does_not_have_are_parameters():
    norms = [{"mean": np.zeros(8), "deviation": np.ones(8)} for _ in range(2)]
    order = np.arange(8)[::-1]

    def normed(x):
        for norm in norms:
            x = (x - norm["mean"]) / norm["deviation"] + norm["mean"]
        return x[:, order]

    graph = graph_of(normed, X)
    (note,) = graph.diagnostics
    assert note.message == "Arrays that the function reads from outside variables are counted as its parameters: norms."
    assert totals(graph)["params"] == 32
    read_ones = [graph.parameters[i].name for call in graph.calls for i in call.parameters]
    assert set(read_ones) == {"mean", "deviation"}
    assert len({i for call in graph.calls for i in call.parameters}) == 4


def test_whole_numbers_and_scalars_around_a_function_are_constants():
    table, scale = jnp.arange(10), jnp.float32(2.0)
    graph = graph_of(lambda x: x * scale + table[:8], X)
    assert names(graph) == []
    assert not graph.diagnostics


class Holder:
    params = WIDE

    def __call__(self, x):
        return function(self.params, x)


@pytest.mark.parametrize(
    ("model", "inputs"),
    [
        (function, [WIDE, X]),
        (jax.vmap(functools.partial(function, WIDE)), (X,)),
        (Holder().__call__, X),
        (lambda x, params=WIDE: function(params, x), X),
        (lambda rng, x, theta: function(theta, x), (jax.random.key(0), X, WIDE)),
    ],
)
def test_parameters_are_found_wherever_they_are(model, inputs):
    assert names(graph_of(model, inputs)) == [("w", 32)]


def test_a_tree_that_may_be_the_parameters_is_told_of():
    graph = graph_of(lambda x, batch: x * batch["mask"], (X, {"mask": jnp.ones(8)}))
    assert "No parameters found, so every argument is treated as an input" in graph.diagnostics[0].message


def test_variables_of_flax_around_a_function_are_one_tree():
    variables = {"params": {"norm": {"scale": jnp.ones(8)}}, "batch_stats": {"norm": {"mean": jnp.ones(8)}}}

    def model(x):
        return (x - variables["batch_stats"]["norm"]["mean"]) * variables["params"]["norm"]["scale"]

    graph = graph_of(model, X)
    assert (totals(graph)["params"], totals(graph)["buffers"]) == (8, 8)
    assert len(calls_of(graph, "norm")) == 1


def test_state_of_an_optimizer_is_no_parameter():
    train_state, optax = pytest.importorskip("flax.training.train_state"), pytest.importorskip("optax")
    state = train_state.TrainState.create(apply_fn=function, params=WIDE, tx=optax.adam(1e-3))
    graph = graph_of(lambda state, x: state.apply_fn(state.params, x), (state, X))
    assert totals(graph)["params"] == totals(graph)["trainable_params"] == 32
    assert totals(graph)["buffers"] == 2 * 32 + 1


def test_state_of_an_optimizer_beside_the_parameters_in_a_pair_is_none_of_them():
    optax = pytest.importorskip("optax")
    state = WIDE, optax.adam(1e-3).init(WIDE)
    graph = graph_of(lambda state, x: x @ state[0]["w"] + state[1][0].count, (state, X))
    assert totals(graph)["params"] == totals(graph)["trainable_params"] == 32
    assert totals(graph)["buffers"] == 2 * 32 + 1


def test_keys_that_are_the_same_as_text_are_two():
    params = collections.OrderedDict([(1, {"w": jnp.ones((8, 8))}), ("1", {"w": jnp.ones((8, 8))})])
    graph = graph_of(lambda params, x: x @ params[1]["w"] @ params["1"]["w"], (params, X))
    assert totals(graph)["params"] == 128
    assert [layer.accessor for layer in graph.layers][1:] == ["[1]", "['1']"]


class Encoder(nnx.Module):
    def __init__(self, rngs):
        self.linear, self.norm = nnx.Linear(8, 8, rngs=rngs), nnx.BatchNorm(8, rngs=rngs)
        self.drop = nnx.Dropout(0.1, rngs=rngs)

    def encode(self, x):
        return self.drop(self.norm(self.linear(x)))


ENCODER = Encoder(nnx.Rngs(0))


def of_a_global(x):
    return ENCODER.encode(x)


def in_a_closure(encoder):
    def encode(x):
        return encoder.encode(x)

    return encode


@pytest.mark.parametrize(
    "function",
    [
        ENCODER.encode,
        of_a_global,
        jax.jit(of_a_global),
        in_a_closure(ENCODER),
        functools.partial(Encoder.encode, ENCODER),
    ],
)
def test_a_module_of_nnx_that_a_function_has_already_is_followed_and_not_changed(function):
    graph = graph_of(function, (4, 8))
    assert (totals(graph)["params"], totals(graph)["buffers"]) == (8 * 8 + 3 * 8, 2 * 8 + 2)
    assert [c.path for c in graph.calls if c.kind == "layer"] == ["", "linear", "norm", "drop"]
    assert not ENCODER.norm.mean[...].any()
    assert ENCODER.drop.rngs.count[...] == 0


def test_two_modules_of_nnx_around_a_function_are_its_layers():
    decoder = nnx.Linear(8, 3, rngs=nnx.Rngs(0))
    graph = graph_of(lambda x: decoder(ENCODER.encode(x)), (4, 8))
    assert [c.path for c in graph.calls if c.kind == "layer"] == [
        "",
        "ENCODER",
        "ENCODER/linear",
        "ENCODER/norm",
        "ENCODER/drop",
        "decoder",
    ]


def test_a_module_of_nnx_that_cannot_be_replaced_is_counted():
    graph = graph_of(jax.vmap(lambda x: encode(x) + 1), (4, 8))
    assert totals(graph)["params"] == 8 * 16 + 16
    assert "FIRST" in graph.diagnostics[0].message


@pytest.mark.parametrize(
    ("model", "inputs"),
    [
        (function, ({"w": (8, 4)}, X)),
        (function, ({"w": ((8, 4), "float32")}, X)),
        (function, {"params": {"w": (8, 4)}, "x": X}),
        (lambda params, x: x @ params, (jnp.ones((8, 4)), X)),
        (lambda params, x: x @ params, {"params": (8, 4), "x": X}),
    ],
)
def test_shapes_and_a_single_array_are_parameters_too(model, inputs):
    graph = graph_of(model, inputs)
    assert [p.size for p in graph.parameters] == [32]
    assert totals(graph)["macs"] == 32
    assert [c.outputs[0].shape for c in graph.calls if c.kind == "input"] == [X]


def test_a_parameter_that_is_given_back_has_its_shape():
    graph = graph_of(lambda params, x: (x @ params["w"], params["w"]), (WIDE, X))
    ends = [c for c in graph.calls if c.kind == "output"]
    assert [c.inputs[0].shape for c in ends] == [(None, 4), (8, 4)]
    assert [c.parameters for c in ends] == [(), (0,)]


FIRST, SECOND = nnx.Linear(8, 16, rngs=nnx.Rngs(0)), nnx.Linear(16, 4, rngs=nnx.Rngs(1))
LINEARS, TURN = [FIRST, SECOND], jnp.ones((4, 2))
UNSORTED = {"a": TURN, 1: TURN}


def encode(x):
    return FIRST(x)


class Holder:
    def __init__(self):
        self.first, self.turn = FIRST, TURN
        self.inner = Inner()

    def run(self, x):
        return self.inner.second(self.first(x))


class Inner:
    def __init__(self):
        self.second = SECOND


HOLDER = Holder()


@pytest.mark.parametrize(
    ("model", "params"),
    [
        (lambda x: SECOND(LINEARS[0](x)), 212),
        (lambda x: SECOND(encode(x)), 212),
        (lambda x: encode(x) * len(UNSORTED), 144),
        (lambda x: SECOND(FIRST(x)) @ TURN, 220),
        (lambda x: SECOND(HOLDER.first(x)), 212),
        (lambda x: SECOND(FIRST(x)) @ HOLDER.turn, 220),
        (lambda x: HOLDER.inner.second(FIRST(x)), 212),
        (lambda x: HOLDER.run(x) * 2, 212),
        (HOLDER.run, 212),
    ],
)
def test_all_that_a_function_and_its_helpers_read_is_counted(model, params):
    assert totals(graph_of(model, X))["params"] == params


class Helped:
    """Reads its weights in a method that it calls."""

    def __init__(self):
        self.inner = WIDE

    def __call__(self, x):
        return self.multiplied(x) @ TURN

    def multiplied(self, x):
        return x @ self.inner["w"]


HELPED = Helped()


@pytest.mark.parametrize("model", [HELPED.__call__, lambda x: HELPED(x) + 0, jax.jit(HELPED.__call__)])
def test_what_a_method_reads_that_another_calls_is_counted(model):
    graph = graph_of(model, X)
    assert totals(graph)["params"] == 40
    assert "not counted" not in " ".join(d.message for d in graph.diagnostics)


def test_what_is_read_beside_the_parameters_is_told():
    graph = graph_of(lambda params, x: SECOND(encode(x)) @ params["w"], ({"w": TURN}, X))
    assert "SECOND, encode.FIRST" in graph.diagnostics[0].message


def test_arrays_out_of_sight_are_told():
    hidden = iter([TURN] * 9)
    (note,) = graph_of(lambda x: SECOND(FIRST(x)) @ next(hidden), X).diagnostics
    assert "arrays with 8 values in total that are not counted as its parameters" in note.message


def test_a_module_that_changes_its_state_out_of_reach_says_what_to_give():
    graph = read(lambda x: of_a_global(x) * 2, X).graph
    (failed,) = [d for d in graph.diagnostics if d.level == "error"]
    assert failed.message.endswith("pass the module itself, or a function that uses only modules, each by its name.")


def test_a_name_of_a_module_may_be_any():
    keys, values = FIRST, SECOND
    graph = graph_of(lambda x: values(keys(x)), X)
    assert [c.path for c in graph.calls if c.kind == "layer"] == ["", "keys", "values"]


def test_readings_of_several_threads_put_flax_back():
    call = nnx.Linear.__call__
    threads = [threading.Thread(target=graph_of, args=(nnx.Sequential(FIRST, SECOND), X)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert nnx.Linear.__call__ is call


class Norm(nnx.Module):
    def __init__(self):
        self.linear, self.norm = nnx.Linear(8, 8, rngs=nnx.Rngs(0)), nnx.BatchNorm(8, rngs=nnx.Rngs(0))

    def __call__(self, x, train):
        return self.norm(self.linear(x), use_running_average=not train)


NORM = Norm()


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("called", [NORM, NORM.__call__])
def test_a_module_with_bound_arguments_is_as_in_a_function(called, train):
    graph = graph_of(functools.partial(called, train=train), (None, 8))
    expected = graph_of(lambda x: NORM(x, train=train), (None, 8))
    assert totals(graph) == totals(expected)
    assert [c.path for c in graph.calls] == [c.path for c in expected.calls]
    assert graph.diagnostics == ()


def test_methods_and_partials_of_a_module_of_equinox_have_its_layers():
    eqx = pytest.importorskip("equinox")
    mlp = eqx.nn.MLP(8, 4, 16, 1, key=jax.random.key(0))
    expected = graph_of(mlp, (8,))
    for model in (mlp.__call__, functools.partial(mlp, key=None), functools.partial(mlp.__call__, key=None)):
        graph = graph_of(model, (8,))
        assert totals(graph) == totals(expected)
        assert [c.path for c in graph.calls if c.kind == "layer"] == ["", "layers/0", "layers/1"]
        assert graph.diagnostics == ()


def test_a_partial_of_any_method_of_equinox_has_its_weights():
    eqx = pytest.importorskip("equinox")

    class Encoder(eqx.Module):
        linear: eqx.nn.Linear

        def encode(self, x, scale=1.0):
            return self.linear(x) * scale

    model = Encoder(eqx.nn.Linear(8, 8, key=jax.random.key(0)))
    for method in (model.encode, functools.partial(model.encode, scale=2.0)):
        assert totals(graph_of(method, (8,)))["params"] == 72


def test_bound_variables_that_count_are_not_told_of_as_others():
    linen = pytest.importorskip("flax.linen")
    dense = linen.Dense(4)
    variables = dense.init(jax.random.key(0), jnp.ones((2, 8)))
    graph = graph_of(functools.partial(dense.apply, variables, mutable=False), (None, 8))
    assert (totals(graph)["params"], graph.diagnostics) == (36, ())


@pytest.mark.parametrize("bind", [functools.partial, nnx.cached_partial])
def test_step_with_module_and_optimizer_bound_is_read_and_changes_neither(bind):
    optax = pytest.importorskip("optax")

    def step(model, optimizer, x):
        loss, gradients = nnx.value_and_grad(lambda model: model(x).sum())(model)
        optimizer.update(model, gradients)
        return loss

    model = nnx.Linear(8, 4, rngs=nnx.Rngs(0))
    optimizer = nnx.Optimizer(model, optax.adam(1e-3), wrt=nnx.Param)
    before = np.array(model.kernel[...])
    for inputs in ((2, 8), ((2, 8),), {"x": (2, 8)}):
        graph = graph_of(bind(nnx.jit(step), model, optimizer), inputs)
        assert (graph.name, totals(graph)["params"]) == ("step", 36)
        assert [c.outputs[0].name for c in graph.calls if c.kind == "input"][-1] == "x"
    assert int(optimizer.step[...]) == 0
    assert np.array_equal(model.kernel[...], before)
