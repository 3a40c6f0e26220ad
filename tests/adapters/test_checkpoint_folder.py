"""A folder is the one checkpoint that is in it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from nbviz.errors import FileReadError
from tests.adapters.checkpoint_reading import graph_of, refused, safetensors_bytes, tensors, values
from tests.adapters.test_checkpoint_gguf import ONE as GGUF
from tests.adapters.test_checkpoint_gguf import header, info


def one(name):
    return safetensors_bytes({name: {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}, bytes(8))


def index(**weight_map):
    return json.dumps({"weight_map": weight_map}).encode()


def npz(path):
    np.savez(path, w=np.ones(2))


@pytest.fixture
def fill(tmp_path):
    def folder(**files):
        for name, content in files.items():
            path = tmp_path / "net" / name
            path.parent.mkdir(exist_ok=True)
            content(path) if callable(content) else path.write_bytes(content)
        return tmp_path / "net"

    return folder


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"model.safetensors": one("a"), "config.json": b"{}"}, {"a"}),
        (
            {
                "model.safetensors.index.json": index(a="x.safetensors"),
                "x.safetensors": one("a"),
                "consolidated.safetensors": one("b"),
            },
            {"a"},
        ),
        ({f"model-0000{i}-of-00002.safetensors": one(f"t{i}") for i in (1, 2)}, {"t1", "t2"}),
        ({"net.gguf": GGUF, "tokenizer.bin": b""}, {"a/weight"}),
        ({f"net-0000{i}-of-00002.gguf": header(infos=[info(f"t{i}")]) + bytes(128) for i in (1, 2)}, {"t1", "t2"}),
        ({"arrays.npz": npz, "readme.md": b""}, {"w"}),
        ({"net.safetensors.index.fp16.json": index(a="x"), "x": one("a")}, {"a"}),
        (
            {
                "net.safetensors.index.json": index(a="x"),
                "net.safetensors.index.fp16.json": index(b="y"),
                "x": one("a"),
                "y": one("b"),
            },
            {"a"},
        ),
    ],
)
def test_what_is_inside_decides(fill, files, found):
    graph = graph_of(fill(**files))
    assert set(tensors(graph)) == found
    assert graph_of(str(fill(**files)) + "/") == graph


def test_files_of_pytorch_are_found_beside_what_training_leaves(fill):
    torch = pytest.importorskip("torch")

    def save(what):
        return lambda path: torch.save(what, path)

    files = {"pytorch_model.bin": save({"w": torch.ones(2)}), "optimizer.pt": save({}), "training_args.bin": b"x"}
    assert set(tensors(graph_of(fill(**files)))) == {"w"}


def test_shards_of_pytorch_are_one_checkpoint_whose_storages_are_their_own(fill):
    torch = pytest.importorskip("torch")

    def save(name, value):
        return lambda path: torch.save({name: torch.full((3,), value)}, path)

    shards = {f"pytorch_model-{i}-of-2.bin": save(f"t.{i}", float(i)) for i in (1, 2)}
    weight_map = {f"t.{i}": f"pytorch_model-{i}-of-2.bin" for i in (1, 2)}
    folder = fill(**shards, **{"pytorch_model.bin.index.json": index(**weight_map)})
    graph = graph_of(folder)
    assert (graph.name, graph.framework) == ("net", "PyTorch")
    assert {name: list(found) for name, found in values(folder).items()} == {"t/1": [1] * 3, "t/2": [2] * 3}
    refused(
        fill(**{"pytorch_model.bin.index.json": index(**{"t.1": "pytorch_model-2-of-2.bin"})})
        / "pytorch_model.bin.index.json",
        "does not contain it",
    )


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"readme.md": b""}, r"looked in it for saved_model.*it holds 1 file: 'readme.md'"),
        ({"saved_model.pb": b""}, "is empty"),
        (
            {"a.safetensors": one("a"), "b.safetensors": one("b")},
            "several checkpoints: 'a.safetensors', 'b.safetensors'",
        ),
        ({"a.gguf": GGUF, "b.gguf": GGUF}, "several checkpoints"),
        ({"a-1-of-2.safetensors": one("a")}, "1 of the 2 parts"),
        ({"model.onnx": b"?"}, r"1 file: 'model.onnx'. Pass the path of the model: '.*net.model\.onnx'\.$"),
        ({"manifest.ocdbt": b"?"}, "looks like an Orbax checkpoint: read it with orbax"),
        ({"__0_0.distcp": b"?"}, "distributed PyTorch checkpoint: convert it with dcp_to_torch_save"),
        ({"flax_model.msgpack": b"?"}, "looks like a Flax file: read it with flax"),
        ({f"a-{i}-of-3.gguf": GGUF for i in (1, 2)}, "2 of the 3 parts"),
    ],
)
def test_other_folders_are_refused(fill, files, words):
    refused(fill(**files), words)


def test_a_folder_of_folders_names_those_that_can_be_read(fill):
    folder = fill(**{"model_index.json": b"{}"})
    for name in ("unet", "vae", "scheduler", ".cache"):
        (folder / name).mkdir()
    for name in ("unet", "vae", ".cache"):
        (folder / name / "net.safetensors").write_bytes(one("a"))
    (folder / "elsewhere").symlink_to("/")
    refused(folder, r"1 file: 'model_index.json'. Pass the path of a folder inside it: 'unet', 'vae'\.$")


def test_models_and_snapshots_further_down_are_named(fill):
    folder = fill(**{"config.json": b"{}"})
    for inner in ("onnx", "snapshots/abc"):
        (folder / inner).mkdir(parents=True)
    (folder / "onnx" / "model.onnx").write_bytes(b"?")
    (folder / "blob").write_bytes(one("a"))
    (folder / "blob").rename(folder / "snapshots" / "abc" / "net.safetensors")
    said = r"Pass the path of a folder inside it: 'snapshots/abc'. Pass the path of a model inside it: 'onnx/model.onnx'\.$"
    refused(folder, said)


def test_folders_of_other_libraries_are_named_further_down(fill):
    folder = fill(**{"readme.md": b""})
    (folder / "0" / "default").mkdir(parents=True)
    (folder / "0" / "default" / "manifest.ocdbt").write_bytes(b"?")
    (folder / "0" / "_CHECKPOINT_METADATA").write_bytes(b"{}")
    refused(folder, r"'0/default' looks like an Orbax checkpoint: .*restore\(os\.path\.abspath\(folder\)\)")
    refused(folder / "0", r"'default' looks like an Orbax checkpoint")


def test_a_model_beside_a_checkpoint_is_named(fill):
    graph = graph_of(fill(**{"lora.safetensors": one("a"), "model.onnx": b"?"}))
    assert any(
        "also holds a model that is not shown. To view it, pass the path" in d.message for d in graph.diagnostics
    )


def test_the_index_of_a_variant_is_read_by_its_name(fill):
    path = (
        fill(**{"model.safetensors.index.fp16.json": index(a="x"), "x": one("a")}) / "model.safetensors.index.fp16.json"
    )
    graph = graph_of(path)
    assert (set(tensors(graph)), graph.name) == ({"a"}, "net")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (
            "blob",
            one("a"),
            "It looks like a safetensors file (.safetensors). Give it the suffix '.safetensors', or link",
        ),
        ("net.pt", one("a"), "It looks like a safetensors file (.safetensors)."),
        ("net.msgpack", b"?", "It looks like a Flax file: read it with flax.serialization"),
        ("blob", b"PK\x03\x04", "It looks like a zip archive (.npz, .pt, .keras)."),
    ],
)
def test_what_a_file_of_another_name_looks_like_is_said(fill, name, content, said):
    assert said in refused(fill(**{name: content}) / name, "looks like")


def test_a_part_by_itself_says_how_many_there_are(fill):
    torch = pytest.importorskip("torch")

    files = {"model-00001-of-00006.safetensors": one("a"), "model-00001-of-00001.safetensors": one("a")}
    folder = fill(**files, **{"model-00002-of-00006.bin": lambda path: torch.save({"w": torch.ones(2)}, path)})
    said = {file.name: [d.message for d in graph_of(file).diagnostics[1:]] for file in folder.iterdir()}
    alone = ["Parts shown: 1 of 6. To see the whole model, view the folder that contains all parts."]
    assert said.pop("model-00001-of-00001.safetensors") == []
    assert list(said.values()) == [alone, alone]


def test_one_name_in_two_shards_is_refused(fill):
    with pytest.raises(FileReadError, match="'a' is also in another file"):
        graph_of(fill(**{f"m-{i}-of-2.safetensors": one("a") for i in (1, 2)}))
    for i in (1, 2):
        (fill() / f"m-{i}-of-2.safetensors").unlink()
    with pytest.raises(FileReadError, match=r"'a\.weight' is also in 'm-1-of-2\.gguf'"):
        graph_of(fill(**{f"m-{i}-of-2.gguf": GGUF for i in (1, 2)}))


def test_links_out_of_the_folder_are_not_followed(fill, tmp_path):
    (tmp_path / "elsewhere.safetensors").write_bytes(one("secret"))
    folder = fill(**{"readme.md": b""})
    (folder / "model.safetensors").symlink_to(tmp_path / "elsewhere.safetensors")
    refused(folder, "looked in it for")
    (folder / "real.safetensors").write_bytes(one("a"))
    assert set(tensors(graph_of(folder))) == {"a"}


def test_a_saved_model_without_tensorflow_names_what_to_install(fill):
    folder = fill(**{"saved_model.pb": b"\x08\x01"})
    code = f"""
