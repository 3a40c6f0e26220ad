"""Finds the line of the model's own code that makes a call or raises an error.

It is one of the code that runs, which is the running module's: what that calls to have its work done, such as einops or a solver,
may be written in Python too, and is not what its author looks for.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterable, Iterator
from types import FrameType
from typing import Any

from nbviz.adapters.places import place
from nbviz.adapters.torch.calls import is_library
from nbviz.adapters.torch.modules.kinds import definer
from nbviz.builder import GraphBuilder
from nbviz.records import CallRecord

_BEGINNING = "nbviz.adapters.torch.model"
"""Where a trace begins: who called that is no part of the model."""

_MODULE_CALL = "nbviz.adapters.torch.mode"
"""Where modules are called, and functions, which call no code of the model's."""


def source(code: Any, line: int) -> str:
    """Return the place of a line; of what torch.fx has written, the line is the one that ``GraphModule.code`` shows."""
    file = code.co_filename
    return f"GraphModule.code:{line}" if file.startswith("<eval_with_key>") else place(file, line)


def package_of(module: Any) -> str:
    """Return the package of the code that runs when a module is called, ``""`` if that is PyTorch's."""
    return _own_package(definer(module, "forward").__module__)


def caller(package: str = "") -> str:
    """Return the place in the model's code that makes this call, ``""`` when there is none.

    ``package`` is that of the running code; where no line of it has led here, as in a hook of another, any that is no library's
    counts.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if not is_library(module):  # nearly always of the package
            found = not package or module.partition(".")[0] == package
            return source(frame.f_code, frame.f_lineno) if found else _nearest(_outwards(frame), package)
        frame = None if module == _BEGINNING else frame.f_back
    return ""


def raised_at(error: BaseException, builder: GraphBuilder, record: CallRecord) -> str:
    """Return the last place in the model's code that an exception came through, ``""`` when there is none."""
    frames = list(traceback.walk_tb(error.__traceback__))
    return _nearest(reversed(frames), _package_around(builder, record))


def _own_package(module: str) -> str:
    return "" if is_library(module) else module.partition(".")[0]


def _nearest(frames: Iterable[tuple[FrameType, int]], package: str) -> str:
    """Return the place of the first frame of a package inside the running module's call, else of the first of any model's code."""
    found: tuple[FrameType, int] | None = None
    for frame, line in frames:
        module = frame.f_globals.get("__name__", "")
        if not is_library(module):
            if not package or module.partition(".")[0] == package:
                return source(frame.f_code, line)
            found = found or (frame, line)
        elif module == _BEGINNING or (found is not None and module == _MODULE_CALL):
            break
    return "" if found is None else source(found[0].f_code, found[1])


def _outwards(frame: FrameType | None) -> Iterator[tuple[FrameType, int]]:
    while frame is not None:
        yield frame, frame.f_lineno
        frame = frame.f_back


def _package_around(builder: GraphBuilder, record: CallRecord) -> str:
    """Return the package of the innermost module around a call that is not PyTorch's, ``""`` if there is none."""
    modules = {layer.path: layer.module for layer in map(builder.layer, builder.layer_keys())}
    around: CallRecord | None = record
    while around is not None:
        package = "" if around.layer is None else _own_package(modules[around.layer])
        if package:
            return package
        around = None if around.parent is None else builder.calls[around.parent]
    return ""
