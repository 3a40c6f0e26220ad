"""Files and folders of formats that nbviz does not read: each says what it is, and what to do."""

from __future__ import annotations

import pytest

from nbviz.adapters import read
from nbviz.errors import SchemaError
from tests.adapters.checkpoint_reading import graph_of, refused, tensors
from tests.adapters.test_checkpoint_folder import fill, one

__all__ = ["fill"]

OPENVINO = b'<?xml version="1.0"?>\n<net name="main" version="11">'


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (
            "blob",
            b"\x80\x02\x8a\x0al",
            "written by torch.save before PyTorch 1.6 (.pt). Give it the suffix '.pt', or link",
        ),
        (
            "blob",
            b"\x80\x04\x95" + bytes(8) + b"}",
            "It looks like a pickle that torch.save did not write: if you trust it, load it",
        ),
        ("blob", (640).to_bytes(8, "little") + b"{", "It looks like a safetensors file (.safetensors). Give it"),
        ("blob", b"\x08\x08\x12\x07pytorch", "It looks like an ONNX model (.onnx). Give it the suffix '.onnx', or"),
        ("blob", b"\x1c\0\0\0TFL3", "It looks like a TFLite model (.tflite). Give it the suffix '.tflite', or"),
        ("net.pb", b"\x08\x08\x12\x07pytorch", "give an ONNX model the suffix '.onnx'."),
        ("net.xml", OPENVINO, "It looks like an OpenVINO model, which cannot be converted back: pass the ONNX"),
        (
            "net.onnx_txt",
            b"<\n   ir_version: 9,\n",
            "convert it with onnx.save(onnx.load(path), 'model.onnx')",
        ),
        (
            "net.textproto",
            b'ir_version: 8\nproducer_name: "pytorch"',
            "It looks like an ONNX model in text format: convert it with onnx.save",
        ),
        ("net.prototxt", b'name: "VGG"\ninput: "data"\n', "It looks like a Caffe model"),
        ("net.pbtxt", b'node {\n  name: "x"\n', "It looks like a TensorFlow graph in text format"),
        (
            "net.pb",
            b"?",
            "It looks like a TensorFlow graph: if it is frozen, convert it to ONNX with python -m tf2onnx.convert --graphdef",
        ),
        ("ck-1.index", b"?", "It looks like a TensorFlow checkpoint: open it with tf.train.load_checkpoint(path)"),
        ("ck-1.meta", b"?", "It looks like a TensorFlow checkpoint"),
        ("ck-1.data-00003-of-00010", b"?", "It looks like a TensorFlow checkpoint"),
        ("net.mlmodel", b"?", "It looks like a Core ML model"),
        ("net.PTE", b"?", "such as the exported program, a .pt2 file."),
        ("net.ort", b"?", "It looks like a model in ONNX Runtime's own format"),
        ("net.engine", b"?", "It looks like a TensorRT engine"),
        ("net.plan", b"?", "It looks like a TensorRT engine"),
        ("net.trt", b"?", "It looks like a TensorRT engine"),
        ("net.pdmodel", b"?", "convert it to ONNX with paddle2onnx"),
        ("net.pdiparams", b"?", "convert it to ONNX with paddle2onnx"),
        ("net.pdparams", b"\x80\x02}q\x00.", "pass the result of paddle.load(path, return_numpy=True)."),
        ("net.task", b"PK\x03\x04", "It looks like an archive that contains a model: unpack it"),
        ("page.xml", b"<?xml version='1.0'?>\n<Error>", "It looks like a web page"),
        ("net.bin", b"lmgg" + bytes(9), "It looks like a ggml file from before GGUF"),
    ],
)
def test_a_file_says_what_it_is_and_what_to_do(fill, name, content, said):
    assert said in refused(fill(**{name: content}) / name, "looks like")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"openvino_model.xml": OPENVINO, "openvino_model.bin": b"?"}, "looks like an OpenVINO model"),
        ({"net.xml": OPENVINO, "net.bin": b"?"}, "looks like an OpenVINO model"),
        ({"net.param": b"7767517\n1 1\n", "net.bin": b"?"}, "looks like an ncnn model"),
        ({"latest": b"step1", "zero_to_fp32.py": b""}, "DeepSpeed checkpoint in parts: run `python zero_to_fp32.py"),
        (
            {"mp_rank_00_model_states.pt": b"?", "zero_pp_rank_0_mp_rank_00_optim_states.pt": b"?"},
            "several checkpoints: .* looks like a DeepSpeed checkpoint in parts",
        ),
        ({"ck-1.index": b"?", "ck-1.data-00000-of-00002": b"?"}, "looks like a TensorFlow checkpoint"),
    ],
)
def test_a_folder_says_what_it_is_and_what_to_do(fill, files, words):
    refused(fill(**files), words)


