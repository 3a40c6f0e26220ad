"""GGUF files: names, shapes, types and sizes are those of the ``gguf`` package, which wrote them."""

from __future__ import annotations

import os
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given

from nbviz.adapters import read
from nbviz.adapters.checkpoints.ggml import FILE_TYPES, KINDS
from nbviz.metrics import Metrics
from tests.adapters.checkpoint_reading import (
    EDITS,
    FUZZ,
    HOSTILE,
    graph_of,
    mutated,
    refused,
    survives,
    tensors,
    values,
)

STRING, ARRAY, U32, U64 = 8, 9, 4, 10


def text(value):
    raw = value if isinstance(value, bytes) else value.encode()
    return struct.pack("<Q", len(raw)) + raw


def key(name, kind, value):
    return text(name) + struct.pack("<I", kind) + value


def info(name, shape=(8, 4), kind=0, offset=0):
    return text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)


def header(keys=(), infos=(), *, version=3, tensors=None, count=None):
    start = struct.pack(
        "<4sIQQ", b"GGUF", version, len(infos) if tensors is None else tensors, len(keys) if count is None else count
    )
    made = start + b"".join(keys) + b"".join(infos)
    return made + bytes(-len(made) % 32)


ONE = header([key("general.architecture", STRING, text("llama"))], [info("a.weight")]) + bytes(128)


@pytest.fixture
def write(tmp_path):
    def file(content, name="net.gguf"):
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    return file


@pytest.mark.parametrize("endian", ["LITTLE", "BIG"])
def test_a_file_is_what_the_library_wrote(tmp_path, endian):
    gguf = pytest.importorskip("gguf")
    path = tmp_path / "net.gguf"
    writer = gguf.GGUFWriter(path, "llama", endianess=gguf.GGUFEndian[endian])
    writer.add_name("Tiny")
    writer.add_context_length(4096)
    writer.add_file_type(15)
    writer.add_layer_norm_rms_eps(0.5)
    writer.add_bool("tiny.yes", True)
    writer.add_token_list([f"token{i}" for i in range(1000)])
    writer.add_token_scores([0.5] * 1000)
    writer.add_array("rope.sections", [1, 2, 3])
    rng = np.random.default_rng(0)
    arrays = {
        "blk.0.attn_q.weight": rng.normal(size=(6, 8)).astype("float32"),
        "blk.0.attn_q.bias": rng.normal(size=6).astype("float16"),
        "blk.1.ids": np.arange(8, dtype="int32"),
        "blk.1.wide": rng.normal(size=(2, 3, 4)),
    }
    for name, array in arrays.items():
        writer.add_tensor(name, array.copy())
    packed = rng.integers(0, 255, (4, 144), "uint8")
    writer.add_tensor("output.weight", packed, raw_dtype=gguf.GGMLQuantizationType.Q4_K)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()

    graph = graph_of(path)
    assert (graph.name, graph.framework, graph.layers[0].type) == ("Tiny", "GGUF", "llama")
    settings = dict(graph.layers[0].settings)
    assert settings["quantization"] == "Q4_K_M"
    assert settings["llama.context_length"] == 4096
    assert settings["llama.attention.layer_norm_rms_epsilon"] == 0.5
    assert settings["tiny.yes"] is True
    assert settings["tokenizer.ggml.tokens"] == "1,000 x string"
    assert settings["tokenizer.ggml.scores"] == "1,000 x float32"
    assert settings["rope.sections"] == (1, 2, 3)
    found, numbers = tensors(graph), {}
    for parameter in graph.parameters:
        if parameter.dtype != "q4_k":
            numbers[f"{parameter.owners[0]}/{parameter.name}"] = np.concatenate(
                list(read(path).weights.chunks(parameter.id))
            )
    for name, array in arrays.items():
        at = name.replace(".", "/")
        assert found[at] == (array.shape, str(array.dtype), array.nbytes, array.size)
        assert np.array_equal(numbers[at], array.reshape(-1))
    assert found["output/weight"] == ((4, 256), "q4_k", 4 * 144, 1024)
    assert [p.trainable for p in graph.parameters if p.dtype == "q4_k"] == [False]


