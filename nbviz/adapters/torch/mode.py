"""Intercepts PyTorch's functions and the calls of modules in this thread, while a model is traced."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Protocol

_ONE_AT_A_TIME = threading.RLock()
"""Traces of several threads follow each other: two that put ``Module.__call__`` back could do so in the wrong order."""


class Handler(Protocol):
    """What a trace does with what is intercepted."""

    def function(self, function: Any, args: Any, kwargs: Any) -> Any:
        """Run one of PyTorch's functions."""
        ...

    def call_module(self, module: Any, call: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Run a module; ``call`` does so with all its hooks."""
        ...


def functions(handler: Handler) -> Any:
    """Return a context in which every function of PyTorch goes to the handler; inside it, none does."""
    from torch.overrides import TorchFunctionMode

    class Functions(TorchFunctionMode):  # type: ignore[misc]
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            return handler.function(func, args, kwargs or {})

    return Functions()


def not_compiled() -> AbstractContextManager[Any]:
    """Return a context in which what ``torch.compile`` was given runs as it is; nothing is imported for it."""
    if "torch._dynamo" not in sys.modules:
        return nullcontext()
    import torch

    return torch.compiler.set_stance("force_eager")  # type: ignore[no-any-return, unused-ignore]


@contextmanager
def module_calls(handler: Handler) -> Iterator[None]:
    """Let the handler run the modules that this thread calls."""
    import torch

    thread = threading.get_ident()
    with _ONE_AT_A_TIME:
        original = torch.nn.Module.__call__

        def call(module: Any, *args: Any, **kwargs: Any) -> Any:
            if threading.get_ident() != thread:
                return original(module, *args, **kwargs)
            return handler.call_module(module, original, args, kwargs)

        torch.nn.Module.__call__ = call
        try:
            yield
        finally:
            torch.nn.Module.__call__ = original
