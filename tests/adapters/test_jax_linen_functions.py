"""Functions that call modules of Flax Linen: by ``apply``, or with the variables in them."""

from __future__ import annotations

import functools

import pytest

jax = pytest.importorskip("jax")
nn = pytest.importorskip("flax.linen")

from tests.adapters.jax_reading import calls_of, graph_of, sizes, totals  # noqa: E402

KEY = jax.random.key(0)
X = (None, 8)


class Block(nn.Module):
    @nn.compact
    def __call__(self, x, train=False):
        x = nn.BatchNorm(use_running_average=not train)(nn.Dense(8)(x))
        return nn.relu(nn.Dropout(0.5, deterministic=not train)(x))


class Net(nn.Module):
    def setup(self):
        self.body = [Block() for _ in range(2)]
        self.head = nn.Dense(4)

    def encode(self, x, train=False):
        for block in self.body:
            x = block(x, train)
        return x

    def __call__(self, x, train=False):
        return self.head(self.encode(x, train))


NET = Net()
VARIABLES = NET.init(KEY, jax.numpy.ones((1, 8)))
WITHOUT_VALUES = jax.eval_shape(NET.init, KEY, jax.ShapeDtypeStruct((1, 8), "float32"))
PARAMETERS, STATE = sizes(VARIABLES["params"]), sizes(VARIABLES["batch_stats"])

TYPES = ["Block", "Dense", "BatchNorm", "Dropout"]
LAYERS = [*(f"body_{i}{inside}" for i in range(2) for inside in ("", *(f"/{name}_0" for name in TYPES[1:]))), "head"]
TYPES = [*TYPES * 2, "Dense"]


def layers(graph):
    return [(c.path, c.op) for c in graph.calls if c.kind == "layer"][1:]


def bound(variables):
    model = NET.bind(variables)
    return {
        "a function": lambda x: 2 * model(x),
        "a jitted function": jax.jit(lambda x: 2 * model(x)),
        "a partial": functools.partial(lambda m, x: m(x), model),
        "jit": jax.jit(model),
        "vmap": jax.vmap(model),
        "vmap of a jitted method": jax.vmap(jax.jit(model.__call__)),
    }


@pytest.mark.parametrize("variables", [VARIABLES, WITHOUT_VALUES], ids=["values", "shapes"])
@pytest.mark.parametrize("what", bound(VARIABLES))
def test_a_module_with_its_variables_in_it_has_its_parameters_and_layers(what, variables):
    graph = graph_of(bound(variables)[what], X)
    assert layers(graph) == list(zip(LAYERS, TYPES, strict=True))
    assert (totals(graph)["params"], totals(graph)["buffers"]) == (PARAMETERS, STATE)
    assert totals(graph)["macs"] == 8 * 8 * 2 + 8 * 4
    assert not any("not counted" in note.message for note in graph.diagnostics)
    settings = dict(next(layer for layer in graph.layers if layer.path == "head").settings)
    assert settings["features"] == 4


def test_other_methods_and_modules_inside_one_with_variables_are_found_too():
    model = NET.bind(VARIABLES)
    graph = graph_of(jax.vmap(model.encode), X)
    assert (graph.name, totals(graph)["params"]) == ("encode", PARAMETERS)
    assert [path for path, _ in layers(graph)] == LAYERS[:-1]
    block = model.body[0]
    graph = graph_of(lambda x: block(x) + 1, X)
    assert [path for path, _ in layers(graph)] == ["Dense_0", "BatchNorm_0", "Dropout_0"]


APPLIED = {
    "variables": (lambda v, x: 2 * NET.apply(v, x), VARIABLES),
    "parameters alone": (lambda params, x: NET.apply({**VARIABLES, "params": params}, x), VARIABLES["params"]),
    "one of several": (
        lambda params, x: NET.apply(params["net"], x) * params["scale"],
        {"net": VARIABLES, "scale": 1.0},
    ),
    "a method": (NET.apply, VARIABLES),
    "cast": (lambda v, x: NET.apply(jax.tree.map(lambda a: a.astype("bfloat16"), v), x), VARIABLES),
}


