"""The same view in every host that can be started here: shown, linked with Python in both directions, light and dark."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.hosts.host import HOSTS
from tests.e2e.view import View

# What is clicked is heard in Python, and what Python then does shows in the page: no host needs a way of its own.
CELLS = (
    """\
import nbviz
view = nbviz.view(nbviz.read("net.json"))
def heard(change):
    if change["new"] == ("head",):
        view.search = "dense"
view.observe(heard, "selection")""",
    "view",
)


@pytest.mark.parametrize("host", HOSTS, indirect=True)
def test_view_works(host, page, watched, screenshot, check_accessibility, request):
    name = request.node.callspec.id
    host.show(page, CELLS)
    view = View(page).ready()
    expect(view.root).to_have_attribute("data-theme", "light")
    view.node("shared").first.click()
    view.expect_selected("shared")
    view.row("head").click()
    view.expect_selected("head")
    expect(view.search).to_have_value("dense")
    view.inspector.get_by_role("button", name="Statistics").first.click()
    expect(view.inspector).to_contain_text("cannot access the weights")  # Python's answer
    view.search.fill("")  # which dims the other rows
    # axe takes a box that the graph cuts off at its border for a button on top of the toolbar
    view.root.get_by_role("button", name="Fit the graph (F)").click()
    check_accessibility(page)
    screenshot(page, f"{name}-light")

    host.darken(page)
    expect(view.ready().root).to_have_attribute("data-theme", "dark" if host.dark else "light")
    check_accessibility(page)
    screenshot(page, f"{name}-dark")
    # Voila's own page asks for icons; what we show comes with the widget
    assert [url for url in watched.requests if not re.search("fontawesome", url)] == []


@pytest.mark.parametrize("host", ["marimo-run"], indirect=True)
def test_view_works_as_an_element_of_marimo(host, page):
    host.show(page, (CELLS[0], "import marimo as mo", "mo.ui.anywidget(view)"))
    view = View(page).ready()
    view.row("head").click()
    expect(view.search).to_have_value("dense")


@pytest.mark.parametrize("host", ["jupyterlab"], indirect=True)
def test_high_contrast_is_dark(host, page, check_accessibility, screenshot):
    host.show(page, CELLS)
    view = View(page).ready()
    host.notebook.command("apputils:change-theme", theme="JupyterLab Dark High Contrast")
    expect(view.root).to_have_attribute("data-theme", "dark")
    view.row("shared").click()
    view.expect_selected("shared")
    check_accessibility(page)
    screenshot(page, "high-contrast")
