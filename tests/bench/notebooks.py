"""The rows about JupyterLab: how long a ready graph takes to be there, and what it takes of the tab's memory."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nbviz import wire
from nbviz.graph import ModelGraph
from tests.bench.figures import Figure
from tests.bench.keras_graph import keras_graph
from tests.bench.memory import memory_of
from tests.bench.models import model_graph
from tests.bench.workshop import Workshop

if TYPE_CHECKING:
    from tests.e2e.jupyter import Notebook

SHOW = (Path(__file__).parent / "drawing/show.js").read_text().rstrip().removesuffix(";")
"""Runs the first cell and returns the milliseconds until its view can be worked with."""

WORKS = (Path(__file__).parent / "drawing/works.js").read_text()
"""What that is, to be loaded before."""

SHOWN, ALL_OPEN = "nbviz.view(graph)", "nbviz.view(graph, depth=99)"
CLOSE = "import ipywidgets; ipywidgets.Widget.close_all()"


def gpt2(workshop: Workshop) -> ModelGraph:
    """GPT-2 small: all its blocks and heads, of a tiny width."""
    return keras_graph(workshop.cache / "graphs/gpt2.nbviz.json", "gpt2")


def plain(name: str) -> Callable[[Workshop], ModelGraph]:
    """One of the graphs of ``graphs.mjs``."""
    return lambda _: model_graph(name)


@contextmanager
def notebook(workshop: Workshop, name: str, shown: ModelGraph | str, cell: str = SHOWN) -> Iterator[Notebook]:
    """Open a new notebook with one cell; its kernel has nbviz, and the graph or what the code makes, and showed nothing yet."""
    from tests.e2e.jupyter import Notebook

    server = workshop.lab
    code = shown
    if isinstance(shown, ModelGraph):
        (server.work / f"{name}.json").write_text(wire.to_json(shown))
        code = f"graph = nbviz.read({name + '.json'!r})"
    server.write(f"{name}.ipynb", [cell])
    with workshop.pages.fresh() as page:
        opened = Notebook(page, server, f"{name}.ipynb")
        opened.connect()
        page.evaluate(WORKS)
        opened.kernel.run(f"import nbviz\n{code}")
        try:
            yield opened
        finally:
            opened.close()
            server.forget(f"{name}.ipynb")


@dataclass(frozen=True)
class ShowRow:
    """The time from ``nbviz.view``, of a graph or of a model, to a view that one can work with.

    It begins when JupyterLab sends the request to execute the cell, and ends with the first frame after table rows stand in
    the document, boxes stand in it and on the canvas, and a click on a box has selected it. The page looks in each of its
    frames. The server runs, the kernel has imported nbviz and read the graph; every run is a new output of the cell, the
    one before is closed. The very first, which makes kernel and page load what they need for widgets, is reported apart.
    """

    name: str
    shown: Callable[[Workshop], ModelGraph | str]
    seconds: float
    cell: str = SHOWN

    def figures(self, workshop: Workshop) -> Iterator[Figure]:
        """Measure."""
        with notebook(workshop, "show", self.shown(workshop), self.cell) as opened:
            first, *others = [self._show(opened) for _ in range(workshop.runs + 1)]
        limit = 1000 * self.seconds
        what = f"{self.cell} to a click that selects"
        yield Figure(self.name, what, statistics.median(others), "ms", "limit", target=limit)
        yield Figure(self.name, f"{what}, the first in kernel and page", first, "ms", "report")

    @staticmethod
    def _show(opened: Notebook) -> float:
        took: float = opened.page.evaluate(SHOW)
        opened.command("notebook:clear-all-cell-outputs")
        opened.kernel.run(CLOSE)
        return took


@dataclass(frozen=True)
class MemoryRow:
    """What a shown graph takes of the tab's memory, above the same notebook before anything is shown; see ``memory.py``.

    The target is for the view as it first shows; with everything open it is reported beside.
    """

    name: str
    graph: Callable[[Workshop], ModelGraph]
    megabytes: float

    def figures(self, workshop: Workshop) -> Iterator[Figure]:
        """Measure, in a fresh page each time."""
        for cell, limit in {SHOWN: self.megabytes, ALL_OPEN: None}.items():
            runs = [self._grown(workshop, cell) for _ in range(workshop.runs)]
            heaps = statistics.median(heap for heap, _ in runs)
            kind = "report" if limit is None else "limit"
            what = "heaps and array buffers above an empty notebook"
            yield Figure(self.name, f"{cell}: {what}", heaps, "MB", kind, target=limit)
            processes = [process for _, process in runs if process is not None]
            if processes:
                what = "the tab's whole process above an empty notebook"
                yield Figure(self.name, f"{cell}: {what}", statistics.median(processes), "MB", "report")

    def _grown(self, workshop: Workshop, cell: str) -> tuple[float, float | None]:
        graph = self.graph(workshop)
        with notebook(workshop, f"memory-{graph.name}", graph, cell) as opened:
            before = memory_of(opened.page)
            opened.page.evaluate(SHOW)
            after = memory_of(opened.page)
        whole = None if before.process is None or after.process is None else after.process - before.process
        return after.heaps - before.heaps, whole


TORCH_GPT2 = """
import torch
from transformers import GPT2Config, GPT2Model
model = GPT2Model(GPT2Config()).eval()
inputs = {"input_ids": torch.ones(1, 64, dtype=torch.int64)}
"""
"""GPT-2 small itself, with weights: what is measured begins with the object."""

NOTEBOOKS = (
    ShowRow("JupyterLab, GPT-2 in PyTorch", lambda _: TORCH_GPT2, seconds=1.0, cell="nbviz.view(model, inputs)"),
    ShowRow("JupyterLab, GPT-2", gpt2, seconds=0.7),
    ShowRow("JupyterLab, 10,000 nodes", plain("tf_plain_10k"), seconds=1.0),
    ShowRow("JupyterLab, 100,000 nodes", plain("tf_plain_100k"), seconds=3.0),
    MemoryRow("memory, 100,000 nodes", plain("tf_plain_100k"), megabytes=150),
)
