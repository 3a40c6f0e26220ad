"""Lets Python's garbage collector wait while a model is read.

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
        gc.enable()