def test_an_onnx_model_as_json_says_how_to_write_it_as_one(fill):
    path = fill(**{"net.json": b'{\n  "irVersion": "8",'}) / "net.json"
    with pytest.raises(SchemaError, match=r"It looks like an ONNX model in text format: convert it with onnx\.save"):
        read(path)


def test_a_file_of_another_format_is_not_to_be_downloaded_again(fill):
    folder = fill(**{"net.pt": b"lmgg" + bytes(9), "ov.xml": OPENVINO, "ov.bin": b"?"})
    assert "again" not in refused(folder / "net.pt", "ggml file")
    assert "again" not in refused(folder / "ov.bin", "holds the weights of another file next to it.*OpenVINO model")


@pytest.mark.parametrize(
    ("name", "content", "end"),
    [
        (
            "net.bin",
            b"GGUF\x03",
            "a GGUF file (.gguf). Give it the suffix '.gguf', or link to it under a name with that suffix.",
        ),
        ("net.gguf", b"PK\x03\x04", "a zip archive (.npz, .pt, .keras). Give it the suffix of what it is."),
        ("net.gguf", b"version https://git-lfs", "a Git LFS pointer; fetch the actual file with `git lfs pull`."),
        (
            "net.onnx",
            b"GGUF\x03",
            "a GGUF file (.gguf). Give it the suffix '.gguf', or link to it under a name with that suffix.",
        ),
        ("net.onnx", b"<html>", "a web page, perhaps from a failed download: download it again."),
    ],
)
def test_a_file_under_a_wrong_suffix_is_told_what_to_do_and_nothing_else(fill, name, content, end):
    if name.endswith(".onnx"):
        pytest.importorskip("onnx")
    assert refused(fill(**{name: content}) / name, "looks like").endswith(end)


@pytest.mark.parametrize("name", ["net.pt", "net.npz", "net.keras"])
def test_an_archive_without_its_end_is_truncated(fill, name):
    if name == "net.keras":
        pytest.importorskip("keras")
    refused(fill(**{name: b"PK\x03\x04" + bytes(50)}) / name, "it is truncated: its end is missing")


def test_a_checkpoint_that_is_named_by_how_its_files_begin_says_what_it_is(fill):
    folder = fill(**{"ck-1.index": b"?", "ck-1.data-00000-of-00001": b"?"})
    refused(
        folder / "ck-1",
        r"no file or folder .* What begins so looks like a TensorFlow checkpoint: open it with tf\.train",
    )


def test_weights_of_others_are_no_second_checkpoint(fill):
    torch = pytest.importorskip("torch")
    weights = {"pytorch_model.bin": lambda path: torch.save({"a": torch.zeros(3)}, path)}
    folder = fill(**weights, **{"openvino_model.xml": OPENVINO, "openvino_model.bin": b"?"})
    assert set(tensors(graph_of(folder))) == {"a"}


def test_what_is_in_a_package_of_core_ml_is_not_offered(fill):
    folder = fill(**{"readme.md": b""})
    weights = folder / "net.mlpackage" / "Data" / "com.apple.CoreML" / "weights"
    weights.mkdir(parents=True)
    (weights / "weight.bin").write_bytes(b"?")
    for path, what in ((folder, "'net.mlpackage'"), (folder / "net.mlpackage", "It")):
        assert "Pass the path" not in refused(path, f"{what} looks like a Core ML model")


def test_half_of_a_model_in_a_folder_below_is_named_with_that(fill):
    folder = fill(**{"readme.md": b""})
    (folder / "ov").mkdir()
    (folder / "ov" / "net.xml").write_bytes(OPENVINO)
    (folder / "ov" / "net.bin").write_bytes(b"?")
    assert "Pass" not in refused(folder, "'ov' looks like an OpenVINO model")


def test_a_folder_below_that_holds_weights_of_several_formats_is_named(fill):
    folder = fill(**{"readme.md": b""})
    (folder / "unet").mkdir()
    (folder / "unet" / "net.msgpack").write_bytes(b"?")
    (folder / "unet" / "net.safetensors").write_bytes(one("a"))
    refused(folder, r"Pass the path of a folder inside it: 'unet'\.$")
