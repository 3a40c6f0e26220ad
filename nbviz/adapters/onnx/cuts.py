"""Parts of weights that nodes slice out, such as the three projections of attention that are stored as one tensor.

Where sizes are open, TorchScript's exporter computes from them which part it is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from nbviz.adapters.onnx.nodes import Node

_CUTS = frozenset({"Slice", "Split"})
_OF_SIZES = frozenset({"Shape", "Size"})


def computed_bounds(nodes: Iterable[Node], weights: Collection[str], constants: Collection[str]) -> set[str]:
    """Return what says which part of a weight is cut out, and is computed from constants and sizes alone.

    Parameters
    ----------
    nodes
        The nodes of a graph, in order.
    weights, constants
        Names of the tensors that are stored.
    """
    cuts = [node.inputs for node in nodes if node.op in _CUTS and not node.domain]
    bounds = {name for inputs in cuts if inputs and inputs[0] in weights for name in inputs[1:]}.difference(constants)
    if not bounds:
        return bounds
    fixed = {"", *constants}
    for node in nodes:
        if (node.op in _OF_SIZES and not node.domain) or fixed.issuperset(node.needed()):
            fixed.update(node.outputs)
    return bounds & fixed
