"""Flax NNX: rows, calls, shapes, edges; the numbers are Flax's and JAX's own, and a model is only looked at."""

from __future__ import annotations

import dataclasses
import gc
import os
import subprocess
import sys

import networkx as nx
import numpy as np
import pytest

jax = pytest.importorskip("jax")
pytest.importorskip("flax")

import jax.numpy as jnp  # noqa: E402
from flax import nnx  # noqa: E402

from nbviz.adapters import read  # noqa: E402
from tests.adapters.jax_reading import calls_of, edges, graph_of, sizes, totals  # noqa: E402
from tests.models import jax_models as models  # noqa: E402


def lean(make):
    """Return a model without values."""
    return nnx.eval_shape(lambda: make(nnx.Rngs(0)))


@pytest.mark.parametrize("name", models.NNX)
def test_totals_are_those_of_flax(name):
    model, example = models.nnx_case(name)
    found = totals(graph_of(model, example))
    state = nnx.state(model)
    assert found["params"] == sizes(nnx.state(model, nnx.Param)) == found["trainable_params"]
    assert found["buffers"] == sizes(state) - found["params"]
    assert found["bytes"] == sum(
        leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(nnx.state(model, nnx.Param))
    )
    assert totals(graph_of(model)) | {"macs": None} == found | {"macs": None}


@pytest.mark.parametrize("name", models.NNX)
def test_everything_is_connected_and_the_output_is_that_of_a_call(name):
    model, example = models.nnx_case(name)
    graph = graph_of(model, example)
    network = graph.to_networkx()
    [entry] = [c.id for c in graph.calls if c.kind == "input"]
    [exit_] = [c for c in graph.calls if c.kind == "output"]
    assert entry in nx.ancestors(network, exit_.id)
    result = nnx.eval_shape(lambda model, x: model(x), model, example)
    assert exit_.inputs[0].shape == result.shape
    assert exit_.inputs[0].dtype == str(result.dtype)


def test_library_modules_are_one_call_and_users_modules_hold_what_they_do():
    graph = graph_of(models.Mlp(nnx.Rngs(0)), (None, 8))
    assert [c.path for c in graph.calls] == ["", "input#1", "up", "relu#1", "drop", "down", "output#1"]
    assert edges(graph) == {
        ("input#1", "up"),
        ("up", "relu#1"),
        ("relu#1", "drop"),
        ("drop", "down"),
        ("down", "output#1"),
    }
    assert [calls_of(graph, p)[0].outputs[0].shape for p in ("up", "drop", "down")] == [
        (None, 16),
        (None, 16),
        (None, 4),
    ]
    assert all(c.source.startswith("jax_models.py:") for c in graph.calls if c.kind in ("layer", "operation") and c.id)
    assert calls_of(graph, "input#1")[0].outputs[0].name == "x"
    assert graph.layers[graph.layer_index["up"]].accessor == ".up"
    assert dict(graph.layers[graph.layer_index["up"]].settings)["out_features"] == 16


def test_macs_are_those_of_the_contractions():
    mlp = totals(graph_of(lean(models.Mlp), (None, 8)))
    assert mlp["macs"] == 8 * 16 + 16 * 4
    graph = graph_of(lean(models.Cnn), (None, 32, 32, 3))
    conv, grouped = 16 * 16 * 8 * 27, 8 * 8 * 8 * 2 * 9
    transposed, head = 8 * 8 * 8 * 6 * 9, 6 * 10
    assert totals(graph)["macs"] == conv + grouped + transposed + head
    graph = graph_of(lean(models.Gpt), ((None, 6), jnp.int32))
    block = 6 * 8 * 8 * 4 + 2 * 6 * 6 * 8 + 2 * 6 * 8 * 32
    assert totals(graph)["macs"] == 2 * block + 6 * 8 * 50
    graph = graph_of(lean(models.Recurrent), (None, 5, 3))
    assert totals(graph)["macs"] == 5 * 4 * 4 * (3 + 4) + 5 * 3 * 5 * (4 + 5)
    graph = graph_of(lean(models.Scanned), (None, 6, 8))
    assert totals(graph)["macs"] == 3 * block


