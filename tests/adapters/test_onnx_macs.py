"""Multiply-accumulates of ONNX operations: by hand, and as PyTorch counts them for the model that was exported."""

from __future__ import annotations

import io
import warnings

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from nbviz.adapters import read  # noqa: E402
from nbviz.errors import InputsError  # noqa: E402
from nbviz.metrics import Metrics  # noqa: E402
from tests.models import onnx_models as models  # noqa: E402
from tests.models.onnx_models import info, model, node, tensor  # noqa: E402

UINT8 = TensorProto.UINT8


def macs(*args, **fields):
    graph = read(model(*args, **fields)).graph
    return Metrics(graph).totals["macs"]


def one(op, inputs, outputs, given, stored=(), *, opsets=(("", 23),), result=None, **attributes):
    """Count a single node; ``given`` are shapes by name."""
    domain = opsets[-1][0]
    entering = [info(name, *shape) for name, shape in given.items()]
    leaving = [info(outputs.split()[0], *(result or (None,)))]
    return macs([node(op, inputs, outputs, domain=domain, **attributes)], entering, leaving, stored, opsets=opsets)


def test_convolutions():
    assert one("Conv", "x w", "y", {"x": (2, 4, 9, 9)}, [tensor("w", 6, 2, 3, 3)], group=2) == 2 * 6 * 7 * 7 * 2 * 3 * 3
    assert one("Conv", "x w", "y", {"x": ("n", 4, 9)}, [tensor("w", 6, 4, 3)]) == 6 * 7 * 4 * 3
    assert one("ConvTranspose", "x w", "y", {"x": (2, 4, 5, 5)}, [tensor("w", 4, 3, 2, 2)], strides=[2, 2]) == (
        2 * 4 * 5 * 5 * 3 * 2 * 2
    )


def test_products():
    assert one("Gemm", "a b", "y", {"a": (5, 3)}, [tensor("b", 5, 7)], transA=1) == 3 * 7 * 5
    assert one("MatMul", "a b", "y", {"a": (2, 6, 4), "b": (4, 3)}) == 2 * 6 * 3 * 4
    assert one("MatMul", "a b", "y", {"a": (4,), "b": (2, 4, 3)}) == 2 * 3 * 4
    assert one("MatMul", "a b", "y", {"a": ("n", 4), "b": (4, 3)}) == 4 * 3


def test_open_sizes_other_than_the_batch_are_unknown():
    assert one("MatMul", "a b", "y", {"a": ("n", "steps", 4), "b": (4, 3)}) is None
    nodes = [node("Reshape", "x s", "r"), node("MatMul", "r w", "y")]
    shape = numpy_helper.from_array(np.array([-1, 4]), "s")
    made = nodes, [info("x", "n", "steps", 4)], [info("y", None)], [shape, tensor("w", 4, 3)]
    assert macs(*made) is None  # the first axis is open, and is not the batch


def body_of(scanned):
    """One step: a product with a weight from outside, with the condition of a loop or what a scan walks along."""
    if scanned:
        nodes = [node("MatMul", "h w", "m"), node("Add", "m s", "n"), node("Identity", "n", "y")]
        return helper.make_graph(nodes, "body", [info("h", 2, 4), info("s", 2, 4)], [info("n", 2, 4), info("y", 2, 4)])
    nodes = [node("MatMul", "h w", "n"), node("Identity", "go", "on")]
    given = [info("i", dtype=TensorProto.INT64), info("go", dtype=TensorProto.BOOL), info("h", 2, 4)]
    return helper.make_graph(nodes, "body", given, [info("on", dtype=TensorProto.BOOL), info("n", 2, 4)])


def test_loops_count_as_often_as_they_say():
    once, weight = 2 * 4 * 4, tensor("w", 4, 4)
    scan = node("Scan", "h x", "y z", body=body_of(scanned=True), num_scan_inputs=1)
    for steps, expected in ((5, 5 * once), ("steps", None)):
        assert macs([scan], [info("h", 2, 4), info("x", steps, 2, 4)], [info("y", None)], [weight]) == expected
    told = [numpy_helper.from_array(np.array(value), name) for name, value in (("m", 7), ("c", True), ("f", False))]
    for count, go, expected in (("m", "", 7 * once), ("m", "c", 7 * once), ("m", "f", 0), ("n", "c", None)):
        loop = helper.make_node("Loop", [count, go, "h"], ["y"], body=body_of(scanned=False))
        entering = [info("h", 2, 4), info("n", dtype=TensorProto.INT64)]
        assert macs([loop], entering, [info("y", None)], [weight, *told]) == expected
    product, other = (
        helper.make_graph([node(op, given, "t")], "g", [], [info("t", 2, 4)])
        for op, given in (("MatMul", "h w"), ("Neg", "h"))
    )
    for chosen, expected in (("c", once), ("f", 0)):
        choice = node("If", chosen, "y", then_branch=product, else_branch=other)
        assert macs([choice], [info("h", 2, 4)], [info("y", None)], [weight, *told]) == expected


