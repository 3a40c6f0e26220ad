"""The number of values in weights that onnxruntime packs several to a byte."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nbviz.adapters.onnx.nodes import Node
from nbviz.adapters.onnx.types import dtype_of

PRODUCTS = frozenset({"MatMulBnb4", "MatMulNBits"})
"""Products with a packed matrix as their second factor, which keep its size as attributes."""

_BYTES = {"GatherBlockQuantized": ((0,), "bits"), "QMoE": ((2, 5, 8), "expert_weight_bits")}
"""The inputs that are packed where they are bytes, and the attribute that says how many bits a value has; 4 if it is left out."""

_BITS = (1, 2, 4)


def packed_sizes(nodes: Iterable[Node], tensors: Mapping[str, Any]) -> dict[str, int]:
    """Return how many values the packed ones among stored tensors stand for, by their names."""
    found: dict[str, int] = {}
    for node in nodes:
        if node.op in PRODUCTS and len(node.inputs) > 1 and {"K", "N"} <= node.attributes.keys():
            found[node.inputs[1]] = node.attributes["K"].i * node.attributes["N"].i
        elif node.op in _BYTES:
            places, name = _BYTES[node.op]
            bits = node.attributes[name].i if name in node.attributes else 4
            for at in places:
                tensor = tensors.get(node.inputs[at]) if at < len(node.inputs) else None
                if tensor is not None:
                    found[node.inputs[at]] = math.prod(unpacked(tensor.dims, getattr(tensor, "data_type", 0), bits))
    return found


def unpacked(dims: Sequence[int], data_type: int, bits: int) -> tuple[int, ...]:
    """Return the sizes of what a stored tensor stands for: along the last axis a byte has several values."""
    if dtype_of(data_type) != "uint8" or bits not in _BITS or not dims:
        return tuple(dims)
    return (*dims[:-1], dims[-1] * (8 // bits))
