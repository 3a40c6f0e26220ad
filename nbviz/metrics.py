"""Numbers and shapes of every row and of the whole model; all formulas of nbviz are here."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

from nbviz.flow import boundaries
from nbviz.graph import Compute, ModelGraph, TensorSpec
from nbviz.rows import RowTree, Totals
from nbviz.shape import Dim, Shape, Shapes

Value = Any
"""A value of a column: str, int, float, Shape, Shapes, tuple of paths, or None for unknown."""


# Multiply-accumulates


def _product(dims: Iterable[Dim], *, batch: bool = False) -> int | None:
    return Shape(dims).size(free_batch=batch)


def _times(*factors: int | None) -> int | None:
    total = 1
    for factor in factors:
        if factor is None:
            return None
        total *= factor
    return total


def _conv(shapes: Mapping[str, Shape]) -> int | None:
    """One window of multiplications for each output element (Dumoulin and Visin 2016, arXiv:1603.07285)."""
    return _times(_product(shapes["output"], batch=True), _product(shapes["window"]))


def _conv_transpose(shapes: Mapping[str, Shape]) -> int | None:
    """Each input element is spread over one window: the transpose of a convolution (same source)."""
    return _times(_product(shapes["input"], batch=True), _product(shapes["window"]))


def _matmul(shapes: Mapping[str, Shape]) -> int | None:
    """One multiplication per output element and contracted index."""
    return _times(_product(shapes["output"], batch=True), _product(shapes["contracted"]))


def _attention(shapes: Mapping[str, Shape]) -> int | None:
    """Scores, then values weighted by them, masked or not (Vaswani et al. 2017, arXiv:1706.03762).

    With query (batch, heads, queries, size), key (batch, heads, keys, size), value (batch, heads, keys, value size):
    batch * heads * queries * keys * (size + value size).
    """
    query, key, value = shapes["query"], shapes["key"], shapes["value"]
    widths = _product((query[-1],)), _product((value[-1],))
    if widths[0] is None or widths[1] is None:
        return None
    return _times(_product(query.dims[:-1], batch=True), _product((key[-2],)), widths[0] + widths[1])


def _recurrent(shapes: Mapping[str, Shape]) -> int | None:
    """Every gate of every step contracts the input and the previous state: |gates| * |contracted|."""
    return _times(_product(shapes["gates"], batch=True), _product(shapes["contracted"]))


FORMULAS: Mapping[str, Callable[[Mapping[str, Shape]], int | None]] = {
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "matmul": _matmul,
    "attention": _attention,
    "recurrent": _recurrent,
}


def macs(compute: Sequence[Compute] | None) -> int | None:
    """Return the multiply-accumulates of one call without its inner calls, or None when unknown.

    1 MAC is 2 FLOPs. A free first dimension (the batch) counts as 1; any other free dimension makes it unknown.
    """
    if compute is None:
        return None
    total = 0
    for pattern in compute:
        formula = FORMULAS.get(pattern.op)  # a graph saved by a later nbviz may hold one that is not known here
        count = None if formula is None else formula(dict(pattern.shapes))
        if count is None:
            return None
        total += count
    return total


# The table


def _cell(specs: Sequence[TensorSpec]) -> Shape | Shapes | None:
    if not specs:
        return None
    return specs[0].shape if len(specs) == 1 else Shapes(spec.shape for spec in specs)


def _added(so_far: int | None, value: int | None) -> int | None:
    return None if so_far is None or value is None else so_far + value


class _Sum:
    """Adds up numbers per row, and those of everything in it, and remembers where one of them was unknown."""

    def __init__(self, tree: RowTree) -> None:
        self._around = tree.around
        self._apart: list[tuple[Iterable[int], int | None]] = []
        self.own: list[int | None] = [0] * len(tree)
        """What was added to each row alone."""

    def add(self, row: int, value: int | None) -> None:
        """Add a number to a row, and to what is around it."""
        self.own[row] = _added(self.own[row], value)

    def add_apart(self, rows: Iterable[int], value: int | None) -> None:
        """Add a number once to each of these rows, which include all that is around one of them."""
        self._apart.append((rows, value))

    def totals(self) -> list[int | None]:
        """Return what was added to each row and inside it."""
        found, around = list(self.own), self._around
        for row in range(len(found) - 1, 0, -1):  # rows stand behind what holds them
            if found[row] != 0:
                found[around[row]] = _added(found[around[row]], found[row])
        for rows, value in self._apart:
            for row in rows:
                found[row] = _added(found[row], value)
        return found


@final
class Metrics:
    """Every column of the table, computed once from a graph.

    Parameters
    ----------
    graph
        The model graph.

    Attributes
    ----------
    graph, tree
        The graph and its rows.
    totals
        Numbers of the whole model.
    macs_basis
        ``"per example"`` when a free batch dimension counted as 1, else ``""``.
    call_macs
        Multiply-accumulates of each call with those of everything in it.
    inputs, outputs
        Input and output tensors of each row's first call; for a group, what enters and leaves it.
    upstream
        The nearest rows that each row takes tensors from.
    """

    def __init__(self, graph: ModelGraph) -> None:
        self.graph = graph
        self.tree = RowTree(graph)
        self.inputs: Sequence[Sequence[TensorSpec]]
        self.outputs: Sequence[Sequence[TensorSpec]]
        self.upstream: Sequence[Sequence[int]]
        self.inputs, self.outputs, self.upstream = boundaries(self.tree)
        self._parameter_sums()
        self._mac_sums()
        self._known: dict[str, Sequence[Value]] = {}
        self.totals = self._totals()
        self.macs_basis = "per example" if graph.batch_axis else ""

    @property
    def columns(self) -> Mapping[str, Sequence[Value]]:
        """Values by column name, one per row in table order; None is unknown."""
        return _Computed(self, self._known)

    @property
    def shape_column(self) -> str:
        """The column of the shapes that are known: of outputs, or of parameters where nothing is called."""
        return "output_shape" if self.graph.calls else "param_shape"

    @functools.cached_property
    def held(self) -> Sequence[Sequence[int]]:
        """Ids of the parameters that each row holds itself."""
        held = self.graph.layers.column("parameters")
        return [(held[at] or ()) if at >= 0 else () for at in self.tree.layer]

    def _parameter_sums(self) -> None:
        params, trainable, own, stored = sums = [_Sum(self.tree) for _ in range(4)]
        columns = (self.graph.parameters.column(name) for name in ("kind", "owners", "size", "bytes", "trainable"))
        for kind, paths, size, in_bytes, trains in zip(*columns, strict=True):
            if kind != "weight":
                continue
            owners = [self.tree.index[path] for path in paths]
            own.add(owners[0], size)
            told = ((params, size), (stored, in_bytes), (trainable, size if trains else 0))
            if len(owners) == 1:
                for total, value in told:
                    total.add(owners[0], value)
            else:  # it counts once in what is around several of them
                around = self.tree.with_all_around(owners)
                for total, value in told:
                    total.add_apart(around, value)
        for row in self._not_built():
            for total in sums:
                total.add(row, None)
        self.own = own.own
        self.params, self.trainable, self.bytes = params.totals(), trainable.totals(), stored.totals()

    def _not_built(self) -> Sequence[int]:
        """Return the rows of which nobody knows yet how much they will hold."""
        held = self.graph.layers.column("parameters")
        if None not in held:
            return ()
        return [row for row, layer in enumerate(self.tree.layer) if layer >= 0 and held[layer] is None]

    def _mac_sums(self) -> None:
        calls = self.graph.calls
        parents = calls.column("parent")
        computes = calls.column("compute")
        counts = {key: macs(compute) for key, compute in {id(c): c for c in computes}.items()}  # many calls are alike
        call_macs = [counts[id(compute)] for compute in computes]
        per_row = _Sum(self.tree)
        for row, own in zip(self.tree.row_of_call, call_macs, strict=True):
            if row >= 0 and own != 0:
                per_row.add(row, own)
        for call in range(len(calls) - 1, 0, -1):  # children come behind their parents
            parent = parents[call]
            if parent is not None:
                inner, outer = call_macs[call], call_macs[parent]
                call_macs[parent] = None if inner is None or outer is None else inner + outer
        self.call_macs: Sequence[int | None] = call_macs
        stopped = any(calls.column("failed"))
        self.macs = [n if ran else None for n, ran in zip(per_row.totals(), self.tree.holds_calls, strict=True)]
        for row, inner in zip(self.tree.row_of_call, call_macs, strict=True):
            # a loop around layers: their rows, which are elsewhere, have what runs in it, and 0 would be wrong
            if inner != 0 and row >= 0 and self.macs[row] == 0 and self.tree.kind[row] == "operation":
                self.macs[row] = None
        if stopped:  # what would have come behind the failing call is missing from every sum around it
            for call, failed in enumerate(calls.column("failed")):
                for row in self.tree.ancestors(max(self.tree.row_of_call[call], 0)) if failed else ():
                    self.macs[row] = None

    def _totals(self) -> Totals:
        sizes = zip(self.graph.parameters.column("kind"), self.graph.parameters.column("size"), strict=True)
        params, trainable = self.params[0], self.trainable[0]
        return {
            "params": params,
            "trainable_params": trainable,
            "non_trainable_params": None if params is None or trainable is None else params - trainable,
            "buffers": sum(size for kind, size in sizes if kind == "buffer"),
            "bytes": self.bytes[0],
            "macs": self.macs[0],
        }


def _type(metrics: Metrics) -> list[Value]:
    tree = metrics.tree
    types, ops = metrics.graph.layers.column("type"), metrics.graph.calls.column("op")
    return [
        types[layer] if layer >= 0 else "group" if kind == "group" else ops[call]
        for layer, kind, call in zip(tree.layer, tree.kind, tree.first_call, strict=True)
    ]


def _param_shape(metrics: Metrics) -> list[Value]:
    shapes = metrics.graph.parameters.column("shape")
    return [
        None if not ids else shapes[ids[0]] if len(ids) == 1 else Shapes(shapes[i] for i in ids) for ids in metrics.held
    ]


def _param_dtype(metrics: Metrics) -> list[Value]:
    dtypes = metrics.graph.parameters.column("dtype")
    return [", ".join(dict.fromkeys([dtypes[i] for i in ids])) if ids else None for ids in metrics.held]


def _share(metrics: Metrics) -> list[Value]:
    total = metrics.params[0]
    return [None if n is None or not total else n / total for n in metrics.params]


def _output_bytes(metrics: Metrics) -> list[Value]:
    known: dict[int, int | None] = {}  # by identity: most rows give one of a few tensors
    found: list[Value] = []
    for specs in metrics.outputs:
        total: int | None = 0 if specs else None
        for spec in specs:
            if id(spec) not in known:
                known[id(spec)] = metrics.graph.bytes_of(spec)
            total = _added(total, known[id(spec)])
        found.append(total)
    return found


def _calls(metrics: Metrics) -> list[Value]:
    tree = metrics.tree
    return [len(tree.calls[tree.parent[i] if kind == "group" else i]) for i, kind in enumerate(tree.kind)]


@final
@dataclass(frozen=True, slots=True)
class Column:
    """One column of the table.

    Attributes
    ----------
    name
        Its name in the DataFrame and on the wire.
    dtype
        ``"str"``, ``"shape"``, ``"count"`` (pandas ``Int64``), ``"ratio"`` (``Float64``) or ``"paths"``.
    values
        Its values, one per row; None is unknown.
    """

    name: str
    dtype: str
    values: Callable[[Metrics], Sequence[Value]]


COLUMNS: Sequence[Column] = (
    Column("kind", "str", lambda m: m.tree.kind),
    Column("type", "str", _type),
    Column("input_shape", "shape", lambda m: [_cell(specs) for specs in m.inputs]),
    Column("output_shape", "shape", lambda m: [_cell(specs) for specs in m.outputs]),
    Column("dtype", "str", lambda m: [specs[0].dtype if specs else None for specs in m.outputs]),
    Column("param_shape", "shape", _param_shape),
    Column("param_dtype", "str", _param_dtype),
    Column("params", "count", lambda m: m.params),
    Column("trainable_params", "count", lambda m: m.trainable),
    Column("own_params", "count", lambda m: m.own),
    Column("share", "ratio", _share),
    Column("bytes", "count", lambda m: m.bytes),
    Column("macs", "count", lambda m: m.macs),
    Column("output_bytes", "count", _output_bytes),
    Column("calls", "count", _calls),
    Column("order", "count", lambda m: [call if call >= 0 else None for call in m.tree.first_call]),
    Column("connected_to", "paths", lambda m: [tuple(m.tree.path[row] for row in rows) for rows in m.upstream]),
)


@final
class _Computed(Mapping[str, Sequence[Value]]):
    """The columns by name, each computed when it is first asked for: the browser takes no column of paths, nor cells of shapes."""

    def __init__(self, metrics: Metrics, known: dict[str, Sequence[Value]]) -> None:
        self._metrics = metrics
        self._known = known

    def __getitem__(self, name: str) -> Sequence[Value]:
        if name not in self._known:
            self._known[name] = _VALUES[name](self._metrics)
        return self._known[name]

    def __contains__(self, name: object) -> bool:
        return name in _VALUES

    def __iter__(self) -> Iterator[str]:
        return iter(_VALUES)

    def __len__(self) -> int:
        return len(_VALUES)


_VALUES = {column.name: column.values for column in COLUMNS}
