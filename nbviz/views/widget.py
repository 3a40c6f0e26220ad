"""The linked table and graph as a notebook widget."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, final

import anywidget
import ipywidgets
import traitlets

from nbviz import wire
from nbviz.errors import NbvizError, OptionError, counted
from nbviz.graph import ModelGraph
from nbviz.metrics import COLUMNS, Metrics
from nbviz.options import above_zero, choice
from nbviz.reading import Reading, warn_if_partial
from nbviz.views import extra, page, picture, preview, program, save, static, svg, text
from nbviz.views.looks import COLOR_BY, DIRECTIONS, EDGE_WIDTHS, THEMES, Theme
from nbviz.views.pdf import pdf
from nbviz.views.present import present
from nbviz.views.requests import Requests
from nbviz.views.table import frame, shows_operations
from nbviz.views.traits import ColorBy, Columns, Paths

if TYPE_CHECKING:
    import os

    import pandas as pd

_STACK: Final = "≡"
"""Begins what stands for an open stack of equal siblings in ``expanded``: this, and the path of the first of them."""
_TABLE_IDS = ("path", *(column.name for column in COLUMNS))


@final
class ModelView(anywidget.AnyWidget):
    """A model as a table next to a graph, with a shared selection; ``nbviz.view`` returns it.

    Each attribute below is a trait that is synchronized with the browser: you can read, set, observe and link it.

    Attributes
    ----------
    selection
        Paths of the selected rows. Also accepts the framework's own layer names.
    focus
        Id of the call that was clicked, or None.
    expanded
        Paths of the rows that are open in table and graph; None until the view is first shown, which opens it to ``depth``.
        An open stack of equal siblings in the graph is ``"≡"`` followed by the path of the first sibling.
    depth
        Number of nesting levels to open at first, or ``"auto"``.
    direction
        Direction of the data flow: ``"down"`` or ``"right"``.
    color_by
        What the colors show, as for ``nbviz.view``. Also accepts a series, which is added as by ``add_column``.
    edge_width
        What the width of an edge shows: the ``"bytes"`` of its tensor, or ``"none"``.
    groups
        Whether to group layers by shared name prefixes.
    operations
        Whether operations that are not layers have table rows.
    search
        Words to look for in the names, types, dtypes and shapes of layers and operations, and of the parameters that they hold
        or read; rows and boxes that do not match are dimmed.
    filter
        Table rows to show: those that a search for ``"text"`` finds and that have one of the ``"types"`` (all if empty).
    sort
        Columns to sort the table by, each as ``{"id": column, "desc": bool}``.
    columns
        Table columns to show, in order; None for the default columns.
    title
        Heading; if ``""``, the name of the model.
    height
        Height in pixels; if None, it depends on the size of the model.
    split
        Fraction of the width for the table, from 0 (only the graph) to 1 (only the table).

    Examples
    --------
    Select and open rows:

    >>> view = nbviz.view(model)
    >>> view.observe(lambda change: print("selected:", change["new"]), "selection")
    >>> view.selection = "encoder"
    selected: ('encoder',)
    >>> view.focus = view.graph.calls_of["encoder"][1]  # its second call
    >>> view.expanded = []  # everything closed

    Change the graph:

    >>> view.direction, view.depth, view.groups = "right", 2, False
    >>> view.color_by, view.edge_width = "macs", "bytes"
    >>> view.color_by = view.table["macs"].rename("FLOPs") * 2  # numbers of your own

    Change the table:

    >>> view.columns = ["output_shape", "params", "FLOPs"]
    >>> view.sort = [{"id": "params", "desc": True}]
    >>> view.filter, view.operations = {"text": "dense", "types": []}, False
    >>> view.search = "score"

    Change the whole view:

    >>> view.title, view.height, view.split = "Questions and answers", 500, 0.6
    """

    # Text, not a path: anywidget ties every instance to a path that it could watch, and closed views would stay in memory.
    _esm = page.bundled("loader.js")

    _program = traitlets.Instance(program.Program, allow_none=True).tag(sync=True, **ipywidgets.widget_serialization)
    # What is too long for one message comes in traits payload_0, payload_1, ... before this one, which is set last.
    payload = traitlets.Bytes(b"").tag(sync=True)
    payload_parts = traitlets.Int(0).tag(sync=True)
    selection = Paths(()).tag(sync=True)
    focus = traitlets.Int(None, allow_none=True).tag(sync=True)
    expanded = traitlets.List(traitlets.Unicode(), default_value=None, allow_none=True).tag(sync=True)
    depth = traitlets.Union([traitlets.Int(min=1), traitlets.Enum(["auto"])], default_value="auto").tag(sync=True)
    direction = traitlets.Enum(DIRECTIONS, "down").tag(sync=True)
    color_by = ColorBy("params").tag(sync=True)
    edge_width = traitlets.Enum(EDGE_WIDTHS, "none").tag(sync=True)
    groups = traitlets.Bool(default_value=True).tag(sync=True)
    operations = traitlets.Bool(default_value=True).tag(sync=True)
    search = traitlets.Unicode("").tag(sync=True)
    filter = traitlets.Dict({"text": "", "types": []}).tag(sync=True)
    sort = traitlets.List(traitlets.Dict()).tag(sync=True)
    columns = Columns(traitlets.Unicode(), default_value=None, allow_none=True).tag(sync=True)
    extra_columns = traitlets.List(traitlets.Dict()).tag(sync=True)
    title = traitlets.Unicode("").tag(sync=True)
    height = traitlets.Int(None, allow_none=True, min=200).tag(sync=True)
    split = traitlets.Float(0.48, min=0.0, max=1.0).tag(sync=True)

    def __init__(
        self,
        reading: Reading,
        *,
        reread: Callable[[], Reading] | None = None,
        ops: str | bool = "auto",
        state: Mapping[str, Any] | None = None,
    ) -> None:
        """Create a view; use ``nbviz.view`` instead.

        Parameters
        ----------
        reading
            The model that was read.
        reread
            Function that reads the same model again.
        ops
            Whether operations that are not layers have table rows: True, False, or ``"auto"``.
        state
            Initial values of traits, by name.
        """
        self._reading = reading
        self._reread = reread
        self._ops = ops
        self._metrics = Metrics(reading.graph)
        self._extra: list[extra.Column] = []
        self._requests = Requests(self._tell, lambda: self._reading, self._pdf)
        if program.widgets_meet():
            state = {**(state or {}), "_program": program.shared()}
        else:
            self._esm = program.TEXT
        *before, last = wire.parts(wire.pack(self._metrics))
        super().__init__(
            payload=b"" if before else last,
            operations=shows_operations(self._metrics, ops=ops),
            **(state or {}),
        )
        if before:
            self._send_payload(before, last)
        self.on_msg(self._answer)

    _ipython_display_ = None
    """ipywidgets 7 has a method here, which goes before ``_repr_mimebundle_`` and would leave out the table."""

    # What Python reads

    @property
    def graph(self) -> ModelGraph:
        """The model graph.

        Examples
        --------
        >>> [layer.path for layer in view.graph.layers if layer.type == "Dense"]
        ['encoder', 'score']
        """
        return self._reading.graph

    @property
    def error(self) -> Exception | None:
        """The exception of a failed forward pass, or of a file that could only be read in part; otherwise None.

        Examples
        --------
        >>> view.error is None
        True
        """
        return self._reading.error

    @property
    def table(self) -> pd.DataFrame:
        """The summary table as a DataFrame, with your own columns last.

        Examples
        --------
        >>> view.table["own_params"].nlargest(2).to_dict()
        {'encoder': 36, 'score': 9}
        """
        table = frame(self._metrics, operations=self.operations, groups=self.groups)
        return extra.join(table, self._extra)

    @property
    def selected(self) -> pd.DataFrame:
        """Rows of the selection, in table order. Inputs and outputs of the model can be selected but have no rows.

        Examples
        --------
        >>> view.selection = ("score", "encoder")
        >>> view.selected["params"].to_dict()
        {'encoder': 36, 'score': 9}
        """
        table = extra.join(frame(self._metrics), self._extra)
        return table[table.index.isin(self.selection)]

    # What Python does

    def add_column(self, series: pd.Series[Any], label: str | None = None, unit: str | None = None) -> None:
        """Show your own numbers in the table, the inspector and the color menu.

        Parameters
        ----------
        series
            One value per layer, indexed by path or by the framework's own layer name. Missing rows are unknown.
        label
            Column heading; by default, the name of the series. An earlier column with the same label is replaced.
        unit
            Unit to show after the numbers.

        Raises
        ------
        UnknownPathError
            If an entry of the index does not exist in this model.
        OptionError
            If the column has no label, or the label of a built-in column.

        Examples
        --------
        >>> import pandas as pd
        >>> view.add_column(pd.Series({"encoder": 0.8, "score": 0.1}), "time", "ms")
        >>> view.table["time"].dropna().to_dict()
        {'encoder': 0.8, 'score': 0.1}
        """
        column = extra.column(self.graph, series, label, unit, taken=_TABLE_IDS)
        self._extra = [*(kept for kept in self._extra if kept.id != column.id), column]
        self._send_extra()

    def refresh(self) -> None:
        """Read the model again, keeping the selection and the open rows that still exist.

        Raises
        ------
        NbvizError
            If the model no longer exists.

        Examples
        --------
        >>> model.get_layer("encoder").trainable = False
        >>> view.refresh()
        >>> view.table.attrs["totals"]["trainable_params"]
        9
        """
        if self._reread is None:
            msg = "This view was made from a graph, not from a model: there is nothing to read again."
            raise NbvizError(msg)
        self._reading = self._reread()
        self._metrics = Metrics(self.graph)
        known = self.graph.paths
        *before, last = wire.parts(wire.pack(self._metrics))
        with self.hold_sync():
            self.focus = None
            self.selection = tuple(path for path in self.selection if path in known)
            if self.expanded is not None:
                self.expanded = [path for path in self.expanded if path.removeprefix(_STACK) in known]
            self.operations = shows_operations(self._metrics, ops=self._ops)
            self._send_extra()
            self._send_payload(before, last)

    def static(self) -> static.StaticView:
        """Return the view as a page in the cell output, which is interactive without a kernel and saved with the notebook.

        Examples
        --------
        >>> view.static()  # as the last expression of a cell
        <nbviz static view: shown as a page inside the notebook's output>
        """
        return static.StaticView(self._page(), self.height, len(self._metrics.tree), self._still())

    def save(
        self,
        path: str | os.PathLike[str],
        part: str | None = None,
        *,
        theme: Theme | None = None,
        dpi: float | None = None,
        max_pixels: int | None = picture.MAX_PIXELS,
    ) -> Path:
        """Save the view to a file; the suffix sets the format.

        Parameters
        ----------
        path
            Name of the file: ``.html`` (an interactive page), ``.svg``, ``.png``, ``.jpg``, ``.pdf`` (the graph as shown;
            needs the extra ``image``, but no browser), ``.csv``, ``.md``, ``.tex`` (the table as shown), ``.json`` (the
            model graph, which ``nbviz.read`` opens), ``.dot``, ``.gv`` (the result of ``nbviz.to_dot``).
        part
            ``"table"`` or ``"graph"`` to save only that part, for ``.html``; by default, both are saved.
        theme
            ``"light"`` or ``"dark"``, for pictures and pages; by default, a picture is light, and a page follows the system of
            its reader.
        dpi
            Dots per inch of a ``.png`` or ``.jpg``; 96 draws the graph in its size on screen. By default 200, limited by
            ``max_pixels``.
        max_pixels
            Maximum number of pixels of a ``.png`` or ``.jpg``. With None, ``dpi`` alone sets the size, and a picture with a
            side of more than 32,767 pixels is split into several files (``net-1.png``, ``net-2.png``, ..., row by row).

        Returns
        -------
        Path
            The file that was written; if there are several, the first one.

        Raises
        ------
        OptionError
            If the suffix or an argument is invalid.
        InputsError
            If the file is a picture and the model has no known calls, such as a checkpoint.
        MissingExtraError
            If the file is a picture and the extra ``image`` is not installed.

        Warns
        -----
        PartialReadWarning
            If the forward pass failed; the part that was reached is saved.
        PictureWarning
            If the picture has fewer pixels than ``dpi`` needs, too few to be readable, or is split into several files.

        Examples
        --------
        >>> view.save("net.html").name
        'net.html'
        >>> nbviz.read(view.save("net.json")) == view.graph
        True
        >>> view.save("net.png", theme="dark").name  # needs the extra ``image``
        'net.png'
        """
        warn_if_partial(self._reading, stacklevel=3)
        if theme is not None:
            choice("theme", theme, THEMES)
        above_zero("dpi", dpi)
        above_zero("max_pixels", max_pixels)

        def draw(file: Path) -> picture.Saved:
            drawn = self._drawn(theme or "light")
            return picture.save_picture(drawn, file, title=self._heading, dpi=dpi, max_pixels=max_pixels)

        whole = partial(self._page, theme=theme)
        saved = save.save(Path(path), part, page=whole, table=self._shown_table, picture=draw, graph=self.graph)
        saved.warn(stacklevel=2)
        return saved.paths[0]

    # Inner workings

    def _send_payload(self, before: Sequence[bytes], last: bytes) -> None:
        for index, part in enumerate(before):
            name = f"payload_{index}"
            if not self.has_trait(name):
                self.add_traits(**{name: traitlets.Bytes(b"").tag(sync=True)})
            self.set_trait(name, part)
        with self.hold_sync():
            for index in range(len(before), self.payload_parts):
                self.set_trait(f"payload_{index}", b"")
            self.payload_parts = len(before)
            self.payload = last

    def _state(self) -> dict[str, Any]:
        names = set(self.trait_names(sync=True)) - set(anywidget.AnyWidget.class_trait_names(sync=True))
        return {name: getattr(self, name) for name in sorted(names) if not name.startswith(("_", "payload"))}

    def _page(self, part: str | None = None, theme: Theme | None = None) -> str:
        state = self._state()
        if part is not None:
            state["split"] = 1.0 if part == "table" else 0.0
        before = [getattr(self, f"payload_{index}") for index in range(self.payload_parts)]
        payload, table = b"".join([*before, self.payload]), self._plain_table(styled=False)
        return page.page(state, payload, fallback=table, title=self._heading, theme=theme)

    @property
    def _heading(self) -> str:
        return self.title or self.graph.name

    def _plain_table(self, *, styled: bool = True) -> str:
        """Return what shows where the view itself cannot."""
        return static.table_html(self._metrics, self._heading, styled=styled)

    def _still(self) -> str:
        """Return what shows where a notebook is only read: the table, and the graph if it can be drawn."""
        few = len(self.graph.calls) <= preview.MOST_CALLS
        picture = preview.preview_html(wire.encode(self._metrics), self._state(), self._heading) if few else ""
        return preview.beside(self._plain_table(), picture)

    def _shown_table(self) -> pd.DataFrame:
        return present(self.table, self._metrics, sort=self.sort, filter=self.filter, columns=self.columns)

    def _send_extra(self) -> None:
        self.extra_columns = [column.on_wire(self._metrics.tree) for column in self._extra]

    @traitlets.validate("selection")
    def _resolve(self, proposal: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.graph.resolve(path) for path in proposal["value"]))

    @traitlets.validate("color_by")
    def _known_color(self, proposal: Mapping[str, Any]) -> str:
        known = (*COLOR_BY, *(column.id for column in self._extra))
        found: str = proposal["value"]
        return choice("color_by", found, known)

    @traitlets.validate("columns")
    def _known_columns(self, proposal: Mapping[str, Any]) -> list[str] | None:
        chosen: Sequence[str] | None = proposal["value"]
        return None if chosen is None else [choice("columns", name, self._column_ids) for name in chosen]

    @traitlets.validate("sort")
    def _known_sort(self, proposal: Mapping[str, Any]) -> list[dict[str, Any]]:
        keys: list[dict[str, Any]] = proposal["value"]
        for key in keys:
            choice("sort", key.get("id"), self._column_ids)
        return keys

    @property
    def _column_ids(self) -> tuple[str, ...]:
        return (*_TABLE_IDS, *(column.id for column in self._extra))

    @traitlets.observe("selection")
    def _keep_focus_inside(self, change: Mapping[str, Any]) -> None:
        if self.focus is not None and self.graph.calls[self.focus].path not in change["new"]:
            self.focus = None

    @traitlets.validate("focus")
    def _known_call(self, proposal: Mapping[str, Any]) -> int | None:
        call: int | None = proposal["value"]
        if call is not None and not 0 <= call < len(self.graph.calls):
            msg = f"focus must be a call id from 0 to {len(self.graph.calls) - 1}; found {call}."
            raise OptionError(msg)
        return call

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = None if self.comm is None else super()._repr_mimebundle_(**kwargs)
        if bundle is None:  # closed
            return None
        data, metadata = bundle
        return {**data, "text/plain": repr(self), "text/html": self._still()}, metadata

    def __str__(self) -> str:
        return text.summary_text(self._metrics, depth=self.depth)

    def __repr__(self) -> str:
        totals = self._metrics.totals["params"]
        parameters = "unknown number of parameters" if totals is None else counted(totals, "parameter")
        return f"<nbviz.ModelView of {self.graph.name!r}: {counted(len(self.graph.layers), 'layer')}, {parameters}>"

    # Requests from the browser

    def _answer(self, _widget: object, message: Mapping[str, Any], _buffers: object) -> None:
        if message.get("type") == "program":  # the loader has not found the shared one
            self.send({"type": "program", "text": program.TEXT})
        else:
            self._requests.answer(message)

    def _tell(self, content: Mapping[str, Any], buffers: list[bytes]) -> None:
        self.send(content, buffers)

    def _pdf(self, theme: Theme) -> bytes:
        return pdf(self._drawn(theme), self._heading)

    def _drawn(self, theme: Theme) -> str:
        return svg.draw(wire.encode(self._metrics), self._state(), theme=theme)
