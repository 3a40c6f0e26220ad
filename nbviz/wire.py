"""What crosses to the browser and what a saved graph holds; the only Python file with the wire's field names."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from importlib.metadata import version
from typing import Any, Final, Generic, Protocol, TypeVar, final

import numpy as np

from nbviz.columns import Columns
from nbviz.errors import SchemaError
from nbviz.graph import Call, Compute, Diagnostic, Edge, Group, Layer, ModelGraph, OptimizerState, Parameter, TensorSpec
from nbviz.invariants import violations
from nbviz.rows import RowTree, Totals
from nbviz.shape import Shape, Shapes

SCHEMA_VERSION: Final = (1, 0)
"""Major and minor version of payload and ``.json``. A reader refuses a newer major and ignores what it does not know."""

_MAGIC: Final = b"NBVZ"
_FORMAT: Final = "nbviz model graph"


class Measured(Protocol):
    """A graph with its table, as ``nbviz.metrics.Metrics`` computes it."""

    graph: ModelGraph
    tree: RowTree
    columns: Mapping[str, Sequence[Any]]
    totals: Totals
    macs_basis: str
    call_macs: Sequence[int | None]
    inputs: Sequence[Sequence[TensorSpec]]
    outputs: Sequence[Sequence[TensorSpec]]


# --- the payload ---------------------------------------------------------------------------------------------------

_Value = TypeVar("_Value", bound=Hashable)
_Row = TypeVar("_Row")


@final
class _Interned(Generic[_Value]):
    """Gives each distinct value a number, in the order of first use."""

    def __init__(self) -> None:
        self._numbers: dict[_Value, int] = {}

    def __call__(self, value: _Value) -> int:
        return self._numbers.setdefault(value, len(self._numbers))

    def __iter__(self) -> Iterator[_Value]:
        return iter(self._numbers)


@final
class _Writer:
    """Collects columns into one aligned buffer and a header that says where each one is."""

    def __init__(self) -> None:
        self.strings: _Interned[str] = _Interned()
        self.shapes: _Interned[Shape | None] = _Interned()
        self.settings: _Interned[str] = _Interned()
        self.tensors: _Interned[TensorSpec] = _Interned()
        self._parts: list[bytes] = []
        self._at = 0

    def _put(self, data: bytes) -> int:
        at = self._at
        padded = data + bytes(-len(data) % 8)
        self._parts.append(padded)
        self._at += len(padded)
        return at

    def texts(self, values: Iterable[str | None]) -> dict[str, Any]:
        return {**self.ints(self.strings(value or "") for value in values), "type": "str"}

    def ints(self, values: Iterable[int | bool | None]) -> dict[str, Any]:
        array = np.array([-1 if value is None else value for value in values], dtype="<i4")
        return {"type": "int", "at": self._put(array.tobytes()), "length": len(array)}

    def numbers(self, values: Iterable[float | None]) -> dict[str, Any]:
        array = np.array([math.nan if value is None else value for value in values], dtype="<f8")
        return {"type": "num", "at": self._put(array.tobytes()), "length": len(array)}

    def lists(self, values: Iterable[Sequence[int] | None]) -> dict[str, Any]:
        offsets: list[int] = [0]
        flat: list[int] = []
        for value in values:
            flat.extend(value or ())
            offsets.append(len(flat))
        data = np.array(offsets, dtype="<i4").tobytes() + np.array(flat, dtype="<i4").tobytes()
        return {"type": "ints", "at": self._put(data), "length": len(offsets) - 1, "values": len(flat)}

    @property
    def body(self) -> bytes:
        return b"".join(self._parts)


def encode(measured: Measured) -> bytes:
    """Return the uncompressed payload of one model; ``js/src/wire.ts`` reads it.

    Layout: ``NBVZ``, the length of the header (uint32, little endian), the header (JSON in ASCII), the columns.
    """
    write = _Writer()
    tables = {
        "rows": _table(len(measured.tree), _row_columns(measured, write)),
        "calls": _table(len(measured.graph.calls), _call_columns(measured, write)),
        "edges": _table(len(measured.graph.edges), _edge_columns(measured.graph, write)),
        "parameters": _table(len(measured.graph.parameters), _parameter_columns(measured, write)),
    }
    tensors = list(write.tensors)
    tables["tensors"] = _table(len(tensors), _tensor_columns(tensors, write))
    header = {
        "schema": SCHEMA_VERSION,
        "meta": _meta(measured),
        "tables": tables,
        "strings": list(write.strings),
        "shapes": [None if shape is None else shape.dims for shape in write.shapes],
        "settings": [json.loads(settings) for settings in write.settings],
    }
    text = json.dumps(header, separators=(",", ":"), allow_nan=False).encode("ascii")
    return _MAGIC + len(text).to_bytes(4, "little") + text + write.body


def pack(measured: Measured) -> bytes:
    """Return the payload as it crosses to the browser: ``encode``, compressed with gzip."""
    return gzip.compress(encode(measured), 6, mtime=0)


def _table(length: int, columns: Mapping[str, Any]) -> dict[str, Any]:
    return {"length": length, "columns": columns}


def _meta(measured: Measured) -> dict[str, Any]:
    graph = measured.graph
    return {
        "name": graph.name,
        "framework": graph.framework,
        "type": graph.layers[0].type if graph.layers else "",
        "totals": measured.totals,
        "macs_basis": measured.macs_basis,
        "optimizer": None if graph.optimizer is None else asdict(graph.optimizer),
        "diagnostics": [asdict(diagnostic) for diagnostic in graph.diagnostics],
        "version": version("nbviz"),
    }


def _row_columns(measured: Measured, write: _Writer) -> dict[str, Any]:
    tree, columns, graph = measured.tree, measured.columns, measured.graph
    layers = [graph.layer_index.get(path) for path in tree.path]

    def of_layer(name: str, default: Any) -> list[Any]:
        values = graph.layers.column(name)
        return [default if at is None else values[at] for at in layers]

    settings = graph.calls.column("settings")
    own_settings = [
        settings[calls[0]] if at is None and calls else kept
        for at, calls, kept in zip(layers, tree.calls, of_layer("settings", ()), strict=True)
    ]
    texts = {"kind": columns["kind"], "type": columns["type"], "dtype": columns["dtype"], "path": tree.path}
    texts |= {name: of_layer(name, "") for name in ("name", "accessor", "source")}
    counts = ("params", "trainable_params", "own_params", "share", "bytes", "macs", "output_bytes")
    return {
        **{name: write.texts(values) for name, values in texts.items()},
        **{name: write.numbers(columns[name]) for name in counts},
        "label": write.texts(tree.labels),
        "parent": write.ints(tree.parent),
        "group": write.ints(tree.group),
        "input_shape": write.lists([write.shapes(spec.shape) for spec in specs] for specs in measured.inputs),
        "output_shape": write.lists([write.shapes(spec.shape) for spec in specs] for specs in measured.outputs),
        "calls": write.ints(columns["calls"]),
        "order": write.ints(columns["order"]),
        "connected_to": write.lists([tree.index[path] for path in paths] for paths in columns["connected_to"]),
        "settings": write.ints(write.settings(_settings_text(values)) for values in own_settings),
        "parameters": write.lists(of_layer("parameters", ())),
        "trainable": write.ints(of_layer("trainable", None)),
    }


def _call_columns(measured: Measured, write: _Writer) -> dict[str, Any]:
    calls = measured.graph.calls
    return {
        **{name: write.texts(calls.column(name)) for name in ("kind", "path", "op", "source")},
        **{name: write.ints(calls.column(name)) for name in ("parent", "failed")},
        "row": write.ints(measured.tree.row_of_call),
        "inputs": write.lists([write.tensors(spec) for spec in specs] for specs in calls.column("inputs")),
        "outputs": write.lists([write.tensors(spec) for spec in specs] for specs in calls.column("outputs")),
        "parameters": write.lists(calls.column("parameters")),
        "macs": write.numbers(measured.call_macs),
        "settings": write.ints(write.settings(_settings_text(values)) for values in calls.column("settings")),
    }


def _edge_columns(graph: ModelGraph, write: _Writer) -> dict[str, Any]:
    names = ("source", "source_port", "target", "target_port")
    return {name: write.ints(graph.edges.column(name)) for name in names}


def _parameter_columns(measured: Measured, write: _Writer) -> dict[str, Any]:
    parameters = measured.graph.parameters
    return {
        **{name: write.texts(parameters.column(name)) for name in ("name", "kind", "dtype")},
        **{name: write.numbers(parameters.column(name)) for name in ("bytes", "size")},
        "shape": write.ints(write.shapes(shape) for shape in parameters.column("shape")),
        "trainable": write.ints(parameters.column("trainable")),
        "owners": write.lists([measured.tree.index[path] for path in paths] for paths in parameters.column("owners")),
    }


def _tensor_columns(tensors: Sequence[TensorSpec], write: _Writer) -> dict[str, Any]:
    return {
        "shape": write.ints(write.shapes(spec.shape) for spec in tensors),
        "dtype": write.texts(spec.dtype for spec in tensors),
        "name": write.texts(spec.name for spec in tensors),
        "bytes": write.numbers(spec.bytes for spec in tensors),
    }


def _settings_text(settings: tuple[Any, ...]) -> str:
    # Not the values themselves: 1, 1.0 and True are equal, and one of them would be shown for all.
    return json.dumps(_plain(settings))


def _plain(value: Any) -> Any:
    """Return settings as JSON: tuples as lists, what is not finite as text."""
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


# --- the saved model graph -----------------------------------------------------------------------------------------


def to_json(graph: ModelGraph) -> str:
    """Return the model graph as documented JSON text; ``from_json`` gives an equal graph.

    ``format`` and ``schema`` come first. ``layers``, ``calls``, ``edges``, ``parameters`` and ``groups`` are objects of
    columns: one array per field of the dataclass of that name in ``nbviz.graph``. A shape is an array of dimensions (number,
    symbol, or null for a free one), or null for unknown rank; a tensor is ``[shape, dtype, name]``. A number that JSON lacks is ``{"float": "inf"}``.
    """
    document = {
        "format": _FORMAT,
        "schema": SCHEMA_VERSION,
        "name": graph.name,
        "framework": graph.framework,
        "batch_axis": graph.batch_axis,
        "optimizer": None if graph.optimizer is None else asdict(graph.optimizer),
        "diagnostics": [asdict(diagnostic) for diagnostic in graph.diagnostics],
        **{name: _write_table(getattr(graph, name), row_type) for name, row_type in _TABLES.items()},
    }
    return json.dumps(document, separators=(",", ":"), allow_nan=False)


_DAMAGED = (ValueError, TypeError, KeyError, IndexError, RecursionError)


def from_json(text: str) -> ModelGraph:
    """Return the model graph that ``to_json`` wrote.

    Raises
    ------
    SchemaError
        If the text is no model graph, is damaged, or a newer major version wrote it.
    """
    try:
        document = json.loads(text)
        major = document["schema"][0] if document["format"] == _FORMAT else None
    except _DAMAGED:
        document, major = {}, None
    if major is None:
        msg = "This is not a model graph that nbviz saved (view.save('net.json') writes one)."
        raise SchemaError(msg)
    if major != SCHEMA_VERSION[0]:
        msg = f"This model graph has format {major!r}, this nbviz reads {SCHEMA_VERSION[0]}. Upgrade nbviz to open it."
        raise SchemaError(msg)
    try:
        graph = _read_graph(document)
        wrong = next(violations(graph), None)
    except _DAMAGED as error:
        msg = f"This model graph is damaged ({type(error).__name__}: {error}). Save it again."
        raise SchemaError(msg) from error
    if wrong is not None:
        msg = f"This model graph is damaged: {wrong}. Save it again."
        raise SchemaError(msg)
    return graph


def _read_graph(document: Mapping[str, Any]) -> ModelGraph:
    optimizer = document["optimizer"]
    return ModelGraph(
        name=document["name"],
        framework=document["framework"],
        batch_axis=document["batch_axis"],
        optimizer=None if optimizer is None else _read_row(optimizer, OptimizerState),
        diagnostics=tuple(_read_row(diagnostic, Diagnostic) for diagnostic in document["diagnostics"]),
        **{name: _read_table(document[name], row_type) for name, row_type in _TABLES.items()},
    )


_TABLES: Final[Mapping[str, type]] = {
    "layers": Layer,
    "calls": Call,
    "edges": Edge,
    "parameters": Parameter,
    "groups": Group,
}


def _write_value(value: Any) -> Any:
    match value:
        case Shape():
            return value.dims
        case Shapes():
            return [_write_value(shape) for shape in value]
        case TensorSpec():
            return [_write_value(value.shape), value.dtype, value.name]
        case Compute():
            return [value.op, [[name, shape.dims] for name, shape in value.shapes]]
        case tuple():
            return [_write_value(item) for item in value]
        case float() if not math.isfinite(value):
            return {"float": str(value)}
    return value


def _shape(value: Sequence[Any] | None) -> Shape | None:
    return None if value is None else Shape(value)


def _tuple(value: Any) -> Any:
    if isinstance(value, dict):
        return float(value["float"])
    return tuple(_tuple(item) for item in value) if isinstance(value, list) else value


def _specs(value: Sequence[Sequence[Any]]) -> tuple[TensorSpec, ...]:
    return tuple(TensorSpec(_shape(shape), dtype, name) for shape, dtype, name in value)


def _compute(value: Sequence[Any] | None) -> tuple[Compute, ...] | None:
    if value is None:
        return None
    return tuple(Compute(op, tuple((name, Shape(dims)) for name, dims in shapes)) for op, shapes in value)


_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "inputs": _specs,
    "outputs": _specs,
    "compute": _compute,
    "shape": _shape,
}
"""Fields whose JSON is not just the value; the others are plain values, arrays of them read as tuples."""


def _write_table(rows: Columns[Any], row_type: type) -> dict[str, list[Any]]:
    return {name: [_write_value(value) for value in rows.column(name)] for name in _fields(row_type)}


def _read_row(values: Mapping[str, Any], row_type: type[_Row]) -> _Row:
    return row_type(**{name: values[name] for name in _fields(row_type)})


def _read_table(columns: Mapping[str, Sequence[Any]], row_type: type) -> Columns[Any]:
    kept = {name: [_READERS.get(name, _tuple)(value) for value in columns[name]] for name in _fields(row_type)}
    return Columns(
        row_type, (row_type(**dict(zip(kept, row, strict=True))) for row in zip(*kept.values(), strict=True))
    )


def _fields(row_type: type) -> Sequence[str]:
    return tuple(field.name for field in fields(row_type))
