"""Equinox modules and functions of a tree of parameters."""

from __future__ import annotations

import functools
import sys
import threading

import networkx as nx
import numpy as np
import pytest

jax = pytest.importorskip("jax")
eqx = pytest.importorskip("equinox")
pytest.importorskip("flax")

import jax.numpy as jnp  # noqa: E402
from flax import nnx  # noqa: E402

from nbviz import adapters  # noqa: E402
from nbviz.adapters import read  # noqa: E402
from nbviz.errors import InputsError, UnsupportedModelError  # noqa: E402
from tests.adapters.jax_reading import calls_of, edges, graph_of, sizes, totals  # noqa: E402
from tests.models import jax_models as models  # noqa: E402

KEY = jax.random.key(0)
BLOCK = 6 * 8 * 8 * 4 + 2 * 6 * 6 * 8 + 2 * 6 * 8 * 32


@pytest.mark.parametrize("name", models.EQUINOX)
def test_totals_and_result_are_those_of_equinox(name):
    model, example = models.equinox_case(name)
    graph = graph_of(model, example)
    arrays = eqx.filter(model, lambda leaf: isinstance(leaf, jax.ShapeDtypeStruct))
    assert totals(graph)["params"] == sizes(arrays)
    result = eqx.filter_eval_shape(lambda m, x: m(x), model, example)
    assert [c.inputs[0].shape for c in graph.calls if c.kind == "output"] == [result.shape]
    assert totals(graph_of(model))["params"] == sizes(arrays)


def test_modules_of_equinox_nest_also_where_they_are_jitted_and_mapped():
    model = models.EqxMlp(KEY)
    paths = ["first", "drop", "rest", "rest/layers/0", "rest/layers/1"]
    for mapped, shape in ((model, (3,)), (jax.vmap(model), (None, 3)), (eqx.filter_vmap(model), (None, 3))):
        graph = graph_of(mapped, shape)
        assert [c.path for c in graph.calls if c.kind == "layer"] == ["", *paths]
        assert calls_of(graph, "rest")[0].outputs[0].shape == (2,) if mapped is model else (None, 2)
        assert {("relu#1", "drop"), ("drop", "rest/layers/0")} <= edges(graph)
        assert totals(graph)["macs"] == 3 * 4 + 4 * 8 + 8 * 2
        assert totals(graph)["params"] == sizes(eqx.filter(model, eqx.is_array))
        assert all(call.parameters for call in graph.calls if call.op == "Linear")


def test_macs_are_those_of_the_contractions():
    gpt, example = models.equinox_case("gpt")
    assert totals(graph_of(gpt, example))["macs"] == 2 * BLOCK + 6 * 8 * 50
    scanned, example = models.equinox_case("scanned")
    assert totals(graph_of(scanned, example))["macs"] == 4 * BLOCK


def test_block_that_a_loop_puts_together_is_found_by_the_weights_that_it_reads():
    model, example = models.equinox_case("scanned")
    graph = graph_of(model, example)
    [looped], [last] = calls_of(graph, "layers"), calls_of(graph, "last")
    assert graph.calls[looped.parent].op == "scan"
    assert last.parent == 0
    assert {c.path for c in graph.calls if c.parent == looped.id and c.kind == "layer"} == {
        f"layers/{name}" for name in ("norm", "attention", "up", "down")
    }


def test_state_of_equinox_goes_in_and_out():
    model, state = eqx.nn.make_with_state(models.EqxStateful)(KEY)
    mapped = jax.vmap(model, axis_name="batch", in_axes=(0, None), out_axes=(0, None))
    graph = graph_of(mapped, ((None, 3, 8, 8), state))
    assert [c.path for c in graph.calls if c.kind == "layer"] == ["", "conv", "norm"]
    assert calls_of(graph, "norm")[0].outputs[0].shape == (None, 4, 6, 6)
    assert totals(graph)["params"] == sizes(eqx.filter(model, eqx.is_array))


def test_batch_that_equinox_does_not_take_is_explained():
    reading = read(models.EqxMlp(KEY), (None, 3))
    [failed] = [c for c in reading.graph.calls if c.failed]
    assert failed.path == "first"
    assert "jax.vmap(model)" in reading.graph.diagnostics[0].message


