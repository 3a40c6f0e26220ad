"""The functions of a SavedModel, and parts of its main graph, as programs."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, final

from nbviz.adapters.dataflow.contractions import unknown
from nbviz.adapters.dataflow.program import Body, Operation, Program, Rule, Tensor
from nbviz.adapters.dataflow.rows import FRACTIONS, Key
from nbviz.adapters.dataflow.scopes import of_names
from nbviz.adapters.savedmodel.compute import COMPUTES, batch_of, is_known, rule_of
from nbviz.adapters.savedmodel.nodes import Nodes, definition_of, input_names
from nbviz.adapters.savedmodel.objects import HANDLES, Variable
from nbviz.adapters.savedmodel.types import (
    SHOWN,
    constant,
    dtype_of,
    settings_of,
    shape_of,
    spec_of,
)
from nbviz.adapters.text import decoded, label
from nbviz.graph import TensorSpec, stored_bytes
from nbviz.records import Stored

_MOST = 2_000_000
"""Nodes that functions may unfold into."""

_CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall", "TPUPartitionedCall"})
_LOOPS = frozenset({"StatelessWhile", "While"})
_CHOICES = frozenset({"Case", "If", "StatelessCase", "StatelessIf"})
_SILENT = frozenset({"Const", "NoOp", "Placeholder", *HANDLES})
"""Nodes that are no step of what a model does."""

_BODIES = {"cond": "cond", "body": "body", "then_branch": "then", "else_branch": "else"}
_TRACED = re.compile(r"^__(?:inference|forward)_+|_\d+$")


@final
class Functions:
    """Gives the functions of a library as programs.

    Parameters
    ----------
    library
        The functions by name.
    handle
        Returns the variable that a node of the main graph stands for.

    Attributes
    ----------
    stored, paths
        The weights of all programs so far, and the scopes and names of each.
    doubled
        Names that several nodes have.
    """

    def __init__(self, library: Mapping[str, Any], handle: Callable[[str], Variable | None]) -> None:
        self.library = library
        self.stored: dict[Key, Stored] = {}
        self.paths: dict[Key, tuple[str, ...]] = {}
        self.doubled: dict[str, None] = {}
        self._handle = handle
        self._left = _MOST

    def variable(self, found: Variable) -> Tensor:
        """Return the tensor of a variable."""
        key = ("variable", found.key)
        self.stored.setdefault(key, found.stored)
        self.paths.setdefault(key, found.path)
        return Tensor(found.spec, weight=key)

    def program(self, key: Hashable, given: Sequence[Tensor | None]) -> Program:
        """Return a function as a program."""
        function = self.library.get(str(key))
        if function is None:
            raise ValueError(f"it calls the function {label(str(key))!r}, which does not exist")
        program = Program(stored=self.stored)
        for at, arg in enumerate(function.signature.input_arg):
            tensor = given[at] if at < len(given) else None
            program.tensors[f"{arg.name}:"] = _argument(function, at, tensor)
            program.inputs.append(f"{arg.name}:")
        arguments = [arg.name for arg in function.signature.input_arg]
        nodes = Nodes(function.node_def, arguments, self.library, program.tensors)
        self._fill(program, nodes, str(key))
        results = dict(function.ret)
        program.outputs = [nodes.source(results.get(arg.name, arg.name)) for arg in function.signature.output_arg]
        return program

    def graph(self, graph: Any, inputs: Iterable[tuple[str, Any]], outputs: Iterable[tuple[str, Any]]) -> Program:
        """Return the part of a main graph that makes some tensors of others, as a program."""
        program = Program(stored=self.stored)
        nodes = Nodes(graph.node, (), self.library, program.tensors)
        for name, info in inputs:
            reference = _main(info)
            program.tensors[reference] = Tensor(replace(spec_of(info.tensor_shape, info.dtype), name=label(name)))
            program.inputs.append(reference)
        wanted = [(name, _main(info)) for name, info in outputs]
        nodes.keep([reference for _, reference in wanted], program.inputs)
        self._fill(program, nodes, "")
        for name, reference in wanted:
            made = nodes.source(reference)
            if made in program.tensors:
                program.tensors[made].spec = replace(program.tensors[made].spec, name=label(name))
            program.outputs.append(made)
        return program

    def unwrapped(self, name: str) -> tuple[str, list[int] | None]:
        """Return the function that another only calls, and which of the other's arguments it is given, in their order."""
        order: list[int] | None = None
        for _ in range(8):
            function = self.library.get(name)
            work = [node for node in function.node_def if node.op not in {"Identity", "NoOp"}] if function else []
            if function is None or len(work) != 1 or work[0].op not in _CALLS or not _gives_all(function, work[0]):
                break
            arguments = {arg.name: at for at, arg in enumerate(function.signature.input_arg)}
            given = [text for text in work[0].input if not text.startswith("^")]
            if not all(text in arguments for text in given):
                break
            inner = [arguments[text] for text in given]
            order = inner if order is None else [order[at] for at in inner]
            name = str(work[0].attr["f"].func.name)
        return name, order

    # Nodes

    def _fill(self, program: Program, nodes: Nodes, where: str) -> None:
        self.doubled.update(dict.fromkeys(nodes.doubled))
        self._left -= len(nodes.by_name)
        if self._left < 0:
            raise ValueError("its functions call each other too often")
        for node in nodes.by_name.values():
            reference = f"{node.name}:0"
            if node.op in HANDLES:
                found = self._handle(node.name)
                program.tensors[reference] = (
                    Tensor(TensorSpec(None, "resource")) if found is None else self.variable(found)
                )
            elif node.op == "Placeholder" and reference not in program.tensors:
                program.tensors[reference] = Tensor(spec_of(node.attr["shape"].shape, node.attr["dtype"].type))
                program.inputs.append(reference)
        fed = _fed(nodes)
        for node in nodes.by_name.values():
            if node.op == "Const":
                program.tensors[f"{node.name}:0"] = self.constant(node, where, fed.get(f"{node.name}:0", ()))
        for node in nodes.by_name.values():
            if node.op not in _SILENT and not nodes.passes(node) and f"{node.name}:0" not in program.inputs:
                program.operations.append(self._operation(program, node, nodes))

    def constant(self, node: Any, where: str, readers: Collection[str]) -> Tensor:
        """Return what a node holds: a weight, if that are many fractions, or some that an operation computes with."""
        tensor = node.attr["value"].tensor
        spec = spec_of(tensor.tensor_shape, tensor.dtype)
        size = None if spec.shape is None else spec.shape.size()
        is_number = spec.dtype is not None and spec.dtype.startswith(FRACTIONS)
        if not spec.shape or not size or not is_number or (size <= SHOWN and COMPUTES.isdisjoint(readers)):
            return Tensor(spec, constant=constant(tensor))
        key = ("constant", where, node.name)
        self.paths[key] = tuple(filter(None, node.name.split("/")))
        taken = min(tensor.ByteSize(), stored_bytes(spec.dtype, size) or 0)  # one value may stand for many
        self.stored[key] = Stored(
            label(node.name), "weight", spec.shape, spec.dtype or "unknown", trainable=False, bytes=taken, size=size
        )
        return Tensor(spec, weight=key)

    def _operation(self, program: Program, node: Any, nodes: Nodes) -> Operation:
        inputs = nodes.inputs(node)
        given = [program.tensors.get(name) for name in inputs]
        specs = nodes.specs(node)
        outputs = [f"{node.name}:{at}" for at in range(len(specs))]
        for name, spec in zip(outputs, specs, strict=True):
            program.tensors[name] = Tensor(replace(spec, name=label(node.name)))
        path = tuple(filter(None, node.name.split("/")))
        scopes = path[:-1]
        if not scopes:  # a layer without a name is known by what it holds
            weight = next((tensor.weight for tensor in given if tensor is not None and tensor.weight is not None), None)
            scopes = self.paths.get(weight, ())[:-1]
        bodies, told = self._bodies(node, inputs), settings_of(node.attr)
        calls = node.op in _CALLS or node.op in self.library
        if calls and bodies:
            told = (("function", label(_TRACED.sub("", str(bodies[0].key)))), *told)
        return Operation(
            node.op,
            "tensorflow",
            label(path[-1] if path else node.op),
            node.name,
            inputs,
            outputs,
            of_names(scopes),
            told,
            input_names(node),
            bodies,
            calls,
            node.op in _LOOPS,
            _rule(node, nodes),
            batch_of(node.op, node.attr, given),
            bool(bodies) or (definition_of(node.op) is not None and is_known(node.op)),
        )

    def _bodies(self, node: Any, inputs: list[str]) -> list[Body]:
        """Return the functions inside a node; one that is missing is none, and leaves the node unknown."""
        if node.op in self.library:
            return [Body("function", node.op, inputs)]
        if node.op in _CALLS:
            found = [("function", node.attr["f"].func.name)] if "f" in node.attr else []
        elif node.op in _LOOPS or node.op in _CHOICES:
            found = [(name, node.attr[key].func.name) for key, name in _BODIES.items() if key in node.attr]
            several = node.attr["branches"].list.func if "branches" in node.attr else ()
            found += [(f"branch_{at}", function.name) for at, function in enumerate(several)]
        else:
            return []
        first = 1 if node.op in _CHOICES else 0
        return [Body(name, key, inputs[first:]) for name, key in found]


