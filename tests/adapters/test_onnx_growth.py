"""What the shape inference of onnx would hold is counted first: small files must not take gigabytes, real ones must be read."""

from __future__ import annotations

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from nbviz.adapters.onnx.growth import bounds_of  # noqa: E402
from nbviz.adapters.onnx.inference import with_shapes  # noqa: E402
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
    assert not bounds_of(bombs(MANY)[name]).shapes
    assert bounds_of(bombs(10_000)[name]).shapes


def test_lengths_of_fractions_are_none_of_shapes():
    nodes = [node("Shape", "x0", "s"), *(node("Add", f"x{i} x{i}", f"x{i + 1}") for i in range(50))]
    assert bounds_of(model([*nodes, node("Expand", "x50 s", "y")], [info("x0", 480_000)], [info("y", None)])).shapes


def test_what_the_file_says_of_a_constant_leaves_its_values_known():
    """Else a part of a shape is as long as the whole, layer after layer."""
    nodes = [node("Constant", "", "one", value=stored("", [1])), node("Constant", "", "zero", value=stored("", [0]))]
    for i in range(60):
        nodes += [node("Shape", f"x{i}", f"s{i}"), node("Slice", f"s{i} zero one", f"b{i}")]
        nodes += [node("Concat", f"b{i} one", f"j{i}", axis=0), node("Reshape", f"x{i} j{i}", f"x{i + 1}")]
    made = model(nodes, [info("x0", 4, 1)], [info("x60", None)])
    made.graph.value_info.extend([whole("one", 1), whole("zero", 1)])
    assert bounds_of(made).shapes


@pytest.mark.parametrize("claims", [[], [info("e", "b", "s", 64)]], ids=["", "claimed"])
def test_a_table_is_longer_than_what_is_taken_from_it(claims):
    """Else sizes that are computed from those of embeddings would be as large as vocabularies."""
    nodes = [node("Gather", "table x", "e"), node("Shape", "e", "s"), node("Mul", "s s", "m")]
    nodes += [node("ConstantOfShape", "m", f"o{i}", value=stored("", [1])) for i in range(100)]
    made = model(
        nodes, [whole("x", "b", "s")], [whole("o1", None)], [stored("table", np.zeros((30_000, 64)), np.float32)]
    )
    made.graph.value_info.extend(claims)
    assert bounds_of(made).shapes


def weight(name, *shape):
    """Return a weight without its values, as a copy for the inference has it."""
    return TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape)


@pytest.fixture
def followed(monkeypatch):
    """Whether the inference was asked to follow values, for each time that it ran."""
    asked = []
    infer = onnx.shape_inference.infer_shapes

    def spy(given, **options):
        asked.append(options["data_prop"])
        return infer(given, **options)

    monkeypatch.setattr(onnx.shape_inference, "infer_shapes", spy)
    return asked


def shapes(made):
    graph = with_shapes(made, pytest.fail).graph
    return {one.name: [dim.dim_value for dim in one.type.tensor_type.shape.dim] for one in graph.output}


LONG = 1 << 24


@pytest.mark.parametrize(
    ("nodes", "inputs", "outputs", "expected"),
    [
        ([node("Add", "x x", "y")], [info("x", LONG)], [info("y", None)], [LONG]),
        ([node("Size", "x", "y")], [whole("x", LONG)], [whole("y", None)], []),
        ([node("RandomNormal", "", "x", shape=[LONG]), node("Add", "x x", "y")], [], [info("y", None)], [LONG]),
        (
            [node("Flatten", "x", "f", axis=0), node("Squeeze", "f", "s"), node("Neg", "s", "n"), node("Mul", "n n", "y")],
            [info("x", 4096, 4096)],
            [info("y", None)],
            [LONG],
        ),
        (
            [node("Constant", "", "a", value=stored("", [0])), node("ReduceSum", "x a", "s", keepdims=0), node("Sub", "s s", "y")],
            [info("x", 1, LONG)],
            [info("y", None)],
            [LONG],
        ),
    ],
    ids=["fractions", "counted", "random", "flat", "summed"],
)  # fmt: skip
def test_values_of_long_tensors_are_not_followed(followed, nodes, inputs, outputs, expected):
    """Else each value takes about 150 bytes, of whatever type it is."""
    assert shapes(model(nodes, inputs, outputs)) == {"y": expected}
    assert followed == [False]


