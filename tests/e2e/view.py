"""One displayed view: its table, graph and inspector, found by their roles as a screen reader would."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import FrameLocator, Locator, Page


def head(node: Locator) -> tuple[float, float]:
    """The middle of the upper part of a box."""
    box = node.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + min(box["height"], 30) / 2


class View:
    """Stands for the n-th view of a page, of a frame, or of one output."""

    def __init__(self, place: Page | FrameLocator | Locator, number: int = 0) -> None:
        self.root = place.locator(".nbviz").nth(number)
        self.table = self.root.locator('[role="treegrid"][aria-label="Layers"], [role="grid"][aria-label="Layers"]')
        self.graph = self.root.get_by_role("tree")
        self.inspector = self.root.get_by_role("group", name="Details of the selection")
        self.search = self.root.get_by_label("Search names, types, shapes")
        self.found = self.root.locator(".nbviz-search").get_by_role("status")
        self.filter = self.root.get_by_label("Filter rows by name, type, dtype or shape")

    def ready(self) -> View:
        """Wait until table and graph are drawn."""
        expect(self.table.locator("[data-row]").first).to_be_visible(timeout=30_000)
        expect(self.graph.get_by_role("treeitem").first).to_be_visible(timeout=30_000)
        return self

    # The table

    def row(self, path: str) -> Locator:
        """The row of a layer or an operation."""
        return self.table.locator(f'[data-row]:has([role="rowheader"][title="{path}"])')

    @property
    def names(self) -> list[str]:
        """What the rows on screen are called, from top to bottom."""
        rows = self.table.locator("[data-row]")
        found = rows.evaluate_all(
            """rows => rows.map(row => [
              Number(row.getAttribute("aria-rowindex")),
              [...row.querySelectorAll(".nbviz-before, .nbviz-label")].map(part => part.textContent).join(""),
            ])"""
        )
        return [name for _, name in sorted(found)]

    def expect_first(self, *names: str) -> None:
        """Wait until these are the first rows."""
        for index, name in enumerate(names):
            expect(self.table.locator(f'[aria-rowindex="{index + 2}"] .nbviz-name')).to_contain_text(name)

    def heading(self, name: str) -> Locator:
        """The heading of a column."""
        return self.table.locator(f'[role="columnheader"]:has(:text-is("{name}"))')

    def sort(self, heading: str, *, add: bool = False) -> None:
        """Click the heading of a column."""
        self.heading(heading).get_by_role("button").click(modifiers=["Shift"] if add else [])

    def menu(self, name: str, item: str) -> None:
        """Choose an item of one of the menus."""
        self.root.get_by_role("button", name=re.compile(f"^{name}: ")).click()
        self.root.get_by_role("menu", name=name).get_by_text(item, exact=True).click()

    # The graph

    def node(self, path: str, use: int = 0) -> Locator:
        """The box of a path, in the graph; a shared layer has one for each call."""
        return self.graph.locator(f'[role="treeitem"][data-path="{path}"]').nth(use)

    def double_click(self, node: Locator) -> None:
        """Click twice where a box is, as a hand does, even if the first click opens details and moves the picture."""
        x, y = head(node)
        surface = self.graph.bounding_box()
        assert surface
        if y > surface["y"] + surface["height"] - 2:  # out of sight under what stands below the picture
            self.root.get_by_role("button", name="Fit the graph (F)").click()
            x, y = head(node)
        self.root.page.mouse.dblclick(x, y)

    @property
    def camera(self) -> Locator:
        """The layer of elements over the picture: its style moves and scales with the picture."""
        return self.graph.locator(".nbviz-graph-items")

    # Both

    def expect_selected(self, *paths: str) -> None:
        """Wait until exactly these are selected, in table and graph (where they have boxes)."""
        boxes = self.graph.locator('[role="treeitem"][aria-selected="true"]')
        expect(self.table.locator('[data-row][aria-selected="true"]')).to_have_count(len(paths))
        for path in paths:
            expect(self.row(path)).to_have_attribute("aria-selected", "true")
            expect(boxes.and_(self.node(path)).first).to_be_visible()


def save_by_menu(page: Page, view: View, item: str, hint: str, folder: Path) -> Path:
    """Save a file from the widget's own menu."""
    view.root.get_by_role("button", name=re.compile("^Save: ")).click()
    with page.expect_download() as download:
        view.root.get_by_role("menuitem", name=re.compile(rf"^{item}\s*\{hint}$")).click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path
