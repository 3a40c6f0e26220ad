"""The text of a node of ``plot_model``: title, activation, shapes, dtype and trainable mark, as in Keras."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, final

from nbviz.flow import Crossed, across_groups
from nbviz.graph import TensorSpec
from nbviz.metrics import Metrics
from nbviz.views.box import clean
from nbviz.views.text import UNKNOWN

_SOURCES = ("input", "constant")
"""Kinds of call that take nothing."""
_NAMED_LAYER = re.compile(r"\w+\(name='([^']+)'")
"""A layer as a setting: ``LeakyReLU(name='leaky_re_lu', ...)``."""


@final
@dataclass(frozen=True, slots=True)
class PlateOptions:
    """What plates say besides the type; names and defaults are those of ``keras.utils.plot_model``.

    Attributes
    ----------
    show_shapes
        Input and output shapes.
    show_dtype
        Dtype of the output.
    show_layer_names
        The name, with the type behind it.
    show_layer_activations
        The activation of layers that have one.
    show_trainable
        Whether layers with weights are trained.
    """

    show_shapes: bool = False
    show_dtype: bool = False
    show_layer_names: bool = False
    show_layer_activations: bool = False
    show_trainable: bool = False


class Cell(NamedTuple):
    """One fact of a plate (``"Output shape"``, ``"(None, 2)"``)."""

    label: str
    text: str


@final
@dataclass(frozen=True, slots=True)
class Plate:
    """What one node says, as plain text without control characters; markup is left to who draws it.

    Attributes
    ----------
    name
        Its name as in the table (``"dense_1"``, ``"add#1"``), None where names are not shown.
    type
        Class of the layer, or name of the operation.
    activation
        Name of its activation, None where it has none or activations are not shown.
    cells
        Shapes and dtype, as far as they are shown.
    trainable
        Whether it is trained; None where it has no weights or this is not shown.
    """

    name: str | None
    type: str
    activation: str | None = None
    cells: tuple[Cell, ...] = ()
    trainable: bool | None = None

    @property
    def title(self) -> str:
        """The type, or the name with the type in parentheses."""
        return self.type if self.name is None else f"{self.name} ({self.type})"


@final
class Plates:
    """The plates of a graph.

    Texts are those of Keras, with three differences: each call of a shared layer shows its own shapes, several dtypes stand
    without quotes, and an operation is titled as it is written (``add``), with its number in the table as name.

    Parameters
    ----------
    metrics
        The measured graph.
    options
        What the plates say.
    """

    def __init__(self, metrics: Metrics, options: PlateOptions) -> None:
        self._metrics = metrics
        self._options = options
        self._frames = metrics.tree.frames

    def of(self, frame: int) -> Plate:
        """Return the plate of a frame: a call, open or closed, or an inferred group as seen in one call."""
        row = self._frames.row[frame]
        if self._is_group(frame):
            # the type of a group says nothing: its name is shown always
            return Plate(self.name(frame), "group", None, self._cells(*self._crossing[frame]), self._trainable(row))
        call = self._metrics.graph.calls[frame]
        name = self.name(frame) if self._options.show_layer_names else None
        takes = call.kind not in _SOURCES and (call.kind != "operation" or call.inputs)
        cells = self._cells(call.inputs if takes else None, None if call.kind == "output" else call.outputs)
        return Plate(name, clean(call.op), self._activation(row), cells, self._trainable(row))

    def model(self) -> Plate:
        """Return the plate of the whole model when nothing is known of its calls."""
        name = clean(self._metrics.tree.labels[0]) if self._options.show_layer_names else None
        type_ = clean(self._metrics.graph.layers.column("type")[0])
        return Plate(name, type_, self._activation(0), self._cells((), ()), self._trainable(0))

    def name(self, frame: int) -> str:
        """Return the name of a frame: that of its row, which for a layer of a functional model is the layer's own."""
        row = self._frames.row[frame]
        if row >= 0:
            return clean(self._metrics.tree.labels[row])
        return clean(self._metrics.graph.calls.column("path")[frame].rpartition("/")[2])  # an input that is no layer

    def _is_group(self, frame: int) -> bool:
        return frame >= len(self._metrics.graph.calls)

    def _cells(self, inputs: Sequence[TensorSpec] | None, outputs: Sequence[TensorSpec] | None) -> tuple[Cell, ...]:
        """Return the cells; None is a side that has no tensors by its nature, such as what goes into an input."""
        cells = []
        if self._options.show_shapes:
            sides = (("Input shape", inputs), ("Output shape", outputs))
            cells += [Cell(label, _shapes(specs)) for label, specs in sides if specs is not None]
        if self._options.show_dtype and outputs is not None:
            cells.append(Cell("Output dtype", _listed([spec.dtype or UNKNOWN for spec in outputs])))
        return tuple(cells)

    def _activation(self, row: int) -> str | None:
        layer = self._layer(row)
        if layer is None or not self._options.show_layer_activations:
            return None
        found = dict(self._metrics.graph.layers.column("settings")[layer]).get("activation")
        if found is None:
            return None
        named = _NAMED_LAYER.match(str(found))
        return clean(named[1] if named else str(found))

    def _trainable(self, row: int) -> bool | None:
        if row < 0 or not self._options.show_trainable or not self._metrics.columns["params"][row]:
            return None
        layer = self._layer(row)
        switch = None if layer is None else self._metrics.graph.layers.column("trainable")[layer]
        return bool(self._metrics.columns["trainable_params"][row]) if switch is None else bool(switch)

    def _layer(self, row: int) -> int | None:
        layer = -1 if row < 0 else self._metrics.tree.layer[row]
        return None if layer < 0 else layer

    @functools.cached_property
    def _crossing(self) -> Mapping[int, tuple[Sequence[TensorSpec], Sequence[TensorSpec]]]:
        """Tensors that enter and leave each group, each once, in each call in which it is seen."""
        made = self._metrics.graph.calls.column("outputs")
        entering, leaving = across_groups(self._metrics.tree)

        def tensors(crossed: Crossed, frame: int) -> Sequence[TensorSpec]:
            return [made[call][port] for call, port in crossed.get(frame, ())]

        groups = range(len(made), len(self._frames.row))
        return {frame: (tensors(entering, frame), tensors(leaving, frame)) for frame in groups}


def _shapes(specs: Sequence[TensorSpec]) -> str:
    return _listed([UNKNOWN if spec.shape is None else str(spec.shape) for spec in specs])


def _listed(texts: Sequence[str]) -> str:
    """Return the text of one tensor as it is, those of several as a list, and of none as unknown."""
    joined = ", ".join(map(clean, texts))
    return f"[{joined}]" if len(texts) > 1 else joined or UNKNOWN
