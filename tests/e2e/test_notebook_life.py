"""What befalls a notebook: a second one beside it, a view in a tab of its own, a restart, a kernel that is gone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.view import View

MAKE = "import nbviz\nview = nbviz.view(nbviz.read('net.json'))"
SHOWN = ".jp-NotebookPanel:not(.lm-mod-hidden)"


@pytest.fixture
def notebook(open_notebook, server, example_graph):
    """A notebook that shows a view, with a kernel that needs no framework."""
    (server.work / "net.json").write_text(example_graph)
    opened = open_notebook(server.write("life.ipynb", [MAKE, "view"]))
    opened.run_all()
    return opened


def select_head(view):
    """A view answers."""
    view.row("head").click()
    view.expect_selected("head")


def ours(errors):
    """Errors from a script in a blob, which is what a view runs from.

    JupyterLab has words of its own for a kernel that goes, and ipywidgets says of any widget that it cannot send, or, of one
    that a notebook was saved with, that its model is not there before the cell has run.
    """
    return [error for error in errors if "blob:" in error and not error.startswith("Could not send widget sync")]


def test_notebooks_side_by_side_have_views_of_their_own(notebook, server, page, watched):
    select_head(View(page.locator(SHOWN)).ready())
    notebook.command("docmanager:open", path=server.write("other.ipynb", [MAKE, "view"]))
    expect(page.locator(SHOWN).get_by_text("nbviz.read")).to_be_visible()
    notebook.run_all()  # what is in front
    other = View(page.locator(SHOWN)).ready()
    other.expect_selected()
    other.row("shared").click()
    other.expect_selected("shared")
    notebook.kernel.expect("view.selection", ("head",))
    assert watched.errors == []


def test_view_in_a_tab_of_its_own_shares_the_selection(notebook, page, watched, screenshot):
    select_head(View(page).ready())
    page.evaluate("window.jupyterapp.shell.currentWidget.content.activeCellIndex = 1")
    notebook.command("notebook:create-output-view")
    split = View(page.locator(".jp-LinkedOutputView")).ready()
    split.expect_selected("head")
    split.row("shared").click()
    View(page.locator(SHOWN)).expect_selected("shared")
    notebook.kernel.expect("view.selection", ("shared",))
    screenshot(page, "split-off")
    page.evaluate("[...window.jupyterapp.shell.widgets('main')].at(-1).close()")
    expect(split.root).to_have_count(0)
    select_head(View(page))
    assert watched.errors == []


def test_duplicated_notebook_shows_a_view_of_its_own(notebook, server, page, watched):
    View(page).ready()
    notebook.save()
    notebook.command("docmanager:duplicate")
    names = {entry["name"] for entry in server.get("api/contents")["content"]}
    (copy,) = (name for name in names if name.startswith("life-Copy"))
    notebook.command("docmanager:open", path=copy)
    expect(page.locator(".jp-NotebookPanel")).to_have_count(2)
    notebook.run_all()
    select_head(View(page.locator(SHOWN)).ready())
    assert notebook.kernel.evaluate("view.selection") == ()
    (server.work / copy).unlink()
    assert ours(watched.errors) == []


def test_restart_and_run_all_brings_a_new_view(notebook, page, watched):
    select_head(View(page).ready())
    page.evaluate("void window.jupyterapp.commands.execute('notebook:restart-run-all')")
    page.get_by_role("button", name="Confirm Kernel Restart").click()
    expect(page.locator(".jp-InputPrompt").get_by_text("[2]:")).to_be_visible()
    view = View(page)
    view.expect_selected()
    select_head(view.ready())
    assert ours(watched.errors) == []


@pytest.mark.parametrize("end", ["dies", "is shut down"])
def test_view_outlives_its_kernel(notebook, server, page, watched, end, screenshot):
    """What it has still works; what it would have to ask for says what to do."""
    view = View(page).ready()
    if end == "dies":
        page.evaluate(
            "void window.jupyterapp.shell.currentWidget.sessionContext.session.kernel"
            ".requestExecute({ code: 'import os; os._exit(1)' }).done.catch(() => {})"
        )
        page.get_by_role("dialog").get_by_role("button").last.click()
    else:
        server.forget(notebook.name)
        page.wait_for_function("() => !window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel")
    select_head(view)
    view.sort("Params")
    view.inspector.get_by_role("button", name="Statistics").first.click()
    expect(view.inspector).to_contain_text(re.compile("run the cell again", re.IGNORECASE))
    expect(view.inspector.get_by_role("button", name="Try again")).to_be_visible()
    screenshot(page, f"kernel-{end.replace(' ', '-')}")
    assert ours(watched.errors) == []
