"""The entry points of a SavedModel: the functions of its signatures, or the parts of its main graph that they name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, final

from nbviz.adapters.dataflow.program import Entrance, Tensor
from nbviz.adapters.savedmodel.functions import Functions
from nbviz.adapters.savedmodel.objects import Objects
from nbviz.adapters.text import label


@final
@dataclass(frozen=True, slots=True)
class _Offer:
    """A function that a signature names.

    Attributes
    ----------
    name
        The signature.
    function
        The function that does the work.
    given
        Its arguments, as far as the model gives them; None for an input.
    names
        What the signature calls its arguments.
    """

    name: str
    function: str
    given: list[Tensor | None]
    names: list[str]


def of_functions(meta_graph: Any, objects: Objects, functions: Functions) -> list[Entrance]:
    """Return the functions that a model of TensorFlow 2 offers; two names for the same function are one."""
    found: dict[Any, _Offer] = {}
    constants = {node.name: node for node in meta_graph.graph_def.node if node.op == "Const"}
    for name, function in objects.signatures().items():
        if function in functions.library:
            offer = _offer(name, function, objects, functions, constants)
            key = offer.function, tuple(objects.bound(function))
            if key not in found or name == "serving_default":
                found[key] = offer
    return [_entrance(offer, meta_graph, functions) for offer in found.values()]


def _taken(at: int, objects: Objects, functions: Functions, constants: Mapping[str, Any]) -> Tensor | None:
    """Return what an object is to a function that takes it, None for one that is no tensor."""
    variable = objects.variable(at)
    if variable is not None:
        return functions.variable(variable)
    node = constants.get(objects.constant(at))
    return None if node is None else functions.constant(node, "", ())


def _offer(name: str, function: str, objects: Objects, functions: Functions, constants: Mapping[str, Any]) -> _Offer:
    names = [arg.name for arg in functions.library[function].signature.input_arg]
    bound = objects.bound(function)[: len(names)]
    given: list[Tensor | None] = [None] * (len(names) - len(bound))
    given += [_taken(at, objects, functions, constants) for at in bound]
    inner, order = functions.unwrapped(function)
    if order is not None:
        given, names = [given[at] for at in order], [names[at] for at in order]
    return _Offer(name, inner, given, names)


def _entrance(offer: _Offer, meta_graph: Any, functions: Functions) -> Entrance:
    program = functions.program(offer.function, offer.given)
    entering = []
    for key, tensor, name in zip(program.inputs, offer.given, offer.names, strict=False):
        own = program.tensors[key]
        if tensor is None and own.spec.dtype == "resource":  # such as a table: the model has it, and no tensor is it
            own.constant = "resource"
        elif tensor is None:
            own.spec = replace(own.spec, name=label(name))
            entering.append(key)
    program.inputs = entering
    signatures = meta_graph.signature_def
    for key, info in sorted(signatures[offer.name].outputs.items()) if offer.name in signatures else ():
        at = info.name.rpartition(":")[2]
        if at.isdigit() and int(at) < len(program.outputs) and program.outputs[int(at)] in program.tensors:
            made = program.tensors[program.outputs[int(at)]]
            made.spec = replace(made.spec, name=label(key))
    return Entrance(offer.name, offer.function, program)


def of_graph(meta_graph: Any, functions: Functions) -> list[Entrance]:
    """Return the parts of the main graph that the signatures of a model of TensorFlow 1 name."""
    found: dict[Any, Entrance] = {}
    for name, signature in sorted(meta_graph.signature_def.items()):
        inputs, outputs = _dense(signature.inputs.items()), _dense(signature.outputs.items())
        key = tuple(info.name for _, info in inputs), tuple(info.name for _, info in outputs)
        if key not in found and any(
            info.dtype for _, info in outputs
        ):  # an operation without results prepares the model
            found[key] = Entrance(name, "", functions.graph(meta_graph.graph_def, inputs, outputs))
    return list(found.values())


def _dense(named: Iterable[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Return the tensors of a signature that are dense; the others have no name of their own."""
    return [
        (name, info) for name, info in sorted(named, key=lambda pair: pair[0]) if info.WhichOneof("encoding") == "name"
    ]
