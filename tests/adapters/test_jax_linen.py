"""Flax Linen: rows from ``init`` or given variables, calls by module; the numbers are Linen's own."""

from __future__ import annotations

import pytest

jax = pytest.importorskip("jax")
pytest.importorskip("flax")

import flax.linen as nn  # noqa: E402
import jax.numpy as jnp  # noqa: E402

from nbviz.adapters import read  # noqa: E402
from tests.adapters.jax_reading import calls_of, edges, graph_of, sizes, totals  # noqa: E402
from tests.models import jax_models as models  # noqa: E402


@pytest.mark.parametrize("name", models.LINEN)
def test_totals_and_result_are_those_of_linen(name):
    model, example = models.linen_case(name)
    keys = {"params": jax.random.key(0)}
    result, variables = jax.eval_shape(model.init_with_output, keys, example)
    graph = graph_of(model, example)
    found = totals(graph)
    assert found["params"] == found["trainable_params"] == sizes(variables["params"])
    assert found["buffers"] == sizes({k: v for k, v in variables.items() if k != "params"})
    assert [c.inputs[0].shape for c in graph.calls if c.kind == "output"] == [result.shape]
    assert not [c for c in graph.calls if c.kind == "constant" and "key" in str(c.outputs[0].dtype)]


@pytest.mark.parametrize("name", models.LINEN)
def test_function_that_applies_a_model_shows_its_modules(name):
    model, example = models.linen_case(name)
    variables = jax.eval_shape(model.init, {"params": jax.random.key(0)}, example)
    graph = graph_of(lambda variables, x: model.apply(variables, x, mutable=["batch_stats"])[0], (variables, example))
    itself = graph_of(model, example)
    assert {**totals(graph), "macs": 0} == {**totals(itself), "macs": 0}
    held, expected = ({one.path: len(one.parameters) for one in g.layers if one.parameters} for g in (graph, itself))
    assert held == expected
    assert set(held) <= {call.layer for call in graph.calls}


def test_numbers_of_each_module_are_those_that_tabulate_prints():
    model, example = models.linen_case("gpt")
    empty = jnp.zeros(example.shape, example.dtype)
    table = model.tabulate(jax.random.key(0), empty, depth=1, console_kwargs={"width": 200, "no_color": True})
    graph = graph_of(model, example)
    sizes_of = dict.fromkeys(("tokens", "blocks_0", "blocks_1"), 0)
    for parameter in graph.parameters:
        sizes_of[parameter.owners[0].split("/")[0]] += parameter.size
    for size in sizes_of.values():
        assert f"{size:,}" in table
    assert f"Total Parameters: {totals(graph)['params']:,}" in table


def test_modules_nest_and_library_modules_are_one_call():
    model, _ = models.linen_case("cnn")
    graph = graph_of(model, (None, 32, 32, 3))
    assert [c.path for c in graph.calls if c.kind == "layer"] == ["", "Conv_0", "BatchNorm_0", "Dropout_0", "head"]
    assert {("Conv_0", "BatchNorm_0"), ("BatchNorm_0", "relu#1"), ("Dropout_0", "head")} <= edges(graph)
    assert calls_of(graph, "Conv_0")[0].outputs[0].shape == (None, 16, 16, 8)
    assert totals(graph)["macs"] == 16 * 16 * 8 * 27 + 8 * 10
    assert dict(graph.layers[graph.layer_index["head"]].settings)["features"] == 10


def test_macs_are_those_of_the_contractions():
    block = 6 * 8 * 8 * 4 + 2 * 6 * 6 * 8 + 2 * 6 * 8 * 32
    gpt, _ = models.linen_case("gpt")
    assert totals(graph_of(gpt, (None, 6)))["macs"] == 2 * block + 6 * 8 * 50
    scanned, _ = models.linen_case("scanned")
    assert totals(graph_of(scanned, (None, 6, 8)))["macs"] == 3 * block
    recurrent, _ = models.linen_case("recurrent")
    assert totals(graph_of(recurrent, (None, 5, 3)))["macs"] == 5 * 4 * 4 * (3 + 4) + 5 * 3 * 5 * (4 + 5)


def test_loop_over_layers_is_a_frame_with_one_block_in_it():
    model, _ = models.linen_case("scanned")
    graph = graph_of(model, (None, 6, 8))
    [block] = calls_of(graph, "layers")
    around = [graph.calls[block.parent]]
    while around[-1].parent is not None:
        around.append(graph.calls[around[-1].parent])
    assert {"checkpoint", "scan"} <= {c.op for c in around}
    assert [p.shape[0] for p in graph.parameters] == [3] * len(graph.parameters)


def test_shared_module_is_two_frames_of_one_row_and_one_that_passes_on_stays():
    model, _ = models.linen_case("shared")
    graph = graph_of(model, (None, 4))
    assert [c.path for c in graph.calls] == ["", "input#1", "Dense_0", "Dense_0", "Dropout_0", "output#1"]
    assert {("Dense_0", "Dense_0"), ("Dense_0", "Dropout_0"), ("Dropout_0", "output#1")} <= edges(graph)


