"""What the shape inference of onnx would hold is counted first: small files must not take gigabytes, real ones must be read."""

from __future__ import annotations

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from onnx import TensorProto, numpy_helper  # noqa: E402

from nbviz.adapters.onnx.growth import is_bounded  # noqa: E402
from tests.models.onnx_models import info, model, node  # noqa: E402

MANY = 20_000_000


def whole(name, *dims):
    return info(name, *dims, dtype=TensorProto.INT64)


def stored(name, values, dtype=np.int64):
    return numpy_helper.from_array(np.array(values, dtype), name)


def ending(nodes, inputs, stored=(), claimed=()):
    """Return a model that joins the result ``a`` of some nodes with itself."""
    made = model([*nodes, node("Concat", "a a", "o", axis=0)], inputs, [whole("o", None)], list(stored))
    made.graph.value_info.extend(claimed)
    return made


def bombs(many):
    x = info("x", many)
    filled = {"value": stored("", [1])}
    return {
        "declared": ending([], [whole("a", many)]),
        "claimed of what nothing is known of": ending([node("Unheard", "x", "a")], [x], claimed=[whole("a", many)]),
        "cast": ending([node("Cast", "x", "a", to=TensorProto.INT64)], [x]),
        "indices of the largest": ending([node("ArgMax", "x", "a", keepdims=0)], [info("x", 2, many)]),
        "squeezed": ending([node("Squeeze", "x", "a")], [whole("x", 1, many)]),
        "reshaped": ending([node("Reshape", "x n", "a")], [whole("x", many // 1000, 1000)], [stored("n", [-1])]),
        "reshaped unknown": ending([node("Reshape", "x n", "a")], [whole("x", "b", "c")], [stored("n", [many])]),
        "range": ending([node("Range", "z n u", "a")], [], [stored("z", 0), stored("n", many), stored("u", 1)]),
        "range of fractions": ending(
            [node("Range", "z n u", "r"), node("Cast", "r", "a", to=TensorProto.INT64)],
            [],
            [stored(name, value, np.float32) for name, value in (("z", 0), ("n", many), ("u", 1))],
        ),
        "filled": ending([node("ConstantOfShape", "n", "a", **filled)], [], [stored("n", [many])]),
        "filled as computed": ending(
            [node("Mul", "n k", "m"), node("ConstantOfShape", "m", "a", **filled)],
            [],
            [stored("n", [many // 1000]), stored("k", [1000])],
        ),
        "filled as long": ending([node("Shape", "x", "s"), node("ConstantOfShape", "s", "a", **filled)], [x]),
        "filled as long as an axis": ending(
            [node("Shape", "x", "s"), node("Gather", "s one", "n"), node("ConstantOfShape", "n", "a", **filled)],
            [info("x", "b", many)],
            [stored("one", [1])],
        ),
        "repeated": ending([node("Tile", "u n", "a")], [], [stored("u", [1]), stored("n", [many])]),
        "gathered": ending([node("Shape", "x", "s"), node("Gather", "s i", "a")], [x, whole("i", many)]),
        "axes": model(
            [node("Relu", f"x{i}", f"x{i + 1}") for i in range(many // 10_000)],
            [info("x0", *[1] * 2000)],
            [info(f"x{many // 10_000}", None)],
        ),
        "constant": model(
            [node("Constant", "", "x0", value=stored("", np.ones(many // 1000)))]
            + [node("Identity", f"x{i}", f"x{i + 1}") for i in range(200)],
            [],
            [whole("x200", None)],
        ),
    }


@pytest.mark.parametrize("name", bombs(MANY))
def test_long_shapes_are_not_inferred(name):
    """By counting: each would take gigabytes."""
    assert not is_bounded(bombs(MANY)[name])
    assert is_bounded(bombs(10_000)[name])


def test_lengths_of_fractions_are_none_of_shapes():
    nodes = [node("Shape", "x0", "s"), *(node("Add", f"x{i} x{i}", f"x{i + 1}") for i in range(50))]
    assert is_bounded(model([*nodes, node("Expand", "x50 s", "y")], [info("x0", 480_000)], [info("y", None)]))


def test_what_the_file_says_of_a_constant_leaves_its_values_known():
    """Else a part of a shape is as long as the whole, layer after layer."""
    nodes = [node("Constant", "", "one", value=stored("", [1])), node("Constant", "", "zero", value=stored("", [0]))]
    for i in range(60):
        nodes += [node("Shape", f"x{i}", f"s{i}"), node("Slice", f"s{i} zero one", f"b{i}")]
        nodes += [node("Concat", f"b{i} one", f"j{i}", axis=0), node("Reshape", f"x{i} j{i}", f"x{i + 1}")]
    made = model(nodes, [info("x0", 4, 1)], [info("x60", None)])
    made.graph.value_info.extend([whole("one", 1), whole("zero", 1)])
    assert is_bounded(made)


@pytest.mark.parametrize("claims", [[], [info("e", "b", "s", 64)]], ids=["", "claimed"])
def test_a_table_is_longer_than_what_is_taken_from_it(claims):
    """Else sizes that are computed from those of embeddings would be as large as vocabularies."""
    nodes = [node("Gather", "table x", "e"), node("Shape", "e", "s"), node("Mul", "s s", "m")]
    nodes += [node("ConstantOfShape", "m", f"o{i}", value=stored("", [1])) for i in range(100)]
    made = model(
        nodes, [whole("x", "b", "s")], [whole("o1", None)], [stored("table", np.zeros((30_000, 64)), np.float32)]
    )
    made.graph.value_info.extend(claims)
    assert is_bounded(made)
