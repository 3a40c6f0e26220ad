"""Lets go of what a kept exception holds, and keeps what it tells.

The frames of a traceback hold every variable of the code that failed, and of all its callers: a model and its tensors.
Clearing the frames is not enough, as closures and callers stay. So each frame is replaced by an empty one with the same
file, line and name: the traceback prints as before, in a notebook too.
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import NamedTuple

_OURS = "nbviz."


class _Place(NamedTuple):
    file: str
    line: int
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
    frames = list(_empty_frames(_places(traceback)))
    copied: types.TracebackType | None = None
    for frame, instruction, line in reversed(frames):
        copied = types.TracebackType(copied, frame, instruction, line)
    return copied


def _places(traceback: types.TracebackType | None) -> list[_Place]:
    """Return where the exception passed, without this package's own code."""
    found = []
    while traceback is not None:
        frame = traceback.tb_frame
        module = str(frame.f_globals.get("__name__", ""))
        if not module.startswith(_OURS):
            code = frame.f_code
            found.append(_Place(code.co_filename, traceback.tb_lineno, code.co_name, module))
        traceback = traceback.tb_next
    return found


def _empty_frames(places: list[_Place]) -> Iterator[tuple[types.FrameType, int, int]]:
    """Make a frame for each place. Made inside a generator, they have no caller once it has ended."""
    for place in places:
        code = compile("\n" * (place.line - 1) + "0 / 0", place.file, "exec").replace(co_name=place.name)
        try:
            exec(code, {"__name__": place.module, "__file__": place.file})  # noqa: S102 - a division by zero
        except ZeroDivisionError as stop:
            made = stop.__traceback__.tb_next if stop.__traceback__ is not None else None
            if made is not None:
                yield made.tb_frame, made.tb_lasti, place.line