@pytest.mark.parametrize("train", [False, True])
def test_given_variables_are_used_and_flags_passed_on(train):
    model, example = models.linen_case("cnn")
    variables = model.init(jax.random.key(0), jnp.zeros(example.shape))
    reading = read(model, (variables, (None, 32, 32, 3), train))
    assert reading.error is None
    kernel = next(p for p in reading.graph.parameters if p.owners == ("head",) and p.name == "kernel")
    values = next(iter(reading.weights.chunks(kernel.id)))
    assert values.tolist() == variables["params"]["head"]["kernel"].ravel().tolist()
    assert dict(reading.graph.layers[reading.graph.layer_index["Dropout_0"]].settings)["deterministic"] is not train
    bound = totals(graph_of(model.bind(variables), (None, 32, 32, 3)))
    assert bound == totals(reading.graph)


def test_without_inputs_the_numbers_are_unknown():
    model, _ = models.linen_case("gpt")
    graph = graph_of(model)
    assert [layer.type for layer in graph.layers] == ["LinenGpt"]
    assert totals(graph)["params"] is None
    assert "inputs=" in graph.diagnostics[0].message


def test_axes_that_a_model_names_are_settings():
    init = nn.with_partitioning(nn.initializers.lecun_normal(), (None, "model"))
    graph = graph_of(nn.Dense(4, kernel_init=init), (None, 3))
    assert dict(graph.layers[0].settings)["kernel sharding"] == (None, "model")
    assert totals(graph)["params"] == 16


def test_wrong_shape_marks_the_failing_module():
    class Broken(nn.Module):
        @nn.compact
        def __call__(self, x):
            return nn.Dense(3, name="fits")(x) + nn.Conv(4, (3, 3), name="broken")(x[0])

    reading = read(Broken(), (None, 8))
    [failed] = [c for c in reading.graph.calls if c.failed]
    assert failed.path == "broken"
    assert reading.error is not None
    assert "test_jax_linen.py:" in reading.graph.diagnostics[-1].message
    assert calls_of(reading.graph, "fits")[0].outputs[0].shape == (None, 3)
    assert [layer.parameters for layer in reading.graph.layers] == [None, (0, 1), None]  # init is what failed
    assert sum(p.size for p in reading.graph.parameters if p.owners == ("fits",)) == 8 * 3 + 3


@pytest.mark.parametrize("batch", [None, 3])
def test_a_cell_that_flax_tries_before_its_loop_is_called_once(batch):
    class Recurrent(nn.Module):
        @nn.compact
        def __call__(self, x):
            return nn.RNN(nn.LSTMCell(6), name="rnn")(x)

    graph = read(Recurrent(), (batch, 7, 8)).graph
    [cell] = [c for c in graph.calls if c.op == "LSTMCell"]
    assert [o.shape for o in cell.outputs] == [(batch, 6), (batch, 6)]
    assert {c.op for c in graph.calls if c.path.startswith("rnn/")}.isdisjoint({"reshape", "Dense"})


class Jitted(nn.Module):
    @nn.jit
    @nn.compact
    def __call__(self, x):
        return nn.Dense(8)(x)


class Plain(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.Dense(8)(x)


@pytest.mark.parametrize("block", [Jitted, nn.jit(Plain)])
def test_modules_that_share_a_jitted_function_are_told_apart(block):
    class Stack(nn.Module):
        @nn.compact
        def __call__(self, x):
            shared = block(name="last")
            return shared(shared(block(name="second")(block(name="first")(x))))

    for _ in range(2):  # what was traced before is not taken for it
        graph = graph_of(Stack(), (None, 8))
        dense = [c for c in graph.calls if c.op == "Dense"]
        assert [c.path for c in dense] == [f"{name}/Dense_0" for name in ("first", "second", "last", "last")]
        assert [graph.parameters[c.parameters[0]].owners for c in dense] == [(c.path,) for c in dense]
        assert totals(graph)["macs"] == 4 * 8 * 8


class Coder(nn.Module):
    def setup(self):
        self.encoder, self.decoder = nn.Dense(4), nn.Dense(8)
        self.norm = nn.BatchNorm(use_running_average=False)

    def encode(self, x, scale=1.0):
        return self.norm(self.encoder(x)) * scale

    def decode(self, x):
        return self.decoder(x)


def test_method_is_called_as_the_module_is_with_variables_or_without():
    model, x = Coder(), (None, 8)
    variables = model.init(jax.random.key(0), jnp.ones((2, 8)), method="encode")
    sources = [(model.bind(variables).encode, x), (model.encode, x), (model.encode, (variables, x))]
    for method, inputs in sources:
        graph = graph_of(method, inputs)
        assert graph.name == "encode"
        assert [c.path for c in graph.calls if c.kind == "layer"] == ["", "encoder", "norm"]
        assert (totals(graph)["params"], totals(graph)["macs"]) == (sizes(variables["params"]), 8 * 4)
    assert read(model.apply, (variables, x)).graph.name == "apply"  # which all modules have, and means the whole


class Doubled(nn.Module):
    def __call__(self, x):
        return 2 * x


DOUBLED = Doubled()


def test_a_module_that_is_bound_to_no_other_runs_in_a_model_as_a_function():
    class Outer(nn.Module):
        @nn.compact
        def __call__(self, x):
            return nn.Dense(3)(DOUBLED(x))

    graph = graph_of(Outer(), (None, 4))
    assert [c.op for c in graph.calls if c.parent == 0] == ["input", "mul", "Dense", "output"]
    assert totals(graph)["params"] == 15
