"""Sizes that contradict each other: they are told, and nothing is made up of them; those of right models are never told."""

from __future__ import annotations

import pytest

onnx = pytest.importorskip("onnx")

import numpy as np  # noqa: E402
from onnx import helper, numpy_helper, parser  # noqa: E402

from nbviz.adapters import read  # noqa: E402
from nbviz.metrics import Metrics  # noqa: E402

LOST = "Shapes after that point are missing, or taken from the file."


def graph_of(node, *shapes, values=(), version=18, **attributes):
    """Return the graph of one node of inputs of these shapes; the last of them are stored with ``values``."""
    names = [f"i{at}" if shape is not None else "" for at, shape in enumerate((*shapes, *values))]
    given = [helper.make_tensor_value_info(name, 1, shape) for name, shape in zip(names, shapes, strict=False) if name]
    stored = [
        numpy_helper.from_array(np.array(v, np.int64), n) for n, v in zip(names[len(shapes) :], values, strict=True)
    ]
    outputs = ["y", "z"] if node == "Split" else ["y"]
    made = helper.make_node(node, names, outputs, **attributes)
    infos = [helper.make_tensor_value_info(name, 1, None) for name in outputs]
    graph = helper.make_graph([made], "g", given, infos, stored)
    return read(helper.make_model(graph, opset_imports=[helper.make_opsetid("", version)], ir_version=9)).graph


def told(graph):
    return [d.message for d in graph.diagnostics if "do not match" in d.message]


MISFITS = [
    ("Add", [("N", 4), (5,)], {}, "(N, 4) and (5,) cannot be broadcast"),
    ("Where", [(4, 1), (3, 4), (2, 4)], {}, "(4, 1) and (3, 4) and (2, 4) cannot be broadcast"),
    ("PRelu", [("N", 3, 8), (2, 1)], {}, "axis -2 has 2 and 3"),
    ("MatMul", [("N", 8), (9, 3)], {}, "(N, 8) and (9, 3) cannot be multiplied: 8 and 9 must be equal"),
    ("MatMul", [(2, 4, 8), (3, 8, 5)], {}, "(2, 4, 8) and (3, 8, 5) cannot be multiplied"),
    ("MatMul", [("N", 8), (9,)], {}, "8 and 9 must be equal"),
    ("Gemm", [(8, "N"), (3, 9)], {"transA": 1, "transB": 1}, "8 and 9 must be equal"),
    ("Gemm", [("N", 4), (4, 5), (7,)], {}, "its bias (7,) cannot be broadcast to (N, 5)"),
    ("Einsum", [("N", 4), (5, 6)], {"equation": "ij,jk->ik"}, "the index 'j' has the sizes 4 and 5"),
    ("Einsum", [("N", 2, 4), (5, 6)], {"equation": "...j,jk"}, "the index 'j' has the sizes 4 and 5"),
    ("Conv", [("N", 4, 8, 8), (6, 5, 3, 3)], {}, "its weight (6, 5, 3, 3) takes 5 channels, and the input (N, 4, 8, 8)"),
    ("Conv", [("N", 6, 8), (4, 2, 3)], {"group": 3}, "the 4 channels of its weight (4, 2, 3) cannot be divided into 3"),
    ("Conv", [("N", 4, 8), (4, 4, 3), (5,)], {}, "its bias has 5 values, and its weight (4, 4, 3) makes 4 channels"),
    ("Conv", [("N", 4, 8), (4, 4, 3)], {"kernel_shape": [5]}, "its kernel_shape is (5,), and its weight is (4, 4, 3)"),
    ("ConvTranspose", [("N", 4, 8), (5, 4, 3)], {}, "takes 5 channels, and the input (N, 4, 8) has 4"),
    ("ConvTranspose", [("N", 4, 8), (4, 3, 3), (3,)], {"group": 2}, "its bias has 3 values, and its weight (4, 3, 3)"),
    ("BatchNormalization", [("N", 4, 3), *[(5,)] * 4], {}, "its scale has 5 values, and the input (N, 4, 3) has 4"),
    ("InstanceNormalization", [("N", 4, 3), (4,), (5,)], {}, "its bias has 5 values"),
    ("LayerNormalization", [("N", 4), (5,)], {}, "its scale (5,) cannot be broadcast to (N, 4)"),
    ("LayerNormalization", [("N", 3, 4), (4,), (4, 1)], {}, "its bias (4, 1) cannot be broadcast"),
    ("GroupNormalization", [("N", 4, 3), (2,), (4,)], {"num_groups": 2}, "its bias has 4 values, and there are 2 groups"),
    ("GroupNormalization", [("N", 4, 3), (3,), (3,)], {"num_groups": 3}, "the 4 channels of the input (N, 4, 3)"),
    ("Concat", [("N", 4), (2, 5)], {"axis": 0}, "differ in axis 1 (4 and 5): only axis 0"),
    ("LSTM", [(7, "N", 4), (1, 12, 5), (1, 12, 3)], {"hidden_size": 3}, "takes 5 features, and the input (7, N, 4) has 4"),
    ("GRU", [(7, "N", 4), (1, 9, 4), (1, 12, 3)], {"hidden_size": 3}, "the first two sizes must be equal"),
    ("RNN", [(7, "N", 4), (1, 3, 4), (1, 3, 4)], {"hidden_size": 3}, "has not 1 times as many rows as columns"),
    ("LSTM", [(7, "N", 4), (1, 12, 4), (1, 12, 3), (1, 12)], {"hidden_size": 3}, "has 12 values, and its weights have 24"),
    ("LSTM", [(7, "N", 4), (1, 12, 4), (1, 12, 3)], {"hidden_size": 5}, "its hidden_size is 5"),
]  # fmt: skip


