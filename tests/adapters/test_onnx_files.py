"""ONNX files as people have them: weights beside them, damaged, or made to do harm."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from onnx.shape_inference import infer_shapes  # noqa: E402

from nbviz.adapters import read  # noqa: E402
from nbviz.adapters.onnx.shapes.fragile import guarded  # noqa: E402
from nbviz.adapters.onnx.shapes.growth import doubtful  # noqa: E402
from nbviz.errors import FileReadError, NbvizError, UnsupportedModelError  # noqa: E402
from nbviz.invariants import violations  # noqa: E402
from nbviz.metrics import Metrics  # noqa: E402
from tests.models import onnx_models as models  # noqa: E402
from tests.models.onnx_models import info, model, node, tensor  # noqa: E402


def messages(graph):
    assert list(violations(graph)) == []
    Metrics(graph)
    return " ".join(d.message for d in graph.diagnostics)


def values(reading, name):
    [found] = [p for p in reading.graph.parameters if p.name == name]
    return np.concatenate(list(reading.weights.chunks(found.id)))


def beside(tmp_path, location="net.data", **changes):
    """Save a model whose weight is said to lie in another file."""
    weight = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4, 4], data_location=TensorProto.EXTERNAL)
    for key, value in {"location": location, "offset": "8", "length": "64", **changes}.items():
        weight.external_data.add(key=key, value=value)
    made = model([node("MatMul", "x w", "y")], [info("x", 2, 4)], [info("y", 2, 4)], [weight])
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "net.onnx").write_bytes(made.SerializeToString())
    (folder / "net.data").write_bytes(bytes(8) + np.arange(16, dtype=np.float32).tobytes())
    return folder / "net.onnx"


def test_a_file_that_is_too_large_for_a_model_is_not_read(tmp_path):
    """It has holes alone: to read it would take terabytes."""
    path = tmp_path / "net.onnx"
    with path.open("wb") as file:
        file.truncate(1 << 41)
    with pytest.raises(FileReadError, match=r"net\.onnx': 2,199,023,255,552 bytes are more than the 2 GB that an ONNX"):
        read(path)
    path.unlink()


@pytest.mark.parametrize("empty", [b"", onnx.ModelProto()], ids=["bytes", "proto"])
def test_a_model_with_nothing_in_it_is_refused(empty):
    with pytest.raises(FileReadError, match=r": it is empty\."):
        read(empty)
    with pytest.raises(FileReadError, match="it has no graph"):
        read(onnx.ModelProto(ir_version=8))


# Weights


@pytest.mark.slow  # and it takes four gigabytes
def test_shapes_of_a_model_of_more_than_two_gigabytes_are_inferred():
    width = 23_200
    stored = [TensorProto(name=n, data_type=TensorProto.INT8, dims=[width, width]) for n in ("a", "b", "c", "d")]
    for weight in stored:
        weight.raw_data = bytes(width * width)
    names = ["x", "h1", "h2", "h3", "y"]
    nodes = [node("MatMulInteger", f"{x} {w.name}", y) for x, w, y in zip(names, stored, names[1:], strict=False)]
    made = model(
        nodes, [info("x", "batch", width, dtype=TensorProto.INT8)], [info("y", None, dtype=TensorProto.INT32)], stored
    )
    assert sum(len(weight.raw_data) for weight in stored) > 2**31
    graph = read(made).graph
    assert messages(graph) == ""
    assert str(graph.calls[2].outputs[0].shape) == f"(batch, {width})"
    assert Metrics(graph).totals["params"] == 4 * width * width


def test_weights_inside_the_file(tmp_path):
    path = tmp_path / "net.onnx"
    onnx.save(models.mlp(), path)
    reading = read(path)
    assert values(reading, "head").tolist() == list(range(16))
    path.unlink()
    with pytest.raises(LookupError, match=r"net\.onnx"):
        values(reading, "head")
    with pytest.raises(LookupError, match="no parameter 99"):
        list(reading.weights.chunks(99))


@pytest.mark.parametrize("name", models.CASES)
def test_every_weight_has_as_many_values_as_it_says(name):
    reading = read(models.CASES[name]())
    for parameter in reading.graph.parameters:
        assert sum(piece.size for piece in reading.weights.chunks(parameter.id)) == parameter.size


def test_weights_of_types_that_numpy_lacks_are_numbers():
    stored = helper.make_tensor("w", TensorProto.BFLOAT16, [3], [1.0, 2.0, -0.5])
    made = model([node("Mul", "x w", "y")], [info("x", 3, dtype=TensorProto.BFLOAT16)], [info("y", None)], [stored])
    assert values(read(made), "w").tolist() == [1.0, 2.0, -0.5]


def test_weights_beside_the_file_are_opened_on_demand(tmp_path):
    path = beside(tmp_path)
    data = path.with_name("net.data")
    data.rename(tmp_path / "away")
    reading = read(path)  # nothing is missing yet
    assert reading.graph.parameters[0].bytes == 64
    with pytest.raises(LookupError, match=r"'net\.data', which does not exist in"):
        values(reading, "w")
    (tmp_path / "away").rename(data)
    assert values(reading, "w").tolist() == list(range(16))


@pytest.mark.parametrize("location", ["../secret", "/etc/hostname", "..", ".", "", "a/../../secret", "x\0y", "link"])
def test_weights_outside_the_folder_are_refused(tmp_path, location):
    (tmp_path / "secret").write_bytes(bytes(80))
    path = beside(tmp_path, location)
    path.with_name("link").symlink_to(tmp_path / "secret")
    reading = read(path)
    with pytest.raises(LookupError, match="outside the model's folder"):
        values(reading, "w")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"length": "10"}, "the file gives 10 bytes, but the tensor has 64"),
        ({"length": "many"}, "the file gives the length 'many'"),
        ({"offset": "-5"}, "the file gives the offset '-5'"),
        ({"offset": "abc"}, "the file gives the offset 'abc'"),
        ({"offset": "٣"}, "the file gives the offset '٣'"),
        ({"location": "../outside.bin"}, "'../outside.bin' is outside the model's folder"),
        ({"location": "a/../../b"}, "'a/../../b' is outside the model's folder"),
        ({"location": "/etc/passwd"}, "'/etc/passwd' is outside the model's folder"),
        ({"location": ""}, "'' is outside the model's folder"),
        ({"location": "a/../net.data"}, ""),
        ({"offset": "", "length": ""}, ""),
        ({}, ""),
    ],
)
def test_weights_that_cannot_be_where_they_are_said_to_be_are_noted(tmp_path, changes, why):
    """Without a look at any other file."""
    path = beside(tmp_path, **changes)
    path.with_name("net.data").unlink()
    said = f"Cannot read the values of 'w': {why}." if why else ""
    assert messages(read(path).graph) == said


def test_many_weights_that_are_not_where_they_should_be_are_noted_once(tmp_path):
    path = beside(tmp_path, offset="x")
    made = onnx.load(path, load_external_data=False)
    for i in range(3):
        other = made.graph.initializer.add()
        other.CopyFrom(made.graph.initializer[0])
        other.name = f"w{i}"
        made.graph.node.append(node("MatMul", f"x w{i}", f"y{i}"))
    assert "of 'w' and 3 other tensors: " in messages(read(made).graph)


@pytest.mark.parametrize(
    "changes", [{"length": "10"}, {"offset": "-8"}, {"offset": "16"}, {"offset": "x"}, {"offset": "9" * 30}]
)
def test_weights_that_are_not_where_they_should_be(tmp_path, changes):
    with pytest.raises(LookupError):
        values(read(beside(tmp_path, **changes)), "w")


def test_weights_beside_a_model_in_memory_are_not_looked_for(tmp_path):
    with pytest.raises(LookupError, match="pass the path"):
        values(read(beside(tmp_path).read_bytes()), "w")


# Damage


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"\x08", "not an ONNX model"),
        (b"PK\x03\x04 not a model", "not an ONNX model"),
        (b"\x08\x0a", "no graph"),
        (b"hello world, this is text", "not an ONNX model"),
    ],
)
def test_files_that_are_no_models(tmp_path, data, words):
    path = tmp_path / "net.onnx"
    path.write_bytes(data)
    with pytest.raises(FileReadError, match=words) as raised:
        read(path)
    assert str(path) in str(raised.value)


def test_cut_file_wrong_suffix_folder_and_other_objects(tmp_path):
    path = tmp_path / "net.onnx"
    path.write_bytes(models.cnn().SerializeToString()[:-40])
    with pytest.raises(FileReadError, match="truncated"):
        read(path)
    with pytest.raises(FileReadError, match=r"Did you mean .*net\.onnx"):
        read(tmp_path / "net.onx")
    path.rename(tmp_path / "net.onx")
    with pytest.raises(FileReadError, match=r"suffix .\.onx"):
        read(tmp_path / "net.onx")
    (tmp_path / "folder.onnx").mkdir()
    with pytest.raises(FileReadError, match="is a folder"):
        read(tmp_path / "folder.onnx")
    with pytest.raises(UnsupportedModelError):
        read(bytearray(b"abc"))


def test_lengths_that_lie_are_told_and_what_is_there_counts():
    lie = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1 << 40, 1 << 40], raw_data=bytes(12))
    negative = TensorProto(name="n", data_type=TensorProto.FLOAT, dims=[-3, 2])
    nodes = [node("MatMul", "x w", "h"), node("Mul", "h n", "y")]
    made = model(nodes, [info("x", 1 << 50, 1 << 50)], [info("y", None)], [lie, negative])
    graph = read(made).graph
    assert "'w' has the shape" in messages(graph)
    assert {p.name: p.size for p in graph.parameters} == {"w": 3, "n": 0}
    assert Metrics(graph).totals["macs"] is None


@pytest.mark.parametrize(
    ("dims", "dtype"),
    [([-8, 8], TensorProto.FLOAT), ([1 << 40, 1 << 40], TensorProto.FLOAT), ([1] * 65, TensorProto.FLOAT), ([8], 999)],
)
def test_stored_tensors_that_cannot_be_are_told(dims, dtype):
    wrong = TensorProto(name="w", dims=dims, data_type=dtype)
    assert "'w' has the shape" in messages(read(model([node("Neg", "w", "y")], [], [], [wrong])).graph)


def test_circles_are_refused_and_names_that_are_missing_or_taken_told():
    nodes = [node("Add", "x b", "a"), node("Neg", "a", "b")]
    with pytest.raises(FileReadError, match="2 of its nodes are in a dependency cycle"):
        read(model(nodes, [info("x", 2)], [info("b", 2)]))
    nodes = [node("Neg", "x", "a"), node("Abs", "x", "a"), node("Add", "a nowhere", "y")]
    told = messages(read(model(nodes, [info("x", 2)], [info("y", 2)])).graph)
    assert "More than one node produces 'a'" in told
    assert "Nothing produces 'nowhere'" in told


def test_nodes_in_the_wrong_order_are_put_right():
    nodes = [node("Neg", "a", "y"), node("Abs", "x", "a")]
    graph = read(model(nodes, [info("x", 2)], [info("y", 2)])).graph
    assert [c.op for c in graph.calls if c.kind == "operation"] == ["Abs", "Neg"]
    assert messages(graph) == ""


def nest(levels):
    """A condition in a condition, as deep as asked."""
    graph = helper.make_graph([node("Neg", "x", "t")], "g", [], [info("t", 2)])
    for level in range(levels):
        outer = onnx.GraphProto(name="g", output=[info(f"u{level}", 2)])
        made = outer.node.add(op_type="If", input=["c"], output=[f"u{level}"])
        made.attribute.add(name="then_branch", type=5).g.CopyFrom(graph)
        graph = outer
    graph.input.extend([info("c", dtype=TensorProto.BOOL), info("x", 2)])
    return onnx.ModelProto(ir_version=10, graph=graph, opset_import=[helper.make_opsetid("", 21)])


def test_deep_nesting_ends():
    assert messages(read(nest(20)).graph) == ""
    assert "are shown closed" in messages(read(nest(30)).graph)
    deep = nest(30)
    for source in (nest_more(deep, 1000), nest_more(deep, 40)):
        with pytest.raises(FileReadError):
            read(source)


def nest_more(made, levels):
    """Nest in the bytes themselves: the package makes no message this deep."""
    graph = made.graph.SerializeToString()
    for _ in range(levels):
        attribute = field(1, b"then_branch") + field(6, graph) + bytes([0xA0, 0x01, 5])
        graph = field(1, field(1, b"c") + field(2, b"u") + field(4, b"If") + field(5, attribute)) + field(2, b"g")
    return field(7, graph)


def field(number, data):
    """Return a field of a protocol buffer."""
    size, length = len(data), b""
    while size > 127:
        length += bytes([size & 127 | 128])
        size >>= 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + data


@pytest.mark.parametrize("calls", [["F0"], ["F1", "F1"]], ids=["endless", "doubling"])
def test_functions_that_call_each_other_without_end_stay_closed(calls):
    def body(i):
        if len(calls) == 1:
            return [node("F0", "a", "b", domain="my")]
        if i == 39:
            return [node("Neg", "a", "b")]
        return [node(f"F{i + 1}", "a", "c", domain="my"), node(f"F{i + 1}", "c", "b", domain="my")]

    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("my", 1)]
    own = [helper.make_function("my", f"F{i}", ["a"], ["b"], body(i), opsets) for i in range(40)]
    first = [node("F0", "x", "y", domain="my")]
    made = model(first, [info("x", 2)], [info("y", 2)], functions=own, opsets=(("", 21), ("my", 1)))
    assert "are shown closed" in messages(read(made).graph)


def test_hostile_names_are_short_plain_text():
    name = "\x1b[31m<script>alert(1)</script>\n\x07" + "A" * 100_000
    nodes = [helper.make_node("Neg", ["x"], [name], name=name), helper.make_node("Mul", [name, "w"], ["y"])]
    nodes[1].name = "/".join(["deep"] * 5000)
    made = model(nodes, [info("x", 2)], [info("y", 2)], [tensor("w", 2)])
    made.producer_name = made.doc_string = name
    made.graph.node.add(op_type="Mul", input=["x", "w"], output=["z"], name=name)
    graph = read(made).graph
    assert messages(graph) == ""
    texts = repr(graph.layers[:]) + repr(graph.calls[:])
    assert "\\x1b" not in texts
    assert "\\x07" not in texts
    assert max(map(len, texts.split("'"))) < 1000


def test_names_in_another_encoding():
    data = models.mlp().SerializeToString()
    broken = data.replace(b"/head/MatMul", b"/h\xe9ad/MatMul")
    assert "h\ufffdad" in read(broken).graph.layers.column("path")
    assert dict(read(data.replace(b"\x03net", b"\x03n\xe9t")).graph.layers[0].settings)["graph"] == "n\ufffdt"
    assert "Nothing produces '\ufffd'" in messages(read(data.replace(b"\x0a\x01r", b"\x0a\x01\xe9")).graph)


@pytest.mark.parametrize("op", ["EyeLike", "RegexFullMatch"])
def test_inference_is_kept_from_operations_that_end_the_process(op):
    nodes = [node("Unheard", "x", "a", domain="com.acme"), node(op, "a", "y")]
    made = model(nodes, [info("x", 2, 2)], [info("y", None)], opsets=(("", 22), ("com.acme", 1)))
    assert op in read(made).graph.calls.column("op")
    if op == "EyeLike":
        known = model([node(op, "x", "a"), node("Neg", "a", "y")], [info("x", 2, 3)], [info("y", None)])
        assert read(known).graph.calls[3].outputs[0].shape == (2, 3)


def test_inference_is_kept_from_them_where_nodes_stand_in_the_wrong_order():
    encoder = node("LabelEncoder", "a", "y", domain="ai.onnx.ml", keys_int64s=[1], values_floats=[2.0])
    nodes = [encoder, node("Cast", "x", "a", to=TensorProto.INT64)]
    made = model(nodes, [info("x", 2, 3)], [info("y", None)], opsets=(("", 22), ("ai.onnx.ml", 2)))
    inferred = guarded(infer_shapes, made)
    assert [value.name for value in inferred.graph.value_info] == ["a"]
    assert [step.op_type for step in inferred.graph.node] == ["LabelEncoder", "Cast"]


@pytest.mark.parametrize(
    ("op", "inputs", "attribute"),
    [
        ("LayerNormalization", "x w", {"axis": 1 << 31}),
        ("GatherND", "x w", {"batch_dims": -100}),
        ("Split", "x", {"num_outputs": 1, "axis": 1}),
    ],
)
def test_inference_is_kept_from_attributes_that_end_the_process(op, inputs, attribute):
    nodes = [node(op, inputs, "y z", **attribute), node("Neg", "x", "n")]
    made = model(nodes, [info("x", 2, 3, 4, 5), info("w", 5)], [info("y", None), info("n", None)])
    made.opset_import[0].version = 18
    graph = read(made).graph
    assert op in graph.calls.column("op")
    assert next(call for call in graph.calls if call.op == "Neg").outputs[0].shape == (2, 3, 4, 5)


def test_a_function_that_calls_itself_inside_a_branch_stays_closed():
    body = helper.make_graph([node("F", "p", "b", domain="my")] * 2, "body", [], [info("b", None)])
    own = helper.make_function(
        "my", "F", ["p"], ["r"], [node("If", "p", "r", then_branch=body)], [helper.make_opsetid("my", 1)]
    )
    made = model(
        [node("F", "x", "y", domain="my")],
        [info("x", 2)],
        [info("y", None)],
        opsets=(("", 21), ("my", 1)),
        functions=[own],
    )
    assert "recursively" in messages(read(made).graph)


@pytest.mark.parametrize(("own", "called"), [("", "ai.onnx"), ("ai.onnx", "")])
def test_a_function_that_calls_itself_under_the_other_name_of_the_standard_stays_closed(own, called):
    body = [node("Exp", "p", "q", domain=called), node("Exp", "q", "r", domain=called)]
    endless = helper.make_function(own, "Exp", ["p"], ["r"], body, [helper.make_opsetid("", 21)])
    made = model([node("Exp", "x", "y")], [info("x", 2)], [info("y", None)], functions=[endless])
    assert "recursively" in messages(read(made).graph)


DOUBLING = {"Concat": {"axis": 0}, "Gather": {"axis": 0}, "GatherND": {}}


@pytest.mark.parametrize("op", DOUBLING)
def test_shapes_that_double_with_each_node_are_not_inferred(op):
    """By counting: the inference of forty such nodes would need terabytes."""

    def chain(length):
        nodes = [node(op, f"s{i} s{i}", f"s{i + 1}", **DOUBLING[op]) for i in range(length)]
        nodes.append(node("Expand", f"x s{length}", "y") if op == "Concat" else node("Cast", f"s{length}", "y", to=1))
        stored = [numpy_helper.from_array(np.ones([1] if op == "Concat" else [1] * 4, np.int64), "s0")]
        return model(nodes, [info("x", 1)], [info("y", None)], stored)

    assert messages(read(chain(2)).graph) == ""
    assert not doubtful(chain(12)).values
    assert "grow beyond" in messages(read(chain(40)).graph)


def test_shapes_computed_layer_after_layer_are_inferred():
    """As exporters write them, with all axes but the last ones as they were."""
    nodes = []
    for i in range(60):
        nodes += [
            node("Shape", f"x{i}", f"s{i}"),
            node("Slice", f"s{i} zero last", f"front{i}"),
            node("Concat", f"front{i} two two", f"parted{i}", axis=0),
            node("Reshape", f"x{i} parted{i}", f"heads{i}"),
            node("Shape", f"heads{i}", f"t{i}"),
            node("Slice", f"t{i} zero before", f"begin{i}"),
            node("Concat", f"begin{i} four", f"joined{i}", axis=0),
            node("Reshape", f"heads{i} joined{i}", f"y{i}"),
            node("Add", f"x{i} y{i}", f"x{i + 1}"),
        ]
    numbers = {"zero": 0, "last": -1, "before": -2, "two": 2, "four": 4}
    stored = [numpy_helper.from_array(np.array([n]), name) for name, n in numbers.items()]
    graph = read(model(nodes, [info("x0", 3, 5, 4)], [info("x60", None)], stored)).graph
    assert graph.calls[-1].inputs[0].shape == (3, 5, 4)
    assert messages(graph) == ""


SEEDS = [make().SerializeToString() for make in models.CASES.values()]


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(
    st.sampled_from(SEEDS), st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=4), st.integers(0, 8)), max_size=6)
)
def test_damaged_bytes_end_in_our_own_errors(data, changes):
    for place, inserted, removed in changes:
        at = int(place * len(data))
        data = data[:at] + inserted + data[at + removed :]
    try:
        graph = read(data).graph
    except NbvizError:
        return
    messages(graph)


@pytest.mark.parametrize("name", [b"Concat", b"value_ints", b"scales"])
def test_name_that_is_no_text_is_one_plain_error(name):
    grown = [node("Shape", "x", "s"), node("Constant", "", "c", value_ints=[2]), node("Concat", "s c", "y", axis=0)]
    data = model(grown, [info("x", 2)], [info("y", None)], [tensor("scales", 1)]).SerializeToString()
    with pytest.raises(FileReadError, match=r"^The bytes: the model is damaged: a name in it is not text \(b'\\xe5"):
        read(data.replace(name, b"\xe5" * len(name)))


@pytest.mark.parametrize("inside", [False, True])
def test_more_nodes_than_anybody_can_look_at(inside):
    data = model([], [], []).SerializeToString()
    many = b"\x0a\x00" * 1_000_001  # each is an empty node
    found = onnx.ModelProto.FromString(data)
    graph = found.graph.node.add(op_type="If").attribute.add(name="then_branch", type=5).g if inside else found.graph
    graph.MergeFromString(many)
    with pytest.raises(FileReadError, match="more than 1,000,000 nodes, the most that nbviz reads"):
        read(found)


def test_numbers_of_a_stored_tensor_that_cannot_be_read(tmp_path):
    wrong = numpy_helper.from_array(np.arange(3, dtype=np.float32), "w")
    wrong.dims[:] = [4]
    reading = read(model([node("Mul", "x w", "y")], [info("x", 4)], [info("y", 4)], [wrong]))
    with pytest.raises(LookupError, match="cannot be read"):
        values(reading, "w")


def test_without_the_package_the_error_names_the_extra(tmp_path):
    path = tmp_path / "net.onnx"
    path.write_bytes(models.mlp().SerializeToString())
    code = f"""
import sys
sys.modules["onnx"] = None
from nbviz.adapters import read
from nbviz.errors import MissingExtraError
try:
    read({str(path)!r})
except MissingExtraError as error:
    print(error)
"""
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "pip install 'nbviz[onnx]'" in told.stdout


@pytest.mark.parametrize(("data", "said"), [(b"version https://git-lfs", "Git LFS"), (b"<html>", "web page")])
def test_what_a_file_is_instead_is_said(tmp_path, data, said):
    path = tmp_path / "net.onnx"
    path.write_bytes(data + b" and so on, and so on")
    with pytest.raises(FileReadError, match=said):
        read(path)


def test_training_beside_a_model_is_said_to_be_left_out():
    made = models.mlp()
    made.training_info.add().algorithm.node.add(op_type="Neg", input=["r"], output=["s"])
    assert "training_info" in messages(read(made).graph)
    assert "Neg" not in read(made).graph.calls.column("op")
