"""Opens ``.pt2`` files, and converts their graph to an fx graph.

``torch.export.load`` can run code from a file: it unpickles example inputs and odd weights, gives expressions of sizes to
``sympify``, which evaluates them, compiles source text made of the names in the file, and loads compiled libraries. So none
of that is used: the graph is JSON, and weights are plain bytes beside it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, final

from nbviz.adapters.files.zips import BAD_ZIP, contents, open_zip
from nbviz.adapters.text import plain, short
from nbviz.errors import FileReadError

_SMALL = 16 << 20
"""Bytes that may come out of any archive: PyTorch compresses nothing, so more than its own are in none that it wrote."""


@final
class Archive:
    """The files in a ``.pt2`` archive.

    Parameters
    ----------
    path
        Where it is.

    Raises
    ------
    FileReadError
        If it is no archive of an exported program.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with open_zip(path) as opened:
                names = opened.namelist()
        except FileReadError:
            raise
        except BAD_ZIP as error:
            raise FileReadError(_damaged(path, error)) from error
        root = next((name.partition("/")[0] for name in names if name.endswith("/archive_format")), None)
        self.names = {name.partition("/")[2] for name in names if root is not None and name.startswith(f"{root}/")}
        self._root = root
        models = sorted(n for n in self.names if n.startswith("models/") and n.endswith(".json"))
        if not models:
            raise FileReadError(_no_program(path, names))
        self.model = "model" if "models/model.json" in models else Path(models[0]).stem

    def read(self, name: str) -> bytes:
        """Return the contents of a file in the archive."""
        try:
            with open_zip(self.path) as opened:
                return contents(opened, f"{self._root}/{name}", max(_SMALL, self.path.stat().st_size))
        except FileReadError:
            raise
        except BAD_ZIP as error:
            raise FileReadError(_damaged(self.path, error)) from error

    def json(self, name: str) -> dict[str, Any]:
        """Return what a JSON file in the archive holds."""
        written = self.read(name)
        try:
            found = json.loads(written)
        except (ValueError, RecursionError) as error:
            raise FileReadError(_damaged(self.path, error)) from error
        if not isinstance(found, dict):
            raise FileReadError(_damaged(self.path, f"{name} is not a JSON object"))
        return found


def _damaged(path: Path, error: object) -> str:
    return (
        f"{str(path)!r} cannot be read: it is damaged, or not a .pt2 archive ({short(plain(error), 200)}). Save "
        f"it again with torch.export.save(program, {str(path)!r})."
    )


def damaged_program(path: Path, error: Exception) -> FileReadError:
    """Return the error for a program that is not written as PyTorch writes it."""
    return FileReadError(_damaged(path, f"{type(error).__name__}: {error}"))


def _no_program(path: Path, names: Iterable[str]) -> str:
    found = set(names)
    load = f"Load it with torch.export.load({str(path)!r}) if you trust it, and pass the program."
    if "serialized_exported_program.json" in found:
        return (
            f"{str(path)!r} was written by PyTorch before 2.8, in a format with pickles, which nbviz never loads. "
            f"{load}"
        )
    if any("/data/aotinductor/" in name for name in found):
        return (
            f"{str(path)!r} holds a compiled library without its program. Pass the exported program, or save the "
            "program with torch.export.save."
        )
    if any(name.endswith("/data.pkl") for name in found):
        return (
            f"{str(path)!r} was written by torch.save or torch.jit.save, so it holds no exported program. Load "
            "it in Python and pass the module, or save torch.export.export(module, args) with torch.export.save."
        )
    return (
        f"{str(path)!r} is a zip archive without an exported program. Write one with torch.export.save(program, path)."
    )
