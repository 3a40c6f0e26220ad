"""Operations of onnxruntime's own: quantized and packed weights are parameters, and shapes go on behind them."""

from __future__ import annotations

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from onnx import helper, numpy_helper  # noqa: E402

from nbviz.adapters import read  # noqa: E402
from nbviz.metrics import Metrics  # noqa: E402
from tests.models.onnx_models import info  # noqa: E402

OPSETS = (("", 18), ("com.microsoft", 1), ("com.acme", 1), ("com.microsoft.nchwc", 1))
FLOAT, UINT8, INT8, INT64 = 1, 2, 3, 7


def stored(name, *shape, dtype="float32"):
    return numpy_helper.from_array(np.ones(shape, dtype), name)


def model(nodes, inputs, weights, output=FLOAT):
    entering = [helper.make_tensor_value_info(name, dtype, shape) for name, dtype, shape in inputs]
    made = helper.make_tensor_value_info("y", output, None)
    graph = helper.make_graph(nodes, "net", entering, [made], initializer=weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid(*one) for one in OPSETS], ir_version=10)


def own(op, inputs, outputs="y", **attributes):
    return helper.make_node(op, inputs.split(), outputs.split(), domain="com.microsoft", **attributes)


def read_one(*nodes, weights, inputs=(("x", FLOAT, ["N", 32]),), output=FLOAT):
    graph = read(model(nodes, inputs, weights, output)).graph
    last = next(c for c in graph.calls if c.kind == "output")
    return graph, Metrics(graph).totals, last.inputs[0]


NARROW = (stored("W", 32, 64, dtype="int8"), stored("s"), stored("z", dtype="int8"))


@pytest.mark.parametrize(
    ("node", "entering"),
    [
        (own("DynamicQuantizeMatMul", "x W s z"), FLOAT),
        (own("MatMulIntegerToFloat", "x W s s z z"), UINT8),
    ],
)
def test_quantized_products(node, entering):
    _, totals, made = read_one(node, weights=NARROW, inputs=[("x", entering, ["N", 32])])
    assert (totals["params"], totals["bytes"], totals["macs"]) == (2048, 2048, 2048)
    assert (made.shape, made.dtype) == (("N", 64), "float32")


@pytest.mark.parametrize("scaled", [True, False])
def test_quantized_gemm(scaled):
    node = helper.make_node(
        "QGemm", ["x", "s", "z", "W", "s", "z", "", *(["s", "z"] if scaled else [])], ["y"], domain="com.microsoft"
    )
    kind = INT8 if scaled else FLOAT
    graph, totals, made = read_one(node, weights=NARROW, inputs=[("x", UINT8, ["N", 32])], output=kind)
    assert (totals["params"], totals["macs"]) == (2048, 2048)
    assert (made.shape, made.dtype) == (("N", 64), "int8" if scaled else "float32")
    assert not graph.diagnostics


def test_table_of_whole_numbers_is_a_weight_and_long_ones_are_not():
    nodes = [helper.make_node("Gather", ["E", "i"], ["q"]), helper.make_node("DequantizeLinear", ["q", "s"], ["y"])]
    table = [stored("E", 100, 32, dtype="int8"), stored("s")]
    assert read_one(*nodes, weights=table, inputs=[("i", INT64, ["N"])])[1]["params"] == 3200
    shape = stored("E", 100, 32, dtype="int64")
    lookup = helper.make_node("Gather", ["E", "i"], ["y"])
    assert read_one(lookup, weights=[shape], inputs=[("i", INT64, ["N"])], output=INT64)[1]["params"] == 0


def test_scales_of_each_channel_of_a_quantized_weight_are_no_parameters():
    """As ``quantize_dynamic(per_channel=True)`` writes them."""
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "qs", "qz"]),
        helper.make_node("MatMulInteger", ["q", "w_quantized", "qz", "w_zero_point"], ["i"]),
        helper.make_node("Cast", ["i"], ["f"], to=FLOAT),
        helper.make_node("Mul", ["qs", "w_scale"], ["s"], name="scales"),
        helper.make_node("Mul", ["f", "s"], ["a"]),
        helper.make_node("Mul", ["a", "bare_scale"], ["y"]),
    ]
    made = [
        stored("w_quantized", 32, 64, dtype="int8"),
        stored("w_scale", 64),
        stored("w_zero_point", 64, dtype="int8"),
    ]
    graph, totals, _ = read_one(*nodes, weights=[*made, stored("bare_scale", 64)])
    assert [p.name for p in graph.parameters] == ["w_quantized", "bare_scale"]
    assert totals["params"] == 32 * 64 + 64
    assert (
        dict(next(c for c in graph.calls if c.inputs[:1] and "scales" in str(c.settings)).settings)["B"]
        == "float32 (64,)"
    )


