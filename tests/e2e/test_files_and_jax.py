"""The notebook on model files and JAX in JupyterLab: an exported model, two checkpoints, a Flax model and a function."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.view import View

for package in ("flax", "gguf", "onnxscript", "torch", "transformers"):
    pytest.importorskip(package)

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "files_and_jax.ipynb"


def test_files_and_jax(open_notebook, server, page, screenshot, check_accessibility):
    shutil.copy(NOTEBOOK, server.work)
    notebook = open_notebook(NOTEBOOK.name)
    notebook.run_all()
    kernel = notebook.kernel

    # an exported model nests as the module did, and its equal blocks are one box
    exported = View(notebook.output("onnx_view = nbviz.view(")).ready()
    expect(exported.root).to_contain_text("206,090")
    exported.expect_selected("blocks/0/mlp/0")
    expect(exported.inspector).to_contain_text("(64, 256)")
    exported.row("head").click()
    kernel.expect("onnx_view.selection", ("head",))
    expect(exported.node("head")).to_have_attribute("aria-label", re.compile("head, Linear, "))

    # a checkpoint shows shapes and dtypes of what it stores, and says why there is no graph
    checkpoint = View(notebook.output("checkpoint_view = nbviz.view("))
    expect(checkpoint.row("lm_head")).to_contain_text("(4096, 256)")
    expect(checkpoint.row("lm_head")).to_contain_text("bfloat16")
    expect(checkpoint.root.get_by_role("note")).to_contain_text("No graph to show")
    checkpoint.row("model/embed_tokens").click()
    kernel.expect("checkpoint_view.selection", ("model/embed_tokens",))
    expect(checkpoint.inspector).to_contain_text("2.00 MB")
    checkpoint.inspector.get_by_role("button", name="Statistics").click()  # which opens the shard
    expect(checkpoint.inspector).to_contain_text(re.compile("\N{GREEK SMALL LETTER SIGMA} 0.0[12]"))

    quantized = View(notebook.output("gguf_view = nbviz.view("))
    expect(quantized.inspector).to_contain_text("block_count")
    expect(quantized.row("token_embd")).to_contain_text("256,000")

    flax = View(notebook.output("flax_view = nbviz.view(")).ready()
    flax.row("head").click()
    kernel.expect("flax_view.selection", ("head",))
    expect(flax.node("head")).to_have_attribute("aria-label", re.compile("head, Linear, "))
    View(notebook.output("step_view = nbviz.view(")).ready()

    shown = {"onnx": exported, "checkpoint": checkpoint, "gguf": quantized, "flax": flax}
    for theme in ("light", "dark"):
        notebook.theme(theme)
        for name, view in shown.items():
            expect(view.root).to_have_attribute("data-theme", theme)
            view.root.scroll_into_view_if_needed()
            screenshot(page, f"files-{name}-{theme}")
        check_accessibility(page)
