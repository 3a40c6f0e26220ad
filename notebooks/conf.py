"""The documentation site: README, notebooks and docstrings, with views that work from disk.

python -m sphinx -W --keep-going notebooks build/site
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]

project = "nbviz"
release = metadata.version("nbviz")
copyright = "nbviz developers"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["**.ipynb_checkpoints"]

html_theme = "furo"
html_title = "nbviz"
pygments_dark_style = "github-dark"
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False

myst_heading_anchors = 3
nb_execution_timeout = 240
nb_execution_show_tb = True
nb_output_stderr = "error"
# the notebook on PyTorch stands without outputs where there is no PyTorch
nb_execution_excludepatterns = (
    [] if all(map(find_spec, ("torch", "transformers"))) else ["pytorch.ipynb", "files_and_jax.ipynb"]
)
nb_ipywidgets_js: dict[str, dict[str, str]] = {}  # nothing from another host: the views are whole pages

napoleon_use_rtype = False
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"

# Run by the kernels of the notebooks: a view is shown as the page that `view.static()` gives, and keeps nothing else. What a
# notebook saves goes into the site, where its links find it.
STARTUP = """
import os

import comm

from nbviz.views.widget import ModelView

comm.create_comm = comm.DummyComm

show = lambda view: {"text/html": view.static()._repr_html_()}
get_ipython().display_formatter.mimebundle_formatter.for_type(ModelView, show)
"""
_home = tempfile.TemporaryDirectory(prefix="nbviz-site-")  # goes with the process
_startup = Path(_home.name) / "profile_default" / "startup"
_startup.mkdir(parents=True)
os.environ |= {"IPYTHONDIR": _home.name, "JUPYTER_PREFER_ENV_PATH": "1"}
os.environ.setdefault("KERAS_BACKEND", "jax")

# where the pages that the README names are in the site
PLACES = {
    "notebooks/": "",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "LICENSE": "../LICENSE",
}


def _move_links(_app: Sphinx, _path: Path, _page: str, content: list[str]) -> None:
    for place, moved in PLACES.items():
        content[0] = re.sub(rf"\]\({re.escape(place)}", f"]({moved}", content[0])


def _sources() -> str:
    """A hash of what the notebooks show: Sphinx builds everything again when it changes."""
    found = hashlib.sha256()
    for path in [Path(__file__), *sorted((ROOT / "nbviz").rglob("*"))]:
        if path.is_file() and "__pycache__" not in path.parts:
            found.update(path.read_bytes())
    return found.hexdigest()


def setup(app: Sphinx) -> None:
    """Tell Sphinx."""
    (_startup / "site.py").write_text(STARTUP + f"os.chdir({str(app.outdir)!r})\n")
    app.add_config_value("nbviz_sources", _sources(), "env")
    app.connect("include-read", _move_links)
