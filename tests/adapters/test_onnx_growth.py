"""What the shape inference of onnx would hold is counted first: small files must not take gigabytes, real ones must be read."""

from __future__ import annotations

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from nbviz.adapters.onnx.shapes.growth import doubtful  # noqa: E402
from nbviz.adapters.onnx.shapes.inference import with_shapes  # noqa: E402
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
    assert doubtful(bombs(MANY)[name]).values
    assert not doubtful(bombs(10_000)[name]).values


def test_lengths_of_fractions_are_none_of_shapes():
    nodes = [node("Shape", "x0", "s"), *(node("Add", f"x{i} x{i}", f"x{i + 1}") for i in range(50))]
    assert not doubtful(model([*nodes, node("Expand", "x50 s", "y")], [info("x0", 480_000)], [info("y", None)])).shapes


def test_what_the_file_says_of_a_constant_leaves_its_values_known():
    """Else a part of a shape is as long as the whole, layer after layer."""
    nodes = [node("Constant", "", "one", value=stored("", [1])), node("Constant", "", "zero", value=stored("", [0]))]
    for i in range(60):
        nodes += [node("Shape", f"x{i}", f"s{i}"), node("Slice", f"s{i} zero one", f"b{i}")]
        nodes += [node("Concat", f"b{i} one", f"j{i}", axis=0), node("Reshape", f"x{i} j{i}", f"x{i + 1}")]
    made = model(nodes, [info("x0", 4, 1)], [info("x60", None)])
    made.graph.value_info.extend([whole("one", 1), whole("zero", 1)])
    assert not doubtful(made).values


@pytest.mark.parametrize("claims", [[], [info("e", "b", "s", 64)]], ids=["", "claimed"])
def test_a_table_is_longer_than_what_is_taken_from_it(claims):
    """Else sizes that are computed from those of embeddings would be as large as vocabularies."""
    nodes = [node("Gather", "table x", "e"), node("Shape", "e", "s"), node("Mul", "s s", "m")]
    nodes += [node("ConstantOfShape", "m", f"o{i}", value=stored("", [1])) for i in range(100)]
    made = model(
        nodes, [whole("x", "b", "s")], [whole("o1", None)], [stored("table", np.zeros((30_000, 64)), np.float32)]
    )
    made.graph.value_info.extend(claims)
    assert not doubtful(made).values


def weight(name, *shape):
    """Return a weight without its values, as a copy for the inference has it."""
    return TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape)


@pytest.fixture
def followed(monkeypatch):
    """Whether the inference was asked to follow values, and in which model, for each time that it ran."""
    asked = []
    infer = onnx.shape_inference.infer_shapes

    def spy(given, **options):
        asked.append((options["data_prop"], onnx.ModelProto.FromString(given)))
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
    assert [follows for follows, _ in followed] == [True, False]
    assert not doubtful(followed[0][1]).values  # without the nodes that would hold them


def test_values_of_a_weight_made_flat_are_not_followed(followed):
    nodes = [node("Reshape", "w n", "f"), node("Mul", "f f", "m"), node("Add", "m f", "y")]
    assert shapes(model(nodes, [], [info("y", None)], [weight("w", 2048, 2048), stored("n", [-1])])) == {"y": [1 << 22]}
    assert [follows for follows, _ in followed] == [True, False]
    assert not doubtful(followed[0][1]).values  # without the nodes that would hold them


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
    assert [follows for follows, _ in followed] == [True]


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
        assert bool(doubtful(made).values) is not bounded


def sizes_of(made, inputs=None):
    """Return the shapes of all tensors, and what was noted."""
    notes = []
    graph = with_shapes(made, notes.append, inputs).graph
    infos = (*graph.value_info, *graph.output)
    return {
        one.name: [dim.dim_value or dim.dim_param for dim in one.type.tensor_type.shape.dim] for one in infos
    }, notes


