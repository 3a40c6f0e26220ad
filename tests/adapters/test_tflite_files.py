"""TFLite files as people have them: cut off, damaged, larger than memory, or made to do harm."""

from __future__ import annotations

import struct
import tracemalloc

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given

pytest.importorskip("tflite")

import tflite

from nbviz.adapters import read
from nbviz.adapters.dataflow import writer
from nbviz.adapters.tflite import flat, schema
from nbviz.cli import main
from nbviz.errors import FileReadError, NbvizError
from nbviz.invariants import violations
from nbviz.metrics import Metrics
from tests.adapters.checkpoint_reading import EDITS, FUZZ, HOSTILE, mutated, refused
from tests.models import tflite_models as models
from tests.models.tflite_models import CONVERTED, Writer


def write(tmp_path, data, name="net.tflite"):
    path = tmp_path / name
    path.write_bytes(data)
    return path


def told(path):
    """Read what may be damaged: only errors of our own may come out, and each names the file."""
    try:
        messages(path)
    except NbvizError as error:
        return str(error)
    return str(path)


def messages(path):
    graph = read(path).graph
    assert list(violations(graph)) == []
    Metrics(graph)
    return " ".join(d.message for d in graph.diagnostics)


# The schema


def test_the_schema_is_that_of_the_format():
    """All that the compiler of the format wrote of it is known here; a later version may know more."""
    for name, known in schema.names().items():
        theirs = getattr(tflite, name)
        numbers = {key: value for key, value in vars(theirs).items() if key[0] != "_"}
        assert {key: known.index(key) for key in numbers} == numbers, name
    for name in {name for name in dir(tflite) if hasattr(getattr(tflite, name), "GetRootAs")} - {"Model"} | {"Model"}:
        accessors = [key for key in vars(getattr(tflite, name)) if key[0].isupper()]
        fields = {key for key in accessors if not key.endswith(("AsNumpy", "Length", "IsNone", "HasIdentifier"))}
        fields -= {"GetRootAs", f"GetRootAs{name}", "Init"}
        ours = {key.replace("_", "") for key in schema.tables().get(name, {})}
        assert {key.lower() for key in fields} - {f"{key}type" for key in ours} <= ours, name


def test_fields_stand_in_the_slots_where_the_format_writes_them(tmp_path):
    options = {
        "Padding": 1,
        "StrideW": 2,
        "StrideH": 3,
        "FilterWidth": 4,
        "FilterHeight": 5,
        "FusedActivationFunction": 3,
    }
    data = models.of_one("MAX_POOL_2D", [(1, 8, 8, 1)], (1, 2, 2, 1), ("Pool2DOptions", options))
    [call] = [c for c in read(write(tmp_path, data)).graph.calls if c.op == "MAX_POOL_2D"]
    told = dict(call.settings)
    assert (told["padding"], told["stride_w"], told["stride_h"]) == ("VALID", 2, 3)
    assert (told["filter_width"], told["filter_height"], told["fused_activation_function"]) == (4, 5, "RELU6")


def test_names_that_take_four_bytes_are_those_of_the_schema():
    assert set(flat._WIDE_NAMES) <= set(schema.names())


# Damage


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"\x08", "is missing at byte 4"),
        (b"PK\x03\x04 not a model", "zip archive"),
        (b"hello world, this is text", "is missing at byte 4"),
        (b"\x18\0\0\0TFL3", "byte"),
        (b"\xff\xff\xff\xffTFL3" + bytes(40), "byte"),
        (b"\x08\0\0\0TFL3" + bytes(40), "is not a table"),
    ],
)
def test_files_that_are_no_models(tmp_path, data, words):
    refused(write(tmp_path, data), words)


@pytest.mark.parametrize("name", ["small", "lstm"])
def test_cut_files(tmp_path, name):
    data = CONVERTED[name].read_bytes()
    for keep in range(8, len(data), 97):
        path = write(tmp_path, data[:keep])
        assert str(path) in told(path)  # the tables stand at the end: what is left may be whole


def test_wrong_suffix_and_folder(tmp_path):
    with pytest.raises(FileReadError, match=r"suffix .\.tflit"):
        read(write(tmp_path, models.convolutions(), "net.tflit"))
    (tmp_path / "folder.tflite").mkdir()
    with pytest.raises(FileReadError, match="is a folder"):
        read(tmp_path / "folder.tflite")
    with pytest.raises(FileReadError, match="no file"):
        read(tmp_path / "other.tflite")


