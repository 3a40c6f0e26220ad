"""axe finds nothing wrong with a view, whatever it shows: in a page, in light and dark, and in JupyterLab."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

import nbviz
from nbviz import wire
from tests.e2e.view import View

THEMES = ("light", "dark")


def states(view):
    """Bring a view into one state after the other, each with its name."""
    view.ready()
    yield "folded"
    view.row("shared").click()
    expect(view.inspector).to_contain_text("shared")
    yield "details of a layer"
    view.search.fill("add")
    expect(view.graph.locator(".nbviz-dim").first).to_be_visible()
    yield "search"
    view.search.fill("nothing of that name")
    yield "search without a match"
    view.search.fill("")
    view.filter.fill("conv")
    yield "filter"
    view.filter.fill("")
    view.double_click(view.node("≡~block0"))
    expect(view.node("~block0")).to_be_visible()
    yield "open stack"
    view.table.locator('[data-row]:has([role="rowheader"][title^="block1:"])').click()
    view.table.press("ArrowRight")
    expect(view.row("block1_conv")).to_be_visible()
    yield "open group"
    for name in ("Color by", "Save", "Types", "Columns"):
        view.root.get_by_role("button", name=name).first.click()
        yield f"menu {name}"
        view.root.page.keyboard.press("Escape")


@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_nothing_in_a_page(blocks, page, tmp_path, check_accessibility, screenshot, theme):
    page.emulate_media(color_scheme=theme)
    page.goto(nbviz.view(blocks).save(tmp_path / "net.html").as_uri())
    for state in states(View(page)):
        screenshot(page, f"axe-{theme}-{state}")
        check_accessibility(page, state=state)


@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_nothing_in_a_page_of_the_table_alone(blocks, page, tmp_path, check_accessibility, screenshot, theme):
    page.emulate_media(color_scheme=theme)
    page.goto(nbviz.view(blocks).save(tmp_path / "table.html", part="table").as_uri())
    view = View(page)
    view.sort("Params")
    expect(view.heading("Params")).to_have_attribute("aria-sort", "descending")
    screenshot(page, f"axe-{theme}-table")
    check_accessibility(page)


@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_nothing_in_jupyterlab(blocks, open_notebook, server, page, check_accessibility, screenshot, theme):
    (server.work / "blocks.json").write_text(wire.to_json(blocks))
    first = "import nbviz\nview = nbviz.view(nbviz.read('blocks.json'))\nview"
    notebook = open_notebook(server.write("axe.ipynb", [first, "view  # again"]))
    notebook.theme(theme)
    notebook.run_all()
    for state in states(View(page)):
        screenshot(page, f"axe-lab-{theme}-{state}")
        check_accessibility(page, state=state)