def test_pure_function_of_a_tree_of_parameters():
    params = models.gpt_params()
    graph = graph_of(models.gpt, (params, ((None, 6), "int32")))
    assert graph.name == "gpt"
    assert totals(graph)["params"] == sizes(params)
    assert totals(graph)["bytes"] == 2 * sizes(params)
    assert totals(graph)["macs"] == 2 * BLOCK + 6 * 8 * 50
    assert {p.dtype for p in graph.parameters} == {"bfloat16"}
    called = [c.path for c in graph.calls if c.kind == "layer"][1:]
    blocks = (f"blocks/{i}{name}" for i in (0, 1) for name in ("", "/attention", "/mlp"))
    assert called == ["blocks", *blocks]  # by the weights that they read
    assert "einsum" in {c.op for c in graph.calls}
    assert {"softmax", "silu"} <= {c.op for c in graph.calls}
    assert [c.outputs[0].name for c in graph.calls if c.kind == "input"] == ["x"]
    assert [c.inputs[0].name for c in graph.calls if c.kind == "output"] == ["output['logits']"]
    assert graph.layers[graph.layer_index["blocks/0/mlp"]].accessor == "['blocks'][0]['mlp']"
    jitted = graph_of(jax.jit(models.gpt), (params, ((None, 6), "int32")))
    assert jitted == graph


def test_function_of_a_module_of_nnx_shows_its_calls():
    def loss(model, x):
        return model(x).sum()

    model = models.Mlp(nnx.Rngs(0))
    graph = graph_of(loss, (model, (None, 8)))
    assert graph.name == "loss"
    assert [c.path for c in graph.calls if c.kind == "layer"] == ["", "up", "drop", "down"]
    assert totals(graph) == totals(graph_of(model, (None, 8)))


@pytest.mark.parametrize("wrap", [jax.checkpoint, jax.tree_util.Partial, functools.partial, eqx.filter_jit, nnx.jit])
def test_functions_in_wrappers_are_functions(wrap):
    def function(params, x):
        return x @ params["w"]

    graph = graph_of(wrap(function), ({"w": np.ones((3, 2), np.float32)}, (None, 3)))
    assert totals(graph)["macs"] == totals(graph)["params"] == 6
    assert [p.name for p in graph.parameters] == ["w"]


def test_functions_that_differentiate_themselves_are_frames():
    @jax.custom_vjp
    def mine(x, w):
        return x @ w

    mine.defvjp(lambda x, w: (x @ w, (x, w)), lambda kept, g: (g @ kept[1].T, kept[0].T @ g))
    graph = graph_of(lambda p, x: mine(x, p["w"]), ({"w": jnp.ones((4, 4))}, (None, 4)))
    assert [c.path for c in graph.calls] == ["", "input#1", "mine#1", "mine#1/dot_general#1", "output#1"]
    assert graph.calls[3].parameters == (0,)


def test_loop_multiplies_the_macs_in_it_by_its_length():
    def function(params, x):
        y, steps = jax.lax.scan(lambda c, w: (c @ w, c), x, params["stack"])
        return jax.lax.fori_loop(0, 3, lambda i, x: x @ params["w"], y), steps

    params = {"stack": jnp.ones((5, 4, 4)), "w": jnp.ones((4, 4))}
    graph = graph_of(function, (params, (None, 4)))
    assert totals(graph)["macs"] == (5 + 3) * 4 * 4
    assert [c.inputs[0].shape for c in graph.calls if c.kind == "output"] == [(None, 4), (5, None, 4)]
    assert ("scan#1/dot_general#1", "scan#2/dot_general#1") in edges(graph)


def test_scope_with_the_name_of_a_layer_is_a_call_of_it():
    def function(params, x):
        with jax.named_scope("up"):
            return jax.nn.gelu(jax.nn.gelu(x @ params["up"]["w"]))

    graph = graph_of(function, ({"up": {"w": jnp.ones((3, 4))}}, (None, 3)))
    assert [c.path for c in graph.calls] == [
        "", "input#1", "up", "up/dot_general#1", "up/gelu#1", "up/gelu#2", "output#1",
    ]  # fmt: skip


def test_numbers_of_steps_and_branches_that_depend_on_values_are_unknown():
    def function(w, x):
        return jax.lax.while_loop(lambda x: x.sum() < 10, lambda x: x @ w["w"], x)

    graph = graph_of(function, ({"w": jnp.ones((4, 4))}, (2, 4)))
    assert totals(graph)["macs"] is None
    assert "MACs of while are missing: how much is computed, or how often, is unknown" in graph.diagnostics[0].message
    assert [c.op for c in graph.calls if c.parent == calls_of(graph, "while#1")[0].id] == ["cond", "body"]
    assert ("while#1/body#1/dot_general#1", "output#1") in edges(graph)