def test_values_that_are_stored_count_whatever_makes_them():
    """As a length that was worked out: the inference takes what is stored."""
    nodes = [node("Identity", "m", "n"), node("Range", "z n u", "r"), node("Unsqueeze", "r z", "q")]
    held = [stored("z", 0), stored("n", MANY), stored("u", 1)]
    assert doubtful(model(nodes, [whole("m")], [info("q", None)], held)).values == {1}


def test_what_is_far_away_from_a_large_node_is_inferred_as_ever():
    nodes = [node("Range", "z n u", "r"), node("Relu", "x", "y"), node("Shape", "x", "s"), node("Reshape", "y s", "q")]
    held = [stored("z", 0), stored("n", MANY), stored("u", 1)]
    made = model(nodes, [info("x", "N", 4)], [info("y", None), whole("r", None), info("q", None)], held)
    assert doubtful(made).values == {0}
    shapes, notes = sizes_of(made)
    assert shapes == {"r": [MANY], "y": ["N", 4], "s": [2], "q": ["N", 4]}
    assert not notes


def test_rounds_clear_the_nodes_that_only_bounds_are_in_doubt_of(followed):
    """Each reshape has a size that is computed: the bounds of what comes of it are far too large."""
    nodes = []
    for i in range(6):
        nodes += [node("Shape", f"x{i}", f"s{i}"), node("Slice", f"s{i} zero one", f"b{i}")]
        nodes += [node("Slice", f"s{i} one two", f"c{i}"), node("Slice", f"s{i} two three", f"d{i}")]
        nodes += [node("Mul", f"c{i} d{i}", f"m{i}"), node("Concat", f"b{i} m{i}", f"j{i}", axis=0)]
        nodes += [node("Reshape", f"x{i} j{i}", f"r{i}"), node("TopK", f"r{i} three", f"v{i} p{i}")]
        nodes += [node("Unsqueeze", f"v{i} one", f"x{i + 1}")]
    held = [stored(name, [at]) for at, name in enumerate(["zero", "one", "two", "three"])]
    made = model(nodes, [info("x0", "N", 1500, 1400)], [info("x6", None)], held)
    assert doubtful(made).values
    shapes, notes = sizes_of(made, (2, 1500, 1400))
    assert shapes["p0"] == [2, 3]
    assert shapes["x6"] == [2, 1, 3]
    assert not notes
    assert followed[-1][0]


def test_values_that_were_joined_count_whatever_their_type_has_been_inferred_to_be():
    """A type that the file claims is none that was inferred: what follows from it may hold more."""
    joined = [node("Concat", f"a{i} a{i}", f"a{i + 1}", axis=0) for i in range(40)]
    casts = [node("Cast", "a40", f"c{i}", to=TensorProto.INT64) for i in range(4)]
    made = model([*joined, *casts], [whole("a0", 1)], [whole("c0", None)])
    made.graph.value_info.extend(whole(f"a{i}", 1) for i in range(1, 41))
    assert min(doubtful(made, {"c0", "c1", "c2", "c3"}).values) > 15
    graph = with_shapes(made, lambda _: None).graph  # in little memory
    assert [one.op_type for one in graph.node] == [one.op_type for one in made.graph.node]


def test_only_the_nodes_that_grow_and_what_is_behind_them_stay_without_shapes():
    nodes = [node("Gather", f"s{i} s{i}", f"s{i + 1}") for i in range(40)]
    nodes += [node("Relu", "x", "a"), node("Cast", "s40", "y", to=1)]
    made = model(nodes, [info("x", 2, 3)], [info("y", None), info("a", None)], [stored("s0", np.ones((1, 1, 1, 1)))])
    shapes, notes = sizes_of(made)
    assert shapes["a"] == [2, 3]
    assert len(shapes["s4"]) == 49
    assert [note.count("may grow beyond any tensor") for note in notes] == [1]


def test_an_operation_that_nobody_knows_is_in_no_doubt():
    made = model([node("Unheard", "x", "a"), node("Relu", "a", "y")], [whole("x", MANY)], [info("y", None)])
    made.graph.value_info.append(info("a", 3))
    assert not any(doubtful(made))
    assert sizes_of(made) == ({"a": [3], "y": [3]}, [])
