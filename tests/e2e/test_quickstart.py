"""The whole way: the quickstart in JupyterLab, the links between table, graph and Python, and the saved page."""

from __future__ import annotations

import shutil
from pathlib import Path

from playwright.sync_api import expect

from tests.e2e.conftest import is_local
from tests.e2e.view import View

QUICKSTART = Path(__file__).parents[2] / "notebooks" / "quickstart.ipynb"


def test_quickstart_from_the_first_cell_to_the_saved_page(
    open_notebook, server, page, watched, context, screenshot, check_accessibility
):
    shutil.copy(QUICKSTART, server.work)
    notebook = open_notebook(QUICKSTART.name)
    notebook.run_all()
    kernel = notebook.kernel

    tutorial = View(notebook.output("view = nbviz.view(model)")).ready()
    tutorial.expect_selected("hidden")
    expect(tutorial.root).to_contain_text("Total params 7")

    matcher = View(notebook.output("nbviz.view(matcher)")).ready()
    assert matcher.graph.locator('[role="treeitem"][data-path="encoder"]').count() == 2

    residual = View(notebook.output("nbviz.view(residual")).ready()
    expect(residual.node("block1")).to_be_visible()

    resnet = View(notebook.output("nbviz.view(resnet)")).ready()
    resnet.expect_selected("conv4_block1_2_conv")

    # sort: largest first, and back to the model's own order at the third click
    resnet.sort("Params")
    resnet.sort("Params")
    first = "conv5_block1_0_conv"
    resnet.sort("Params")

    # filter
    resnet.filter.fill("conv2_block1 conv2d")
    expect(resnet.root.get_by_role("status").filter(has_text="filtered")).to_contain_text("4 filtered")
    resnet.expect_first("conv2_block1_1_conv", "conv2_block1_2_conv")
    resnet.filter.fill("")

    # a click in the graph is heard in Python
    kernel.run("heard = []; resnet_view.observe(lambda change: heard.append(change['new']), 'selection')")
    resnet.node("input_layer").click()
    kernel.expect("heard[-1]", ("input_layer",))
    assert kernel.evaluate("resnet_view.selected['type'].tolist()") == ["InputLayer"]

    # what Python selects is shown: its ancestors open
    kernel.run("resnet_view.selection = ('conv5_block3_out',)")
    resnet.expect_selected("conv5_block3_out")

    # a group opens and closes in place
    group = resnet.node("~conv2")
    expect(group).to_have_attribute("aria-expanded", "false")
    group.dblclick()
    expect(resnet.node("~conv2")).to_have_attribute("aria-expanded", "true")
    assert "~conv2" in kernel.evaluate("resnet_view.expanded")

    screenshot(page, "quickstart-resnet50-light")
    check_accessibility(page)
    notebook.theme("dark")
    expect(resnet.root).to_have_attribute("data-theme", "dark")
    screenshot(page, "quickstart-resnet50-dark")
    check_accessibility(page)
    notebook.theme("light")

    # the saved file opens from disk, without a network
    saved = server.work / "resnet50.html"
    other = context.new_page()
    other.goto(saved.as_uri())
    page_view = View(other).ready()
    page_view.expect_selected("conv4_block1_2_conv")
    screenshot(other, "saved-resnet50-light")
    assert watched.requests == []
    assert is_local(other.url)
    assert first
