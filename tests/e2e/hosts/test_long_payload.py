"""A model that compresses to more than the 10 MB that some hosts allow a message: it is sent, kept and saved in parts."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from tests.e2e.jupyter import Notebook, Server
from tests.e2e.view import View

LIMIT = 10_000_000
MAKE = "import nbviz\nview = nbviz.view(nbviz.read('bulky.json'))"


@pytest.fixture(scope="module")
def bulky_graph():
    """The graph as JSON, and the length of its payload."""
    from nbviz import wire
    from nbviz.metrics import Metrics
    from tests.fixtures.graphs import bulky

    graph = bulky(2000, 12_000)
    length = len(wire.pack(Metrics(graph)))
    assert length > LIMIT
    return wire.to_json(graph), length


def works(view):
    """All parts have come: the last layer's settings are at the end of the payload's longest table."""
    # compressing so much takes a busy machine half a minute, and its picture as long
    expect(view.table.locator("[data-row]").first).to_be_visible(timeout=120_000)
    view.ready()
    view.search.fill("l1999")
    view.search.press("Enter")
    view.expect_selected("l1999")
    expect(view.inspector).to_contain_text("note")


# Not Voila, nor a page that comes back to its kernel: they ask for all widgets at once, which no widget can cut.
@pytest.mark.parametrize("host", ["jupyterlab", "ipywidgets7", "marimo-run"], indirect=True)
def test_no_message_is_too_long(host, bulky_graph, page, watched, screenshot, request):
    text, length = bulky_graph
    (host.work / "bulky.json").write_text(text)
    received = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: received.append(len(frame))))
    host.show(page, (MAKE, "view"))
    works(View(page))
    screenshot(page, f"bulky-{request.node.callspec.id}")
    assert max(received) < LIMIT
    assert sum(received) > length
    assert watched.requests == []


def test_a_notebook_grows_by_the_compressed_payload_and_shows_it_again(
    server: Server, bulky_graph, page, watched, open_notebook
):
    text, length = bulky_graph
    (server.work / "bulky.json").write_text(text)
    notebook: Notebook = open_notebook(server.write("bulky.ipynb", [MAKE, "view"]))
    notebook.run_all()
    works(View(page))
    server.jupyter("nbconvert", "--to", "notebook", "--execute", "bulky.ipynb", "--output", "kept.ipynb")
    kept = server.work / "kept.ipynb"
    # as base64, beside the program, the table of the first rows and the state of the view
    assert kept.stat().st_size < length * 4 / 3 + 700_000
    (widgets,) = json.loads(kept.read_text())["metadata"]["widgets"].values()
    buffers = [buffer["path"] for model in widgets["state"].values() for buffer in model.get("buffers", [])]
    assert sorted(buffers) == [["payload"], ["payload_0"], ["payload_1"]]
    server.jupyter("trust", "kept.ipynb")
    open_notebook("kept.ipynb")
    works(View(page))
    assert watched.requests == []


def test_a_saved_page_shows_it(bulky_graph, tmp_path, page, watched):
    import nbviz

    source = tmp_path / "bulky.json"
    source.write_text(bulky_graph[0])
    page.goto(nbviz.view(nbviz.read(source)).save(tmp_path / "bulky.html").as_uri())
    works(View(page))
    assert (watched.requests, watched.errors) == ([], [])
