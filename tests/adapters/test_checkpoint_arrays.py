"""Arrays that NumPy has saved: shapes and sizes by headers alone, and no pickle is opened."""

from __future__ import annotations

import io
import os
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import example, given

from nbviz.adapters import read
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

ARRAYS = {
    "params/dense/kernel": np.arange(12, dtype="float32").reshape(3, 4),
    "params/dense/bias": np.arange(4, dtype=">f8"),
    "encoder.0.scale": np.array(2, "int16"),
    "turned": np.asfortranarray(np.arange(6, dtype="complex64").reshape(2, 3)),
    "empty": np.zeros((0, 5), bool),
}


def npy(text, data=b"", version=(1, 0)):
    length = struct.pack("<H" if version == (1, 0) else "<I", len(text))
    return b"\x93NUMPY" + bytes(version) + length + text.encode() + data


def archive(path, files, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return path


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_archive_is_a_tree_of_its_arrays(tmp_path, save):
    path = tmp_path / "net.npz"
    save(path, **ARRAYS)
    graph = graph_of(path)
    assert (graph.name, graph.framework) == ("net", "NumPy")
    assert {"params/dense", "encoder/0"} <= graph.layer_index.keys()
    found, numbers = tensors(graph), values(path)
    assert Metrics(graph).totals["params"] == sum(a.size for a in ARRAYS.values())
    for name, array in ARRAYS.items():
        at = name if "/" in name else name.replace(".", "/")
        assert found[at] == (array.shape, array.dtype.name, array.nbytes, array.size)
        assert np.array_equal(numbers[at], array.reshape(-1, order="A"))


def test_one_array_is_one_tensor(tmp_path):
    np.save(tmp_path / "kernel.npy", ARRAYS["params/dense/kernel"])
    assert tensors(graph_of(tmp_path / "kernel.npy")) == {"kernel": ((3, 4), "float32", 48, 12)}
    assert list(values(tmp_path / "kernel.npy")["kernel"]) == list(range(12))


def test_arrays_of_objects_are_not_opened(tmp_path):
    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "bombed"),)

    np.savez(tmp_path / "net.npz", w=np.ones(2), bomb=np.array([Bomb()], dtype=object), names=np.array(["a", "b"]))
    graph = graph_of(tmp_path / "net.npz")
    assert list(tensors(graph)) == ["w"]
    said = {d.message.split(",")[0]: d.level for d in graph.diagnostics}
    assert said["bomb.npy holds pickled Python objects (never loaded)"] == "warning"
    assert said["names.npy holds values of the type <U1"] == "note"
    assert "bomb.npy" in str(read(tmp_path / "net.npz").error)
    np.save(tmp_path / "bomb.npy", np.array([Bomb()], dtype=object))
    refused(tmp_path / "bomb.npy", "holds pickled Python objects")
    assert not (tmp_path / "bombed").exists()


def test_types_that_numpy_does_not_know_have_their_size(tmp_path):
    types = pytest.importorskip("ml_dtypes")
    np.savez(tmp_path / "net.npz", w=np.ones((2, 3), types.bfloat16))
    assert tensors(graph_of(tmp_path / "net.npz"))["w"] == ((2, 3), "void16", 12, 6)
    with pytest.raises(LookupError, match="of an unknown type"):
        list(read(tmp_path / "net.npz").weights.chunks(0))


def test_an_array_larger_than_memory_is_read_by_its_header(tmp_path):
    path, count = tmp_path / "kernel.npy", 250_000_000_000
    header = npy(f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({count},)}}\n")
    path.write_bytes(header)
    os.truncate(path, len(header) + 4 * count)
    tracemalloc.start()
    assert tensors(read(path).graph) == {"kernel": ((count,), "float32", 4 * count, count)}
    assert tracemalloc.get_traced_memory()[1] < 2 << 20
    tracemalloc.stop()


