"""Intercepts PyTorch's functions and the calls of modules in this thread, while a model is traced."""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Protocol

from nbviz.adapters.torch.scripted import function_of

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
    return _functions_mode()(handler)


@functools.cache
def _functions_mode() -> Any:
    # made once: a class is freed late, and all that it knows with it
    from torch.overrides import TorchFunctionMode

    class Functions(TorchFunctionMode):  # type: ignore[misc]
        def __init__(self, handler: Handler) -> None:
            self.handler = handler

        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            return self.handler.function(func, args, kwargs or {})

    return Functions


def not_compiled() -> AbstractContextManager[Any]:
    """Return a context in which what ``torch.compile`` was given runs as it is; nothing is imported for it."""
    if "torch._dynamo" not in sys.modules:
        return nullcontext()
    import torch

    return torch.compiler.set_stance("force_eager")  # type: ignore[no-any-return, unused-ignore]


def _scripted(handler: Handler, function: Any, args: Any, kwargs: Any) -> Any:
    """Let the handler run what is scripted as one of PyTorch's functions."""
    import torch

    with (
        torch._C.DisableTorchFunction()
    ):  # as where the mode itself hands over: what the handler does is not the model's
        return handler.function(function, args, kwargs)


def _by_functions(handler: Handler, module: Any, call: Callable[..., Any]) -> Callable[..., Any]:
    """Return what calls a module, a scripted one as the one operation that it is."""
    import torch

    if not isinstance(module, torch.jit.ScriptModule):
        return call

    def call_scripted(module: Any, *args: Any, **kwargs: Any) -> Any:
        forward = function_of("forward", functools.partial(call, module), holds_weights=True)
        return _scripted(handler, forward, args, kwargs)

    return call_scripted


@contextmanager
def calls(handler: Handler) -> Iterator[None]:
    """Let the handler run the modules and the scripted functions that this thread calls."""
    import torch

    with _ONE_AT_A_TIME:
        module_call, script_call = torch.nn.Module.__call__, torch.jit.ScriptFunction.__call__
        thread = threading.get_ident()

        # whoever is imported meanwhile may keep what it finds: torch.fx does, for good
        running = [handler]

        def call_module(module: Any, *args: Any, **kwargs: Any) -> Any:
            if not running or threading.get_ident() != thread:
                return module_call(module, *args, **kwargs)
            call = _by_functions(running[0], module, module_call)
            return running[0].call_module(module, call, args, kwargs)

        def call_script(function: Any, *args: Any, **kwargs: Any) -> Any:
            # inside a function of PyTorch no mode is active: what it calls belongs to it
            if not running or threading.get_ident() != thread or not torch._C._is_torch_function_mode_enabled():
                return script_call(function, *args, **kwargs)
            named = function_of(function.name, functools.partial(script_call, function))
            return _scripted(running[0], named, args, kwargs)

        torch.nn.Module.__call__, torch.jit.ScriptFunction.__call__ = call_module, call_script
        try:
            yield
        finally:
            running.clear()
            torch.nn.Module.__call__, torch.jit.ScriptFunction.__call__ = module_call, script_call
