"""The notebooks are kept without their outputs, and the documentation site that is built of them is whole."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest

import nbviz
from tests import site

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_kept_without_outputs(path):
    cells = nbformat.read(path, as_version=4).cells
    assert not [cell.id for cell in cells if cell.get("outputs") or cell.get("execution_count")]


@pytest.fixture(scope="module")
def pages():
    """The text of the site's pages by name; a cell that fails or writes to stderr stops the build."""
    pytest.importorskip("keras")
    pytest.importorskip("myst_nb")
    return {path.stem: path.read_text(encoding="utf-8") for path in site.build().glob("*.html")}


@pytest.mark.notebook
def test_site_shows_live_views_in_every_notebook(pages):
    without = {"gallery"}  # it opens them in pages of their own
    if not all(map(find_spec, ("torch", "transformers"))):
        without |= {"pytorch", "files_and_jax"}
    for name in {"index", *(path.stem for path in NOTEBOOKS)} - without:
        assert '<iframe title="nbviz model view"' in pages[name], name


@pytest.mark.notebook
def test_gallery_has_a_page_and_pictures_of_every_application(pages):
    import keras

    models = [name for name in dir(keras.applications) if name[0].isupper()]
    named = re.findall(r'(?:href|src)="(gallery/[^"]+)"', pages["gallery"])
    assert named == [f"gallery/{name}{end}" for name in models for end in (".html", "-light.svg", "-dark.svg")]
    assert [name for name in named if not (site.SITE / name).is_file()] == []


@pytest.mark.notebook
@pytest.mark.parametrize("name", nbviz.__all__)
def test_reference_has_every_public_name(pages, name):
    assert re.search(rf'id="nbviz\.(\w+\.)*{name}"', pages["api"]), f"add {name} to notebooks/api.md"


@pytest.mark.notebook
def test_site_takes_nothing_from_elsewhere(pages):
    resource = re.compile(r"""<(?:script|link|img|iframe)\b[^>]*(?:src|href)=["']?(?:https?:)?//[^"'>\s]+""")
    assert {name: found for name, text in pages.items() if (found := resource.findall(text))} == {}
    styles = [path.read_text(encoding="utf-8") for path in site.SITE.rglob("*.css")]
    assert not re.findall(r"(?:url\(|@import\s*)[\"']?(?:https?:)?//[^)]*", "\n".join(styles))
