"""Lets PyTorch distributions accept tensors without values, which they would otherwise validate."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def unchecked() -> Iterator[None]:
    """Leave out the checks of arguments that distributions make by default; those that a model asks for are taken as passed."""
    if "torch.distributions" not in sys.modules:
        yield
        return
    from torch.distributions import Distribution

    before = Distribution._validate_args
    Distribution.set_default_validate_args(False)
    try:
        yield
    finally:
        Distribution.set_default_validate_args(before)
