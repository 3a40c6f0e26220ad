"""Shapes of the results of an ``If`` with a known condition, and of a ``Loop`` with a known number of steps.

The inference of ``onnx`` knows what both branches have in common and no more. TorchScript's exporter asks with conditions how
many axes a tensor has, which the model knows, and a branch has another number of them. Of what the steps of a loop make, one
behind the other, it leaves the first size open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, final

from nbviz.adapters.onnx.nodes import graphs_in
from nbviz.adapters.onnx.shapes.declarations import Declarations
from nbviz.adapters.onnx.shapes.steps import steps_of
from nbviz.adapters.onnx.types import described, is_nameless, type_proto

_WITH_OUTCOMES = frozenset({"If", "Loop"})

Given = tuple[str, Any, tuple[int, ...]]
"""What a node gives: its name, what a branch or a step says of it, and the sizes that come before."""


def branch_of(condition: Any) -> str:
    """Return the name of the branch that is taken, ``""`` where the value of the condition is not known."""
    if condition is None or condition.size != 1:
        return ""
    return "then_branch" if condition.item() else "else_branch"


@final
class Outcomes:
    """Writes the types of what conditions and loops give into a graph.

    Parameters
    ----------
    graph
        The graph.
    declared
        Takes the types.
    version
        The version of the standard.
    """

    def __init__(self, graph: Any, declared: Declarations, version: int) -> None:
        self._declared = declared
        self._version = version
        self._nodes = [at for at, node in enumerate(graph.node) if node.op_type in _WITH_OUTCOMES and not node.domain]

    def write(self, shaped: Any, value: Callable[[str], Any]) -> bool:
        """Write what is known of what is given; tell whether it is more than before.

        Parameters
        ----------
        shaped
            The same graph with the shapes that are known by now.
        value
            Returns the value of a tensor as an array, None if it is not known.
        """
        changed = False
        for node in (shaped.node[at] for at in self._nodes):
            for name, info, steps in self._chosen(node, value) if node.op_type == "If" else self._stacked(node, value):
                changed = bool(name and self._write(name, info.type, steps)) or changed
        return changed

    @staticmethod
    def _chosen(node: Any, value: Callable[[str], Any]) -> Iterator[Given]:
        branch = dict(graphs_in(node.attribute)).get(branch_of(value(node.input[0]))) if node.input else None
        for name, info in zip(node.output, branch.output if branch is not None else (), strict=False):
            yield name, info, ()

    def _stacked(self, node: Any, value: Callable[[str], Any]) -> Iterator[Given]:
        carried = max(len(node.input) - 2, 0)  # beside the limit and the condition
        for _, body in graphs_in(node.attribute) if len(node.output) > carried else ():
            steps = steps_of(body, list(node.input), value, self._version)
            for name, info in zip(node.output[carried:], body.output[1 + carried :], strict=False):
                if steps is not None:
                    yield name, info, (steps,)

    def _write(self, name: str, kind: Any, steps: tuple[int, ...]) -> bool:
        spec, dims = described(kind)
        if dims is None:
            return False
        known = type_proto(spec.dtype, (*steps, *(None if is_nameless(dim) else dim for dim in dims)))
        return self._declared.write(name, known)