def test_gradients_are_frames_of_their_own():
    def loss(params, x):
        with jax.named_scope("dense"):
            return jnp.sin(x @ params["dense"]["w"]).sum()

    graph = graph_of(jax.grad(loss), ({"dense": {"w": jnp.ones((3, 4))}}, (5, 3)))
    ops = [c.op for c in graph.calls if c.parent == 0]
    assert ops.index("gradient of dense") > ops.index("dense")
    assert len(calls_of(graph, "dense")) == 1
    assert totals(graph)["macs"] == 2 * 5 * 3 * 4


@pytest.mark.parametrize("dtype", ["bfloat16", "float8_e4m3fn", "int8", "bool", "complex64"])
def test_dtypes_keep_their_names(dtype):
    graph = graph_of(lambda x: x.T, ((2, 3), dtype))
    assert [c.outputs[0].dtype for c in graph.calls if c.outputs] == [dtype] * 3


def test_random_keys_are_inputs_like_others():
    graph = graph_of(lambda key, x: x * jax.random.uniform(key, x.shape), (KEY, (None, 3)))
    assert [str(c.outputs[0].dtype) for c in graph.calls if c.kind == "input"] == ["key<fry>", "float32"]
    assert {"uniform", "mul"} <= {c.op for c in graph.calls}


def test_whole_numbers_are_tried_where_fractions_do_not_work():
    graph = graph_of(lambda table, x: table["t"][x], ({"t": jnp.ones((9, 4))}, (None, 5)))
    assert [c.outputs[0].dtype for c in graph.calls if c.kind == "input"] == ["int32"]
    assert calls_of(graph, "output#1")[0].inputs[0].shape == (None, 5, 4)


def write(ref, x):
    ref[...] = x


@pytest.mark.parametrize(
    "write",
    [
        write,
        jax.jit(write),
        lambda ref, x: jax.lax.fori_loop(0, 2, lambda _, c: (write(ref, c), c)[1], x),
        lambda ref, x: jax.lax.while_loop(lambda c: c.sum() < 1, lambda c: (write(ref, c), c)[1], x),
        lambda ref, x: jax.lax.cond(x.sum() > 0, lambda: write(ref, x), lambda: write(ref, -x)),
    ],
    ids=["written", "jitted", "for", "while", "cond"],
)
@pytest.mark.skipif(not hasattr(jax, "new_ref"), reason="this JAX has no references")
def test_what_is_read_from_a_reference_comes_from_what_was_written_to_it(write):
    def function(x):
        ref = jax.new_ref(jnp.zeros(4))
        write(ref, x)
        return ref[...]

    graph = graph_of(function, (4,))
    found = nx.DiGraph((edge.source, edge.target) for edge in graph.edges)
    start, end = (next(c.id for c in graph.calls if c.kind == kind) for kind in ("input", "output"))
    assert nx.has_path(found, start, end)


def test_what_a_user_jitted_before_is_traced_anew_and_left_alone():
    traced = []

    @jax.jit
    def inner(x):
        traced.append(x)
        return jnp.sin(x)

    inner(jnp.ones(3))
    graph = graph_of(lambda x: inner(inner(x)), (3,))
    assert [c.op for c in graph.calls if c.parent == 0 and c.kind == "operation"] == ["inner", "inner"]
    count = len(traced)
    inner(jnp.ones(3))
    assert len(traced) == count
    assert "nbviz" not in inner.lower(jnp.ones(3)).as_text(debug_info=True)


def test_modules_called_in_another_thread_meanwhile_are_not_noted():
    model = models.EqxMlp(KEY)
    results = []

    class Waits(eqx.Module):
        inner: models.EqxMlp

        def __call__(self, x):
            other = threading.Thread(target=lambda: results.append(model(jnp.ones(3))))
            other.start()
            other.join()
            return self.inner(x)

    graph = graph_of(Waits(model), (3,))
    assert len(calls_of(graph, "inner")) == 1
    assert isinstance(results[0], jax.Array)
    assert np.isfinite(results[0]).all()


def test_values_that_decide_are_explained():
    reading = read(lambda x: x if x.sum() > 0 else -x, (3,))
    assert "control flow must not depend on them" in reading.graph.diagnostics[0].message
    assert reading.graph.calls[0].failed


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        (None, "tracing it"),
        ("an image", "a str"),
        ((-1, 3), "negative"),
        (((2, 3), "float33"), "does not know"),
        (((2, 3), (2, 3), (2, 3)), "does not match"),
    ],
)
def test_wrong_inputs_are_explained(inputs, words):
    with pytest.raises(InputsError, match=words):
        read(lambda x, y=None: x, inputs)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        (({"w": np.ones((3, 4))},), r"inputs \(1 given\) does not match apply\(p, x\): missing .*'x'"),
        ({"p": {"w": np.ones((3, 4))}}, r"inputs \(1 given\) does not match apply\(p, x\): missing .*'x'"),
        (({"w": np.ones((3, 4))}, (2, 3), (2, 3)), r"inputs \(3 given\) does not match apply\(p, x\): too many"),
    ],
)
@pytest.mark.parametrize("around", [lambda function: function, jax.jit])
def test_arguments_are_counted_and_named_as_they_were_given(inputs, words, around):
    def apply(p, x):
        return x @ p["w"]

    with pytest.raises(InputsError, match=words):
        read(around(apply), inputs)


