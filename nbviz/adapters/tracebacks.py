"""Releases the objects that a stored exception holds, and keeps its traceback text.

The frames of a traceback hold every variable of the code that failed, and of all its callers: a model and its tensors.
Clearing the frames is not enough, as closures and callers stay. So each frame is replaced by an empty one with the same
file, line and name: the traceback prints as before, in a notebook too.
"""

from __future__ import annotations

import ast
import copy
import dis
import types
from itertools import islice
from typing import NamedTuple

_OURS = "nbviz."
_STANDS_STILL = ast.parse("def f(): yield")


class _Place(NamedTuple):
    file: str
    line: int
    span: tuple[int, int, int, int] | None  # from a line to a line, from a column to a column
    name: str
    module: str


def detach(error: BaseException | None) -> None:
    """Replace the traceback of an exception, and of those that led to it, by one that holds no variables."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        error.__traceback__ = _copy(error.__traceback__)
        if error.__suppress_context__ and error.__cause__ is None:
            error.__context__ = None  # never shown, but it would hold its own frames
        error = error.__cause__ or error.__context__


def _copy(traceback: types.TracebackType | None) -> types.TracebackType | None:
    copied: types.TracebackType | None = None
    for place in reversed(_places(traceback)):
        frame = _empty_frame(place)
        copied = types.TracebackType(copied, frame, _instruction(frame.f_code), place.line)
    return copied


def _places(traceback: types.TracebackType | None) -> list[_Place]:
    """Return where the exception passed, without this package's own code."""
    found = []
    while traceback is not None:
        frame = traceback.tb_frame
        module = str(frame.f_globals.get("__name__", ""))
        if not module.startswith(_OURS):
            code = frame.f_code
            span = _span(code, traceback.tb_lasti)
            found.append(_Place(code.co_filename, traceback.tb_lineno, span, code.co_name, module))
        traceback = traceback.tb_next
    return found


def _span(code: types.CodeType, instruction: int) -> tuple[int, int, int, int] | None:
    """Return which part of a file an instruction is made from, None if that is not known."""
    line, last, column, end = next(islice(code.co_positions(), instruction // 2, None), (None,) * 4)
    return None if line is None or last is None or column is None or end is None else (line, last, column, end)


def _empty_frame(place: _Place) -> types.FrameType:
    """Make a frame for a place: that of a generator which has not begun has no variables, and no caller."""
    tree = copy.deepcopy(_STANDS_STILL)
    line, last, column, end = place.span or (place.line, place.line, 0, 0)
    for node in ast.walk(tree):
        if "lineno" in node._attributes:
            node.lineno, node.end_lineno, node.col_offset, node.end_col_offset = line, last, column, end  # type: ignore[attr-defined]
    module = compile(tree, place.file, "exec")
    code = next(constant for constant in module.co_consts if isinstance(constant, types.CodeType))
    begin = types.FunctionType(
        code.replace(co_name=place.name, co_qualname=place.name),
        {"__name__": place.module, "__file__": place.file},
    )
    frame: types.FrameType = begin().gi_frame
    return frame


def _instruction(code: types.CodeType) -> int:
    """Return the place of the one instruction that counts: some readers of tracebacks do not end without one."""
    return next(one.offset for one in dis.get_instructions(code) if one.opname == "YIELD_VALUE")
