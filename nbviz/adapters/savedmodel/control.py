"""The loops and branches of TensorFlow 1, which are cycles of nodes instead of functions.

What goes into a loop passes ``Enter`` and then ``Switch``, what comes out ``Exit``; a branch is between ``Switch`` and
``Merge``. A node that takes nothing in a branch comes after one in it, which its control inputs tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_STEPS = {"Enter": 1, "Switch": 1, "Exit": -2}


def inside(nodes: Mapping[str, Any]) -> frozenset[str]:
    """Return the names of the nodes in loops and branches: nobody knows how often they run."""
    depths: dict[str, int] = {}
    begun: set[str] = set()
    waiting = [(name, False) for name in nodes]
    while waiting:
        name, is_ready = waiting.pop()
        if is_ready:
            around = max((depths.get(before, 0) for before in _before(nodes[name], nodes)), default=0)
            depths[name] = around + _step(nodes[name], nodes)
        elif name not in begun:
            begun.add(name)
            waiting.append((name, True))
            waiting += [(before, False) for before in _before(nodes[name], nodes) if before not in begun]
    return frozenset(name for name, depth in depths.items() if depth > 0)


def is_back(reference: str, nodes: Mapping[str, Any]) -> bool:
    """Tell whether a reference leads back to the beginning of a loop."""
    node = nodes.get(_name(reference))
    return node is not None and _kind(node) == "NextIteration"


def _before(node: Any, nodes: Mapping[str, Any]) -> list[str]:
    """Return the names of the nodes that come before one, in any step of a loop."""
    is_merge = _kind(node) == "Merge"
    return [_name(text) for text in node.input if _name(text) in nodes and not (is_merge and is_back(text, nodes))]


def _step(node: Any, nodes: Mapping[str, Any]) -> int:
    """Return how much deeper a node is than what comes before it."""
    if _kind(node) == "Merge":
        return 0 if any(is_back(text, nodes) for text in node.input) else -1
    return _STEPS.get(_kind(node), 0)


def _kind(node: Any) -> str:
    return str(node.op).removeprefix("Ref")


def _name(reference: str) -> str:
    return reference.removeprefix("^").partition(":")[0]