def test_tensors_of_another_framework_are_named():
    torch = pytest.importorskip("torch")
    with pytest.raises(InputsError, match=r"torch\.Tensor"):
        read(lambda x: x, torch.ones(3))


@pytest.mark.parametrize("cls", [models.EqxMlp, models.Mlp, models.LinenCnn])
def test_classes_are_no_models(cls):
    with pytest.raises(UnsupportedModelError, match="is a class"):
        read(cls)


def test_keras_models_on_jax_are_read_by_the_adapter_of_keras():
    flax = type(sys)("flax")
    base = type("Module", (), {"__module__": "flax.nnx.module"})
    layer = type("Layer", (base,), {"__module__": "keras.src.layers.layer"})
    assert flax
    assert type(adapters.find(type("Mine", (layer,), {}))).__name__ == "KerasAdapter"
    assert type(adapters.find(type("Mine", (base,), {}))).__name__ == "JaxAdapter"


def test_what_a_jitted_function_did_before_it_failed_is_shown():
    @jax.jit
    def head(params, x):
        return jnp.tanh(x @ params["in"]) @ params["out"]

    def function(params, x):
        return head(params["head"], jax.nn.relu(x))

    reading = read(function, ({"head": {"in": jnp.ones((8, 16)), "out": jnp.ones((8, 4))}}, (None, 8)))
    assert [c.op for c in reading.graph.calls] == ["function", "input", "relu", "dict", "dot_general", "tanh"]
    assert "got (16,) and (8,)" in reading.graph.diagnostics[0].message


def test_loop_whose_body_fails_shows_what_its_first_round_did():
    def function(params, x):
        return jax.lax.scan(lambda x, w: (jnp.tanh(x) @ w @ params["bad"], None), x, params["stack"])[0]

    reading = read(function, ({"stack": jnp.ones((3, 8, 8)), "bad": jnp.ones((4, 4))}, (2, 8)))
    assert [c.op for c in reading.graph.calls][2:] == ["slice", "squeeze", "tanh", "dot_general"]
    assert isinstance(reading.error, TypeError)


def test_sparse_array_is_a_node_and_its_products_are_unknown():
    sparse = pytest.importorskip("jax.experimental.sparse")
    matrix = sparse.BCOO.fromdense(jnp.eye(8))
    graph = graph_of(lambda params, x: params["w"] @ x, ({"w": matrix}, (8, 10)))
    assert {p.owners for p in graph.parameters} == {("w",)}
    assert totals(graph)["macs"] is None


def test_pair_of_a_shape_and_a_flag_is_two_inputs():
    graph = graph_of(lambda x, flag: jnp.where(flag, x, 0), ((3,), jnp.array(True)))
    assert [c.outputs[0].dtype for c in graph.calls if c.kind == "input"] == ["float32", "bool"]


class Noisy(nnx.Module):
    def __init__(self, rngs):
        self.first, self.last = nnx.Linear(8, 4, rngs=rngs), nnx.Linear(4, 2, rngs=rngs)

    def __call__(self, x, rngs):
        return self.last(nnx.Dropout(0.5)(self.first(x), rngs=rngs))


def test_pair_of_a_shape_and_random_streams_is_two_inputs():
    rngs = nnx.Rngs(0)  # has an attribute of any name
    graph = graph_of(Noisy(rngs), ((None, 8), rngs))
    assert [c.path for c in graph.calls if c.kind == "layer"] == ["", "first", "last"]
    assert next(c.outputs[0] for c in graph.calls if c.kind == "input").shape == (None, 8)


def test_jitted_module_of_equinox_is_the_module():
    module = eqx.nn.Linear(3, 4, key=KEY)
    assert graph_of(eqx.filter_jit(module), (3,)) == graph_of(module, (3,))


def test_batch_normalisation_of_equinox():
    module, state = eqx.nn.make_with_state(eqx.nn.BatchNorm)(4, "batch", mode="ema")
    mapped = jax.vmap(module, axis_name="batch", in_axes=(0, None), out_axes=(0, None))
    graph = graph_of(mapped, (jnp.ones((2, 4, 5)), state))
    assert totals(graph)["params"] == 8
