"""The rows about drawing: a large graph in Chromium, moved by wheel and drag, against plainer ways to draw it."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.figures import Figure
from tests.bench.frames import Frames
from tests.bench.models import model_graph, payload
from tests.bench.pages import WINDOW, Hand, Pages
from tests.bench.subjects import Peer, Saved, Subject
from tests.bench.workshop import SCRIPTS, Workshop

if TYPE_CHECKING:
    from playwright.sync_api import Page

STEPS = 50
PACE = 12
"""A drag has so many steps of so many pixels."""

NOTCH = 120
"""What a wheel turns in one frame, in pixels as browsers count."""

ZOOM = 0.0018
"""The logarithm of the scale for each of these pixels, in nbviz and in the peers."""

NEAR = 0.6
"""The scale of the movement in between: texts can be read."""

ENOUGH = 8.0
"""Seconds of one drag from which a slow peer has shown how slow it is."""

FPS_60 = 17.0
SCRIPT = 2.0
FIRST = 200.0
"""Milliseconds."""


@dataclass(frozen=True)
class Moved:
    """What one page did: the time to its first picture, and its frames by movement."""

    first: float
    frames: dict[str, Frames]


def moved(pages: Pages, subject: Subject) -> Moved:
    """Show a graph in a fresh page, and move it as a hand would."""
    with pages.fresh() as page:
        first = subject.show(page)
        frames = {}
        for name, (prepare, go) in MOVEMENTS.items():
            prepare(page, subject)
            scale, hand = subject.scale(page), pages.hand(page)
            with pages.traced(page) as traced:
                go(hand, scale)
            frames[name] = traced[0]
        return Moved(first, frames)


def _come_near(page: Page, subject: Subject) -> None:
    page.mouse.move(WINDOW["width"] / 2, WINDOW["height"] / 2)
    page.mouse.wheel(0, math.log(subject.scale(page) / NEAR) / ZOOM)
    end = time.monotonic() + ENOUGH
    while abs(subject.scale(page) - NEAR) > 0.01:
        if time.monotonic() > end:
            raise RuntimeError(f"the wheel did not lead to scale {NEAR}: its speed is no longer {ZOOM}")


def _drag_along(hand: Hand, _scale: float) -> None:
    """Along the model, three windows far."""
    for _ in range(3):
        hand.drag((WINDOW["width"] / 2, WINDOW["height"] - 50), [(0, -PACE)] * STEPS, ENOUGH)


def _fit(page: Page, subject: Subject) -> None:
    subject.fit(page)


def _drag_about(hand: Hand, _scale: float) -> None:
    """There and back, across and along."""
    for dx, dy in ((PACE, 0), (0, PACE)):
        there, back = [(dx, dy)] * (STEPS // 2), [(-dx, -dy)] * (STEPS // 2)
        hand.drag((WINDOW["width"] / 2, WINDOW["height"] / 3), there + back, ENOUGH)


def _zoom_through(hand: Hand, scale: float) -> None:
    """Into the middle until boxes have their own size, and out until everything shows."""
    distance = -math.log(scale) / ZOOM
    hand.wheel(distance, NOTCH)
    hand.wheel(-distance, NOTCH)


MOVEMENTS: Mapping[str, tuple[Callable[[Page, Subject], None], Callable[[Hand, float], None]]] = {
    f"at scale {NEAR}": (_come_near, _drag_along),
    "everything in the window": (_fit, _drag_about),
    "zooming in and out": (_fit, _zoom_through),
}
"""What is prepared, and what is then measured."""


@dataclass(frozen=True)
class DrawingRow:
    """A graph with everything open, and those that draw it otherwise.

    Attributes
    ----------
    peers
        Names of ``drawing/peers.js`` with the graphs that they get; one may need a smaller graph to end at all.
    """

    name: str
    graph: str
    peers: Mapping[str, str]

    def figures(self, workshop: Workshop) -> Iterator[Figure]:
        """Measure all in turn, so that a busy moment meets all of them."""
        subjects: dict[str, Subject] = {"": Saved(_saved(workshop, self.graph))}
        for name, graph in self.peers.items():
            subjects[f", {TITLES[name]} of {graph}"] = Peer(name, _places(workshop, graph))
        runs = [{name: moved(workshop.pages, each) for name, each in subjects.items()} for _ in range(workshop.runs)]

        def median(name: str, figure: Callable[[Moved], float]) -> float:
            return statistics.median(figure(run[name]) for run in runs)

        first: Callable[[Moved], float] = lambda run: run.first  # noqa: E731 - one of several figures, none has a name
        ours = median("", first)
        yield Figure(self.name, "first picture of an arranged graph", ours, "ms", "limit", target=FIRST)
        for peer in list(subjects)[1:]:
            yield Figure(self.name, f"first picture{peer}", ours, "ms", "faster", median(peer, first))
        for movement in MOVEMENTS:
            yield from self._frames(movement, median, list(subjects)[1:])

    def _frames(self, movement: str, median: Median, peers: Sequence[str]) -> Iterator[Figure]:
        def interval(run: Moved) -> float:
            return run.frames[movement].interval

        ours = median("", interval)
        what = f"frame interval {movement}"
        yield Figure(self.name, what, ours, "ms", "limit", target=FPS_60, hard=True)
        for peer in peers:
            yield Figure(self.name, f"{what}{peer}", ours, "ms", "faster", median(peer, interval))
        rare = median("", lambda run: run.frames[movement].rare)
        yield Figure(self.name, f"{what}, one in twenty", rare, "ms", "report")
        script = median("", lambda run: run.frames[movement].scripting)
        yield Figure(self.name, f"script in a frame {movement}", script, "ms", "limit", target=SCRIPT)


Median = Callable[[str, Callable[[Moved], float]], float]
TITLES = {"svg": "SVG elements", "canvas": "canvas without levels of detail"}


def _saved(workshop: Workshop, graph: str) -> Path:
    import nbviz

    workshop.front_end()
    view = nbviz.view(model_graph(graph), depth=99)
    return view.save(workshop.cache / "graphs" / f"{graph}.html", part="graph")


def _places(workshop: Workshop, graph: str) -> Path:
    folder = workshop.cache / "graphs"
    file = payload(model_graph(graph), folder / f"{graph}.bin")
    target = folder / f"{graph}.places.js"
    workshop.node([SCRIPTS / "places.mjs", workshop.bundle(SCRIPTS / "view.ts", "view.mjs"), file, target], cap=120)
    return target


DRAWINGS = (
    DrawingRow("drawing, 100,000 nodes", "tf_plain_100k", peers={"svg": "tf_plain_10k", "canvas": "tf_plain_100k"}),
)
