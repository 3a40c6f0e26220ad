"""Calls of TorchScript code: each call is one operation, whose weights are held in C++."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from nbviz.adapters.torch.execution.standins import to_meta
from nbviz.adapters.torch.tensors import leaves, mapped


def function_of(name: str, call: Callable[..., Any], *, holds_weights: bool = False) -> Callable[..., Any]:
    """Return what calls something scripted as one function under its name.

    Parameters
    ----------
    name
        The name.
    call
        Calls it.
    holds_weights
        Whether it has tensors that no argument gives: it must then not run on values.
    """

    def scripted(*args: Any, **kwargs: Any) -> Any:
        import torch

        # optimised for what it meets, it fuses kernels for devices that exist, and remembers tensors without values
        with torch.jit.optimized_execution(should_optimize=False), _without_values():
            return call(*args, **kwargs)

    scripted.__name__ = name
    scripted.holds_weights = holds_weights  # type: ignore[attr-defined]
    return scripted


def holds_weights(function: Any) -> bool:
    """Tell whether a function has weights that its arguments do not give."""
    return getattr(function, "holds_weights", False) is True


def _without_values() -> Any:
    """Return a context in which tensors lose their values where they meet some without: weights, as they meet inputs."""
    return _mode()()


@functools.cache
def _mode() -> Any:
    # made once, as every class that PyTorch keeps
    from torch.utils._python_dispatch import TorchDispatchMode

    class WithoutValues(TorchDispatchMode):  # type: ignore[misc]
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            given = (args, kwargs or {})
            if any(tensor.device.type == "meta" for tensor in leaves(*given)):
                given = mapped(given, to_meta)
            return func(*given[0], **given[1])

    return WithoutValues