@pytest.mark.parametrize("what", APPLIED)
def test_what_a_function_applies_has_layers_as_the_module_itself(what):
    function, tree = APPLIED[what]
    graph = graph_of(function, (tree, X))
    before = "net/" if what == "one of several" else ""
    found = [(path.removeprefix(before), op) for path, op in layers(graph) if path != "net"]
    assert found == list(zip(LAYERS, TYPES, strict=True))
    assert totals(graph)["params"] == PARAMETERS


def test_a_step_of_training_has_the_layers_and_their_gradients():
    optax = pytest.importorskip("optax")
    train_state = pytest.importorskip("flax.training.train_state")

    def step(state, stats, x, key):
        def loss(params):
            variables, keys = {"params": params, "batch_stats": stats}, {"dropout": key}
            given, changed = state.apply_fn(variables, x, train=True, mutable=["batch_stats"], rngs=keys)
            return given.mean(), changed

        (value, changed), gradients = jax.value_and_grad(loss, has_aux=True)(state.params)
        return state.apply_gradients(grads=gradients), changed, value

    state = train_state.TrainState.create(apply_fn=NET.apply, params=VARIABLES["params"], tx=optax.adam(1e-3))
    graph = graph_of(jax.jit(step), (state, VARIABLES["batch_stats"], X, KEY))
    assert layers(graph) == [
        ("params", "Net"),
        *((f"params/{path}", op) for path, op in zip(LAYERS, TYPES, strict=True)),
    ]
    assert totals(graph)["params"] == PARAMETERS
    assert [c.op for c in graph.calls if c.parent == 0 and c.op.startswith("gradient")] == ["gradient of Net"]


def test_two_modules_of_equal_structure_read_their_own_weights():
    one, other = (NET.init(jax.random.key(seed), jax.numpy.ones((1, 8))) for seed in range(2))
    graph = graph_of(
        lambda params, x: NET.apply(params["b"], NET.apply(params["a"], x).T @ x), ({"a": one, "b": other}, (8, 8))
    )
    for name in "ab":
        (call,) = calls_of(graph, f"{name}/head")
        assert {graph.parameters[i].owners[0] for i in call.parameters} == {f"{name}/head"}


def test_a_module_that_may_change_its_variables_keeps_them():
    model = NET.bind(VARIABLES, mutable=["batch_stats"], rngs={"dropout": KEY})
    before = jax.tree.map(id, model.variables)
    graph = graph_of(lambda x: model(x, train=True), X)
    assert [path for path, _ in layers(graph)] == LAYERS
    assert jax.tree.map(id, model.variables) == before
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(model.variables))


def test_an_average_of_all_variables_beside_the_parameters_is_not_trained():
    tree = {"params": VARIABLES["params"], "ema": VARIABLES}

    def distance(tree, x):
        given = NET.apply({"params": tree["params"], "batch_stats": VARIABLES["batch_stats"]}, x)
        return given - NET.apply(tree["ema"], x)

    graph = graph_of(distance, (tree, X))
    assert (totals(graph)["params"], totals(graph)["buffers"]) == (PARAMETERS, PARAMETERS + STATE)


RAN = []


class Counted(nn.Module):
    def setup(self):
        RAN.append(self)
        self.head = nn.Dense(4)

    def __call__(self, x):
        return self.head(x)

    def encode(self, x):
        return self.head(x)


AROUND = {
    "a function": lambda model: lambda x: 2 * model(x),
    "a method in vmap": lambda model: jax.vmap(model.encode),
    "a jitted method in vmap": lambda model: jax.vmap(jax.jit(model.encode)),
    "a method in vmap in a function": lambda model: lambda x: jax.vmap(model.encode)(2 * x),
}


@pytest.mark.parametrize("what", AROUND)
def test_the_setup_of_a_module_in_something_else_runs_in_copies_alone(what):
    model = Counted().bind({"params": {"head": VARIABLES["params"]["head"]}})
    function = AROUND[what](model)
    RAN.clear()
    assert totals(graph_of(function, X))["params"] == 36
    assert not any(module is model for module in RAN)
    assert "head" not in vars(model)
