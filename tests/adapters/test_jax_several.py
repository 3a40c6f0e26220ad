"""Functions of several models: bound to them, given to them, or both kinds of a library's together."""

from __future__ import annotations

import functools

import numpy as np
import pytest

jax = pytest.importorskip("jax")
nnx = pytest.importorskip("flax.nnx")

from nbviz.errors import InputsError  # noqa: E402
from tests.adapters.jax_reading import calls_of, graph_of, totals  # noqa: E402

X = (None, 8)


class Norm(nnx.Module):
    def __init__(self):
        self.linear, self.norm = nnx.Linear(8, 8, rngs=nnx.Rngs(0)), nnx.BatchNorm(8, rngs=nnx.Rngs(0))

    def __call__(self, x):
        return self.norm(self.linear(x))


OTHER, THREE = Norm(), nnx.Linear(8, 3, rngs=nnx.Rngs(2))
NORM, HEAD = Norm(), nnx.Linear(8, 4, rngs=nnx.Rngs(1))
INSIDE = ["norm", "norm/linear", "norm/norm"]


def run(norm, head, x):
    return head(norm(x))


def backwards(x, norm, head):
    return run(norm, head, x)


def by_default(x, norm=NORM, *, head=HEAD):
    return run(norm, head, x)


FUNCTIONS = {
    "bound": (functools.partial(run, NORM, HEAD), X),
    "bound by name": (functools.partial(backwards, norm=NORM, head=HEAD), X),
    "bound in both ways": (functools.partial(lambda norm, x, head: run(norm, head, x), NORM, head=HEAD), X),
    "bound one by one": (functools.partial(functools.partial(run, NORM), HEAD), X),
    "bound and jitted": (nnx.jit(functools.partial(run, NORM, HEAD)), X),
    "by default": (by_default, X),
    "given": (run, (NORM, HEAD, X)),
    "given behind the input": (backwards, (X, NORM, HEAD)),
    "given by name": (run, {"x": X, "norm": NORM, "head": HEAD}),
    "one bound, one given": (functools.partial(run, NORM), (HEAD, X)),
}


@pytest.mark.parametrize("what", FUNCTIONS)
def test_all_modules_of_nnx_are_layers_of_a_function_and_do_not_change(what):
    graph = graph_of(*FUNCTIONS[what])
    assert (totals(graph)["params"], totals(graph)["buffers"]) == (72 + 16 + 36, 16)
    assert totals(graph)["macs"] == 8 * 8 + 8 * 4
    assert [c.path for c in graph.calls if c.kind == "layer"] == ["", *INSIDE, "head"]
    assert [c.outputs[0].name for c in graph.calls if c.kind == "input"] == ["x"]
    assert graph.diagnostics == ()
    assert not NORM.norm.mean[...].any()


def test_modules_bound_to_arguments_without_names_of_their_own_count():
    graph = graph_of(functools.partial(lambda *args: args[1](args[0](args[2])), NORM, HEAD), X)
    assert totals(graph)["params"] == 8 * 8 + 8 + 16 + 8 * 4 + 4


def test_a_module_that_is_bound_twice_counts_once():
    graph = graph_of(functools.partial(lambda one, other, x: one(x) + other(x), NORM, NORM), X)
    assert totals(graph)["params"] == 72 + 16
    assert len(calls_of(graph, "one")) == 2


@pytest.mark.parametrize("hold", [list, tuple, lambda modules: dict(enumerate(modules))])
def test_modules_in_a_container_beside_another_are_layers(hold):
    function = functools.partial(lambda held, norm, x: held[1](held[0](norm(x))), hold([NORM, HEAD]), Norm())
    graph = graph_of(function, X)
    assert totals(graph)["params"] == 2 * (72 + 16) + 36
    assert len(calls_of(graph, "held/1")) == len(calls_of(graph, "norm/norm")) == 1
    assert not NORM.norm.mean[...].any()


