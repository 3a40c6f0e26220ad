"""A view among others in a notebook: displays that share a selection, the host's keys and wheel, what is left behind."""

from __future__ import annotations

import json
import re

import pypdf
import pytest
from playwright.sync_api import expect

from tests.e2e.view import View, save_by_menu

# A widget's own listeners, timers, observers and workers come from a script that was imported from a blob.
COUNT_WHAT_IS_LEFT = """
(() => {
  const left = new Map();
  const ours = () => new Error().stack.split("\\n").slice(2, 4).some(line => line.includes("blob:"));
  const note = (key, what) => left.set(key, what);
  const add = EventTarget.prototype.addEventListener;
  const remove = EventTarget.prototype.removeEventListener;
  const outside = target => target === window || target === document || !(target instanceof Node) ||
    target === document.body || target === document.documentElement;
  const keys = new WeakMap();
  const keyOf = (target, type, listener) => {
    if (!keys.has(target)) keys.set(target, new Map());
    const known = keys.get(target);
    if (!known.has(type)) known.set(type, new Map());
    if (!known.get(type).has(listener)) known.get(type).set(listener, {});
    return known.get(type).get(listener);
  };
  EventTarget.prototype.addEventListener = function (type, listener, options) {
    if (listener && outside(this) && !(this instanceof AbortSignal) && !(this instanceof Worker) && ours()) {
      const key = keyOf(this, type, listener);
      note(key, `${type} on ${this.constructor.name}`);
      options?.signal && add.call(options.signal, "abort", () => left.delete(key));
    }
    return add.call(this, type, listener, options);
  };
  EventTarget.prototype.removeEventListener = function (type, listener, options) {
    if (listener && keys.has(this)) left.delete(keyOf(this, type, listener));
    return remove.call(this, type, listener, options);
  };
  for (const name of ["ResizeObserver", "MutationObserver", "IntersectionObserver"]) {
    const Original = window[name];
    window[name] = class extends Original {
      constructor(callback) { super(callback); this.ours = ours(); }
      observe(...target) { if (this.ours) note(this, name); return super.observe(...target); }
      disconnect() { left.delete(this); return super.disconnect(); }
    };
  }
  const interval = window.setInterval;
  window.setInterval = (...all) => { const id = interval(...all); if (ours()) note(`interval ${id}`, "interval"); return id; };
  const clear = window.clearInterval;
  window.clearInterval = id => { left.delete(`interval ${id}`); clear(id); };
  const Original = window.Worker;
  window.Worker = class extends Original {
    constructor(...all) { super(...all); note(this, "worker"); }
    terminate() { left.delete(this); super.terminate(); }
  };
  window.whatIsLeft = () => [...left.values()].sort();
})();
"""


# Programs are modules in blobs, of more than a few kilobytes.
COUNT_PROGRAMS = """
(() => {
  window.programs = 0;
  const create = URL.createObjectURL;
  URL.createObjectURL = blob => {
    if (blob.type === "text/javascript" && blob.size > 100_000) window.programs += 1;
    return create.call(URL, blob);
  };
})();
"""

SAVE_STATE = "@jupyter-widgets/jupyterlab-manager:saveWidgetState"
"""Switches on and off that JupyterLab saves the state of widgets."""


@pytest.fixture
def graph_file(server, example_graph):
    """A model graph in the server's folder, so that the kernel needs no framework."""
    path = server.work / "net.json"
    path.write_text(example_graph)
    return path.name


@pytest.fixture
def open_view(open_notebook, server, graph_file):
    """Run a notebook whose first cell makes `view`."""

    def open_(*cells):
        first = f"import ipywidgets\nimport nbviz\nview = nbviz.view(nbviz.read({graph_file!r}))"
        notebook = open_notebook(server.write("view.ipynb", [first, *cells]))
        notebook.run_all()
        return notebook

    return open_


def test_two_displays_of_one_view_share_the_selection(open_view, page):
    notebook = open_view("view", "view  # again")
    one, two = View(page, 0).ready(), View(page, 1).ready()
    one.node("shared").first.click()
    two.expect_selected("shared")
    notebook.kernel.expect("view.selection", ("shared",))
    two.row("head").click()
    one.expect_selected("head")
    # what is hovered is nobody's trait: displays of one model share its store
    one.row("head").hover()
    expect(two.row("head")).to_have_class(re.compile("is-hovered"))
    # each has its own zoom
    before = two.camera.get_attribute("style")
    one.root.get_by_role("button", name="Zoom in").click()
    expect(two.camera).to_have_attribute("style", before or "")
    expect(one.camera).not_to_have_attribute("style", before or "")