import sys
sys.modules["tensorflow"] = None
from nbviz.adapters import read
from nbviz.errors import MissingExtraError
try:
    read({str(folder)!r})
except MissingExtraError as error:
    print(error)
"""
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "pip install tensorflow" in told.stdout


def test_an_empty_folder_says_what_was_looked_for(tmp_path):
    refused(tmp_path, "it holds no files")


def test_a_link_out_of_the_folder_is_named_with_the_path_to_pass(fill, tmp_path):
    (tmp_path / "elsewhere.safetensors").write_bytes(one("a"))
    folder = fill(**{"readme.md": b""})
    link = folder / "model.safetensors"
    link.symlink_to(tmp_path / "elsewhere.safetensors")
    (folder / "gone.safetensors").symlink_to(tmp_path / "nowhere")
    said = refused(folder, r"'model\.safetensors' is a link that points outside the folder, .*: pass the path")
    assert repr(str(link)) in said
    assert "gone" not in said
    assert set(tensors(graph_of(link))) == {"a"}


def test_shards_of_pytorch_are_joined_without_an_index(fill):
    torch = pytest.importorskip("torch")

    def save(name, value):
        return lambda path: torch.save({name: torch.full((3,), value)}, path)

    folder = fill(**{f"pytorch_model-0000{i}-of-00002.bin": save(f"t.{i}", float(i)) for i in (1, 2)})
    assert {name: list(found) for name, found in values(folder).items()} == {"t/1": [1] * 3, "t/2": [2] * 3}
    assert graph_of(folder).framework == "PyTorch"
    fill(**{"pytorch_model-00002-of-00002.bin": save("t.1", 3.0)})
    refused(folder, r"'t\.1' is also in another file of the folder")
    (folder / "pytorch_model-00002-of-00002.bin").unlink()
    refused(folder, "1 of the 2 parts")


@contextlib.contextmanager
def closed(folder, mode):
    """Set the permissions of a folder, and be somebody to whom they apply meanwhile."""
    user = os.geteuid()
    folder.chmod(mode)
    try:
        if user == 0:
            os.seteuid(65534)
        yield
    finally:
        if user == 0:
            os.seteuid(user)
        folder.chmod(0o755)


@pytest.fixture
def anybodys():
    folder = Path(tempfile.mkdtemp())  # the folders of pytest are closed to all others
    folder.chmod(0o755)
    (folder / "net").mkdir()
    (folder / "net" / "a.safetensors").write_bytes(one("a"))
    graph_of(folder / "net")  # imports what it needs, which may be closed to others as well
    yield folder / "net"
    shutil.rmtree(folder)


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="the system has no such permissions")
@pytest.mark.parametrize(
    ("mode", "name", "words"),
    [
        (0o000, "", "net' cannot be opened: Permission denied"),
        (0o444, "", "net' cannot be opened: Permission denied"),
        (0o111, "", "net' cannot be listed: Permission denied"),
        (0o000, "b.onnx", "cannot be opened: Permission denied"),
        (0o111, "b.onnx", "There is no file .*b.onnx'. Paths are relative"),
    ],
)
def test_a_folder_that_is_closed_to_us_says_so(anybodys, mode, name, words):
    with closed(anybodys, mode):
        refused(anybodys / name, words)


@pytest.mark.parametrize(("file", "name"), [("model", "net"), ("adapter_model", "net"), ("t5-small", "t5-small")])
def test_a_folder_with_a_file_of_the_usual_name_is_called_after_itself(fill, file, name):
    folder = fill(**{f"{file}.safetensors": one("a")})
    assert graph_of(folder).name == name
    assert graph_of(folder / f"{file}.safetensors").name == file


def test_the_nearest_name_is_a_path(fill):
    folder = fill(**{"model.safetensors": one("a")})
    said = refused(folder / "modle.safetensors", "Did you mean")
    assert f"Did you mean {str(folder / 'model.safetensors')!r}?" in said
