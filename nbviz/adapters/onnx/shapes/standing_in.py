"""Adds standard nodes in place of other ones, for shape inference only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count
from typing import Any, final

FLOAT, INT64 = 1, 7
"""Element types, by their numbers in ``TensorProto.DataType``."""


@final
class Standard:
    """Adds nodes of the standard to a graph, and tensors for them.

    Parameters
    ----------
    graph
        A copy of a model's graph, or of one inside it.
    around
        What does so in the graph around that.
    """

    def __init__(self, graph: Any, around: Standard | None = None) -> None:
        self.graph = graph
        own = {tensor.name: (tuple(tensor.dims), tensor.data_type) for tensor in graph.initializer}
        self._stored: Mapping[str, tuple[tuple[int, ...], int]] = {**around._stored, **own} if around else own
        self._given = {info.name: len(info.type.tensor_type.shape.dim) for info in graph.input}
        self._numbers: Iterator[int] = around._numbers if around else count(1)

    def inside(self, graph: Any) -> Standard:
        """Return what adds nodes to a graph inside one of the nodes."""
        return Standard(graph, self)

    def add(self, op: str, *inputs: str, to: str = "", attributes: Iterable[Any] = (), more: Iterable[str] = ()) -> str:
        """Add a node; return the name of what it makes, ``more`` are the names of its other results."""
        output = to or self._name()
        node = self.graph.node.add(op_type=op, input=inputs, output=[output, *more])
        node.attribute.extend(attributes)
        return output

    def cast(self, name: str, number: int, to: str = "") -> str:
        """Add a cast to an element type; return the name of what it makes."""
        from onnx import helper

        return self.add("Cast", name, to=to, attributes=[helper.make_attribute("to", number)])

    def einsum(self, equation: str, *inputs: str, to: str = "") -> str:
        """Add a product; return the name of what it makes."""
        from onnx import helper

        return self.add("Einsum", *inputs, to=to, attributes=[helper.make_attribute("equation", equation)])

    def concat(self, inputs: Iterable[str], axis: int, to: str) -> str:
        """Add tensors one after the other; return the name of what they make."""
        from onnx import helper

        return self.add("Concat", *inputs, to=to, attributes=[helper.make_attribute("axis", axis)])

    def numbers(self, *values: int) -> str:
        """Add whole numbers; return their name."""
        name = self._name()
        self.graph.initializer.add(name=name, data_type=INT64, dims=[len(values)], int64_data=values)
        return name

    def dims(self, name: str) -> tuple[int, ...] | None:
        """Return the sizes of a stored tensor, None for others."""
        return self._stored[name][0] if name in self._stored else None

    def axes(self, name: str) -> int:
        """Return how many axes an input of the graph has, 0 where that is not known, and for what nodes make."""
        return self._given.get(name, 0)

    def kind(self, name: str) -> int:
        """Return the element type of a stored tensor, that of numbers with a fraction for others."""
        return self._stored[name][1] if name in self._stored else FLOAT

    def weight(self, *dims: int, kind: int = FLOAT) -> str:
        """Add a stored tensor without values; return its name."""
        name = self._name()
        self.graph.initializer.add(name=name, data_type=kind, dims=dims)
        return name

    def stored(self, name: str) -> str:
        """Return the name of a stored tensor of numbers with a fraction and the shape of this one; ``""`` where it is none."""
        dims = self.dims(name)
        return "" if dims is None else self.weight(*dims)

    def _name(self) -> str:
        return f"?made_{next(self._numbers)}"


Rule = Callable[[Standard, Any], bool]
"""Puts nodes in the place of one; tells whether it could."""


def attribute(node: Any, name: str, default: int = 0) -> int:
    """Return an attribute that is a whole number."""
    return next((a.i for a in node.attribute if a.name == name), default)
