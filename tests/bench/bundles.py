"""The row about the front end's own size."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass

from tests.bench.figures import Figure
from tests.bench.workshop import Workshop

LIMIT = 120


@dataclass(frozen=True)
class BundleRow:
    """What a browser has to fetch before it can show anything: program and styles in one file, as widgets carry it."""

    name: str

    def figures(self, workshop: Workshop) -> Iterator[Figure]:
        """Compress what has just been built."""
        size = len(gzip.compress((workshop.front_end() / "widget.js").read_bytes(), 9)) / 1000
        yield Figure(self.name, "program and styles, gzipped", size, "kB", "limit", target=LIMIT)


BUNDLES = (BundleRow("bundle"),)