@pytest.mark.parametrize(("op", "shapes", "attributes", "said"), MISFITS)
def test_sizes_that_contradict_each_other_are_told(op, shapes, attributes, said):
    graph = graph_of(op, *shapes, **attributes)
    [message] = [d.message for d in graph.diagnostics]
    assert message.startswith(f"Tensor sizes in this model do not match in {op}#1: ")
    assert said in message
    assert message.endswith(LOST)
    [call] = [call for call in graph.calls if call.op == op]
    assert call.path == graph.diagnostics[0].path
    assert all(spec.shape is None for spec in call.outputs)
    assert not Metrics(graph).totals["macs"]


@pytest.mark.parametrize(
    ("op", "shape", "values", "said"),
    [
        ("Reshape", (3, 8, 32), [7, 12, 8], "(3, 8, 32) has 768 elements, and (7, 12, 8) has 672"),
        ("Reshape", (3, 8), [0, 7], "(3, 8) has 24 elements, and (3, 7) has 21"),
        ("Reshape", (3, 8), [5, -1], "the 24 elements of (3, 8) cannot be arranged as (5, -1): 24 is no multiple of 5"),
        ("Expand", (2, 6), [3, 6], "axis -2 has 2 and 3"),
        ("Split", (6, 2), [3, 4], "parts of 3 and 4 are 7, and axis 0 of (6, 2) is 6"),
    ],
)
def test_sizes_that_are_wanted_and_contradict_what_is_there_are_told(op, shape, values, said):
    [message] = told(graph_of(op, shape, values=[values]))
    assert said in message


@pytest.mark.parametrize(
    ("op", "shapes", "version", "attributes", "values"),
    [
        ("Add", [("N", 4), (1, 1, 4)], 18, {}, []),
        ("Add", [("N", 4), ("M", 4)], 18, {}, []),
        ("Add", [(2, 3, 4), (3,)], 6, {"axis": 1, "broadcast": 1}, []),
        ("Where", [(1,), (3, 4), (1, 4)], 18, {}, []),
        ("PRelu", [("N", 3, 8), (3,)], 6, {}, []),
        ("MatMul", [(4,), (2, 4, 3)], 18, {}, []),
        ("MatMul", [(1, 2, 3), (5, 3, 4)], 18, {}, []),
        ("MatMul", [("N", "K"), (5, 3)], 18, {}, []),
        ("Gemm", [("N", 4), (5, 4), (1, 1)], 18, {"transB": 1}, []),
        ("Gemm", [("N", 4), (4, 5)], 18, {}, []),
        ("Einsum", [(2, 3, 4), (1, 4, 5)], 18, {"equation": "bij,bjk->bik"}, []),
        ("Einsum", [(7, 3, 4), (1, 4, 5)], 18, {"equation": "...ij,...jk"}, []),
        ("Conv", [("N", 6, 8), (4, 3, 3), None], 18, {"group": 2}, []),
        ("Conv", [("N", "C", 8), (4, 3, 3), (4,)], 18, {}, []),
        ("ConvTranspose", [("N", 4, 8), (4, 3, 3), (6,)], 18, {"group": 2}, []),
        ("BatchNormalization", [("N", 4, 3), *[(4,)] * 4], 18, {}, []),
        ("LayerNormalization", [("N", 3, 4), (3, 4)], 18, {"axis": 1}, []),
        ("LayerNormalization", [("N", 3, 4), (1,), None], 18, {"axis": -2}, []),
        ("GroupNormalization", [("N", 4, 3), (4,), (4,)], 21, {"num_groups": 2}, []),
        ("Concat", [("N", 4), (2, 5)], 18, {"axis": -1}, []),
        ("LSTM", [(7, "N", 4), (2, 12, 4), (2, 12, 3), None], 18, {"hidden_size": 3, "direction": "bidirectional"}, []),
        ("Reshape", [(2, 3, 4)], 18, {}, [[0, -1]]),
        ("Reshape", [("N", 3, 4)], 18, {}, [[7, 12]]),
        ("Reshape", [(0, 3)], 18, {"allowzero": 1}, [[3, 0]]),
        ("Reshape", [(2, 3)], 4, {"shape": [7]}, []),
        ("Expand", [(2, 1)], 18, {}, [[1, 5]]),
        ("Split", [(6, 2)], 18, {}, [[2, 4]]),
    ],
)
def test_nothing_is_told_of_sizes_that_fit_or_are_not_known(op, shapes, version, attributes, values):
    assert told(graph_of(op, *shapes, values=values, version=version, **attributes)) == []


