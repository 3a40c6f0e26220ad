"""Nodes of a tree of parameters by the names of the arrays in them, and the modules that functions turn out to have them for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import final

from nbviz.adapters.jax.linen_calls import Settings
from nbviz.adapters.jax.subject import Path

Names = frozenset[Path]


@final
class NamedNodes:
    """Finds the nodes that a module may have its parameters from.

    The names in a module are those of the part of the tree that they come from, whatever a function has done to the tree before:
    taken it apart, cast its arrays, or sliced them, as a loop over layers does.

    Parameters
    ----------
    nodes
        The nodes of the tree.
    arrays
        Its arrays that are trained.

    Attributes
    ----------
    modules
        The classes and the settings of modules that were called, by their nodes. Those without parameters have nodes of their own.
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

    def of(self, names: Names) -> list[Path]:
        """Return the nodes that hold arrays of these names, and no others; none where there are no names."""
        return self._nodes.get(names, []) if names else []

    def note(self, nodes: Iterable[Path], cls: type, settings: Settings) -> None:
        """Know which module is called for nodes."""
        for node in nodes:
            self.modules.setdefault(node, (cls, settings))
