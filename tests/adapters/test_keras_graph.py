"""What a Keras model becomes in the model graph: rows, calls, shapes, edges."""

from __future__ import annotations

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from keras import layers as kl  # noqa: E402

from nbviz.adapters import read  # noqa: E402
from nbviz.metrics import Metrics  # noqa: E402
from tests.models import keras_models as models  # noqa: E402


def graph_of(model, inputs=None):
    reading = read(model, inputs)
    assert reading.error is None
    return reading.graph


def calls_of(graph, path):
    return [graph.calls[i] for i in graph.calls_of[path]]


def shapes(specs):
    return [spec.shape for spec in specs]


def edges(graph):
    paths = graph.calls.column("path")
    return {(paths[e.source], paths[e.target]) for e in graph.edges}


def check_invariants(graph):
    calls = list(graph.calls)
    parents = {call.parent for call in calls}
    assert [call.id for call in calls] == list(range(len(calls)))
    for call in calls:
        assert call.parent is None or call.parent < call.id
        assert call.layer is None or call.layer in graph.layer_index
    for edge in graph.edges:
        assert edge.source not in parents
        assert edge.target not in parents
        assert edge.source < edge.target
        assert calls[edge.source].outputs[edge.source_port].shape is not None
    rows = list(graph.layers)
    assert len({row.path for row in rows}) == len(rows)
    for i, row in enumerate(rows):
        assert row.parent is None or graph.layer_index[row.parent] < i
    for parameter in graph.parameters:
        assert parameter.owners
        assert all(parameter.id in graph.layers[graph.layer_index[o]].parameters for o in parameter.owners)