def test_a_quantized_number_is_as_little_a_parameter_as_it_was():
    node = own("QLinearMul", "x s z c s z s z")
    weights = [stored("c", dtype="int8"), stored("s"), stored("z", dtype="int8")]
    assert read_one(node, weights=weights, inputs=[("x", INT8, ["N", 32])], output=INT8)[1]["params"] == 0


def test_tables_of_sines_and_cosines_are_buffers():
    node = own("GroupQueryAttention", "q k v   l t cos sin", num_heads=4, kv_num_heads=2, do_rotary=1)
    inputs = ["q", "k", "v", "", "", "l", "t", "cos", "sin"]
    del node.input[:]
    node.input.extend(inputs)
    turned = own("RotaryEmbedding", "q p cos sin", "r")
    weights = [stored("cos", 128, 8), stored("sin", 128, 8), stored("E", 100, 32)]
    entering = [(name, FLOAT, ["B", 4, size]) for name, size in (("q", 64), ("k", 32), ("v", 32))]
    entering += [("l", 6, ["B"]), ("t", 6, []), ("p", INT64, ["B", 4])]
    graph, totals, _ = read_one(node, turned, own("Gelu", "E", "g"), weights=weights, inputs=entering)
    assert {(p.name, p.kind, p.trainable) for p in graph.parameters if p.name != "E"} == {
        ("cos", "buffer", False),
        ("sin", "buffer", False),
    }
    assert (totals["params"], totals["buffers"]) == (3200, 2 * 128 * 8)


def test_packed_weight_counts_with_the_values_that_it_stands_for():
    node = own("MatMulNBits", "x B s", K=32, N=64, bits=4, block_size=32)
    weights = [stored("B", 64, 1, 16, dtype="uint8"), stored("s", 64)]
    _, totals, made = read_one(node, weights=weights)
    assert (totals["params"], totals["bytes"], totals["macs"]) == (32 * 64, 64 * 16, 32 * 64)
    assert made.shape == ("N", 64)
    lying = own("MatMulNBits", "x B s", K=1 << 40, N=1 << 20, bits=4, block_size=32)
    assert read_one(lying, weights=weights)[1]["params"] == 64 * 16


def test_shapes_go_on_behind_what_the_package_does_not_know():
    nodes = [
        own("FusedConv", "x W", "a", activation="Relu"),
        own("QuickGelu", "a", "b"),
        helper.make_node("Conv", ["b", "V"], ["y"]),
    ]
    weights = [stored("W", 4, 3, 3, 3), stored("V", 5, 4, 3, 3)]
    graph, totals, made = read_one(*nodes, weights=weights, inputs=[("x", FLOAT, ["N", 3, 8, 8])])
    assert made.shape == ("N", 5, 4, 4)
    assert totals["macs"] == 6 * 6 * 4 * 27 + 4 * 4 * 5 * 36
    assert [c.op for c in graph.calls if c.kind == "layer"][1:] == ["FusedConv", "Conv"]
    assert not graph.diagnostics


@pytest.mark.parametrize(
    ("turned", "left", "right"),
    [
        ({"transBatchA": 1, "transBatchB": 1, "transB": 1}, (7, 2, 3, 8), (6, 2, 3, 8)),
        ({"transBatchA": 1, "transA": 1}, (8, 2, 3, 7), (2, 3, 8, 6)),
    ],
)
def test_products_whose_rows_stand_before_the_batch(turned, left, right):
    inputs = [("q", FLOAT, left), ("k", FLOAT, right)]
    _, totals, made = read_one(own("FusedMatMul", "q k", **turned), weights=[], inputs=inputs)
    assert made.shape == (2, 3, 7, 6)  # as onnxruntime gives it
    assert totals["macs"] == 2 * 3 * 7 * 6 * 8


