"""The format of model graphs in the browser and in saved files; the only Python module with its field names."""

from __future__ import annotations

import functools
import gzip
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from importlib.metadata import version
from typing import Any, Final, Protocol, TypeVar, get_type_hints

from nbviz.codings import Hole, Interned, Writer, texts_coded
from nbviz.columns import Columns
from nbviz.errors import SchemaError
from nbviz.fieldtypes import held, require_fit, rows_of, wrong
from nbviz.graph import Call, Compute, Diagnostic, Edge, Group, Layer, ModelGraph, OptimizerState, Parameter, TensorSpec
from nbviz.invariants import violations
from nbviz.rows import RowTree, Totals
from nbviz.shape import Shape, Shapes

SCHEMA_VERSION: Final = (1, 0)
"""Major and minor version of ``.json``. A reader refuses another major and ignores what it does not know."""

PAYLOAD_VERSION: Final = (2, 0)
"""Major and minor version of the payload, which is read by the front end that was made with it."""

LONGEST_PART: Final = 6_000_000
"""Bytes of a payload that go into one message: hosts limit messages, some to 10 MB, and some write bytes as base64."""

_MAGIC: Final = b"NBVZ"
FORMAT: Final = "nbviz model graph"


class Measured(Protocol):
    """A graph with its table, as ``nbviz.metrics.Metrics`` computes it."""

    graph: ModelGraph
    tree: RowTree
    totals: Totals
    macs_basis: str
    call_macs: Sequence[int | None]
    inputs: Sequence[Sequence[TensorSpec]]
    outputs: Sequence[Sequence[TensorSpec]]
    upstream: Sequence[Sequence[int]]

    @property
    def columns(self) -> Mapping[str, Sequence[Any]]:
        """Values by column name."""
        ...


# The payload

_Row = TypeVar("_Row")


def encode(measured: Measured) -> bytes:
    """Return the uncompressed payload of one model; ``js/src/wire.ts`` reads it.

    Layout: ``NBVZ``, the length of the header (uint32, little endian), the header (JSON in ASCII), then the bytes of
    the columns in the order in which the header names them (``nbviz.codings`` describes both).
    """
    write = Writer()
    shapes: Interned[Shape | None] = Interned()
    tensors: Interned[TensorSpec] = Interned()
    settings: Interned[str] = Interned()
    _rows(measured, write, shapes, settings)
    _calls(measured, write, tensors, settings)
    _edges(measured.graph, write)
    _parameters(measured, write, shapes)
    _tensors(list(tensors), measured.graph, write, shapes)
    tables = write.body
    write.body = []
    strings = texts_coded(list(write.strings), write)
    coded_settings = texts_coded(list(settings), write)
    header = {
        "schema": PAYLOAD_VERSION,
        "meta": _meta(measured),
        "strings": strings,
        "settings": coded_settings,
        "numbers": list(write.numbers),
        "shapes": [None if shape is None else shape.dims for shape in shapes],
        "tables": {name: {"length": table.length, "columns": table.columns} for name, table in write.tables.items()},
    }
    text = json.dumps(header, separators=(",", ":"), allow_nan=False).encode("ascii")
    return b"".join([_MAGIC, len(text).to_bytes(4, "little"), text, *write.body, *tables])


def pack(measured: Measured) -> bytes:
    """Return the payload as it crosses to the browser: ``encode``, compressed with gzip."""
    return gzip.compress(encode(measured), 9, mtime=0)


def parts(packed: bytes) -> list[bytes]:
    """Return the payload in pieces that each fit into a message; most have one.

    The last one holds the checksum of everything, so that another payload has another last piece.
    """
    if len(packed) <= LONGEST_PART:
        return [packed]
    return [packed[start : start + LONGEST_PART] for start in range(0, len(packed), LONGEST_PART)]


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
        "version": _version(),
    }


@functools.cache
def _version() -> str:
    return version("nbviz")


