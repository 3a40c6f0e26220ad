"""Recognizes formats that nbviz does not read, and says what to do with such a file or folder."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import AnyStr

_START = 128
_ONNX = "an ONNX model in text format: convert it with onnx.save(onnx.load(path), 'model.onnx') and pass the new file"
_OPENVINO = (
    "an OpenVINO model, which cannot be converted back: pass the ONNX, PyTorch or TensorFlow model that it was "
    "made from"
)
_NCNN = "an ncnn model, which cannot be converted back: pass the ONNX or PyTorch model that it was made from"
_DEVICE = "which is for inference only: pass the model that it was made from, such as the"
_PADDLE = "a PaddlePaddle inference model: convert it to ONNX with paddle2onnx, and pass the result"
_CAFFE = "a Caffe model: convert it to ONNX, and pass the result"
_GRAPH = (
    "a TensorFlow graph: if it is frozen, convert it to ONNX with python -m tf2onnx.convert --graphdef FILE "
    "--inputs x:0 --outputs y:0 --output model.onnx"
)

_NAMED = {
    r"^(_METADATA|manifest\.ocdbt)": (
        "an Orbax checkpoint: read it with "
        "orbax.checkpoint.StandardCheckpointer().restore(os.path.abspath(folder)) and pass the result"
    ),
    r"\.msgpack": (
        "a Flax file: read it with flax.serialization.msgpack_restore(open(path, 'rb').read()) and pass the "
        "returned dict"
    ),
    r"\.distcp": (
        "a distributed PyTorch checkpoint: convert it with dcp_to_torch_save(folder, 'model.pt') from "
        "torch.distributed.checkpoint.format_utils, and pass the new file"
    ),
    r"^zero_to_fp32\.py|_optim_states\.pt": (
        "a DeepSpeed checkpoint in parts: run `python zero_to_fp32.py . weights` in the folder with this script "
        "to merge them, and pass the result"
    ),
    r"\.(index|meta|data-\d+-of-\d+)": (
        "a TensorFlow checkpoint: open it with tf.train.load_checkpoint(path), where path is the folder, or a "
        "file without .index, .meta or .data-..., and pass a dict of its get_tensor(name) values"
    ),
    r"\.pb": f"{_GRAPH}; for a SavedModel, pass the path of its folder; give an ONNX model the suffix '.onnx'",
    r"^openvino_\w*\.xml": _OPENVINO,
    r"\.(mlmodel|mlpackage|mlmodelc)": f"a Core ML model, {_DEVICE} ONNX, PyTorch or Keras model",
    r"\.pte": f"an ExecuTorch program, {_DEVICE} exported program, a .pt2 file",
    r"\.ort": f"a model in ONNX Runtime's own format, {_DEVICE} ONNX model",
    r"\.(engine|plan|trt)": f"a TensorRT engine, {_DEVICE} ONNX model",
    r"\.(pdmodel|pdiparams)": _PADDLE,
    r"\.pdparams": "a PaddlePaddle checkpoint: pass the result of paddle.load(path, return_numpy=True)",
    r"\.caffemodel": _CAFFE,
    r"\.(mar|nemo|task)": "an archive that contains a model: unpack it (it is a zip or tar file) and pass the model",
}
"""By what a name ends in, or is."""

_BEGUN = {
    rb"\s*<\s*ir_version|\s*ir_version: ?\d|\s*\{\s*\"ir_?[vV]ersion\"": _ONNX,
    rb"\s*(<\?xml[^>]*>\s*)?<net\s": _OPENVINO,
    rb"\s*node \{": _GRAPH.replace("TensorFlow graph", "TensorFlow graph in text format"),
    rb"\s*(name: *\"[^\"]*\"\s*)?(layers? *\{|input: *\")": _CAFFE,
    rb"7767517\s": _NCNN,
    rb"(lmgg|tjgg|fmgg)": "a ggml file from before GGUF: pass the model that it was made from, or convert it to GGUF with llama.cpp",
    # torch.save begins with a whole number of ten bytes, and safetensors with the length of JSON
    rb"\x80[\x02-\x05](?!(\x95.{8})?\x8a\x0a|.{6}\{)": (
        "a pickle that torch.save did not write: if you trust it, load it with the library that wrote it, and "
        "pass its contents"
    ),
}
"""By how the contents begin."""


def _compiled(table: Mapping[AnyStr, str], ending: AnyStr) -> list[tuple[re.Pattern[AnyStr], str]]:
    return [(re.compile(pattern + ending, re.IGNORECASE | re.DOTALL), what) for pattern, what in table.items()]


_NAMES = _compiled({f"(?:{pattern})": what for pattern, what in _NAMED.items()}, "$")
_STARTS = _compiled(_BEGUN, b"")
_HALVES = {".xml": _OPENVINO, ".param": _NCNN}


def written_by_others(names: Iterable[str], what: str = "It") -> str:
    """Say what a file, or a folder of files with these names, looks like; ``""`` if nothing is known."""
    found = (said for name in names for pattern, said in _NAMES if pattern.search(name))
    return _said(next(found, ""), what)


def begun_by_others(path: Path) -> str:
    """Say what a file looks like by how it begins; ``""`` if nothing is known, or it cannot be read."""
    if not path.is_file():  # a pipe would never answer
        return ""
    try:
        with path.open("rb") as file:
            start = file.read(_START)
    except OSError:
        return ""
    return _said(next((said for pattern, said in _STARTS if pattern.match(start)), ""), "It")


def half_of_others(path: Path, what: str = "It") -> str:
    """Say what a ``.bin`` belongs to, whose other half lies beside it under the same name; that is not opened."""
    if path.suffix.lower() != ".bin":
        return ""
    return _said(next((said for suffix, said in _HALVES.items() if path.with_suffix(suffix).is_file()), ""), what)


def _said(found: str, what: str) -> str:
    return f" {what} looks like {found}." if found else ""
