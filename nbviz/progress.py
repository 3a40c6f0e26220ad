"""Progress reports: readers of models send them, and listeners receive them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple, final


@final
class Step(NamedTuple):
    """How far somebody is: in words, and as a share of the whole where that is known."""

    words: str
    share: float | None = None


Listener = Callable[[Callable[[], Step]], None]
"""Is given what tells the step; it asks for that when it wants to show some."""

_listener: ContextVar[Listener | None] = ContextVar("nbviz_progress", default=None)


def report(step: Callable[[], Step]) -> None:
    """Say how far it is; this may be called for every step, as nobody listens most of the time."""
    listener = _listener.get()
    if listener is not None:
        listener(step)


@contextmanager
def heard_by(listener: Listener) -> Iterator[None]:
    """Let a listener hear what is reported meanwhile in this thread."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
