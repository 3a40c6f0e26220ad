"""The tree of a model's modules: who holds whom, under which path, reachable by which expression."""

from __future__ import annotations

import inspect
import keyword
import weakref
from pathlib import Path
from typing import Any

from nbviz.adapters.text import plain
from nbviz.adapters.torch.settings import settings_of
from nbviz.adapters.torch.walk import children
from nbviz.builder import GraphBuilder
from nbviz.graph import Setting


def is_builtin(module_type: type) -> bool:
    """Tell whether PyTorch itself defines this class."""
    return (getattr(module_type, "__module__", "") or "").partition(".")[0] == "torch"


def definer(module: Any, method: str) -> type:
    """Return the class that defines a method of this module."""
    return next((cls for cls in type(module).__mro__ if method in vars(cls)), object)


def is_kind(module: Any, *names: str) -> bool:
    """Tell whether a module is an instance of one of PyTorch's own classes of these names."""
    return any(cls.__name__ in names and is_builtin(cls) for cls in type(module).__mro__)


def add_tree(builder: GraphBuilder, model: Any) -> dict[int, Any]:
    """Add a model and every module inside it; return the modules by identity. A module held twice stays where it was first."""
    found: dict[int, Any] = {id(model): model}
    texts: dict[int, Setting] = {}
    add_one(builder, model, None, "", texts)
    waiting = [(model, iter(list(children(model))))]
    while waiting:
        holder, rest = waiting[-1]
        child = next(rest, None)
        if child is None:
            waiting.pop()
        elif id(child[1]) not in found:
            found[id(child[1])] = child[1]
            add_one(builder, child[1], holder, child[0], texts)
            waiting.append((child[1], iter(list(children(child[1])))))
    return found


def add_one(
    builder: GraphBuilder, module: Any, holder: Any, segment: str, texts: dict[int, Setting] | None = None
) -> str:
    """Add one module below one that is already there; ``texts`` as for ``settings_of``."""
    key = None if holder is None else id(holder)
    above = "" if key is None else builder.layer_field(key, "name")
    accessor = "" if key is None else builder.layer_field(key, "accessor") + _accessor(holder, segment)
    segment = plain(segment)
    return builder.add_layer(
        id(module),
        key,
        segment,
        name=f"{above}.{segment}" if above else segment,
        type=type_name(module),
        module=type(module).__module__,
        settings=settings_of(module, {} if texts is None else texts),
        accessor=accessor,
        source=source_of(type(module)),
    )


def type_name(module: Any) -> str:
    """Return the name of a module's class; for a scripted module, that of the class that was scripted."""
    if is_kind(module, "ScriptModule"):
        return str(getattr(module, "original_name", type(module).__name__))
    return type(module).__name__.removesuffix("Impl") if is_kind(module, "GraphModule") else type(module).__name__


def _accessor(holder: Any, segment: str) -> str:
    if is_kind(holder, "ModuleDict"):
        return f"[{segment!r}]"
    if segment.isdigit() and is_kind(holder, "Sequential", "ModuleList"):
        return f"[{segment}]"
    return (
        f".{segment}" if segment.isidentifier() and not keyword.iskeyword(segment) else f".get_submodule({segment!r})"
    )


_SOURCES: weakref.WeakKeyDictionary[type, str] = weakref.WeakKeyDictionary()


def source_of(module_type: type) -> str:
    """Return ``file.py:line`` of a user's class, also where PyTorch has put its own in front; ``""`` for PyTorch's own."""
    written = (cls for cls in module_type.__mro__ if not is_builtin(cls) and cls.__module__ != "builtins")
    module_type = next(written, module_type)
    if is_builtin(module_type):
        return ""
    if module_type not in _SOURCES:
        try:
            file, line = inspect.getsourcefile(module_type), inspect.getsourcelines(module_type)[1]
            _SOURCES[module_type] = f"{Path(file or '?').name}:{line}"
        except (OSError, TypeError, IndexError):
            _SOURCES[module_type] = ""
    return _SOURCES[module_type]
