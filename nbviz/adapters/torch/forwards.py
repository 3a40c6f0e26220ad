"""Lets a trace see modules whose ``forward`` the model's code calls directly, without ``Module.__call__``."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from nbviz.adapters.torch.modules.kinds import definer, examples_of


@contextmanager
def forwards(modules: Iterable[Any], told: Callable[[Any, Callable[..., Any], Any, Any], Any]) -> Iterator[None]:
    """Let ``told`` run each call of the ``forward`` of these modules' classes; it gets module, function and arguments."""
    import torch

    definers: set[Any] = {definer(module, "forward") for module in examples_of(modules).values()}
    written = {cls: vars(cls)["forward"] for cls in definers - {object, torch.nn.Module}}
    replaced = {cls: forward for cls, forward in written.items() if inspect.isfunction(forward)}
    try:
        for cls, forward in replaced.items():
            cls.forward = _telling(forward, told)
        yield
    finally:
        for cls, forward in replaced.items():
            cls.forward = forward


def _telling(forward: Callable[..., Any], told: Callable[[Any, Callable[..., Any], Any, Any], Any]) -> Any:
    @functools.wraps(forward)  # a model may look for the names of its arguments
    def call_forward(module: Any, *args: Any, **kwargs: Any) -> Any:
        if type(module).forward is not call_forward:  # of a base: a part of what the module does
            return forward(module, *args, **kwargs)
        return told(module, forward, args, kwargs)

    return call_forward
