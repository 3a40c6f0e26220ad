"""Two people in one notebook: outputs come from a shared document, which draws them again when it likes."""

from __future__ import annotations

import importlib.util

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import watch
from tests.e2e.hosts.host import lacking
from tests.e2e.jupyter import Notebook, Server
from tests.e2e.view import View


@pytest.fixture
def together(tmp_path, example_graph):
    """JupyterLab with real-time collaboration."""
    if importlib.util.find_spec("jupyter_server_ydoc") is None:
        lacking("jupyter-collaboration is not installed: pip install 'nbviz[hosts]'")
    server = Server(tmp_path, together=True)
    (server.work / "net.json").write_text(example_graph)
    yield server
    server.stop()


def test_view_is_the_same_for_two_people(together, page, watched, chromium, screenshot):
    name = together.write("both.ipynb", ["import nbviz\nview = nbviz.view(nbviz.read('net.json'))", "view"])
    together.jupyter("trust", name)
    mine = Notebook(page, together, name)
    mine.connect()
    context = chromium.new_context(viewport={"width": 1360, "height": 900})
    seen = watch(context)
    theirs = Notebook(context.new_page(), together, name)
    theirs.connect()

    mine.run_all()
    here = View(mine.page).ready()
    there = View(theirs.page).ready()
    here.row("head").click()
    there.expect_selected("head")
    there.row("shared").click()
    here.expect_selected("shared")

    # what one runs again is drawn again for both
    theirs.page.evaluate("window.jupyterapp.shell.currentWidget.content.activeCellIndex = 1")
    theirs.command("notebook:run-cell")
    for view in (here, there):
        view.ready().expect_selected("shared")
    # and who comes later sees it too
    theirs.page.reload()
    there.ready().expect_selected("shared")
    expect(here.root).to_have_count(1)
    screenshot(theirs.page, "collaboration")
    context.close()
    assert [*watched.requests, *seen.requests] == []
