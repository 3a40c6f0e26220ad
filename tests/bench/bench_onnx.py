"""Print how fast nbviz shows model files, beside the libraries that read them and the viewers that show them.

From the root of the repository::

    python -m tests.bench.bench_onnx                    everything
    python -m tests.bench.bench_onnx --quick            each once, others stopped after 20 seconds
    python -m tests.bench.bench_onnx --only 'ONNX*'     the rows that fit a pattern
    python -m tests.bench.bench_onnx --readme           everything, and the table goes into README.md

Files are read in fresh processes, the tools in turn and backwards every other time, and what is compared is the median of CPU
time of all calls but the first of each process, which has read a tiny file of the same kind before. ``nbviz.view`` counts from
the path to the payload for the browser. Memory is the peak of the resident memory in the first of these calls above what it was
before. The checkpoints are real headers with holes behind them.

In the browser, whose graphics run on the processor, it is real time from the path to a graph on screen; ``opening.py`` says when
that is. The other viewers are installed into the cache and nowhere else; where that does not work, nbviz is measured alone. The
exit status tells whether a hard target was missed: nodes, tensors or parameters that the library finds and nbviz does not, or
the other way round.
"""

from __future__ import annotations

import importlib.util
import platform
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

from tests.bench import readme
from tests.bench.command import Command, measure, status
from tests.bench.figures import markdown, plain
from tests.bench.machine import computer
from tests.bench.opening import FLAGS, OpeningRow, openings
from tests.bench.reading import CHECKPOINTS, READINGS, CheckpointRow, OnnxRow
from tests.bench.workshop import VIEWERS, Workshop

Row = OnnxRow | CheckpointRow | OpeningRow
LIBRARIES = ("onnx", "safetensors", "gguf", "torch", "transformers")
COMMAND = Command(
    "tests.bench.bench_onnx",
    __doc__,
    readme.ONNX,
    "rows",
    quick="each once, others stopped after 20 seconds",
    runs=3,
)


def rows(*, alone: bool) -> list[Row]:
    """All rows, in the order of the table."""
    return [*READINGS, *CHECKPOINTS, *openings(alone=alone)]


def installed(chosen: Iterable[Row]) -> Iterator[Row]:
    """The rows whose libraries are there; of the others it says so."""
    for row in chosen:
        missing = [name for name in row.needs if importlib.util.find_spec(name) is None]
        if missing:
            sys.stderr.write(f"{row.name} is left out: {', '.join(missing)} is not installed.\n")
        else:
            yield row


def about(workshop: Workshop, *, alone: bool) -> str:
    """How often and on what was measured, and with which versions."""
    known = [f"Python {platform.python_version()}"]
    for name in LIBRARIES:
        with suppress(PackageNotFoundError):
            known.append(f"{name} {version(name)}")
    if workshop.has_pages:
        known.append(f"Chromium {workshop.pages.browser.version}")
        known += [pin.replace("==", " ") for pin in VIEWERS if not alone and workshop.has_viewers]
    runs = "One run" if workshop.runs == 1 else f"Medians of {workshop.runs} runs"
    return f"{runs} on {computer()}. {', '.join(dict.fromkeys(known))}."


def main() -> int:
    """Measure and print; return the exit status."""
    parser = COMMAND.parser()
    parser.add_argument("--alone", action="store_true", help="without other viewers in the browser")
    parser.add_argument("--cap", type=int, default=150, help="seconds after which another tool is stopped (150)")
    wish = parser.parse_args()
    chosen = list(installed(COMMAND.chosen(wish, rows(alone=wish.alone))))
    runs, cap = (1, 20) if wish.quick else (wish.runs, wish.cap)
    workshop = Workshop(wish.cache, runs=runs, cap=cap, flags=FLAGS)
    try:
        figures = measure(chosen, workshop)
        sentence = about(workshop, alone=wish.alone)
    finally:
        workshop.close()
    sys.stdout.write(f"\n{plain(figures)}\n{sentence}\n")
    found = {"machine": sentence, "figures": [figure.record() for figure in figures]}
    COMMAND.write(wish, f"{markdown(figures)}\n{sentence}\n", found)
    return status(figures)


if __name__ == "__main__":
    sys.exit(main())
