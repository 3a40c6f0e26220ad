"""The graph for Graphviz, as ``keras.utils.model_to_dot`` draws it."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, final

from nbviz.metrics import Metrics
from nbviz.options import above_zero, choice
from nbviz.views.nodes import Nodes, nodes_of
from nbviz.views.plates import Plate, PlateOptions, Plates

SUFFIXES: Final = (".dot", ".gv")
RANKDIRS: Final = ("TB", "LR", "BT", "RL")
SPLINES: Final = ("ortho", "curved", "polyline", "spline", "line", "none")

_FONT: Final = "Helvetica"
_LAYER, _OTHER = "#263238", "#607d8b"
"""Behind the titles of layers, and of operations, inputs and constants."""
_MARKS: Final = {True: ("#2e7d32", "Trainable"), False: ("#b71c1c", "Non-trainable")}


@final
@dataclass(frozen=True, slots=True)
class Begin:
    """A cluster begins: what follows is in it until it ends."""

    id: str
    label: str


@final
@dataclass(frozen=True, slots=True)
class End:
    """The innermost cluster ends."""


@final
@dataclass(frozen=True, slots=True)
class Node:
    """A node."""

    id: str
    label: str


@final
@dataclass(frozen=True, slots=True)
class Dot:
    """A graph in the terms of the DOT language, for the text and for objects of libraries.

    Attributes
    ----------
    graph, cluster, node, edge
        Attributes of the graph, and those that all of its clusters, nodes and edges share.
    boxes
        Clusters and nodes in the order of execution; their labels are HTML-like.
    edges
        Pairs of node ids.
    """

    graph: Mapping[str, str]
    boxes: tuple[Begin | End | Node, ...]
    edges: tuple[tuple[str, str], ...]
    cluster: Mapping[str, str] = field(default_factory=lambda: {"style": "dashed", "labeljust": "l"})
    node: Mapping[str, str] = field(default_factory=lambda: {"shape": "plain", "fontname": _FONT})
    edge: Mapping[str, str] = field(default_factory=lambda: {"penwidth": "1.5"})

    def text(self) -> str:
        """Return the text for Graphviz."""
        lines = ["digraph {"]
        lines += [f"  {name} {_attributes(getattr(self, name))}" for name in ("graph", "node", "edge")]
        depth = 1
        for box in self.boxes:
            depth -= isinstance(box, End)
            indent = "  " * depth
            if isinstance(box, Node):
                lines.append(f"{indent}{box.id} {_attributes({'label': box.label})}")
            elif isinstance(box, Begin):
                depth += 1
                lines += [
                    f"{indent}subgraph {box.id} {{",
                    f"{indent}  graph {_attributes({**self.cluster, 'label': box.label})}",
                ]
            else:
                lines.append(f"{indent}}}")
        lines += [f"  {source} -> {target}" for source, target in self.edges]
        return "\n".join([*lines, "}", ""])


def _attributes(values: Mapping[str, str]) -> str:
    return f"[{', '.join(f'{name}={value}' for name, value in values.items())}]"


def dot_graph(
    metrics: Metrics,
    plates: PlateOptions,
    *,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: float = 200,
    splines: str = "ortho",
    layer_range: Sequence[str] | None = None,
) -> Dot:
    """Return a graph as Graphviz shall draw it; equal graphs give equal results.

    Edges are not concentrated as in Keras: where they are joined, nobody can tell which tensor goes where.
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
    return Dot(
        {"rankdir": rankdir, "dpi": f'"{dpi}"', "splines": splines, "fontname": _FONT},
        tuple(_boxes(metrics, nodes, said)),
        tuple((f"c{source}", f"c{target}") for source, target in nodes.edges),
    )


def _boxes(metrics: Metrics, nodes: Nodes, plates: Plates) -> Iterator[Begin | End | Node]:
    """Yield nodes in execution order, those of an open model inside its cluster."""
    graph = metrics.graph
    if not len(graph.calls):
        yield Node("model", _label(plates.model(), _LAYER))
        return
    parents, layers, kinds = (graph.calls.column(name) for name in ("parent", "layer", "kind"))
    opened = set(nodes.opened)
    inside: dict[int | None, list[int]] = {}
    for call in sorted((*nodes.shown, *nodes.opened), reverse=True):
        inside.setdefault(parents[call] if parents[call] in opened else None, []).append(call)
    waiting: list[int | None] = list(inside.get(None, []))
    while waiting:
        at = waiting.pop()
        if at is None:
            yield End()
        elif at in opened:
            yield Begin(f"cluster_{at}", f"<{_text(plates.name(at))}>")
            waiting += [None, *inside[at]]
        else:
            color = _OTHER if layers[at] is None or kinds[at] == "input" else _LAYER
            yield Node(f"c{at}", _label(plates.of(at), color))


def _label(plate: Plate, color: str) -> str:
    """Return a plate as a table of Graphviz: the title above, the activation below it, then the cells side by side."""
    cells = [f"{cell.label}: {_bold(cell.text)}" for cell in plate.cells]
    row = [_cell(cell) for cell in cells]
    if plate.trainable is not None:
        back, text = _MARKS[plate.trainable]
        row.append(_cell(_white(_bold(text)), back=back))
    title = _bold(plate.type) if plate.name is None else f"{_bold(plate.name)} ({_text(plate.type)})"
    rows = [[_cell(_white(f'<font point-size="16">{title}</font>'), back=color, span=len(row))]]
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
    # Graphviz takes a "]" before a tag for the end of a CDATA section, and stumbles
    return html.escape(text.replace("\\", r"\\")).replace("]", "&#93;") or "&#160;"