def test_numbers_that_lead_nowhere_are_named(tmp_path):
    def one(operator):
        w = Writer()
        tensors = [w.tensor("x", (2,)), w.tensor("y", (2,)), w.tensor("w", (2,), buffer=5)]
        return write(tmp_path, w.bytes(w.graph(tensors, [0], [1], [operator(w)])))

    refused(one(lambda w: w.operator("NEG", [7], [1])), "tensor 7 of 3")
    refused(one(lambda w: w.operator("NEG", [-2], [1])), "tensor -2")
    refused(one(lambda w: w.operator("ADD", [0, 2], [1])), "buffer 5")
    refused(one(lambda w: w.operator("CALL", [0], [1], ("CallOptions", {"Subgraph": 9}))), "subgraph 9 of 1")


def test_weights_that_the_file_does_not_hold_are_an_error(tmp_path):
    w = Writer()
    w.place(1 << 40, 1 << 41)
    tensors = [w.tensor("x", (1, 4)), w.tensor("w", (4, 4), buffer=1), w.tensor("y", (1, 4))]
    data = w.bytes(w.graph(tensors, [0], [2], [w.operator("FULLY_CONNECTED", [0, 1, -1], [2])]))
    refused(write(tmp_path, data), "ends early")


def test_shapes_that_lie_are_told_and_what_is_there_counts(tmp_path):
    w = Writer()
    sizes = (1 << 30, 1 << 30)
    tensors = [w.tensor("x", sizes), w.tensor("w", (3, 1000), buffer=w.buffer([1, 2, 3])), w.tensor("y", (1, 3))]
    path = write(tmp_path, w.bytes(w.graph(tensors, [0], [2], [w.operator("FULLY_CONNECTED", [0, 1, -1], [2])])))
    assert "Damaged tensors, with fewer bytes than their shapes need: 'w'" in messages(path)
    graph = read(path).graph
    assert [(p.size, p.bytes) for p in graph.parameters] == [(3, 12)]
    assert graph.calls[1].outputs[0].shape is None


@pytest.mark.parametrize("field", ["tensors", "operators", "inputs"])
def test_lengths_that_lie_end_at_once(tmp_path, field):
    data = bytearray(models.convolutions())
    root = struct.unpack_from("<I", data)[0]
    model = tflite.Model.GetRootAs(bytes(data))
    table = model.Subgraphs(0)._tab
    slot = 4 + 2 * schema.tables()["SubGraph"][field].slot
    begin = table.Vector(table.Offset(slot)) - 4
    assert begin > root
    struct.pack_into("<I", data, begin, 0xFFFFFFF0)
    refused(write(tmp_path, bytes(data)), "more than the file holds")


def test_tables_that_stand_for_many_do_not_unfold(tmp_path, monkeypatch):
    """One subgraph of many operators is listed many times."""
    monkeypatch.setattr(flat, "_MOST", 100_000)
    w = Writer()
    tensors = [w.tensor("x", (2,)), w.tensor("y", (2,))]
    operator = w.operator("NEG", [0], [1])
    graph = w.graph(tensors, [0], [1], [operator] * 2000)
    refused(write(tmp_path, w.bytes(*[graph] * 2000)), "refer to each other too often")


# Subgraphs that call each other


def test_a_subgraph_inside_itself_stays_closed(tmp_path):
    assert "shown closed" in messages(write(tmp_path, models.calls([0])))
    assert "shown closed" in messages(write(tmp_path, models.calls([1], [2], [1])))


def test_deep_nesting_ends(tmp_path):
    chain = [[i + 1] for i in range(20)]
    assert messages(write(tmp_path, models.calls(*chain, []))) == ""
    deep = [[i + 1] for i in range(3000)]
    assert "shown closed" in messages(write(tmp_path, models.calls(*deep, [])))


def test_scopes_inside_scopes_in_each_subgraph_end(tmp_path):
    w = Writer()
    graphs = []
    for i in range(40):
        name = "/".join(f"{'s' * 20}{i}_{j}" for j in range(32))
        tensors = [w.tensor("x", (2,)), w.tensor(f"{name}/a", (2,)), w.tensor(f"{name}/b", (2,))]
        operators = [w.operator("NEG", [0], [1]), w.operator("CALL", [1], [2], ("CallOptions", {"Subgraph": i + 1}))]
        graphs.append(w.graph(tensors, [0], [2], operators[: 2 if i < 39 else 1], f"g{i}"))
    assert "shown closed" in messages(write(tmp_path, w.bytes(*graphs)))


def test_subgraphs_that_double_stay_closed(tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "_MOST_CALLS", 2000)
    doubling = [[i + 1] * 10 for i in range(20)]
    assert "shown closed" in messages(write(tmp_path, models.calls(*doubling, [])))


