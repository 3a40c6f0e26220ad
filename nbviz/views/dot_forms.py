"""A Graphviz graph as text, or as an object of the pydot or graphviz package."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any, Final

from nbviz.errors import MissingExtraError
from nbviz.views.dot import Begin, Dot, Node

FORMS: Final = ("text", "pydot", "graphviz")


def in_form(dot: Dot, form: str) -> Any:
    """Return a graph as text, as a ``pydot.Dot`` or as a ``graphviz.Source``.

    Raises
    ------
    MissingExtraError
        If the library is not installed.
    """
    if form == "text":
        return dot.text()
    try:
        library = importlib.import_module(form)
    except ImportError as error:
        msg = f"form={form!r} needs the package {form}, which is not installed: pip install {form}."
        raise MissingExtraError(msg) from error
    return _pydot(dot, library) if form == "pydot" else library.Source(dot.text())


def _pydot(dot: Dot, library: ModuleType) -> Any:
    """Build the object piece by piece: the time of pydot's own parser doubles with every cluster in a cluster."""
    whole = library.Dot(graph_type="digraph", **dot.graph)
    whole.set_node_defaults(**dot.node)
    whole.set_edge_defaults(**dot.edge)
    around = [whole]
    for box in dot.boxes:
        if isinstance(box, Node):
            around[-1].add_node(library.Node(box.id, label=box.label))
        elif isinstance(box, Begin):
            around.append(library.Cluster(box.id.removeprefix("cluster_"), label=box.label, **dot.cluster))
        else:
            cluster = around.pop()
            around[-1].add_subgraph(cluster)
    for ends in dot.edges:
        whole.add_edge(library.Edge(*ends))
    return whole
