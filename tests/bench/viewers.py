"""Have one viewer open one file: what a page then shows is its business. Runs on its own, where the viewer is installed.

    python viewers.py VIEWER FILE FOLDER

It imports the viewer, prints a line, waits for one, opens the file, prints the address to look at, and stays until its input
ends.
"""

from __future__ import annotations

import importlib
import json
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote


def nbviz(file: Path, folder: Path) -> str:
    """Write the page."""
    import nbviz

    return nbviz.view(file).save(folder / "page.html").as_uri()


def netron(file: Path, _folder: Path) -> str:
    """Serve the file."""
    import netron

    host, port = netron.start(str(file), ("localhost", _port()), browse=False)
    return f"http://{host}:{port}"


def model_explorer(file: Path, _folder: Path) -> str:
    """Serve what the extension for ONNX makes of the file, as ``visualize`` does, but without a browser of its own."""
    from model_explorer import server

    port = _port()
    settings = {"extensions": ["model_explorer_onnx"], "no_open_in_browser": True, "skip_health_check": True}
    threading.Thread(target=lambda: server.start(port=port, **settings), daemon=True).start()
    _listening(port)
    return f"http://localhost:{port}/?data={quote(json.dumps({'models': [{'url': str(file)}]}))}"


def _port() -> int:
    with socket.socket() as asked:
        asked.bind(("localhost", 0))
        return int(asked.getsockname()[1])


def _listening(port: int) -> None:
    """Wait for a server."""
    while True:
        try:
            socket.create_connection(("localhost", port), 1).close()
        except OSError:
            time.sleep(0.002)
        else:
            return


VIEWERS: dict[str, tuple[Callable[[Path, Path], str], tuple[str, ...]]] = {
    "nbviz": (nbviz, ("nbviz.api", "nbviz.views.widget", "nbviz.adapters.onnx.opening", "onnx")),
    "netron": (netron, ("netron",)),
    "model_explorer": (model_explorer, ("model_explorer.server", "model_explorer_onnx.main")),
}
"""How each is asked, and what it imports."""


def main() -> None:
    """Do what the command line says."""
    name, file, folder = sys.argv[1:]
    show, modules = VIEWERS[name]
    out, sys.stdout = sys.stdout, sys.stderr  # viewers print what they like
    for module in modules:
        importlib.import_module(module)
    out.write("ready\n")
    out.flush()
    sys.stdin.readline()
    out.write(f"{show(Path(file), Path(folder))}\n")
    out.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