def test_circles_and_tensors_that_are_missing_or_made_twice(tmp_path):
    w = Writer()
    tensors = [w.tensor(name, (2,)) for name in ("x", "a", "b", "nowhere", "y")]
    operators = [
        w.operator("ADD", [0, 2], [1]),
        w.operator("NEG", [1], [2]),
        w.operator("ABS", [3], [4]),
        w.operator("NEG", [0], [4]),
    ]
    told = messages(write(tmp_path, w.bytes(w.graph(tensors, [0], [4], operators))))
    assert "dependency cycle" in told
    assert "Nothing produces" in told
    assert "More than one node produces" in told


# Text and size


def test_hostile_names_are_short_plain_text(tmp_path):
    for name in [*HOSTILE, "a/" * 5000, "\x1b[31m/<script>/" + "b" * 100_000, "/", ";", ";;/", ":0"]:
        w = Writer()
        tensors = [w.tensor(name, (2,)), w.tensor(name, (2,), buffer=w.buffer([1, 2])), w.tensor(name, (2,))]
        graph = w.graph(tensors, [0], [2], [w.operator("MUL", [0, 1], [2])], name)
        signature = w.signature(name, 0, {name: 0}, {name: 2})
        path = write(tmp_path, w.bytes(graph, Description=name, SignatureDefs=[signature]))
        messages(path)
        graph = read(path).graph
        texts = repr(graph.layers[:]) + repr(graph.calls[:]) + repr(graph.parameters[:])
        assert "\\x1b" not in texts
        assert max(map(len, texts.split("'"))) < 2000


def test_names_in_another_encoding(tmp_path):
    data = models.convolutions().replace(b"net/conv/Conv2D", b"net/c\xe9nv/Conv2D")
    assert "c\ufffdnv" in str(list(read(write(tmp_path, data)).graph.layers.column("path")))


def test_a_file_larger_than_memory_opens_at_once(tmp_path):
    w = Writer()
    size = 3 << 40
    rows = size // 4096
    w.place(1 << 20, size)
    tensors = [w.tensor("x", (1, 1024)), w.tensor("w", (rows, 1024), buffer=1), w.tensor("y", (1, rows))]
    data = w.bytes(w.graph(tensors, [0], [2], [w.operator("FULLY_CONNECTED", [0, 1, -1], [2])]))
    path = write(tmp_path, data)
    with path.open("r+b") as file:
        try:
            file.truncate((1 << 20) + size)  # a hole: it takes no space
        except OSError:
            pytest.skip("the file system has no holes of this size")
    tracemalloc.start()
    try:
        reading = read(path)
        assert tracemalloc.get_traced_memory()[1] < 5 << 20
    finally:
        tracemalloc.stop()
    assert Metrics(reading.graph).totals["bytes"] == size
    assert next(reading.weights.chunks(0)).size == 1 << 20


def test_the_command_reads_it(tmp_path):
    result = CliRunner().invoke(main, [str(write(tmp_path, models.convolutions()))])
    assert result.exit_code == 0, result.output
    assert "332" in result.output
    cut = CliRunner().invoke(main, [str(write(tmp_path, b"TFL3", "cut.tflite"))])
    assert cut.exit_code == 1
    assert "cut.tflite" in cut.output


SEEDS = [models.convolutions(), models.calls([1, 1], []), *(path.read_bytes() for path in CONVERTED.values())]


@FUZZ
@given(**EDITS)
def test_damaged_bytes_end_in_our_own_errors(tmp_path_factory, edits, keep):
    folder = tmp_path_factory.mktemp("fuzz")
    for number, seed in enumerate(SEEDS):
        path = write(folder, mutated(seed, edits, keep), f"net{number}.tflite")
        assert str(path) in told(path)


@FUZZ
@given(**EDITS)
def test_damaged_tables_end_in_our_own_errors(tmp_path_factory, edits, keep):
    """Changes where the tables are, which stand behind the buffers: at the end of what the converter writes."""
    path = tmp_path_factory.mktemp("fuzz") / "net.tflite"
    for seed in SEEDS:
        root = max(struct.unpack_from("<I", seed)[0] - 300, 8)
        path.write_bytes(seed[:root] + mutated(seed[root:], edits, 100))
        assert str(path) in told(path)


def test_values_of_a_file_that_is_gone_or_shorter(tmp_path):
    path = write(tmp_path, models.convolutions())
    reading = read(path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(LookupError, match="ends early"):
        list(reading.weights.chunks(0))
    path.unlink()
    with pytest.raises(LookupError, match="no longer exists"):
        list(reading.weights.chunks(0))
    with pytest.raises(LookupError, match="no parameter 99"):
        list(reading.weights.chunks(99))


def test_inputs_are_not_needed(tmp_path):
    found = read(write(tmp_path, models.convolutions()), inputs=np.zeros(3))
    assert "inputs was ignored" in " ".join(d.message for d in found.graph.diagnostics)
