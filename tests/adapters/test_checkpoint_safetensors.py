"""Safetensors files, in one piece and in many: what is shown is what the library itself reads, of headers alone."""

from __future__ import annotations

import json
import os
import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nbviz.adapters import read
from nbviz.errors import FileReadError
from nbviz.metrics import Metrics
from tests.adapters.checkpoint_reading import (
    EDITS,
    FUZZ,
    HOSTILE,
    graph_of,
    mutated,
    refused,
    safetensors_bytes,
    survives,
    tensors,
    totals,
    values,
)

ONE = {"a.weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}


def entry(dtype="F32", shape=(2, 3), offsets=(0, 24)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


@pytest.fixture
def write(tmp_path):
    def file(header, data=bytes(24), name="net.safetensors"):
        path = tmp_path / name
        path.write_bytes(safetensors_bytes(header, data))
        return path

    return file


def test_rows_follow_the_names_and_numbers_are_the_librarys(tmp_path):
    numpy = pytest.importorskip("safetensors.numpy")
    rng = np.random.default_rng(0)
    arrays = {
        "model.layers.0.attn.weight": rng.normal(size=(4, 8)).astype("float32"),
        "model.layers.0.attn.bias": rng.normal(size=4).astype("float16"),
        "model.layers.1.steps": np.arange(5),
        "scale": np.array(2.5),
        "nothing": np.zeros((0, 3), "uint8"),
    }
    path = tmp_path / "net.safetensors"
    numpy.save_file(arrays, path, {"format": "np"})
    graph = graph_of(path)
    assert graph.name == "net"
    assert set(graph.layers.column("path")) == {
        "",
        "model",
        "model/layers",
        "model/layers/0",
        "model/layers/0/attn",
        "model/layers/1",
        "scale",
        "nothing",
    }
    assert graph.resolve("model.layers.0") == "model/layers/0"
    assert ("format", "np") in graph.layers[0].settings
    read_back = values(path)
    assert len(read_back) == len(arrays)
    for name, array in arrays.items():
        at = name.replace(".", "/")
        assert tensors(graph)[at] == (array.shape, str(array.dtype), array.nbytes, array.size)
        assert np.array_equal(read_back[at], array.reshape(-1))
    assert Metrics(graph).totals["params"] == sum(a.size for a in arrays.values())
    assert Metrics(graph).totals["bytes"] == sum(a.nbytes for a in arrays.values())


def test_every_dtype_that_torch_stores_has_its_name_its_bytes_and_its_values(tmp_path):
    torch = pytest.importorskip("torch")
    save_file = pytest.importorskip("safetensors.torch").save_file
    dtypes = [
        torch.bfloat16,
        torch.float8_e4m3fn,
        torch.float8_e5m2,
        torch.float16,
        torch.int8,
        torch.bool,
        torch.float64,
    ]
    made = {str(d).removeprefix("torch."): torch.linspace(-3, 3, 32).reshape(4, 8).to(d) for d in dtypes}
    save_file(made, tmp_path / "net.safetensors")
    found, numbers = tensors(graph_of(tmp_path / "net.safetensors")), values(tmp_path / "net.safetensors")
    for name, tensor in made.items():
        assert found[name] == ((4, 8), name, tensor.nbytes, 32)
        assert np.array_equal(numbers[name], tensor.double().numpy().reshape(-1))


def test_all_bytes_of_float8_are_what_torch_takes_them_for():
    torch = pytest.importorskip("torch")
    from nbviz.adapters.files.values import decoder

    every = np.arange(256, dtype="uint8")
    for name in ("float8_e4m3fn", "float8_e5m2"):
        expected = torch.from_numpy(every.copy()).view(getattr(torch, name)).float().numpy()
        np.testing.assert_array_equal(decoder(name)[1](every), expected)


def test_values_smaller_than_a_byte_count_as_values_and_take_their_bits(write):
    path = write({"q.weight": entry("F4", (4, 8), (0, 16)), "q.scale": entry("F8_E8M0", (4, 2), (16, 24))})
    assert tensors(graph_of(path))["q/weight"] == ((4, 8), "float4_e2m1fn", 16, 32)
    with pytest.raises(LookupError, match="float4_e2m1fn"):
        list(read(path).weights.chunks(0))


def test_a_dtype_of_the_future_is_shown_by_its_name(write):
    assert tensors(graph_of(write({"a": entry("F128", (1,), (0, 24))})))["a"] == ((1,), "f128", 24, 1)


def test_buffers_of_pytorch_are_no_parameters_and_whole_numbers_are_not_trained(write):
    header = {
        "bn.running_mean": entry(shape=(3,), offsets=(0, 12)),
        "bn.weight": entry(shape=(2,), offsets=(12, 20)),
        "ids": entry("I32", (1,), (20, 24)),
    }
    assert totals(write(header)) | {"macs": None} == {
        "params": 3,
        "trainable_params": 2,
        "non_trainable_params": 1,
        "buffers": 3,
        "bytes": 12,
        "macs": None,
    }


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_text_and_rows_whatever_they_are(write, name):
    graph = graph_of(write({f"{name}.weight": entry(offsets=(0, 24)), name: entry(shape=(0,), offsets=(24, 24))}))
    assert len(graph.parameters) == 2
    for text in [*graph.layers.column("path"), *graph.parameters.column("name")]:
        assert "\x1b" not in text
        assert "\n" not in text
        assert len(text) < 1000


def test_a_name_is_a_row_and_a_tensor_at_once(write):
    graph = graph_of(write({"a": entry(offsets=(0, 24)), "a.b": entry(shape=(0,), offsets=(24, 24))}))
    assert [(p.name, p.owners) for p in graph.parameters] == [("a", ("a",)), ("b", ("a",))]
    assert graph.layers.column("type")[1:] == ("Tensors",)


def test_deep_names_end_in_one_row(write):
    graph = graph_of(write({".".join("x" * 20_000): entry()}))
    assert len(graph.layers) < 50


@pytest.mark.parametrize(
    ("header", "data", "words"),
    [
        (b"", b"", "claims 0 bytes"),
        (b"{}  nonsense", b"", "Extra data"),
        (b"[1, 2]", b"", "not a JSON object"),
        (b"[" * 100_000, b"", "cannot be read as safetensors"),
        (b'{"a": 1}', b"", "'a' is not a JSON object"),
        (b'{"a": {}, "a": {}}', b"", "'a' appears twice"),
        ({"a": entry()}, bytes(23), "ends early"),
        ({"a": entry()}, bytes(25), "belong to no tensor"),
        ({"a": entry(), "b": entry()}, bytes(24), "does not start where"),
        ({"a": entry(offsets=(4, 28))}, bytes(28), "does not start where"),
        ({"a": entry(offsets=(24, 0))}, bytes(24), "cannot have"),
        ({"a": entry(shape=(1 << 62, 1 << 62))}, bytes(24), "cannot have"),
        ({"a": entry("X1", shape=(1 << 62,))}, bytes(24), "cannot have"),
        ({"a": entry(shape=(-2, -3))}, bytes(24), "a size of 'a' is -2"),
        ({"a": entry(shape=(True, 6))}, bytes(24), "a size of 'a' is True"),
        ({"a": entry(shape=[1] * 65)}, bytes(24), "up to 64 sizes"),
        ({"a": {"dtype": "F32", "shape": [6], "data_offsets": [0]}}, bytes(24), "no data_offsets"),
        ({"a": {"dtype": "F32", "data_offsets": [0, 24]}}, bytes(24), "shape of 'a'"),
        ({"\x1b[31m": entry(offsets=(0, 4))}, bytes(24), "cannot have"),
    ],
)
def test_a_header_that_lies_is_refused(write, header, data, words):
    refused(write(header, data), words)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"GG", "claims"),
        (b"GGUF" + bytes(100), "looks like a GGUF file"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1234\n", "git lfs pull"),
        (b"<!doctype html><html>", "web page"),
        ((100 << 40).to_bytes(8, "little") + b"{}", "claims 109,951,162,777,600 bytes"),
    ],
)
def test_other_files_are_refused(tmp_path, content, words):
    path = tmp_path / "net.safetensors"
    path.write_bytes(content)
    refused(path, words)


