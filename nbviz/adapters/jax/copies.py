"""Which module of a tree another one is that was taken apart and put together again, as by a loop or ``filter_jit``.

Such a copy has lost its identity, and modules without weights, such as two of dropout, are alike in all else. But what holds it
is a copy too, and in that it has a place: it is looked for among the variables of the functions that lead to its call. A copy
may also have arrays where the tree has what they are computed from, such as a weight with its norm apart.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, final

from nbviz.adapters.jax.arrays import is_array
from nbviz.adapters.jax.subject import Path

Places = Callable[[Any], dict[int, Path]]
"""Returns the places of the modules in a module, itself too, by identity."""


@final
class Copies:
    """Finds the places of copies during one trace.

    Parameters
    ----------
    modules
        The modules of the tree by their places.
    places
        Returns the places of the modules in another one.
    is_module
        Tells whether a value is a module.
    """

    def __init__(self, modules: Mapping[Path, Any], places: Places, is_module: Callable[[Any], bool]) -> None:
        import jax

        self._modules = modules
        self._structures = {path: jax.tree.structure(module) for path, module in modules.items()}
        self._places = places
        self._is_module = is_module
        self._known: dict[int, list[Path]] = {}
        self._holders: dict[int, Any] = {}  # kept, so that identities stay unique

    def of(self, module: Any) -> list[Path]:
        """Return the places where a module may be in the tree."""
        if id(module) not in self._known:
            self._look_around(module)
        return self._known.get(id(module), [])

    def _look_around(self, module: Any) -> None:
        """Know where the modules are in the outermost one that holds this one, among the variables around its call."""
        frame: Any = sys._getframe(1)
        while frame is not None and frame.f_globals.get("__name__") != "nbviz.adapters.jax.trials":
            for value in list(frame.f_locals.values()):
                if value is not module and self._is_module(value):
                    self._know(value)
            frame = frame.f_back
        self._know(module)

    def _know(self, holder: Any) -> None:
        """Know where the modules in a copy are, if it is one."""
        if id(holder) in self._holders:
            return
        self._holders[id(holder)] = holder
        found = self._alike(holder)
        for identity, inside in self._places(holder).items() if found else ():
            here = [(*path, *inside) for path in found if (*path, *inside) in self._structures]
            before = self._known.get(identity)
            if before is None or 0 < len(here) < len(before):
                self._known[identity] = here

    def _alike(self, module: Any) -> list[Path]:
        import jax

        structure = jax.tree.structure(module)
        same = [path for path, known in self._structures.items() if known == structure]
        return same or [path for path, known in self._modules.items() if _computed_from(module, known)]


def _computed_from(copy: Any, known: Any) -> bool:
    """Tell whether a copy is the same, but for arrays where the other may hold anything."""
    if is_array(copy):
        return True
    (inside, structure), (others, other) = map(_opened, (copy, known))
    if structure != other:
        return False
    if len(inside) == 1 and inside[0] is copy:  # a leaf
        return _equal(copy, known)
    return all(map(_computed_from, inside, others))


def _equal(leaf: Any, other: Any) -> bool:
    try:
        return type(leaf) is type(other) and bool(leaf == other)
    except Exception:  # noqa: BLE001 - a class's own comparison may raise anything
        return False


def _opened(node: Any) -> tuple[list[Any], Any]:
    """Return what a node itself holds, and its structure; what is no node holds itself."""
    import jax

    inside, structure = jax.tree.flatten(node, is_leaf=lambda inner: inner is not node)
    return inside, structure