def _rows(measured: Measured, write: Writer, shapes: Interned[Shape | None], settings: Interned[str]) -> None:
    tree, columns, graph = measured.tree, measured.columns, measured.graph
    table = write.table("rows", len(tree))

    def of_layer(name: str, default: Any) -> list[Any]:
        values = graph.layers.column(name)
        return [default if at < 0 else values[at] for at in tree.layer]

    table.ints("parent", tree.parent, is_tree=True)
    table.ints("group", tree.group, to="parent")
    table.texts("label", tree.labels)
    inside = {"path": ("label",), "name": ("label",), "accessor": ("name", "label")}
    for name, others in inside.items():
        texts = tree.path if name == "path" else of_layer(name, "")
        table.texts(name, texts, [Hole("rows", name, "parent"), *(Hole("rows", other) for other in others)])
    table.texts("source", of_layer("source", ""))
    for name in ("kind", "type", "dtype"):
        table.texts(name, columns[name])
    table.numbers("params", columns["params"])
    for name in ("trainable_params", "own_params", "bytes"):
        table.numbers(name, columns[name], to="params")
    for name in ("macs", "output_bytes"):
        table.numbers(name, columns[name])
    table.shares("share", columns["share"], columns["params"], "params")
    for name, specs in (("input_shape", measured.inputs), ("output_shape", measured.outputs)):
        table.lists(name, specs, lambda flat: shapes.numbers_of(flat, lambda spec: spec.shape))
    table.ints("calls", columns["calls"])
    table.ints("order", columns["order"], to="")
    table.lists("connected_to", measured.upstream, to="")
    of_calls = graph.calls.column("settings")
    own = [
        of_calls[call] if layer < 0 and call >= 0 else kept
        for layer, call, kept in zip(tree.layer, tree.first_call, of_layer("settings", ()), strict=True)
    ]
    table.ints("settings", settings.numbers_of(own, _settings_text))
    table.lists("parameters", [held or () for held in of_layer("parameters", ())])
    table.ints("trainable", of_layer("trainable", None))


def _calls(measured: Measured, write: Writer, tensors: Interned[TensorSpec], settings: Interned[str]) -> None:
    calls = measured.graph.calls
    table = write.table("calls", len(calls))
    table.ints("parent", calls.column("parent"), is_tree=True)
    table.ints("row", measured.tree.row_of_call, to="")
    table.texts("path", calls.column("path"), [Hole("rows", "path", "row"), Hole("calls", "path", "parent")])
    table.texts("op", calls.column("op"), [Hole("rows", "type", "row")])
    for name in ("kind", "source"):
        table.texts(name, calls.column(name))
    table.ints("failed", calls.column("failed"))
    for name in ("inputs", "outputs"):
        table.lists(name, calls.column(name), lambda specs: tensors.numbers_of(specs, lambda spec: spec))
    table.lists("parameters", calls.column("parameters"))
    table.numbers("macs", measured.call_macs)
    table.ints("settings", settings.numbers_of(calls.column("settings"), _settings_text))


def _edges(graph: ModelGraph, write: Writer) -> None:
    table = write.table("edges", len(graph.edges))
    table.ints("target", graph.edges.column("target"))
    table.ints("source", graph.edges.column("source"), to="target")
    for name in ("source_port", "target_port"):
        table.ints(name, graph.edges.column(name))


def _parameters(measured: Measured, write: Writer, shapes: Interned[Shape | None]) -> None:
    parameters = measured.graph.parameters
    table = write.table("parameters", len(parameters))
    for name in ("name", "kind", "dtype"):
        table.texts(name, parameters.column(name))
    for name in ("size", "bytes"):
        table.numbers(name, parameters.column(name))
    table.ints("shape", shapes.numbers(parameters.column("shape")))
    table.ints("trainable", parameters.column("trainable"))
    table.lists("owners", parameters.column("owners"), lambda paths: map(measured.tree.index.__getitem__, paths))


def _tensors(tensors: Sequence[TensorSpec], graph: ModelGraph, write: Writer, shapes: Interned[Shape | None]) -> None:
    table = write.table("tensors", len(tensors))
    table.ints("shape", shapes.numbers([spec.shape for spec in tensors]))
    for name in ("dtype", "name"):
        table.texts(name, [getattr(spec, name) for spec in tensors])
    table.numbers("bytes", [graph.bytes_of(spec) for spec in tensors])


def _settings_text(settings: tuple[Any, ...]) -> str:
    # Not the values themselves: 1, 1.0 and True are equal, and one of them would be shown for all.
    try:
        return _ENCODER.encode(settings)
    except ValueError:  # something in it is not finite
        return _ENCODER.encode(_plain(settings))