ONE = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "cannot be read"),
        (b"hello there", "magic"),
        (npy(ONE), "claims 2 values of 4 bytes, but has 0 bytes"),
        (npy(ONE, bytes(9)), "claims 2 values of 4 bytes, but has 9 bytes"),
        (npy(ONE.replace("(2,)", "(1 << 60,)"), bytes(8)), "cannot be read"),
        (npy(ONE.replace("(2,)", f"({1 << 62}, {1 << 62})"), bytes(8)), "claims"),
        (npy(ONE.replace("(2,)", "(-2,)"), bytes(8)), "a size of"),
        (npy(ONE.replace("(2,)", "(True,)"), bytes(1)), "shape|a size"),
        (npy(ONE.replace("'<f4'", "__import__('os')"), bytes(8)), "cannot be read"),
        (npy("(" * 5000), "cannot be read"),
        (npy("x" * 60_000), "cannot be read"),
        (npy(ONE, bytes(8), (3, 0)), "version 3.0"),
        (npy(ONE, bytes(8), (9, 9)), "version"),
        (b"\x93NUMPY\x02\x00" + struct.pack("<I", (1 << 32) - 1) + bytes(100), "larger than 65,536 bytes"),
    ],
)
def test_headers_that_lie_are_refused(tmp_path, content, words):
    refused(archive(tmp_path / "net.npz", {"w.npy": content}), words)
    if content:
        (tmp_path / "w.npy").write_bytes(content)
        refused(tmp_path / "w.npy", words)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (npy(ONE.replace("(2,)", "(-2,)"), bytes(8)), r"a size of 'enc/w\.npy' is -2, which is not valid\."),
        (npy(ONE.replace("'<f4'", "made()"), bytes(8)), r"'enc/w\.npy' does not start with a valid array header\."),
        (b"hello there", r"'enc/w\.npy' does not start with a valid array header: the magic string"),
        (npy(ONE, bytes(8), (3, 0)), r"'enc/w\.npy' .*version 3\.0 is for structured arrays"),
    ],
)
def test_what_is_wrong_with_an_array_of_an_archive_names_it(tmp_path, content, words):
    good = npy(ONE, bytes(8))
    said = refused(archive(tmp_path / "net.npz", {"a.npy": good, "enc/w.npy": content, "z.npy": good}), words)
    assert "ast." not in said


def test_a_header_that_unpacks_without_end_is_cut_short(tmp_path):
    start = b"\x93NUMPY\x02\x00" + struct.pack("<I", 300 << 20)
    path = archive(tmp_path / "net.npz", {"w.npy": start + bytes(100 << 20)}, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 1 << 20
    refused(path, "larger than 65,536 bytes", megabytes=2)


def test_archives_of_other_things_are_refused(tmp_path):
    refused(archive(tmp_path / "net.npz", {"word/document.xml": b"<x/>"}), "holds no array")
    (tmp_path / "hello.npz").write_bytes(b"hello")
    refused(tmp_path / "hello.npz", "cannot be read")
    (tmp_path / "empty.npz").write_bytes(b"")
    refused(tmp_path / "empty.npz", "is empty")
    with zipfile.ZipFile(tmp_path / "twice.npz", "w") as made:
        made.writestr("w.npy", npy(ONE, bytes(8)))
        with pytest.warns(UserWarning, match="Duplicate name"):
            made.writestr("w.npy", npy(ONE, bytes(8)))
    refused(tmp_path / "twice.npz", "the same name")


@pytest.mark.parametrize("name", [name for name in HOSTILE if name])
def test_names_are_text(tmp_path, name):
    graph = graph_of(archive(tmp_path / "net.npz", {f"{name}.npy": npy(ONE, bytes(8))}))
    assert len(graph.parameters) == 1
    assert not any(
        {"\x1b", "\u202e"} & set(text) for text in (*graph.layers.column("path"), *graph.parameters.column("name"))
    )


def saved(save):
    made = io.BytesIO()
    save(made, **{"a/w": np.ones((2, 3), "float32"), "b": np.ones(2)})
    return made.getvalue()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_damaged_archives_end_in_one_clear_error(tmp_path, save):
    content = saved(save)

    @FUZZ
    @given(**EDITS)
    @example(edits=[], keep=100)
    def damage(edits, keep):
        survives(tmp_path / "fuzz.npz", mutated(content, edits, keep))

    damage()


@FUZZ
@given(**EDITS)
def test_damaged_arrays_end_in_one_clear_error(tmp_path_factory, edits, keep):
    made = io.BytesIO()
    np.save(made, np.ones((2, 3)))
    survives(tmp_path_factory.getbasetemp() / "fuzz.npy", mutated(made.getvalue(), edits, keep))
