"""The nodes of a TensorFlow graph or function, and the tensors between them, each with one name.

A reference is ``node:2`` in a main graph and ``node:output:0`` in a function, where it counts within one of the outputs that
the operation's definition names. Here a tensor is always ``node:2``, the argument of a function is ``argument:``, and what
only passes a tensor on stands for that tensor.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, final

from nbviz.adapters.dataflow.program import Tensor
from nbviz.adapters.savedmodel.control import inside, is_back
from nbviz.adapters.savedmodel.types import dtype_of, shape_of
from nbviz.graph import TensorSpec

_PASSING = frozenset({"Identity", "IdentityN", "PreventGradient", "Snapshot", "StopGradient"})
_READING = "ReadVariableOp"


@final
class Nodes:
    """Nodes by name.

    Parameters
    ----------
    nodes
        The nodes.
    arguments
        Names of the arguments of the function that they are in.
    library
        The functions that nodes may call.
    tensors
        The tensors that are known, which tell what a variable is.

    Attributes
    ----------
    by_name
        The nodes; of several with one name the last.
    doubled
        Names that several nodes have.
    """

    def __init__(
        self, nodes: Iterable[Any], arguments: Iterable[str], library: Mapping[str, Any], tensors: Mapping[str, Tensor]
    ) -> None:
        self.by_name: dict[str, Any] = {}
        self.doubled: list[str] = []
        for node in nodes:
            if node.name in self.by_name:
                self.doubled.append(node.name)
            self.by_name[node.name] = node
        self._all = self.by_name
        self._arguments = frozenset(arguments)
        self._library = library
        self._tensors = tensors
        self._sources: dict[str, str] = {}
        self._handles: dict[str, str] = {}

    def keep(self, references: Iterable[str], entering: Iterable[str]) -> None:
        """Keep only the nodes that some tensors are made by, from those that enter."""
        stop = {reference.partition(":")[0] for reference in entering}
        waiting = [reference.partition(":")[0] for reference in references]
        kept: dict[str, Any] = {}
        for name in waiting:
            node = self.by_name.get(name)
            if node is not None and name not in kept:
                kept[name] = node
                waiting += [] if name in stop else [text.partition(":")[0] for text in _data(node)]
        self.by_name = {name: node for name, node in self.by_name.items() if name in kept}

    def inputs(self, node: Any) -> list[str]:
        """Return the tensors that a node takes."""
        is_merge = node.op in {"Merge", "RefMerge"}
        return [self.source(text) for text in _data(node) if not (is_merge and is_back(text, self.by_name))]

    @functools.cached_property
    def inside(self) -> frozenset[str]:
        """Names of those in loops and branches of TensorFlow 1."""
        return inside(self._all)

    def source(self, reference: str) -> str:
        """Return the tensor that a reference means: what makes it, not what passes it on."""
        return self._followed(reference, self._sources, self.passes)

    def passes(self, node: Any) -> bool:
        """Tell whether a node only passes a tensor on, as the reading of a variable that is known does."""
        if node.op == _READING and _data(node):  # of what was read nothing is read again
            found = self._tensors.get(self._followed(_data(node)[0], self._handles, _passes_on))
            return found is not None and found.weight is not None
        return _passes_on(node)

    def _followed(self, reference: str, known: dict[str, str], passes: Callable[[Any], bool]) -> str:
        """Return what is before all nodes that pass a tensor on; of a circle any of them."""
        passed: dict[str, None] = {}
        while reference not in known:
            name, at = self._place(reference)
            node = self.by_name.get(name)
            if node is None or reference in passed or not passes(node):
                known[reference] = f"{name}:{at}"
                break
            passed[reference] = None
            data = _data(node)
            reference = data[int(at)] if node.op == "IdentityN" and int(at) < len(data) else data[0]
        found = known[reference]
        known.update(dict.fromkeys(passed, found))
        return found

    def _place(self, reference: str) -> tuple[str, str]:
        """Return the node or argument that a reference names, and which of its tensors."""
        name, _, rest = reference.removeprefix("^").partition(":")
        if name in self._arguments and name not in self.by_name:
            return name, ""
        output, _, at = rest.rpartition(":")
        number = int(at) if at.isdigit() else 0
        node = self.by_name.get(name)
        if output and node is not None:
            for known, count in self.outputs(node):
                if known == output:
                    break
                number += count
        return name, str(number)

    def outputs(self, node: Any) -> list[tuple[str, int]]:
        """Return the outputs of a node's definition, with the number of tensors in each."""
        if node.op in self._library:
            return [(arg.name, 1) for arg in self._library[node.op].signature.output_arg]
        definition = definition_of(node.op)
        return [] if definition is None else [(arg.name, _count(arg, node)) for arg in definition.output_arg]

    def specs(self, node: Any) -> list[TensorSpec]:
        """Return what is known of the tensors that a node makes."""
        shapes = list(node.attr["_output_shapes"].list.shape) if "_output_shapes" in node.attr else []
        dtypes = self._dtypes(node) or [None] * len(shapes)
        known = [*map(shape_of, shapes[: len(dtypes)]), *[None] * (len(dtypes) - len(shapes))]
        return [TensorSpec(shape, dtype) for shape, dtype in zip(known, dtypes, strict=True)]

    def _dtypes(self, node: Any) -> list[str | None]:
        if node.op in self._library:
            return [dtype_of(arg.type) for arg in self._library[node.op].signature.output_arg]
        definition = definition_of(node.op)
        found: list[str | None] = []
        for arg in definition.output_arg if definition is not None else ():
            if arg.type_list_attr:
                found += [dtype_of(kind) for kind in _attribute(node, arg.type_list_attr).list.type[:_MOST]]
            else:
                kind = _attribute(node, arg.type_attr).type if arg.type_attr else arg.type
                found += [dtype_of(kind)] * _count(arg, node)
        return found


_MOST = 10_000
"""Outputs of one node."""


def _passes_on(node: Any) -> bool:
    return node.op in _PASSING and bool(_data(node))


def _data(node: Any) -> list[str]:
    """Return the references of a node to tensors, without those that only say what comes before."""
    return [text for text in node.input if not text.startswith("^")]


def _attribute(node: Any, name: str) -> Any:
    """Return an attribute; one that is left out has the value of the definition."""
    from tensorflow.core.framework.attr_value_pb2 import AttrValue

    if name in node.attr:
        return node.attr[name]
    definition = definition_of(node.op)
    found = (known.default_value for known in (() if definition is None else definition.attr) if known.name == name)
    return next(found, AttrValue())


def _count(arg: Any, node: Any) -> int:
    """Return how many tensors stand for one argument of a definition."""
    if arg.number_attr:
        return min(max(int(_attribute(node, arg.number_attr).i), 0), _MOST)
    return len(_attribute(node, arg.type_list_attr).list.type) if arg.type_list_attr else 1


@functools.cache
def definition_of(op: str) -> Any:
    """Return TensorFlow's definition of an operation, None if it has none."""
    from tensorflow.python.framework import op_def_registry

    try:
        return op_def_registry.get(op)
    except Exception:  # noqa: BLE001 - the class of its error is not public
        return None


def input_names(node: Any) -> list[str]:
    """Return what the inputs of a node are called, as far as that is known."""
    definition = definition_of(node.op)
    found: list[str] = []
    for arg in definition.input_arg if definition is not None else ():
        count = _count(arg, node)
        found += [arg.name] if count == 1 else [f"{arg.name}_{i}" for i in range(count)]
    return found
