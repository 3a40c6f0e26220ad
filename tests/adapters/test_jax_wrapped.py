"""Modules and arrays inside what is wrapped around them, such as ``jax.vmap``, with values or without."""

from __future__ import annotations

import functools

import pytest

jax = pytest.importorskip("jax")
eqx = pytest.importorskip("equinox")
pytest.importorskip("flax")

from flax import nnx  # noqa: E402

from nbviz.adapters import read  # noqa: E402
from tests.adapters.jax_reading import graph_of, totals  # noqa: E402

KEY = jax.random.key(0)
X = (None, 3)


class Coder(eqx.Module):
    mlp: eqx.nn.MLP

    def __init__(self, key):
        self.mlp = eqx.nn.MLP(3, 2, 8, 1, key=key)

    def __call__(self, x, key=None):
        return self.mlp(x, key=key)

    def encode(self, x):
        return self.mlp(x)

    @eqx.filter_jit
    def jitted(self, x):
        return self.mlp(x)


WRAPS = {
    "vmap": jax.vmap,
    "a partial in vmap": lambda model: jax.vmap(functools.partial(model, key=KEY)),
    "a partial in filter_vmap": lambda model: eqx.filter_vmap(functools.partial(model, key=KEY)),
    "a partial of vmap": lambda model: functools.partial(jax.vmap(model)),
    "a method in vmap": lambda model: jax.vmap(model.encode),
    "vmap in jit": lambda model: jax.jit(jax.vmap(model)),
    "filter_jit in vmap": lambda model: jax.vmap(eqx.filter_jit(model)),
    "a jitted method in vmap": lambda model: jax.vmap(jax.jit(model.__call__)),
    "a method that is jitted": lambda model: jax.vmap(model.jitted),
    "a module that is bound to a function in vmap": lambda model: jax.vmap(functools.partial(Coder.__call__, model)),
}


@pytest.mark.parametrize("without_values", [False, True])
@pytest.mark.parametrize("wrap", WRAPS)
def test_a_module_has_its_layers_whatever_is_wrapped_around_it(wrap, without_values):
    model = eqx.filter_eval_shape(Coder, KEY) if without_values else Coder(KEY)
    graph = graph_of(WRAPS[wrap](model), X)
    assert [c.path for c in graph.calls if c.kind == "layer"] == ["", "mlp", "mlp/layers/0", "mlp/layers/1"]
    assert totals(graph)["params"] == 3 * 8 + 8 + 8 * 2 + 2
    assert totals(graph)["macs"] == 3 * 8 + 8 * 2
    assert [c.inputs[0].shape for c in graph.calls if c.kind == "output"] == [(None, 2)]
    assert graph.diagnostics == ()


CHECKPOINTS = {
    "a module": (eqx.filter_checkpoint, "Coder"),
    "a method": (lambda model: eqx.filter_checkpoint(model.encode), "encode"),
    "a jitted method": (lambda model: jax.checkpoint(jax.jit(model.__call__)), "Coder"),
    "a function": (lambda model: jax.checkpoint(lambda x: 2 * model(x)), "<lambda>"),
}


@pytest.mark.parametrize("without_values", [False, True])
@pytest.mark.parametrize("what", CHECKPOINTS)
def test_a_checkpoint_is_a_frame_around_the_layers(what, without_values):
    model = eqx.filter_eval_shape(Coder, KEY) if without_values else Coder(KEY)
    wrap, name = CHECKPOINTS[what]
    graph = graph_of(wrap(model), (3,))
    assert graph.name == name
    assert [c.path for c in graph.calls if c.kind == "layer"] == ["", "mlp", "mlp/layers/0", "mlp/layers/1"]
    assert next(c.op for c in graph.calls if c.kind == "operation") == "checkpoint"
    assert totals(graph)["params"] == 50


def test_what_has_no_hash_says_what_to_wrap_it_by():
    reading = read(jax.checkpoint(Coder(KEY)), (3,))
    assert isinstance(reading.error, TypeError)
    assert "eqx.filter_checkpoint" in reading.graph.diagnostics[-1].message


MODELS_OF_EQUINOX = {
    "a model": (lambda model: model, (3,)),
    "vmap": (jax.vmap, X),
    "filter_jit in vmap": (lambda model: jax.vmap(eqx.filter_jit(model)), X),
    "a function": (lambda model: lambda x: [model(x)], (3,)),
}


@pytest.mark.parametrize("wrap", MODELS_OF_EQUINOX)
def test_a_model_of_a_class_of_equinox_itself_has_no_frame_of_its_own_name(wrap):
    around, inputs = MODELS_OF_EQUINOX[wrap]
    graph = graph_of(around(eqx.nn.MLP(3, 2, 8, 1, key=KEY)), inputs)
    inside = [c.path for c in graph.calls if c.parent == 0 and c.kind in {"layer", "operation"}]
    assert inside == ["layers/0", "relu#1", "layers/1"]


class Linear(nnx.Module):
    def __init__(self, rngs):
        self.linear = nnx.Linear(3, 2, rngs=rngs)

    def __call__(self, x):
        return self.linear(x)

    @nnx.jit
    def jitted(self, x):
        return self.linear(x)


WRAPS_OF_NNX = {
    "a jitted method in vmap": lambda model: jax.vmap(jax.jit(model.__call__)),
    "jit in vmap": lambda model: jax.vmap(nnx.jit(model)),
    "a method that is jitted": lambda model: jax.vmap(model.jitted),
}


