"""The name and settings of a PyTorch function call, and who wrote the code that makes it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from nbviz.adapters.places import is_of_library
from nbviz.adapters.simple import simple
from nbviz.adapters.text import plain
from nbviz.adapters.torch.modules.packed import is_packed
from nbviz.graph import Setting

_REFLECTED = {"radd": "add", "rmul": "mul", "rmatmul": "matmul", "rand": "and", "ror": "or", "rxor": "xor"}
_SHORT = {"truediv": "div", "floordiv": "floor_divide", "mod": "remainder", "_max_pool2d": "max_pool2d"}
_IN_PLACE = ("iadd", "isub", "imul", "itruediv", "idiv", "ifloordiv", "imod", "ipow", "iand", "ior", "ixor", "imatmul")
_NO_SETTINGS = frozenset({"out", "requires_grad", "generator", "pin_memory", "layout", "memory_format"})
_LONGEST = 12
_LIBRARIES = frozenset({"torch", "numpy", "nbviz"})


@functools.lru_cache(maxsize=4096)
def operation_name(function: Any) -> str:
    """Return a function's name as one writes it: ``add`` for ``x + 1``, ``add_`` for ``x += 1``, ``T`` for ``x.T``."""
    name = getattr(function, "__name__", None) or str(function)
    if name in ("__get__", "__set__"):
        owner = function.__self__
        return plain(getattr(owner, "__name__", None) or getattr(getattr(owner, "fget", None), "__name__", "attribute"))
    if name.startswith("__") and name.endswith("__"):
        bare = name[2:-2]
        if bare in _IN_PLACE:
            bare = f"{bare[1:]}_"
        bare = _REFLECTED.get(bare, bare)
        return _SHORT.get(bare, bare)
    if not hasattr(function, "__self__") and "." in name:  # torch.ops.aten.add.Tensor
        name = name.partition(".")[0]
    return plain(_SHORT.get(name, name.lstrip("_") or name))


def custom_name(function: Any) -> str:
    """Return the whole name of an operation that is registered with PyTorch and not its own, ``""`` for all others."""
    schema = getattr(function, "_schema", None)  # that of one overload
    known = str(getattr(function, "_qualified_op_name", "") if schema is None else schema.name)
    return plain(known) if "::" in known and not known.startswith("aten::") else ""


@functools.lru_cache(maxsize=4096)
def _parameter_names(function: Any) -> tuple[str, ...]:
    schema = getattr(function, "_schema", None)  # torch.ops.aten.add.Tensor
    if schema is not None:
        return tuple(argument.name for argument in schema.arguments)
    if not inspect.isfunction(function):
        return ()
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:  # it wraps one that is not written in Python
        return ()
    return tuple(p.name for p in parameters if p.kind in kinds)


def operation_settings(
    function: Any, args: Any, kwargs: Any, skipped: Callable[[Any], bool] | None = None
) -> tuple[tuple[str, Setting], ...]:
    """Return what an operation was given besides tensors; ``skipped`` tells what is one."""
    skipped = skipped or _has_tensor
    names = _parameter_names(function)
    found: dict[str, Any] = {}
    loose = []
    for i, value in enumerate(args):
        if skipped(value):
            continue
        if i < len(names):
            found[names[i]] = value
        else:
            loose.append(value)
    if loose:
        found["arguments"] = tuple(loose)
    found.update((key, value) for key, value in kwargs.items() if not skipped(value))
    return tuple(
        (plain(k), simple(v)) for k, v in list(found.items())[:_LONGEST] if v is not None and k not in _NO_SETTINGS
    )


def _has_tensor(value: Any) -> bool:
    import torch

    if isinstance(value, (tuple, list)):
        return any(_has_tensor(item) for item in value[:_LONGEST])
    return isinstance(value, torch.Tensor) or is_packed(value)


@functools.lru_cache(maxsize=1024)
def is_library(module: str | None) -> bool:
    """Tell whether a module is PyTorch's, NumPy's, ours or Python's."""
    return is_of_library(module, _LIBRARIES)