def test_ten_views_run_and_store_the_program_once(open_notebook, server, graph_file, page, context):
    context.add_init_script(COUNT_PROGRAMS)
    first = f"import nbviz\ngraph = nbviz.read({graph_file!r})"
    notebook = open_notebook(
        server.write("ten.ipynb", [first, *[f"nbviz.view(graph, title='{i}')" for i in range(10)]])
    )
    notebook.run_all()
    View(page).ready()
    notebook.output("title='9'")
    expect(page.locator(".nbviz").last).to_be_visible()
    assert page.evaluate("programs") == 1
    notebook.command(SAVE_STATE)
    notebook.save()
    notebook.command(SAVE_STATE)
    saved = json.loads((server.work / "ten.ipynb").read_text())["metadata"]["widgets"]
    (state,) = (part["state"] for part in saved.values())
    models = [model["state"] for model in state.values()]
    assert sum("payload" in model or "_program" in model for model in models) == 10
    assert [len(model["text"]) > 100_000 for model in models if "text" in model] == [True]
    assert sum(len(json.dumps(model)) for model in models if "text" not in model) < 10 * 20_000


def test_a_view_finds_its_program_again(open_view, open_notebook, page):
    """When the page is loaded again, when all widgets were closed, when the kernel was restarted."""
    notebook = open_view("view")
    View(page).ready()
    notebook.save()
    open_notebook(notebook.name)  # the page is another one now, and has nothing but the kernel
    View(page).ready()
    notebook.kernel.run("ipywidgets.Widget.close_all()")
    expect(page.locator(".nbviz")).to_have_count(0)
    notebook.run_all()
    View(page).ready()
    page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    notebook.run_all()
    view = View(page).ready()
    view.row("head").click()
    view.expect_selected("head")


def test_view_sits_in_a_box_and_links_to_other_widgets(open_view, page):
    notebook = open_view(
        "box = ipywidgets.Tab([ipywidgets.HTML('first'), view], titles=['one', 'two'])\nbox",
        "text = ipywidgets.Text()\nlink = ipywidgets.jslink((text, 'value'), (view, 'search'))\ntext",
    )
    page.get_by_role("tab", name="two").click()
    view = View(page).ready()
    notebook.output("text = ").get_by_role("textbox").fill("dense")
    notebook.kernel.expect("view.search", "dense")
    notebook.output("box = ")
    expect(view.search).to_have_value("dense")


def test_view_takes_the_room_there_is_in_a_row_of_widgets(open_view, page):
    open_view("ipywidgets.HBox([view, ipywidgets.Button(description='beside')])")
    view = View(page).ready()
    page.wait_for_function("view => view.clientWidth > 500", arg=view.root.element_handle())


def test_view_fills_the_window_and_comes_back(open_view, page):
    open_view("view")
    view = View(page).ready()
    before = view.root.bounding_box()
    view.root.get_by_role("button", name="Fill the window").click()
    full = page.viewport_size
    page.wait_for_function(
        "([view, height]) => view.clientHeight >= height - 2", arg=[view.root.element_handle(), full["height"]]
    )
    view.node("head").click()
    view.expect_selected("head")
    # really drawn: one plain color would compress to a few hundred bytes
    assert len(view.node("head").screenshot()) > 1000
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")  # the first one, in the graph, lets go of the selection
    page.wait_for_function(
        "([view, width]) => view.clientWidth <= width", arg=[view.root.element_handle(), before["width"]]
    )


@pytest.mark.parametrize("place", ["filter", "table", "graph", "inspector"])
def test_keys_meant_for_the_view_do_not_reach_the_notebook(open_view, page, place):
    open_view("view")
    view = View(page).ready()
    cells = "() => window.jupyterapp.shell.currentWidget.content.widgets.length"
    before = page.evaluate(cells)
    view.row("head").click()
    {
        "filter": view.filter,
        "table": view.table,
        "graph": view.node("head"),
        "inspector": view.inspector.get_by_role("button").first,
    }[place].focus()
    for key in ("a", "b", "m", "ArrowDown", "a", "x"):  # outside the view, these add, remove and change cells
        page.keyboard.press(key)
        assert page.evaluate(cells) == before, f"{key!r} reached the notebook"
    if place == "filter":
        expect(view.filter).to_have_value("abmax")


def test_keys_after_a_click_do_not_reach_the_notebook(open_view, page):
    open_view("view")
    view = View(page).ready()
    cells = "() => window.jupyterapp.shell.currentWidget.content.widgets.length"
    before = page.evaluate(cells)
    for clicked in (view.node("head"), view.row("head"), view.heading("Params")):
        clicked.click()
        page.keyboard.press("a")
        assert page.evaluate(cells) == before