def test_a_terabyte_of_header_is_not_read(tmp_path):
    path = tmp_path / "net.safetensors"
    path.write_bytes((1 << 40).to_bytes(8, "little") + b"{")
    os.truncate(path, 2 << 40)
    refused(path, "claims 1,099,511,627,776 bytes", megabytes=2)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "net.safetensors")
    refused(tmp_path / "net.safetensors", "not a regular file")


def test_values_of_a_file_that_is_gone_say_so(write):
    path = write(ONE)
    reading = read(path)
    path.unlink()
    with pytest.raises(LookupError, match="no longer exists"):
        list(reading.weights.chunks(0))
    with pytest.raises(LookupError, match="has no parameter 7"):
        reading.weights.chunks(7)


# Sharded


@pytest.fixture
def sharded(tmp_path):
    """Write shards, and an index of them."""

    def files(shards, weight_map=None, **index):
        for name, header in shards.items():
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True, parents=True)
            path.write_bytes(safetensors_bytes(header))
            os.truncate(path, path.stat().st_size + max(e["data_offsets"][1] for e in header.values()))
        if weight_map is None:
            weight_map = {tensor: name for name, header in shards.items() for tensor in header}
        path = tmp_path / "model.safetensors.index.json"
        path.write_text(json.dumps({"metadata": {"total_size": 48}, "weight_map": weight_map, **index}))
        return path

    return files


def test_shards_are_one_checkpoint(sharded):
    path = sharded({"one.safetensors": ONE, "two.safetensors": {"b.weight": entry()}})
    graph = graph_of(path)
    assert sorted(tensors(graph)) == ["a/weight", "b/weight"]
    assert {("total_size", 48), ("files", 2)} <= set(graph.layers[0].settings)
    assert graph.name == path.parent.name  # all indexes are called "model"
    assert list(values(path)["b/weight"]) == [0] * 6


