"""The values of a program's nodes, and which nodes are shown as calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, final

from nbviz.adapters.torch.execution.questions import ASK_SIZES
from nbviz.adapters.torch.exported.nodes import attribute, graphs_among, name_of, writes
from nbviz.adapters.torch.exported.values import UNKNOWN, Described, Number, Value, described, gives_tensors, made
from nbviz.graph import TensorSpec


@final
class Environment:
    """What each node gives.

    Parameters
    ----------
    names
        Names for the symbols of sizes.
    parameter
        Returns the key of a tensor of the model, None if it is no parameter.
    """

    def __init__(self, names: Mapping[str, str], parameter: Callable[[Any], Any]) -> None:
        self._names = names
        self._parameter = parameter
        self._values: dict[Any, Any] = {}
        self._descriptions: dict[Any, Described] = {}

    def describe(self, node: Any) -> Described:
        """Return what is known of what a node gives."""
        if node not in self._descriptions:
            self._descriptions[node] = self._describe(node)
        return self._descriptions[node]

    def _describe(self, node: Any) -> Described:
        found = described(node.meta, self._names)
        if found is not UNKNOWN or node.op not in ("call_function", "call_method"):
            return found
        name = name_of(node)
        if name in ASK_SIZES or name == "getattr":
            return Number(None)
        given = node.all_input_nodes
        arithmetic = getattr(node.target, "__module__", None) == "_operator"
        if arithmetic and given and all(isinstance(self.describe(n), Number) for n in given):
            return Number(None)
        return found

    def is_call(self, node: Any) -> bool:
        """Tell whether a node makes or changes tensors: it may also compute a size, or take one of several tensors."""
        if node.op == "call_module":
            return type(node.graph.owning_module.get_submodule(node.target)).__name__ != "GuardsFn"
        if node.op not in ("call_function", "call_method"):
            return False
        if graphs_among(node) or writes(node):
            return True
        return gives_tensors(self.describe(node)) and not self.takes_one(node)

    def takes_one(self, node: Any) -> bool:
        """Tell whether a node takes one of the tensors that another gives."""
        if node.op != "call_function" or name_of(node) != "getitem" or not hasattr(node.args[0], "op"):
            return False
        source = node.args[0]
        return isinstance(self.describe(source), tuple) or bool(graphs_among(source))

    def source(self, node: Any) -> Any:
        """Return the call that a node takes one tensor of, or the node itself."""
        while self.takes_one(node):
            node = node.args[0]
        return node

    def value(self, node: Any) -> Any:
        """Return what a node gives: a value, a number, a graph, a tuple of them."""
        if node not in self._values:
            self._values[node] = self._value(node)
        return self._values[node]

    def _value(self, node: Any) -> Any:
        if self.takes_one(node):
            whole, index = self.value(node.args[0]), node.args[1]
            fits = isinstance(whole, tuple) and isinstance(index, int) and -len(whole) <= index < len(whole)
            return whole[index] if fits else Value(UNKNOWN)
        if node.op != "get_attr":
            return made(self.describe(node))
        found = attribute(node)
        if hasattr(found, "nodes"):
            return found
        known = self.describe(node)
        if known is UNKNOWN and hasattr(found, "shape"):
            known = described({"val": found}, {})
        return Value(known if isinstance(known, TensorSpec) else UNKNOWN, self._parameter(found))

    def put(self, node: Any, value: Any) -> None:
        """Set what a node gives."""
        self._values[node] = value

    def forget(self, graph: Any) -> None:
        """Forget what the nodes of a graph gave: it runs once more."""
        for node in graph.nodes:
            self._values.pop(node, None)

    def arguments(self, structure: Any) -> Any:
        """Return a node's arguments with values for nodes."""
        import torch

        if isinstance(structure, torch.fx.Node):
            return self.value(structure)
        if isinstance(structure, slice):
            return slice(*(self.arguments(item) for item in (structure.start, structure.stop, structure.step)))
        if isinstance(structure, Mapping):
            return {key: self.arguments(item) for key, item in structure.items()}
        if isinstance(structure, (tuple, list)):
            found = [self.arguments(item) for item in structure]
            return found if isinstance(structure, list) else tuple(found)
        return structure
