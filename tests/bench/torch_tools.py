"""Show one PyTorch model with one tool, in a process of its own; print what it took and what it says as JSON.

    python -m tests.bench.torch_tools SUBJECT TOOL WAY CALLS SECONDS CAP FOLDER

The tool is imported in the first call, PyTorch and the model are there before. CALLS more follow, fewer if they take more
than SECONDS, and the process ends itself when the first takes longer than CAP. FOLDER holds the tools that nbviz does not need.
"""

from __future__ import annotations

import io
import json
import logging
import sys
import tempfile
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tests.bench.calls import Limits, attempt, several
from tests.bench.torch_zoo import SUBJECTS, Subject

Inputs = dict[str, Tensor]
Show = Callable[[nn.Module, Inputs], Any]
Says = Callable[[Any], dict[str, float]]


def _nothing(_result: Any) -> dict[str, float]:
    return {}


@dataclass(frozen=True)
class Tool:
    """A way from a module to something to look at.

    Attributes
    ----------
    show
        What is measured.
    says
        What the result says of the model, looked up when the clock has stopped.
    graph
        Whether there is a graph in the result.
    ways
        How it is called: the first that works counts. ``plain`` is as the module itself is called, ``positional``
        through a module that takes its tensors by position, and ``uncached`` like the one before it with
        configurations that ask for no cache of keys and values.
    """

    show: Show
    says: Says = _nothing
    graph: bool = False
    ways: tuple[str, ...] = ("plain",)


def forward(model: nn.Module, inputs: Inputs) -> object:
    """The module itself, on its device."""
    with torch.no_grad():
        return model(**inputs)


def view(model: nn.Module, inputs: Inputs) -> Any:
    """The widget, with the payload for the browser."""
    import nbviz

    return nbviz.view(model, inputs)


def read(model: nn.Module, inputs: Inputs) -> Any:
    """The model graph."""
    import nbviz

    return nbviz.read(model, inputs)


def read_tree(model: nn.Module, _inputs: Inputs) -> Any:
    """The model graph without calls: modules and parameters."""
    import nbviz

    return nbviz.read(model)


def torchinfo_tree(model: nn.Module, _inputs: Inputs) -> Any:
    """The summary of all modules, and its text."""
    import torchinfo

    shown = torchinfo.summary(model, depth=1000, verbose=0)
    str(shown)
    return shown


def torchinfo_inputs(model: nn.Module, inputs: Inputs) -> Any:
    """The summary of all modules with what nbviz's table shows too, and its text."""
    import torchinfo

    names = ("input_size", "output_size", "num_params", "mult_adds")
    device = next(iter(inputs.values())).device
    shown = torchinfo.summary(model, input_data=inputs, depth=1000, verbose=0, device=device, col_names=names)
    str(shown)
    return shown


def torchview_graph(model: nn.Module, inputs: Inputs) -> Any:
    """The graph of all modules as text for Graphviz, not drawn."""
    import torchview

    device = next(iter(inputs.values())).device
    return torchview.draw_graph(model, input_data=inputs, device=device, depth=1000, expand_nested=True)


def torchview_svg(model: nn.Module, inputs: Inputs) -> Any:
    """The graph of three levels, its default, drawn by Graphviz."""
    import torchview

    drawn = torchview.draw_graph(model, input_data=inputs, device=next(iter(inputs.values())).device)
    return drawn.visual_graph.pipe(format="svg")


def torchvista(model: nn.Module, inputs: Inputs) -> Any:
    """A page of HTML."""
    from torchvista import trace_model

    tensors = tuple(inputs.values())
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):
        page = Path(folder) / "page.html"
        trace_model(model, tensors[0] if len(tensors) == 1 else tensors, export_format="html", export_path=str(page))
        return page.read_text()


def export(model: nn.Module, inputs: Inputs) -> Any:
    """An exported program."""
    with torch.no_grad():
        return torch.export.export(model, (), inputs, strict=False)


