"""The functions that an ONNX model defines as its own operations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, final

from nbviz.adapters.onnx.nodes import Node, inner_nodes
from nbviz.adapters.onnx.schemas import domain_of

_MOST_CALLS = 100_000
"""Calls of operations that functions may unfold into."""

_Key = tuple[str, str, str]
"""The domain, the name and the overload of a function."""


@final
class Functions:
    """The functions that a model defines, as operations of its own.

    Parameters
    ----------
    model
        The model.
    """

    def __init__(self, model: Any) -> None:
        self.known = {(domain_of(f), f.name, f.overload): f for f in model.functions}
        self._sizes: dict[_Key, float] = {}

    def find(self, node: Node) -> Any:
        """Return the function that a node calls, None if it calls none."""
        return self.known.get((node.domain, node.op, node.overload)) if self.known else None

    def unfold(self, model: Any) -> bool:
        """Tell whether the calls of functions end, after no more operations than anybody can look at."""
        if not self.known:
            return True
        return sum(self._size(key, ()) for key in self._called(model.graph.node)) <= _MOST_CALLS

    def _called(self, nodes: Sequence[Any]) -> Iterable[_Key]:
        every = (*nodes, *inner_nodes(nodes))
        return [key for node in every if (key := (domain_of(node), node.op_type, node.overload)) in self.known]

    def _size(self, key: _Key, around: tuple[_Key, ...]) -> float:
        if key in around or len(around) > 32:
            return float("inf")
        if key not in self._sizes:
            nodes = self.known[key].node
            inner = sum(self._size(other, (*around, key)) for other in self._called(nodes))
            self._sizes[key] = len(nodes) + inner
        return self._sizes[key]