def test_what_is_bound_beside_a_module_that_changes_counts_too():
    eqx = pytest.importorskip("equinox")
    linen = pytest.importorskip("flax.linen")
    dense = linen.Dense(8)
    held = {
        "an array": (jax.numpy.ones((8, 4)), 32, lambda weight, x: x @ weight),
        "a module of Equinox": (eqx.nn.Linear(8, 4, key=jax.random.key(0)), 36, lambda linear, x: jax.vmap(linear)(x)),
        "a module of Linen": (
            dense.bind(dense.init(jax.random.key(0), jax.numpy.ones((1, 8)))),
            72,
            lambda dense, x: dense(x),
        ),
    }
    for bound, params, then in held.values():
        graph = graph_of(functools.partial(lambda then, norm, other, x: then(other, norm(x)), then, NORM, bound), X)
        assert totals(graph)["params"] == 72 + 16 + params
        assert len(calls_of(graph, "norm/norm")) == 1
    assert not NORM.norm.mean[...].any()


def test_models_of_equinox_that_are_given_all_count_and_a_batch_is_none():
    eqx = pytest.importorskip("equinox")

    class Batch(eqx.Module):
        x: jax.Array

    one, other = (eqx.nn.Linear(8, 8, key=jax.random.key(seed)) for seed in range(2))
    graph = graph_of(lambda batch, one, other: other(one(batch.x)), (Batch(jax.numpy.ones(8)), one, other))
    assert [c.path for c in graph.calls if c.kind == "layer"] == ["", "one", "other"]
    assert totals(graph)["params"] == 2 * 72
    assert [c.outputs[0].name for c in graph.calls if c.kind == "input"] == ["batch.x"]


def test_modules_of_linen_with_their_variables_that_are_given_count():
    linen = pytest.importorskip("flax.linen")
    one, other = (linen.Dense(8, name=f"dense_{seed}") for seed in range(2))
    one, other = (m.bind(m.init(jax.random.key(0), jax.numpy.ones((1, 8)))) for m in (one, other))
    for function, inputs, params in [
        (lambda model, x: 2 * model(x), (one, X), 72),
        (lambda model, x: 2 * model(x), {"x": X, "model": one}, 72),
        (lambda one, other, x: other(one(x)), (one, other, X), 2 * 72),
    ]:
        graph = graph_of(function, inputs)
        assert (totals(graph)["params"], graph.diagnostics) == (params, ())
        assert [c.outputs[0].name for c in graph.calls if c.kind == "input"] == ["x"]


def test_a_step_of_two_models_with_their_optimizers_counts_both_and_changes_neither():
    optax = pytest.importorskip("optax")

    def step(model, critic, optimizers, x):
        losses = {}
        for name, part in (("model", model), ("critic", critic)):
            whole = lambda part, name=name: (critic(part(x)) if name == "model" else part(model(x))).mean()  # noqa: E731
            losses[name], gradients = nnx.value_and_grad(whole)(part)
            optimizers[name].update(part, gradients)
        return losses

    def apart(model, critic, one, other, x):
        return step(model, critic, {"model": one, "critic": other}, x)

    bound = {"model": nnx.Linear(8, 8, rngs=nnx.Rngs(1)), "critic": nnx.Linear(8, 1, rngs=nnx.Rngs(2))}
    optimizers = [nnx.Optimizer(module, optax.adam(1e-3), wrt=nnx.Param) for module in bound.values()]
    before = np.array(bound["critic"].kernel[...])
    functions = [
        functools.partial(apart, *bound.values(), *optimizers),
        functools.partial(apart, **bound, **dict(zip(["one", "other"], optimizers, strict=True))),
    ]
    for function, inputs in zip(functions, [((2, 8),), {"x": (2, 8)}], strict=True):
        graph = graph_of(function, inputs)
        assert (graph.name, totals(graph)["params"]) == ("apart", 72 + 9)
        ends = [c.inputs[0].name for c in graph.calls if c.kind == "output"]
        assert ends == ["output['critic']", "output['model']"]
    assert all(int(optimizer.step[...]) == 0 for optimizer in optimizers)
    assert np.array_equal(bound["critic"].kernel[...], before)


DEFINITION, STATE = nnx.split(NORM)


def merged(state, head, x):
    return run(nnx.merge(DEFINITION, state), head, x)


def held(modules, head, x):
    return run(modules[0], head, x)


