"""Print the graph of an ONNX file as ``graphs.mjs`` makes graphs: run with the package ``onnx`` on the path, alone.

    python onnx_graph.py light_densenet121.onnx

A name without a folder is one of the files that the package itself is tested with. Operations, inputs and outputs are
nodes; weights and constants are not.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CONSTANTS = {"Constant", "ConstantOfShape", "ConstantFill"}


def main() -> None:
    """Read, convert, print."""
    import onnx

    asked = Path(sys.argv[1])
    file = asked if asked.parent.name else Path(onnx.__file__).parent / "backend/test/data/light" / asked
    graph = onnx.load(str(file), load_external_data=False).graph
    json.dump({"name": file.stem, "groups": [], **converted(graph)}, sys.stdout)


def converted(graph: Any) -> dict[str, Any]:
    """Nodes, and one edge for each pair of nodes with a tensor between them."""
    made: dict[str, int] = {}
    nodes: list[dict[str, Any]] = []
    edges: dict[tuple[int, int], None] = {}
    for label, reads, gives in steps(graph):
        at = len(nodes)
        width = max(90, min(220, 24 + 7 * len(label) + at % 7 * 6))
        nodes.append({"label": label, "width": width, "height": 40, "group": -1})
        edges.update(dict.fromkeys((made[name], at) for name in reads if name in made))
        made.update(dict.fromkeys(gives, at))
    return {"nodes": nodes, "edges": list(edges)}


def steps(graph: Any) -> Iterator[tuple[str, list[str], list[str]]]:
    """What becomes a node, in order: its label, the tensors that it reads, and those that it gives."""
    weights = {tensor.name for tensor in graph.initializer}
    for value in graph.input:
        if value.name not in weights:
            yield value.name, [], [value.name]
    for node in graph.node:
        if node.op_type not in CONSTANTS:
            yield node.op_type, list(node.input), list(node.output)
    for value in graph.output:
        yield value.name, [value.name], []


if __name__ == "__main__":
    main()
