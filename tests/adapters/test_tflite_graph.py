"""TFLite models as graphs: operators, scopes, weights and subgraphs."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tflite")

from nbviz.adapters import read
from nbviz.adapters.tflite.naming import name_of
from nbviz.invariants import violations
from nbviz.metrics import Metrics
from nbviz.metrics import macs as counted
from tests.models import tflite_models as models
from tests.models.tflite_models import CONVERTED, Writer


@pytest.fixture
def reading(tmp_path):
    """Read the bytes of a model."""

    def of(data):
        path = tmp_path / "net.tflite"
        path.write_bytes(data)
        found = read(path)
        assert list(violations(found.graph)) == []
        Metrics(found.graph)
        return found

    return of


def settings_of(graph, path):
    [call] = graph.calls_of[path]
    found = graph.calls[call]
    return dict(graph.layers[graph.layer_index[path]].settings if found.layer is not None else found.settings)


def values(reading, name):
    [found] = [p for p in reading.graph.parameters if p.name == name]
    return np.concatenate(list(reading.weights.chunks(found.id)))


def notes(graph):
    return " ".join(d.message for d in graph.diagnostics)


def test_scopes_of_tensors_are_the_layers_of_operators(reading):
    graph = reading(models.convolutions()).graph
    assert [(c.path, c.op) for c in graph.calls] == [
        ("", "Model"),
        ("input#1", "input"),
        ("net", "Scope"),
        ("net/conv", "CONV_2D"),
        ("net/flatten", "RESHAPE"),
        ("net/dense", "FULLY_CONNECTED"),
        ("output#1", "output"),
    ]
    assert [(e.source, e.target) for e in graph.edges] == [(1, 3), (3, 4), (4, 5), (5, 6)]
    assert graph.calls[1].outputs[0].name == "picture"
    assert graph.calls[6].inputs[0].name == "scores"
    assert graph.calls[3].outputs[0].shape == (None, 4, 4, 4)
    assert notes(graph) == ""


@pytest.mark.parametrize(
    ("made", "weights", "name"),
    [
        ("net/relu/Relu;net/bn/Fused;net/dw/depthwise;net/conv/Conv2D", "net/conv/Conv2D_half", "net/conv/Conv2D"),
        ("net/relu/Relu;net/conv/Conv2D", "arith.constant", "net/conv/Conv2D"),
        ("StatefulPartitionedCall:0", "net/head/MatMul", "net/head/MatMul"),
        ("net/add/Add:0", "", "net/add/Add"),
        ("conv2d", "conv2d/Kernel", "conv2d/Kernel"),
        ("alone", "", "alone"),
        ("", "", ""),
    ],
)
def test_an_operator_is_named_by_the_part_whose_weights_it_reads(made, weights, name):
    assert name_of([made], [weights] if weights else []) == name


def test_arguments_and_options_are_settings(reading):
    graph = reading(models.convolutions()).graph
    assert settings_of(graph, "net/flatten") == {"new_shape": (), "shape": (-1, 64)}
    conv = settings_of(graph, "net/conv")
    assert conv["padding"] == "VALID"
    assert (conv["version"], conv["fused_activation_function"]) == (3, "RELU")
    root = dict(graph.layers[0].settings)
    assert (root["description"], root["min_runtime_version"]) == ("made for a test", "1.14.0")
    assert root["signatures"] == ("serving_default",)
    assert root["operators"] == ("CONV_2D 3", "RESHAPE 1", "FULLY_CONNECTED 1")


def test_a_buffer_that_two_tensors_share_counts_once(reading):
    found = reading(models.convolutions())
    totals = Metrics(found.graph).totals
    assert totals["params"] == 72 + 4 + 256
    assert totals["bytes"] == 4 * totals["params"]
    assert next(p.owners for p in found.graph.parameters if p.name == "net/conv/bias") == ("net/conv", "net/dense")
    assert values(found, "net/conv/bias").tolist() == [0, 1, 2, 3]


def test_multiply_accumulates_are_those_of_one_example(reading):
    graph = reading(models.convolutions()).graph
    assert graph.batch_axis
    assert [counted(c.compute) for c in graph.calls if c.compute] == [4 * 4 * 4 * 18, 4 * 64]


def test_an_open_axis_may_be_several_times_the_batch(reading):
    w = Writer()
    kernel = w.tensor("w", (5, 4), buffer=w.buffer(np.ones((5, 4))))
    tensors = [w.tensor("x", (1, 3, 4), signature=(-1, 3, 4)), w.tensor("s", (2,), "INT32", w.buffer([-1, 4], "int32"))]
    tensors += [w.tensor("flat", (1, 4), signature=(-1, 4)), kernel, w.tensor("y", (1, 5), signature=(-1, 5))]
    operators = [w.operator("RESHAPE", [0, 1], [2]), w.operator("FULLY_CONNECTED", [2, 3, -1], [4])]
    graph = reading(w.bytes(w.graph(tensors, [0], [4], operators))).graph
    assert Metrics(graph).totals["macs"] == 3 * 4 * 5


BATCH = (-1, 3, 4)


@pytest.mark.parametrize(
    ("op", "argument", "made", "options", "macs"),
    [
        ("MEAN", [-1], (-1, 3), None, 5 * 3),
        ("MEAN", [-3], (-1, 4), None, None),
        ("TRANSPOSE", [0, 2, 1], (-1, 4, 3), None, 4 * 5 * 3),
        ("TRANSPOSE", [1, 0, 2], (3, -1, 4), None, None),
        ("RESHAPE", [-1, 12], (-1, 12), None, 5 * 12),
        ("RESHAPE", [-1, 4], (-1, 4), None, 3 * 5 * 4),
        ("FULLY_CONNECTED", None, (-1, 4), None, 3 * 5 * 4),
        ("FULLY_CONNECTED", None, (-1, 3, 4), ("FullyConnectedOptions", {"KeepNumDims": True}), 3 * 5 * 4),
        ("GATHER", [0, 1], (-1, 2, 4), ("GatherOptions", {"Axis": 1}), 2 * 5 * 4),
        ("GATHER", [0, 1], (-1, 3, 4), ("GatherOptions", {"Axis": 0}), None),
        ("CUMSUM", [1], BATCH, None, 3 * 5 * 4),
        ("SELECT_V2", None, BATCH, None, 3 * 5 * 4),
        ("RESHAPE", [-1, 8], (-1, 8), None, None),  # twelve elements make no whole rows of eight
        ("TILE", [2, 1, 1], BATCH, None, None),
    ],
)
def test_how_much_of_an_open_first_axis_is_one_example_where_that_is_certain(
    reading, op, argument, made, options, macs
):
    """What comes out is multiplied by a matrix."""
    w = Writer()
    given = w.buffer(np.ones(16)) if argument is None else w.buffer(argument, "int32")
    shape, kind = ((4, 4), "FLOAT32") if argument is None else ((len(argument),), "INT32")
    tensors = [w.tensor("x", (1, 3, 4), signature=BATCH), w.tensor("argument", shape, kind, given)]
    size = made[-1]
    tensors += [w.tensor("made", np.maximum(made, 1), signature=made)]
    tensors += [w.tensor("w", (5, size), buffer=w.buffer(np.ones(5 * size)))]
    tensors += [w.tensor("y", (*np.maximum(made, 1)[:-1], 5), signature=(*made[:-1], 5))]
    keep = ("FullyConnectedOptions", {"KeepNumDims": True})
    operators = [w.operator(op, [0, 1], [2], options), w.operator("FULLY_CONNECTED", [2, 3, -1], [4], keep)]
    graph = reading(w.bytes(w.graph(tensors, [0], [4], operators))).graph
    assert counted(graph.calls[3].compute) == macs


def test_steps_that_are_taken_apart_and_put_together_are_counted(reading):
    """As a layer on each step of a sequence is converted: the batch is no first axis in between."""
    w = Writer()
    tensors = [w.tensor("x", (1, 3, 4), signature=BATCH), w.tensor("p", (3,), "INT32", w.buffer([1, 0, 2], "int32"))]
    tensors += [
        w.tensor("turned", (3, 1, 4), signature=(3, -1, 4)),
        w.tensor("w", (5, 4), buffer=w.buffer(np.ones(20))),
    ]
    tensors += [w.tensor(f"step{i}", (1, 4), signature=(-1, 4)) for i in range(3)]
    tensors += [w.tensor(f"made{i}", (1, 5), signature=(-1, 5)) for i in range(3)]
    tensors += [w.tensor("stacked", (3, 1, 5), signature=(3, -1, 5)), w.tensor("back", (1, 3, 5), signature=(-1, 3, 5))]
    tensors += [w.tensor("v", (2, 5), buffer=w.buffer(np.ones(10))), w.tensor("y", (1, 3, 2), signature=(-1, 3, 2))]
    operators = [w.operator("TRANSPOSE", [0, 1], [2])]
    operators += [w.operator("UNPACK", [2], [4, 5, 6], ("UnpackOptions", {"Num": 3}))]
    operators += [w.operator("FULLY_CONNECTED", [4 + i, 3, -1], [7 + i]) for i in range(3)]
    operators += [w.operator("PACK", [7, 8, 9], [10], ("PackOptions", {"ValuesCount": 3}))]
    operators += [w.operator("TRANSPOSE", [10, 1], [11])]
    operators += [w.operator("FULLY_CONNECTED", [11, 12, -1], [13], ("FullyConnectedOptions", {"KeepNumDims": True}))]
    graph = reading(w.bytes(w.graph(tensors, [0], [13], operators))).graph
    assert [counted(c.compute) for c in graph.calls if c.compute] == [20, 20, 20, 30]


@pytest.mark.parametrize(
    ("op", "shapes", "made", "options", "macs"),
    [
        ("CONV_2D", [(2, 8, 8, 4), (6, 3, 3, 2), (6,)], (2, 6, 6, 6), None, 2 * 6 * 6 * 6 * 18),
        ("DEPTHWISE_CONV_2D", [(1, 8, 8, 4), (1, 3, 3, 8), None], (1, 6, 6, 8), None, 6 * 6 * 8 * 9),
        ("TRANSPOSE_CONV", [(4,), (2, 3, 3, 4), (1, 5, 5, 4)], (1, 7, 7, 2), None, 5 * 5 * 4 * 3 * 3 * 2),
        ("CONV_3D", [(1, 5, 5, 5, 2), (3, 3, 3, 2, 4)], (1, 3, 3, 3, 4), None, 27 * 4 * 54),
        ("CONV_3D_TRANSPOSE", [(5,), (2, 2, 2, 3, 4), (1, 2, 2, 2, 4)], (1, 4, 4, 4, 3), None, 8 * 4 * 8 * 3),
        ("FULLY_CONNECTED", [(3, 10), (7, 10), (7,)], (3, 7), None, 210),
        ("BATCH_MATMUL", [(2, 3, 4), (2, 4, 5)], (2, 3, 5), None, 2 * 3 * 5 * 4),
        ("BATCH_MATMUL", [(2, 4, 3), (2, 5, 4)], (2, 3, 5), ("BatchMatMulOptions", {"AdjX": True, "AdjY": True}), 120),
        ("RNN", [(2, 3), (5, 3), (5, 5), (5,), (2, 5)], (2, 5), None, 2 * 5 * 8),
        ("SVDF", [(2, 3), (4, 3), (4, 7), (4,), (2, 28)], (2, 4), None, 2 * 4 * 10),
        ("SOFTMAX", [(2, 3)], (2, 3), None, 0),
    ],
)
def test_multiply_accumulates_of_operators(reading, op, shapes, made, options, macs):
    assert Metrics(reading(models.of_one(op, shapes, made, options)).graph).totals["macs"] == macs


@pytest.mark.parametrize("input_gate", [True, False])
def test_multiply_accumulates_of_an_lstm(reading, input_gate):
    gate, state = (5, 3) if input_gate else None, (5, 5) if input_gate else None
    shapes = [(2, 7, 3), gate, (5, 3), (5, 3), (5, 3), state, (5, 5), (5, 5), (5, 5)]
    graph = reading(models.of_one("UNIDIRECTIONAL_SEQUENCE_LSTM", shapes, (2, 7, 5))).graph
    assert Metrics(graph).totals["macs"] == 2 * 7 * (4 if input_gate else 3) * 5 * 8


# Weights


def test_quantized_weights_say_what_they_stand_for(reading):
    w = Writer()
    tensors = [w.tensor("x", (1, 4), "INT8", scale=[0.5], zero=[3])]
    tensors += [w.tensor("w", (2, 4), "INT8", w.buffer(np.arange(8), "int8"), scale=[0.1, 0.2])]
    tensors += [w.tensor("b", (2,), "INT32", w.buffer([1, 2], "int32"), scale=[0.05, 0.1])]
    tensors += [w.tensor("y", (1, 2), "INT8", scale=[0.25], zero=[-1])]
    graph = reading(w.bytes(w.graph(tensors, [0], [3], [w.operator("FULLY_CONNECTED", [0, 1, 2], [3])]))).graph
    told = settings_of(graph, "y")
    assert told["weights_quantization"] == "2 scales along axis 0, zero point 0"
    assert told["output_quantization"] == "scale 0.25, zero point -1"
    assert {p.name: (p.dtype, p.size, p.bytes) for p in graph.parameters} == {"w": ("int8", 8, 8), "b": ("int32", 2, 8)}


def test_four_bits_count_as_values_and_take_half_a_byte(reading):
    w = Writer()
    packed = w.buffer([0x21, 0xF8, 0x07], "uint8")
    tensors = [w.tensor("x", (1, 5)), w.tensor("w", (1, 5), "INT4", packed, scale=[0.1]), w.tensor("y", (1, 1))]
    found = reading(w.bytes(w.graph(tensors, [0], [2], [w.operator("FULLY_CONNECTED", [0, 1, -1], [2])])))
    assert [(p.dtype, p.size, p.bytes) for p in found.graph.parameters] == [("int4", 5, 3)]
    assert values(found, "w").tolist() == [1, 2, -8, -1, 7]


def test_sparse_weights_count_what_they_stand_for(reading):
    w = Writer()
    axes = [w.table("DimensionMetadata", Format=kind, DenseSize=4) for kind in (0, 1)]
    sparsity = w.table("SparsityParameters", TraversalOrder=np.array([0, 1], "int32"), DimMetadata=axes)
    stored = w.tensor("w", (4, 4), buffer=w.buffer([1, 2, 3]), Sparsity=sparsity)
    tensors = [w.tensor("x", (1, 4)), stored, w.tensor("y", (1, 4))]
    found = reading(w.bytes(w.graph(tensors, [0], [2], [w.operator("FULLY_CONNECTED", [0, 1, -1], [2])])))
    assert [(p.size, p.bytes) for p in found.graph.parameters] == [(16, 12)]
    assert settings_of(found.graph, "y")["weights_storage"] == "sparse (dense, csr)"
    with pytest.raises(LookupError, match="sparse"):
        values(found, "w")


def test_weights_that_are_unpacked_first_are_those_of_what_reads_them(reading):
    w = Writer()
    half = w.buffer(np.frombuffer(np.ones(8, "float16").tobytes(), "uint8"), "uint8")
    axes = [w.table("DimensionMetadata", Format=kind, DenseSize=4) for kind in (0, 1)]
    sparsity = w.table("SparsityParameters", TraversalOrder=np.array([0, 1], "int32"), DimMetadata=axes)
    tensors = [w.tensor("x", (1, 4)), w.tensor("net/dense/packed", (4, 4), "FLOAT16", half, Sparsity=sparsity)]
    tensors += [
        w.tensor("net/dense/half", (4, 4), "FLOAT16"),
        w.tensor("net/dense/MatMul", (4, 4)),
        w.tensor("y", (1, 4)),
    ]
    operators = [
        w.operator("DENSIFY", [1], [2]),
        w.operator("DEQUANTIZE", [2], [3]),
        w.operator("FULLY_CONNECTED", [0, 3, -1], [4]),
    ]
    graph = reading(w.bytes(w.graph(tensors, [0], [4], operators))).graph
    assert [c.path for c in graph.calls if c.parameters] == ["net/dense"]
    assert settings_of(graph, "net/dense")["weights_storage"] == "sparse (dense, csr) float16"
    assert [(p.dtype, p.size, p.bytes) for p in graph.parameters] == [("float16", 16, 16)]
    assert Metrics(graph).totals["macs"] == 16
    assert "weights (2)" in notes(graph)


def test_states_are_buffers_without_values(reading):
    w = Writer()
    tensors = [w.tensor("x", (1, 3)), w.tensor("f", (2, 3), buffer=w.buffer(np.ones(6)))]
    tensors += [w.tensor("t", (2, 4), buffer=w.buffer(np.ones(8))), w.tensor("state", (1, 8), IsVariable=True)]
    tensors += [w.tensor("y", (1, 2))]
    operator = w.operator("SVDF", [0, 1, 2, -1, 3], [4])
    found = reading(w.bytes(w.graph(tensors, [0], [4], [operator])))
    totals = Metrics(found.graph).totals
    assert (totals["params"], totals["buffers"]) == (14, 8)
    with pytest.raises(LookupError, match="while the model runs"):
        values(found, "state")


def test_a_table_of_numbers_is_a_buffer_and_few_are_an_argument(reading):
    table = models.of_one(
        "GATHER", [(40,), (2,)], (2,), kinds={0: "INT32"}, constants={0: np.arange(40), 1: [1.0, 2.0]}
    )
    totals = Metrics(reading(table).graph).totals
    assert (totals["params"], totals["buffers"]) == (2, 40)


def test_weights_behind_the_tables_are_found_there(reading):
    w = Writer()
    w.place(4096, 64)
    w.place(4160, 16)
    tensors = [
        w.tensor("x", (1, 4)),
        w.tensor("w", (4, 4), buffer=1),
        w.tensor("b", (4,), buffer=2),
        w.tensor("y", (1, 4)),
    ]
    data = w.bytes(w.graph(tensors, [0], [3], [w.operator("FULLY_CONNECTED", [0, 1, 2], [3])]))
    behind = np.arange(20, dtype="float32").tobytes()
    found = reading(data.ljust(4096, b"\0") + behind)
    assert values(found, "b").tolist() == [16, 17, 18, 19]
    assert Metrics(found.graph).totals["bytes"] == 80


def test_weights_in_another_file_have_no_values(reading):
    w = Writer()
    stored = w.newer_tensor("w", (4, 4), number=19, external=7)  # int2
    tensors = [w.tensor("x", (1, 4)), stored, w.tensor("y", (1, 4))]
    found = reading(w.bytes(w.graph(tensors, [0], [2], [w.operator("FULLY_CONNECTED", [0, 1, -1], [2])])))
    assert [(p.dtype, p.size, p.bytes) for p in found.graph.parameters] == [("int2", 16, 4)]
    with pytest.raises(LookupError, match="another file"):
        values(found, "w")


def test_types_of_a_later_version_are_unknown(reading):
    w = Writer()
    tensors = [w.tensor("x", (1, 4)), w.newer_tensor("w", (4, 4), number=99, buffer=w.buffer(np.ones(16)))]
    tensors += [w.tensor("y", (1, 4))]
    graph = reading(w.bytes(w.graph(tensors, [0], [2], [w.operator("FULLY_CONNECTED", [0, 1, -1], [2])]))).graph
    assert [(p.dtype, p.bytes) for p in graph.parameters] == [("unknown", 64)]


# Operators


def test_custom_operators_are_shown_and_their_work_is_unknown(reading):
    graph = reading(models.of_one("my_op", [(1, 2)], (1, 2), CustomOptions=np.zeros(12, "uint8"))).graph
    assert settings_of(graph, "my_op#1")["custom_options"] == "12 bytes"
    assert "'my_op'" in notes(graph)
    assert Metrics(graph).totals["macs"] is None


def test_new_operators_are_known_by_their_wide_number(reading):
    options = (
        "StablehloDotGeneralOptions",
        {"LhsContractingDimensions": np.array([1]), "PrecisionConfig": np.array([0, 2], "uint32")},
    )
    graph = reading(models.of_one("STABLEHLO_DOT_GENERAL", [(3, 4), (4, 5)], (3, 5), options)).graph
    assert settings_of(graph, "STABLEHLO_DOT_GENERAL#1")["precision_config"] == ("DEFAULT", "HIGHEST")
    assert Metrics(graph).totals["macs"] == 60


def test_subgraphs_nest_in_what_calls_them(reading):
    graph = reading(models.calls([1, 1], [])).graph
    assert [c.path for c in graph.calls if c.op == "NEG"] == ["t1/NEG#1", "t2/NEG#1", "NEG#1"]
    assert [(graph.calls[e.source].path, graph.calls[e.target].path) for e in graph.edges] == [
        ("input#1", "t1/NEG#1"),
        ("t1/NEG#1", "t2/NEG#1"),
        ("t2/NEG#1", "NEG#1"),
        ("NEG#1", "output#1"),
    ]


def test_subgraphs_that_nothing_calls_are_told_and_their_weights_count(reading):
    w = Writer()
    tensors = [w.tensor("a", (2,)), w.tensor("b", (2,), buffer=w.buffer([1, 2])), w.tensor("c", (2,))]
    rest = w.graph(tensors, [0], [2], [w.operator("ADD", [0, 1], [2])], "rest")
    main = w.graph([w.tensor("x", (2,)), w.tensor("y", (2,))], [0], [1], [w.operator("NEG", [0], [1])])
    found = reading(w.bytes(main, rest))
    assert "'rest'" in notes(found.graph)
    assert Metrics(found.graph).totals["params"] == 2
    assert values(found, "b").tolist() == [1, 2]


def test_names_without_scopes_are_grouped_by_their_beginnings(reading):
    w = Writer()
    tensors = [w.tensor("x", (2,))]
    operators = []
    for i in range(8):
        tensors += [w.tensor(f"w{i}", (2,), buffer=w.buffer([i, i])), w.tensor(f"block{i // 4}_mul{i % 4}", (2,))]
        operators.append(w.operator("MUL", [2 * i, 2 * i + 1], [2 * i + 2]))
    graph = reading(w.bytes(w.graph(tensors, [0], [16], operators))).graph
    assert [group.id for group in graph.groups] == ["~block0", "~block1"]


# Converted models

TOTALS = {
    "att": (1040, 13440),
    "loop": (9, None),
    "lstm": (215, None),
    "small": (1624, 7776),
    "small_int8": (1624, 7776),
    "var": (3, 0),
}


@pytest.mark.parametrize("name", TOTALS)
def test_models_from_the_converter(name):
    reading = read(CONVERTED[name])
    graph = reading.graph
    assert list(violations(graph)) == []
    totals = Metrics(graph).totals
    assert (totals["params"], totals["macs"]) == TOTALS[name]
    assert notes(graph).startswith("MACs in 'WHILE' are missing" if totals["macs"] is None else "")
    assert (notes(graph) == "") == (totals["macs"] is not None)
    for parameter in graph.parameters:
        assert sum(piece.size for piece in reading.weights.chunks(parameter.id)) == parameter.size


def test_loops_and_conditions_hold_what_they_run():
    graph = read(CONVERTED["loop"]).graph
    assert [layer.path for layer in graph.layers if layer.type == "Graph"] == [
        "while/cond", "while/body", "Identity/then", "Identity/else",
    ]  # fmt: skip
    [less] = graph.calls_of["while/cond/LESS#1"]
    assert dict(graph.calls[less].settings)["y"] == 5
    assert [c.compute for c in graph.calls if c.op == "FULLY_CONNECTED"] == [None]  # one step is not what runs
    assert len(graph.calls[less].inputs) == 1  # the counter begins as a constant, and is none
    asked = graph.calls[graph.calls_of["Identity"][0]].inputs[0]
    assert graph.calls[graph.calls_of["Identity/merge#1"][0]].inputs[0] == asked


def test_constants_are_calls_where_that_is_asked_for():
    graph = read(CONVERTED["loop"], constants=True).graph
    assert list(violations(graph)) == []
    [less] = graph.calls_of["while/cond/LESS#1"]
    assert "y" not in dict(graph.calls[less].settings)
    assert 5 in [dict(c.settings)["value"] for c in graph.calls if c.kind == "constant"]


def test_signatures_stand_beside_each_other():
    graph = read(CONVERTED["var"]).graph
    assert [layer.path for layer in graph.layers if layer.type == "Signature"] == ["add", "reset"]
    assert [c.outputs[0].name for c in graph.calls if c.kind == "input"] == ["x"]


def test_attention_counts_every_product():
    graph = read(CONVERTED["att"]).graph
    counts = [counted(c.compute) for c in graph.calls if c.compute]
    assert counts == [10 * 16 * 16] * 2 + [2 * 10 * 10 * 8] + [10 * 16 * 16] + [2 * 10 * 8 * 10] + [10 * 16 * 16]
