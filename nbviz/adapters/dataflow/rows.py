"""The rows of a model: its scopes, the nodes that hold weights, and the nodes that contain graphs."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterable
from typing import final

from nbviz.adapters.dataflow.ordering import Node
from nbviz.adapters.dataflow.scopes import Entry
from nbviz.adapters.text import label
from nbviz.builder import GraphBuilder
from nbviz.graph import Setting
from nbviz.records import LayerRecord, Stored

Key = Hashable
"""Tells stored tensors apart."""

FRACTIONS = ("float", "bfloat", "complex")
"""How the names of dtypes with fractions begin; weights of others cannot be trained."""

TRAINED = ("trained", "not in the file: weights that could be trained count as trainable")
"""A setting of models whose files do not say it."""

SCOPE = "Scope"
"""The type of a scope whose class is not known."""


@final
class Rows:
    """Adds layers and what they hold.

    Parameters
    ----------
    builder
        Takes the layers.

    Attributes
    ----------
    automatic
        Paths of nodes without a name.
    has_scopes
        Whether any node is in a scope.
    modules
        The scopes, and the model itself, that are known to be modules of the original model.
    """

    def __init__(self, builder: GraphBuilder) -> None:
        self.builder = builder
        self.automatic: set[str] = set()
        self.has_scopes = False
        self.modules: set[Hashable] = set()
        self._keys = itertools.count()
        self._scopes: dict[tuple[Hashable, tuple[str, ...]], Hashable] = {}
        self._nodes: dict[tuple[Hashable, str, tuple[Key, ...]], Hashable] = {}
        self._segments: dict[tuple[Hashable, str], int] = {}
        self._stored: dict[Key, Stored] = {}
        self._held: set[Key] = set()

    def root(self, kind: str, module: str, settings: tuple[tuple[str, Setting], ...]) -> Hashable:
        """Add the model and return its key."""
        key = next(self._keys)
        self.builder.add_layer(key, None, "", name="", type=kind, module=module, settings=settings)
        return key

    def scope(self, around: Hashable, entry: Entry) -> Hashable:
        """Return the key of a scope's row inside a graph; add it, and those around it, where there is none."""
        key = self._scopes.get((around, entry.row))
        if key is None:
            key = self._add_scope(around, entry.row)
        layer = self.builder.layer(key)
        if entry.type and layer.type == SCOPE:
            layer.module, _, layer.type = entry.type.rpartition(".")
            self.modules.add(key)
        return key

    def _add_scope(self, around: Hashable, path: tuple[str, ...]) -> Hashable:
        """Add a scope and those around it, outer first."""
        parent = around
        for depth in range(1, len(path) + 1):
            inner = path[:depth]
            key = self._scopes.get((around, inner))
            if key is None:
                key = self._scopes[around, inner] = next(self._keys)
                self.builder.add_layer(key, parent, self._free(parent, inner[-1]), name=".".join(inner), type=SCOPE)
                self.has_scopes = True
            parent = key
        return parent

    def called_again(self, parent: Hashable, op: str, reads: Iterable[Key]) -> Hashable | None:
        """Return the key of a node's row in a scope that has been called before, by the weights that it reads."""
        return self._nodes.get((parent, op, tuple(reads)))

    def node(self, parent: Hashable, node: Node, reads: Iterable[Key] = ()) -> Hashable:
        """Add the row of a node and return its key."""
        key = next(self._keys)
        path = self.builder.add_layer(
            key,
            parent,
            self._free(parent, node.name or node.op),
            name=label(node.full_name),
            type=label(node.op),
            module=label(node.module),
        )
        self._nodes.setdefault((parent, node.op, tuple(reads)), key)
        if not node.name:
            self.automatic.add(path)
        return key

    def part(self, parent: Hashable, name: str) -> Hashable:
        """Add the row of one of several graphs in a node and return its key."""
        key = next(self._keys)
        self.builder.add_layer(key, parent, self._free(parent, name), name=name, type="Graph")
        return key

    def _free(self, parent: Hashable, segment: str) -> str:
        """Return a segment with a number if a sibling has it: files can have thousands of the same name."""
        count = self._segments.get((parent, segment), 0) + 1
        self._segments[parent, segment] = count
        return segment if count == 1 else f"{segment}#{count}"

    def layer(self, key: Hashable) -> LayerRecord:
        """Return a row, whose fields may be set."""
        return self.builder.layer(key)

    def store(self, key: Key, stored: Stored) -> None:
        """Make a weight known."""
        self._stored.setdefault(key, stored)

    def hold(self, layer: Hashable, key: Key) -> None:
        """Record that a row holds a weight."""
        self._held.add(key)
        self.builder.hold(layer, key, self._stored[key])

    def rest(self) -> list[Key]:
        """Return the keys of the weights that no row holds."""
        return [key for key in self._stored if key not in self._held]

    def hold_the_rest(self, root: Hashable) -> list[str]:
        """Let the model hold the weights that nothing reads: they are in the file, and count. Return their names."""
        rest = self.rest()
        for key in rest:
            self.hold(root, key)
        return [self._stored[key].name for key in rest]
