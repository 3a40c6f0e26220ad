"""Numbers that a model computes from sizes that are known, where the package ``onnx`` does not follow them."""

from __future__ import annotations

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from onnx import helper, numpy_helper  # noqa: E402

from nbviz.adapters import read  # noqa: E402
from tests.models.onnx_models import info  # noqa: E402


def node(op, inputs, output, **attributes):
    return helper.make_node(op, inputs.split(" ") if inputs else [], [output], **attributes)


def shape_behind(nodes, inputs=None, entering=(), sizes=("N", 6, 4), opset=17, **numbers):
    stored = [numpy_helper.from_array(np.array(value), name) for name, value in numbers.items()]
    given = [info("x", *sizes), *entering]
    graph = helper.make_graph(nodes, "net", given, [info("y", *[None] * len(sizes))], initializer=stored)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    graph = read(made, inputs).graph
    return next(call for call in graph.calls if call.kind == "output").inputs[0].shape


def test_padding_as_torchscript_computes_it():
    nodes = [
        node("ConstantOfShape", "four", "zeros", value=helper.make_tensor("v", 7, [1], [0])),
        node("Concat", "ends zeros", "flat", axis=0),
        node("Reshape", "flat pairs", "paired"),
        node("Slice", "paired last before first back", "turned"),
        node("Transpose", "turned", "rows", perm=[1, 0]),
        node("Reshape", "rows any", "long"),
        node("Cast", "long", "pads", to=7),
        node("Pad", "x pads", "y"),
    ]
    numbers = {"four": [4], "ends": [1, 2], "pairs": [-1, 2], "last": [-1], "before": [-(2**63) + 1], "first": [0]}
    assert shape_behind(nodes, inputs=(2, 6, 4), back=[-1], any=[-1], **numbers) == (2, 6, 7)


def test_sizes_of_an_example_decide_between_two():
    nodes = [
        node("Shape", "x", "sizes"),
        node("Equal", "wanted any", "open"),
        node("Where", "open sizes wanted", "shape"),
        node("Expand", "one shape", "whole"),
        node("Cast", "whole", "y", to=1),
    ]
    given = {"wanted": [-1, -1, 4], "any": -1, "one": [[[1]]]}
    assert shape_behind(nodes, inputs=(2, 6, 4), **given) == (2, 6, 4)


def test_each_round_knows_the_sizes_that_the_one_before_found():
    nodes = []
    for at, (name, to) in enumerate([("x", "a"), ("a", "b"), ("b", "y")]):
        nodes += [node("Shape", name, f"s{at}"), node("ReduceMax", f"s{at}", f"m{at}", keepdims=1)]
        nodes += [node("Mod", f"m{at} five", f"r{at}"), node("Concat", f"z z r{at} z z z", f"p{at}", axis=0)]
        nodes += [node("Pad", f"{name} p{at}", to)]
    assert shape_behind(nodes, inputs=(1, 6, 4), five=[5], z=[0]) == (1, 6, 4 + 1 + 1 + 1)


@pytest.mark.parametrize(
    ("op", "inputs", "attributes", "expected"),
    [
        ("Div", "minus two", {}, [-3]),
        ("Mod", "minus two", {}, [1]),
        ("Mod", "minus two", {"fmod": 1}, [-1]),
        ("ReduceProd", "list", {}, [24]),
        ("ReduceSum", "list", {"keepdims": 1}, [9]),
        ("Min", "list two minus", {}, [-7, -7, -7]),
        ("Slice", "list three zero zero minus_one", {}, [4, 3]),
        ("Range", "two_ nine_ three_", {}, [2, 5, 8]),
        ("Tile", "two three", {}, [2, 2, 2]),
        ("Gather", "list minus_one", {}, [4]),
        ("Pow", "two three", {}, [8]),
    ],
)
def test_numbers_are_those_that_runtimes_compute(op, inputs, attributes, expected):
    """Sizes are padded by how far the numbers are from what is expected."""
    nodes = [node(op, inputs, "r", **attributes), node("Sub", "expected r", "nothing"), node("Abs", "nothing", "off")]
    nodes += [node("ReduceSum", "off", "far", keepdims=1), node("Concat", "zeros far", "pads", axis=0)]
    numbers = {"minus": [-7], "two": [2], "three": [3], "zero": [0], "minus_one": [-1], "list": [2, 3, 4]}
    scalars = {"two_": 2, "nine_": 9, "three_": 3}
    made = shape_behind(
        [*nodes, node("Pad", "x pads", "y")], (1, 6, 4), expected=expected, zeros=[0] * 5, **numbers, **scalars
    )
    assert made == (1, 6, 4)


def test_pictures_scaled_to_a_size_as_detectors_compute_it():
    nodes = [node("Shape", "x", "sizes"), node("Slice", "sizes two four", "long"), node("Cast", "long", "size", to=1)]
    nodes += [node("ReduceMin", "size", "least", keepdims=0), node("Reciprocal", "least", "each")]
    nodes += [
        node("Mul", "each short", "factor"),
        node("Mul", "size factor", "scaled"),
        node("Cast", "scaled", "to", to=7),
    ]
    nodes += [node("Slice", "sizes zero two", "first"), node("Concat", "first to", "all", axis=0)]
    nodes.append(helper.make_node("Resize", ["x", "", "", "all"], ["y"]))
    given = {"zero": [0], "two": [2], "four": [4], "short": np.float32(3)}
    assert shape_behind(nodes, sizes=(1, 2, 6, 8), **given) == (1, 2, 3, 4)


def test_numbers_that_callers_may_replace_are_not_known():
    nodes = [node("Neg", "count", "less"), node("Neg", "less", "more"), node("Range", "zero more one", "r")]
    nodes.append(node("Cast", "r", "y", to=1))
    given = {"count": np.int64(5), "zero": np.int64(0), "one": np.int64(1)}
    count = helper.make_tensor_value_info("count", 7, [])
    assert shape_behind(nodes, entering=[count], sizes=("N",), **given) == (None,)
    assert shape_behind(nodes, sizes=("N",), **given) == (5,)


def test_long_results_are_not_made():
    nodes = [node("Neg", "count", "less"), node("Neg", "less", "more"), node("Expand", "one more", "all")]
    nodes += [node("Tile", "all twice", "long"), node("ReduceMax", "long", "top"), node("Range", "zero top step", "r")]
    nodes.append(node("Cast", "r", "y", to=1))
    given = {"count": [2**40], "one": [1], "twice": [2], "zero": 0, "step": 1}
    assert shape_behind(nodes, sizes=("N",), **given) == (None,)