def parsed(body, inputs="float[N,4] x, float[5,6] w, float[6,3] v", outputs="y", functions="", domains=""):
    text = f'<ir_version: 10, opset_import: ["": 21{domains}]> model ({inputs}) => ({outputs}) {{ {body} }} {functions}'
    return parser.parse_model(text)


def test_nodes_behind_are_neither_counted_nor_told_again():
    made = parsed("a = MatMul(x, w) b = Relu(a) y = MatMul(b, v)")
    for node, name in zip(made.graph.node, ("/fc1/MatMul", "/act/Relu", "/fc2/MatMul"), strict=True):
        node.name = name
    graph = read(made).graph
    said = "in fc1 (MatMul, '/fc1/MatMul' in the file): (N, 4) and (5, 6) cannot be multiplied: 4 and 5 must be equal."
    assert [d.message for d in graph.diagnostics] == [f"Tensor sizes in this model do not match {said} {LOST}"]
    assert graph.diagnostics[0].path == "fc1"
    shapes = [spec.shape for call in graph.calls if call.kind == "layer" and call.layer for spec in call.outputs]
    assert shapes == [None, None, None]


def test_shapes_behind_are_those_of_the_file():
    made = parsed("a = MatMul(x, w) y = MatMul(a, v)", outputs="float[N,3] y")
    graph = read(made).graph
    assert len(told(graph)) == 1
    assert [str(spec.shape) for call in graph.calls if call.kind == "output" for spec in call.inputs] == ["(N, 3)"]
    assert Metrics(graph).totals["macs"] is None


def test_further_operations_are_counted():
    [said] = told(read(parsed("y = MatMul(x, w) z = Add(w, v)", outputs="y, z")).graph)
    assert f"must be equal. Nor do they in 1 other operation. {LOST}" in said


def test_branch_that_may_never_be_taken_is_not_judged():
    branches = "then_branch = t () => (a) { a = MatMul(x, w) }, else_branch = e () => (b) { b = Relu(x) }"
    assert told(read(parsed(f"y = If (c) <{branches}>", "float[N,4] x, float[5,6] w, bool c")).graph) == []


def test_operation_of_another_domain_is_not_judged():
    made = parsed("y = com.acme.MatMul(x, w)", domains=', "com.acme": 1')
    assert told(read(made).graph) == []
    own = '<domain: "com.acme", opset_import: ["": 21]> MatMul (a, b) => (c) { d = Transpose(b) c = Concat<axis = 0>(d, d) }'
    made = parsed("y = com.acme.MatMul(x, w)", functions=own, domains=', "com.acme": 1')
    assert told(read(made).graph) == []


def test_first_of_what_the_inference_finds_is_told():
    graph = read(parsed("a = DepthToSpace<blocksize = 2>(x) y = MatMul(a, v)")).graph
    [said] = [d.message for d in graph.diagnostics]
    assert (
        said
        == f"Tensor sizes in this model do not match: (op_type:DepthToSpace): Input tensor must be 4-dimensional. {LOST}"
    )


def test_sizes_that_are_given_can_contradict():
    made = parsed("y = MatMul(x, w)", "float[N,K] x, float[5,6] w")
    assert told(read(made, {"x": (2, 5)}).graph) == []
    assert "(2, 4) and (5, 6) cannot be multiplied" in told(read(made, {"x": (2, 4)}).graph)[0]


def test_operation_that_the_inference_must_not_see_may_stand_beside():
    made = parsed("a = MatMul(x, w) b = Relu(a) s = EyeLike(unheard) y = MatMul(b, v)")
    [said] = told(read(made).graph)
    assert "do not match in MatMul#1: (N, 4) and (5, 6)" in said
