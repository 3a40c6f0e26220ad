"""The rows about layouts in node: our engine against other libraries, on the same graphs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.bench.figures import Figure
from tests.bench.real import application, onnx_file
from tests.bench.workshop import Run, Workshop

NAMES = {
    "dagre": "dagre 3",
    "netron": "Netron's dagre",
    "elk": "elkjs",
    "d3dag": "d3-dag, its fastest choices",
    "modelExplorer": "Model Explorer's dagre, group by group",
}


@dataclass(frozen=True)
class LayoutRow:
    """One graph, what it is laid out with, and what has to be reached.

    Attributes
    ----------
    groups
        Whether all groups stand open; otherwise there are none.
    faster, crossings, length, memory
        Targets by library; None reports the comparison without a target. ``"best"`` stands for the best of all libraries.
    seconds
        The longest time for ours; ``hard`` says whether it is one of the hard targets.
    least
        Crossings that no drawing of the graph can do without. Where that is known, to be within a hundredth of it is the
        hard target, and a share of another library's is one to be reported.
    counted
        Whether crossings are counted though there is nothing to compare them with.
    make
        Makes the graph; otherwise it is one of ``graphs.mjs``.
    """

    name: str
    graph: str
    groups: bool = False
    faster: Mapping[str, float | None] = field(default_factory=dict)
    crossings: Mapping[str, float | None] = field(default_factory=dict)
    length: Mapping[str, float | None] = field(default_factory=dict)
    memory: Mapping[str, float | None] = field(default_factory=dict)
    seconds: float | None = None
    hard: bool = False
    least: int | None = None
    counted: bool = False
    make: Callable[[Workshop], dict[str, Any]] | None = None

    def figures(self, workshop: Workshop) -> Iterator[Figure]:
        """Measure."""
        ours = "ours-groups" if self.groups else "ours"
        file = workshop.graph(self.graph, self.make and functools.partial(self.make, workshop))
        peers = [peer for peer in NAMES if peer in {*self.faster, *self.memory}]
        compared = self.crossings or self.length or self.counted
        judged = dict.fromkeys([ours, *peers], "quality") if compared else {ours: "sound"}
        runs = workshop.layouts(file, [ours, *peers], judged=judged)
        mine = runs.pop(ours)
        if self.seconds is not None or not peers:
            limit = None if self.seconds is None else 1000 * self.seconds
            kind = "report" if limit is None else "limit"
            hard = self.hard and workshop.judges_times
            yield Figure(self.name, "CPU time", mine.cpu, "ms", kind, target=limit, hard=hard)
        for peer, target in self.faster.items():
            run = runs[peer]
            what = f"CPU time, {NAMES[peer]}"
            yield Figure(self.name, what, mine.cpu, "ms", "faster", run.cpu, target, capped=run.capped)
        yield from self._drawing(mine, runs)
        for peer, target in self.memory.items():
            floor = workshop.empty()
            above = [max(0.1, run.memory - floor) for run in (mine, runs[peer])]
            what = f"memory above an empty process, {NAMES[peer]}"
            yield Figure(self.name, what, above[0], "MB", "faster", above[1], target)

    def _drawing(self, mine: Run, runs: Mapping[str, Run]) -> Iterator[Figure]:
        if mine.quality is None:
            raise RuntimeError(f"{self.name}: judging the drawing took too long")
        for key, targets, unit in (("crossings", self.crossings, ""), ("length", self.length, "px")):
            known = {peer: run.quality[key] for peer, run in runs.items() if run.quality}
            for peer, target in targets.items():
                if not known or (peer != "best" and peer not in known):
                    continue  # stopped before there was a drawing
                theirs = min(known.values()) if peer == "best" else known[peer]
                what = f"{'edge ' if key == 'length' else ''}{key}, {NAMES.get(peer, 'the best of them')}"
                hard = target is not None and not (key == "crossings" and self.least is not None)
                yield Figure(self.name, what, mine.quality[key], unit, "share", theirs, target, hard=hard)
        if self.least is not None:
            what = f"crossings above the {self.least:,} that no drawing can do without"
            more = mine.quality["crossings"] - self.least
            yield Figure(self.name, what, more, "", "limit", target=self.least // 100, hard=True)
        if self.counted:
            yield Figure(self.name, "crossings", mine.quality["crossings"], "", "report")
        overlaps = mine.quality["overlaps"] + mine.quality["outside"]
        yield Figure(self.name, "boxes that overlap", overlaps, "", "limit", target=0, hard=True)
        through = mine.quality["through"]
        yield Figure(self.name, "edges through boxes", through, "", "limit", target=0, hard=True)


LAYOUTS = (
    LayoutRow(
        "flat, tf_plain_10k",
        "tf_plain_10k",
        faster={"dagre": 100, "netron": 30, "elk": 60, "d3dag": 20},
        crossings={"best": 1},
        length={"dagre": 1},
        memory={"dagre": 35},
    ),
    LayoutRow(
        "flat, tf_full_1k",
        "tf_full_1k",
        faster={"dagre": 150, "netron": 60, "elk": 150},
        crossings={"dagre": 0.5},
    ),
    LayoutRow(
        "flat, moe_2k",
        "moe_2k",
        faster={"dagre": 150, "netron": 35},
        crossings={"dagre": 0.85},
        # Each of its 11 layers holds a subdivision of K(3, 32): tokens, chosen experts and sum, each joined to all
        # experts. Zarankiewicz's number, 240, is its least (Kleitman, "The crossing number of K(5,n)", 1970).
        least=11 * 240,
    ),
    LayoutRow("flat, DenseNet-201", "densenet201", faster={"netron": None}, seconds=0.2),
    LayoutRow("flat, 100,000 nodes, plain", "tf_plain_100k", seconds=0.6, hard=True),
    LayoutRow("flat, 100,000 nodes, full", "tf_full_100k", seconds=1.0, hard=True),
    LayoutRow("groups open, tf_plain_10k", "tf_plain_10k", groups=True, faster={"modelExplorer": 80}),
    LayoutRow("groups open, tf_full_10k", "tf_full_10k", groups=True, faster={"modelExplorer": None}, seconds=0.15),
    LayoutRow("groups open, 100,000 nodes, plain", "tf_plain_100k", groups=True, seconds=1.0, hard=True),
    LayoutRow("groups open, 100,000 nodes, full", "tf_full_100k", groups=True, seconds=1.0, hard=True),
)


def _read(name: str, size: int) -> Iterator[LayoutRow]:
    """A model of Keras's applications, as nbviz reads it: its layers alone, and in the groups that it finds."""
    graph, make = name.lower(), functools.partial(application, name=name, size=size)
    netron = {"netron": None}
    yield LayoutRow(f"real, {name}", graph, faster=netron, crossings=netron, make=make)
    yield LayoutRow(f"real, {name}, groups open", graph, groups=True, counted=True, make=make)


def _onnx(name: str, title: str) -> LayoutRow:
    """An ONNX file."""
    make, netron = functools.partial(onnx_file, name=name), {"netron": None}
    return LayoutRow(f"real, {title} (ONNX)", f"onnx_{name}", faster=netron, crossings=netron, make=make)


REAL = (
    *_read("NASNetLarge", 331),
    *_read("EfficientNetB7", 600),
    _onnx("densenet121", "DenseNet-121"),
    _onnx("inception_v2", "Inception v2"),
    _onnx("resnet50", "ResNet-50"),
    _onnx("shufflenet", "ShuffleNet"),
)