def test_wheel_scrolls_the_page_until_the_graph_has_focus(open_view, page):
    open_view("view")
    view = View(page).ready()
    before = view.camera.get_attribute("style")
    view.graph.hover()
    page.mouse.wheel(0, 40)
    assert view.camera.get_attribute("style") == before
    view.node("head").focus()
    page.mouse.wheel(0, -40)
    expect(view.camera).not_to_have_attribute("style", before or "")


def test_statistics_of_a_weight_come_from_the_kernel(open_notebook, server, page):
    model = "keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, name='head')])"
    notebook = open_notebook(
        server.write("weights.ipynb", [f"import keras, nbviz\nmodel = {model}", "view = nbviz.view(model)\nview"])
    )
    notebook.run_all()
    view = View(page).ready()
    view.row("head").click()
    expect(view.inspector).to_contain_text("kernel")
    view.inspector.get_by_role("button", name="Statistics").first.click()
    expect(view.inspector.get_by_role("img", name=re.compile("kernel", re.IGNORECASE))).to_be_visible()


def test_the_kernel_makes_a_pdf_of_what_is_shown(open_view, page, tmp_path):
    open_view("view")
    view = View(page).ready()
    view.row("head").click()
    saved = pypdf.PdfReader(save_by_menu(page, view, "Picture of the graph", ".pdf", tmp_path))
    assert "head" in saved.pages[0].extract_text()


def test_closing_the_output_leaves_nothing_behind(open_view, page, context):
    context.add_init_script(COUNT_WHAT_IS_LEFT)
    notebook = open_view("view")
    view = View(page).ready()
    view.node("head").hover()
    view.node("head").click()
    view.expect_selected("head")
    assert page.evaluate("whatIsLeft()"), "the trap must see the listeners of a view that shows"
    notebook.command("notebook:clear-all-cell-outputs")
    expect(view.root).to_have_count(0)
    page.wait_for_function("() => whatIsLeft().length === 0")
    notebook.run_all()  # and it shows again
    View(page).ready()


def test_the_worker_ends_with_the_last_display(open_notebook, server, large_graph, page, context):
    context.add_init_script(COUNT_WHAT_IS_LEFT)
    (server.work / "large.json").write_text(large_graph)
    first = "import nbviz\nview = nbviz.view(nbviz.read('large.json'))"
    notebook = open_notebook(server.write("large.ipynb", [first, "view", "view  # again"]))
    notebook.run_all()
    View(page, 0).ready()
    View(page, 1).ready()
    assert [what for what in page.evaluate("whatIsLeft()") if what == "worker"] == ["worker"]
    page.evaluate("window.jupyterapp.shell.currentWidget.content.activeCellIndex = 1")
    notebook.command("notebook:clear-cell-output")
    expect(page.locator(".nbviz")).to_have_count(1)
    assert "worker" in page.evaluate("whatIsLeft()")
    notebook.command("notebook:clear-all-cell-outputs")
    expect(page.locator(".nbviz")).to_have_count(0)
    page.wait_for_function("() => whatIsLeft().length === 0")
    notebook.run_all()  # and it comes back
    View(page).ready()
    assert "worker" in page.evaluate("whatIsLeft()")


def test_a_closed_view_leaves_the_page(open_view, page):
    notebook = open_view("view")
    view = View(page).ready()
    notebook.kernel.run("view.close()")
    expect(view.root).to_have_count(0)


def test_failed_forward_pass_is_shown(open_notebook, server, page):
    failing = """import keras, nbviz
class Broken(keras.Model):
    def __init__(self):
        super().__init__()
        self.first = keras.layers.Dense(4, name="first")
        self.second = keras.layers.Conv2D(4, 3, name="second")
    def call(self, x):
        return self.second(self.first(x))
model = Broken()"""
    notebook = open_notebook(server.write("broken.ipynb", [failing, "view = nbviz.view(model, (None, 8))\nview"]))
    notebook.run_all()
    view = View(page).ready()
    expect(view.root.get_by_role("alert")).to_contain_text("second")
    expect(view.row("second")).to_contain_text("failed")
    assert notebook.kernel.evaluate("type(view.error).__name__") == "ValueError"


def test_all_is_reachable_by_keyboard(open_view, page):
    notebook = open_view("view")
    view = View(page).ready()
    view.table.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelector('.nbviz [data-row][aria-selected=\"true\"]')")
    first = notebook.kernel.evaluate("view.selection")
    assert len(first) == 1
    view.graph.locator('[tabindex="0"]').focus()
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.activeElement.getAttribute('aria-selected') === 'true'")
    notebook.kernel.expect(f"view.selection != {first!r}", True)
