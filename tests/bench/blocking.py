"""The rows about how long a page keeps its reader waiting: the longest task in each situation, in a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.bench.figures import Figure
from tests.bench.models import model_graph
from tests.bench.workshop import Workshop

if TYPE_CHECKING:
    from playwright.sync_api import Page, ViewportSize

LIMIT = 50
"""Milliseconds for which input may have to wait."""

WINDOW: ViewportSize = {"width": 1360, "height": 900}

OBSERVE = """
window.longest = 0;
window.lastTask = 0;
window.acted = 0;
new PerformanceObserver(list => {
  for (const { startTime, duration } of list.getEntries()) {
    window.longest = Math.max(longest, duration);
    window.lastTask = startTime + duration;
  }
}).observe({ type: "longtask", buffered: true });
"""
FORBID = "window.Worker = class { constructor() { throw new Error('forbidden'); } };"

# Something shows, nothing is under way, and nothing has happened for a while.
QUIET = """
() => document.querySelector(".nbviz-graph [role=treeitem]") && !document.querySelector(".nbviz-graph-progress") &&
  performance.now() - Math.max(lastTask, acted) > 700
"""


def select(page: Page) -> None:
    page.locator(".nbviz [data-row]").nth(1).click()


def open_one(page: Page) -> None:
    page.locator(".nbviz [data-row][aria-expanded=false] [data-toggle]").first.click()


def depth(choice: str) -> Callable[[Page], None]:
    def choose(page: Page) -> None:
        page.get_by_role("button", name="Depth: ").click()
        page.get_by_role("menu", name="Depth").get_by_text(choice, exact=True).first.click()

    return choose


def select_last(page: Page) -> None:
    page.locator(".nbviz-grid").focus()
    page.keyboard.press("End")
    page.keyboard.press("Enter")


def search(page: Page) -> None:
    page.get_by_label("Search names, types, shapes").press_sequentially("softmax")


def narrow(page: Page) -> None:
    page.get_by_label("Filter rows by name").press_sequentially("softmax")


def widen(page: Page) -> None:
    page.get_by_label("Filter rows by name").fill("")


def sort(page: Page) -> None:
    page.locator(".nbviz [role=columnheader] button").first.click()


SITUATIONS: dict[str, Callable[[Page], None]] = {
    "a row is selected": select,
    "one group opens": open_one,
    "everything opens": depth("All"),
    "the last row is selected": select_last,
    "something is searched": search,
    "the table is filtered": narrow,
    "the filter is cleared": widen,
    "the table is sorted by name": sort,
    "everything closes": depth("Auto"),
}


@dataclass(frozen=True)
class BlockingRow:
    """A graph in a saved page, with a worker or without.

    Attributes
    ----------
    worker
        Whether the page may have one.
    """

    name: str
    graph: str
    worker: bool = True

    def figures(self, workshop: Workshop) -> Iterator[Figure]:
        """Measure."""
        import nbviz

        workshop.front_end()
        file = nbviz.view(model_graph(self.graph)).save(workshop.cache / f"{self.graph}.html")
        with workshop.pages.fresh(WINDOW, OBSERVE + ("" if self.worker else FORBID)) as page:
            page.goto(file.as_uri())
            yield self._figure(page, "it shows")
            for what, act in SITUATIONS.items():
                page.evaluate("window.longest = 0")
                act(page)
                page.evaluate("window.acted = performance.now()")
                yield self._figure(page, what)

    def _figure(self, page: Page, what: str) -> Figure:
        page.wait_for_function(QUIET, timeout=120_000)
        longest = page.evaluate("longest")
        return Figure(self.name, f"longest task while {what}", longest, "ms", "limit", target=LIMIT)


BLOCKING = (
    BlockingRow("100k in a page", "tf_plain_100k"),
    BlockingRow("100k in a page without workers", "tf_plain_100k", worker=False),
)
