"""Functions that cast all parameters before they call a model with them."""

from __future__ import annotations

import pytest

jax = pytest.importorskip("jax")
nn = pytest.importorskip("flax.linen")
eqx = pytest.importorskip("equinox")

from flax import nnx  # noqa: E402

from tests.adapters.jax_reading import from_nowhere, graph_of, totals  # noqa: E402

KEY = jax.random.key(0)
X = (4, 8)


def cast(tree):
    return jax.tree.map(lambda leaf: leaf.astype("bfloat16") if eqx.is_array(leaf) else leaf, tree)


def unchanged(tree):
    return tree


class Block(nn.Module):
    @nn.compact
    def __call__(self, x, _):
        return x + nn.Dense(8)(nn.LayerNorm()(x)), None


class Looped(nn.Module):
    lift: str

    @nn.compact
    def __call__(self, x):
        block = nn.remat(Block) if self.lift == "checkpoint" else Block
        if self.lift == "scan":
            block = nn.scan(block, variable_axes={"params": 0}, split_rngs={"params": True}, length=3)
        return nn.Dense(2)(block()(x, None)[0])


class Stacked(eqx.Module):
    first: eqx.nn.Linear
    second: eqx.nn.Linear

    def __init__(self, key):
        make = eqx.filter_vmap(lambda key: eqx.nn.Linear(8, 8, key=key))
        self.first, self.second = (make(jax.random.split(one, 3)) for one in jax.random.split(key))

    def __call__(self, x):
        for stack in (self.first, self.second):
            x, _ = jax.lax.scan(lambda x, linear: (jax.vmap(linear)(x).astype("bfloat16"), None), x, stack)
        return x


def of_linen(lift):
    model = Looped(lift)
    return lambda change: lambda params, x: model.apply(change(params), x), model.init(KEY, jax.numpy.ones(X))


def of_nnx():
    definition, state = nnx.split(
        nnx.Sequential(nnx.Linear(8, 8, rngs=nnx.Rngs(0)), nnx.LayerNorm(8, rngs=nnx.Rngs(0)))
    )
    return lambda change: lambda state, x: nnx.merge(definition, change(state))(x), state


def of_equinox():
    return lambda change: lambda model, x: change(model)(x.astype("bfloat16")), Stacked(KEY)


MODELS = {
    "Linen": lambda: of_linen(""),
    "Linen in a checkpoint": lambda: of_linen("checkpoint"),
    "Linen in a loop": lambda: of_linen("scan"),
    "NNX": of_nnx,
    "Equinox in two loops": of_equinox,
}


def layers(graph):
    """The calls of layers with the parameters that each reads."""
    return [
        (call.path, sorted((*graph.parameters[i].owners, graph.parameters[i].name) for i in call.parameters))
        for call in graph.calls
        if call.kind == "layer"
    ]


@pytest.mark.parametrize("what", MODELS)
def test_layers_have_their_parameters_as_without_the_cast(what):
    make, tree = MODELS[what]()
    graph, expected = (graph_of(make(change), (tree, X)) for change in (cast, unchanged))
    assert layers(graph) == layers(expected)
    assert totals(graph) == totals(expected)
    assert [c.op for c in graph.calls if c.parent == 0] == [c.op for c in expected.calls if c.parent == 0]


@pytest.mark.parametrize("change", [cast, unchanged])
@pytest.mark.parametrize("what", MODELS)
def test_every_input_of_a_call_and_every_output_comes_from_a_call(what, change):
    make, tree = MODELS[what]()
    function = make(change)
    assert from_nowhere(graph_of(function, (tree, X))) == []
    gradients = jax.value_and_grad(lambda tree, x: function(tree, x).astype("float32").mean())
    assert from_nowhere(graph_of(gradients, (tree, X))) == []


def test_gradients_of_a_checkpoint_do_not_give_cast_weights_out_of_layers():
    make, tree = MODELS["Linen in a checkpoint"]()
    graph = graph_of(jax.grad(lambda params, x: make(cast)(params, x).mean()), (tree, X))
    forward = [c for c in graph.calls if c.kind == "layer"][1:5]
    assert [[made.shape for made in c.outputs] for c in forward] == [[X]] * 3 + [[(4, 2)]]


def test_a_cast_for_an_operation_is_a_step():
    graph = graph_of(lambda params, x: x @ params["w"].astype("bfloat16"), ({"w": jax.numpy.ones((8, 2))}, X))
    assert [c.op for c in graph.calls if c.kind == "operation"] == ["convert_element_type", "dot_general"]


OTHER_NUMBERS = {
    "a mask": ("float32", "bool", lambda mask, x: jax.lax.scan(lambda x, _: (x * mask[0], None), x, None, 3)[0]),
    "indices": ("float32", "int32", jax.jit(lambda at, x: x[0][at])),
    "whole numbers for a module": (
        "int8",
        "float32",
        lambda table, x: nn.Embed(8, 8).apply({"params": {"embedding": table}}, x.astype("int32")),
    ),
    "whole numbers for a function": ("int8", "float32", jax.jit(lambda table, x: x @ table)),
    "fewer whole numbers": ("int32", "int8", jax.jit(lambda table, x: x * table[0])),
}


@pytest.mark.parametrize("what", OTHER_NUMBERS)
def test_a_cast_that_makes_other_numbers_is_a_step(what):
    before, after, function = OTHER_NUMBERS[what]
    params = {"table": jax.numpy.ones((8, 8), before)}
    graph = graph_of(lambda params, x: function(params["table"].astype(after), x), (params, X))
    steps = [c for c in graph.calls if c.kind == "operation" and c.parent == 0]
    assert (steps[0].op, len(steps[0].parameters)) == ("convert_element_type", 1)


@pytest.mark.parametrize(("before", "after"), [("int8", "int32"), ("uint8", "int16"), ("float32", "float16")])
def test_a_cast_to_a_wider_form_is_none(before, after):
    params = {"table": jax.numpy.ones((8, 8), before)}
    graph = graph_of(lambda params, x: jax.jit(lambda t, x: x * t[0])(params["table"].astype(after), x), (params, X))
    assert [c.op for c in graph.calls if c.kind == "operation" and c.parent == 0] == ["jit"]


def readers(graph, name):
    return [c.op for c in graph.calls if name in {graph.parameters[i].name for i in c.parameters}]


@pytest.mark.parametrize(("scope", "reader"), [("proj", "convert_element_type"), ("dense", "dot_general")])
def test_a_scope_is_seen_through_to_the_operation_that_needs_a_cast_unless_it_is_a_layer(scope, reader):
    def function(params, x):
        kernel = cast(params["dense"]["kernel"])
        with jax.named_scope("outer"), jax.named_scope(scope):
            return x @ kernel

    params = {"dense": {"kernel": jax.numpy.ones((8, 2)), "bias": jax.numpy.ones(2)}, "scale": jax.numpy.ones(2)}
    assert readers(graph_of(function, (params, X)), "kernel") == [reader]


def test_a_call_in_a_scope_has_its_parameters_through_several_casts():
    model = nn.Sequential([nn.Dense(2)])

    def function(params, x):
        half = cast(params)
        with jax.named_scope("outer"):
            return model.apply(jax.tree.map(lambda leaf: leaf.astype("float32"), half), x)

    graph = graph_of(function, (model.init(KEY, jax.numpy.ones(X)), X))
    assert readers(graph, "kernel") == ["Dense"]
    assert "convert_element_type" not in graph.calls.column("op")
