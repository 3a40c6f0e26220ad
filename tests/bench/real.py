"""Graphs of real models for the rows about layouts: read by nbviz, or taken from ONNX files, in the form of ``graphs.mjs``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbviz.graph import Call, ModelGraph
from tests.bench.keras_graph import keras_graph
from tests.bench.workshop import Workshop


def application(workshop: Workshop, name: str, size: int) -> dict[str, Any]:
    """One of Keras's applications, for images of this size, without its weights."""
    return drawn(keras_graph(workshop.cache / "graphs" / f"{name}.nbviz.json", name, size))


def onnx_file(workshop: Workshop, name: str) -> dict[str, Any]:
    """One of the files that the package ``onnx`` is tested with: real models with their weights left out."""
    script = Path(__file__).with_name("onnx_graph.py")
    libraries = workshop.python()
    command = [sys.executable, str(script), f"light_{name}.onnx"]
    environment = {**os.environ, "PYTHONPATH": str(libraries)}
    done = subprocess.run(command, capture_output=True, check=True, env=environment, text=True)
    return json.loads(done.stdout)


def drawn(graph: ModelGraph) -> dict[str, Any]:
    """Calls that contain no call become nodes; those that do, and inferred groups, become groups."""
    parents = set(graph.calls.column("parent"))
    frames = _Frames(graph)
    node: dict[int, int] = {}
    nodes: list[dict[str, Any]] = []
    for call in graph.calls:
        if call.id in parents:
            continue
        node[call.id] = len(nodes)
        nodes.append(box(len(nodes), call.path.rpartition("/")[2] or call.op, frames.around(call)))
    ends = zip(graph.edges.column("source"), graph.edges.column("target"), strict=True)
    edges = dict.fromkeys((node[source], node[target]) for source, target in ends)
    return {"name": graph.name, "nodes": nodes, "edges": list(edges), "groups": frames.groups}


def box(number: int, label: str, group: int = -1) -> dict[str, Any]:
    """A node as ``graphs.mjs`` makes it: about as wide as its name."""
    width = max(90, min(220, 24 + 7 * len(label) + number % 7 * 6))
    return {"label": label, "width": width, "height": 40, "group": group}


@dataclass
class _Frames:
    """What stands around calls: the calls that contain them, and inferred groups within one such call."""

    graph: ModelGraph
    groups: list[dict[str, Any]] = field(default_factory=list)
    known: dict[tuple[str, int | None], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.inferred = {group.id: group for group in self.graph.groups}
        self.group_of = {path: group.id for group in self.graph.groups for path in group.members}

    def around(self, call: Call) -> int:
        """The innermost frame around a call, -1 for none."""
        inner = self.group_of.get(call.path)
        return self._call(call.parent) if inner is None else self._group(inner, call.parent)

    def _call(self, call: int | None) -> int:
        if call is None or self.graph.calls[call].parent is None:
            return -1
        held = self.graph.calls[call]
        return self._frame(("", call), held.path.rpartition("/")[2], lambda: self.around(held))

    def _group(self, group: str, within: int | None) -> int:
        outer = self.inferred[group].parent
        around = (lambda: self._call(within)) if outer is None else (lambda: self._group(outer, within))
        return self._frame((group, within), self.inferred[group].label, around)

    def _frame(self, key: tuple[str, int | None], label: str, around: Any) -> int:
        if key not in self.known:
            parent = around()  # first: a group comes after the one around it
            self.known[key] = len(self.groups)
            self.groups.append({"label": label, "parent": parent})
        return self.known[key]
