"""The built front end belongs to the present sources; checked without Node."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
STATIC = ROOT / "nbviz" / "static"

pytest.importorskip("hatchling")


@pytest.fixture(scope="module")
def hook():
    """The module js/hatch_build.py, which hatchling loads by its path too."""
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "js" / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_bundle_is_whole_and_made_of_the_present_sources(hook):
    problem = hook.complaint(ROOT)
    assert problem is None, f"{problem}: run `npm ci && npm run build` in js/"


def test_a_changed_source_makes_the_bundle_stale(hook, tmp_path):
    source = tmp_path / "js" / "src" / "views" / "table.ts"
    source.parent.mkdir(parents=True)
    source.write_text("export const a = 1;\n")
    for name in hook.CONFIGURATION:
        (tmp_path / "js" / name).write_text("{}")
    static = tmp_path / "nbviz" / "static"
    static.mkdir(parents=True)
    assert "lacks widget.js" in hook.complaint(tmp_path)
    for name in hook.OUTPUTS:
        (static / name).write_text(hook.source_hash(tmp_path / "js"))
    assert hook.complaint(tmp_path) is None
    source.write_bytes(b"export const a = 1;\r\n")
    assert hook.complaint(tmp_path) is None, "line endings alone change nothing"
    source.write_text("export const a = 2;\n")
    assert "other sources" in hook.complaint(tmp_path)


def test_a_build_that_needs_node_asks_for_it(hook, monkeypatch):
    builder = hook.FrontEnd(str(ROOT), {}, None, None, "", "wheel")
    monkeypatch.setattr(hook, "npm", lambda: None)
    monkeypatch.setenv("NBVIZ_BUILD_JS", "1")
    assert builder.dependencies() == [hook.NODE_FROM_PYPI]
    monkeypatch.setenv("NBVIZ_BUILD_JS", "0")
    assert builder.dependencies() == []


def test_a_node_that_is_too_old_does_not_count(hook, monkeypatch, tmp_path):
    for name, answer in (("node", "echo v18.20.4"), ("npm", "echo 10")):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{answer}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert hook.npm() is None