@pytest.mark.parametrize("name", ["mlp", "gpt"])
def test_macs_are_half_of_the_flops_that_xla_counts(name):
    """Where contractions are nearly all there is; XLA counts what else is done too."""
    if name == "mlp":
        model, example = (
            nnx.Sequential(nnx.Linear(256, 512, rngs=nnx.Rngs(0))),
            jax.ShapeDtypeStruct((64, 256), jnp.float32),
        )
    else:
        model, example = (
            nnx.eval_shape(lambda: models.Block(128, nnx.Rngs(0))),
            jax.ShapeDtypeStruct((4, 128, 128), jnp.float32),
        )
    definition, state = nnx.split(model)
    lowered = jax.jit(lambda state, x: nnx.merge(definition, state)(x)).lower(state, example)
    flops = lowered.cost_analysis()["flops"]
    assert totals(graph_of(model, example))["macs"] == pytest.approx(flops / 2, rel=0.06)


def test_shared_module_is_two_frames_of_one_row_also_when_it_is_jitted():
    graph = graph_of(lean(models.Shared), (None, 4))
    assert [c.parent for c in calls_of(graph, "one")] == [calls_of(graph, "twice#1")[0].id] * 2
    assert ("one", "one") in edges(graph)
    assert ("one", "rest") in edges(graph)
    assert ("rest", "output#1") in edges(graph)


def test_tied_variable_is_one_parameter_with_two_owners():
    model = models.Shared(nnx.Rngs(0))
    model.tied = nnx.Linear(4, 4, rngs=nnx.Rngs(1))
    model.tied.kernel = model.one.kernel
    graph = graph_of(model)
    [kernel] = [p for p in graph.parameters if len(p.owners) == 2]
    assert set(kernel.owners) == {"one", "tied"}
    assert totals(graph)["params"] == sizes(nnx.state(model, nnx.Param))


def test_loop_over_layers_is_a_frame_with_one_block_in_it():
    graph = graph_of(lean(models.Scanned), (None, 6, 8))
    [loop] = calls_of(graph, "scan#1")
    [block] = calls_of(graph, "layers")
    assert block.parent == loop.id
    assert dict(loop.settings)["length"] == 3
    assert loop.outputs[0].shape == block.outputs[0].shape == (None, 6, 8)
    assert {c.layer for c in graph.calls if c.parent == block.id and c.layer} == {
        f"layers/{name}" for name in ("norm", "attention", "up", "down")
    }


def test_branches_are_frames_and_which_runs_is_unknown():
    graph = graph_of(lean(models.Branching), (None, 4))
    paths = {c.path: c for c in graph.calls}
    assert paths["yes"].parent != paths["no"].parent
    assert paths["cond#1"].id in {graph.calls[paths[p].parent].parent for p in ("yes", "no")}
    assert {("yes", "cond#1/merge#1"), ("cond#1/merge#1", "output#1")} <= edges(graph)
    assert totals(graph)["macs"] is None


def test_abstract_model_reads_the_same_and_has_no_values():
    whole, shell = models.Gpt(nnx.Rngs(0)), nnx.eval_shape(lambda: models.Gpt(nnx.Rngs(0)))
    inputs = ((None, 6), jnp.int32)
    found, wanted = graph_of(shell, inputs), graph_of(whole, inputs)
    assert list(found.calls.column("outputs")) == list(wanted.calls.column("outputs"))
    assert found.edges == wanted.edges
    assert totals(found) == totals(wanted)
    with pytest.raises(LookupError, match="no values"):
        next(read(shell).weights.chunks(0))


def test_weights_are_read_in_pieces_and_the_model_is_not_held():
    model = models.Mlp(nnx.Rngs(0))
    reading = read(model, (None, 8))
    [kernel] = [p for p in reading.graph.parameters if p.owners == ("up",) and p.name == "kernel"]
    np.testing.assert_array_equal(np.concatenate(list(reading.weights.chunks(kernel.id))), model.up.kernel[...].ravel())
    del model
    gc.collect()
    with pytest.raises(LookupError, match="no longer exists"):
        reading.weights.chunks(kernel.id)


