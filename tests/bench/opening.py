"""The rows about ONNX files in a browser: from the path to a graph on screen, in nbviz and in other viewers."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import Error
from playwright.sync_api import TimeoutError as TooLongError

from tests.bench.figures import Figure
from tests.bench.onnx_files import onnx_file
from tests.bench.processes import in_turn
from tests.bench.workshop import VIEWERS, Workshop

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.bench.pages import Pages

HERE = Path(__file__).parent
THERE = "bench: the graph is there"
"""What ``watch.js`` says."""

NAMES = {"netron": "Netron", "model_explorer": "Model Explorer"}
SOONER = 5.0
LONG = 20.0
"""Seconds from which one run is enough."""

FLAGS = ("--enable-unsafe-swiftshader", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost")
"""The browser draws WebGL, which Model Explorer needs, on the processor, and finds nothing but this machine."""

SCRIPTS = "".join((HERE / "drawing" / name).read_text() for name in ("works.js", "watch.js"))
ACCEPTED = 'document.cookie = "consent=1; path=/";'
"""Netron asks for it before it shows anything; the hand that would answer is not to be measured."""


@dataclass(frozen=True)
class Opened:
    """Seconds that one run took: to start Python and import the viewer, from the path to an address, and from there."""

    start: float
    call: float
    page: float


@dataclass
class Openings:
    """All runs of one viewer with one file.

    Attributes
    ----------
    runs
        Those that ended.
    capped
        Seconds after which one was stopped.
    failed
        What the page said in a run that never ended.
    """

    runs: list[Opened] = field(default_factory=list)
    capped: float = 0.0
    failed: str = ""

    @property
    def ended(self) -> bool:
        """Whether another run would tell nothing new, or too late."""
        return bool(self.capped or self.failed) or any(run.call + run.page > LONG for run in self.runs)

    def median(self, *parts: str) -> float:
        """Milliseconds of these parts together."""
        if self.capped:
            return 1000 * self.capped
        return 1000 * statistics.median(sum(getattr(run, part) for part in parts) for run in self.runs)


@contextmanager
def viewer(python: str | Path, name: str, file: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a process that has imported a viewer and waits."""
    with tempfile.TemporaryDirectory(prefix="nbviz-viewer-") as folder:
        command = [python, str(HERE / "viewers.py"), name, str(file), folder]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        with subprocess.Popen(command, text=True, **pipes) as started:
            try:
                yield started
            finally:
                started.kill()


def _line(process: subprocess.Popen[str]) -> str:
    line = process.stdout.readline().strip() if process.stdout else ""
    if not line:
        raise RuntimeError(f"the viewer ended with status {process.wait()}")
    return line


def opened(pages: Pages, python: str | Path, name: str, file: Path, cap: float) -> Opened:
    """Let one viewer open a file in a fresh process and a fresh page."""
    script = f"{ACCEPTED if name == 'netron' else ''}const benchViewer = {name!r};{SCRIPTS}"
    with pages.fresh(script=script) as page:
        begun = time.perf_counter()
        with viewer(python, name, file) as process:
            _line(process)
            asked = time.perf_counter()
            print("go", file=process.stdin, flush=True)
            address = _line(process)
            answered = time.perf_counter()
            _look(page, address, cap)
            return Opened(asked - begun, answered - asked, time.perf_counter() - answered)


def _look(page: Page, address: str, cap: float) -> None:
    """Go to an address, and wait until the graph is there."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error).splitlines()[0]))
    try:
        with page.expect_console_message(lambda message: message.text == THERE, timeout=1000 * cap):
            page.goto(address, wait_until="commit")
    except TooLongError as error:
        if errors:
            raise RuntimeError(f"{errors[0]}; nothing after {cap:.0f} s") from error
        raise


def in_all(pages: Pages, pythons: Mapping[str, str | Path], file: Path, runs: int, cap: float) -> dict[str, Openings]:
    """Let all viewers open a file in turn."""
    found = {name: Openings() for name in pythons}
    for _, name in in_turn(runs, list(pythons)):
        result = found[name]
        if result.ended:
            continue
        try:
            result.runs.append(opened(pages, pythons[name], name, file, cap))
        except TooLongError:
            result.capped = cap
        except (Error, RuntimeError) as error:
            result.failed = str(error).splitlines()[0]
        if name == "nbviz" and (result.failed or result.capped):
            raise RuntimeError(f"nbviz did not show {file.name}: {result.failed or 'it took too long'}")
    return found


def pythons(workshop: Workshop, *, alone: bool) -> dict[str, str | Path]:
    """The Python that has each viewer; says so if the others cannot be installed."""
    ours: dict[str, str | Path] = {"nbviz": sys.executable}
    if alone:
        return ours
    try:
        return ours | dict.fromkeys(NAMES, workshop.viewers())
    except subprocess.CalledProcessError:
        sys.stderr.write(f"pip cannot install {', '.join(VIEWERS)}: nbviz is measured alone.\n")
        return ours


@dataclass(frozen=True)
class OpeningRow:
    """One file in all viewers.

    A run is a fresh Python and a fresh page of a browser that runs already. The clock begins where a Python that has imported
    the viewer is given the path: ``nbviz.view(path).save("page.html")``, ``netron.start(path)``, Model Explorer's ``visualize``.
    It ends with the first frame after the graph is there. Netron has to have placed its boxes, Model Explorer to have a canvas
    and no busy notice; nbviz has to have rows, boxes and lines, and to select a box that is clicked in that frame. How long Python
    takes to start and import the viewer is reported apart.
    """

    name: str
    file: str
    alone: bool
    needs: tuple[str, ...] = ("onnx",)

    def figures(self, workshop: Workshop) -> Iterator[Figure]:
        """Measure."""
        file = onnx_file(workshop.cache / "onnx", self.file)
        found = in_all(workshop.pages, pythons(workshop, alone=self.alone), file, workshop.runs, workshop.cap)
        ours = found.pop("nbviz")
        if not found:
            yield Figure(self.name, "from the path to a graph", ours.median("call", "page"), "ms", "report")
        yield from self.beside(ours, found)
        yield Figure(self.name, "of that, nbviz.view and save", ours.median("call"), "ms", "report")
        yield Figure(self.name, "of that, in the page", ours.median("page"), "ms", "report")

    def beside(self, ours: Openings, peers: Mapping[str, Openings]) -> Iterator[Figure]:
        """The lines that compare."""
        for parts, target in ((("call", "page"), SOONER), (("start", "call", "page"), None)):
            for name, peer in peers.items():
                yield self._compared(ours, name, peer, parts, target)

    def _compared(
        self, ours: Openings, name: str, peer: Openings, parts: tuple[str, ...], target: float | None
    ) -> Figure:
        begin = "the start of Python" if "start" in parts else "the path"
        what = f"from {begin} to a graph, {NAMES[name]}"
        took = ours.median(*parts)
        if peer.failed:
            return Figure(self.name, what, took, "ms", "faster", failed=peer.failed)
        return Figure(self.name, what, took, "ms", "faster", peer.median(*parts), target, capped=bool(peer.capped))


def openings(*, alone: bool) -> list[OpeningRow]:
    """The rows, with nbviz alone or beside other viewers."""
    return [OpeningRow(f"browser, {count},000 nodes", f"blocks_{count}k", alone) for count in (1, 10, 50)]
