"""Opens ONNX models: files, bytes and objects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from nbviz.adapters.dataflow.rows import TRAINED, Rows
from nbviz.adapters.files.opening import looks_like
from nbviz.adapters.onnx.nodes import bodies
from nbviz.adapters.onnx.order import is_in_order
from nbviz.adapters.onnx.schemas import versions
from nbviz.adapters.onnx.scopes import root_class
from nbviz.adapters.onnx.shapes.contrib import CLASSIC
from nbviz.adapters.onnx.shapes.inference import with_shapes
from nbviz.adapters.onnx.shapes.trials import name_open_sizes
from nbviz.adapters.onnx.walk import CircleError, Walk
from nbviz.adapters.onnx.weights import OnnxWeightReader
from nbviz.adapters.text import decoded, label, plain, short
from nbviz.builder import GraphBuilder
from nbviz.columns import Columns
from nbviz.errors import FileReadError, InputsError, MissingExtraError
from nbviz.graph import Group, Setting
from nbviz.grouping import infer_groups
from nbviz.reading import Reading

_FIRST = 64
"""Nodes that are asked for the class of the model: the first ones may come from the exporter itself."""
_LARGEST = (1 << 31) - 1
"""Bytes of a protocol buffer: no reader takes more, and none writes more."""
_MOST_NODES = 1_000_000
"""Nodes of a model: those that there are have some ten thousand; an empty one takes two bytes of a file, and kilobytes here."""
_EXPORT = "Export it again with torch.onnx.export, tf2onnx or onnx.save."


def read_file(path: Path, inputs: Any = None, *, constants: bool = False) -> Reading:
    """Read an ``.onnx`` file; weights that lie beside it are not opened, and ``inputs`` says what sizes open ones have.

    Raises
    ------
    FileReadError
        If it is damaged, or holds no ONNX model.
    MissingExtraError
        If the package ``onnx`` is not installed.
    InputsError
        If ``inputs`` does not fit the model.
    """
    named, path = repr(str(path)), path.absolute()  # the file is opened again for values, wherever the process is then
    return _reading(lambda: _opened(path, named), named, path, inputs, constants=constants)


def read_model(model: Any, inputs: Any = None, *, constants: bool = False) -> Reading:
    """Read a ``ModelProto``, its bytes, or an ``ONNXProgram``.

    Raises
    ------
    FileReadError
        If bytes hold no ONNX model, or the object cannot be followed.
    MissingExtraError
        If the package ``onnx`` is not installed.
    InputsError
        If ``inputs`` does not fit the model.
    """
    if isinstance(model, bytes):
        return _reading(lambda: _parsed(model, "The bytes"), "The bytes", None, inputs, constants=constants)
    proto = getattr(model, "model_proto", model)
    what = f"The {type(model).__name__}"
    return _reading(lambda: _with_graph(proto, what), what, None, inputs, constants=constants)


def _reading(opened: Callable[[], Any], what: str, path: Path | None, inputs: Any, *, constants: bool) -> Reading:
    _require(what)
    model = opened()
    try:
        builder, rows = _built(model, path, inputs, constants=constants)
    except (FileReadError, MissingExtraError, InputsError):
        raise
    except CircleError as error:
        msg = f"{what}: the model is damaged: {error}. {_EXPORT}"
        raise FileReadError(msg) from error
    except Exception as error:
        name = error.object if isinstance(error, UnicodeDecodeError) else _no_text(model)
        if name is None:
            said = short(" ".join(plain(error).split()), 300)
            msg = f"{what}: nbviz cannot follow this ONNX model ({type(error).__name__}: {said}). {_EXPORT}"
        else:
            msg = f"{what}: the model is damaged: a name in it is not text ({name[:40]!r} is not UTF-8). {_EXPORT}"
        raise FileReadError(msg) from error
    keys: list[Any] = builder.parameter_keys()
    graph = builder.finish()
    if not rows.has_scopes:
        graph = replace(graph, groups=Columns(Group, infer_groups(graph, rows.automatic)))
    return Reading(graph, OnnxWeightReader(opened, keys, None if path is None else path.parent))


def _no_text(proto: Any) -> bytes | None:
    """Return what stands in the place of a text and is none, as it is for some versions of ``protobuf``; None if all are."""
    for field, value in proto.ListFields():
        several = value if not isinstance(value, str | bytes) and hasattr(value, "__len__") else [value]
        for one in several if field.type in (field.TYPE_STRING, field.TYPE_MESSAGE) else ():
            found = one if isinstance(one, bytes) else None if isinstance(one, str) else _no_text(one)
            if found is not None:
                return found
    return None


def _built(
    model: Any, path: Path | None, inputs: Any, *, constants: bool, arrange: bool = False
) -> tuple[GraphBuilder, Rows]:
    notes: list[str] = []
    shaped = with_shapes(model, notes.append, inputs, arrange=arrange)
    name_open_sizes(shaped)
    module, _, kind = next(filter(None, map(root_class, shaped.graph.node[:_FIRST])), "").rpartition(".")
    own = label(model.graph.name) or "model"
    builder = GraphBuilder(kind or (own if path is None else label(path.stem)), "ONNX")
    rows = Rows(builder)
    root = rows.root(kind or "ModelProto", module or "onnx", _settings(model))
    if kind:
        rows.modules.add(root)
    for text in notes:
        builder.note(text)
    builder.expected = len(shaped.graph.node)
    walk = Walk(builder, rows, shaped, constants=constants)
    walk.run(root)
    if walk.lost_shapes and not arrange and not is_in_order(model.graph):
        return _built(model, path, inputs, constants=constants, arrange=True)
    if told := _learned_as_attributes(model):
        builder.note(told)
    if model.training_info:
        builder.note("The file also holds training graphs (training_info), which are not shown.")
    return builder, rows


def _learned_as_attributes(model: Any) -> str:
    """Say which operations of classic models keep their coefficients as attributes, ``""`` where there are none."""
    if not any(opset.domain == CLASSIC for opset in model.opset_import):
        return ""
    nodes = (
        node for node in model.graph.node if node.domain == CLASSIC and node.op_type != "LabelEncoder"
    )  # a table of words
    found = dict.fromkeys(label(n.op_type) for n in nodes if any(a.floats or a.HasField("t") for a in n.attribute))
    listed = ", ".join(map(repr, found))
    return (
        (
            f"The file stores the coefficients of {listed} as attributes, so they are shown as settings and not "
            "counted as parameters."
        )
        if found
        else ""
    )


def _settings(model: Any) -> tuple[tuple[str, Setting], ...]:
    opsets = tuple(
        f"{label(domain) or 'ai.onnx'} {version}" for domain, version in versions(model.opset_import).items()
    )
    producer = f"{label(model.producer_name)} {label(model.producer_version)}".strip()
    told = {
        "graph": label(model.graph.name),
        "producer": producer,
        "domain": label(model.domain),
        "doc": short(plain(decoded(model.doc_string))),
        **{label(prop.key): short(plain(decoded(prop.value))) for prop in model.metadata_props[:32]},
    }
    named = ((name, text) for name, text in told.items() if text)
    return (("opsets", opsets), ("ir_version", model.ir_version), *named, TRAINED)


# Files


def _require(what: str) -> None:
    try:
        import onnx  # noqa: F401
    except ImportError as error:
        msg = f"Reading {what} needs the package onnx: pip install 'nbviz[onnx]'."
        raise MissingExtraError(msg) from error


def _opened(path: Path, name: str) -> Any:
    if path.is_dir():
        msg = f"{name} is a folder. Pass the .onnx file in it."
        raise FileReadError(msg)
    try:
        _require_size(path.stat().st_size, name, looks_like(path))
        data = path.read_bytes()
    except OSError as error:
        msg = f"{name} cannot be opened: {plain(error.strerror)}."
        raise FileReadError(msg) from error
    return _parsed(data, name, looks_like(path))


def _parsed(data: bytes, what: str, hint: str = "") -> Any:
    from google.protobuf.message import DecodeError
    from onnx import ModelProto

    _require_size(len(data), what, hint)
    model = ModelProto()
    try:
        model.ParseFromString(data)
    except (DecodeError, RuntimeError, ValueError) as error:
        msg = (
            f"{what}: this is not an ONNX model, or it is truncated, damaged or nested too deeply "
            f"({short(plain(error))}).{hint or f' {_EXPORT}'}"
        )
        raise FileReadError(msg) from error
    return _with_graph(model, what, hint)


def _require_size(size: int, what: str, hint: str) -> None:
    if size > _LARGEST:
        msg = (
            f"{what}: {size:,} bytes are more than the 2 GB that an ONNX model can have, so it is not an ONNX "
            f"model, or damaged.{hint} Larger models keep their weights in separate files: onnx.save(..., "
            "save_as_external_data=True)."
        )
        raise FileReadError(msg)


def _with_graph(model: Any, what: str, hint: str = "") -> Any:
    """Return a model, which has a graph of no more nodes than anybody can look at."""
    if model.HasField("graph"):
        graphs = (model.graph, *bodies(model.graph), *model.functions)
        nodes = sum(len(graph.node) for graph in graphs) if len(model.graph.node) <= _MOST_NODES else _MOST_NODES + 1
        if nodes > _MOST_NODES:
            msg = (
                f"{what}: it has more than {_MOST_NODES:,} nodes, the most that nbviz reads, so it is not a model, "
                f"or damaged.{hint}"
            )
            raise FileReadError(msg)
        return model
    found = "it has no graph, so it is not an ONNX model" if model.ByteSize() else "it is empty"
    msg = f"{what}: {found}.{hint or f' {_EXPORT}'}"
    raise FileReadError(msg)
