"""A widget in a page whose content-security policy forbids what widgets are made of, as that of VS Code can be set to."""

from __future__ import annotations

import base64
import json
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from nbviz.views.page import bundled
from tests.e2e.view import View

ADDRESS = "http://127.0.0.1:9/page.html"
EDITOR = "--vscode-editor-background: #1e1e1e; background: #1e1e1e; color: #ccc"
# A host that can load the little loader, as from an address of its own, and hands it a model that keeps a view's traits.
HOST = """<!doctype html><body class="vscode-dark" style="{editor}"><main></main>
<script type="application/json">{state}</script>
<script type="module">
import loader from "./loader.js";
const state = JSON.parse(document.querySelector("script").textContent);
const bytes = Uint8Array.from(atob(state.payload), letter => letter.charCodeAt(0));
state.payload = new DataView(bytes.buffer);
const model = {{
  get: key => state[key], set: (key, value) => {{ state[key] = value; }}, save_changes() {{}}, send() {{}}, on() {{}}, off() {{}},
  widget_manager: {{ get_model: async () => ({{ get: () => state.text }}) }},
}};
const {{ signal }} = new AbortController();
loader.initialize({{ model, signal }});
loader.render({{ model, el: document.querySelector("main"), signal }});
</script>"""


@pytest.fixture
def open_under(page, large_graph):
    """Open the view of a large model, which wants a worker, in a page under a policy."""
    import nbviz
    from nbviz import wire

    view = nbviz.view(wire.from_json(large_graph))
    state = {
        **view._state(),
        "payload": base64.b64encode(view.payload).decode(),
        "_program": "",
        "text": bundled("widget.js"),
    }
    inert = json.dumps(state).replace("<", "\\u003c")
    files = {"page.html": HOST.format(editor=EDITOR, state=inert), "loader.js": bundled("loader.js")}

    def open_(policy):
        def answer(route):
            name = PurePosixPath(urlsplit(route.request.url).path).name
            kind = "text/javascript" if name.endswith(".js") else "text/html"
            headers = {"Content-Security-Policy": policy}
            route.fulfill(status=200, content_type=kind, body=files[name], headers=headers)

        page.route("http://127.0.0.1:9/**", answer)
        page.goto(ADDRESS)

    return open_


@pytest.mark.parametrize(
    "policy",
    [
        "script-src 'self' 'unsafe-inline' blob:; worker-src 'none'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'; child-src https: data:",
    ],
    ids=["no workers", "no blobs"],
)
def test_widget_works_without_workers_and_without_modules_in_blobs(open_under, page, policy, screenshot):
    open_under(f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; {policy}")
    view = View(page).ready()
    expect(view.root).to_have_attribute("data-theme", "dark")
    view.search.fill("l2999")
    view.search.press("Enter")
    view.expect_selected("l2999")
    assert page.workers == []
    screenshot(page, "policy")


def test_widget_says_what_a_policy_leaves_no_way_for(open_under, page):
    open_under("default-src 'none'; style-src 'unsafe-inline'; script-src 'self' 'unsafe-inline'")
    expect(page.get_by_role("alert")).to_contain_text("nbviz: EvalError")
