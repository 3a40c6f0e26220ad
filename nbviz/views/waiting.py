"""Shows a progress line while a model takes long to read, in a notebook cell or a terminal."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from nbviz.progress import Step, heard_by
from nbviz.views.box import cut

PATIENCE = 1.0
"""Seconds without a word."""

_BETWEEN = 0.2
_CELL_WIDTH = 100
_BAR = 20


@contextmanager
def told_to_wait(clock: Callable[[], float] = time.monotonic) -> Iterator[None]:
    """Show what is reported, once it has taken a while."""
    due, line = clock() + PATIENCE, _line()

    def hear(step: Callable[[], Step]) -> None:
        nonlocal due
        if line is not None and clock() >= due:
            line.show(step())
            due = clock() + _BETWEEN

    try:
        with heard_by(hear):
            yield
    finally:
        if line is not None:
            line.clear()


def _line() -> _CellLine | _TerminalLine | None:
    """Return where a line can be shown that can be taken away again: neither in a file nor in a pipe."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if getattr(shell, "kernel", None) is not None:
        return _CellLine()
    return _TerminalLine() if sys.stderr is not None and sys.stderr.isatty() else None


def _terminal_width() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


def _bar(share: float | None) -> str:
    if share is None:
        return ""
    done = int(share * _BAR)
    return f"[{'#' * done}{'-' * (_BAR - done)}] {share:4.0%} "


class _CellLine:
    def __init__(self) -> None:
        self._shown: Any = None

    def show(self, step: Step) -> None:
        from IPython.display import display

        bundle = {"text/plain": step.words[:_CELL_WIDTH]}
        if self._shown is None:
            self._shown = display(bundle, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._shown.update(bundle, raw=True)

    def clear(self) -> None:
        if self._shown is not None:
            self._shown.update({"text/html": "", "text/plain": ""}, raw=True)


class _TerminalLine:
    def __init__(self) -> None:
        self._shown = False

    def show(self, step: Step) -> None:
        self._shown = True
        # one cell stays free: a line that fills the last one may go on in the next line
        sys.stderr.write(f"\r\x1b[K{cut(_bar(step.share) + step.words, _terminal_width() - 1)}")
        sys.stderr.flush()

    def clear(self) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
