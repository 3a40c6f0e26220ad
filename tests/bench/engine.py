"""Print how fast and how good the graph engine is, beside what was to be reached.

From the root of the repository::

    python -m tests.bench.engine                  everything, which takes a while: some libraries need minutes
    python -m tests.bench.engine --quick          each once, others stopped after 20 seconds
    python -m tests.bench.engine --only 'flat*'   the rows that fit a pattern
    python -m tests.bench.engine --readme         everything, and the table goes into README.md

Layouts are measured in CPU time of fresh processes, pages in fresh pages of one browser without a GPU, ours and the others'
in turn, and the figures are medians. Each row's module says what exactly is measured. The exit status tells whether a hard
target was missed: overlaps, edges through boxes, crossings, lengths, the limits for views of 100,000 nodes, frame times.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from tests.bench.blocking import BLOCKING
from tests.bench.bundles import BUNDLES
from tests.bench.drawings import DRAWINGS
from tests.bench.figures import Figure, markdown, plain
from tests.bench.layouts import LAYOUTS, REAL
from tests.bench.machine import machine
from tests.bench.notebooks import NOTEBOOKS
from tests.bench.passes import PASSES
from tests.bench.payloads import PAYLOADS
from tests.bench.pictures import PICTURES
from tests.bench.readme import MarksError, fill, parts
from tests.bench.views import VIEWS
from tests.bench.workshop import ROOT, Workshop


class Row(Protocol):
    """One row of the table: a name, and a way to its figures."""

    @property
    def name(self) -> str: ...

    def figures(self, workshop: Workshop) -> Iterable[Figure]: ...


def rows() -> list[Row]:
    """All rows, in the order of the table."""
    return [*LAYOUTS, *PASSES, *REAL, *VIEWS, *PAYLOADS, *BUNDLES, *DRAWINGS, *BLOCKING, *NOTEBOOKS, *PICTURES]


def arguments() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.engine",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", metavar="PATTERN", action="append", help="rows with such a name; may be repeated")
    parser.add_argument("--list", action="store_true", help="print the names of the rows")
    parser.add_argument("--quick", action="store_true", help="run once, and stop other libraries after 20 seconds")
    parser.add_argument("--runs", type=int, default=3, help="fresh processes per figure (3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table as Markdown")
    readme = ROOT / "README.md"
    help_readme = "put the table between the marks of README.md, or of another document"
    parser.add_argument("--readme", type=Path, metavar="FILE", nargs="?", const=readme, help=help_readme)
    parser.add_argument("--reuse-peers", action="store_true", help="other libraries' figures from the last run")
    parser.add_argument("--cache", type=Path, default=ROOT / ".cache/bench", help="where libraries are installed")
    return parser.parse_args()


def main() -> int:
    """Measure and print; return the exit status."""
    wish = arguments()
    patterns = wish.only or ["*"]
    chosen = [row for row in rows() if any(fnmatch.fnmatchcase(row.name, pattern) for pattern in patterns)]
    if wish.list:
        sys.stdout.write("".join(f"{row.name}\n" for row in chosen))
        return 0
    if not chosen:
        sys.stderr.write(f"No row fits {' or '.join(patterns)}: --list prints their names.\n")
        return 2
    if wish.readme:
        try:
            parts(wish.readme)  # before an hour of measuring
        except MarksError as error:
            sys.stderr.write(f"{error}\n")
            return 2
    figures, about = report(chosen, wish)
    sys.stdout.write(f"\n{plain(figures)}\n{about}\n")
    write(figures, about, wish)
    missed = [figure for figure in figures if figure.hard and figure.met is False]
    return 1 if missed else 0


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


def measure(chosen: Iterable[Row], workshop: Workshop) -> list[Figure]:
    """Collect the figures of all rows, and say on the error stream how far it is."""
    figures: list[Figure] = []
    for row in chosen:
        sys.stderr.write(f"{row.name} ...\n")
        sys.stderr.flush()
        found = list(row.figures(workshop))
        if not found:
            raise RuntimeError(f"the row {row.name!r} gave no figures")
        figures.extend(found)
    return figures


def write(figures: list[Figure], about: str, wish: argparse.Namespace) -> None:
    """Leave the figures in the files that were asked for."""
    table = f"{markdown(figures)}\n{about}\n"
    if wish.markdown:
        wish.markdown.write_text(table)
    if wish.readme:
        fill(wish.readme, table)
    if wish.json:
        wish.json.write_text(json.dumps({"machine": about, "figures": [each.record() for each in figures]}, indent=1))


if __name__ == "__main__":
    sys.exit(main())
