"""The table's own menus: wholly visible wherever they open, and what they offer is what they show."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import expect

import nbviz
from nbviz import wire
from tests.e2e.view import View
from tests.fixtures.graphs import shared

# Whether a click near each corner of a menu goes to the menu, as far as the widget.
UNCOVERED = """popup => {
  const { left, right, top, bottom } = popup.getBoundingClientRect();
  const frame = popup.closest(".nbviz").getBoundingClientRect();
  const inside = left >= frame.left && right <= frame.right && top >= frame.top && bottom <= frame.bottom;
  const page = popup.getRootNode();
  return inside && [left + 8, right - 8].every(x => [top + 8, bottom - 8].every(y =>
    popup.contains(page.elementFromPoint(x, y))));
}"""


def expect_uncovered(view: View) -> None:
    """Open one menu of the table after the other and look at its corners."""
    for name in ("Types", "Columns"):
        view.root.get_by_role("button", name=re.compile(f"^{name}: ")).click()
        popup = view.root.get_by_role("menu", name=name)
        expect(popup).to_be_visible()
        assert popup.evaluate(UNCOVERED), name
        view.root.page.keyboard.press("Escape")
        expect(popup).to_have_count(0)


@pytest.fixture
def document(tmp_path):
    """A saved page of a model whose operations are no rows."""
    return nbviz.view(shared(), ops=False).save(tmp_path / "shared.html")


@pytest.mark.parametrize(("width", "height"), [(400, 700), (700, 320), (1360, 900)])
def test_menus_of_the_table_are_not_cut_off(document, page, width, height):
    page.set_viewport_size({"width": width, "height": height})
    page.goto(document.as_uri())
    view = View(page)
    expect(view.row("unused")).to_be_visible()
    expect_uncovered(view)


def test_menus_of_the_table_are_not_cut_off_in_jupyterlab(open_notebook, server, page):
    (server.work / "shared.json").write_text(wire.to_json(shared()))
    notebook = open_notebook(server.write("menus.ipynb", ["import nbviz\nnbviz.view(nbviz.read('shared.json'))"]))
    notebook.run_all()
    expect_uncovered(View(page).ready())


def test_operations_are_shown_by_their_type_and_by_a_switch(document, page):
    page.goto(document.as_uri())
    view = View(page).ready()
    expect(view.row("concat#1")).to_have_count(0)
    view.node("concat#1").click()
    expect(view.table.locator(".is-holding")).to_have_count(1)
    view.menu("Types", "concat")
    expect(view.row("concat#1")).to_be_visible()
    expect(view.table.locator("[data-row]")).to_have_count(1)
    expect(view.root.get_by_text("1 filtered")).to_be_visible()
    page.keyboard.press("Escape")
    view.menu("Types", "All types")
    expect(view.row("concat#1")).to_have_count(0)
    view.menu("Types", "Operations as rows")
    view.expect_selected("concat#1")


def test_names_and_the_filter_are_readable_in_a_narrow_page(document, page):
    page.set_viewport_size({"width": 700, "height": 700})
    page.goto(document.as_uri())
    view = View(page).ready()
    name = view.heading("Layer").bounding_box()
    assert name
    assert name["width"] >= 130
    assert view.filter.evaluate("input => input.clientWidth") >= 64, "the placeholder is cut"
    assert view.table.evaluate("table => table.scrollWidth - table.clientWidth") <= 0


def test_columns_without_any_value_are_no_choice(document, page, tmp_path):
    def offered(file):
        page.goto(file.as_uri())
        View(page).root.get_by_role("button", name="Columns: ").click()
        return page.get_by_role("menu", name="Columns").get_by_role("menuitemcheckbox").all_inner_texts()

    called = offered(document)
    stored = offered(nbviz.view({"weight": np.zeros((2, 3), "f")}).save(tmp_path / "stored.html"))
    assert {"MACs", "Order", "Output shape"} <= set(called)
    assert {"Params", "Param shape"} <= set(stored)
    assert not {"MACs", "Order", "Output shape"} & set(stored)
