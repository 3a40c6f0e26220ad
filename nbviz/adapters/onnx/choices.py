"""Shapes of what an ``If`` gives whose condition is known: those that the branch makes which is taken.

The inference of ``onnx`` knows what both branches have in common and no more. TorchScript's exporter asks with conditions how
many axes a tensor has, which the model knows, and a branch has another number of them.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Any, final

from nbviz.adapters.onnx.nodes import graphs_in
from nbviz.adapters.onnx.types import described, is_nameless, type_proto


def branch_of(condition: Any) -> str:
    """Return the name of the branch that is taken, ``""`` where the value of the condition is not known."""
    if condition is None or condition.size != 1:
        return ""
    return "then_branch" if condition.item() else "else_branch"


@final
class Choices:
    """Writes the types of what conditions give into a graph.

    Parameters
    ----------
    graph
        The graph.
    """

    def __init__(self, graph: Any) -> None:
        self._graph = graph
        self._nodes = [at for at, node in enumerate(graph.node) if node.op_type == "If" and not node.domain]
        self._said = {info.name for info in _infos(graph) if info.type.WhichOneof("value")} if self._nodes else set()
        self._infos = {info.name: info for info in graph.output} if self._nodes else {}

    def write(self, shaped: Any, value: Callable[[str], Any]) -> bool:
        """Write what is known of the branches that are taken; tell whether it is more than before.

        Parameters
        ----------
        shaped
            The same graph with the shapes that are known by now.
        value
            Returns the value of a tensor as an array, None if it is not known.
        """
        changed = False
        for node in (shaped.node[at] for at in self._nodes):
            branch = dict(graphs_in(node.attribute)).get(branch_of(value(node.input[0]))) if node.input else None
            for name, info in zip(node.output, branch.output if branch is not None else (), strict=False):
                changed = bool(name and name not in self._said and self._write(name, info.type)) or changed
        return changed

    def _write(self, name: str, kind: Any) -> bool:
        spec, dims = described(kind)
        if dims is None:
            return False
        known = type_proto(spec.dtype, (None if is_nameless(dim) else dim for dim in dims))
        if name not in self._infos:
            self._infos[name] = self._graph.value_info.add(name=name)
        elif self._infos[name].type == known:
            return False
        self._infos[name].type.CopyFrom(known)
        return True

    def take_back(self) -> None:
        """Take what is written out of the outputs of the graph."""
        for info in self._graph.output:
            if info.name in self._infos and info.name not in self._said:
                info.ClearField("type")


def _infos(graph: Any) -> Any:
    return chain(graph.value_info, graph.output)