def test_product_without_its_second_factor_is_shown():
    _, totals, made = read_one(own("FusedMatMul", "x"), weights=[])
    assert made.shape is None
    assert totals["macs"] is None


@pytest.mark.parametrize(("op", "rest"), [("Attention", ""), ("QAttention", "s s m z z")])
def test_attention_that_projects_itself(op, rest):
    weights = [*NARROW[1:], stored("V", 32, 96, dtype="float32" if op == "Attention" else "int8"), stored("b", 96)]
    entering = [("x", FLOAT if op == "Attention" else UINT8, ["N", 5, 32]), ("m", 6, ["N", 5])]
    node = own(op, f"x V b {rest}".strip(), num_heads=4)
    _, totals, made = read_one(node, weights=weights, inputs=entering)
    assert made.shape == ("N", 5, 32)
    assert totals["macs"] == 5 * 32 * 96 + 2 * 5 * 5 * 32


def test_norms_with_a_sum_give_both():
    node = own("SkipLayerNormalization", "x x g", "n a b y", epsilon=1e-5)
    assert read_one(node, weights=[stored("g", 32)])[2].shape == ("N", 32)


def test_weight_of_an_operation_that_nobody_knows():
    node = helper.make_node("Zap", ["x", "W"], ["y"], domain="com.acme")
    graph, totals, _ = read_one(node, weights=[stored("W", 32, 64, dtype="int8")])
    assert totals["params"] == 2048
    assert totals["macs"] is None
    assert "Unknown operation 'com.acme.Zap': its MACs are not counted" in graph.diagnostics[0].message


def test_sizes_that_do_not_fit_are_told():
    node = helper.make_node("MatMul", ["x", "W"], ["y"])
    graph = read(model([node], [("x", FLOAT, ["N", 5])], [stored("W", 4, 8)])).graph
    assert (
        "do not match in MatMul: (N, 5) and (4, 8) cannot be multiplied: 5 and 4 must" in graph.diagnostics[0].message
    )
    behind = [helper.make_node("MatMul", ["x", "W"], ["a"]), helper.make_node("Relu", ["a"], ["y"])]
    made = model(behind, [("x", FLOAT, ["N", 5])], [stored("W", 4, 8)])
    made.graph.output[0].CopyFrom(info("y", "N", 8))
    assert "do not match" in read(made).graph.diagnostics[0].message


