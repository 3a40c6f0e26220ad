"""The place of each node of an ONNX model: its graph, its scope, and the graphs around it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import final

from nbviz.adapters.onnx.repeats import ONCE, Runs
from nbviz.adapters.onnx.types import Types
from nbviz.adapters.onnx.values import Environment


@final
@dataclass(frozen=True, slots=True)
class Place:
    """Where nodes stand.

    Attributes
    ----------
    env, types
        The tensors of the graph that they are in, and what is known of those that they make.
    where
        Tells this graph from others that store tensors (see ``weights.stored_in``).
    around
        The row of what holds the graph: the model, a node, or a part of one.
    holder
        The row that they are in: a scope, or the same.
    versions
        The versions of operation sets by domain.
    depth
        How many graphs are around this one.
    again
        Whether the scope has been called before.
    runs
        How often what is here runs.
    """

    env: Environment
    types: Types
    where: str
    around: Hashable
    holder: Hashable
    versions: Mapping[str, int]
    depth: int = 0
    again: bool = False
    runs: Runs = ONCE

    def inside(self, scope: Hashable, *, again: bool) -> Place:
        """Return the place inside a scope of the same graph."""
        return Place(  # replace() takes three times as long, and there can be thousands of scopes
            self.env, self.types, self.where, self.around, scope, self.versions, self.depth, again, self.runs
        )