@pytest.mark.parametrize(
    ("function", "inputs"),
    [
        (merged, (STATE, HEAD, X)),
        (merged, {"x": X, "head": HEAD, "state": STATE}),
        (functools.partial(merged, head=HEAD), {"state": STATE, "x": X}),
        (held, ([NORM], HEAD, X)),
        (held, ({0: NORM}, HEAD, X)),
        (functools.partial(held, [NORM]), (HEAD, X)),
        (lambda head, modules, x: held(modules, head, x), (HEAD, (NORM,), X)),
        (functools.partial(lambda head, modules, x: held(modules, head, x), HEAD), ((NORM,), X)),
        (lambda x, **modules: run(modules["norm"], modules["head"], x), {"x": X, "norm": NORM, "head": HEAD}),
    ],
)
def test_the_state_of_a_model_and_containers_of_models_count_beside_another(function, inputs):
    graph = graph_of(function, inputs)
    assert (totals(graph)["params"], totals(graph)["buffers"]) == (72 + 16 + 36, 16)
    assert [c.outputs[0].name for c in graph.calls if c.kind == "input"] == ["x"]
    assert graph.diagnostics == ()
    assert not NORM.norm.mean[...].any()


def test_the_state_of_an_optimizer_of_equinox_is_no_model():
    eqx, optax = pytest.importorskip("equinox"), pytest.importorskip("optax")
    linear = eqx.nn.Linear(8, 8, key=jax.random.key(0))
    state = optax.adam(1e-3).init(eqx.filter(linear, eqx.is_array))
    graph = graph_of(lambda model, state, x, y: (jax.vmap(model)(x) - y, state), (linear, state, (2, 8), (2, 8)))
    assert (totals(graph)["params"], graph.diagnostics) == (72, ())
    graph = graph_of(lambda models, other, x: other(models[0](x)), ([linear], linear, (8,)))
    assert totals(graph)["params"] == 2 * 72


LOW = {"a": np.ones((8, 2), np.float32), "b": np.ones((2, 8), np.float32)}


def adapted(low, head, x):
    return head(x @ low["a"] @ low["b"])


def with_params(params, head, x):
    return adapted(params, head, x)


def test_arrays_beside_a_model_that_may_be_weights_are_told_of():
    for function, inputs in [
        (adapted, (LOW, HEAD, X)),
        (adapted, (LOW, HEAD, np.ones((2, 8), np.float32))),
        (adapted, {"x": X, "head": HEAD, "low": LOW}),
        (lambda head, low, x: adapted(low, head, x), (HEAD, LOW, X)),
        (lambda low, one, two, x: two(one(adapted(low, lambda x: x, x))), (LOW, NORM, HEAD, X)),
    ]:
        (note,) = graph_of(function, inputs).diagnostics
        assert note.message.endswith("whether their arrays are parameters: low. Name the argument that is `params`.")
    graph = graph_of(with_params, (LOW, HEAD, X))
    assert (totals(graph)["params"], graph.diagnostics) == (32 + 36, ())


@pytest.mark.parametrize(
    "more", [(), (np.float32(1.0),), (jax.random.key(0),), (nnx.metrics.Average(),), (nnx.Rngs(0),)]
)
def test_a_batch_that_is_the_only_input_of_a_model_is_not_told_of(more):
    batch = {"x": np.ones((2, 8), np.float32), "y": np.ones((2, 4), np.float32)}
    graph = graph_of(lambda head, batch, *more: head(batch["x"]) - batch["y"], (HEAD, batch, *more))
    assert (totals(graph)["params"], graph.diagnostics) == (36, ())


def all_by_default(m=NORM, h=HEAD, x=None):
    return h(m(x))


@pytest.mark.parametrize(
    ("function", "inputs", "params"),
    [
        (functools.partial(all_by_default, OTHER, THREE), X, 72 + 16 + 27),
        (functools.partial(all_by_default, h=THREE), {"x": X}, 72 + 16 + 27),
        (functools.partial(lambda x, m=NORM, h=HEAD: h(m(x)), m=OTHER, h=THREE), X, 72 + 16 + 27),
        (functools.partial(functools.partial(all_by_default, m=NORM, h=HEAD), m=OTHER, h=THREE), {"x": X}, 88 + 27),
        (functools.partial(lambda m, x: m(x), m=NORM), {"m": THREE, "x": X}, 27),
    ],
)
def test_what_is_bound_takes_the_place_of_a_default(function, inputs, params):
    graph = graph_of(function, inputs)
    assert (totals(graph)["params"], graph.diagnostics) == (params, ())
    assert not OTHER.norm.mean[...].any()


