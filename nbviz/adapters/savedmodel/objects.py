"""The objects of a SavedModel: its variables, their names, and which of them belong to the optimizer."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, final

from nbviz.adapters.dataflow.rows import FRACTIONS
from nbviz.adapters.dataflow.scopes import DEEPEST_SCOPE
from nbviz.adapters.savedmodel.types import spec_of
from nbviz.adapters.text import decoded, label
from nbviz.graph import OptimizerState, ParameterKind, TensorSpec, stored_bytes
from nbviz.records import Stored
from nbviz.shape import Shape

_LISTS = frozenset({"_all_variables", "non_trainable_variables", "trainable_variables", "variables", "_variables"})
"""Children that hold variables of other objects again."""

HANDLES = frozenset({"VarHandleOp", "Variable", "VariableV2"})
"""Nodes that stand for variables."""

_ASIDE = frozenset({"_all_variables", "keras_api", "optimizer", "signatures"})
"""Children that hold what is no part of the model: copies, metrics, the optimizer's state."""


@final
@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of a model.

    Attributes
    ----------
    key
        Its number among the objects, or in a model without objects its name.
    path
        The scopes around it, and its own name.
    spec
        Its shape and type.
    trainable
        Whether training changes it.
    tracked
        The names that lead to it from the root of the objects, or its own.
    """

    key: int | str
    path: tuple[str, ...]
    spec: TensorSpec
    trainable: bool
    tracked: tuple[str, ...] = ()

    @property
    def stored(self) -> Stored:
        """The variable as the graph keeps it."""
        shape = self.spec.shape or Shape(())
        taken = None if self.spec.shape is None else stored_bytes(self.spec.dtype, shape.size())
        name = label("/".join(self.path)) or "variable"
        dtype = self.spec.dtype or "unknown"
        # the state of a random generator is no weight
        kind: ParameterKind = "weight" if self.trainable or dtype.startswith(FRACTIONS) else "buffer"
        return Stored(name, kind, shape, dtype, self.trainable, taken, shape.size() or 0)


@final
class Objects:
    """The objects that TensorFlow 2 saves.

    Parameters
    ----------
    graph
        The ``SavedObjectGraph``.
    """

    def __init__(self, graph: Any) -> None:
        self._nodes = graph.nodes
        self._functions = graph.concrete_functions
        paths = self._paths(skipped=_ASIDE | _LISTS) if self._nodes else {}
        for at, path in (self._paths(skipped=_ASIDE) if self._nodes else {}).items():
            paths.setdefault(at, path)
        self.variables = {at: self._variable(at, path) for at, path in paths.items() if self._is_variable(at)}

    def __bool__(self) -> bool:
        return bool(self._nodes)

    def variable(self, at: int) -> Variable | None:
        """Return the variable with a number; one that only a function knows is made known, by any path that leads to it."""
        if at not in self.variables and self._is_variable(at):
            self.variables[at] = self._variable(at, self._all_paths.get(at, (f"variable_{at}",)))
        return self.variables.get(at)

    @functools.cached_property
    def _all_paths(self) -> dict[int, tuple[str, ...]]:
        return self._paths(skipped=())

    def constant(self, at: int) -> str:
        """Return the node of the main graph that holds a constant, ``""`` if the object is none."""
        is_one = 0 <= at < len(self._nodes) and self._nodes[at].WhichOneof("kind") == "constant"
        return str(self._nodes[at].constant.operation) if is_one else ""

    def bound(self, function: str) -> list[int]:
        """Return the numbers of the objects that a function takes besides its inputs."""
        return list(self._functions[function].bound_inputs) if function in self._functions else []

    def signatures(self) -> dict[str, str]:
        """Return the names of the functions that the model offers, by the names of their signatures."""
        for name, at in self._children(0):
            if name == "signatures":
                found = dict(self._concrete(at))
                if found:
                    return found
        methods = [(name, at) for name, at in self._children(0) if self._nodes[at].WhichOneof("kind") == "function"]
        return dict([found for name, at in methods for found in self._traces(name, at)][:1])

    def optimizer(self) -> OptimizerState | None:
        """Return the state of the optimizer, None if none was saved."""
        roots = [at for name, at in self._children(0) if name == "optimizer"]
        reached = self._reached(roots)
        slots = [slot.slot_variable_node_id for node in self._nodes for slot in node.slot_variables]
        numbers = [at for at in dict.fromkeys([*reached, *slots]) if self._is_variable(at) and at not in self.variables]
        found = [self._variable(at, (str(at),)) for at in numbers]
        if not found:
            return None
        names = [decoded(self._nodes[at].variable.name) for at in numbers]
        name = next((name.partition("/")[0] for name in names if "/" in name), "optimizer")
        size = sum(variable.stored.size for variable in found)
        return OptimizerState(label(name), size, sum(variable.stored.bytes or 0 for variable in found))

    def uncounted(self) -> int:
        """Return how many variables belong neither to the model nor to the optimizer."""
        roots = [at for name, at in self._children(0) if name == "optimizer"]
        slots = {slot.slot_variable_node_id for node in self._nodes for slot in node.slot_variables}
        known = {*self.variables, *self._reached(roots), *slots}
        return sum(self._is_variable(at) and at not in known for at in range(len(self._nodes)))

    def _is_variable(self, at: int) -> bool:
        return 0 <= at < len(self._nodes) and self._nodes[at].WhichOneof("kind") == "variable"

    def _variable(self, at: int, path: tuple[str, ...]) -> Variable:
        proto = self._nodes[at].variable
        named = tuple(filter(None, decoded(proto.name).split(":")[0].split("/")))
        own = named if len(named) > 1 else tuple(map(label, path))
        return Variable(at, own, spec_of(proto.shape, proto.dtype), proto.trainable, path)

    def _children(self, at: int) -> Iterator[tuple[str, int]]:
        """Yield the children of an object that exist, with their names."""
        for child in self._nodes[at].children if 0 <= at < len(self._nodes) else ():
            if 0 <= child.node_id < len(self._nodes):
                yield child.local_name, child.node_id

    def _paths(self, skipped: Iterable[str]) -> dict[int, tuple[str, ...]]:
        """Return the shortest path of each object from the root."""
        left_out = frozenset(skipped)
        found: dict[int, tuple[str, ...]] = {0: ()}
        waiting = [0]
        for at in waiting:
            for name, child in self._children(at):
                if child not in found and name not in left_out and len(found[at]) < DEEPEST_SCOPE:
                    found[child] = (*found[at], name)
                    waiting.append(child)
        return found

    def _reached(self, roots: Iterable[int]) -> list[int]:
        found = dict.fromkeys(roots)
        waiting = list(found)
        for at in waiting:
            for _, child in self._children(at):
                if child not in found:
                    found[child] = None
                    waiting.append(child)
        return list(found)

    def _concrete(self, at: int) -> Iterator[tuple[str, str]]:
        for name, child in self._children(at):
            node = self._nodes[child]
            if node.WhichOneof("kind") == "bare_concrete_function":
                yield name, node.bare_concrete_function.concrete_function_name
            else:
                yield from self._traces(name, child)

    def _traces(self, name: str, at: int) -> Iterator[tuple[str, str]]:
        for concrete in self._nodes[at].function.concrete_functions:
            yield name, concrete


def variables_of_nodes(meta_graph: Any) -> tuple[dict[str, Variable], OptimizerState | None]:
    """Return the variables of a model of TensorFlow 1, and its optimizer's state: variables named below others.

    What may be trained is in the collection of that name.
    """
    trained = set(_collection(meta_graph.collection_def, "trainable_variables"))
    found: dict[str, Variable] = {}
    for node in meta_graph.graph_def.node:
        if node.op in HANDLES:
            path = tuple(filter(None, node.name.split("/")))
            spec = spec_of(node.attr["shape"].shape, node.attr["dtype"].type)
            found[node.name] = Variable(node.name, path, spec, not trained or node.name in trained, (node.name,))
    slots = {name for name in found if name.rpartition("/")[0] in found}
    state = [found.pop(name).stored for name in slots]
    if not state:
        return found, None
    name = label(next(iter(sorted(slots))).rpartition("/")[2])
    return found, OptimizerState(name, sum(s.size for s in state), sum(s.bytes or 0 for s in state))


def _collection(collections: Mapping[str, Any], name: str) -> Iterator[str]:
    from google.protobuf.message import DecodeError
    from tensorflow.core.framework.variable_pb2 import VariableDef

    for written in collections[name].bytes_list.value if name in collections else ():
        try:
            yield decoded(VariableDef.FromString(written).variable_name).partition(":")[0]
        except DecodeError:
            continue