def test_values_of_a_weight_made_flat_are_not_followed(followed):
    nodes = [node("Reshape", "w n", "f"), node("Mul", "f f", "m"), node("Add", "m f", "y")]
    assert shapes(model(nodes, [], [info("y", None)], [weight("w", 2048, 2048), stored("n", [-1])])) == {"y": [1 << 22]}
    assert followed == [False]


def transformer(layers, width, words):
    """Return a model whose shapes are computed in each of its layers, as exporters do."""
    nodes = [node("Gather", "table x", "h0")]
    held = [weight("table", words, width), stored("zero", [0]), stored("one", [1]), stored("two", [2])]
    held += [stored("first", 0), stored("heads", [width // 128, 128]), stored("flat", [0, 0, width])]
    held += [weight("w", width, width), weight("b", width), weight("up", width, 4 * width), weight("ub", 4 * width)]
    held += [weight("down", 4 * width, width), weight("words", width, words), weight("wb", words)]
    for i in range(layers):
        nodes += [node("LayerNormalization", f"h{i} b b", f"n{i}", axis=-1), node("Shape", f"n{i}", f"s{i}")]
        nodes += [node("Gather", f"s{i} first", f"g{i}"), node("Unsqueeze", f"g{i} zero", f"u{i}")]
        nodes += [node("Slice", f"s{i} one two", f"l{i}")]
        nodes += [node("Concat", f"u{i} l{i} heads", f"c{i}", axis=0)]
        for part in "qkv":
            nodes += [node("MatMul", f"n{i} w", f"{part}p{i}"), node("Add", f"b {part}p{i}", f"{part}b{i}")]
            nodes += [node("Reshape", f"{part}b{i} c{i}", f"{part}r{i}")]
            nodes += [
                node("Transpose", f"{part}r{i}", f"{part}{i}", perm=[0, 2, 3, 1] if part == "k" else [0, 2, 1, 3])
            ]
        nodes += [node("MatMul", f"q{i} k{i}", f"a{i}"), node("Softmax", f"a{i}", f"p{i}")]
        nodes += [node("MatMul", f"p{i} v{i}", f"o{i}"), node("Transpose", f"o{i}", f"t{i}", perm=[0, 2, 1, 3])]
        nodes += [node("Reshape", f"t{i} flat", f"f{i}"), node("Add", f"f{i} h{i}", f"r{i}")]
        nodes += [node("MatMul", f"r{i} up", f"m{i}"), node("Add", f"m{i} ub", f"e{i}"), node("Gelu", f"e{i}", f"z{i}")]
        nodes += [node("MatMul", f"z{i} down", f"d{i}"), node("Add", f"d{i} r{i}", f"h{i + 1}")]
    nodes += [node("MatMul", f"h{layers} words", "v"), node("Add", "v wb", "y")]
    return model(nodes, [whole("x", "b", 2048)], [info("y", None)], held)


def test_values_of_shapes_in_a_large_transformer_are_followed(followed):
    """Its biases and norms have one axis too, and are many."""
    made = transformer(100, 8192, 128_256)
    assert len(made.graph.node) > 2_000
    assert shapes(made) == {"y": [0, 2048, 128_256]}
    assert followed == [True]


def test_functions_of_one_name_are_counted_each_by_its_own_body():
    """The inference would hold what the one makes, whatever the other does."""
    opset = [helper.make_opsetid("", 21)]
    filled = node("ConstantOfShape", "n", "b", value=stored("", [1]))
    length = node("Constant", "", "n", value=stored("", [LONG]))
    bodies = {"long": [length, filled, node("Concat", "b b", "out", axis=0)], "short": [node("Identity", "a", "out")]}
    own = [helper.make_function("my", "F", ["a"], ["out"], body, opset, overload=name) for name, body in bodies.items()]
    for name, bounded in ("long", False), ("short", True):
        called = node("F", "x", "y", domain="my", overload=name)
        made = model([called], [info("x", 5)], [info("y", None)], opsets=(("", 21), ("my", 1)), functions=own)
        assert bounds_of(made).shapes is bounded
