"""The whole way: the quickstart in JupyterLab, the links between table, graph and Python, and the saved page."""

from __future__ import annotations

import shutil
from pathlib import Path

from playwright.sync_api import expect

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
    expect(residual.node("≡block1")).to_be_visible()

    resnet = View(notebook.output("nbviz.view(resnet)")).ready()
    resnet.expect_selected("conv4_block1_2_conv")

    # sort: by size, largest first, and at the third click back to the model's own order
    resnet.sort("Params")
    expect(resnet.heading("Params")).to_have_attribute("aria-sort", "descending")
    resnet.expect_first("conv5", "conv4", "conv5/block1")
    resnet.sort("Params")
    expect(resnet.heading("Params")).to_have_attribute("aria-sort", "ascending")
    resnet.sort("Params")
    expect(resnet.heading("Params")).to_have_attribute("aria-sort", "none")

    # filter
    resnet.filter.fill("conv2_block1 conv2d")
    expect(resnet.root.get_by_role("status").filter(has_text="filtered")).to_contain_text("4 filtered")
    resnet.expect_first("conv2_block1_1_conv", "conv2_block1_2_conv")
    resnet.filter.fill("")

    # a click in the graph is heard in Python
    kernel.run("heard = []; resnet_view.observe(lambda change: heard.append(change['new']), 'selection')")
    fit = resnet.root.get_by_role("button", name="Fit the graph", exact=True)
    fit.click()
    resnet.node("predictions").click()
    kernel.expect("heard[-1:]", [("predictions",)])
    assert kernel.evaluate("resnet_view.selected['type'].tolist()") == ["Dense"]

    # what Python selects is shown: its ancestors open
    kernel.run("resnet_view.selection = ('conv5_block3_out',)")
    resnet.expect_selected("conv5_block3_out")

    # a group opens in place, in graph and table
    fit.click()
    resnet.double_click(resnet.node("≡~conv3/block2"))
    group = resnet.node("~conv3/block2")
    expect(group).to_have_attribute("aria-expanded", "false")
    resnet.double_click(group)
    expect(group).to_have_attribute("aria-expanded", "true")
    expect(resnet.node("conv3_block2_add")).to_be_visible()
    kernel.expect("'~conv3/block2' in resnet_view.expanded", True)

    for theme in ("light", "dark"):
        notebook.theme(theme)
        expect(resnet.root).to_have_attribute("data-theme", theme)
        screenshot(page, f"quickstart-resnet50-{theme}")
        check_accessibility(page)

    # the saved file opens from disk, without a network
    other = context.new_page()
    other.goto((server.work / "resnet50.html").as_uri())
    View(other).ready().expect_selected("conv4_block1_2_conv")
    screenshot(other, "saved-resnet50-light")
    assert watched.requests == []