_ENCODER: Final = json.JSONEncoder(allow_nan=False)


def _plain(value: Any) -> Any:
    """Return settings as JSON: tuples as lists, what is not finite as text."""
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


# The saved model graph


def to_json(graph: ModelGraph) -> str:
    """Return the model graph as documented JSON text; ``from_json`` gives an equal graph.

    ``format`` and ``schema`` come first. ``layers``, ``calls``, ``edges``, ``parameters`` and ``groups`` are objects of
    columns: one array per field of the dataclass of that name in ``nbviz.graph``. A shape is an array of dimensions (number,
    symbol, or null for a free one), or null for unknown rank; a tensor is ``[shape, dtype, name]``. A number that JSON lacks is ``{"float": "inf"}``.
    """
    document = {
        "format": FORMAT,
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
        # before it is parsed: lists of nothing take 25 times their text
        document = json.loads(text) if FORMAT in text and text.lstrip()[:1] == "{" else {}
        major = document["schema"][0] if document["format"] == FORMAT else None
    except _DAMAGED:
        document, major = {}, None
    if major is None:
        msg = "This is not a model graph saved by nbviz (view.save('net.json') writes one)."
        raise SchemaError(msg)
    if major != SCHEMA_VERSION[0]:
        msg = (
            f"This model graph has format {major!r}, but this version of nbviz reads format {SCHEMA_VERSION[0]}. "
            "Upgrade nbviz to open it."
        )
        raise SchemaError(msg)
    try:
        return _read_graph(document)
    except _DAMAGED as error:
        msg = f"This model graph is damaged: {error}. Save it again."
        raise SchemaError(msg) from error


def _read_graph(document: Mapping[str, Any]) -> ModelGraph:
    diagnostics = enumerate(rows_of(document, "diagnostics", "it"))
    optimizer = held(document, "optimizer", "it")
    plain = {
        name: _read_field(document, name, hint) for name, hint in get_type_hints(ModelGraph).items() if name in _PLAIN
    }
    tables: dict[str, Any] = {name: _read_table(document, name, row_type) for name, row_type in _TABLES.items()}
    graph = ModelGraph(
        **plain,
        **tables,
        optimizer=None if optimizer is None else _read_row(optimizer, OptimizerState, "optimizer"),
        diagnostics=tuple(_read_row(row, Diagnostic, f"diagnostics[{position}]") for position, row in diagnostics),
    )
    broken = next(violations(graph), None)
    if broken is not None:
        raise ValueError(broken)
    return graph


_PLAIN: Final = {"name", "framework", "batch_axis"}
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
    if value is not None and not isinstance(value, list):
        raise TypeError
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


def _read_row(values: Any, row_type: type[_Row], where: str) -> _Row:
    return row_type(**{name: _read_field(values, name, hint, where) for name, hint in get_type_hints(row_type).items()})


def _read_field(values: Any, name: str, hint: Any, where: str = "it") -> Any:
    value = held(values, name, where)
    require_fit([value], hint, name if where == "it" else f"{where}.{name}")
    return value


def _read_table(document: Mapping[str, Any], table: str, row_type: type) -> Columns[Any]:
    columns = held(document, table, "it")
    kept = {name: _read_column(columns, table, name, hint) for name, hint in get_type_hints(row_type).items()}
    (first, rows), *others = ((name, len(column)) for name, column in kept.items())
    for name, count in others:
        if count != rows:
            raise ValueError(f"{table}.{name} has {count:,} rows, {table}.{first} has {rows:,}")
    return Columns.of(row_type, kept)


def _read_column(columns: Any, table: str, name: str, hint: Any) -> list[Any]:
    values, where, read = rows_of(columns, name, table), f"{table}.{name}", _READERS.get(name, _tuple)
    found: list[Any] = []
    try:
        for value in values:
            found.append(read(value))  # noqa: PERF401 - their number tells which one is wrong
    except _DAMAGED as error:
        raise ValueError(wrong(f"{where}[{len(found)}]", values[len(found)])) from error
    require_fit(found, hint, where, values)
    return found


def _fields(row_type: type) -> Sequence[str]:
    return tuple(field.name for field in fields(row_type))
