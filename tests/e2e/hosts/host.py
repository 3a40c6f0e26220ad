"""The programs that show notebooks: how each is started, shows a few cells, and gets dark."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlencode

import pytest

from tests.e2e.jupyter import PLACES, Notebook, Server
from tests.e2e.serving import Served
from tests.e2e.waiting import PATIENCE

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).parents[3]
NAME = "host.ipynb"
OLD = ROOT / ".cache" / "ipywidgets7"
"""A virtual environment with the newest Jupyter of the years before ipywidgets 8."""


class Host(Protocol):
    """A program that shows notebooks."""

    work: Path
    """Where its kernels start."""
    dark: bool
    """Whether it has a dark theme."""

    def show(self, page: Page, cells: Sequence[str]) -> None:
        """Open a notebook of these cells, and run them."""

    def darken(self, page: Page) -> None:
        """Make what shows dark; a host without such a theme leaves that to the system."""

    def stop(self) -> None:
        """End it."""


class Modern:
    """JupyterLab or Notebook 7."""

    dark = True

    def __init__(self, home: Path, application: str) -> None:
        self._server = Server(home, application)
        self.work, self.stop = self._server.work, self._server.stop

    def show(self, page: Page, cells: Sequence[str]) -> None:
        self.notebook = Notebook(page, self._server, self._server.write(NAME, cells))
        self.notebook.run_all()

    def darken(self, page: Page) -> None:
        self.notebook.theme("dark")


class Classic:
    """The classic notebook: Notebook 6 and before, and nbclassic."""

    dark = False

    def __init__(self, home: Path, application: str, python: str = sys.executable) -> None:
        self._server = Server(home, application, python=python)
        # in Notebook 6 the classic notebook has no other notebook beside it
        self._place = PLACES["nbclassic"] if application == "nbclassic" else PLACES["notebook"]
        self.work, self.stop = self._server.work, self._server.stop

    def show(self, page: Page, cells: Sequence[str]) -> None:
        name = self._server.write(NAME, cells)
        page.goto(f"{self._server.url}/{self._place}/{name}?token={self._server.token}")
        # Widgets are an extension, which may come after the kernel. It asks the kernel for what it has, then draws every
        # cell with a widget again, and loses what was shown there before: asking once more waits until that is over.
        manager = "IPython.notebook.kernel.widget_manager"
        page.wait_for_function(f"() => window.{manager.replace('.', '?.')}", timeout=PATIENCE * 1000)
        page.evaluate(f"{manager}._loadFromKernel()")
        page.evaluate("IPython.notebook.execute_all_cells()")

    def darken(self, page: Page) -> None:
        page.emulate_media(color_scheme="dark")


class Voila:
    """Shows the outputs of a notebook, which it runs for each visitor."""

    dark = True

    def __init__(self, home: Path) -> None:
        self.work = home / "work"
        self.work.mkdir()
        environment = {"JUPYTER_CONFIG_DIR": str(home / "config"), "JUPYTER_DATA_DIR": str(home / "data")}
        command = [sys.executable, "-m", "voila", "--no-browser", "--Voila.ip=127.0.0.1"]
        self._served = Served(command, self.work, environment, "voila/tree")
        self.stop = self._served.stop

    def show(self, page: Page, cells: Sequence[str]) -> None:
        Server.write(self, NAME, cells)
        page.goto(f"{self._served.url}/voila/render/{NAME}")

    def darken(self, page: Page) -> None:
        page.goto(f"{page.url}?{urlencode({'theme': 'dark'})}")


class Marimo:
    """Its own kind of notebook, a Python module, as an application or to be edited."""

    dark = True

    def __init__(self, home: Path, command: str) -> None:
        self.work = home / "work"
        settings = home / "config" / "marimo" / "marimo.toml"
        for folder in (self.work, settings.parent):
            folder.mkdir(parents=True)
        settings.write_text('[display]\ntheme = "system"\n[runtime]\nauto_instantiate = true\n')
        self._environment = {"XDG_CONFIG_HOME": str(home / "config"), "HOME": str(home)}
        self._command = [sys.executable, "-m", "marimo", "--quiet", command, "host.py", "--headless", "--no-token"]
        self._served: Served | None = None

    def show(self, page: Page, cells: Sequence[str]) -> None:
        # one cell: a name belongs to the cell that binds it
        body = textwrap.indent("\n".join(cells), "    ")
        module = f"import marimo\n\napp = marimo.App()\n\n\n@app.cell\ndef _():\n{body}\n    return\n"
        (self.work / "host.py").write_text(module)
        if self._served is None:
            self._served = Served(self._command, self.work, self._environment, "health")
        page.goto(self._served.url)

    def darken(self, page: Page) -> None:
        page.emulate_media(color_scheme="dark")

    def stop(self) -> None:
        if self._served is not None:
            self._served.stop()


HOSTS = {
    "jupyterlab": lambda home: Modern(home, "jupyterlab"),
    "notebook7": lambda home: Modern(home, "notebook"),
    "nbclassic": lambda home: Classic(home, "nbclassic"),
    "ipywidgets7": lambda home: Classic(home, "notebook", old_python()),
    "voila": Voila,
    "marimo-run": lambda home: Marimo(home, "run"),
    "marimo-edit": lambda home: Marimo(home, "edit"),
}
NEEDED = {"notebook7": "notebook", "nbclassic": "nbclassic", "voila": "voila"} | dict.fromkeys(
    ["marimo-run", "marimo-edit"], "marimo"
)
"""What has to be installed; it comes with the extra `hosts`."""


def old_python() -> str:
    """Return a Python with ipywidgets 7, Notebook 6 and this checkout: they go with nothing newer in one environment."""
    python = OLD / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.is_file():
        subprocess.run([sys.executable, "-m", "venv", OLD], check=True)
    install = [python, "-m", "pip", "install", "--quiet", "ipywidgets<8", "notebook<7", "--editable", ROOT]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lacking(f"ipywidgets 7 could not be installed: {done.stderr[-500:]}")
    return str(python)


def lacking(reason: str) -> None:
    """Leave a test out, or fail where everything has to be there."""
    (pytest.fail if os.environ.get("NBVIZ_E2E") == "1" else pytest.skip)(reason)