def test_sizes_of_all_types_are_the_librarys():
    gguf = pytest.importorskip("gguf")
    assert set(KINDS) >= {int(kind) for kind in gguf.GGML_QUANT_SIZES}
    for kind, (block, taken) in gguf.GGML_QUANT_SIZES.items():
        if kind.name != "Q8_1":  # never in a file; 40 bytes there, 36 in the struct since its sum is half precision
            assert KINDS[int(kind)][1:] == (block, taken), kind
    names = {int(kind): kind.name.removeprefix("MOSTLY_").removeprefix("ALL_") for kind in gguf.LlamaFileType}
    assert {number: names[number] for number in FILE_TYPES if number in names} == {
        number: name for number, name in FILE_TYPES.items() if number in names
    }


@pytest.mark.parametrize("number", sorted(KINDS))
def test_each_type_has_its_stored_and_its_logical_size(write, number):
    name, block, taken = KINDS[number]
    graph = graph_of(write(header(infos=[info("a.weight", (block * 2, 3), number)]) + bytes(6 * taken)))
    assert tensors(graph)["a/weight"] == ((3, block * 2), name, 6 * taken, block * 6)


def test_a_large_vocabulary_is_passed_over(write):
    tokens = b"".join(text(f"token number {i}") for i in range(128_256))
    keys = [key("tokenizer.ggml.tokens", ARRAY, struct.pack("<IQ", STRING, 128_256) + tokens)]
    path = write(header(keys, [info("a.weight")]) + bytes(128))
    tracemalloc.start()
    graph = read(path).graph
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert ("tokenizer.ggml.tokens", "128,256 x string") in graph.layers[0].settings
    assert peak < 4 << 20


def test_arrays_in_an_array_are_read(write):
    pair = struct.pack("<IQII", U32, 2, 1, 2)
    path = write(header([key("net.few", ARRAY, struct.pack("<IQ", ARRAY, 2) + pair * 2)], [info("w")]) + bytes(256))
    assert dict(graph_of(path).layers[0].settings)["net.few"] == ((1, 2), (1, 2))
    path = write(header([key("net.many", ARRAY, struct.pack("<IQ", ARRAY, 99) + pair * 99)], [info("w")]) + bytes(256))
    assert dict(graph_of(path).layers[0].settings)["net.many"] == "99 x array"


def test_a_file_larger_than_memory_opens_by_its_header(write):
    infos = [info(f"blk.{i}.weight", (1 << 20, 1 << 14), 12, i * (144 << 26)) for i in range(64)]
    path = write(header(infos=infos))
    os.truncate(path, path.stat().st_size + 64 * (144 << 26))
    found = Metrics(graph_of(path)).totals
    assert found["params"] == 64 << 34
    assert found["bytes"] == 64 * (144 << 26) > 600_000_000_000


def test_versions_two_and_three_are_read_and_one_is_not(write):
    two = header(infos=[info("a.weight")], version=2) + bytes(128)
    assert dict(graph_of(write(two)).layers[0].settings)["GGUF version"] == 2
    refused(write(header(version=1)), r"is a GGUF file of version 1, but .* newer llama\.cpp\.$")
    refused(write(header(version=4)), r"version 4, but nbviz reads versions 2 and 3\. Update nbviz\.$")


@pytest.mark.parametrize("version", [0, 5000])
def test_a_number_that_is_no_version_is_damage(write, version):
    refused(write(header(version=version)), rf"claims format version {version:,}\. Copy, download or save it again")


def test_a_type_of_the_future_has_a_shape_and_no_bytes(write):
    path = write(header(infos=[info("a.weight", kind=77), info("b.weight", offset=1024)]) + bytes(2048))
    graph = graph_of(path)
    assert tensors(graph)["a/weight"] == ((4, 8), "ggml type 77", None, 32)
    assert Metrics(graph).totals["bytes"] is None
    assert any("ggml type 77" in d.message for d in graph.diagnostics)


def test_a_part_of_a_split_model_says_so(write):
    graph = graph_of(write(header([key("split.count", 2, struct.pack("<H", 3))], [info("a.weight")]) + bytes(128)))
    assert any("1 of 3" in d.message for d in graph.diagnostics)


def test_alignment_is_the_files_own(write):
    start = header([key("general.alignment", U32, struct.pack("<I", 64))], [info("a"), info("b", offset=128)])
    path = write(start + bytes(-len(start) % 64) + bytes(128) + np.arange(32, dtype="float32").tobytes())
    assert list(values(path)["b"]) == list(range(32))


