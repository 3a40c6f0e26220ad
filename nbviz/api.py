"""The public functions; the only module that uses both adapters and views."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from nbviz import adapters
from nbviz.collecting import uncollected
from nbviz.errors import NbvizError
from nbviz.graph import ModelGraph
from nbviz.metrics import Metrics
from nbviz.options import above_zero, at_least, choice, levels, refuse_unknown, text_or_none
from nbviz.reading import Reading, warn_if_partial
from nbviz.views import dot, save, table, text
from nbviz.views.dot_forms import FORMS, in_form
from nbviz.views.looks import COLOR_BY, DIRECTIONS, OPS, THEMES, Theme
from nbviz.views.picture import MAX_PIXELS, Picture
from nbviz.views.plates import PlateOptions
from nbviz.views.plot import draw_plot, plot_path
from nbviz.views.waiting import told_to_wait

if TYPE_CHECKING:
    import os

    import pandas as pd

    from nbviz.views.widget import ModelView


_LOWEST = 200
"""Pixels that a view takes at least."""


def view(
    model: Any,
    inputs: Any = None,
    *,
    title: str | None = None,
    height: int | None = None,
    depth: int | str = "auto",
    direction: str = "down",
    color_by: str | pd.Series[Any] = "params",
    columns: Sequence[str] | None = None,
    ops: bool | str = "auto",
    groups: bool = True,
    run: bool = False,
    constants: bool = False,
    strict: bool = False,
    **unknown: Any,
) -> ModelView:
    """Show a model as a linked table and graph; as the last expression of a cell, the view is displayed.

    Parameters
    ----------
    model
        A model object, the path of a model file, checkpoint or model folder, a dict of arrays such as a state dict, or a
        ``ModelGraph``.
    inputs
        Example tensors, shapes (``(None, 224, 224, 3)``) or specs with a dtype: one, a tuple, or a dict by name. Needed
        only if the framework does not already know them; for an ONNX model, they set the sizes that the file leaves open.
    title
        Heading of the view; by default, the name of the model.
    height
        Height in pixels; by default, it depends on the size of the model.
    depth
        Number of nesting levels to open at first; ``"auto"`` opens levels until about 40 boxes are visible.
    direction
        Direction of the data flow: ``"down"`` or ``"right"``.
    color_by
        ``"params"``, ``"type"``, ``"dtype"``, ``"trainable"``, ``"macs"``, ``"bytes"`` or ``"none"``, or a series with
        your own numbers, as for ``ModelView.add_column``.
    columns
        Table columns to show, named as in ``view.table``.
    ops
        Whether operations that are not layers (``add``, ``reshape``) get table rows; ``"auto"`` shows them unless there are
        more operations than layers.
    groups
        Whether to group layers by shared name prefixes.
    run
        Run the model once on ``inputs``; needed when control flow depends on tensor values (PyTorch only; a diagnostic
        suggests it). The model runs without gradients in its current mode; buffers and random states are restored.
    constants
        Show stored constants as boxes (ONNX, TFLite, SavedModel) instead of as settings of the operations that use them.
    strict
        If the forward pass fails, raise the model's own exception instead of showing the part that was reached.

    Returns
    -------
    ModelView
        The widget. If the forward pass failed, ``view.error`` holds the exception.

    Raises
    ------
    NbvizError
        A subclass of it, if the object cannot be read or an argument is invalid.

    Examples
    --------
    >>> nbviz.view(model, direction="right", color_by="macs", columns=["params", "macs"])
    <nbviz.ModelView of 'matcher': 6 layers, 45 parameters>

    A model with mismatched shapes is shown up to the layer that failed:

    >>> nbviz.view(broken, inputs=(None, 8)).error
    ValueError(...)
    """
    from nbviz.views.extra import is_series
    from nbviz.views.widget import ModelView

    refuse_unknown(view, unknown)
    choice("direction", direction, DIRECTIONS)
    if not is_series(color_by):
        choice("color_by", color_by, COLOR_BY)
    depth = levels(depth)
    if height is not None:
        height = at_least(_LOWEST, "height", height, or_else="None")
    text_or_none("title", title)
    choice("ops", ops, OPS)
    choice("groups", groups, (True, False))
    choice("run", run, (True, False))
    choice("constants", constants, (True, False))
    state = {
        "title": title or "",
        "height": height,
        "depth": depth,
        "direction": direction,
        "color_by": color_by,
        "columns": columns,
        "groups": bool(groups),
    }
    with uncollected():
        reading = _read(model, inputs, strict=strict, run=run, constants=constants)
        reread = _reader(model, inputs, run=run, constants=constants)
        return ModelView(reading, reread=reread, ops=ops, state=state)


def read(
    source: Any, inputs: Any = None, *, constants: bool = False, strict: bool = False, **unknown: Any
) -> ModelGraph:
    """Read a model and return its graph.

    Parameters
    ----------
    source
        As ``model`` of ``view``, or the path of a saved graph (``.json``).
    inputs, constants, strict
        As for ``view``.

    Warns
    -----
    PartialReadWarning
        If the forward pass failed; the graph then holds the part that was reached, and its diagnostics say why.

    Examples
    --------
    >>> graph = nbviz.read(model)
    >>> graph.name, len(graph.layers), len(graph.calls)
    ('matcher', 6, 8)
    """
    refuse_unknown(read, unknown)
    return _checked(source, inputs, strict=strict, constants=constants).graph


def summary(
    model: Any, inputs: Any = None, *, ops: bool | str = "auto", strict: bool = False, **unknown: Any
) -> pd.DataFrame:
    """Return the summary table: one row per layer, operation and group, indexed by path.

    Parameters
    ----------
    model, inputs, ops, strict
        As for ``view``.

    Returns
    -------
    DataFrame
        Columns ``kind``, ``type``, ``input_shape``, ``output_shape``, ``dtype``, ``param_shape``, ``param_dtype``,
        ``params``, ``trainable_params``, ``own_params``, ``share``, ``bytes``, ``macs``, ``output_bytes``, ``calls``,
        ``order`` and ``connected_to``; unknown values are missing. The numbers of a row include everything inside it, so
        the rows of one level add up to the total. ``own_params``, ``param_shape`` and ``param_dtype`` cover only the
        parameters that the row holds itself, so ``own_params`` adds up over all rows. ``attrs["totals"]`` holds the
        totals of the model.

    Warns
    -----
    PartialReadWarning
        As for ``read``.

    Examples
    --------
    >>> table = nbviz.summary(model)
    >>> list(table.index)
    ['', 'question', 'answer', 'encoder', 'joined', 'score']
    >>> table["params"].tolist()
    [45, 0, 0, 36, 0, 9]
    >>> table.loc["encoder", "output_shape"]
    (None, 4)
    >>> table.attrs["totals"]["params"], table.attrs["macs_basis"]
    (45, 'per example')
    """
    refuse_unknown(summary, unknown)
    choice("ops", ops, OPS)
    metrics = Metrics(_checked(model, inputs, strict=strict).graph)
    return table.frame(metrics, operations=table.shows_operations(metrics, ops=ops))


def print_summary(
    model: Any,
    inputs: Any = None,
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
    print_fn: Callable[[str], object] | None = None,
    *,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
    depth: int | str = "auto",
    ops: bool | str = "auto",
    strict: bool = False,
    **unknown: Any,
) -> None:
    """Print layer, type, output shape, parameter count and connections, then the totals.

    Parameters
    ----------
    model, inputs, ops, strict
        As for ``view``.
    line_length
        Width of the text in characters; by default, the width of the terminal.
    positions
        End of each column, as a fraction of the width or in characters.
    print_fn
        Function that is called once with the whole text, instead of ``print``.
    expand_nested
        Show the layers inside nested models.
    show_trainable
        Show whether each layer is trainable.
    layer_range
        First and last layer to show, as names or regular expressions.
    depth
        Number of nesting levels to show, at least 1. ``"auto"`` means 1, or more if that would show a single row; for a
        model without a graph, as many levels as fit on a screen.

    Warns
    -----
    PartialReadWarning
        As for ``read``.

    Examples
    --------
    >>> nbviz.print_summary(model, line_length=66, layer_range=("joined", "score"))
    Model: "matcher"
    ┏━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━┳━━━━━━━━━━━┳━━━━━━━━━━━━━━━━┓
    ┃ Layer (type)     ┃ Output Shape   ┃   Param # ┃ Connected to   ┃
    ┡━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━╇━━━━━━━━━━━╇━━━━━━━━━━━━━━━━┩
    │ joined           │ (None, 8)      │         0 │ encoder[0][0], │
    │ (Concatenate)    │                │           │ encoder[1][0]  │
    ├──────────────────┼────────────────┼───────────┼────────────────┤
    │ score (Dense)    │ (None, 1)      │         9 │ joined[0][0]   │
    └──────────────────┴────────────────┴───────────┴────────────────┘
     Total params: 45 (180.00 B)
     Trainable params: 45 (180.00 B)
     Non-trainable params: 0 (0.00 B)
    """
    refuse_unknown(print_summary, unknown)
    depth = levels(depth)
    choice("ops", ops, OPS)
    if line_length is not None:
        line_length = at_least(1, "line_length", line_length, or_else="None")
    metrics = Metrics(_checked(model, inputs, strict=strict).graph)
    (print_fn or print)(
        text.summary_text(
            metrics,
            line_length=line_length,
            positions=positions,
            expand_nested=expand_nested,
            show_trainable=show_trainable,
            layer_range=layer_range,
            depth=depth,
            ops=ops,
        )
    )


def plot_model(  # noqa: PLR0917 - the positions are Keras's
    model: Any,
    to_file: str | os.PathLike[str] | None = "model.png",
    show_shapes: bool = False,  # noqa: FBT001, FBT002
    show_dtype: bool = False,  # noqa: FBT001, FBT002
    show_layer_names: bool = False,  # noqa: FBT001, FBT002
    rankdir: str = "TB",
    expand_nested: bool = False,  # noqa: FBT001, FBT002
    dpi: float = 200,
    show_layer_activations: bool = False,  # noqa: FBT001, FBT002
    show_trainable: bool = False,  # noqa: FBT001, FBT002
    splines: str = "ortho",
    *,
    inputs: Any = None,
    layer_range: Sequence[str] | None = None,
    fold: bool | None = None,
    depth: int | str = "auto",
    columns: int = 1,
    color_by: str = "none",
    theme: Theme = "light",
    max_pixels: int | None = MAX_PIXELS,
    strict: bool = False,
    **unknown: Any,
) -> Picture | None:
    """Draw a model to a file, as ``keras.utils.plot_model`` does, but for every framework and without Graphviz.

    The arguments and results are those of Keras, so you only need to change the import. In addition, each call of a shared
    layer shows its own shapes, the calls of a subclassed model are drawn, and large models stay readable. This function
    needs the extra ``image``.

    Parameters
    ----------
    model, inputs, strict
        As for ``view``.
    to_file
        File name with the suffix ``.png``, ``.jpg``, ``.svg``, ``.pdf``, or ``.dot`` for Graphviz; without a suffix, a PNG
        is written. None writes no file.
    show_shapes
        Show input and output shapes; unknown shapes are ``?``.
    show_dtype
        Show the dtype of the outputs.
    show_layer_names
        Show the name of each layer in addition to its type.
    rankdir
        Direction of the data flow: ``"TB"`` (down), ``"LR"`` (right), ``"BT"`` (up) or ``"RL"`` (left).
    expand_nested
        Draw the layers inside nested models, and inside your own layers, in frames.
    dpi
        Dots per inch of ``.png`` and ``.jpg``, limited by ``max_pixels``.
    show_layer_activations
        Show the activation of each layer that has one.
    show_trainable
        Show whether each layer with weights is trainable.
    splines
        Style of the edges, for ``.dot`` only; in pictures, nbviz routes the edges around the boxes.
    layer_range
        First and last top-level layer to draw, as names or regular expressions.
    fold
        Whether to draw each group of layers and each series of repeated blocks as one box. By default, only if the model
        has too many boxes to be readable.
    depth
        Number of open levels in a folded drawing, as for ``view``: with 1, every group is one box.
    columns
        Number of columns that a long drawing is split into, side by side.
    color_by
        How to color the titles of the boxes, as for ``view``.
    theme
        ``"light"`` or ``"dark"``.
    max_pixels
        Maximum number of pixels of ``.png`` and ``.jpg``. With None, ``dpi`` alone sets the size, and a picture with a side
        of more than 32,767 pixels is split into several files (``model-1.png``, ``model-2.png``, ..., row by row).

    Returns
    -------
    Picture or None
        The picture, which a notebook displays; ``paths`` holds the files that were written. None for ``.dot``.

    Raises
    ------
    NbvizError
        A subclass of it, if an argument is invalid, the model has no known calls, or the extra ``image`` is missing.

    Warns
    -----
    PartialReadWarning
        As for ``read``.
    PictureWarning
        If the picture is folded, scaled or split into several files.

    Examples
    --------
    >>> nbviz.plot_model(model, to_file="model_plot.png", show_shapes=True, show_layer_names=True)
    <nbviz picture of 'matcher', ... x ..., in model_plot.png>

    Split for a printed page, with the data flowing from left to right in two rows:

    >>> nbviz.plot_model(model, "model.pdf", rankdir="LR", columns=2).paths[0].name
    'model.pdf'
    """
    refuse_unknown(plot_model, unknown)
    choice("splines", splines, dot.SPLINES)
    choice("theme", theme, THEMES)
    choice("color_by", color_by, COLOR_BY)
    above_zero("dpi", dpi)
    above_zero("max_pixels", max_pixels)
    depth = levels(depth)
    columns = at_least(1, "columns", columns)
    path = None if to_file is None else plot_path(to_file)
    options = PlateOptions(
        show_shapes=show_shapes,
        show_dtype=show_dtype,
        show_layer_names=show_layer_names,
        show_layer_activations=show_layer_activations,
        show_trainable=show_trainable,
    )
    metrics = Metrics(_checked(model, inputs, strict=strict).graph)
    if path is not None and path.suffix.lower() in dot.SUFFIXES:
        written = dot.dot_graph(
            metrics,
            options,
            rankdir=rankdir,
            expand_nested=expand_nested,
            dpi=dpi,
            splines=splines,
            layer_range=layer_range,
        )
        save.write(path, written.text())
        return None
    drawn = draw_plot(
        metrics,
        options,
        rankdir=rankdir,
        expand_nested=expand_nested,
        layer_range=layer_range,
        fold=fold,
        depth=depth,
        columns=columns,
        color_by=color_by,
        theme=theme,
    )
    saved = drawn.save(path, dpi=dpi, max_pixels=max_pixels)
    saved.warn(stacklevel=2)
    return Picture(drawn.svg, drawn.title, saved.paths)


def to_dot(
    model: Any,
    inputs: Any = None,
    *,
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: float = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    layer_range: Sequence[str] | None = None,
    form: str = "text",
    strict: bool = False,
    **unknown: Any,
) -> Any:
    """Return the graph in Graphviz's DOT language, with the options and look of ``keras.utils.model_to_dot``.

    Each node is a call: a layer that is called twice is two nodes with their own shapes, while Keras draws one. The calls of
    a subclassed model are drawn, while Keras draws one box. The text needs neither Graphviz nor pydot.

    Parameters
    ----------
    model, inputs, strict
        As for ``view``.
    show_shapes
        Show input and output shapes; unknown shapes are ``?``.
    show_dtype
        Show the dtype of the outputs.
    show_layer_names
        Show the name of each layer in addition to its type.
    rankdir
        Direction of the data flow: ``"TB"`` (down), ``"LR"`` (right), ``"BT"`` (up) or ``"RL"`` (left).
    expand_nested
        Draw the layers inside nested models and inside your own layers. Layers of the framework stay closed.
    dpi
        Dots per inch of the pictures that Graphviz renders.
    show_layer_activations
        Show the activation of each layer that has one.
    show_trainable
        Show whether each layer with weights is trainable.
    splines
        Style of the edges: ``"ortho"``, ``"curved"``, ``"polyline"``, ``"spline"``, ``"line"`` or ``"none"``.
    layer_range
        First and last top-level layer to draw, as names or regular expressions.
    form
        ``"text"``, ``"pydot"`` (a ``pydot.Dot``) or ``"graphviz"`` (a ``graphviz.Source``); the last two need the package
        of that name.

    Returns
    -------
    str or object
        The text in the DOT language, or the object that ``form`` names.

    Raises
    ------
    NbvizError
        A subclass of it, if an argument is invalid, or the package for ``form`` is missing.

    Warns
    -----
    PartialReadWarning
        As for ``read``.

    Examples
    --------
    >>> import keras, nbviz
    >>> layers = [keras.Input((4,)), keras.layers.Dense(2, name="hidden"), keras.layers.Dense(1, name="score")]
    >>> text = nbviz.to_dot(keras.Sequential(layers), show_shapes=True, rankdir="LR")
    >>> print(text.splitlines()[-2])
      c2 -> c3
    >>> nbviz.to_dot(keras.Sequential(layers), form="graphviz").source == nbviz.to_dot(keras.Sequential(layers))
    True
    """
    refuse_unknown(to_dot, unknown)
    choice("form", form, FORMS)
    said = PlateOptions(
        show_shapes=show_shapes,
        show_dtype=show_dtype,
        show_layer_names=show_layer_names,
        show_layer_activations=show_layer_activations,
        show_trainable=show_trainable,
    )
    found = dot.dot_graph(
        Metrics(_checked(model, inputs, strict=strict).graph),
        said,
        rankdir=rankdir,
        expand_nested=expand_nested,
        dpi=dpi,
        splines=splines,
        layer_range=layer_range,
    )
    return in_form(found, form)


def _read(source: Any, inputs: Any, *, strict: bool, **how: bool) -> Reading:
    choice("strict", strict, (True, False))
    with uncollected(), told_to_wait():
        reading = adapters.read(source, inputs, **how)
    if strict and reading.error is not None:
        raise reading.error
    return reading


def _checked(source: Any, inputs: Any, *, strict: bool, **how: bool) -> Reading:
    reading = _read(source, inputs, strict=strict, **how)
    warn_if_partial(reading, stacklevel=4)
    return reading


def _reader(model: Any, inputs: Any, **how: bool) -> Callable[[], Reading]:
    """Return what reads the same model again, held weakly: a displayed view must not pin a model's memory."""
    try:
        source = weakref.ref(model)
    except TypeError:
        if isinstance(model, dict):  # nothing can hold one weakly
            return _not_again
        return lambda: _read(model, inputs, strict=False, **how)  # a path

    def reread() -> Reading:
        alive = source()
        if alive is None:
            msg = "The model of this view no longer exists: call nbviz.view on the new one."
            raise NbvizError(msg)
        return _read(alive, inputs, strict=False, **how)

    return reread


def _not_again() -> Reading:
    msg = "A view does not keep the arrays of a dict in memory, so it cannot read them again: call nbviz.view on the dict again."
    raise NbvizError(msg)
