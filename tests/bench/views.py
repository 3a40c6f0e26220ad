"""The rows about the first view of a large graph: from its decoded payload to a place for every box, in node."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.bench.figures import Figure
from tests.bench.models import model_graph, payload
from tests.bench.workshop import SCRIPTS, Workshop

ASKED = {
    "folded": "CPU time of the first view, folded",
    "open": "CPU time with everything open",
    "one": "one group opened, warm",
}


@dataclass(frozen=True)
class ViewRow:
    """One graph, and what a reader asks of it.

    Attributes
    ----------
    limits
        Longest times in milliseconds, by what ``views.mjs`` can be asked for.
    hard
        Those that are hard targets.
    """

    name: str
    graph: str
    limits: Mapping[str, float]
    hard: frozenset[str] = frozenset()

    def figures(self, workshop: Workshop) -> Iterator[Figure]:
        """Measure, in a fresh process for each figure."""
        bundle = workshop.bundle(SCRIPTS / "view.ts", "view.mjs")
        file = payload(model_graph(self.graph), workshop.cache / "graphs" / f"{self.graph}.bin")
        for asked, limit in self.limits.items():
            runs = [
                workshop.node([SCRIPTS / "views.mjs", bundle, file, asked], cap=workshop.cap)[0]
                for _ in range(workshop.runs)
            ]
            took = statistics.median(run["ms"] for run in runs)
            boxes = runs[0]["boxes"]
            what = f"{ASKED[asked]} ({boxes:,} {'box' if boxes == 1 else 'boxes'})"
            yield Figure(self.name, what, took, "ms", "limit", target=limit, hard=asked in self.hard)


VIEWS = (
    ViewRow(
        "view, 100,000 nodes",
        "tf_plain_100k",
        limits={"folded": 200, "open": 1000, "one": 5},
        hard=frozenset({"folded", "open"}),
    ),
)