def test_batch_on_another_axis_counts_once():
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=[1, 0, 2]),
        helper.make_node("MatMul", ["t", "W"], ["m"]),
        helper.make_node("Reshape", ["m", "shape"], ["r"]),
        helper.make_node("Transpose", ["r"], ["k"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["r", "k"], ["y"]),
    ]
    weights = [stored("W", 8, 8), numpy_helper.from_array(np.array([7, -1, 4]), "shape")]  # two heads in the batch
    _, totals, _ = read_one(*nodes, weights=weights, inputs=[("x", FLOAT, ["N", 7, 8])])
    assert totals["macs"] is None  # every example meets every other one
    nodes[2:] = [
        helper.make_node("Transpose", ["m"], ["n"], perm=[1, 0, 2]),
        helper.make_node("Reshape", ["n", "shape"], ["r"]),
        helper.make_node("Transpose", ["r"], ["k"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["r", "k"], ["y"]),
    ]
    weights[1] = numpy_helper.from_array(np.array([-1, 7, 4]), "shape")
    graph, totals, _ = read_one(*nodes, weights=weights, inputs=[("x", FLOAT, ["N", 7, 8])])
    assert totals["macs"] == 7 * 8 * 8 + 2 * 7 * 7 * 4
    assert not graph.diagnostics


def test_open_sizes_that_macs_depend_on_are_named():
    node = helper.make_node("MatMul", ["x", "W"], ["y"])
    graph, totals, _ = read_one(node, weights=[stored("W", 32, 4)], inputs=[("x", FLOAT, ["N", "seq", 32])])
    assert totals["macs"] is None
    assert graph.diagnostics[0].message.endswith("for 1 operation: 'seq' can have any size; pass sizes as inputs.")


def test_sparse_weight_takes_the_bytes_that_are_stored():
    made = model([helper.make_node("MatMul", ["x", "S"], ["y"])], [("x", FLOAT, ["N", 4])], [])
    values, places = (
        helper.make_tensor("S", FLOAT, [3], [1.0, 2.0, 3.0]),
        helper.make_tensor("i", INT64, [3], [0, 5, 10]),
    )
    made.graph.sparse_initializer.append(helper.make_sparse_tensor(values, places, [4, 4]))
    graph = read(made).graph
    assert [(p.size, p.bytes) for p in graph.parameters] == [(16, 3 * 4 + 3 * 8)]


def heads(op, *inputs, **attributes):
    return helper.make_node(op, list(inputs), ["y"], domain="com.microsoft", **attributes)


@pytest.mark.parametrize(
    ("node", "inputs", "weights", "shape"),
    [
        (heads("MultiHeadAttention", "q", "k", "v", num_heads=4), {"q": 32, "k": 32, "v": 64}, [], 64),
        (heads("GroupQueryAttention", "q", "k", "v", num_heads=4, kv_num_heads=2), {"q": 32, "k": 16, "v": 16}, [], 32),
        (heads("GroupQueryAttention", "q", "", "", num_heads=4, kv_num_heads=2), {"q": 64}, [], 32),
        (heads("Attention", "q", "W", num_heads=4), {"q": 32}, [stored("W", 32, 96)], 32),
        (heads("FusedMatMul", "q", "W", transB=1), {"q": 32}, [stored("W", 48, 32)], 48),
    ],
)
def test_widths_behind_attention_and_products(node, inputs, weights, shape):
    entering = [(name, FLOAT, ["N", 7, width]) for name, width in inputs.items()]
    assert read_one(node, weights=weights, inputs=entering)[2].shape == ("N", 7, shape)


def test_embeddings_of_tokens_and_positions():
    node = heads("EmbedLayerNormalization", "i", "", "E", "P")
    made = read_one(node, weights=[stored("E", 100, 32), stored("P", 9, 32)], inputs=[("i", INT64, ["N", 7])])[2]
    assert made.shape == ("N", 7, 32)


def test_quantized_residual():
    scales = ["s", "z"]
    nodes = [
        helper.make_node("QLinearAdd", ["x", *scales, "b", *scales, *scales], ["a"], domain="com.microsoft"),
        helper.make_node(
            "QLinearGlobalAveragePool", ["a", *scales, *scales], ["p"], domain="com.microsoft", channels_last=0
        ),
        helper.make_node("QLinearConcat", [*scales, "p", *scales, "p", *scales], ["y"], domain="com.microsoft", axis=1),
    ]
    weights = [stored("b", 4, 1, 1, dtype="uint8"), stored("s"), stored("z", dtype="uint8")]
    _, totals, made = read_one(*nodes, weights=weights, inputs=[("x", UINT8, ["N", 4, 8, 8])], output=UINT8)
    assert (totals["params"], totals["macs"]) == (4, 0)
    assert (made.shape, made.dtype) == (("N", 8, 1, 1), "uint8")


def test_quantized_lstm_has_its_weights_turned_round():
    inputs = ["x", "W", "R", "", "", "", "", "", "s", "z", "s", "z"]
    node = helper.make_node("DynamicQuantizeLSTM", inputs, ["y"], domain="com.microsoft", hidden_size=16)
    weights = [stored("W", 1, 8, 64, dtype="int8"), stored("R", 1, 16, 64, dtype="int8"), stored("s", 1)]
    weights.append(stored("z", 1, dtype="int8"))
    _, totals, made = read_one(node, weights=weights, inputs=[("x", FLOAT, [5, 1, 8])])
    assert (totals["params"], totals["macs"]) == (8 * 64 + 16 * 64, 5 * 64 * (8 + 16))
    assert made.shape == (5, 1, 1, 16)


@pytest.mark.parametrize(("attributes", "rows", "columns"), [({}, 32, 64), ({"transB": 0}, 64, 32)])
def test_product_with_four_bits_of_two_kinds(attributes, rows, columns):
    node = own("MatMulBnb4", "x B s", K=32, N=64, block_size=64, quant_type=1, **attributes)
    weights = [stored("B", 1024, dtype="uint8"), stored("s", 32)]
    graph, totals, made = read_one(node, weights=weights, inputs=[("x", FLOAT, ["N", rows])])
    assert (totals["params"], totals["bytes"], totals["macs"]) == (2048, 1024, 2048)
    assert made.shape == ("N", columns)
    assert not graph.diagnostics


@pytest.mark.parametrize("op", ["SimplifiedLayerNormalization", "SkipSimplifiedLayerNormalization"])
@pytest.mark.parametrize("opsets", [OPSETS, OPSETS[:1]])
def test_norms_of_onnxruntime_in_the_domain_of_the_standard(op, opsets):
    inputs = ["x", "x", "g"] if op.startswith("Skip") else ["x", "g"]
    nodes = [helper.make_node(op, inputs, ["n"]), helper.make_node("MatMul", ["n", "w"], ["y"])]
    made = model(nodes, [("x", FLOAT, ["N", 5, 32])], [stored("g", 32), stored("w", 32, 8)])
    del made.opset_import[len(opsets) :]
    graph = read(made).graph
    assert graph.calls[-1].inputs[0].shape == ("N", 5, 8)
    assert Metrics(graph).totals["macs"] == 5 * 32 * 8
    assert not graph.diagnostics


@pytest.mark.parametrize(
    ("names", "sizes", "expected"),
    [
        ("q k v", {"q": (5, 32), "k": (7, 32), "v": (7, 32)}, 4 * 5 * 7 * (8 + 8)),
        ("q k v", {"q": (5, 32), "k": (7, 32), "v": (7, 64)}, 4 * 5 * 7 * (8 + 16)),
        ("q", {"q": (5, 4, 3, 8)}, 4 * 5 * 5 * (8 + 8)),
        ("q k", {"q": (5, 32), "k": (7, 4, 2, 8)}, 4 * 5 * 7 * (8 + 8)),
        ("q k v", {"q": (5, 32), "k": ("n", 32), "v": ("n", 32)}, None),
    ],
)
def test_attention_of_several_heads(names, sizes, expected):
    inputs = [(name, FLOAT, [2, *size]) for name, size in sizes.items()]
    graph, totals, made = read_one(own("MultiHeadAttention", names, num_heads=4), weights=[], inputs=inputs)
    assert totals["macs"] == (None if expected is None else 2 * expected)
    assert made.shape == (2, 5, sizes["v"][-1] if "v" in sizes else 32)
    assert bool(graph.diagnostics) == (expected is None)


@pytest.mark.parametrize(
    ("names", "sizes", "outputs", "expected"),
    [
        ("q k v", {"q": (5, 64), "k": (5, 32), "v": (5, 32)}, "y", 4 * 5 * 5 * 32),
        ("q", {"q": (5, 128)}, "y", 4 * 5 * 5 * 32),
        ("q k v p p", {"q": (1, 64), "k": (1, 32), "v": (1, 32), "p": (2, 9, 16)}, "y", 4 * 10 * 32),
        ("q k v p p", {"q": (1, 64), "k": (1, 32), "v": (1, 32), "p": (2, 9, 16)}, "y a", None),
    ],
)
def test_attention_in_groups(names, sizes, outputs, expected):
    node = helper.make_node(
        "GroupQueryAttention", names.split(), outputs.split(), domain="com.microsoft", num_heads=4, kv_num_heads=2
    )
    made = model([node], [(name, FLOAT, [2, *size]) for name, size in sizes.items()], [])
    made.graph.value_info.append(info("a", 2, 2, 9, 16))  # as many as before: a buffer, of which a part is filled
    graph = read(made).graph
    assert Metrics(graph).totals["macs"] == (None if expected is None else 2 * expected)
    assert graph.calls[-1].inputs[0].shape == (2, sizes["q"][0], 64)


@pytest.mark.parametrize(("dtype", "attributes", "values"), [("uint8", {}, 640), ("uint8", {"bits": 8}, 320)])
def test_rows_of_a_packed_table(dtype, attributes, values):
    node = own("GatherBlockQuantized", "E i s", block_size=16, **attributes)
    weights = [stored("E", 10, 32, dtype=dtype), stored("s", 10, 4, dtype="float16")]
    graph, totals, made = read_one(node, weights=weights, inputs=[("i", INT64, ["N", 5])], output=10)
    assert (totals["params"], totals["bytes"], totals["macs"]) == (values, 320, 0)
    assert (made.shape, made.dtype) == (("N", 5, values // 10), "float16")
    assert not graph.diagnostics


def test_packed_experts_count_with_the_values_that_they_stand_for():
    node = own("QMoE", "x r f s b g t", expert_weight_bits=4, k=1)
    packed = [stored("f", 4, 64, 16, dtype="uint8"), stored("g", 4, 32, 32, dtype="uint8")]
    weights = [*packed, stored("s", 4, 64), stored("t", 4, 32), stored("b", 4, 64)]
    inputs = [("x", FLOAT, ["N", 32]), ("r", FLOAT, ["N", 4])]
    _, totals, made = read_one(node, weights=weights, inputs=inputs)
    assert totals["params"] == 4 * 64 * 32 + 4 * 32 * 64 + 4 * 64  # the bias has a fraction, and is a weight
    assert made.shape == ("N", 32)


def test_dtypes_behind_operations_of_onnxruntime_are_those_that_the_file_says():
    nodes = [own("DequantizeLinear", "x s z", "d"), helper.make_node("Relu", ["d"], ["r"])]
    nodes.append(helper.make_node("Relu", ["r"], ["y"]))
    made = model(nodes, [("x", UINT8, ["N", 8])], [stored("s", dtype="float16"), stored("z", dtype="uint8")])
    made.graph.value_info.extend([info("d", "N", 8, dtype=10), info("r", 1, 8, dtype=10)])
    graph = read(made).graph
    [first, second] = [call.outputs[0] for call in graph.calls if call.op in ("DequantizeLinear", "Relu")][:2]
    assert (first.dtype, second.dtype, second.shape) == ("float16", "float16", ("N", 8))
    assert (
        "'r' as (1, 8) float16, but its nodes produce (N, 8) float16; nbviz shows the latter."
        in graph.diagnostics[0].message
    )


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
@pytest.mark.parametrize(
    ("op", "inputs", "attributes"),
    [
        ("QGemm", "x s z W s z  s z", {}),
        ("QuantizeLinear", "x s z", {}),
        ("QLinearAveragePool", "x s z s z", {"kernel_shape": [2]}),
        ("QLinearGlobalAveragePool", "x s z s z", {}),
    ],
)
def test_quantized_result_has_the_dtype_of_its_zero_point(op, inputs, attributes, dtype):
    node = helper.make_node(op, inputs.split(" "), ["y"], domain="com.microsoft", **attributes)
    number = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    weights = (stored("W", 8, 4, dtype=dtype), stored("s"), stored("z", dtype=dtype))
    entering = ["N", 8] if op == "QGemm" else ["N", 3, 8]
    number = FLOAT if op == "QuantizeLinear" else number
    assert read_one(node, weights=weights, inputs=[("x", number, entering)], output=0)[2].dtype == dtype


def test_shapes_go_on_behind_what_onnxruntime_quantizes_itself():
    nodes = [own("QuantizeLinear", "x s z", "q"), own("DequantizeLinear", "q s z", "d")]
    nodes.append(helper.make_node("Relu", ["d"], ["y"]))
    zero = helper.make_tensor("z", helper.np_dtype_to_tensor_dtype(np.dtype("uint8")), [], [0])
    _, _, made = read_one(*nodes, weights=(stored("s"), zero))
    assert (made.shape, made.dtype) == (("N", 32), "float32")


@pytest.mark.parametrize(("inputs", "dtype"), [("x s", "uint8"), ("x s w", None)])
def test_quantized_result_without_a_stored_zero_point(inputs, dtype):
    entering = [("x", FLOAT, ["N", 32]), ("w", UINT8, [])]
    made = read_one(own("QuantizeLinear", inputs), weights=(stored("s"),), inputs=entering, output=0)[2]
    assert made.dtype == dtype


def test_embeddings_give_the_lengths_of_rows_and_the_sum_too():
    node = helper.make_node(
        "EmbedLayerNormalization",
        ["ids", "", "words", "places", "", "scale", "shift"],
        ["a", "lengths", "y"],
        domain="com.microsoft",
    )
    weights = (stored("words", 9, 4), stored("places", 9, 4), stored("scale", 4), stored("shift", 4))
    graph, _, made = read_one(node, weights=weights, inputs=[("ids", 6, ["N", 5])])
    call = next(c for c in graph.calls if len(c.outputs) > 2)
    assert [(spec.shape, spec.dtype) for spec in call.outputs[1:]] == [(("N",), "int32"), (("N", 5, 4), "float32")]
    assert made.shape == ("N", 5, 4)


def classic(op, inputs, outputs="y", **attributes):
    return helper.make_node(op, inputs.split(), outputs.split(), domain="ai.onnx.ml", **attributes)


PLACES = stored("places", 3, dtype="int64")
WORDS = {"classlabels_strings": ["a", "b", "c"]}


@pytest.mark.parametrize(
    ("node", "weights", "shape", "dtype"),
    [
        (classic("TreeEnsembleClassifier", "x", "y scores", classlabels_int64s=[0, 1]), (), ("N",), "int64"),
        (classic("SVMClassifier", "x", "y scores", **WORDS), (), ("N",), "string"),
        (classic("SVMClassifier", "x", "labels y", prob_a=[0.5] * 3, **WORDS), (), ("N", 3), "float32"),
        (classic("SVMClassifier", "x", "labels y", **WORDS), (), None, None),
        (classic("TreeEnsembleRegressor", "x", n_targets=2), (), ("N", 2), "float32"),
        (classic("LinearRegressor", "x"), (), ("N", 1), "float32"),
        (classic("ArrayFeatureExtractor", "list places"), (stored("list", 5), PLACES), (1, 3), "float32"),
        (classic("ArrayFeatureExtractor", "table places"), (stored("table", 4, 5), PLACES), (4, 3), "float32"),
    ],
)
def test_classic_models_give_something_for_each_row(node, weights, shape, dtype):
    made = model([node], [("x", FLOAT, ["N", 5])], weights, 0)
    made.opset_import.add(domain="ai.onnx.ml", version=3)
    graph = read(made).graph
    last = next(c for c in graph.calls if c.kind == "output").inputs[0]
    assert (last.shape, last.dtype) == (shape, dtype)


STEP = {name: (FLOAT, ["N", 3, 32]) for name in "qkv"}
CACHE = {name: (FLOAT, ["N", 4, "P", 8]) for name in "pr"}


@pytest.mark.parametrize(
    ("node", "inputs", "shape"),
    [
        (own("MultiHeadAttention", "q k v", "o y", num_heads=4), STEP, ("N", 4, 3, 8)),
        (own("MultiHeadAttention", "q", "o y", num_heads=4), {"q": (FLOAT, ["N", 3, 4, 3, 8])}, ("N", 4, 3, 8)),
        (own("MultiHeadAttention", "q p r", "y", num_heads=4), {"q": STEP["q"]} | CACHE, ("N", 3, 32)),
        (
            helper.make_node("MultiHeadAttention", list("qkv") + [""] * 3 + ["p", "r"], ["o", "y"], num_heads=4),
            STEP | {name: (FLOAT, ["N", 4, 6, 8]) for name in "pr"},
            ("N", 4, 9, 8),
        ),
        (
            helper.make_node("MultiHeadAttention", list("qkv") + [""] * 3 + ["p", "r"], ["o", "y"], num_heads=4),
            STEP | CACHE,
            ("N", 4, None, 8),
        ),
        (
            helper.make_node("MultiHeadAttention", list("qkv") + [""] * 3 + ["p", "r", "n"], ["o", "y"], num_heads=4),
            STEP | CACHE | {"n": (6, [1])},
            ("N", 4, "P", 8),
        ),
        (
            helper.make_node(
                "DecoderMaskedMultiHeadAttention", ["q", "k", "v", "", "", "p", "r", "n"], ["o", "y"], num_heads=4
            ),
            STEP | CACHE | {"n": (6, [1])},
            ("N", 4, "P", 8),
        ),
        (
            own("GroupQueryAttention", "q k v p r", "o y", num_heads=8, kv_num_heads=4),
            {"q": (FLOAT, ["N", 3, 64])} | STEP | CACHE,
            ("N", 4, None, 8),  # the earlier ones may be a buffer
        ),
        (own("GroupQueryAttention", "q", "o y", num_heads=2, kv_num_heads=1), {"q": STEP["q"]}, ("N", 1, 3, 8)),
    ],
)
def test_keys_for_the_next_step(node, inputs, shape):
    node.domain = "com.microsoft"
    made = read_one(node, weights=[], inputs=[(name, *kind) for name, kind in inputs.items()])[2]
    assert made.shape == shape


def test_attention_that_projects_itself_behind_an_earlier_step():
    node = helper.make_node("Attention", ["x", "W", "", "", "p"], ["o", "y"], domain="com.microsoft", num_heads=4)
    inputs = [("x", FLOAT, ["N", 3, 32]), ("p", FLOAT, [2, "N", 4, 5, 8])]
    _, totals, made = read_one(node, weights=[stored("W", 32, 96)], inputs=inputs)
    assert made.shape == (2, "N", 4, 8, 8)
    assert totals["macs"] == 3 * 32 * 96 + 2 * 4 * 3 * 8 * 8


@pytest.mark.parametrize(
    ("node", "inputs", "shape"),
    [
        (own("Trilu", "x"), {"x": ["N", 3, 3]}, ("N", 3, 3)),
        (own("CDist", "x a"), {"x": ["N", 3], "a": ["M", 3]}, ("N", "M")),
        (own("GridSample", "x g"), {"x": ["N", 3, 8, 8], "g": ["N", 4, 5, 2]}, ("N", 3, 4, 5)),
        (own("CropAndResize", "x r i c"), {"x": ["N", 3, 8, 8], "r": ["R", 4], "i": ["R"]}, ("R", 3, 5, 6)),
        (own("NGramRepeatBlock", "i s"), {"i": ["N", 7], "s": ["N", 20]}, ("N", 20)),
    ],
)
def test_shapes_of_what_onnxruntime_adds_to_the_standard(node, inputs, shape):
    entering = [(name, INT64 if name == "i" else FLOAT, sizes) for name, sizes in inputs.items()]
    size = numpy_helper.from_array(np.array([5, 6], "int32"), "c")
    assert read_one(node, weights=[size], inputs=entering)[2].shape == shape


@pytest.mark.parametrize(("op", "names", "columns"), [("MoE", "x r f b g", 1), ("QMoE", "x r f s b g t", 2)])
def test_experts_count_as_often_as_they_are_chosen(op, names, columns):
    kind = "float32" if op == "MoE" else "uint8"  # two values in a byte
    weights = [stored("f", 4, 64, 32 // columns, dtype=kind), stored("g", 4, 32, 64 // columns, dtype=kind)]
    inputs = [("x", FLOAT, ["N", 5, 32]), ("r", FLOAT, ["M", 4])]
    _, totals, made = read_one(own(op, names, k=2), weights=[*weights, *map(stored, "sbt")], inputs=inputs)
    assert totals["macs"] == 5 * 2 * 2 * 64 * 32
    assert made.shape == ("N", 5, 32)


def test_convolution_with_channels_that_come_last():
    node = own("NhwcFusedConv", "x W", pads=[1, 1, 1, 1], strides=[2, 2], activation="Relu")
    _, totals, made = read_one(node, weights=[stored("W", 5, 3, 3, 3)], inputs=[("x", FLOAT, ["N", 8, 8, 3])])
    assert (made.shape, totals["macs"]) == (("N", 4, 4, 5), 4 * 4 * 5 * 27)


def blocked(op, inputs, output, **attributes):
    return helper.make_node(op, inputs.split(), [output], domain="com.microsoft.nchwc", **attributes)


@pytest.mark.parametrize(("last", "shape"), [(0, ("N", 12, 8, 8)), (1, ("N", 8, 8, 12))])
def test_convolution_of_channels_in_blocks(last, shape):
    nodes = [
        blocked("ReorderInput", "x", "a"),
        blocked("Conv", "a W", "b", pads=[1, 1, 1, 1], activation="Relu"),
        blocked("MaxPool", "b", "c", kernel_shape=[2, 2], strides=[2, 2]),
        blocked("Upsample", "c", "d", scales=[1, 1, 2, 2]),
        blocked("ReorderOutput", "d", "y", channels=12, channels_last=last),
    ]
    inputs = [("x", FLOAT, ["N", 16, 8, 8])]
    graph, totals, made = read_one(*nodes, weights=[stored("W", 16, 16, 3, 3)], inputs=inputs)
    assert (made.shape, totals["macs"]) == (shape, 8 * 8 * 16 * 16 * 9)
    assert not graph.diagnostics
