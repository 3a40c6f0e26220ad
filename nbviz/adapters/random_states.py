"""Remembers the states of random generators, so that a model's draws from them can be undone."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


def undo_generator(value: Any) -> Callable[[], None] | None:
    """Return what puts the state of a random generator back; None for what is none."""
    module = type(value).__module__ or ""
    if isinstance(value, random.Random):
        state = value.getstate()
        return lambda: value.setstate(state)
    if module.startswith("numpy.random"):
        if hasattr(value, "bit_generator"):
            bits = value.bit_generator
            kept = bits.state
            return lambda: setattr(bits, "state", kept)
        if hasattr(value, "get_state"):
            old = value.get_state()
            return lambda: value.set_state(old)
    if module.startswith("torch") and type(value).__name__ == "Generator":
        before = value.get_state()
        return lambda: value.set_state(before)
    return None


@contextmanager
def random_states() -> Iterator[None]:
    """Put back the state of every global random generator: Python's, NumPy's, torch's, TensorFlow's."""
    undo: list[Callable[[], None]] = []
    state = random.getstate()
    undo.append(lambda: random.setstate(state))
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if numpy is not None:
        kept = numpy.random.get_state()
        undo.append(lambda: numpy.random.set_state(kept))
    if torch is not None and hasattr(torch, "get_rng_state"):
        cpu = torch.get_rng_state()
        undo.append(lambda: torch.set_rng_state(cpu))
        if torch.cuda.is_available() and torch.cuda.is_initialized():
            devices = torch.cuda.get_rng_state_all()
            undo.append(lambda: torch.cuda.set_rng_state_all(devices))
    undo.append(_undo_tensorflow_seed())
    try:
        yield
    finally:
        for step in undo:
            step()


def _undo_tensorflow_seed() -> Callable[[], None]:
    """Return what puts TensorFlow's global seed back, and what has been drawn with it."""
    module = sys.modules.get("tensorflow.python.eager.context")
    context = None if module is None else module.context_safe()

    def now() -> tuple[Any, ...]:
        rng = getattr(context, "_rng", None)
        return getattr(context, "_seed", None), rng, None if rng is None else rng.getstate()

    before = now()

    def undo() -> None:
        if context is None or now() == before:
            return
        context._seed, context._rng, state = before
        if state is not None:
            context._rng.setstate(state)
        context.clear_kernel_cache()  # an operation with a seed has a state of its own there

    return undo
