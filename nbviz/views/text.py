"""The summary as text, in the layout of Keras's ``Model.summary`` with additional information."""

from __future__ import annotations

import functools
import itertools
import math
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import final

from nbviz.errors import OptionError
from nbviz.graph import Diagnostic, OptimizerState
from nbviz.metrics import Metrics
from nbviz.shape import Shape, Shapes
from nbviz.views.box import FRAME, NO_BREAK, BoxColumn, box_table, clean, text_width, wrap
from nbviz.views.connections import Connections, Source
from nbviz.views.ranges import name_range
from nbviz.views.table import shows_operations

UNKNOWN = "?"
_LEAST_WIDTH = 40
"""A terminal narrower than this is taken for one that does not tell its width."""
_STEP = 3
"""Blanks for each level that a row is nested."""
_MOST_CALLS = 8
_MOST_NOTES = 20
_SCREEN = 24
"""Rows of a tree that are shown without asking."""


def summary_text(
    metrics: Metrics,
    *,
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
    depth: int | str = "auto",
    ops: bool | str = "auto",
) -> str:
    """Return layer, type, output shape, parameter count and connections as a text table, then the totals.

    Parameters
    ----------
    metrics
        The measured graph.
    line_length
        Width in characters; by default that of the terminal, 88 at most (108 with connections), as in Keras.
    positions
        Where each column ends, as shares of the width or, when the last is above 1, in characters. One number fewer than
        there are columns leaves the connections out.
    expand_nested
        Show what is inside nested models and layers.
    show_trainable
        Show whether each layer is trained.
    layer_range
        Names of the first and the last layer to show, or patterns that they match; the totals stay those of the model.
    depth
        How many levels of layers inside layers to show, from 1. ``"auto"`` is 1, or as many as it takes to see more than one
        row; without a graph, where the tree is all that there is, as many as fit on a screen.
    ops
        Whether bare operations are rows; ``"auto"`` shows them unless they outnumber the layers.

    Raises
    ------
    OptionError
        If an argument cannot be understood, or the columns do not fit into the width.
    """
    rows = _rows(metrics, depth, expand_nested=expand_nested, ops=ops)
    shown = _in_range(rows, layer_range)
    connected = not rows.connections.linear()
    if positions is not None and len(positions) == 3:  # what suits Keras, which draws any subclassed model as a chain
        connected = False
    shape = _SHAPES[metrics.shape_column]
    columns = _columns(_headings(shape, connected=connected, trainable=show_trainable), line_length, positions)
    width = sum(column.width + FRAME for column in columns) + 1
    name = clean(metrics.graph.name)
    step = _step(max(rows.depth[row] for row in shown), columns[0].width)
    cells = [_cells(rows, row, step, connected=connected, trainable=show_trainable) for row in shown]
    parts = [f'Model: "{name}"', box_table(columns, cells), *_totals(metrics), *_notes(rows, width)]
    return "\n".join(parts)


def paths_to_depth(metrics: Metrics, depth: int) -> list[str]:
    """Return the paths of the rows that a summary down to ``depth`` shows."""
    return [path for path, shown in zip(metrics.tree.path, _Rows(metrics, depth).visible, strict=True) if shown]


@final
class _Rows:
    """Which rows are shown, and how deep each is nested."""

    def __init__(self, metrics: Metrics, levels: float, *, ops: bool | str = "auto") -> None:
        self.metrics = metrics
        self.labels = [clean(label) for label in metrics.tree.labels]
        self.operations = shows_operations(metrics, ops=ops)
        self.visible: list[bool] = []
        self.depth: list[int] = []
        tree = metrics.tree
        holds_calls = tree.holds_calls
        for row, kind in enumerate(tree.kind):
            parent = tree.parent[row]
            if parent < 0 or kind == "group":
                self.visible.append(False)
                self.depth.append(-1)
                continue
            # A container that is never called itself, such as a list of blocks, is no box: its layers are the model's.
            opened = self.depth[parent] + 1 < levels or (not tree.calls[parent] and holds_calls[parent])
            inside = parent == 0 or self.visible[parent]
            self.visible.append(inside and opened and (kind == "layer" or self.operations))
            self.depth.append(self.depth[parent] + 1)
        if not any(self.visible):  # a single layer
            self.visible[0], self.depth[0] = True, 0

    @functools.cached_property
    def connections(self) -> Connections:
        return Connections(self.metrics, self.visible)

    def top_level(self) -> list[int]:
        return [row for row, depth in enumerate(self.depth) if depth == 0 and self.visible[row]]


def _rows(metrics: Metrics, depth: int | str, *, expand_nested: bool, ops: bool | str) -> _Rows:
    """Return the rows down to a depth; one that holds all the others does not stand alone unless that was asked for."""
    if expand_nested or depth != "auto":
        return _Rows(metrics, math.inf if expand_nested else int(depth), ops=ops)
    inside = Counter(path.count("/") for path in metrics.graph.layers.column("path") if path)
    levels = 1 if metrics.graph.calls else _levels_on_a_screen(inside)
    rows = _Rows(metrics, levels, ops=ops)
    while sum(rows.visible) <= levels < len(inside):  # each level so far has one
        levels += 1
        rows = _Rows(metrics, levels, ops=ops)
    return rows


