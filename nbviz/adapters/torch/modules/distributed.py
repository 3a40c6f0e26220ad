"""Modules that are distributed over processes: where their weights are, and how to trace one without the other processes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from nbviz.adapters.text import plain
from nbviz.adapters.torch.modules.sizes import is_distributed

_HOOKS = ("_forward_pre_hooks", "_forward_hooks")
_MOST_NAMES = 16


def placement(tensor: Any) -> str | None:
    """Return how a parameter is laid out, where that is not as it seems.

    A distributed parameter has its whole shape everywhere else in the graph; what lies in this process is said here.
    """
    if is_distributed(tensor):
        where = ", ".join(str(_written(each)) for each in tensor.placements)
        mesh = tensor.device_mesh
        axes = "" if mesh.mesh_dim_names is None else f" {tuple(mesh.mesh_dim_names)}"
        return plain(f"{where} on mesh {tuple(mesh.shape)}{axes}, local {tuple(tensor.to_local().shape)}")
    names, shapes = getattr(tensor, "_fqns", None), getattr(tensor, "_shapes", None)
    if names and shapes and len(names) == len(shapes):  # FullyShardedDataParallel: all weights in one row
        each = [f"{name} {tuple(shape)}" for name, shape in zip(names, shapes, strict=True)]
        more = "" if len(each) <= _MOST_NAMES else f", … {len(each):,} parameters"
        return plain(f"flat: {', '.join(each[:_MOST_NAMES])}{more}")
    return None


def _written(each: Any) -> Any:
    """Return a placement as one writes it: ``Shard(0)`` for ``Shard(dim=0)`` and ``S(0)``."""
    kind = type(each).__name__.lstrip("_")
    return f"{kind}({each.dim})" if hasattr(each, "dim") else kind


@contextmanager
def alone(modules: Iterable[Any]) -> Iterator[None]:
    """Take out the hooks that gather weights from other processes, and those that spread inputs over them."""
    taken: list[tuple[Any, dict[int, Any]]] = []
    try:
        for module in modules:
            for kind in _HOOKS:
                hooks = vars(module).get(kind)
                found = [key for key, hook in hooks.items() if _talks(hook)] if hooks else []
                if found:
                    taken.append((hooks, dict(hooks)))
                    for key in found:
                        del hooks[key]
        yield
    finally:
        for hooks, before in taken:
            hooks.clear()
            hooks.update(before)


def _talks(hook: Any) -> bool:
    return (getattr(hook, "__module__", None) or "").startswith("torch.distributed.")
