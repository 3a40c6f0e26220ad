"""Which part of a tree of parameters a module of Flax NNX reads that a function makes of it, as by ``nnx.merge(graphdef, params)``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, final

from nbviz.adapters.jax.named_nodes import NamedNodes, Names
from nbviz.adapters.jax.nnx import is_nnx, settings_of
from nbviz.adapters.jax.recorder import Recorder, called_through
from nbviz.adapters.jax.subject import Path, is_derived


@contextmanager
def nnx_watched(nodes: NamedNodes, recorder: Recorder) -> Iterator[None]:
    """Let the recorder note the calls of modules of NNX in a function, with the nodes that they may be."""
    module = sys.modules.get("flax.nnx")
    if module is None:  # nobody can have made one
        yield
        return
    found = _Found(nodes)

    def through(module: Any, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        if not recorder.follows(module):
            return function(*args, **kwargs)
        return recorder.call(found.of(module, *recorder.innermost()), module, function, args, kwargs)

    with called_through(dict.fromkeys(_kinds(module.Module)), is_derived, through):
        yield


@final
class _Found:
    """Finds the nodes of modules; of those inside another whose nodes are known, by where they are in it."""

    def __init__(self, nodes: NamedNodes) -> None:
        self._nodes = nodes
        self._places: dict[int, dict[int, Path]] = {}
        self._kept: list[Any] = []  # so that identities stay unique

    def of(self, module: Any, around: Any, held_by: list[Path]) -> list[Path]:
        place = self._places_in(around).get(id(module)) if is_nnx(around) else None
        found = [(*node, *place) for node in held_by] if place else self._nodes.of(_names(module))
        self._nodes.note(found, type(module), settings_of(module))
        return found

    def _places_in(self, around: Any) -> dict[int, Path]:
        from flax import nnx

        if id(around) not in self._places:
            inside = nnx.iter_graph(around)
            self._places[id(around)] = {id(node): _named(path) for path, node in inside if isinstance(node, nnx.Module)}
            self._kept.append(around)
        return self._places[id(around)]


def _names(module: Any) -> Names:
    """Return the names of the parameters in a module."""
    from flax import nnx

    return frozenset(_named(path) for path, node in nnx.iter_graph(module) if isinstance(node, nnx.Param))


def _named(path: tuple[Any, ...]) -> Path:
    return tuple(map(str, path))


def _kinds(base: Any) -> Iterator[type]:
    """Yield the classes that are derived from one, and from those."""
    for cls in base.__subclasses__():
        yield cls
        yield from _kinds(cls)