def _levels_on_a_screen(inside: Mapping[int, int]) -> int:
    upto = itertools.accumulate(inside[level] for level in range(len(inside)))
    return max(1, sum(count <= _SCREEN for count in upto))


def _in_range(rows: _Rows, layer_range: Sequence[str] | None) -> list[int]:
    shown = [row for row, visible in enumerate(rows.visible) if visible]
    if layer_range is None:
        return shown
    top = rows.top_level()
    wanted = name_range([rows.labels[row] for row in top], layer_range)
    start = top[wanted.start]
    end = top[wanted.stop] if wanted.stop < len(top) else len(rows.visible)
    return [row for row in shown if start <= row < end]


# Columns

_LAYER = BoxColumn("Layer (type)", 0)
_SHAPES = {"output_shape": BoxColumn("Output Shape", 0), "param_shape": BoxColumn("Param Shape", 0)}
_PARAMS = BoxColumn("Param #", 0, "right")
_CONNECTED = BoxColumn("Connected to", 0)
_TRAINABLE = BoxColumn("Trainable", 0, "center")
_TRAINABLE_SPAN = len(_TRAINABLE.header) + FRAME + 1


def _headings(shape: BoxColumn, *, connected: bool, trainable: bool) -> list[BoxColumn]:
    optional = [(_CONNECTED, connected), (_TRAINABLE, trainable)]
    return [_LAYER, shape, _PARAMS, *(column for column, wanted in optional if wanted)]


def _columns(
    headings: Sequence[BoxColumn], line_length: int | None, positions: Sequence[float] | None
) -> list[BoxColumn]:
    """Give the columns their widths: each ends where ``positions`` says, and pays for its own left border."""
    connected, trainable = _CONNECTED in headings, _TRAINABLE in headings
    ends = list(positions or ((0.3, 0.56, 0.74, 1.0) if connected else (0.45, 0.80, 1.0)))
    expected = len(headings) - trainable
    if len(ends) != expected or any(b <= a for a, b in itertools.pairwise([0, *ends])):
        names = ", ".join(column.header for column in headings[:expected])
        msg = f"positions must be {expected} increasing numbers, the ends of the columns {names}; found {positions!r}."
        raise OptionError(msg)
    if ends[-1] > 1:
        length = line_length or int(ends[-1])
        ends = [end / ends[-1] for end in ends]
    else:
        length = line_length or _default_length(connected=connected, trainable=trainable)
    if trainable:  # Keras squeezes the others to 0.9, which cuts the heading of this one on most screens
        kept = min(0.9, 1 - _TRAINABLE_SPAN / length)
        ends = [*(end * kept for end in ends), 1.0]
    stops = [0, *(int(end * length + 1e-9) for end in ends)]
    spans = [stop - start for start, stop in itertools.pairwise(stops)]
    spans[-1] -= 1  # the border that closes the table
    if min(spans) < FRAME + 1:
        msg = (
            f"A line of {length} characters is too narrow for {len(headings)} columns that end at "
            f"{tuple(stops[1:])}: pass a larger line_length or other positions."
        )
        raise OptionError(msg)
    return [BoxColumn(c.header, span - FRAME, c.align) for c, span in zip(headings, spans, strict=True)]


def _default_length(*, connected: bool, trainable: bool) -> int:
    terminal = shutil.get_terminal_size().columns
    most = (108 if connected else 88) + (12 if trainable else 0)
    return min(most, terminal - 4) if terminal >= _LEAST_WIDTH else 76


