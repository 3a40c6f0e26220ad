"""A Jupyter server of its own, a notebook open in JupyterLab or Notebook 7, and the Python side of that notebook."""

from __future__ import annotations

import ast
import json
import secrets
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.blocking.client import BlockingKernelClient
from playwright.sync_api import Locator, Page, expect

from tests.e2e.serving import Served
from tests.e2e.waiting import PATIENCE, until

# Real-time collaboration is another mode of working, which has tests of its own.
COLLABORATION = {
    "server": ["jupyter_server_ydoc"],
    "page": ["@jupyter/collaboration-extension", "@jupyter/docprovider-extension"],
}
PLACES = {"jupyterlab": "lab/tree", "notebook": "notebooks", "nbclassic": "nbclassic/notebooks"}


class Server(Served):
    """One of Jupyter's applications, with none of the user's own settings."""

    def __init__(
        self, home: Path, application: str = "jupyterlab", *, python: str = sys.executable, together: bool = False
    ) -> None:
        self.token = secrets.token_hex(16)
        self.application = application
        self.work = home / "work"
        self.runtime = home / "runtime"
        for folder in (self.work, self.runtime, home / "config" / "labconfig"):
            folder.mkdir(parents=True)
        _configure(home / "config", together=together)
        environment = {
            "JUPYTER_TOKEN": self.token,
            "JUPYTER_CONFIG_DIR": str(home / "config"),
            "JUPYTER_DATA_DIR": str(home / "data"),
            "JUPYTER_RUNTIME_DIR": str(self.runtime),
            "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
            "IPYTHONDIR": str(home / "ipython"),
            "JUPYTER_PREFER_ENV_PATH": "1",
        }
        # these are written alike since Notebook 6, which knows no ServerApp
        command = [python, "-m", application, "--no-browser", "--allow-root", "--ip=127.0.0.1", "--port-retries=0"]
        expose = {"jupyterlab": "LabApp", "notebook": "JupyterNotebookApp"}.get(application)
        if expose:
            command.append(f"--{expose}.expose_app_in_browser=True")
        super().__init__(command, self.work, environment, "api/status")

    def get(self, path: str) -> Any:
        """Ask the server's REST interface."""
        with self._request(path) as answer:
            return json.load(answer)

    def _request(self, path: str, method: str = "GET") -> Any:
        headers = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(f"{self.url}/{path}", headers=headers, method=method)  # noqa: S310
        return urllib.request.urlopen(request, timeout=10)  # noqa: S310

    def write(self, name: str, cells: Sequence[str]) -> str:
        """Put a notebook with these code cells into the server's folder."""
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(notebook, self.work / name)
        return name

    def forget(self, name: str) -> None:
        """End the kernel of a notebook."""
        for session in self.get("api/sessions"):
            if session["path"] == name:
                self._request(f"api/sessions/{session['id']}", "DELETE").close()

    def jupyter(self, *arguments: str) -> None:
        """Run a Jupyter command with the settings of this server."""
        command = [sys.executable, "-m", "jupyter", *arguments]
        done = subprocess.run(command, env=self.environment, cwd=self.work, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def _configure(folder: Path, *, together: bool) -> None:
    """Write the settings of a server."""
    refused = {"server": [], "page": []} if together else COLLABORATION
    extensions = dict.fromkeys(refused["server"], False)
    (folder / "jupyter_server_config.json").write_text(json.dumps({"ServerApp": {"jpserver_extensions": extensions}}))
    disabled = dict.fromkeys(["@jupyterlab/apputils-extension:announcements", *refused["page"]], True)
    (folder / "labconfig" / "page_config.json").write_text(json.dumps({"disabledExtensions": disabled}))


class Kernel:
    """A second client on a notebook's kernel: what Python sees, whatever the page shows."""

    def __init__(self, connection_file: Path) -> None:
        self._client = BlockingKernelClient()
        self._client.load_connection_file(str(connection_file))
        self._client.start_channels()
        self._client.wait_for_ready(timeout=PATIENCE)

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression that is written as a Python literal."""
        asked = self._client.execute("", user_expressions={"x": expression}, reply=True, timeout=PATIENCE)
        answer = asked["content"]["user_expressions"]["x"]
        assert answer["status"] == "ok", f"{expression}: {answer.get('evalue')}"
        return ast.literal_eval(answer["data"]["text/plain"])

    def run(self, code: str) -> None:
        """Execute code as a cell would."""
        answer = self._client.execute(code, reply=True, timeout=PATIENCE)["content"]
        assert answer["status"] == "ok", "\n".join(answer.get("traceback", []))

    def expect(self, expression: str, value: object) -> None:
        """Wait until an expression has a value."""
        until(
            lambda: self.evaluate(expression) == value,
            lambda: f"{expression} is {self.evaluate(expression)!r}, not {value!r}",
        )

    def close(self) -> None:
        self._client.stop_channels()


class Notebook:
    """A notebook open in JupyterLab or Notebook 7, driven by their own commands."""

    def __init__(self, page: Page, server: Server, name: str) -> None:
        self.page = page
        self.server = server
        self.name = name
        self._kernel: Kernel | None = None
        page.goto(f"{server.url}/{PLACES[server.application]}/{name}?token={server.token}&reset")
        page.wait_for_function("() => window.jupyterapp?.restored", timeout=PATIENCE * 1000)
        expect(page.locator(".jp-Notebook .jp-CodeCell").first).to_be_visible(timeout=PATIENCE * 1000)

    def connect(self) -> None:
        """Wait for the kernel."""
        self.page.wait_for_function(
            """() => {
              const context = window.jupyterapp.shell.currentWidget?.sessionContext;
              return context?.isReady && context.session?.kernel?.connectionStatus === "connected";
            }""",
            timeout=PATIENCE * 1000,
        )

    def command(self, name: str, **arguments: object) -> None:
        """Execute one of JupyterLab's commands and wait for its end."""
        script = "async ([name, arguments]) => { await window.jupyterapp.commands.execute(name, arguments); }"
        self.page.evaluate(script, [name, arguments])

    def run_all(self) -> None:
        """Run every cell to its end."""
        self.connect()
        self.command("notebook:run-all-cells")
        errors = self.page.locator(
            '.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.stderr"] .ansi-red-fg'
        )
        assert errors.count() == 0, errors.first.inner_text()

    def save(self) -> None:
        """Write the notebook to disk."""
        self.command("docmanager:save")

    def theme(self, name: str) -> None:
        """Switch JupyterLab to its "light" or "dark" theme."""
        self.command("apputils:change-theme", theme=f"JupyterLab {name.capitalize()}")
        self.page.wait_for_function(
            "light => document.body.dataset.jpThemeLight === light", arg=str(name == "light").lower()
        )

    def output(self, source: str) -> Locator:
        """Scroll to the output of the cell whose source holds this text, until it stays: cells that are drawn late push others away."""
        index = self.page.evaluate(
            """async source => {
              const { content } = window.jupyterapp.shell.currentWidget;
              const texts = content.widgets.map(cell => cell.model.sharedModel.getSource());
              const index = texts.findIndex(text => text.includes(source));
              content.widgets.forEach((cell, i) => { cell.node.dataset.cell = i; });
              const shows = () => {
                const { top, bottom, height } = content.widgets[index].node.getBoundingClientRect();
                return height > 0 && top < innerHeight && bottom > 0;
              };
              await content.scrollToItem(index, "start");
              for (let calm = 0; calm < 30; calm++) {
                await new Promise(requestAnimationFrame);
                if (shows()) continue;
                await content.scrollToItem(index, "start");
                calm = 0;
              }
              return index;
            }""",
            source,
        )
        return self.page.locator(f'.jp-Cell[data-cell="{index}"] .jp-Cell-outputArea')

    @property
    def kernel(self) -> Kernel:
        """The Python side."""
        if self._kernel is None:
            sessions = self.server.get("api/sessions")
            identity = next(session["kernel"]["id"] for session in sessions if session["path"] == self.name)
            self._kernel = Kernel(self.server.runtime / f"kernel-{identity}.json")
        return self._kernel

    def close(self) -> None:
        """Let go of the Python side."""
        if self._kernel is not None:
            self._kernel.close()
