"""The command line that the benchmarks share: which rows, how often, and where the tables go."""

from __future__ import annotations

import argparse
import fnmatch
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from tests.bench import readme
from tests.bench.figures import Figure
from tests.bench.workshop import ROOT, Workshop


class Named(Protocol):
    """What can be chosen by its name."""

    @property
    def name(self) -> str: ...


class Row(Named, Protocol):
    """One row of the table: a name, and a way to its figures."""

    def figures(self, workshop: Workshop) -> Iterable[Figure]: ...


T = TypeVar("T", bound=Named)


@dataclass(frozen=True)
class Command:
    """One benchmark as it is called.

    Attributes
    ----------
    module
        Its name behind ``python -m``.
    about
        What ``--help`` says first.
    place
        What the marks in README.md are called.
    things
        What can be chosen: rows, models.
    quick, runs
        What ``--quick`` does, and how many runs there are without it.
    """

    module: str
    about: str | None
    place: str
    things: str
    quick: str
    runs: int

    def parser(self) -> argparse.ArgumentParser:
        """The options that all have; a benchmark adds its own."""
        parser = argparse.ArgumentParser(
            prog=f"python -m {self.module}",
            description=self.about,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        parser.add_argument(
            "--only", metavar="PATTERN", action="append", help=f"{self.things} with such a name; may be repeated"
        )
        parser.add_argument("--list", action="store_true", help=f"print the names of the {self.things}")
        parser.add_argument("--quick", action="store_true", help=self.quick)
        parser.add_argument("--runs", type=int, default=self.runs, help=f"fresh processes per figure ({self.runs})")
        parser.add_argument("--json", type=Path, metavar="FILE", help="write all that was measured as JSON")
        parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables as Markdown")
        help_readme = "put the tables between their marks in README.md, or in another document"
        default = ROOT / "README.md"
        parser.add_argument("--readme", type=Path, metavar="FILE", nargs="?", const=default, help=help_readme)
        cache = ROOT / ".cache/bench"
        parser.add_argument("--cache", type=Path, default=cache, help="where other libraries are installed")
        return parser

    def chosen(self, wish: argparse.Namespace, things: Iterable[T]) -> list[T]:
        """What is to be measured; ends the process where that is nothing, or where a table would have no place."""
        patterns = wish.only or ["*"]
        fitting = [each for each in things if any(fnmatch.fnmatchcase(each.name, pattern) for pattern in patterns)]
        if wish.list:
            sys.stdout.write("".join(f"{each.name}\n" for each in fitting))
            raise SystemExit(0)
        if not fitting:
            sys.stderr.write(f"None of the {self.things} fits {' or '.join(patterns)}: --list prints their names.\n")
            raise SystemExit(2)
        if wish.readme:
            try:
                readme.parts(wish.readme, self.place)  # before an hour of measuring
            except readme.MarksError as error:
                sys.stderr.write(f"{error}\n")
                raise SystemExit(2) from None
        return fitting

    def write(self, wish: argparse.Namespace, tables: str, record: Any) -> None:
        """Leave what was measured in the files that were asked for."""
        if wish.markdown:
            wish.markdown.write_text(tables)
        if wish.readme:
            readme.fill(wish.readme, tables, self.place)
        if wish.json:
            wish.json.write_text(json.dumps(record, indent=1))


def measure(chosen: Iterable[Row], workshop: Workshop) -> list[Figure]:
    """Collect the figures of all rows, and say on the error stream how far it is."""
    figures: list[Figure] = []
    for row in chosen:
        say(row.name)
        found = list(row.figures(workshop))
        if not found:
            raise RuntimeError(f"the row {row.name!r} gave no figures")
        figures.extend(found)
    return figures


def say(name: str) -> None:
    """Tell on the error stream how far it is."""
    sys.stderr.write(f"{name} ...\n")
    sys.stderr.flush()


def status(figures: Sequence[Figure]) -> int:
    """The exit status: whether a hard target was missed."""
    return 1 if any(figure.hard and figure.met is False for figure in figures) else 0
