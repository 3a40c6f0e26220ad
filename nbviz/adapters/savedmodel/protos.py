"""Parses ``saved_model.pb`` with the protocol buffers of TensorFlow, which must be installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbviz.adapters.files.opening import damaged, opened
from nbviz.errors import MissingExtraError

KIND = "a SavedModel"


def parsed(path: Path) -> Any:
    """Return the ``SavedModel`` in a file.

    Raises
    ------
    FileReadError
        If it is damaged.
    MissingExtraError
        If TensorFlow is not installed.
    """
    with opened(path) as file:
        data = file.read()
    try:
        from google.protobuf.message import DecodeError
        from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
    except ImportError as error:
        raise MissingExtraError(f"Reading {str(path)!r} needs TensorFlow: pip install tensorflow.") from error
    try:
        return SavedModel.FromString(data)
    except (DecodeError, RuntimeError, ValueError) as error:
        raise damaged(path, KIND, f"it is truncated, damaged or nested too deeply ({error})") from error


def graph_of(model: Any) -> Any:
    """Return the graph for serving, else the first.

    Raises
    ------
    ValueError
        If there is none.
    """
    if not model.meta_graphs:
        raise ValueError("it holds no graph")
    return next((graph for graph in model.meta_graphs if "serve" in graph.meta_info_def.tags), model.meta_graphs[0])
