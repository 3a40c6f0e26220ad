"""Lets whoever reads a model say how far it is, and whoever waits hear it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[Callable[[], str]], None]
"""Is given what makes the words; it asks for them when it wants to show some."""

_listener: ContextVar[Listener | None] = ContextVar("nbviz_progress", default=None)


def report(words: Callable[[], str]) -> None:
    """Say how far it is; this may be called for every step, as nobody listens most of the time."""
    listener = _listener.get()
    if listener is not None:
        listener(words)


@contextmanager
def heard_by(listener: Listener) -> Iterator[None]:
    """Let a listener hear what is reported meanwhile in this thread."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
