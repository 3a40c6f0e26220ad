"""Print how fast and how good the graph engine is, beside what was to be reached.

From the root of the repository::

    python -m tests.bench.engine                  everything, which takes a while: some libraries need minutes
    python -m tests.bench.engine --quick          each once, others stopped after 20 seconds
    python -m tests.bench.engine --only 'flat*'   the rows that fit a pattern
    python -m tests.bench.engine --readme         everything, and the table goes into README.md

Layouts are measured in CPU time of fresh processes, pages in fresh pages of one browser without a GPU, ours and the others'
in turn, and the figures are medians. Each row's module says what exactly is measured. The exit status tells whether a hard
target was missed: overlaps, edges through boxes, crossings, lengths, frame times, and by medians the limits for layouts of
100,000 nodes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable

from tests.bench import readme
from tests.bench.blocking import BLOCKING
from tests.bench.bundles import BUNDLES
from tests.bench.command import Command, Row, measure, status
from tests.bench.drawings import DRAWINGS
from tests.bench.figures import Figure, markdown, plain
from tests.bench.layouts import LAYOUTS, REAL
from tests.bench.machine import machine
from tests.bench.notebooks import NOTEBOOKS
from tests.bench.passes import PASSES
from tests.bench.payloads import PAYLOADS
from tests.bench.pictures import PICTURES
from tests.bench.views import VIEWS
from tests.bench.workshop import Workshop


def rows() -> list[Row]:
    """All rows, in the order of the table."""
    return [*LAYOUTS, *PASSES, *REAL, *VIEWS, *PAYLOADS, *BUNDLES, *DRAWINGS, *BLOCKING, *NOTEBOOKS, *PICTURES]


COMMAND = Command(
    "tests.bench.engine",
    __doc__,
    readme.BENCH,
    "rows",
    quick="run once, and stop other libraries after 20 seconds",
    runs=3,
)


def main() -> int:
    """Measure and print; return the exit status."""
    parser = COMMAND.parser()
    parser.add_argument("--reuse-peers", action="store_true", help="other libraries' figures from the last run")
    wish = parser.parse_args()
    chosen = COMMAND.chosen(wish, rows())
    figures, about = report(chosen, wish)
    sys.stdout.write(f"\n{plain(figures)}\n{about}\n")
    found = {"machine": about, "figures": [figure.record() for figure in figures]}
    COMMAND.write(wish, f"{markdown(figures)}\n{about}\n", found)
    return status(figures)


def report(chosen: Iterable[Row], wish: argparse.Namespace) -> tuple[list[Figure], str]:
    """Return all figures, and what they were measured on."""
    workshop = Workshop(wish.cache, runs=1 if wish.quick else wish.runs, cap=20 if wish.quick else 120)
    workshop.prepare()
    known = wish.cache / "peer-runs.json"
    if wish.reuse_peers:
        workshop.reuse(known)
    try:
        figures = measure(chosen, workshop)
        about = machine(workshop)
    finally:
        workshop.close()
    if not wish.quick:
        workshop.keep(known)
    return figures, about


if __name__ == "__main__":
    sys.exit(main())
