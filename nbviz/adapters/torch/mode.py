"""Intercepts PyTorch's functions and the calls of modules in this thread, while a model is traced."""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Protocol

from nbviz.adapters.torch.execution.scripted import function_of
from nbviz.adapters.torch.forwards import forwards

_ONE_AT_A_TIME = threading.RLock()
"""Traces of several threads follow each other: two that put ``Module.__call__`` back could do so in the wrong order."""


class _Here(threading.local):
    """What this thread does is told to one handler: a model that is read inside another's pass is no part of that."""

    handler: Handler | None = None


_HERE = _Here()


class Handler(Protocol):
    """What a trace does with what is intercepted."""

    def function(self, function: Any, args: Any, kwargs: Any) -> Any:
        """Run one of PyTorch's functions."""
        ...

    def call_module(self, module: Any, call: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Run a module; ``call`` does so with all its hooks."""
        ...

    def call_forward(self, module: Any, forward: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Run the ``forward`` of a module, for its call or past it."""
        ...

    def called_elsewhere(self, module: Any) -> None:
        """Hear, in another thread, that this one calls a module there."""
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
            if _HERE.handler is not self.handler:
                return func(*args, **(kwargs or {}))
            return self.handler.function(func, args, kwargs or {})

    return Functions


@contextmanager
def told_to(handler: Handler | None) -> Iterator[None]:
    """Let this thread tell one handler what it does, or none."""
    before, _HERE.handler = _HERE.handler, handler
    try:
        yield
    finally:
        _HERE.handler = before


def has_compiler() -> bool:
    """Tell whether anything has imported PyTorch's compiler, which takes a second."""
    return "torch._dynamo" in sys.modules


def not_compiled() -> AbstractContextManager[Any]:
    """Return a context in which what ``torch.compile`` was given runs as it is; nothing is imported for it."""
    if not has_compiler():
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


def _as_function(handler: Handler, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    """Return what runs a method of a scripted module as the one operation that it is."""

    def call_scripted(module: Any, *args: Any, **kwargs: Any) -> Any:
        named = function_of(name, functools.partial(call, module), holds_weights=True)
        return _scripted(handler, named, args, kwargs)

    return call_scripted


@contextmanager
def _scripts(running: Sequence[Handler], modules: Collection[Any]) -> Iterator[None]:
    """Let the handler that is running run scripted functions, and methods of scripted modules that are called themselves."""
    import torch

    function_call, method_call = torch.jit.ScriptFunction.__call__, torch.ScriptMethod.__call__
    owners = {module._c: module for module in modules if isinstance(module, torch.jit.RecursiveScriptModule)}

    def told() -> bool:
        # inside a function of PyTorch no mode is active: what it calls belongs to it
        here = bool(running) and _HERE.handler is running[0]
        return here and torch._C._is_torch_function_mode_enabled()

    def call_function(function: Any, *args: Any, **kwargs: Any) -> Any:
        if not told():
            return function_call(function, *args, **kwargs)
        named = function_of(function.name, functools.partial(function_call, function))
        return _scripted(running[0], named, args, kwargs)

    def call_method(method: Any, *args: Any, **kwargs: Any) -> Any:
        module = owners.get(method.owner) if told() else None
        if module is None:
            return method_call(method, *args, **kwargs)
        call = _as_function(running[0], method.name, lambda _, *args, **kwargs: method_call(method, *args, **kwargs))
        return running[0].call_module(module, call, args, kwargs)

    torch.jit.ScriptFunction.__call__, torch.ScriptMethod.__call__ = call_function, call_method
    try:
        yield
    finally:
        torch.jit.ScriptFunction.__call__, torch.ScriptMethod.__call__ = function_call, method_call


@contextmanager
def calls(handler: Handler, modules: Collection[Any]) -> Iterator[None]:
    """Let the handler run the modules and the scripted functions that this thread calls.

    Of ``modules`` also where their ``forward`` is called itself.
    """
    import torch

    with _ONE_AT_A_TIME:
        module_call = torch.nn.Module.__call__
        thread = threading.get_ident()

        # whoever is imported meanwhile may keep what it finds: torch.fx does, for good
        running = [handler]

        def call_module(module: Any, *args: Any, **kwargs: Any) -> Any:
            if running and threading.get_ident() != thread:
                running[0].called_elsewhere(module)
            if not running or _HERE.handler is not running[0]:
                return module_call(module, *args, **kwargs)
            is_scripted = isinstance(module, torch.jit.ScriptModule)
            call = _as_function(running[0], "forward", module_call) if is_scripted else module_call
            return running[0].call_module(module, call, args, kwargs)

        def call_forward(module: Any, forward: Callable[..., Any], args: Any, kwargs: Any) -> Any:
            if not running or _HERE.handler is not running[0]:
                return forward(module, *args, **kwargs)
            return running[0].call_forward(module, forward, args, kwargs)

        torch.nn.Module.__call__ = call_module
        try:
            with told_to(handler), forwards(modules, call_forward), _scripts(running, modules):
                yield
        finally:
            running.clear()
            torch.nn.Module.__call__ = module_call