def test_wrong_shape_marks_the_failing_module_and_keeps_the_exception():
    reading = read(models.Broken(nnx.Rngs(0)), (None, 8))
    assert isinstance(reading.error, TypeError)
    [failed] = [c for c in reading.graph.calls if c.failed]
    assert failed.path == "rest/layers/0"
    assert failed.inputs[0].shape == (None, 4)
    [message] = [d.message for d in reading.graph.diagnostics]
    assert "(4, 4) float32" in message
    assert "jax_models.py:" in message
    assert ("good", "rest/layers/0") in edges(reading.graph)
    trace = reading.error.__traceback__
    while trace is not None:
        assert not [v for v in trace.tb_frame.f_locals.values() if isinstance(v, (jax.Array, nnx.Module))]
        trace = trace.tb_next


@pytest.mark.parametrize("make", [models.Mlp, models.Scanned, models.Broken])
def test_model_classes_and_configuration_are_left_alone(make):
    model = make(nnx.Rngs(0))
    before = jax.tree.leaves(nnx.state(model))
    definition = nnx.split(model)[0]
    called = {cls: vars(cls).get("__call__") for cls in (nnx.Linear, nnx.Dropout, make, nnx.Sequential)}
    config = {name: getattr(jax.config, name) for name in ("jax_enable_x64", "jax_numpy_dtype_promotion")}
    with jax.checking_leaks():
        read(model, (None, 8) if make is not models.Scanned else (None, 5, 8))
    after = jax.tree.leaves(nnx.state(model))
    assert [id(leaf) for leaf in after] == [id(leaf) for leaf in before]
    assert nnx.split(model)[0] == definition
    assert called == {cls: vars(cls).get("__call__") for cls in called}
    assert config == {name: getattr(jax.config, name) for name in config}


def test_interrupt_puts_the_classes_back():
    class Interrupted(nnx.Module):
        def __init__(self, rngs):
            self.inner = nnx.Linear(3, 3, rngs=rngs)

        def __call__(self, x):
            self.inner(x)
            raise KeyboardInterrupt

    called = vars(nnx.Linear)["__call__"]
    with pytest.raises(KeyboardInterrupt):
        read(lean(Interrupted), (None, 3))
    assert vars(nnx.Linear)["__call__"] is called


def test_arrays_outside_variables_are_buffers_and_named_axes_are_settings():
    class Holds(nnx.Module):
        def __init__(self, rngs):
            self.table = nnx.data(jnp.ones(3))
            ones = nnx.initializers.ones_init()
            kernel = nnx.with_metadata(ones, out_sharding=(None, "model"), eager_sharding=False)
            self.parts = nnx.Dict(one=nnx.Linear(3, 4, kernel_init=kernel, rngs=rngs))

        def __call__(self, x):
            return self.parts["one"](x + self.table)

    graph = graph_of(Holds(nnx.Rngs(0)), (None, 3))
    assert {p.name: p.kind for p in graph.parameters} == {"table": "buffer", "kernel": "weight", "bias": "weight"}
    assert dict(graph.layers[graph.layer_index["parts/one"]].settings)["kernel sharding"] == (None, "model")


def test_a_weight_in_a_node_of_any_class_counts():
    @jax.tree_util.register_dataclass
    @dataclasses.dataclass
    class Scaled:
        numbers: nnx.Param
        scale: nnx.Param

    class Quantized(nnx.Module):
        def __init__(self):
            numbers = nnx.Param(jnp.ones((3, 4), jnp.int8))
            self.kernel = nnx.data(Scaled(numbers, nnx.Param(jnp.ones(4))))

        def __call__(self, x):
            return x @ self.kernel.numbers[...].astype(x.dtype) * self.kernel.scale[...]

    graph = graph_of(Quantized(), (None, 3))
    assert {p.name: p.size for p in graph.parameters} == {"kernel.numbers": 12, "kernel.scale": 4}
    assert totals(graph)["params"] == 16
    assert graph.layers[0].settings == ()


def test_widget_and_table_show_a_module():
    import nbviz

    view = nbviz.view(lean(models.Mlp), (None, 8))
    assert view.table.loc["up", "macs"] == 128
    assert view.graph.framework == "JAX"


