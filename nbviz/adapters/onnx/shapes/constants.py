"""Short tensors that a graph stores as initializers or in ``Constant`` nodes, such as shapes, slices and pads."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

MOST = 64
"""Values of a tensor that is short."""


def constants_in(graph: Any, given: Collection[str] = ()) -> dict[str, Any]:
    """Return the values of what a graph stores itself by name, None for those that are many, elsewhere, or in ``given``."""
    tensors = {tensor.name: None if tensor.name in given else _values(tensor) for tensor in graph.initializer}
    return tensors | {node.output[0]: _constant(node) for node in graph.node if is_constant(node)}


def is_constant(node: Any) -> bool:
    """Tell whether a node does no more than store what it makes."""
    return node.op_type == "Constant" and not node.domain and len(node.output) == 1


def is_short(tensor: Any) -> bool:
    """Tell whether a tensor is short, and in this file."""
    return not tensor.data_location and min(tensor.dims, default=0) >= 0 and math.prod(tensor.dims) <= MOST


def _values(tensor: Any) -> Any:
    from onnx import numpy_helper

    if not is_short(tensor):
        return None
    try:
        return numpy_helper.to_array(tensor)
    except Exception:  # noqa: BLE001 - the values are not as many, or not of a kind, as the file says
        return None


def _constant(node: Any) -> Any:
    """Return what a ``Constant`` holds, None where that is long or text."""
    import numpy as np

    held = {a.name: a for a in node.attribute if not a.ref_attr_name}
    if "value" in held:
        return _values(held["value"].t)
    for name, kind in (("value_int", "i"), ("value_ints", "ints"), ("value_float", "f"), ("value_floats", "floats")):
        if name in held:
            value = np.array(getattr(held[name], kind), np.int64 if "int" in name else np.float32)
            return value if value.size <= MOST else None
    return None
