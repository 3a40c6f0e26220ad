"""The picture of ``plot_model``: Keras's boxes and options, drawn by nbviz's own engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from nbviz import wire
from nbviz.errors import InputsError, OptionError, nearest
from nbviz.metrics import Metrics
from nbviz.options import choice
from nbviz.views import dot, picture, svg
from nbviz.views.looks import Theme
from nbviz.views.nodes import Nodes, nodes_of
from nbviz.views.plates import PlateOptions, Plates

if TYPE_CHECKING:
    import os

_FLOWS: Final = {"TB": ("down", False), "LR": ("right", False), "BT": ("down", True), "RL": ("right", True)}
"""Direction of a view, and whether it is mirrored."""

_MANY: Final = 200
"""Boxes from which a picture in full is too small to read at the default size."""


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing, what it shows, and what a reader should know of it."""

    svg: str
    title: str
    note: str | None

    def save(self, path: Path | None, *, dpi: float, max_pixels: int | None) -> picture.Saved:
        """Write it; arguments as ``nbviz.plot_model``, None writes nothing."""
        if path is None:
            return picture.Saved((), self.note)
        saved = picture.save_picture(self.svg, path, title=self.title, dpi=dpi, max_pixels=max_pixels)
        notes = [note for note in (self.note, saved.note) if note is not None]
        return picture.Saved(saved.paths, " ".join(notes) or None)


def plot_path(to_file: str | os.PathLike[str]) -> Path:
    """Return where a plot goes.

    Raises
    ------
    OptionError
        If its suffix is of nothing that can be written.
    """
    path = Path(to_file)
    suffix = path.suffix.lower()
    if suffix not in (known := ("", *picture.SUFFIXES, *dot.SUFFIXES)):
        msg = f"plot_model writes {', '.join(known[1:])}; found {path.name!r}.{nearest(suffix, known)}"
        raise OptionError(msg)
    return path


def draw_plot(
    metrics: Metrics,
    options: PlateOptions,
    *,
    rankdir: str,
    expand_nested: bool,
    layer_range: Sequence[str] | None,
    fold: bool | None,
    depth: int | str,
    columns: int,
    color_by: str,
    theme: Theme,
) -> Plot:
    """Draw a model; arguments and errors as ``nbviz.plot_model``."""
    direction, mirrored = _FLOWS[choice("rankdir", rankdir, _FLOWS)]
    picture.check_drawable(metrics.graph)
    plates = Plates(metrics, options)
    nodes = nodes_of(metrics.graph, expand_nested=expand_nested, layer_range=layer_range, name=plates.name)
    title = metrics.graph.name
    if not nodes.shown:
        msg = (
            f"The calls of {title!r} are unknown, so there is nothing to draw: pass inputs, for example "
            "inputs=(None, 224, 224, 3)."
        )
        raise InputsError(msg)
    folded = len(nodes.shown) > _MANY if fold is None else fold
    paths = metrics.graph.calls.column("path")
    told = range(len(metrics.tree.frames.row)) if folded else nodes.shown
    plot = {
        "plates": {
            _key(metrics, frame): {**asdict(plates.of(frame)), "layer": _is_layer(metrics, frame)} for frame in told
        },
        "hidden": sorted(_hidden(metrics, nodes)),
        "stacks": folded,
        "mirrored": mirrored,
    }
    state = {
        "direction": direction,
        "groups": folded,
        "depth": depth,
        "expanded": None if folded else sorted({paths[call] for call in nodes.opened}),
        "color_by": color_by,
    }
    drawn = svg.draw(wire.encode(metrics), state, theme=theme, plot=plot, columns=columns)
    note = None
    if folded and fold is None:
        note = (
            f"The model has {len(nodes.shown):,} boxes, so groups and repeats are folded; pass fold=False to draw "
            "them all."
        )
    return Plot(drawn, title, note)


def _key(metrics: Metrics, frame: int) -> str:
    """Return what the front end calls a frame."""
    frames = metrics.tree.frames
    return f"c{frame}" if frame < len(metrics.graph.calls) else f"g{frames.row[frame]}.{frames.call[frame]}"


def _is_layer(metrics: Metrics, frame: int) -> bool:
    """Tell layers and groups from operations, inputs and constants."""
    calls = metrics.graph.calls
    if frame >= len(calls):
        return True
    return calls.column("layer")[frame] is not None and calls.column("kind")[frame] != "input"


def _hidden(metrics: Metrics, nodes: Nodes) -> Iterator[int]:
    """Yield the calls that have no box though what is around them is open; no output has one."""
    calls = metrics.graph.calls
    seen = {*nodes.shown, *nodes.opened}
    opened = {*nodes.opened, 0}
    for call, (parent, kind) in enumerate(zip(calls.column("parent"), calls.column("kind"), strict=True)):
        if kind == "output" or (parent in opened and call not in seen):
            yield call
