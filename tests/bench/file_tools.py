"""Read one file with one tool, in a process of its own; print what it took and what it found as JSON.

    python -m tests.bench.file_tools TOOL FILE TINY CALLS SECONDS CAP

The tool reads TINY first, a file of the same kind: what it imports then is there. What follows is as in ``calls.py``, and the
memory that counts is that of the first call, which nothing of an earlier one is left for.
"""

from __future__ import annotations

import json
import math
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.calls import Limits, attempt, several


@dataclass(frozen=True)
class Tool:
    """A way to read a file.

    Attributes
    ----------
    read
        What is measured.
    says
        What was found, looked up when the clock has stopped.
    """

    read: Callable[[str], Any]
    says: Callable[[Any], dict[str, float]]


def view(path: str) -> Any:
    """The widget, with the payload for the browser."""
    import nbviz

    return nbviz.view(path)


def read(path: str) -> Any:
    """The model graph."""
    import nbviz

    return nbviz.read(path)


def onnx_inferred(path: str) -> Any:
    """The model with its shapes, as the package ``onnx`` infers them."""
    import onnx

    return onnx.shape_inference.infer_shapes(onnx.load(path))


def onnx_fields(path: str) -> Any:
    """The same, with what each node and each tensor says of itself taken out of the protocol buffers, once.

    Whatever shows the graph in Python takes longer.
    """
    model = onnx_inferred(path)
    nodes = [
        (node.name, node.op_type, node.domain, list(node.input), list(node.output), [a.name for a in node.attribute])
        for node in model.graph.node
    ]
    shapes = {
        info.name: (
            info.type.tensor_type.elem_type,
            [dim.dim_value or dim.dim_param for dim in info.type.tensor_type.shape.dim],
        )
        for info in model.graph.value_info
    }
    return model, nodes, shapes


def safetensors_slices(path: str) -> Any:
    """Shape and dtype of each tensor, by name, from the shards beside an index or in a folder."""
    from safetensors import safe_open

    asked = Path(path)
    found = {}
    for shard in sorted((asked if asked.is_dir() else asked.parent).glob("*.safetensors")):
        with safe_open(shard, framework="numpy") as file:
            for name in file.keys():  # noqa: SIM118 - it is no dict
                held = file.get_slice(name)
                found[name] = held.get_shape(), held.get_dtype()
    return found


def gguf_reader(path: str) -> Any:
    """The reader of the package ``gguf``, which has read metadata and tensors' headers when it is made."""
    from gguf import GGUFReader

    return GGUFReader(path)


def _view_says(shown: Any) -> dict[str, float]:
    sent = len(shown.payload) + sum(len(getattr(shown, f"payload_{part}")) for part in range(shown.payload_parts))
    found = {**_read_says(shown.graph), "sent": sent}
    shown.close()
    return found


def _read_says(graph: Any) -> dict[str, float]:
    from nbviz.metrics import Metrics

    holders = set(graph.calls.column("parent"))
    leaves = (call for call, kind in enumerate(graph.calls.column("kind")) if kind not in {"input", "output"})
    nodes = sum(call not in holders for call in leaves)
    return {"nodes": nodes, "tensors": len(graph.parameters), "params": Metrics(graph).totals["params"]}


def _onnx_says(model: Any) -> dict[str, float]:
    weights = model.graph.initializer
    params = sum(math.prod(weight.dims) for weight in weights)
    return {"nodes": len(model.graph.node), "tensors": len(weights), "params": params}


def _safetensors_says(found: Any) -> dict[str, float]:
    return {"tensors": len(found), "params": sum(math.prod(shape) for shape, _ in found.values())}


def _gguf_says(reader: Any) -> dict[str, float]:
    tensors = reader.tensors
    return {"tensors": len(tensors), "params": sum(int(tensor.n_elements) for tensor in tensors)}


TOOLS = {
    "nbviz.view": Tool(view, _view_says),
    "nbviz.read": Tool(read, _read_says),
    "onnx": Tool(onnx_inferred, _onnx_says),
    "onnx fields": Tool(onnx_fields, lambda found: _onnx_says(found[0])),
    "safetensors": Tool(safetensors_slices, _safetensors_says),
    "gguf": Tool(gguf_reader, _gguf_says),
}


def measure(tool: Tool, path: str, tiny: str, limits: Limits) -> dict[str, Any]:
    """Read the tiny file, then the other several times."""
    tool.says(tool.read(tiny))
    found = several(lambda: tool.read(path), tool.says, limits)
    return {**found, "memory": found["first_memory"]}


def main() -> None:
    """Measure what the command line names."""
    name, path, tiny, calls, seconds, cap = sys.argv[1:]
    warnings.simplefilter("ignore")
    limits = Limits(int(calls), float(seconds), int(cap))
    sys.stdout.write(json.dumps(attempt(lambda: measure(TOOLS[name], path, tiny, limits))) + "\n")


if __name__ == "__main__":
    main()