def _step(deepest: int, width: int) -> int:
    """Return how many blanks a level is indented: fewer where rows are so deep that no room would be left for their names."""
    return min(_STEP, max(1, width // 2 // deepest)) if deepest else _STEP


# Cells


def _cells(rows: _Rows, row: int, step: int, *, connected: bool, trainable: bool) -> list[str]:
    columns = rows.metrics.columns
    depth = rows.depth[row]
    indent = " " * step * depth + "└ " if depth else ""
    kind = clean(str(columns["type"][row]))
    calls = len(rows.metrics.tree.calls[row])
    again = f"\n{' ' * step * depth}{calls} calls" if calls > 1 else ""
    cells = [f"{indent}{rows.labels[row]} ({kind}){again}", _shape(rows, row), _count(columns["params"][row])]
    if connected:
        cells.append(_connected(rows, row))
    if trainable:
        cells.append(_trainable(rows.metrics, row))
    return cells


def _count(value: int | None) -> str:
    return UNKNOWN if value is None else f"{value:,}"


def _shape(rows: _Rows, row: int) -> str:
    """Return the output shapes of all calls, each once, or why there is none; without any calls, those of parameters."""
    tree, calls = rows.metrics.tree, rows.metrics.graph.calls
    if not calls:
        held = rows.metrics.columns["param_shape"][row]
        built = rows.metrics.columns["params"][row] is not None
        return _text(held) if held is not None or not built else "-"
    mine = tree.calls[row]
    if not mine:
        return _missing_shape(rows, row)
    if any(calls.column("failed")[call] for call in mine):
        return "failed here"
    outputs = calls.column("outputs")
    shapes = dict.fromkeys(", ".join(_text(spec.shape) for spec in outputs[call]) for call in mine)
    return _limited([shape or UNKNOWN for shape in shapes], "shapes")


def _text(shape: Shape | Shapes | None) -> str:
    return UNKNOWN if shape is None else clean(str(shape)).replace(" ", NO_BREAK)


def _missing_shape(rows: _Rows, row: int) -> str:
    failed = rows.metrics.graph.calls.column("failed")
    if len(failed) <= 1 and not any(failed):  # nothing at all was traced
        return UNKNOWN
    if rows.metrics.tree.takes_part[row]:
        return "-"
    return "not reached" if any(failed) else "not called"


def _connected(rows: _Rows, row: int) -> str:
    """Where each call takes its tensors from, as ``layer[call][output]``, one line per call."""
    found = [", ".join(_source(rows, source) for source in sources) or "-" for sources in rows.connections.of(row)]
    return _limited(found, "calls") or "-"


def _source(rows: _Rows, source: Source) -> str:
    port = UNKNOWN if source.port is None else source.port
    return f"{rows.labels[source.row]}[{source.call}][{port}]"


def _limited(lines: Sequence[str], what: str) -> str:
    more = len(lines) - _MOST_CALLS
    return "\n".join(lines if more <= 0 else [*lines[:_MOST_CALLS], f"and {more} more {what}"])


def _trainable(metrics: Metrics, row: int) -> str:
    params, trained = metrics.columns["params"][row], metrics.columns["trainable_params"][row]
    layer = metrics.tree.layer[row]
    switch = None if layer < 0 else metrics.graph.layers.column("trainable")[layer]
    if params == 0:
        return "-"
    if switch is not None:
        return "Y" if switch else "N"
    if params is None or trained is None:
        return UNKNOWN
    return "Y" if trained == params else "part" if trained else "N"


# Below the table


def size_text(size: float | None) -> str:
    """Return a number of bytes in units of 1024, as Keras prints it."""
    if size is None:
        return UNKNOWN
    value = float(size)
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if value < 1024:
            return f"{value:.2f} {unit}"
        value /= 1024
    return f"{value:.2f} PB"


def _totals(metrics: Metrics) -> list[str]:
    graph, totals = metrics.graph, metrics.totals
    known = totals["params"] is not None
    trained = _bytes(metrics, trainable=True) if known else None
    frozen = _bytes(metrics, trainable=False) if known else None
    lines = [
        ("Total", totals["params"], totals["bytes"]),
        ("Trainable", totals["trainable_params"], trained),
        ("Non-trainable", totals["non_trainable_params"], frozen),
    ]
    found = [
        f" {name} params: " + ("unknown" if count is None else f"{_count(count)} ({size_text(size)})")
        for name, count, size in lines
    ]
    return [*found, *optimizer_of(graph.optimizer)]


def optimizer_of(optimizer: OptimizerState | None) -> list[str]:
    """Return the line that tells of an optimizer's own variables, none where there are none."""
    if optimizer is None:
        return []
    return [f" Optimizer params: {_count(optimizer.size)} ({size_text(optimizer.bytes)}), not in the total"]


def _bytes(metrics: Metrics, *, trainable: bool) -> int | None:
    sizes = [p.bytes for p in metrics.graph.parameters if p.kind == "weight" and p.trainable == trainable]
    return None if None in sizes else sum(size for size in sizes if size is not None)


def _notes(rows: _Rows, width: int) -> Iterable[str]:
    graph, kinds = rows.metrics.graph, rows.metrics.tree.kind
    count = kinds.count("operation")
    hidden = f"{count:,} operations are not shown; connections pass through them. In Python, ops=True shows them."
    return notes_of(graph.diagnostics, width, () if rows.operations else [Diagnostic("note", hidden)])


def notes_of(diagnostics: Iterable[Diagnostic], width: int, more: Iterable[Diagnostic] = ()) -> Iterable[str]:
    """Yield the lines that tell what a model's diagnostics say, with an empty one before them if there are any."""
    notes = [(d.level, d.path, d.message) for d in (*diagnostics, *more)]
    if notes:
        yield ""
    for level, path, message in notes[:_MOST_NOTES]:
        where = f" at {clean(path)}" if path else ""
        text = f" {level.capitalize()}{where}: " + " ".join(clean(line) for line in message.splitlines())
        yield from wrap(text, max(width, text_width(level) + FRAME))
    if len(notes) > _MOST_NOTES:
        yield f" and {len(notes) - _MOST_NOTES:,} more notes"
