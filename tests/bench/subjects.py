"""What draws a large graph in a page, for the rows about drawing: the view itself, and plainer ways."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from playwright.sync_api import Page


class Subject(Protocol):
    """Something that draws the graph of a page."""

    def show(self, page: Page) -> float:
        """Draw; return the milliseconds from places for all boxes to the frame after the first whole picture."""

    def fit(self, page: Page) -> None:
        """Show everything."""

    def scale(self, page: Page) -> float:
        """Tell how large everything is shown."""


PAINTED = """([from, to]) => {
  const marks = performance.getEntriesByType("mark");
  const began = marks.findLast(({ name }) => name === from)?.startTime;
  const drawn = marks.find(({ name, startTime }) => name === to && startTime >= began)?.startTime;
  const painted = marks.find(({ name, startTime }) => name === "bench frame" && startTime > drawn)?.startTime;
  return painted && painted - began;
}"""


def _painted(page: Page, begins: str, ends: str) -> float:
    return page.wait_for_function(PAINTED, arg=[begins, ends]).json_value()


@dataclass(frozen=True)
class Saved:
    """The view itself, as ``view.save`` writes it, with the graph alone."""

    file: Path

    def show(self, page: Page) -> float:
        """Open the page. The marks are nbviz's own, for the browser's performance tools."""
        page.goto(self.file.as_uri())
        took = _painted(page, "nbviz arranged", "nbviz drawn")
        # the wheel belongs to the page until somebody clicks into the graph
        page.locator(".nbviz-graph-surface").click(position={"x": 8, "y": 300})
        return took

    def fit(self, page: Page) -> None:
        """Press the button."""
        page.locator(".nbviz-graph-buttons").get_by_role("button", name="Fit the graph").click()

    def scale(self, page: Page) -> float:
        """Read it off the layer of elements."""
        layer = page.locator(".nbviz-graph-items")
        return layer.evaluate("layer => new DOMMatrix(layer.style.transform).a")


@dataclass(frozen=True)
class Peer:
    """One of ``drawing/peers.js`` with a prepared drawing."""

    name: str
    drawing: Path

    def show(self, page: Page) -> float:
        """Draw in a frame of its own, as nbviz does."""
        page.add_script_tag(path=self.drawing)
        page.add_script_tag(path=Path(__file__).parent / "drawing/peers.js")
        page.evaluate(
            """name => new Promise(resolve => requestAnimationFrame(() => {
              performance.mark("bench arranged");
              peers[name]();
              performance.mark("bench drawn");
              resolve();
            }))""",
            self.name,
        )
        return _painted(page, "bench arranged", "bench drawn")

    def fit(self, page: Page) -> None:
        """Ask the peer."""
        page.evaluate("fit()")

    def scale(self, page: Page) -> float:
        """Ask the peer."""
        return page.evaluate("scale()")