def test_seven_hundred_gigabytes_open_by_their_headers_alone(sharded, tmp_path):
    """150 files of 4.7 GB with holes: reading them would take minutes, and more memory than there is."""
    each, tensors_each = 4_700_000_000, 60
    size = each // tensors_each // 2
    shards = {}
    for shard in range(150):
        names = [f"model.layers.{shard}.experts.{i}.weight" for i in range(tensors_each)]
        header = {n: entry("BF16", (size,), (2 * size * i, 2 * size * (i + 1))) for i, n in enumerate(names)}
        shards[f"model-{shard:05}-of-00150.safetensors"] = header
    path = sharded(shards)
    tracemalloc.start()
    reading = read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    found = Metrics(reading.graph).totals
    assert len(reading.graph.parameters) == 9_000
    assert (found["params"], found["bytes"]) == (9_000 * size, 9_000 * size * 2)
    assert found["bytes"] > 700_000_000_000
    assert peak < 40 << 20
    assert next(iter(reading.weights.chunks(8_999))).shape == (1 << 20,)


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../net.safetensors", "a/../../b", "a\0b", "", "..\\b", "..", "a" * 300]
)
def test_names_of_shards_stay_in_the_folder(sharded, name):
    refused(
        sharded({"one.safetensors": ONE}, {"a": name}), "outside the folder|which is not a file name|cannot be resolved"
    )


def test_a_link_out_of_the_folder_is_not_followed(sharded, tmp_path, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "one.safetensors"
    elsewhere.write_bytes(safetensors_bytes(ONE, bytes(24)))
    (tmp_path / "one.safetensors").symlink_to(elsewhere)
    refused(sharded({}, {"a.weight": "one.safetensors"}), "outside the folder")
    (tmp_path / "one.safetensors").unlink()
    (tmp_path / "one.safetensors").symlink_to(tmp_path / "one.safetensors")
    refused(sharded({}, {"a.weight": "one.safetensors"}), "cannot be resolved|missing")


def test_the_cache_of_hugging_face_links_to_its_own_blobs(tmp_path):
    blobs, snapshot = tmp_path / "models--x" / "blobs", tmp_path / "models--x" / "snapshots" / "abc"
    blobs.mkdir(parents=True)
    snapshot.mkdir(parents=True)
    (blobs / "1").write_bytes(safetensors_bytes(ONE, bytes(24)))
    (snapshot / "one.safetensors").symlink_to("../../blobs/1")
    (snapshot / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a.weight": "one.safetensors"}}))
    assert list(tensors(graph_of(snapshot / "model.safetensors.index.json"))) == ["a/weight"]


def test_missing_shards_are_named(sharded):
    path = sharded(
        {"one.safetensors": ONE}, {"a.weight": "one.safetensors", "b": "two.safetensors", "c": "3.safetensors"}
    )
    refused(path, r"Missing files of .* \(2 of 3\): 'two.safetensors' and others")


def test_an_index_that_does_not_fit_its_files_is_refused_or_says_what_is_left_out(sharded):
    refused(
        sharded({"one.safetensors": ONE}, {"b": "one.safetensors"}),
        "'b' in the file 'one.safetensors', which does not contain it",
    )
    path = sharded(
        {"one.safetensors": {"a": entry(), "b": entry(shape=(0,), offsets=(24, 24))}}, {"a": "one.safetensors"}
    )
    assert any("Not shown: 1 tensor in the files" in d.message for d in graph_of(path).diagnostics)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("{", "the index of a sharded checkpoint"),
        ("[]", "weight_map"),
        ('{"weight_map": {"a": 1}}', "weight_map"),
        ('{"weight_map": {}}', "lists no tensors"),
        ('{"weight_map": {"a": "x", "a": "y"}}', "'a' appears twice"),
        ('{"format": "nbviz model graph"}', "weight_map"),
    ],
)
def test_other_indexes_are_refused(tmp_path, text, words):
    path = tmp_path / "model.safetensors.index.json"
    path.write_text(text)
    refused(path, words)


def test_a_damaged_shard_is_named(sharded, tmp_path):
    path = sharded({"one.safetensors": ONE})
    (tmp_path / "one.safetensors").write_bytes(b"")
    with pytest.raises(FileReadError, match=r"one\.safetensors' is empty"):
        read(path)


# Anything


@FUZZ
@given(**EDITS)
@example(edits=[], keep=100)
def test_damaged_files_end_in_one_clear_error(tmp_path_factory, edits, keep):
    path = tmp_path_factory.getbasetemp() / "fuzz.safetensors"
    survives(path, mutated(safetensors_bytes(ONE | {"__metadata__": {"x": "y"}}, bytes(24)), edits, keep))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@FUZZ
@given(
    header=st.dictionaries(
        st.text(), JSON | st.fixed_dictionaries({"dtype": JSON, "shape": JSON, "data_offsets": JSON})
    )
)
def test_any_header_ends_in_a_graph_or_one_clear_error(tmp_path_factory, header):
    path = tmp_path_factory.getbasetemp() / "header.safetensors"
    survives(path, safetensors_bytes(header))
