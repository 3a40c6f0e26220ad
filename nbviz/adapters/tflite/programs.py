"""The subgraphs of a TFLite model as programs: operators with their weights, constants and settings."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import final

from nbviz.adapters.dataflow.program import Body, Entrance, Operation, Program, Tensor
from nbviz.adapters.dataflow.rows import FRACTIONS, Key
from nbviz.adapters.dataflow.scopes import of_names
from nbviz.adapters.files.values import Values
from nbviz.adapters.text import decoded, label
from nbviz.adapters.tflite import operators, tensors
from nbviz.adapters.tflite.compute import is_known, rule_of
from nbviz.adapters.tflite.flat import Table
from nbviz.adapters.tflite.model import Model, Subgraph
from nbviz.adapters.tflite.naming import name_of
from nbviz.graph import ParameterKind, Setting, TensorSpec
from nbviz.records import Stored

Readers = Mapping[int, Sequence[tuple[str, int]]]
"""The operators that take each tensor, and as which of their inputs."""


@final
class Programs:
    """Gives the subgraphs of a model as programs.

    Parameters
    ----------
    model
        The model.
    path
        Where the values of weights are read again.

    Attributes
    ----------
    stored, values
        The weights of all programs so far, and where their values are.
    short
        Names of tensors that do not hold as much as they say.
    unpacked
        Which operators only unpack weights, by subgraph and number.
    """

    def __init__(self, model: Model, path: Path) -> None:
        self.stored: dict[Key, Stored] = {}
        self.values: dict[Key, Values | str] = {}
        self.short: dict[str, None] = {}
        self.unpacked: set[tuple[int, int]] = set()
        self._model = model
        self._path = path
        self._opened: set[int] = set()

    def entrances(self) -> list[Entrance]:
        """Return the programs that the model offers: those of its signatures, or its first subgraph."""
        found: dict[int, tuple[str, Table | None]] = {}
        for signature in self._model.root.tables("signature_defs"):
            at = self._model.index(signature.number("subgraph_index"))
            found.setdefault(at, (label(signature.text("signature_key")), signature))
        if not found or 0 not in found:
            found = {0: (self._model.subgraphs[0].name or "main", None), **found}
        return [
            Entrance(name, at, self._named(self.program(at, ()), signature)) for at, (name, signature) in found.items()
        ]

    def _named(self, program: Program, signature: Table | None) -> Program:
        """Give the tensors that enter and leave a program the names that its signature has for them."""
        entries = [] if signature is None else [*signature.tables("inputs"), *signature.tables("outputs")]
        for entry in entries:
            tensor = program.tensors.get(str(entry.number("tensor_index")))
            if tensor is not None:
                tensor.spec = replace(tensor.spec, name=label(entry.text("name")))
        return program

    def program(self, key: Hashable, _given: Sequence[Tensor | None]) -> Program:
        """Return one subgraph as a program."""
        at = self._model.index(key)
        graph, readers = self._model.subgraphs[at], self._readers(at)
        self._opened.add(at)
        made = {i for outputs in graph.made for i in outputs}
        program = Program(inputs=list(map(str, graph.inputs)), outputs=[str(i) for i in graph.outputs if i >= 0])
        for i in dict.fromkeys([*graph.inputs, *(i for taken in graph.taken for i in taken), *made, *graph.outputs]):
            if i >= 0:
                program.tensors[str(i)] = self._tensor(at, i, readers, inner=i in made or i in graph.inputs)
        program.stored = self.stored
        program.operations = list(self._operations(at, program))
        return program

    def unopened(self) -> list[str]:
        """Return the names of the subgraphs that nothing has opened, whose weights are known from now on too."""
        graphs = self._model.subgraphs
        rest = [at for at in range(len(graphs)) if at not in self._opened]
        for at in rest:
            self.program(at, ())
        return [graphs[at].name or f"subgraph {at}" for at in rest]

    def _readers(self, at: int) -> Readers:
        graph, found = self._model.subgraphs[at], dict[int, list[tuple[str, int]]]()
        for operator, taken in zip(graph.operators, graph.taken, strict=True):
            op = self._model.code(operator.number("opcode_index"))[0]
            for position, i in enumerate(taken):
                found.setdefault(i, []).append((op, position))
        return found

    def _tensor(self, at: int, i: int, readers: Readers, *, inner: bool) -> Tensor:
        """Return a tensor; its values are those of its buffer, unless an operator makes them or the caller gives them."""
        table = self._model.subgraphs[at].tensors[i]
        spec = tensors.spec_of(table)
        place = None if inner and not table.number("is_variable") else self._model.place(at, i, table)
        if place is None:
            return Tensor(spec)
        kind = _kind(table, spec, readers.get(i, ()))
        if kind is None:
            return Tensor(spec, constant=tensors.constant(self._model.flat, table, spec, place))
        if place.key not in self.stored:
            self.stored[place.key] = tensors.stored(table, spec, place, kind)
            self.values[place.key] = tensors.values(self._path, table, spec, place)
            if tensors.is_short(table, spec, place):
                self.short[spec.name] = None
        return Tensor(spec, weight=place.key)

    # Operators

    def _operations(self, at: int, program: Program) -> Iterator[Operation]:
        graph = self._model.subgraphs[at]
        origins: dict[int, list[int]] = {}
        for number, (operator, taken, made) in enumerate(zip(graph.operators, graph.taken, graph.made, strict=True)):
            op = self._model.code(operator.number("opcode_index"))[0]
            if op in operators.UNPACKS and len(taken) == len(made) == 1 and _unpack(program, taken[0], made[0]):
                origins[made[0]] = [*origins.get(taken[0], []), taken[0]]
                self.unpacked.add((at, number))
            else:
                yield self._operation(graph, number, program, origins)

    def _operation(
        self, graph: Subgraph, number: int, program: Program, origins: Mapping[int, Sequence[int]]
    ) -> Operation:
        operator, taken, made = graph.operators[number], graph.taken[number], graph.made[number]
        op, module, version = self._model.code(operator.number("opcode_index"))
        inputs = [str(i) if i >= 0 else "" for i in taken]
        outputs = [str(i) if i >= 0 else "" for i in made]
        options = operators.options_of(operator)
        given = [program.tensors.get(name) for name in inputs]
        full_name = name_of(
            [decoded(graph.tensors[i].text("name")) for i in made if i >= 0],
            [tensor.spec.name for tensor in given if tensor is not None and tensor.weight is not None],
        )
        scopes, _, own = full_name.rpartition("/")
        names = operators.input_names(op)
        is_builtin = module == "tflite"
        told = [
            *_without_bodies(op, options),
            *_weights_as(graph, taken, names, given, origins),
            *_made_as(graph, made),
        ]
        _, custom = operator.extent("custom_options")
        if custom:
            told.append(("custom_options", f"{custom:,} bytes"))
        return Operation(
            op if op != "STABLEHLO_COMPOSITE" else label(str(options.get("name") or op)),
            module,
            label(own),
            full_name,
            inputs,
            outputs,
            of_names(tuple(filter(None, scopes.split("/")))),
            (("version", version), *told) if version > 1 else tuple(told),
            names,
            _bodies(op, options, inputs),
            op in operators.CALLS,
            op in operators.LOOPS,
            rule_of(op, options) if is_builtin else None,
            operators.batch_of(op, options, given),
            is_builtin and " " not in op and is_known(op),
        )


def _unpack(program: Program, taken: int, made: int) -> bool:
    """Let what an operator makes of a weight stand for that weight, if it takes one."""
    weight, result = program.tensors.get(str(taken)), program.tensors.get(str(made))
    if weight is None or weight.weight is None or result is None:
        return False
    result.weight = weight.weight
    return True


def _weights_as(
    graph: Subgraph,
    taken: Sequence[int],
    names: Sequence[str],
    given: Sequence[Tensor | None],
    origins: Mapping[int, Sequence[int]],
) -> Iterator[tuple[str, Setting]]:
    """Yield how the weights that an operator takes are stored."""
    for at, (i, tensor) in enumerate(zip(taken, given, strict=True)):
        if tensor is None or tensor.weight is None:
            continue
        name = names[at] if at < len(names) else f"input {at}"
        packed = [graph.tensors[origin] for origin in origins.get(i, ())]
        table = packed[0] if packed else graph.tensors[i]
        if tensors.quantization(table):
            yield f"{name}_quantization", tensors.quantization(table)
        told = [tensors.sparsity(table), str(tensors.dtype_of(table)) if packed else ""]
        if any(told):
            yield f"{name}_storage", " ".join(filter(None, told))


def _made_as(graph: Subgraph, made: Sequence[int]) -> Iterator[tuple[str, Setting]]:
    """Yield how numbers that an operator makes stand for others."""
    for at, i in enumerate(made):
        told = tensors.quantization(graph.tensors[i]) if i >= 0 else ""
        if told:
            yield ("output_quantization" if len(made) == 1 else f"output_{at}_quantization"), told


def _kind(table: Table, spec: TensorSpec, readers: Sequence[tuple[str, int]]) -> ParameterKind | None:
    """Return what a tensor with values is to the model: numbers that it has learnt, a table or a state, or an argument."""
    if table.number("is_variable"):
        return "buffer"
    if readers and all(operators.is_argument(op, at) for op, at in readers):
        return None
    fraction = bool(spec.dtype) and str(spec.dtype).startswith(FRACTIONS)
    computed = any(operators.computes(op, at) for op, at in readers)
    if spec.shape and (fraction or computed or table.has("sparsity") or tensors.is_quantized(table)):
        return "weight"
    size = None if spec.shape is None else spec.shape.size()
    return "buffer" if size is not None and size > tensors.SHOWN else None


def _bodies(op: str, options: Mapping[str, Setting], inputs: Sequence[str]) -> list[Body]:
    """Return the subgraphs inside an operator."""
    first, fields = operators.BODIES.get(op, (0, {}))
    found: list[tuple[str, Setting]] = []
    for field, name in fields.items():
        option = options.get(field)
        found += [(f"{name}_{i}", at) for i, at in enumerate(option)] if isinstance(option, tuple) else [(name, option)]
    return [Body(name, at, inputs[first:]) for name, at in found if isinstance(at, int)]


def _without_bodies(op: str, options: Mapping[str, Setting]) -> list[tuple[str, Setting]]:
    _, fields = operators.BODIES.get(op, (0, {}))
    return [(name, value) for name, value in options.items() if name not in fields]
