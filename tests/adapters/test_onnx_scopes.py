"""To which call of which module the nodes of an ONNX model belong."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("onnx")

from onnx import numpy_helper

from nbviz.adapters import read
from tests.models.onnx_models import INT64, info, model, node, tensor


def index(name, value):
    return numpy_helper.from_array(np.array([value], np.int64), name)


def calls_of(nodes, outputs, stored):
    made = model(nodes, [info("x", 2, 8)], [info(name, None) for name in outputs.split()], stored)
    graph = read(made).graph
    return {path: len(calls) for path, calls in graph.calls_of.items() if path}


def test_parts_of_a_weight_are_read_in_one_call():
    """As exporters cut the weights of recurrent layers, of which one tensor holds several."""
    nodes = [
        node("Slice", "w zero four zero", "a", "/rnn/Slice"),
        node("Slice", "w four eight zero", "b", "/rnn/Slice_1"),
        node("Concat", "b a", "c", "/rnn/Concat", axis=0),
        node("MatMul", "x c", "y", "/rnn/MatMul"),
    ]
    stored = [tensor("w", 8, 4), index("zero", 0), index("four", 4), index("eight", 8)]
    found = calls_of(nodes, "y", stored)
    assert found["rnn"] == 1
    assert (found["rnn/Slice"], found["rnn/Slice_1"]) == (1, 1)


@pytest.mark.parametrize(("sizes", "calls"), [("Shape", 1), ("Abs", 2)])
def test_parts_of_a_weight_with_bounds_of_open_sizes_are_read_in_one_call(sizes, calls):
    """As attention between two sequences cuts its three projections; what data decides is no part of a module."""
    nodes = [
        node(sizes, "n" if sizes == "Abs" else "x", "s", f"/attn/{sizes}"),
        node("Gather", "s one", "size", "/attn/Gather"),
        node("Add", "size size", "twice", "/attn/Add"),
        node("Slice", "w zero size", "a", "/attn/Slice"),
        node("Slice", "w size twice", "b", "/attn/Slice_1"),
        node("Concat", "b a", "c", "/attn/Concat", axis=0),
        node("MatMul", "x c", "y", "/attn/MatMul"),
    ]
    entering = [info("x", "N", 4), info("n", 2, dtype=INT64)]
    made = model(nodes, entering, [info("y", None)], [tensor("w", 8, 4), index("zero", 0), index("one", 1)])
    assert len(read(made).graph.calls_of["attn"]) == calls


def test_table_that_a_module_reads_twice_is_no_second_call():
    """As attention turns queries and keys by the same angles."""
    nodes = [
        node("MatMul", "x wq", "q", "/attn/q/MatMul"),
        node("MatMul", "x wk", "k", "/attn/k/MatMul"),
        node("Mul", "q cos", "qc", "/attn/Mul"),
        node("Mul", "k cos", "kc", "/attn/Mul_1"),
        node("Add", "qc kc", "y", "/attn/Add"),
    ]
    found = calls_of(nodes, "y", [tensor("wq", 8, 8), tensor("wk", 8, 8), tensor("cos", 8)])
    assert found["attn"] == found["attn/q"] == found["attn/k"] == 1


def test_module_that_is_called_again_begins_with_its_first_weight():
    nodes = []
    for i in range(2):
        nodes += [
            node("Mul", f"t{i} scale", f"a{i}", f"/fc/Mul_{i}" if i else "/fc/Mul"),
            node("MatMul", f"a{i} w", f"t{i + 1}", f"/fc/MatMul_{i}" if i else "/fc/MatMul"),
        ]
    nodes[0].input[0] = "x"
    found = calls_of(nodes, "t2", [tensor("scale", 8), tensor("w", 8, 8)])
    assert [found[path] for path in ("fc", "fc/Mul", "fc/MatMul")] == [2, 2, 2]


STORED = [tensor("v", 8, 8), tensor("w", 8, 8)]
LOST = {
    "between": ([node("Abs", "h", "a", "abs")], "attn/Abs#1"),
    "in a chain": ([node("Neg", "h", "n", "neg"), node("Abs", "n", "a", "abs")], "attn/Neg#1"),
    "without a name": ([node("Abs", "h", "a")], "attn/Abs#1"),
    "of a weight": (
        [node("Abs", "h", "n", "/attn/Abs"), node("Add", "n c", "a", "/attn/Add"), node("Exp", "v", "c")],
        "attn/Exp",
    ),
}


@pytest.mark.parametrize("outputs", [["y"], ["y", "a"]], ids=["inside", "also an output"])
@pytest.mark.parametrize("kind", LOST)
def test_node_that_says_nothing_of_scopes_is_where_its_neighbours_are(kind, outputs):
    """As optimizers and quantizers add nodes, and as `torch.onnx.export` joins the parts of a split."""
    lost, path = LOST[kind]
    nodes = [
        node("MatMul", "x w", "h", "/attn/qkv/MatMul"),
        *lost,
        node("Relu", "a", "r", "/attn/act/Relu"),
        node("Exp", "r", "y", "/Exp"),
    ]
    leaving = [info(name, None) for name in outputs]
    graph = read(model(nodes, [info("x", 2, 8)], leaving, STORED)).graph
    assert len(graph.calls_of["attn"]) == 1
    assert path in [call.path for call in graph.calls]


def test_what_a_module_waits_for_runs_before_it():
    """As onnxruntime mixes what stands outside of modules with their nodes."""
    nodes = [
        node("MatMul", "x w", "a", "/m/fc/MatMul"),
        node("Relu", "a", "b", "/m/Relu"),
        node("Shape", "x", "s", "/Shape"),
        node("Gather", "s one", "g", "/Gather"),
        node("Expand", "b g", "c", "/m/Expand"),
        node("MatMul", "c v", "y", "/m/out/MatMul"),
    ]
    found = calls_of(nodes, "y", [*STORED, index("one", 1)])
    assert [found[scope] for scope in ("m", "m/fc", "m/out")] == [1, 1, 1]


@pytest.mark.parametrize("bias", [True, False])
def test_a_product_that_a_quantizer_rewrites_stays_with_its_bias(bias):
    """As onnxruntime writes them in models whose nodes tell their scopes apart from their names."""
    sums = [node("Add", f"f{at} b{at}", f"{at}", f"/attn/{at}/Add") for at in "qk"]
    acts = [node("Relu", f"f{at}", f"{at}", f"/attn/{at}_act/Relu") for at in "qk"]
    nodes = [
        node("Abs", "x", "h", "/norm/Abs"),
        node("DynamicQuantizeLinear", "h", "hq hs hz", "quantize"),
        *(node("MatMulInteger", f"hq w{at} hz", f"i{at}", f"product {at}") for at in "qk"),
        *(node("Cast", f"i{at}", f"c{at}", to=1) for at in "qk"),
        *(node("Mul", f"hs s{at}", f"m{at}") for at in "qk"),
        *(node("Mul", f"c{at} m{at}", f"f{at}") for at in "qk"),
        *(sums if bias else acts),
        node("Add", "q k", "y", "/attn/Add"),
    ]
    weights = [tensor(f"w{at}", 8, 8, dtype="int8") for at in "qk"]
    stored = [*weights, *(tensor(f"s{at}") for at in "qk"), *(tensor(f"b{at}", 8) for at in "qk" if bias)]
    graph = read(model(nodes, [info("x", 2, 8)], [info("y", None)], stored)).graph
    owners = {parameter.name: parameter.owners for parameter in graph.parameters}
    row = "attn/q" if bias else "attn"
    assert owners["wq"][0].startswith(f"{row}/")
    assert not owners["wq"][0].startswith("attn/q_act")
    [path] = [call.path for call in graph.calls if call.op == "DynamicQuantizeLinear"]
    assert path.startswith("attn/Dynamic")
    assert all(len(graph.calls_of[scope]) == 1 for scope in ("norm", "attn"))


@pytest.mark.parametrize(("before", "behind"), [("x", "y"), ("h", "y"), ("x", "r")])
def test_node_at_the_border_of_a_scope_stays_outside(before, behind):
    nodes = [
        node("MatMul", "x w", "h", "/attn/MatMul"),
        node("Abs", before, "a", "abs"),
        node("Relu", "a", "r", "/attn/Relu") if behind == "r" else node("Relu", "a", "r", "/Relu"),
        node("Add", "r h", "y", "/attn/Add" if behind == "r" else "/Add"),
    ]
    graph = read(model(nodes, [info("x", 2, 8)], [info("y", None)], STORED[1:])).graph
    [path] = [call.path for call in graph.calls if call.op == "Abs"]
    assert "attn" not in path


def test_sizes_that_several_scopes_need_leave_the_later_ones_together():
    """As TorchScript's exporter computes what is the same once: the size is a node of a layer that comes later."""
    nodes = [
        node("Shape", "m", "s", "/0/cross/Shape"),
        node("Slice", "s zero one", "b", "/0/cross/Slice"),
        node("Concat", "b n", "t0", "/0/cross/Concat", axis=0),
        node("Concat", "b n", "t1", "/1/cross/Concat", axis=0),
        *cross(0, "x", "x1"),
        node("MatMul", "x1 w", "x2", "/1/self/MatMul"),
        *cross(1, "x2", "y"),
    ]
    stored = [tensor(name, 8, 8) for name in ("w", "q0", "k0", "q1", "k1")]
    stored += [numpy_helper.from_array(np.array([2, 8]), "n"), index("zero", 0), index("one", 1)]
    entering = [info(name, "N", 2, 8) for name in "xm"]
    graph = read(model(nodes, entering, [info("y", "N", 2, 8)], stored)).graph
    assert {len(calls) for calls in graph.calls_of.values()} == {1}
    [layer] = graph.calls_of["1"]
    inner = [call.layer for call in graph.calls if call.parent == layer]
    assert inner == ["1/self", "1/cross"]


def cross(at, given, made):
    return [
        node("MatMul", f"{given} q{at}", f"a{at}", f"/{at}/cross/q/MatMul"),
        node("MatMul", f"m k{at}", f"b{at}", f"/{at}/cross/k/MatMul"),
        node("Reshape", f"b{at} t{at}", f"c{at}", f"/{at}/cross/Reshape"),
        node("Add", f"a{at} c{at}", made, f"/{at}/cross/Add"),
    ]
