"""Temporarily adds types to a graph, so that ``onnx`` can continue shape inference where it lacks them.

It asks for the type of a tensor that the graph gives in the graph's output, and says nothing of it beside that.
"""

from __future__ import annotations

from itertools import chain
from typing import Any, final


@final
class Declarations:
    """Writes types where a graph declares its tensors: in its outputs, or in value infos.

    Parameters
    ----------
    graph
        The graph; what it says itself stays.
    """

    def __init__(self, graph: Any) -> None:
        self._graph = graph
        self._count = len(graph.value_info)
        infos = chain(graph.value_info, graph.output)
        self._said = {info.name for info in infos if info.type.WhichOneof("value")}
        self._infos = {info.name: info for info in graph.output}

    def write(self, name: str, kind: Any) -> bool:
        """Write the type of a tensor of which the graph says none; tell whether it is another than before."""
        if name in self._said:
            return False
        if name not in self._infos:
            self._infos[name] = self._graph.value_info.add(name=name)
        elif self._infos[name].type == kind:
            return False
        self._infos[name].type.CopyFrom(kind)
        return True

    def take_back(self) -> None:
        """Take out of the graph what has been written into it."""
        del self._graph.value_info[self._count :]
        for info in self._graph.output:
            if info.name not in self._said:
                info.ClearField("type")
