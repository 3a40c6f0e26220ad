"""Pauses Python's garbage collector while a model is read.

What is read is kept, so there is nothing to collect; but the collector looks through all that a process holds whenever there
is a quarter more of it, which can take longer than reading: a framework alone is a million objects.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Collect nothing meanwhile; where it was switched off already, it stays off."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        _grow_old()
        gc.enable()


def _grow_old() -> None:
    """Let what was made count as old: as young, all of it would be looked through at once."""
    if not gc.get_freeze_count():  # what somebody has frozen would thaw
        gc.freeze()
        gc.unfreeze()
