"""Which part of a tree of parameters a module of Flax Linen reads that a function calls, as by ``model.apply(params, x)``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from nbviz.adapters.jax.linen_bound import TRAINED, is_linen
from nbviz.adapters.jax.linen_calls import described, flat, intercepted
from nbviz.adapters.jax.named_nodes import NamedNodes, Names
from nbviz.adapters.jax.recorder import Recorder
from nbviz.adapters.jax.subject import Path


@contextmanager
def linen_watched(nodes: NamedNodes, recorder: Recorder) -> Iterator[None]:
    """Let the recorder note the calls of modules of Linen in a function, with the nodes that they may be."""
    if "flax.linen" not in sys.modules:  # nobody can have made one
        yield
        return

    def through(module: Any, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        if not recorder.follows(module):
            return function(*args, **kwargs)
        found = _nodes_of(module, nodes, *recorder.innermost())
        nodes.note(found, *described(module))
        return recorder.call(found, module, function, args, kwargs)

    with intercepted(through):
        yield


def _nodes_of(module: Any, nodes: NamedNodes, around: Any, held_by: list[Path]) -> list[Path]:
    """Return the nodes that may be a module's: in those of the module around it, if it is one of that module's own.

    Else they are those with its names, at the end of a path like its own if there are some.
    """
    path = tuple(module.path)
    if path and held_by and is_linen(around) and tuple(around.path) == path[:-1]:
        return [(*node, path[-1]) for node in held_by]
    alike = nodes.of(_names(module.variables))
    return [node for node in alike if node[max(0, len(node) - len(path)) :] == path] or alike


def _names(variables: Mapping[str, Any]) -> Names:
    """Return the names of the parameters among variables."""
    from flax.core import meta, unfreeze

    trained = meta.unbox(unfreeze(variables)).get(TRAINED, {})
    return frozenset(path for path, _ in flat(trained, None))
