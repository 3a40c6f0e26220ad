"""An executed notebook opened again, its kernel gone: what shows depends on trust and on saved widget state."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import expect

from tests.e2e.view import View

FRAME = "iframe[title='nbviz model view']"


@pytest.fixture
def executed(server, example_graph):
    """Execute a notebook with one view, without a browser, as nbconvert does."""

    def execute(name, *, state, cell="view"):
        (server.work / "net.json").write_text(example_graph)
        source = server.write(f"source-{name}", ["import nbviz\nview = nbviz.view(nbviz.read('net.json'))", cell])
        flag = f"--ExecutePreprocessor.store_widget_state={state}"
        server.jupyter("nbconvert", "--to", "notebook", "--execute", source, "--output", name, flag)
        return name

    return execute


@pytest.mark.parametrize("state", [False, True])
def test_untrusted_notebook_shows_the_table(executed, open_notebook, page, state):
    open_notebook(executed(f"untrusted-{state}.ipynb", state=state))
    output = page.locator(".jp-OutputArea-output")
    expect(output.locator("table")).to_contain_text("head")
    expect(output).to_contain_text("Total params: 34")
    expect(page.locator(".nbviz")).to_have_count(0)


def test_trusted_notebook_with_state_shows_the_view(executed, open_notebook, server, page, watched):
    name = executed("trusted.ipynb", state=True)
    server.jupyter("trust", name)
    open_notebook(name)
    view = View(page).ready()
    view.row("head").click()
    view.expect_selected("head")
    assert watched.requests == []


def test_a_notebook_that_lacks_the_program_says_so(executed, open_notebook, server, page):
    name = executed("lacking.ipynb", state=True)
    notebook = json.loads((server.work / name).read_text())
    (widgets,) = notebook["metadata"]["widgets"].values()
    lacking = [key for key, model in widgets["state"].items() if "text" in model["state"]]
    assert len(lacking) == 1
    del widgets["state"][lacking[0]]
    (server.work / name).write_text(json.dumps(notebook))
    server.jupyter("trust", name)
    open_notebook(name)
    expect(page.get_by_role("alert")).to_contain_text("run the cell again", timeout=60_000)


def test_static_view_is_there_without_state(executed, open_notebook, server, page, watched):
    name = executed("static.ipynb", state=False, cell="view.static()")
    server.jupyter("trust", name)
    open_notebook(name)
    view = View(page.frame_locator(FRAME)).ready()
    view.row("head").click()
    view.expect_selected("head")
    assert watched.requests == []


def test_static_view_in_an_untrusted_notebook_says_what_it_is(executed, open_notebook, page):
    """JupyterLab takes the frame away; an empty line would say nothing."""
    open_notebook(executed("static-untrusted.ipynb", state=False, cell="view.static()"))
    expect(page.locator(".jp-OutputArea-output")).to_contain_text(re.compile(r"\w"))


@pytest.mark.parametrize("cell", ["view", "view.static()"])
def test_plain_html_shows_something_without_a_network(executed, server, page, cell):
    name = executed("plain.ipynb", state=False, cell=cell)
    server.jupyter("nbconvert", "--to", "html", name)
    page.goto((server.work / "plain.html").as_uri())
    if cell == "view":
        expect(page.locator(".jp-OutputArea-output table")).to_contain_text("head")
    else:
        View(page.frame_locator(FRAME)).ready()
