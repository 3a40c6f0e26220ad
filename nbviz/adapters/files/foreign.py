"""Formats that only the libraries that write them read: what a file or folder is, and what to do with it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import AnyStr

_START = 128
_ONNX = "an ONNX model as text: onnx.save(onnx.load(path), 'model.onnx') writes a file that nbviz reads"
_OPENVINO = (
    "a model of OpenVINO, which is not converted back: pass the ONNX, PyTorch or TensorFlow model that it was made from"
)
_NCNN = "a model of ncnn, which is not converted back: pass the ONNX or PyTorch model that it was made from"
_DEVICE = "which is made for running alone: pass the model that it was made from, such as its"
_PADDLE = "a model of PaddlePaddle for inference: paddle2onnx makes an ONNX model of it, which nbviz reads"
_CAFFE = "a model of Caffe: convert it to ONNX, and pass that"
_GRAPH = (
    "a graph of TensorFlow: python -m tf2onnx.convert --graphdef FILE --inputs x:0 --outputs y:0 --output model.onnx makes an "
    "ONNX model of one that is frozen"
)

_NAMED = {
    r"^(_METADATA|manifest\.ocdbt)": (
        "a checkpoint of Orbax: read it with orbax.checkpoint.StandardCheckpointer().restore(os.path.abspath(folder)) and pass what "
        "that returns"
    ),
    r"\.msgpack": (
        "a file of Flax: read it with flax.serialization.msgpack_restore(open(path, 'rb').read()) and pass the dict that it returns"
    ),
    r"\.distcp": (
        "a distributed checkpoint of PyTorch: dcp_to_torch_save(folder, 'model.pt') of torch.distributed.checkpoint.format_utils "
        "writes a file that nbviz reads"
    ),
    r"^zero_to_fp32\.py|_optim_states\.pt": (
        "a checkpoint of DeepSpeed in parts: `python zero_to_fp32.py . weights`, in the folder that has this script, puts them "
        "together, and nbviz reads what it writes"
    ),
    r"\.(index|meta|data-\d+-of-\d+)": (
        "a checkpoint of TensorFlow: tf.train.load_checkpoint(path) reads it, where path is the folder, or a file without .index, "
        ".meta or .data-..., and a dict of its get_tensor(name) can be passed"
    ),
    r"\.pb": f"{_GRAPH}; one in a SavedModel is read by the path of the folder",
    r"^openvino_\w*\.xml": _OPENVINO,
    r"\.(mlmodel|mlpackage|mlmodelc)": f"a model of Core ML, {_DEVICE} ONNX, PyTorch or Keras model",
    r"\.pte": f"a program of ExecuTorch, {_DEVICE} exported program, a .pt2 file",
    r"\.ort": f"a model of ONNX Runtime in its own format, {_DEVICE} ONNX model",
    r"\.(engine|plan|trt)": f"an engine of TensorRT, {_DEVICE} ONNX model",
    r"\.(pdmodel|pdiparams)": _PADDLE,
    r"\.pdparams": "a checkpoint of PaddlePaddle: pass what paddle.load(path, return_numpy=True) returns",
    r"\.caffemodel": _CAFFE,
    r"\.(mar|nemo|task)": "an archive around a model: unpack it (it is a zip or tar file) and pass the model in it",
}
"""By what a name ends in, or is."""

_BEGUN = {
    rb"\s*<\s*ir_version|\s*ir_version: ?\d|\s*\{\s*\"ir_?[vV]ersion\"": _ONNX,
    rb"\s*(<\?xml[^>]*>\s*)?<net\s": _OPENVINO,
    rb"\s*node \{": _GRAPH.replace("graph of TensorFlow", "graph of TensorFlow as text"),
    rb"\s*(name: *\"[^\"]*\"\s*)?(layers? *\{|input: *\")": _CAFFE,
    rb"7767517\s": _NCNN,
    rb"(lmgg|tjgg|fmgg)": "a file of ggml from before GGUF: pass the model that it was made from, or convert it to GGUF with llama.cpp",
    # torch.save begins with a whole number of ten bytes, and safetensors with the length of JSON
    rb"\x80[\x02-\x05](?!(\x95.{8})?\x8a\x0a|.{6}\{)": (
        "a pickle that torch.save has not written: load it as its library does, if you trust it, and pass what is in it"
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
