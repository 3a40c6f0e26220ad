"""The graphs of a model's own functions, with the shapes of one call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

from nbviz.adapters.onnx.nodes import Node
from nbviz.adapters.onnx.shapes.inference import in_function
from nbviz.adapters.onnx.types import type_proto
from nbviz.adapters.onnx.values import Value
from nbviz.adapters.onnx.weights import function_name


@final
class FunctionGraphs:
    """Infers shapes inside functions, once for calls that are alike.

    Parameters
    ----------
    model
        The model that defines the functions.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._known: dict[Any, Any] = {}

    def of(self, function: Any, node: Node, values: Sequence[Value | None]) -> Any:
        """Return the graph of a function as a node calls it with these values."""
        types = [
            (name, type_proto(value.spec.dtype, value.dims))
            for name, value in zip(function.input, values, strict=False)
            if value is not None
        ]
        attributes = {a.name: a for a in function.attribute_proto} | node.attributes
        key = (
            function_name(function),
            tuple((name, kind.SerializeToString()) for name, kind in types),
            tuple(sorted((name, a.SerializeToString()) for name, a in attributes.items())),
        )
        if key not in self._known:
            self._known[key] = in_function(function, self._model, types, attributes)
        return self._known[key]