@pytest.mark.parametrize(
    ("lengths", "batch", "steps", "expected"),
    [("", 2, 9, 2 * 9 * 16), ("", "n", 9, 9 * 16), ("", 2, "steps", None), ("long", 2, 9, None)],
)
def test_scans_of_the_first_version_walk_along_the_second_axis_of_each_example(lengths, batch, steps, expected):
    nodes = [node("MatMul", "s w", "m"), node("Add", "h m", "n"), node("Identity", "n", "y")]
    body = helper.make_graph(nodes, "body", [info("h", 4), info("s", 4)], [info("n", 4), info("y", 4)])
    scan = helper.make_node("Scan", [lengths, "h", "x"], ["y", "z"], body=body, num_scan_inputs=1)
    entering = [info("h", batch, 4), info("x", batch, steps, 4), info("long", 2, dtype=TensorProto.INT64)]
    assert macs([scan], entering, [info("y", None)], [tensor("w", 4, 4)], opsets=[("", 8)]) == expected


@pytest.mark.parametrize(("op", "names"), [("DFT", "x"), ("STFT", "x step window")])
def test_fourier_transforms_are_unknown(op, names):
    stored = [tensor("step"), tensor("window", 16)]
    assert one(op, names, "y", {"x": (1, 128, 1)}, stored if op == "STFT" else []) is None


def test_products_of_three_are_not_counted_and_their_sizes_not_blamed():
    nodes = [node("Einsum", "a b c", "y", equation="ij,jk,kl->il")]
    graph = read(model(nodes, [info("a", 2, 3), info("b", 3, 4), info("c", 4, 5)], [info("y", 2, 5)])).graph
    assert [d.message.partition(":")[0] for d in graph.diagnostics] == ["Unknown operation 'Einsum'"]


def lengths(first="batch", second="batch"):
    """Two inputs that leave sizes open."""
    nodes = [node("MatMul", "x w", "a"), node("MatMul", "z w", "b"), node("Add", "a b", "y")]
    entering = [info("x", first, "length", 4), info("z", second, "length", 4)]
    return model(nodes, entering, [info("y", first, "length", 3)], [tensor("w", 4, 3)])


@pytest.mark.parametrize(
    ("inputs", "shape", "expected"),
    [
        ({"x": (2, 5, 4)}, (2, 5, 3), 2 * 2 * 5 * 12),
        (((2, 5, 4), (2, 5, 4)), (2, 5, 3), 2 * 2 * 5 * 12),
        ({"x": (None, 5, 4)}, ("batch", 5, 3), 2 * 5 * 12),
        (({"x": np.ones((1, 6, 4)), "z": ((None, None, None), "float32")}), (1, 6, 3), 2 * 6 * 12),
        (((None, 5, 4), (2, 5, 4)), (2, 5, 3), 2 * 2 * 5 * 12),
        (((2, 5, 4), (None, 5, 4)), (2, 5, 3), 2 * 2 * 5 * 12),
        ({"x": ((2, 5, 4), np.float32), "z": ((2, 5, 4), None)}, (2, 5, 3), 2 * 2 * 5 * 12),
        ({"x": (np.int64(2), 5, 4)}, (2, 5, 3), 2 * 2 * 5 * 12),
        ((None, (2, 5, 4)), (2, 5, 3), 2 * 2 * 5 * 12),
        ({"x": (None, "n", 4)}, ("batch", "length", 3), None),
    ],
)
def test_inputs_give_open_sizes(inputs, shape, expected):
    graph = read(lengths(), inputs).graph
    assert graph.calls[-1].inputs[0].shape == shape
    assert Metrics(graph).totals["macs"] == expected
    assert any("'length'" in d.message for d in graph.diagnostics) == (expected is None)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"u": (2, 5, 4)}, "'x', 'z'"),
        ((2, 5, 4), "takes 2: 'x', 'z'"),
        ((1.5, 5, 4), "inputs has the size 1.5, which is not an integer"),
        ((float("inf"), 5, 4), "inputs has the size inf"),
        ({"x": (2, 5, 9)}, r"inputs\['x'\] has the shape \(2, 5, 9\), but the model takes \(batch, length, 4\)"),
        ({"x": (5, 4)}, r"\(5, 4\)"),
        ({"x": (2, 5, 4), "z": (2, 6, 4)}, "'length' two different sizes: 5 and 6"),
        ({"x": (-2, 5, 4)}, "negative"),
        ({"x": (np.int64(-2), 5, 4)}, "negative"),
        ({"x": (1 << 64, 5, 4)}, r"\(18446744073709551616, 5, 4\), which is too large for any memory"),
        ({"x": (1 << 40, 1 << 40, 4)}, "too large for any memory"),
        ({"x": "2"}, "is '2', a str"),
        (
            {"x": ((2, 5, 4), "int64")},
            r"inputs\['x'\] has the dtype int64, but the model takes float32: pass that dtype, or only the",
        ),
        ((((2, 5, 4), np.float16), (2, 5, 4)), r"inputs\[0\] has the dtype float16"),
    ],
)
def test_inputs_that_do_not_fit(inputs, words):
    with pytest.raises(InputsError, match=words):
        read(lengths(), inputs)


