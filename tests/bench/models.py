"""Model graphs of any size for the rows about views: a bench graph as nbviz reads it from an exported program."""

from __future__ import annotations

import functools
import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbviz.columns import Columns
from nbviz.graph import Call, Edge, Layer, ModelGraph, Parameter, TensorSpec
from nbviz.shape import Shape
from tests.bench.workshop import SCRIPTS

WIDTH = 4096
HIDDEN = TensorSpec(Shape((None, "tokens", WIDTH)), "bfloat16")
SHAPES = {
    "input_ids": TensorSpec(Shape((None, "tokens")), "int64"),
    "view": TensorSpec(Shape((None, "tokens", 32, 128)), "bfloat16"),
    "transpose": TensorSpec(Shape((None, 32, "tokens", 128)), "bfloat16"),
    "matmul": TensorSpec(Shape((None, 32, "tokens", "tokens")), "bfloat16"),
    "softmax": TensorSpec(Shape((None, 32, "tokens", "tokens")), "bfloat16"),
    "silu": TensorSpec(Shape((None, "tokens", 14_336)), "bfloat16"),
}
"""What operations give, so that shapes change along the way as they do in a model; the others give HIDDEN."""

WEIGHTS = {"linear": Shape((WIDTH, WIDTH)), "embedding": Shape((128_256, WIDTH)), "mul_weight": Shape((WIDTH,))}


@dataclass
class _Model:
    """Groups become layers that are called once, nodes become the operations inside."""

    graph: dict[str, Any]
    layers: list[Layer] = field(default_factory=lambda: [Layer("", "model", "ExportedProgram")])
    calls: list[Call] = field(default_factory=lambda: [Call(0, "layer", "", "ExportedProgram", None, "")])
    parameters: list[Parameter] = field(default_factory=list)
    held: dict[str, tuple[int, ...]] = field(default_factory=dict)
    frames: dict[int, int] = field(default_factory=dict)
    counts: dict[tuple[str, str], int] = field(default_factory=dict)

    def frame(self, group: int) -> int:
        """The call of a group, begun when something in it first runs."""
        if group < 0:
            return 0
        if group not in self.frames:
            around = self.frame(self.graph["groups"][group]["parent"])
            label = self.graph["groups"][group]["label"]
            parent = self.calls[around].path
            path = f"{parent}/{label}" if parent else label
            kind = label.rstrip("0123456789").rstrip(".") or "block"
            self.layers.append(Layer(path, label, kind, parent=parent))
            self.frames[group] = len(self.calls)
            self.calls.append(Call(len(self.calls), "layer", path, kind, around, path))
        return self.frames[group]

    def operation(self, node: dict[str, Any], inputs: Sequence[TensorSpec]) -> int:
        """Add one operation, with the weight that it reads."""
        parent = self.frame(node["group"])
        holder, op = self.calls[parent].path, node["label"]
        number = self.counts[holder, op] = self.counts.get((holder, op), 0) + 1
        path = f"{holder}/{op}#{number}" if holder else f"{op}#{number}"
        weights = ()
        if op in WEIGHTS:
            weights = (len(self.parameters),)
            shape, size = WEIGHTS[op], WEIGHTS[op].size() or 0
            stored = Parameter(weights[0], "weight", "weight", shape, "bfloat16", True, 2 * size, size, (holder,))
            self.parameters.append(stored)
            self.held[holder] = (*self.held.get(holder, ()), *weights)
        output = SHAPES.get(op, HIDDEN)
        self.calls.append(
            Call(
                len(self.calls),
                "operation",
                path,
                op,
                parent,
                None,
                tuple(inputs),
                (output,),
                weights,
                source="net.py:1",
            )
        )
        return len(self.calls) - 1


@functools.lru_cache(maxsize=2)
def model_graph(name: str) -> ModelGraph:
    """One of the graphs of ``graphs.mjs``, as a model. Rows about one graph come one after the other and share it."""
    model = _Model(_generated(name))
    inputs: list[list[int]] = [[] for _ in model.graph["nodes"]]
    for source, target in model.graph["edges"]:
        inputs[target].append(source)
    call: list[int] = []
    edges: list[Edge] = []
    for node, sources in zip(model.graph["nodes"], inputs, strict=True):
        specs = [model.calls[call[source]].outputs[0] for source in sources]
        call.append(model.operation(node, specs))
        edges.extend(Edge(call[source], 0, call[-1], port) for port, source in enumerate(sources))
    layers = (
        Layer(layer.path, layer.name, layer.type, parent=layer.parent, parameters=model.held.get(layer.path, ()))
        for layer in model.layers
    )
    return ModelGraph(
        name=name,
        framework="bench",
        layers=Columns(Layer, layers),
        calls=Columns(Call, model.calls),
        edges=Columns(Edge, edges),
        parameters=Columns(Parameter, model.parameters),
    )


def _generated(name: str) -> dict[str, Any]:
    script = f'import {{ GRAPHS }} from "{(SCRIPTS / "graphs.mjs").as_uri()}";'
    write = f"process.stdout.write(JSON.stringify(GRAPHS[{json.dumps(name)}]({json.dumps(name)})))"
    command = ["node", "--input-type=module", "-e", f"{script}\n{write}"]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


def payload(graph: ModelGraph, file: Path) -> Path:
    """Write what the browser gets, uncompressed."""
    from nbviz import wire
    from nbviz.metrics import Metrics

    file.write_bytes(wire.encode(Metrics(graph)))
    return file
