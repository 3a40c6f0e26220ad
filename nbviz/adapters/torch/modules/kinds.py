"""What the class of a module tells, computed once per class."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, final

from nbviz.adapters.places import source_of

_NO_SETTINGS = frozenset({"self", "args", "kwargs", "device", "dtype", "_weight", "_freeze"})

Access = Literal["attribute", "position", "number", "key", "scripted"]
"""How one comes from a module to those inside it (see ``Kind``)."""


@final
@dataclass(frozen=True, slots=True)
class Kind:
    """A class of modules.

    Attributes
    ----------
    name, module
        Its name, and the module that defines it.
    own
        The names of those of its bases, and of itself, that PyTorch defines.
    arguments
        The names of its constructor's arguments, those of its bases behind them.
    source
        ``file.py:line`` of a user's class, also where PyTorch has put its own in front; ``""`` for PyTorch's own.
    access
        How one comes from such a module to those inside it: by attribute, by position or by number in a list, by key, or as in
        a scripted module, which has no ``get_submodule()``.
    """

    name: str
    module: str
    own: frozenset[str]
    arguments: tuple[str, ...]
    source: str
    access: Access


def kind_of(module: Any) -> Kind:
    """Return what the class of a module tells."""
    return _kind(type(module))  # type: ignore[arg-type]


@functools.lru_cache(maxsize=256)
def _kind(cls: Any) -> Kind:
    own = frozenset(base.__name__ for base in cls.__mro__ if is_builtin(base))
    name = cls.__name__.removesuffix("Impl") if "GraphModule" in own else cls.__name__
    return Kind(name, cls.__module__, own, _arguments(cls), _source(cls), _access(cls, own))


def _access(cls: type, own: frozenset[str]) -> Access:
    import torch

    if "ScriptModule" in own:
        return "scripted"
    # by class: torch.fx makes modules whose classes have the same names
    ways: dict[Any, Access] = {
        torch.nn.Sequential: "position",
        torch.nn.ModuleList: "number",
        torch.nn.ModuleDict: "key",
    }
    return ways.get(holder_of(cls, "__getitem__"), "attribute")


def definer(module: Any, method: str) -> type:
    """Return the class that defines a method of this module."""
    return holder_of(type(module), method) or object


def holder_of(cls: type, name: str) -> type | None:
    """Return which of a class and its bases has an attribute, None if none has; no code of theirs is asked."""
    return next((base for base in cls.__mro__ if name in vars(base)), None)


def examples_of(modules: Iterable[Any]) -> dict[type, Any]:
    """Return a module of each class."""
    return {type(module): module for module in modules}


def is_builtin(module_type: type) -> bool:
    """Tell whether PyTorch itself defines this class."""
    return (getattr(module_type, "__module__", "") or "").partition(".")[0] == "torch"


def is_kind(module: Any, *names: str) -> bool:
    """Tell whether a module is an instance of one of PyTorch's own classes of these names."""
    return not kind_of(module).own.isdisjoint(names)


def type_name(module: Any) -> str:
    """Return the name of a module's class; for a scripted module, that of the class that was scripted."""
    kind = kind_of(module)
    return str(getattr(module, "original_name", kind.name)) if "ScriptModule" in kind.own else kind.name


def _arguments(cls: type) -> tuple[str, ...]:
    names: dict[str, None] = {}
    for base in cls.__mro__:
        if "__init__" not in vars(base) or base.__name__ == "Module":
            continue
        try:
            names.update(dict.fromkeys(inspect.signature(vars(base)["__init__"]).parameters))
        except (TypeError, ValueError):
            continue
    return tuple(name for name in names if name not in _NO_SETTINGS)


def _source(cls: type) -> str:
    written = next((c for c in cls.__mro__ if not is_builtin(c) and c.__module__ != "builtins"), None)
    return "" if written is None else source_of(written)
