"""Walks through a model's modules and tensors by identity, without running the model's own code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any


def children(module: Any) -> Iterator[tuple[str, Any]]:
    """Yield the modules directly inside a module with their names."""
    for name, child in module._modules.items():
        if child is not None:
            yield name, child


def modules_of(model: Any) -> Iterator[Any]:
    """Yield a model and every module inside it, each once.

    ``Module.modules()`` asks modules whether they are equal, and for their hash: a model's code may have its own answer.
    """
    seen = {id(model)}
    waiting = [model]
    while waiting:
        module = waiting.pop()
        yield module
        if not module._modules:  # most of them
            continue
        inside = {id(child): child for _, child in children(module) if id(child) not in seen}
        seen.update(inside)
        waiting.extend(reversed(inside.values()))


def unmade(model: Any) -> Any:
    """Return a module, the model or one inside it, that is not made to the end: its ``__init__`` calls none of its base; else None."""
    waiting, seen = [model], set[int]()
    while waiting:
        module = waiting.pop()
        inside = vars(module).get("_modules")
        if inside is None:
            return module
        if id(module) not in seen:
            seen.add(id(module))
            waiting.extend(child for child in inside.values() if child is not None)
    return None


def tensors_of(modules: Iterable[Any], *, parameters: bool = True, buffers: bool = True) -> Iterator[Any]:
    """Yield the parameters of modules, and then their buffers, each once."""
    kept = list(modules)
    seen: set[int] = set()
    for kind, wanted in (("_parameters", parameters), ("_buffers", buffers)):
        for module in kept if wanted else ():
            for tensor in getattr(module, kind).values():
                if tensor is not None and id(tensor) not in seen:
                    seen.add(id(tensor))
                    yield tensor
