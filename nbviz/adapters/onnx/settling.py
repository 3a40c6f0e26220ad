"""Where nodes belong of which the file does not say it: optimizers and quantizers leave that out."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Mapping, Sequence

from nbviz.adapters.dataflow.scopes import Entry, shared
from nbviz.adapters.onnx.nodes import Node

_Scopes = tuple[Entry, ...]


def settle(nodes: Sequence[Node], stored: Collection[str], ends: Collection[str]) -> None:
    """Put each node that says nothing of scopes into the innermost one that is around all that it takes and gives.

    Parameters
    ----------
    nodes
        The nodes of a graph.
    stored
        Names of the tensors that the file has, which belong to no scope.
    ends
        Names of the tensors that the graph gives; they tell a place where no node takes them.
    """
    lost = [node for node in nodes if not node.is_placed]
    if not lost or not any(node.scopes for node in nodes):
        return
    maker = {name: node for node in nodes for name in node.outputs if name}
    readers: dict[str, list[Node]] = {}
    for node in nodes:
        for name in node.needed():
            readers.setdefault(name, []).append(node)
    before: dict[int, _Scopes | None] = {}
    after: dict[int, _Scopes | None] = {}
    for node in lost:
        taken = [name for name in node.needed() if name and name not in stored]
        before[id(node)] = _common(_scopes(maker[name], before) if name in maker else () for name in taken)
    for node in reversed(lost):
        takers = [_scopes(reader, after) for name in node.outputs for reader in readers.get(name, ())]
        after[id(node)] = _common([*takers, *(() for name in node.outputs if name in ends and name not in readers)])
    for node in lost:
        node.scopes = _common((before[id(node)], after[id(node)])) or ()


def _scopes(node: Node, known: Mapping[int, _Scopes | None]) -> _Scopes | None:
    return node.scopes if node.is_placed else known.get(id(node))


def _common(found: Iterable[_Scopes | None]) -> _Scopes | None:
    """Return the scopes that are around all of these; None where nothing is known."""
    known = [scopes for scopes in found if scopes is not None]
    return functools.reduce(lambda a, b: a[: shared(a, b)], known) if known else None
