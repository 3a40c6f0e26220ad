"""The PyTorch notebook in JupyterLab: a network that fails and is explained, and a Llama of 6.7 billion parameters."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.view import View

pytest.importorskip("torch")
pytest.importorskip("transformers")

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "pytorch.ipynb"


def test_broken_network_and_llama(open_notebook, server, page, screenshot, check_accessibility):
    shutil.copy(NOTEBOOK, server.work)
    notebook = open_notebook(NOTEBOOK.name)
    notebook.run_all()
    kernel = notebook.kernel

    # the view says what failed, on which shapes, where, and what to do
    broken = View(notebook.output("broken_view = nbviz.view(")).ready()
    alert = broken.root.get_by_role("alert")
    for said in (
        "classifier/1",
        "(4, 3136) float32",
        "In[",
        "mat1 and mat2 shapes cannot be multiplied",
        "Linear(3136, 120)",
    ):
        expect(alert).to_contain_text(said)
    expect(broken.row("classifier/1")).to_contain_text("failed")
    broken.row("classifier/1").click()
    broken.expect_selected("classifier/1")
    kernel.expect("broken_view.selection", ("classifier/1",))
    expect(broken.inspector).to_contain_text("in_features")
    assert kernel.evaluate("type(broken_view.error).__name__, str(broken_view.error)") == (
        "RuntimeError",
        "mat1 and mat2 shapes cannot be multiplied (4x3136 and 400x120)",
    )
    for theme in ("light", "dark"):
        notebook.theme(theme)
        expect(broken.root).to_have_attribute("data-theme", theme)
        screenshot(page, f"pytorch-broken-{theme}")
        check_accessibility(page)

    # the 32 equal layers are one box, which opens
    llama = View(notebook.output("llama_view = nbviz.view(")).ready()
    expect(llama.root).to_contain_text("6,738,415,616")
    folded = llama.node("≡model/layers/0")
    expect(folded).to_be_visible()
    kernel.run("llama_view.selection = ('model/layers/31/mlp',)")
    llama.expect_selected("model/layers/31/mlp")
    expect(llama.node("model/layers/31/self_attn")).to_be_visible()
    expect(llama.inspector).to_contain_text("LlamaMLP")
    llama.row("model/layers/31/self_attn").click()
    kernel.expect("llama_view.selection", ("model/layers/31/self_attn",))
    for theme in ("light", "dark"):
        notebook.theme(theme)
        expect(llama.root).to_have_attribute("data-theme", theme)
        screenshot(page, f"pytorch-llama-{theme}")

    for name in (
        "view = nbviz.view(resnet",
        "gpt2_view = nbviz.view(",
        "nbviz.view(Matcher()",
        "nbviz.view(router",
        "nbviz.view(program, title",
    ):
        shown = View(notebook.output(name)).ready()
        shown.root.scroll_into_view_if_needed()
        screenshot(page, f"pytorch-{''.join(filter(str.isalnum, name))}")