def _rule(node: Any, nodes: Nodes) -> Rule | None:
    """Return what tells the contractions of a node; how often the parts of loops and branches run depends on values."""
    found = rule_of(node.op, node.attr)
    return unknown if found is not None and node.name in nodes.inside else found


def _main(info: Any) -> str:
    """Return the tensor of a main graph that a signature names."""
    name, _, at = decoded(info.name).partition(":")
    return f"{name}:{at or 0}"


def _argument(function: Any, at: int, given: Tensor | None) -> Tensor:
    """Return the tensor of a function's argument, as the call gives it where that is a weight, or tells more."""
    arg = function.signature.input_arg[at]
    if given is not None and given.weight is not None:
        return Tensor(given.spec, weight=given.weight)
    attributes = function.arg_attr[at].attr if at in function.arg_attr else {}
    shapes = attributes["_output_shapes"].list.shape if "_output_shapes" in attributes else ()
    shape = shape_of(shapes[0]) if shapes else None
    if shape is None and given is not None:
        shape = given.spec.shape
    spec = TensorSpec(shape, dtype_of(arg.type), label(arg.name))
    return Tensor(spec, constant=None if given is None else given.constant)


def _gives_all(function: Any, call: Any) -> bool:
    """Tell whether the results of a function are those of its only call, in their order."""
    names, results = {node.name: node for node in function.node_def}, dict(function.ret)
    for at, arg in enumerate(function.signature.output_arg):
        reference = results.get(arg.name, "")
        node = names.get(reference.partition(":")[0])
        if node is not None and node.op == "Identity" and node.input:
            reference = node.input[0]
        if reference != f"{call.name}:output:{at}":
            return False
    return True


def _fed(nodes: Nodes) -> dict[str, set[str]]:
    """Return the operations that each tensor is taken by."""
    found: dict[str, set[str]] = {}
    for node in nodes.by_name.values():
        for reference in nodes.inputs(node):
            found.setdefault(reference, set()).add(node.op)
    return found