@pytest.mark.parametrize("name", HOSTILE)
def test_names_and_metadata_are_text(write, name):
    keys = [key(f"k{name}", STRING, text(name)), key("general.name", STRING, text(name))]
    graph = graph_of(write(header(keys, [info(name)]) + bytes(128)))
    shown = [graph.name, *graph.layers.column("path"), *graph.parameters.column("name")]
    for value in [*shown, *(part for setting in graph.layers[0].settings for part in setting)]:
        assert "\x1b" not in str(value)
        assert len(str(value)) < 1000


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"GGUF", "version 0"),
        (b"GGML" + bytes(100), "letters GGUF"),
        (b"PK\x03\x04" + bytes(100), "zip archive"),
        (ONE[:20], "ends early"),
        (ONE[:60], "ends early|more data than the file holds"),
        (ONE[:-1], "'a.weight' ends at byte"),
        (header(tensors=1 << 60), "tensors and"),
        (header(count=1 << 60), "metadata keys"),
        (header(tensors=1000), "ends early"),
        (header([text(b"") + struct.pack("<I", 13)]), "unknown type 13"),
        (header([key("a", STRING, struct.pack("<Q", 1 << 63))]), "a string of"),
        (header([struct.pack("<Q", 1 << 62)]), "a string of"),
        (header([key("a", ARRAY, struct.pack("<IQ", U64, 1 << 61))]), "more data than the file holds"),
        (header([key("a", ARRAY, struct.pack("<IQ", STRING, 1 << 40))]), "strings"),
        (header([key("a", ARRAY, struct.pack("<IQ", STRING, 1 << 20))]), "ends early"),
        (header([key("a", ARRAY, struct.pack("<IQ", 13, 1))]), "array of the unknown type 13"),
        (header([key("a", ARRAY, struct.pack("<IQ", ARRAY, 1) * 20)]), "nested more than 8 levels deep"),
        (header([key("a", ARRAY, struct.pack("<IQ", ARRAY, 1 << 40))]), "strings and nested arrays"),
        (header([key("a", U32, bytes(4))] * 2), "'a' appears twice"),
        (header(infos=[info("a"), info("a", offset=128)]) + bytes(256), "'a' appears twice"),
        (
            header(infos=[info("a"), info("b", offset=32)]) + bytes(256),
            "'b' begins at byte 32, which is inside another",
        ),
        (header(infos=[info("a", offset=4)]) + bytes(256), "not aligned"),
        (header(infos=[info("a", offset=1 << 63)]) + bytes(256), "ends early"),
        (header(infos=[info("a", (1 << 40, 1 << 40))]) + bytes(256), "ends early"),
        (header(infos=[info("a", ((1 << 64) - 1,))]), "a size of 'a'"),
        (header(infos=[info("a", (33,), 2)]) + bytes(256), "blocks of 32"),
        (header(infos=[info("a", (1 << 31,) * 3, 99)]) + bytes(256), "64-bit number"),
        (header(infos=[text("a") + struct.pack("<I", 1 << 30)]), "axes"),
        (header([key("general.alignment", U32, struct.pack("<I", 0))]), "not a power of two"),
        (header([key("general.alignment", STRING, text("x"))]), "not a power of two"),
    ],
)
def test_a_header_that_lies_is_refused(write, content, words):
    refused(write(content), words)


def test_a_claim_in_a_huge_file_costs_no_time(write):
    """Counts are believed up to what real files have, not up to what fits a file with holes."""
    path = write(header([key("a", ARRAY, struct.pack("<IQ", STRING, 1 << 36))]))
    os.truncate(path, 1 << 42)
    refused(path, "strings", megabytes=2)


@FUZZ
@given(**EDITS)
@example(edits=[], keep=100)
def test_damaged_files_end_in_one_clear_error(tmp_path_factory, edits, keep):
    keys = [key("general.architecture", STRING, text("llama")), key("b", ARRAY, struct.pack("<IQII", U32, 2, 1, 2))]
    content = header(keys, [info("a.weight"), info("b.weight", (256,), 12, 128)]) + bytes(128 + 144)
    survives(tmp_path_factory.getbasetemp() / "fuzz.gguf", mutated(content, edits, keep))