EVERYTHING = {
    "tutorial": lambda: (models.tutorial(), None),
    "two_inputs": lambda: (models.two_inputs_shared_layer(), None),
    "residual": lambda: (models.residual_net(), None),
    "residual_unbuilt": lambda: (models.residual_net(built=False), (None, 8)),
    "nested": lambda: (models.nested(), None),
    "multi_output": lambda: (models.multi_output(), None),
    "time_distributed": lambda: (models.time_distributed(), None),
    "bidirectional": lambda: (models.bidirectional(), None),
    "stacked_cells": lambda: (models.stacked_cells(), None),
    "attention": lambda: (models.attention(), None),
    "transformer": lambda: (models.transformer(), None),
    "needs_numbers": lambda: (models.NeedsNumbersModel(), (None, 5, 8)),
    "own_kernel": lambda: (models.own_kernel(), None),
    "backend": lambda: (models.BackendModel(), (None, 6)),
    "backend_between": lambda: (models.backend_between(), None),
    "lambdas": lambda: (models.lambdas(), None),
    "two_arguments": lambda: (models.TwoArguments(), ((None, 4), (None, 6))),
    "attaches": lambda: (models.AttachesLayers(), (None, 3)),
    "frozen": lambda: (models.frozen(), None),
    "mixed": lambda: (models.mixed_precision(), None),
    "int8": lambda: (models.quantized(), None),
    "int4": lambda: (models.quantized("int4"), None),
    "same_names": lambda: (models.same_names(), (None, 3)),
    "sharing": lambda: (models.SharingBlocks(), (None, 3)),
    "tied": lambda: (models.Tied(), keras.KerasTensor((None, 6), "int32")),
    "dict": lambda: (models.DictInput(), {"x": (None, 3), "y": (None, 4)}),
    "opaque": lambda: (models.opaque(), None),
    "stubborn": lambda: (models.StubbornModel(), (None, 3)),
    "stateful": lambda: (models.Stateful(), (4, 5, 3)),
    "masked": lambda: (models.Masked(), (None, 7)),
    "counting": lambda: (models.counting(), None),
    "bare_layer": lambda: (kl.Dense(4), (None, 3)),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", EVERYTHING)
def test_every_kind_of_model_gives_a_sound_graph(name):
    model, inputs = EVERYTHING[name]()
    graph = graph_of(model, inputs)
    check_invariants(graph)
    for layer in graph.layers:
        if layer.accessor:
            assert eval(f"model{layer.accessor}").name == layer.name.rpartition("/")[2]  # noqa: S307 - the accessor is what is tested
    if model.built:
        assert Metrics(graph).totals["params"] == model.count_params() or name == "int4"


def test_the_tutorial_model_has_seven_parameters():
    graph = graph_of(models.tutorial())
    assert [layer.type for layer in graph.layers] == ["Sequential", "Dense", "Dense"]
    assert [c.kind for c in graph.calls] == ["layer", "input", "layer", "layer", "output"]
    assert [c.path for c in graph.calls][1] == "input#1"
    assert shapes(graph.calls[2].outputs) == [(None, 2)]
    assert shapes(graph.calls[3].outputs) == [(None, 1)]
    totals = Metrics(graph).totals
    assert (totals["params"], totals["trainable_params"], totals["non_trainable_params"]) == (7, 7, 0)
    assert dict(graph.layers[1].settings)["activation"] == "relu"
    assert dict(graph.layers[1].settings)["kernel_initializer"] == "GlorotUniform()"


def test_shared_layer_has_one_call_per_use():
    graph = graph_of(models.two_inputs_shared_layer())
    assert len(calls_of(graph, "shared")) == 2
    assert edges(graph) >= {("left", "shared"), ("right", "shared"), ("shared", "met"), ("met", "head")}
    assert [e.target_port for e in graph.edges if graph.calls[e.target].path == "met"] == [0, 1]


def test_subclassed_model_is_a_real_graph_with_free_batch():
    graph = graph_of(models.residual_net())
    assert [layer.path for layer in graph.layers][:4] == ["", "stem", "blocks[0]", "blocks[0]/first"]
    assert "score" in graph.layer_index
    assert ("stem", "blocks[0]/add#1") in edges(graph)
    assert all(spec.shape[0] is None for call in graph.calls for spec in (*call.inputs, *call.outputs))
    assert Metrics(graph).totals["macs"] == 8 * 8 * 5 + 8


def test_model_built_on_data_does_not_show_that_batch():
    model = models.ResidualNet()
    model(np.ones((3, 8), "float32"))
    assert shapes(graph_of(model).calls[0].inputs) == [(None, 8)]
    stack = keras.Sequential([kl.Dense(4), kl.Dense(1)])
    stack(np.ones((3, 8), "float32"))
    assert shapes(graph_of(stack).calls[0].outputs) == [(None, 1)]
    fixed = keras.Sequential([keras.Input((8,), batch_size=3), kl.Dense(1)])
    assert shapes(graph_of(fixed).calls[0].outputs) == [(3, 1)]


def test_paths_do_not_depend_on_what_else_was_built():
    first = [layer.path for layer in graph_of(models.residual_net()).layers]
    kl.Dense(1)
    assert [layer.path for layer in graph_of(models.residual_net()).layers] == first


def test_nested_model_is_expanded_once_per_call_with_its_shapes():
    graph = graph_of(models.nested())
    assert [shapes(c.outputs) for c in calls_of(graph, "inner/mix")] == [[(None, 5, 4)], [(None, 7, 4)]]
    outer, inner = calls_of(graph, "inner")
    assert graph.calls[outer.parent].path == "middle"
    assert inner.parent == 0


def test_wrapper_calls_have_the_shapes_of_a_step_and_the_work_of_all():
    graph = graph_of(models.time_distributed())
    (call,) = calls_of(graph, "each/conv")
    assert shapes(call.outputs) == [(None, 6, 6, 4)]
    assert Metrics(graph).totals["macs"] == 5 * 6 * 6 * 4 * 27
    graph = graph_of(models.bidirectional())
    assert shapes(calls_of(graph, "both/forward_layer")[0].outputs) == [(None, 7, 4)]
    assert shapes(calls_of(graph, "both")[0].outputs) == [(None, 7, 8)]


def test_cells_of_an_rnn_are_calls_of_one_step():
    graph = graph_of(models.stacked_cells())
    assert shapes(calls_of(graph, "rnn/cell/cells[0]")[0].outputs) == [(None, 4)] * 3
    assert shapes(calls_of(graph, "rnn")[0].outputs) == [(None, 2)]


def test_attention_shows_its_projections_and_the_operation_between():
    graph = graph_of(models.attention())
    assert edges(graph) >= {
        ("attend/query", "attend/dot_product_attention#1"),
        ("attend/dot_product_attention#1", "attend/attention_output"),
        ("x", "add#1"),
    }
    assert shapes(calls_of(graph, "attend")[0].outputs) == [(None, 6, 8)]


def test_constants_that_code_makes_are_calls_and_no_layer_computes_on_them():
    graph = graph_of(models.transformer())
    assert ("embed/constant#1", "embed/positions") in edges(graph)
    assert shapes(calls_of(graph, "embed/positions")[0].outputs) == [(6, 8)]


def test_code_that_needs_numbers_keeps_free_dimensions_free():
    graph = graph_of(models.NeedsNumbersModel(), (None, 5, 8))
    assert shapes(calls_of(graph, "inner/reshape#1")[0].outputs) == [(None, 5, 4)]
    assert shapes(calls_of(graph, "inner")[0].outputs) == [(None, 5, 8)]


def test_code_of_the_backend_itself_is_one_untraced_step():
    graph = graph_of(models.BackendModel(), (None, 6))
    assert edges(graph) >= {("inner/before", "inner/untraced#1"), ("inner/untraced#1", "inner/after")}
    assert calls_of(graph, "inner/untraced#1")[0].compute is None
    assert shapes(calls_of(graph, "inner")[0].outputs) == [(None, 2)]


def test_operations_around_code_of_the_backend_are_still_seen():
    graph = graph_of(models.backend_between())
    assert edges(graph) >= {
        ("x", "mix/relu#1"),
        ("mix/relu#1", "mix/untraced#1"),
        ("mix/untraced#1", "mix/matmul#1"),
        ("mix/matmul#1", "mix/untraced#2"),  # the backend's own +
    }
    assert [graph.parameters[i].name for i in calls_of(graph, "mix/matmul#1")[0].parameters] == ["kernel"]
    assert shapes(calls_of(graph, "mix/matmul#1")[0].outputs) == [(None, 5)]


def test_operations_on_variables_read_their_parameter():
    graph = graph_of(models.own_kernel())
    (product,) = calls_of(graph, "own/matmul#1")
    assert [graph.parameters[i].name for i in product.parameters] == ["kernel"]
    assert product.source.startswith("keras_models.py:")


def test_embedding_used_as_projection_is_read_by_both():
    graph = graph_of(models.Tied(), keras.KerasTensor((None, 6), "int32"))
    assert len(graph.parameters) == 1
    assert calls_of(graph, "transpose#1")[0].parameters == (0,)
    assert shapes(calls_of(graph, "matmul#1")[0].outputs) == [(None, 6, 10)]


def test_layer_that_two_blocks_share_counts_for_both_and_once_in_all():
    graph = graph_of(models.SharingBlocks(), (None, 3))
    owners = [p.owners for p in graph.parameters if len(p.owners) > 1]
    assert owners == [("one/inner", "two")] * 2
    assert Metrics(graph).totals["params"] == 3 * (9 + 3)
    assert len(calls_of(graph, "one/inner")) == 2


def test_siblings_of_equal_names_get_numbers():
    graph = graph_of(models.same_names(), (None, 3))
    assert {"twin", "twin#2"} <= graph.layer_index.keys()


def test_layers_that_a_call_makes_are_shown_but_cannot_be_reached():
    graph = graph_of(models.AttachesLayers(), (None, 3))
    assert graph.layers[1].path == "made"
    assert graph.layers[1].accessor == ""


def test_frozen_layers_are_not_trainable():
    model = models.frozen()
    graph = graph_of(model)
    frozen = {p.owners[0] for p in graph.parameters if not p.trainable}
    assert frozen == {"still", "norm"}
    totals = Metrics(graph).totals
    assert totals["non_trainable_params"] == sum(int(np.prod(w.shape)) for w in model.non_trainable_weights)
    assert graph.layers[graph.layer_index["still"]].trainable is False


def test_mixed_precision_computes_in_half_and_stores_in_full():
    graph = graph_of(models.mixed_precision())
    (call,) = calls_of(graph, "half")
    assert call.outputs[0].dtype == "float16"
    assert {p.dtype for p in graph.parameters} == {"float32"}
    assert ("half", "full") in edges(graph)
    assert dict(graph.layers[graph.layer_index["half"]].settings)["dtype"] == "mixed_float16"


@pytest.mark.filterwarnings("ignore:Layer InputLayer does not have a `quantize`")
@pytest.mark.parametrize(
    ("layer", "shape", "kernel"),
    [
        (lambda: keras.layers.Dense(5), (3,), 15),
        (lambda: keras.layers.Embedding(7, 5), (4,), 35),
        (lambda: keras.layers.EinsumDense("abc,cde->abde", output_shape=(None, 3, 5)), (4, 7), 105),
    ],
)
def test_values_of_four_bits_are_as_many_as_before_where_an_axis_is_odd(layer, shape, kernel):
    net = keras.Sequential([keras.Input(shape), layer()])
    net.quantize("int4")
    packed = [p for p in graph_of(net).parameters if p.name in ("kernel", "embeddings")]
    assert [p.size for p in packed] == [kernel]


@pytest.mark.filterwarnings("ignore:Layer InputLayer does not have a `quantize`")
def test_quantized_layers_count_their_values_and_their_bytes():
    graph = graph_of(models.quantized())
    kernel = next(p for p in graph.parameters if p.name == "kernel")
    assert (kernel.dtype, kernel.size, kernel.bytes) == ("int8", 24, 24)
    graph = graph_of(models.quantized("int4"))
    packed = next(p for p in graph.parameters if p.name == "kernel")
    assert (packed.dtype, packed.size, packed.bytes) == ("int8", 24, 12)


def test_random_seeds_are_buffers():
    graph = graph_of(keras.Sequential([keras.Input((3,)), kl.Dropout(0.5, seed=1)]))
    assert [p.kind for p in graph.parameters] == ["buffer"]
    assert Metrics(graph).totals["params"] == 0


def test_calls_of_a_shared_layer_are_numbered_as_the_code_made_them():
    question, answer = (keras.Input((20,), dtype="int32", name=name) for name in ("question", "answer"))
    embedding, encoder = kl.Embedding(50, 8, name="embedding"), kl.LSTM(4, name="encoder")
    joined = kl.Concatenate()([encoder(embedding(question)), encoder(embedding(answer))])
    graph = graph_of(keras.Model([question, answer], joined))
    (first, second), (left, right) = graph.calls_of["embedding"], graph.calls_of["encoder"]
    (asked,), (answered,) = graph.calls_of["question"], graph.calls_of["answer"]
    edges = {(edge.source, edge.target) for edge in graph.edges}
    assert {(asked, first), (answered, second), (first, left), (second, right)} <= edges


def test_optimizer_is_a_line_of_its_own_after_fit():
    model = models.tutorial()
    model.compile("adam", "mse")
    assert graph_of(model).optimizer is None
    model.fit(np.ones((4, 1)), np.ones((4, 1)), verbose=0)
    state = graph_of(model).optimizer
    assert state.name == "Adam"
    assert state.size == sum(int(np.prod(v.shape)) for v in model.optimizer.variables)


def test_unbuilt_model_shows_its_layers_and_says_how_to_get_more():
    graph = graph_of(models.residual_net(built=False))
    assert "blocks[1]/second" in graph.layer_index
    assert len(graph.calls) == 0
    (note,) = graph.diagnostics
    assert note.level == "note"
    assert "inputs=(None, 32)" in note.message


def test_what_an_unbuilt_layer_will_hold_is_unknown():
    graph = graph_of(models.residual_net(built=False))
    held = dict(zip(graph.layers.column("path"), graph.layers.column("parameters"), strict=True))
    assert held["blocks[1]/second"] is None
    assert held["blocks[1]"] == ()  # it has no build() of its own that could add weights
    assert Metrics(graph).totals["params"] is None
    whole = graph_of(models.residual_net(built=False), (None, 8))
    assert None not in whole.layers.column("parameters")


def test_totals_of_a_model_without_a_call_are_those_of_its_built_parts():
    class Adversaries(keras.Model):
        def __init__(self):
            super().__init__()
            self.maker = keras.Sequential([keras.Input((3,)), kl.Dense(4)])
            self.judge = keras.Sequential([keras.Input((4,)), kl.Dense(1)])

    assert Metrics(graph_of(Adversaries())).totals["params"] == 21


def test_layers_behind_a_failure_are_unknown_and_those_before_it_known():
    class Mismatched(keras.Model):
        def __init__(self):
            super().__init__()
            self.reached = kl.Dense(4, name="reached")
            self.missed = kl.Dense(3, name="missed")

        def call(self, x):
            return self.missed(keras.ops.matmul(self.reached(x), keras.ops.zeros((9, 9))))

    layers = read(Mismatched(), (None, 8)).graph.layers
    held = dict(zip(layers.column("path"), layers.column("parameters"), strict=True))
    assert len(held["reached"]) == 2
    assert held["missed"] is None


def test_layer_that_cannot_be_traced_is_one_box_with_a_note():
    graph = graph_of(models.opaque())
    (call,) = calls_of(graph, "odd")
    assert call.compute is None
    assert shapes(call.outputs) == [(None, 9)]
    assert ("odd", "after") in edges(graph)
    assert "cannot be traced" in graph.diagnostics[0].message


def test_odd_layers_do_not_take_the_reading_down():
    graph = graph_of(models.StubbornModel(), (None, 3))
    assert "a~0b <script>" in graph.layer_index
    assert dict(graph.layers[graph.layer_index["stubborn"]].settings)["dtype"] == "float32"


@pytest.mark.parametrize(
    ("wrapper", "shape", "ways"),
    [
        (
            lambda: kl.Bidirectional(kl.LSTM(4, return_sequences=True), name="both"),
            (5,),
            {("mask", "both/forward_layer"), ("mask", "both/backward_layer")},
        ),
        (
            lambda: kl.RNN(kl.GRUCell(4), name="rnn"),
            (5,),
            {("mask", "rnn/unstack#2"), ("rnn/unstack#2", "rnn/where#1")},
        ),
        (
            lambda: kl.TimeDistributed(kl.GlobalAveragePooling1D(), name="each"),
            (5, 2),
            {("mask", "each/unstack#2"), ("each/unstack#2", "each/layer")},
        ),
        (lambda: kl.TimeDistributed(kl.Dense(4), name="each"), (5,), {("mask", "each/unstack#2")}),
    ],
)
def test_wrappers_pass_their_mask_on(wrapper, shape, ways):
    steps, mask = keras.Input((*shape, 3)), keras.Input(shape, dtype="bool", name="mask")
    graph = graph_of(keras.Model([steps, mask], wrapper()(steps, mask=mask)))
    assert ways <= edges(graph)
    assert Metrics(graph).totals["macs"] is not None


def test_mask_travels_with_its_tensor():
    graph = graph_of(models.Masked(), (None, 7))
    assert any(source == "embed" and "expand_dims" in target for source, target in edges(graph))


def test_outputs_keep_the_order_of_the_structure():
    graph = graph_of(models.multi_output())
    assert [shapes(c.inputs)[0] for c in graph.calls if c.kind == "output"] == [(None, 4), (None, 149), (None, 3)]


def test_graph_survives_the_round_trip_through_networkx():
    from nbviz.graph import ModelGraph

    graph = graph_of(models.residual_net())
    assert ModelGraph.from_networkx(graph.to_networkx()) == graph


def test_shapes_alone_that_do_not_run_leave_the_layers_and_a_note():
    class TakesBoth(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.project = kl.Dense(2)

        def call(self, inputs):
            codes, x = inputs["codes"], inputs["x"]
            if str(codes.dtype).rpartition(".")[2] == str(x.dtype).rpartition(".")[2]:
                msg = "codes are whole numbers and x is not"
                raise TypeError(msg)
            return self.project(x) + keras.ops.cast(codes, "float32")

    model = TakesBoth()
    model({"codes": np.ones((2, 2), "int32"), "x": np.ones((2, 2), "float32")})
    reading = read(model)
    assert len(reading.graph.calls) == 0
    assert "codes are whole numbers" in reading.graph.diagnostics[0].message
    assert "inputs=" in reading.graph.diagnostics[0].message
    assert "project" in reading.graph.layer_index
    assert reading.error is None
    given = {"codes": keras.KerasTensor((None, 2), "int32"), "x": (None, 2)}
    assert len(read(model, given).graph.calls) > 0


@pytest.mark.parametrize("ask", [lambda x: x.shape[1], lambda x: keras.ops.shape(x)[-1]], ids=["attribute", "ops"])
@pytest.mark.parametrize("use", ["arange", "slice"])
def test_a_free_length_that_the_code_asks_for_stays_free(ask, use):
    """``None`` in ``ops.arange(0, None)`` or in a slice is no error, and would give the length 0 or that of the table."""

    class Positions(keras.Model):
        def __init__(self):
            super().__init__()
            self.tokens, self.table = kl.Embedding(9, 4), kl.Embedding(200, 4)

        def call(self, x):
            length = ask(x)
            picked = keras.ops.arange(0, length, 1) if use == "arange" else keras.ops.arange(200)[:length]
            return self.tokens(x) + self.table(picked)

    graph = graph_of(Positions(), keras.KerasTensor((None, None), "int32"))
    assert shapes(calls_of(graph, "")[0].outputs) == [(None, None, 4)]
    assert shapes(calls_of(graph, "table")[0].outputs) == [(None, 4)]


def test_operations_of_a_functional_model_are_not_said_to_stand_where_it_is_viewed():
    x = keras.Input((4,))
    graph = graph_of(keras.Model(x, keras.ops.exp(keras.ops.abs(x))))
    assert {call.op: call.source for call in graph.calls if call.kind == "operation"} == {"exp": "", "absolute": ""}
