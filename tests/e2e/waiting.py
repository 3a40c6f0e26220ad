"""Waiting for a condition that the browser itself cannot wait for."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 60.0
"""Seconds that a condition may take to come true; a busy machine is slow, and a quick one does not wait."""


def until(holds: Callable[[], bool], otherwise: Callable[[], str] | str) -> None:
    """Wait until a condition holds; ``otherwise`` says what is wrong when it never does."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, otherwise if isinstance(otherwise, str) else otherwise()
        time.sleep(0.05)