def test_an_argument_that_is_given_is_not_told_of_as_its_default():
    graph = graph_of(lambda params, x, m=NORM: m(x) @ params["a"], (LOW, X, OTHER))
    assert (totals(graph)["params"], graph.diagnostics) == (32 + 72 + 16, ())


def step(model, x, /, *, optimizer):
    loss, gradients = nnx.value_and_grad(lambda model: model(x).sum())(model)
    optimizer.update(model, gradients)
    return loss


def any_step(*args, optimizer):
    return step(*args, optimizer=optimizer)


@pytest.mark.parametrize("function", [step, any_step])
@pytest.mark.parametrize("inputs", [(2, 8), ((2, 8),)])
def test_a_step_may_take_the_model_by_position_and_the_optimizer_by_name_only(function, inputs):
    optax = pytest.importorskip("optax")
    model = nnx.Linear(8, 4, rngs=nnx.Rngs(1))
    optimizer = nnx.Optimizer(model, optax.adam(1e-3), wrt=nnx.Param)
    graph = graph_of(functools.partial(function, model, optimizer=optimizer), inputs)
    assert (graph.name, totals(graph)["params"]) == (function.__name__, 36)
    assert int(optimizer.step[...]) == 0


@pytest.mark.parametrize(
    ("function", "inputs"),
    [
        (functools.partial(lambda m, x: m(x), NORM), {"m": OTHER, "x": X}),
        (functools.partial(lambda m, x: m(x), m=NORM), (OTHER, X)),
    ],
)
def test_an_argument_that_is_bound_and_given_is_refused(function, inputs):
    with pytest.raises(InputsError, match=r"multiple values for argument 'm'\. These are bound already: m\."):
        graph_of(function, inputs)


def test_a_module_that_is_in_a_container_too_does_not_change():
    modules, first, inner = [NORM, OTHER], NORM, NORM.norm
    graph = graph_of(lambda x: first(modules[1](modules[0](x))), X)
    assert (totals(graph)["params"], totals(graph)["buffers"]) == (2 * 88, 2 * 16)
    weight = jax.numpy.ones((8, 2))
    graph = graph_of(lambda x: inner(modules[1](modules[0](x))) @ weight, X)
    assert totals(graph)["params"] == 2 * 88 + 16
    graph = graph_of(lambda m, x: first(m(x)), (NORM, X))
    assert (totals(graph)["params"], graph.diagnostics) == (88, ())
    assert not NORM.norm.mean[...].any()
    assert not OTHER.norm.mean[...].any()


def test_a_module_around_a_function_that_is_given_another_does_not_change_and_is_told_of():
    for function, inputs, params in [
        (lambda m, x: NORM(m(x)), (OTHER, X), 88),
        (lambda params, x: NORM(x) @ params["a"], (LOW, X), 32),
        (functools.partial(lambda params, x: NORM(x) @ params["a"], LOW), X, 32),
    ]:
        graph = graph_of(function, inputs)
        assert totals(graph)["params"] == params
        assert "are not counted as its parameters" in graph.diagnostics[0].message
    assert not NORM.norm.mean[...].any()


@pytest.mark.parametrize("hold", [list, tuple, lambda modules: dict(zip("ab", modules, strict=True))])
def test_a_module_that_is_in_a_container_twice_counts_once(hold):
    modules = hold([NORM, NORM])
    before = nnx.graphdef([NORM, NORM])

    def call(modules, x):
        for module in modules.values() if isinstance(modules, dict) else modules:
            x = module(x)
        return x

    for function, inputs in [
        (functools.partial(call, modules), X),
        (call, (modules, X)),
        (lambda x: call(modules, x), X),
        (lambda modules, norm, x: norm(call(modules, x)), (modules, NORM, X)),
    ]:
        graph = graph_of(function, inputs)
        assert (totals(graph)["params"], totals(graph)["buffers"]) == (88, 16)
    assert nnx.graphdef([NORM, NORM]) == before
    assert not NORM.norm.mean[...].any()
