"""Which part of a tree of parameters a module of Flax Linen reads that a function calls, as by ``model.apply(params, x)``.

The names in a module's variables are those of the part of the tree that they come from, whatever the function has done to the
tree before: taken the collections apart, cast its arrays, or sliced them, as a loop over layers does.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, final

from nbviz.adapters.jax.linen_bound import is_linen
from nbviz.adapters.jax.linen_calls import Settings, described, flat, intercepted
from nbviz.adapters.jax.recorder import Recorder
from nbviz.adapters.jax.subject import Path

_TRAINED = "params"

Names = frozenset[Path]


@final
class LinenParts:
    """Knows the modules of Linen that are called during a trace, by the nodes of a tree that their variables are.

    Parameters
    ----------
    nodes
        The nodes of the tree.
    arrays
        Its arrays that are trained.
    """

    def __init__(self, nodes: Iterable[Path], arrays: Iterable[Path]) -> None:
        held: dict[Path, set[Path]] = {node: set() for node in nodes}
        for array in arrays:
            for length in range(len(array)):
                if array[:length] in held:
                    held[array[:length]].add(array[length:])
        self._nodes: dict[Names, list[Path]] = {}
        for node, names in held.items():
            self._nodes.setdefault(frozenset(names), []).append(node)
        self.modules: dict[Path, tuple[type, Settings]] = {}

    @contextmanager
    def watched(self, recorder: Recorder) -> Iterator[None]:
        """Let the recorder note the calls of modules."""
        if "flax.linen" not in sys.modules:  # nobody can have made one
            yield
            return

        def through(module: Any, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
            if not recorder.follows(module):
                return function(*args, **kwargs)
            return recorder.call(self._of(module), module, function, args, kwargs)

        with intercepted(through):
            yield

    def _of(self, module: Any) -> list[Path]:
        """Return the nodes that may be the module's; one that has no parameters gets a node in that of the module around it."""
        found = self._nodes_of(module)
        for node in found:
            self.modules.setdefault(node, described(module))
        return found

    def _nodes_of(self, module: Any) -> list[Path]:
        names, path = _names(module.variables), tuple(module.path)
        if not names:
            around = self._nodes_of(module.parent) if path and is_linen(module.parent) else []
            return [(*node, path[-1]) for node in around]
        alike = self._nodes.get(names, [])
        return [node for node in alike if node[max(0, len(node) - len(path)) :] == path] or alike


def _names(variables: Mapping[str, Any]) -> Names:
    """Return the names of the parameters among variables."""
    from flax.core import meta, unfreeze

    trained = meta.unbox(unfreeze(variables)).get(_TRAINED, {})
    return frozenset(path for path, _ in flat(trained, None))