def test_sequences_may_stay_open():
    nodes = [node("SequenceAt", "q i", "s"), node("MatMul", "s w", "y")]
    q = helper.make_tensor_sequence_value_info("q", TensorProto.FLOAT, ["b", 8])
    made = model(nodes, [q, info("i", dtype=TensorProto.INT64)], [info("y", None)], [tensor("w", 8, 3)])
    assert read(made, (None, ())).graph.calls[-1].inputs[0].shape == ("b", 3)


def test_models_without_inputs_take_none():
    made = model([node("Neg", "w", "y")], [], [info("y", 8)], [tensor("w", 8)])
    for nothing in (), {}, None:
        assert read(made, nothing).graph.diagnostics == ()
    with pytest.raises(InputsError, match="takes no inputs"):
        read(made, (2, 5))


def test_what_the_file_says_of_other_inputs_does_not_count():
    nodes = [node("Relu", "x", "r"), node("Unheard", "r", "u", domain="com.acme"), node("Relu", "u", "y")]
    made = model(nodes, [info("x", "b", "s")], [info("y", None)], opsets=(("", 21), ("com.acme", 1)))
    made.graph.value_info.extend([info("r", "b", 7), info("u", "b", 9), info("y", "b", 9)])
    made = type(made).FromString(made.SerializeToString())
    calls = {call.op: call for call in read(made, (2, 5)).graph.calls}
    assert calls["Unheard"].inputs[0].shape == (2, 5)
    assert calls["Relu"].inputs[0].shape == (2, 9)  # which the file alone can know


def test_batches_that_have_no_name_or_another_one():
    assert Metrics(read(lengths("unk__1", "unk__2"), {"x": (None, 5, 4)}).graph).totals["macs"] == 2 * 5 * 12
    named = {"x": (None, 5, 4), "z": (None, 5, 4)}
    assert Metrics(read(lengths("n", "m"), named).graph).totals["macs"] == 2 * 5 * 12
    assert one("MatMul", "a b", "y", {"a": (-1, 4), "b": (4, 3)}) == 4 * 3
    assert one("MatMul", "a b", "y", {"a": (5, "batch", 4), "b": (4, 3)}) == 5 * 4 * 3


@pytest.mark.parametrize(
    ("equation", "a", "b", "expected"),
    [
        ("bij,bjk->bik", (2, 3, 4), (2, 4, 5), 2 * 3 * 5 * 4),
        ("ij,jk", (3, 4), (4, 5), 3 * 5 * 4),
        ("...ij,...jk->...ik", (2, 3, 4), (2, 4, 5), 2 * 3 * 5 * 4),
        ("bhqd,bhkd->bhqk", (1, 2, 3, 4), (1, 2, 5, 4), 2 * 3 * 5 * 4),
        ("ij,ij->ij", (3, 4), (3, 4), 0),
    ],
)
def test_einsum(equation, a, b, expected):
    assert one("Einsum", "a b", "y", {"a": a, "b": b}, equation=equation) == expected


