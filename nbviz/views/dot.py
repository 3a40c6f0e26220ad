"""The graph as a text for Graphviz, as ``keras.utils.model_to_dot`` draws it."""

from __future__ import annotations

import html
import importlib
from collections.abc import Iterator, Sequence
from typing import Any, Final

from nbviz.errors import MissingExtraError, above_zero, choice
from nbviz.metrics import Metrics
from nbviz.views.nodes import Nodes, nodes_of
from nbviz.views.plates import Plate, PlateOptions, Plates

SUFFIXES: Final = (".dot", ".gv")
RANKDIRS: Final = ("TB", "LR", "BT", "RL")
SPLINES: Final = ("ortho", "curved", "polyline", "spline", "line", "none")
FORMS: Final = ("text", "pydot", "graphviz")

_FONT: Final = "Helvetica"
_LAYER, _OTHER = "#263238", "#607d8b"
"""Behind the titles of layers, and of operations, inputs and constants."""
_MARKS: Final = {True: ("#2e7d32", "Trainable"), False: ("#b71c1c", "Non-trainable")}


def dot_text(
    metrics: Metrics,
    plates: PlateOptions,
    *,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: float = 200,
    splines: str = "ortho",
    layer_range: Sequence[str] | None = None,
) -> str:
    """Return the graph in the DOT language; equal graphs give equal texts.

    Every name is escaped, and nodes are called ``c`` and the id of their call, so that nothing in a model can become markup
    or structure.

    Parameters
    ----------
    metrics
        The measured graph.
    plates
        What the nodes say.
    rankdir, expand_nested, dpi, splines, layer_range
        As for ``nbviz.to_dot``.

    Raises
    ------
    OptionError
        If an argument cannot be understood.
    """
    choice("rankdir", rankdir, RANKDIRS)
    choice("splines", splines, SPLINES)
    above_zero("dpi", dpi)
    said = Plates(metrics, plates)
    nodes = nodes_of(metrics.graph, expand_nested=expand_nested, layer_range=layer_range, name=said.name)
    lines = [
        "digraph {",
        f'  graph [rankdir={rankdir}, dpi={dpi}, splines={splines}, fontname="{_FONT}"]',
        f'  node [shape=plain, fontname="{_FONT}"]',
        "  edge [penwidth=1.5]",
        *_boxes(metrics, nodes, said),
        *(f"  c{source} -> c{target}" for source, target in nodes.edges),
        "}",
    ]
    return "\n".join(lines) + "\n"


def in_form(text: str, form: str) -> Any:
    """Return a DOT text as it is, or as the graph of a library: ``pydot.Dot`` or ``graphviz.Source``.

    Raises
    ------
    MissingExtraError
        If the library is not installed.
    """
    if form == "text":
        return text
    try:
        library = importlib.import_module(form)
    except ImportError as error:
        msg = f"form={form!r} needs the package {form}, which is not installed: pip install {form}."
        raise MissingExtraError(msg) from error
    return library.Source(text) if form == "graphviz" else library.graph_from_dot_data(text)[0]


def _boxes(metrics: Metrics, nodes: Nodes, plates: Plates) -> Iterator[str]:
    """Yield nodes in execution order, those of an open model inside its cluster."""
    graph = metrics.graph
    if not len(graph.calls):
        yield f"  model [label={_label(plates.model(), _LAYER)}]"
        return
    parents, layers = graph.calls.column("parent"), graph.calls.column("layer")
    opened = set(nodes.opened)
    inside: dict[int | None, list[int]] = {}
    for call in sorted((*nodes.shown, *nodes.opened)):
        inside.setdefault(parents[call] if parents[call] in opened else None, []).append(call)
    waiting: list[tuple[int, int | str]] = [(1, call) for call in reversed(inside.get(None, []))]
    while waiting:
        depth, item = waiting.pop()
        indent = "  " * depth
        if isinstance(item, str):
            yield indent + item
        elif item in opened:
            yield f"{indent}subgraph cluster_{item} {{"
            yield f"{indent}  graph [style=dashed, labeljust=l, label=<{_text(plates.name(item))}>]"
            waiting.append((depth, "}"))
            waiting += [(depth + 1, call) for call in reversed(inside[item])]
        else:
            colour = _OTHER if layers[item] is None or graph.calls.column("kind")[item] == "input" else _LAYER
            yield f"{indent}c{item} [label={_label(plates.of(item), colour)}]"


def _label(plate: Plate, colour: str) -> str:
    """Return a plate as a table of Graphviz: the title above, the activation below it, then the cells side by side."""
    cells = [f"{cell.label}: {_bold(cell.text)}" for cell in plate.cells]
    row = [_cell(cell) for cell in cells]
    if plate.trainable is not None:
        back, text = _MARKS[plate.trainable]
        row.append(_cell(_white(_bold(text)), back=back))
    title = _bold(plate.type) if plate.name is None else f"{_bold(plate.name)} ({_text(plate.type)})"
    rows = [[_cell(_white(f'<font point-size="16">{title}</font>'), back=colour, span=len(row))]]
    if plate.activation is not None:
        rows.append([_cell(f"Activation: {_bold(plate.activation)}", span=len(row))])
    if row:
        rows.append(row)
    table = "".join(f"<tr>{''.join(cells)}</tr>" for cells in rows)
    return f'<<table border="0" cellborder="1" cellspacing="0" cellpadding="8">{table}</table>>'


def _cell(content: str, *, back: str = "white", span: int = 1) -> str:
    spans = f' colspan="{span}"' if span > 1 else ""
    return f'<td bgcolor="{back}"{spans}>{content}</td>'


def _white(content: str) -> str:
    return f'<font color="white">{content}</font>'


def _bold(text: str) -> str:
    return f"<b>{_text(text)}</b>"


def _text(text: str) -> str:
    r"""Return plain text as the content of an HTML-like label, which may not be empty and reads ``\N`` as a node's name."""
    return html.escape(text.replace("\\", r"\\")) or "&#160;"
