"""The saved page in Firefox: open, sort, select, expand, search, axe."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

import nbviz
from tests.e2e.browser import search_path
from tests.e2e.conftest import AXE

DRIVER = Path(__file__).with_name("firefox.mjs")


@pytest.fixture(scope="module")
def seen(firefox, blocks, tmp_path_factory):
    """What the driver saw in six steps."""
    document = nbviz.view(blocks).save(tmp_path_factory.mktemp("firefox") / "net.html")
    shots = os.environ.get("NBVIZ_SHOTS", "")
    if shots:
        Path(shots).mkdir(parents=True, exist_ok=True)
    node = shutil.which("node", path=search_path())
    assert node is not None, "the driver of Firefox needs Node"
    command = [node, str(DRIVER), firefox, document.as_uri(), str(AXE), shots]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_step_is_taken_without_an_error_or_a_request(seen):
    assert seen["errors"] == [], seen["step"]
    assert seen["step"] == "axe"
    assert [address for address in seen["requests"] if not address.startswith(("file:", "data:", "blob:"))] == []


def test_table_sorts(seen):
    assert seen["rows"][:4] == ["blocks", "image", "other", "shared"]
    assert seen["sorted"][:3] == ["block0", "block1", "block2"]


def test_row_selects_its_box_and_shows_its_details(seen):
    assert "Conv2D" in seen["details"]


def test_stack_opens(seen):
    assert seen["blocks"] == 4


def test_search_leaves_what_it_finds(seen):
    assert seen["found"] == 1


def test_axe_finds_nothing(seen):
    assert seen["violations"] == []