def _view_says(shown: Any) -> dict[str, float]:
    if shown.error is not None:
        raise shown.error
    sent = len(shown.payload) + sum(len(getattr(shown, f"payload_{part}")) for part in range(shown.payload_parts))
    found = {**_read_says(shown.graph), "sent": sent}
    shown.close()
    return found


def _read_says(graph: Any) -> dict[str, float]:
    from nbviz.metrics import Metrics

    totals = Metrics(graph).totals
    return {name: totals[name] for name in ("params", "macs") if totals.get(name) is not None}


def _torchinfo_says(summary: Any) -> dict[str, float]:
    return {"params": summary.total_params, "macs": summary.total_mult_adds}


def _torchinfo_tree_says(summary: Any) -> dict[str, float]:
    return {"params": summary.total_params}


_UNCACHED = ("plain", "uncached")
TOOLS = {
    "forward": Tool(forward),
    "nbviz.view": Tool(view, _view_says, graph=True),
    "nbviz.read": Tool(read, _read_says, graph=True),
    "nbviz.read, tree": Tool(read_tree, _read_says),
    "torchinfo": Tool(torchinfo_tree, _torchinfo_tree_says),
    "torchinfo, inputs": Tool(torchinfo_inputs, _torchinfo_says),
    "torchview": Tool(torchview_graph, graph=True, ways=_UNCACHED),
    "torchview, SVG": Tool(torchview_svg, graph=True, ways=_UNCACHED),
    "torchvista": Tool(torchvista, graph=True, ways=("positional", "uncached")),
    "torch.export": Tool(export, graph=True, ways=_UNCACHED),
}


class Positional(nn.Module):
    """A module that takes by position what the one inside takes by name."""

    def __init__(self, model: nn.Module, names: tuple[str, ...]) -> None:
        super().__init__()
        self.model, self.names = model, names

    def forward(self, *tensors: Tensor) -> object:
        return self.model(**dict(zip(self.names, tensors, strict=True)))


def prepared(subject: Subject, tool: Tool, way: str) -> tuple[nn.Module, Inputs]:
    """Build the module so that the tool can be called that way."""
    model, inputs = subject.build(), subject.inputs()
    if way == "uncached":
        for module in model.modules():  # an encoder and a decoder have configurations of their own
            if hasattr(getattr(module, "config", None), "use_cache"):
                module.config.use_cache = False
    return (Positional(model, tuple(inputs)).eval() if "positional" in tool.ways else model), inputs


def measure(subject: Subject, tool: Tool, way: str, limits: Limits) -> dict[str, Any]:
    """Call the tool several times."""
    model, inputs = prepared(subject, tool, way)
    return several(lambda: tool.show(model, inputs), tool.says, limits)


def truth(subject: Subject) -> dict[str, Any]:
    """What is right: modules, parameters each counted once, and multiply-accumulates as PyTorch counts them in a forward.

    It counts on the meta device, as it leaves out the attention that the processor runs in one piece.
    """
    from torch.utils.flop_counter import FlopCounterMode

    subject = replace(subject, device="meta")
    model, inputs = subject.build(), subject.inputs()
    with FlopCounterMode(display=False) as counter:
        forward(model, inputs)
    params = sum(parameter.numel() for parameter in set(model.parameters()))
    return {
        "modules": sum(1 for _ in model.modules()),
        "params": params,
        "macs": counter.get_total_flops() // 2,
    }


def main() -> None:
    """Measure what the command line names."""
    name, tool, way, calls, seconds, cap, folder = sys.argv[1:]
    sys.path.append(folder)
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    torch.set_num_threads(1)
    subject = next(each for each in SUBJECTS if each.name == name)
    if tool == "truth":
        found = attempt(lambda: truth(subject))
    else:
        limits = Limits(int(calls), float(seconds), int(cap))
        found = attempt(lambda: measure(subject, TOOLS[tool], way, limits))
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