@pytest.mark.parametrize(("op", "gates"), [("LSTM", 4), ("GRU", 3), ("RNN", 1)])
def test_recurrent(op, gates):
    stored = [tensor("w", 2, gates * 8, 5), tensor("r", 2, gates * 8, 8)]
    counted = one(op, "x w r", "y", {"x": (7, 3, 5)}, stored, hidden_size=8, direction="bidirectional")
    assert counted == 2 * 7 * 3 * gates * 8 * (5 + 8)


def test_attention():
    assert one("Attention", "q k v", "y", {"q": (2, 4, 6, 8), "k": (2, 4, 5, 8), "v": (2, 4, 5, 3)}) == (
        2 * 4 * 6 * 5 * (8 + 3)
    )
    flat = {"q": (2, 6, 32), "k": (2, 5, 16), "v": (2, 5, 16)}
    assert one("Attention", "q k v", "y", flat, q_num_heads=4, kv_num_heads=2) == 2 * 4 * 6 * 5 * (8 + 8)
    assert one("MultiHeadAttention", "q k v", "y", flat, opsets=(("", 17), ("com.microsoft", 1)), num_heads=4) is None


def test_quantized():
    graph = read(models.quantized()).graph
    assert Metrics(graph).totals["macs"] == 4 * 8 * 8 * 3 + 4 * 8 * 5 * 8
    inputs = [info("a", 2, 3, dtype=UINT8)]
    product = [node("MatMulInteger", "a b", "y")]
    assert (
        macs(product, inputs, [info("y", None, dtype=TensorProto.INT32)], [tensor("b", 3, 5, dtype=np.uint8)])
        == 2 * 5 * 3
    )
    image = [info("a", 1, 3, 5, 5, dtype=UINT8)]
    convolution = [node("ConvInteger", "a b", "y")]
    result = [info("y", None, dtype=TensorProto.INT32)]
    assert macs(convolution, image, result, [tensor("b", 2, 3, 3, 3, dtype=np.uint8)]) == 2 * 3 * 3 * 27


def test_packed_products_of_onnxruntime():
    stored = [tensor("b", 6, 2, 8, dtype=np.uint8), tensor("s", 12)]
    opsets = (("", 17), ("com.microsoft", 1))
    counted = one("MatMulNBits", "a b s", "y", {"a": (2, 32)}, stored, opsets=opsets, result=(2, 6), K=32, N=6, bits=4)
    assert counted == 2 * 6 * 32


def test_operations_that_contract_nothing_are_zero():
    assert one("Relu", "x", "y", {"x": ("n", None)}) == 0
    assert one("Scaler", "x", "y", {"x": (2, 2)}, opsets=(("", 17), ("ai.onnx.ml", 3))) == 0


def exported(module, args):
    torch = pytest.importorskip("torch")
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter that needs no further package says that there is a newer one
        torch.onnx.export(module, args, buffer, dynamo=False, opset_version=17)
    return buffer.getvalue()


@pytest.mark.parametrize("name", ["mlp", "cnn", "unet", "lstm", "gru", "gpt", "shared"])
def test_exported_models_count_as_in_pytorch(name):
    torch = pytest.importorskip("torch")
    from torch.utils.flop_counter import FlopCounterMode

    from tests.models import torch_models

    made, args = torch_models.CASES[name]()
    made.eval()
    found = Metrics(read(exported(made, args)).graph).totals["macs"]
    assert found == Metrics(read(made, args).graph).totals["macs"]
    if name not in {"gpt", "lstm"}:  # what the counter does not see: kernels of the CPU
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            made(*args)
        assert found == counter.get_total_flops() / 2


@pytest.mark.parametrize("inputs", [None, (2, 12)])
def test_sizes_that_only_a_run_tells_are_noted_with_what_may_help(inputs):
    """Which is not to give those of the inputs."""
    nodes = [node("NonZero", "x", "z"), node("Cast", "z", "f", to=1), node("Gemm", "f w", "y", transA=1)]
    made = model(nodes, [info("x", "N", "M")], [info("y", None)], [tensor("w", 2, 3)])
    graph = read(made, inputs).graph
    assert Metrics(graph).totals["macs"] is None
    [said] = [d.message for d in graph.diagnostics if "missing" in d.message]
    assert "onnxslim" in said
    assert "inputs" not in said


