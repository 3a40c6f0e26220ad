"""Names places in source code: file and line, or notebook cell and line."""

from __future__ import annotations

import inspect
import os
import sys
from weakref import WeakKeyDictionary


def place(file: str, line: int) -> str:
    """Return ``file.py:line``; for code of a notebook's cell ``In[number]:line``, as tracebacks number it."""
    cell = _cell(file) if "ipython" in file or "ipykernel" in file else None
    name = os.path.basename(file) if cell is None else f"In[{cell}]"  # noqa: PTH119 - a Path is slow to make
    return f"{name}:{line}"


def _cell(file: str) -> int | None:
    """Return the number of the cell that IPython has compiled under this name."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    found: int | None = getattr(getattr(shell, "compile", None), "_filename_map", {}).get(file)
    return found


_PLACES: WeakKeyDictionary[type, str] = WeakKeyDictionary()
"""Where classes are written: it takes a parse of the whole file, and a model has many layers of one class."""


def source_of(cls: type) -> str:
    """Return the place where a class is written, ``""`` where that is not known."""
    if cls not in _PLACES:
        _PLACES[cls] = _source_of(cls)
    return _PLACES[cls]


def _source_of(cls: type) -> str:
    try:
        file, line = inspect.getsourcefile(cls), inspect.getsourcelines(cls)[1]
    except (OSError, TypeError, IndexError):
        return ""
    return place(file or "?", line)


def module_of(cls: type) -> str:
    """Return the module that a class is from; of one that ``abc.ABCMeta`` has made at run time, which says ``abc``, that of its base."""
    return next((base.__module__ for base in cls.__mro__ if base.__module__ != "abc"), "")


def is_of_library(module: str | None, libraries: frozenset[str]) -> bool:
    """Tell whether a module is of one of these packages, or of Python's own."""
    root = (module or "").partition(".")[0]
    return root in libraries or (root in sys.stdlib_module_names and root != "__main__")
