"""Marks the nodes of which sizes contradict each other, so that the inference makes nothing up of what they give.

Only a model's own graph is looked at: what is in a branch that is never taken may contradict itself.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

from nbviz.adapters.onnx.fits.operands import Dims, Operands
from nbviz.adapters.onnx.fits.rules import asks_for_values, contradiction, has_rules
from nbviz.adapters.onnx.schemas import domain_of, versions
from nbviz.adapters.onnx.shapes.folding import value_in
from nbviz.adapters.onnx.types import Types, dims_of

_MARK = "~"
"""Ends the name of an operation that is marked, which the inference does not know then; no other reader of names takes it off."""

Place = tuple[str, ...]
"""Tells a node of a graph: the names of what it gives."""


def mark_misfits(model: Any) -> bool:
    """Mark the nodes of a model with shapes of which sizes contradict each other; tell whether there are any."""
    found = [node for node, _ in _misfits(model)]
    for node in found:
        node.op_type += _MARK
    return bool(found)


def is_marked(model: Any) -> bool:
    """Tell whether any node is marked."""
    return any(node.op_type.endswith(_MARK) for node in model.graph.node)


def take_marks(model: Any) -> dict[Place, str]:
    """Take the marks off again; return what contradicts what, by node, where it is more than what follows from another's."""
    marked = [node for node in model.graph.node if node.op_type.endswith(_MARK)]
    for node in marked:
        node.op_type = node.op_type.removesuffix(_MARK)
    places = {tuple(node.output) for node in marked}
    found = {tuple(node.output): said for node, said in _misfits(model)} if places else {}
    return {place: said for place, said in found.items() if place in places}


def _misfits(model: Any) -> Iterator[tuple[Any, str]]:
    """Yield the nodes of a model's own graph of which sizes contradict each other, and what these are."""
    version = versions(model.opset_import).get("", 0)
    own = {function.name for function in model.functions if not domain_of(function)}
    nodes = [node for node in model.graph.node if has_rules(node.op_type) and not domain_of(node)]
    types, values = Types.of_graph(model.graph), value_in(model)
    given = {info.name for info in model.graph.input}
    stored: dict[str, Sequence[int]] = {tensor.name: tensor.dims for tensor in model.graph.initializer}

    @functools.cache
    def sizes(name: str) -> Dims | None:
        found = types.of(name)[1]
        return dims_of(stored[name]) if found is None and name in stored and name not in given else found

    told: dict[Hashable, str] = {}  # a large model has many nodes that are alike
    for node in nodes if version else ():
        if node.op_type in own:
            continue
        alike = _what_counts(node, sizes)
        if alike not in told:
            attributes = {attribute.name: attribute for attribute in node.attribute}
            told[alike] = contradiction(node.op_type, Operands(node.input, attributes, version, sizes, values))
        if told[alike]:
            yield node, told[alike]


def _what_counts(node: Any, sizes: Callable[[str], Dims | None]) -> Hashable:
    """Return all of a node that the rules ask for."""
    taken = tuple(sizes(name) if name else "" for name in node.input)
    names = tuple(node.input) if asks_for_values(node.op_type) else ()
    return node.op_type, taken, names, tuple(attribute.SerializeToString() for attribute in node.attribute)