@pytest.mark.parametrize(
    ("producer", "noted", "by_torch"),
    [("pytorch", "", True), ("pytorch", "pkg.torch.onnx.name_scopes", False), ("skl2onnx", "", False), ("", "", False)],
)
@pytest.mark.parametrize("inputs", [None, (2, 12)])
def test_what_helps_where_sizes_are_lost(producer, noted, by_torch, inputs):
    nodes = [node("NonZero", "x", "z"), node("Cast", "z", "f", to=1), node("Gemm", "f w", "y", transA=1)]
    made = model(nodes, [info("x", "N", 12)], [info("y", "Gemm552_dim_0", 3)], [tensor("w", 2, 3)])
    made.producer_name = producer
    if noted:
        made.graph.node[0].metadata_props.add(key=noted, value="['', 'nonzero']")
    [said] = [d.message for d in read(made, inputs).graph.diagnostics if "missing" in d.message]
    assert "unknown; onnxslim or onnxsim can write the sizes" in said
    assert said.endswith("as can torch.onnx.export(..., dynamo=True).") == by_torch
    assert "dim_0" not in said


@pytest.mark.parametrize("given", [False, True])
def test_what_only_some_of_the_calls_are_helped_by_is_said_beside_the_rest(given):
    nodes = [
        node("MatMul", "x x", "m"),
        node("NonZero", "m", "z"),
        node("Cast", "z", "f", to=1),
        node("Gemm", "f w", "y"),
    ]
    made = model(nodes, [info("x", "S", "S")], [info("y", None)], [tensor("w", 2, 3)])
    [said] = [d.message for d in read(made, (5, 5) if given else None).graph.diagnostics if "missing" in d.message]
    assert ("pass sizes as inputs; onnxslim or onnxsim" in said) != given


def test_nothing_is_advised_where_an_operation_that_nobody_knows_loses_the_sizes():
    nodes = [node("Unheard", "x", "a", domain="com.acme"), node("Relu", "a", "b"), node("MatMul", "b b", "y")]
    made = model(nodes, [info("x", "N", 4)], [info("y", None)], opsets=(("", 21), ("com.acme", 1)))
    [said] = [d.message for d in read(made).graph.diagnostics if "1 operation" in d.message]
    assert said.endswith("their input sizes are unknown.")


@pytest.mark.parametrize("op", ["Scaler", "Normalizer", "Imputer"])
def test_products_behind_what_prepares_numbers_for_classic_models_are_counted(op):
    nodes = [node(op, "x", "a", domain="ai.onnx.ml"), node("MatMul", "a w", "y")]
    made = model(
        nodes, [info("x", "N", 4)], [info("y", None)], [tensor("w", 4, 8)], opsets=(("", 21), ("ai.onnx.ml", 3))
    )
    graph = read(made).graph
    assert Metrics(graph).totals["macs"] == 4 * 8
    assert graph.calls[0].outputs[0].shape == ("N", 8)
    assert graph.calls[0].outputs[0].dtype == "float32"


def test_a_file_of_classic_operations_alone_needs_no_version_of_the_standard():
    nodes = [node("Binarizer", "x", "a", domain="ai.onnx.ml"), node("Scaler", "a", "y", domain="ai.onnx.ml")]
    graph = read(model(nodes, [info("x", "N", 4)], [info("y", None)], opsets=(("ai.onnx.ml", 3),))).graph
    assert graph.calls[0].outputs[0].shape == ("N", 4)
    assert not graph.diagnostics


def test_products_with_sparse_weights_are_counted_as_they_run():
    values, places = tensor("w", 2), numpy_helper.from_array(np.array([0, 5]), "places")
    sparse = helper.make_sparse_tensor(values, places, [4, 4])
    nodes = [node("MatMul", "x w", "h"), node("Relu", "h", "y")]
    graph = read(model(nodes, [info("x", "N", 4)], [info("y", None)], sparse_initializer=[sparse])).graph
    assert Metrics(graph).totals["macs"] == 4 * 4
    assert graph.calls[0].outputs[0].shape == ("N", 4)
    assert not graph.diagnostics


def test_recurrent_layers_count_where_the_features_they_take_are_lost():
    stored = [tensor("w", 1, 16, 5), tensor("r", 1, 16, 4)]
    nodes = [node("Unheard", "x", "a", domain="com.acme"), node("LSTM", "a w r", "y", hidden_size=4)]
    made = model(nodes, [info("x", 3)], [info("y", None)], stored, opsets=(("", 21), ("com.acme", 1)))
    made.graph.value_info.append(info("a", 3, 2, None))
    [found] = [call for call in read(made).graph.calls if call.op == "LSTM"]
    assert found.compute[0].shapes == (("gates", (2, 3, 1, 16)), ("contracted", (5 + 4,)))
