"""Finds the scope of nodes without one, which optimizers and quantizers leave out."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from nbviz.adapters.dataflow.scopes import Entry, shared
from nbviz.adapters.onnx.nodes import Node

_Scopes = tuple[Entry, ...]
_Readers = Mapping[str, Sequence[Node]]

_PRODUCTS = frozenset({
    *("Conv", "ConvInteger", "DynamicQuantizeMatMul", "MatMul", "MatMulBnb4", "MatMulInteger", "MatMulIntegerToFloat"),
    "MatMulNBits",
})  # fmt: skip
"""Operations that a bias is added to."""
_CONVERSIONS = frozenset({"DequantizeLinear", "DynamicQuantizeLinear", "QuantizeLinear"})
"""Operations that prepare a tensor for what takes it, and belong there."""


def settle(nodes: Sequence[Node], stored: AbstractSet[str], ends: Collection[str]) -> None:
    """Put each node that says nothing of scopes into the innermost one that is around all that it takes and gives.

    A product goes to the bias that is added to it, with what stands between them: both are those of one layer. What quantizes a
    tensor goes to what takes it.

    Parameters
    ----------
    nodes
        The nodes of a graph.
    stored
        Names of the tensors that the file has, which belong to no scope.
    ends
        Names of the tensors that the graph gives; they tell a place where no node takes them.
    """
    if all(node.is_placed for node in nodes) or not any(node.scopes for node in nodes):
        return
    maker = {name: node for node in nodes for name in node.outputs if name}
    readers: dict[str, list[Node]] = {}
    for node in nodes:
        for name in node.needed():
            readers.setdefault(name, []).append(node)
    for node in nodes:
        if node.op == "Add" and node.is_placed and node.scopes:
            _join(node, maker, readers, stored)
    after = _after([node for node in nodes if not node.is_placed], readers, ends)
    lost = [node for node in nodes if not node.is_placed]
    before = _before(lost, maker, stored)
    for node in lost:
        node.scopes = _common((before[id(node)], after[id(node)])) or ()


def _after(lost: Sequence[Node], readers: _Readers, ends: Collection[str]) -> dict[int, _Scopes | None]:
    """Return the scopes around what takes from each node; what converts a tensor is put there at once."""
    found: dict[int, _Scopes | None] = {}
    for node in reversed(lost):
        takers = [_scopes(reader, found) for name in node.outputs for reader in readers.get(name, ())]
        around = _common([*takers, *(() for name in node.outputs if name in ends and name not in readers)])
        found[id(node)] = around
        if node.op in _CONVERSIONS and around:
            node.scopes, node.is_placed = around, True
    return found


def _before(lost: Sequence[Node], maker: Mapping[str, Node], stored: AbstractSet[str]) -> dict[int, _Scopes | None]:
    """Return the scopes around what each node takes from."""
    found: dict[int, _Scopes | None] = {}
    for node in lost:
        taken = [name for name in node.needed() if name and name not in stored]
        found[id(node)] = _common(_scopes(maker[name], found) if name in maker else () for name in taken)
    return found


def _join(add: Node, maker: Mapping[str, Node], readers: _Readers, stored: AbstractSet[str]) -> None:
    """Put a product without a scope, and what follows it and leads to this sum with a bias alone, into the scope of the sum."""
    made = [name for name in add.inputs if name not in stored]
    if len(made) != 1 or len(add.inputs) != 2:
        return
    found: dict[int, Node] = {id(add): add}
    waiting = made
    while waiting:
        node = maker.get(waiting.pop())
        if node is None or node.is_placed or id(node) in found:
            continue
        if not all(id(reader) in found for name in node.outputs for reader in readers.get(name, ())):
            continue
        found[id(node)] = node
        if stored.isdisjoint(node.inputs):
            waiting.extend(node.inputs)
    if any(node.op in _PRODUCTS for node in found.values()):
        for node in found.values():
            node.scopes, node.is_placed = add.scopes, True


def _scopes(node: Node, known: Mapping[int, _Scopes | None]) -> _Scopes | None:
    return node.scopes if node.is_placed else known.get(id(node))


def _common(found: Iterable[_Scopes | None]) -> _Scopes | None:
    """Return the scopes that are around all of these; None where nothing is known."""
    known = [scopes for scopes in found if scopes is not None]
    return functools.reduce(lambda a, b: a[: shared(a, b)], known) if known else None
