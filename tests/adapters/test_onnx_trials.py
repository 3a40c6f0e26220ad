"""Sizes that follow from those of the inputs in ways that symbols do not: numbers in their place tell them."""

from __future__ import annotations

import pytest

pytest.importorskip("onnx")

import onnx

from nbviz.adapters import read
from tests.models.onnx_models import INT64, info, model, node, tensor


def shapes(text, inputs, outputs, given=None):
    """The shapes of what an ONNX model as text gives."""
    entering, leaving = ", ".join(inputs), ", ".join(f"float[1] {name}" for name in outputs.split())
    made = onnx.parser.parse_model(f"""
        <ir_version: 8, opset_import: ["" : 17]>
        net ({entering}) => ({leaving}) {{ {text} }}""")
    for end in made.graph.output:
        end.type.tensor_type.ClearField("shape")
    graph = read(made, given).graph
    return [call.inputs[0].shape for call in graph.calls if call.kind == "output"]


SIZE = """
    s = Shape(x)
    one = Constant<value_ints = [1]>()
    zero = Constant<value_ints = [0]>()
    two = Constant<value_ints = [2]>()
    rows = Slice(s, zero, one)
    length = Slice(s, one, two)
"""


def test_a_table_is_cut_to_as_many_positions_as_there_are():
    """As exporters of TorchScript write it: a table of positions is cut, and added to what comes in."""
    text = (
        SIZE
        + """
        table = ConstantOfShape(shape)
        shape = Constant<value_ints = [1, 64, 8]>()
        cut = Slice(table, zero, length, one)
        y = Add(x, cut)"""
    )
    found = shapes(text, ["float[batch,seq,8] x"], "cut y")
    assert found == [(1, "seq", 8), ("batch", "seq", 8)]


def test_what_has_an_end_is_no_number():
    """A table of no more positions than one of the numbers that are tried is cut to all that it has."""
    text = (
        SIZE
        + """
        shape = Constant<value_ints = [1, 10, 8]>()
        table = ConstantOfShape(shape)
        y = Slice(table, zero, length, one)"""
    )
    assert shapes(text, ["float[batch,seq,8] x"], "y") == [(1, None, 8)]


@pytest.mark.parametrize(
    ("sizes", "shape"),
    [
        ("-1, 8", ("batch*seq", 8)),
        ("-1, 2", ("4*batch*seq", 2)),
    ],
)
def test_axes_that_are_one_are_a_product(sizes, shape):
    text = (
        SIZE
        + f"""
        many = Mul(rows, length)
        rest = Constant<value_ints = [{sizes.partition(", ")[2]}]>()
        minus = Constant<value_ints = [-1]>()
        to = Concat<axis = 0>(minus, rest)
        y = Reshape(x, to)"""
    )
    assert shapes(text, ["float[batch,seq,8] x"], "y") == [shape]


def test_sums_and_halves_stay_open():
    text = (
        SIZE
        + """
        half = Div(length, two)
        y = Slice(x, zero, half, one)
        z = Concat<axis = 1>(x, x2)"""
    )
    inputs = ["float[batch,seq,8] x", "float[batch,past,8] x2"]
    found = shapes(text, inputs, "y z")
    assert found == [("batch", None, 8), ("batch", None, 8)]


def test_sizes_that_are_given_are_numbers_beside_those_that_stay_open():
    text = (
        SIZE
        + """
        to = Concat<axis = 0>(rows, length, two, two, two)
        y = Reshape(x, to)"""
    )
    inputs = ["float[batch,seq,8] x"]
    assert shapes(text, inputs, "y", (None, 12, 8)) == [("batch", 12, 2, 2, 2)]
    assert shapes(text, inputs, "y") == [("batch", "seq", 2, 2, 2)]


@pytest.mark.parametrize(
    ("size", "made"), [(None, None), ("unk__6", None), ("past + seq", None), ("seq", "3*seq"), (4, 12)]
)
def test_products_of_sizes_have_a_name_where_they_have_one(size, made):
    found = read(model([node("Flatten", "x", "y")], [info("x", "N", 3, size)], [info("y", None)])).graph
    assert found.calls[-1].inputs[0].shape == ("N", made)


def test_sizes_that_numbers_do_not_tell_stay_as_they_are():
    nodes = [node("NonZero", "x", "i"), node("Transpose", "i", "y")]
    found = read(model(nodes, [info("x", "N", 4)], [info("y", None)], [tensor("w", 4)])).graph
    assert found.calls[-1].inputs[0].shape == (None, 2)


def test_names_that_exporters_make_up_for_outputs_give_way_to_those_of_inputs():
    made = [info("y", "Transposeoutput_dim_0", "batch"), info("z", 2, "found", dtype=INT64)]
    nodes = [node("Transpose", "x", "y"), node("NonZero", "x", "z")]
    found = read(model(nodes, [info("x", "batch", "seq")], made)).graph
    ends = [call.inputs[0].shape for call in found.calls if call.kind == "output"]
    assert ends == [("seq", "batch"), (2, "found")]