def test_weights_that_lie_on_several_devices_say_so_and_are_read_whole():
    code = """
import jax, numpy as np
from flax import nnx
from jax.sharding import NamedSharding, PartitionSpec
from nbviz.adapters import read
model = nnx.Linear(4, 6, rngs=nnx.Rngs(0))
spread = NamedSharding(jax.sharding.Mesh(jax.devices(), ("model",)), PartitionSpec(None, "model"))
model.kernel.set_value(jax.device_put(model.kernel.get_value(), spread))
reading = read(model, (None, 4))
[kernel] = [p for p in reading.graph.parameters if p.name == "kernel"]
assert kernel.size == 24 and kernel.bytes == 96
assert "'model'" in dict(reading.graph.layers[0].settings)["kernel sharding"]
values = np.concatenate(list(reading.weights.chunks(kernel.id)))
np.testing.assert_array_equal(values, np.asarray(model.kernel.get_value()).ravel())
alone = read({"dense": {"kernel": model.kernel.get_value(), "bias": np.ones(6)}}).graph.layers[1]
assert [name for name, _ in alone.settings] == ["kernel sharding"]
"""
    environment = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


def test_module_that_returns_a_constant_beside_its_result():
    class Experts(nnx.Module):
        def __init__(self, rngs):
            self.layer = nnx.Linear(3, 3, rngs=rngs)

        def __call__(self, x):
            return self.layer(x), jnp.float32(0)  # what balances them, here none

    class Model(nnx.Module):
        def __init__(self, rngs):
            self.experts = Experts(rngs)

        def __call__(self, x):
            return self.experts(x)[0]

    graph = graph_of(Model(nnx.Rngs(0)), (None, 3))
    assert [c.path for c in graph.calls if c.kind == "layer"] == ["", "experts", "experts/layer"]


def test_functional_form_of_a_module_has_its_variables():
    module = nnx.Linear(8, 4, rngs=nnx.Rngs(0))
    definition, state = nnx.split(module)
    graph = graph_of(lambda state, x: nnx.merge(definition, state)(x), (state, (None, 8)))
    assert totals(graph) == totals(graph_of(module, (None, 8)))
    assert sorted(p.name for p in graph.parameters) == ["bias", "kernel"]


def test_state_of_a_module_says_what_is_trained():
    rngs = nnx.Rngs(0)
    module = nnx.Sequential(nnx.Linear(8, 4, rngs=rngs), nnx.BatchNorm(4, rngs=rngs), nnx.Dropout(0.1, rngs=rngs))
    definition, state = nnx.split(module)
    graph = graph_of(lambda state, x: nnx.merge(definition, state)(x), (state, (6, 8)))
    assert totals(graph) == totals(graph_of(module, (6, 8)))
    assert {p.name for p in graph.parameters if p.kind == "buffer"} >= {"mean", "var"}


def test_module_of_linen_inside():
    linen, bridge = pytest.importorskip("flax.linen"), pytest.importorskip("flax.nnx.bridge")

    class Model(nnx.Module):
        def __init__(self, rngs):
            self.inner = bridge.ToNNX(linen.Dense(5), rngs=rngs).lazy_init(jnp.ones((1, 4)))

        def __call__(self, x):
            return self.inner(x)

    graph = graph_of(Model(nnx.Rngs(0)), (None, 4))
    assert [c.path for c in graph.calls if c.kind == "layer"] == ["", "inner"]
    assert totals(graph)["params"] == 4 * 5 + 5 or totals(graph)["buffers"] == 25


def test_code_that_goes_through_all_attributes_meets_those_of_the_model_in_their_order():
    class Blocks(nnx.Module):
        def __init__(self, rngs):
            self.blocks = nnx.Dict(second=nnx.Linear(8, 8, rngs=rngs), first=nnx.Linear(8, 8, rngs=rngs))
            self.names = tuple(vars(self))

        def __call__(self, x):
            assert tuple(vars(self)) == (*self.names, "names")
            for block in self.blocks.values():
                x = block(x)
            return x

    graph = graph_of(Blocks(nnx.Rngs(0)), (None, 8))
    assert edges(graph) >= {("input#1", "blocks/second"), ("blocks/second", "blocks/first")}


def test_plain_attributes_of_the_model_stay():
    class Counts(nnx.Module):
        def __init__(self):
            self.linear, self.seen = nnx.Linear(8, 4, rngs=nnx.Rngs(0)), {"a": 1}

        def __call__(self, x):
            self.seen["b"] = 2
            return self.linear(x)

    model = Counts()
    graph_of(model, (None, 8))
    assert model.seen == {"a": 1}
