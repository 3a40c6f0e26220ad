"""The row about the passes of a layout: where its time goes, once code is warm."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.bench.figures import Figure
from tests.bench.workshop import SCRIPTS, Workshop

TIMES = 20
"""Layouts that are measured, after as many that warm the code."""


@dataclass(frozen=True)
class PassesRow:
    """A graph without groups, laid out pass by pass."""

    name: str
    graph: str

    def figures(self, workshop: Workshop) -> Iterator[Figure]:
        """Measure every pass, in their order."""
        bundle = workshop.bundle(SCRIPTS / "passes.ts", "passes.mjs")
        file = workshop.graph(self.graph)
        [passes] = workshop.node([SCRIPTS / "passes.mjs", bundle, file, str(TIMES)], cap=workshop.cap)
        for name, spent in passes.items():
            yield Figure(self.name, f"pass {name!r}, warm", spent, "ms", "report")


PASSES = (PassesRow("passes, tf_full_1k", "tf_full_1k"), PassesRow("passes, moe_2k", "moe_2k"))
