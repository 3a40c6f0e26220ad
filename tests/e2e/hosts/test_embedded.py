"""Widget state embedded in HTML, as nbconvert and Quarto write it, shown by the widget managers of ipywidgets 8 and 7.

The manager of ipywidgets 7 is the one that Colab shows widgets with.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import anywidget
import pytest

from tests.e2e.browser import CACHE, search_path
from tests.e2e.hosts.host import lacking
from tests.e2e.view import View

REQUIRE = "requirejs@2.3.7"
MANAGERS = {
    "ipywidgets 8": "@jupyter-widgets/html-manager@1.0.14",
    "ipywidgets 7": "@jupyter-widgets/html-manager@0.20.6",
}
SCRIPTS = {
    "https://cdnjs.cloudflare.com/ajax/libs/require.js/2.1.10/require.min.js": "require.js",
    "https://unpkg.com/@jupyter-widgets/html-manager@*/dist/embed-amd.js": "embed-amd.js",
}


def from_npm(package: str, member: str, place: Path) -> Path:
    """Copy one file of a package on npm, which is kept for the next time."""
    kept = CACHE.parent / "npm" / re.sub(r"\W+", "-", f"{package} {member}")
    if not kept.is_file():
        npm = shutil.which("npm", path=search_path())
        if npm is None:
            lacking("npm is not installed")
        kept.parent.mkdir(parents=True, exist_ok=True)
        pack = [npm, "pack", "--silent", package, "--pack-destination", kept.parent]
        packed = kept.parent / subprocess.run(pack, check=True, capture_output=True, text=True).stdout.split()[-1]
        with tarfile.open(packed) as archive:
            source = archive.extractfile(f"package/{member}")
            assert source is not None, f"{package} has no {member}"
            kept.write_bytes(source.read())
        packed.unlink()
    return Path(shutil.copy(kept, place))


@pytest.fixture
def converted(server, example_graph, tmp_path):
    """A notebook as HTML with its widget state, all scripts of which lie beside it instead of on somebody's server."""

    def convert(manager: str, cell: str) -> Path:
        (server.work / "net.json").write_text(example_graph)
        source = server.write("embedded.ipynb", ["import nbviz\nview = nbviz.view(nbviz.read('net.json'))", cell])
        server.jupyter("nbconvert", "--to", "html", "--execute", source, "--output-dir", str(tmp_path))
        from_npm(REQUIRE, "require.js", tmp_path / "require.js")
        from_npm(manager, "dist/embed-amd.js", tmp_path / "embed-amd.js")
        module = (Path(anywidget.__file__).parent / "nbextension" / "index.js").read_text()
        (tmp_path / "anywidget.js").write_text(module.replace("define([", 'define("anywidget", [', 1))
        page = tmp_path / "embedded.html"
        text = page.read_text().replace("</head>", '<script src="anywidget.js"></script></head>', 1)
        for address, name in SCRIPTS.items():
            assert address in text
            text = text.replace(address, name)
        page.write_text(text)
        return page

    return convert


@pytest.mark.parametrize("manager", MANAGERS)
def test_embedded_view_works_without_a_network(converted, page, watched, manager, screenshot, check_accessibility):
    page.goto(converted(MANAGERS[manager], "view").as_uri())
    view = View(page).ready()
    view.node("shared").first.click()
    view.expect_selected("shared")
    view.row("head").click()
    view.expect_selected("head")
    check_accessibility(page)
    screenshot(page, f"embedded-{manager.replace(' ', '')}")
    # nbconvert's own page asks for what draws formulas and diagrams
    assert [url for url in watched.requests if not re.search("mathjax|mermaid", url)] == []


def test_two_embedded_displays_share_the_selection(converted, page):
    page.goto(converted(MANAGERS["ipywidgets 8"], "import ipywidgets\nipywidgets.VBox([view, view])").as_uri())
    one, two = View(page, 0).ready(), View(page, 1).ready()
    one.row("head").click()
    two.expect_selected("head")
