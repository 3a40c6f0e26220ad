"""Which module of a tree another one is that was taken apart and put together again, as by a loop or ``filter_jit``.

Such a copy has lost its identity, and modules without weights, such as two of dropout, are alike in all else. But what holds it
is a copy too, and in that it has a place: it is looked for among the variables of the functions that lead to its call.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, final

from nbviz.adapters.jax.subject import Path

Places = Callable[[Any], dict[int, Path]]
"""Returns the places of the modules in a module, itself too, by identity."""


@final
class Copies:
    """Finds the places of copies during one trace.

    Parameters
    ----------
    structures
        The structures of the modules of the tree by their places.
    places
        Returns the places of the modules in another one.
    is_module
        Tells whether a value is a module.
    """

    def __init__(self, structures: Mapping[Path, Any], places: Places, is_module: Callable[[Any], bool]) -> None:
        self._structures = structures
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
        return [path for path, known in self._structures.items() if known == structure]