@pytest.mark.parametrize("without_values", [False, True])
@pytest.mark.parametrize("wrap", WRAPS_OF_NNX)
def test_a_module_of_nnx_has_its_layers_whatever_is_wrapped_around_it(wrap, without_values):
    model = nnx.eval_shape(lambda: Linear(nnx.Rngs(0))) if without_values else Linear(nnx.Rngs(0))
    graph = graph_of(WRAPS_OF_NNX[wrap](model), X)
    assert [c.path for c in graph.calls if c.kind in {"layer", "operation"}] == ["", "linear"]
    assert totals(graph)["params"] == 8


def test_weights_of_a_module_that_nnx_maps_count():
    linear = nnx.Linear(3, 2, rngs=nnx.Rngs(0))
    assert totals(graph_of(nnx.vmap(linear), X))["params"] == 8


PARAMS = {"w": jax.ShapeDtypeStruct((3, 2), "float32")}


def test_a_function_may_read_arrays_without_values_around_it():
    weight, model = PARAMS["w"], eqx.filter_eval_shape(Coder, KEY)
    assert totals(graph_of(lambda x: x @ weight, X))["macs"] == 6
    assert totals(graph_of(lambda x: x @ PARAMS["w"], X))["macs"] == 6
    assert totals(graph_of(lambda x: jax.vmap(model)(x @ weight @ weight.T), X))["params"] == 50 + 6


def test_what_is_wrapped_may_read_arrays_without_values_around_it():
    assert totals(graph_of(jax.vmap(lambda x: x @ PARAMS["w"]), X))["params"] == 6


def out_of_reach(x):
    return x @ PARAMS["w"]


def test_arrays_without_values_that_are_out_of_reach_say_what_to_do():
    reading = read(lambda x: out_of_reach(x) + 1, X)
    assert isinstance(reading.error, TypeError)
    assert "inputs=(params, x)" in reading.graph.diagnostics[-1].message


def test_a_sharding_that_is_part_of_the_type_of_an_array_is_there_for_the_model():
    if not hasattr(jax.sharding, "AxisType"):
        pytest.skip("this JAX has none")
    mesh = jax.make_mesh((1,), ("d",), axis_types=(jax.sharding.AxisType.Explicit,))
    place = lambda *axes: jax.NamedSharding(mesh, jax.P(*axes))  # noqa: E731
    params = {"w": jax.device_put(jax.numpy.ones((3, 2)), place(None, "d"))}
    x = jax.ShapeDtypeStruct((4, 3), "float32", sharding=place())

    def model(params, x):
        made = x @ params["w"]
        assert jax.typeof(made).sharding.spec == jax.P(None, "d")
        return jax.sharding.reshard(made, jax.P())

    with jax.set_mesh(mesh):
        graph = graph_of(model, (params, x))
        assert [c.op for c in graph.calls if c.kind == "operation"] == ["dot_general", "reshard"]
        unlike = {"w": params["w"], "b": jax.device_put(jax.numpy.ones(4), place("d"))}  # with what has a shape alone
        assert totals(graph_of(lambda params, x: (x @ params["w"]).T + params["b"], (unlike, (4, 3))))["macs"] == 24


BOUND = {
    "modules of Equinox": ([Coder(KEY), Coder(KEY)], 100),
    "modules of NNX": ([nnx.Linear(3, 2, rngs=nnx.Rngs(seed)) for seed in range(2)], 16),
}


@pytest.mark.parametrize("what", BOUND)
def test_all_modules_that_are_bound_to_what_is_wrapped_count(what):
    bound, parameters = BOUND[what]
    function = functools.partial(lambda one, other, x: one(x) + other(x), *bound)
    assert totals(graph_of(jax.vmap(function), X))["params"] == parameters


BESIDE = {
    "an array": (lambda weight, model, x: model(x @ weight), jax.numpy.ones((3, 3)), 9),
    "a module": (lambda linear, model, x: model(linear(x)), eqx.nn.Linear(3, 3, key=KEY), 12),
}


@pytest.mark.parametrize("what", BESIDE)
@pytest.mark.parametrize(("wrap", "inputs"), [(jax.vmap, X), (lambda function: function, (3,))], ids=["vmap", "alone"])
def test_what_is_bound_beside_a_module_counts(wrap, inputs, what):
    function, bound, parameters = BESIDE[what]
    graph = graph_of(wrap(functools.partial(function, bound, Coder(KEY))), inputs)
    assert totals(graph)["params"] == parameters + 50


def test_what_is_bound_beside_parameters_that_are_called_so_is_none():
    averages, params = {"w": jax.numpy.ones((3, 2))}, {"w": jax.numpy.ones((3, 5))}
    function = functools.partial(lambda averages, params, x: x @ params["w"], averages, params)
    assert totals(graph_of(function, X))["params"] == 15


def test_functions_may_read_each_other_around_arrays_without_values():
    weight = jax.ShapeDtypeStruct((3, 3), "float32")

    def one(x, times=20):
        return x if times == 0 else one(x @ weight, times - 1)

    assert totals(graph_of(one, X))["macs"] == 20 * 9

    def a(x, times=1):
        return x if times == 0 else sum(f(x @ weight, times - 1) for f in (b, c, d, e))

    def b(x, times=1):
        return x if times == 0 else sum(f(x @ weight, times - 1) for f in (a, c, d, e))

    def c(x, times=1):
        return x if times == 0 else sum(f(x @ weight, times - 1) for f in (a, b, d, e))

    def d(x, times=1):
        return x if times == 0 else sum(f(x @ weight, times - 1) for f in (a, b, c, e))

    def e(x, times=1):
        return x if times == 0 else sum(f(x @ weight, times - 1) for f in (a, b, c, d))

    graph = graph_of(lambda x: a(x, 2), X)
    assert (totals(graph)["params"], totals(graph)["macs"]) == (9, (4 + 16) * 9)
