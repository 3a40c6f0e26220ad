"""A TFLite model as programs: each subgraph with its operators, weights and constants."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import final

from nbviz.adapters.checkpoints.values import Values
from nbviz.adapters.dataflow.program import Body, Entrance, Operation, Program, Tensor
from nbviz.adapters.dataflow.rows import Key
from nbviz.adapters.dataflow.scopes import of_names
from nbviz.adapters.text import decoded, label
from nbviz.adapters.tflite import operators, tensors
from nbviz.adapters.tflite.compute import rule_of
from nbviz.adapters.tflite.flat import Flat, Table
from nbviz.adapters.tflite.naming import name_of
from nbviz.adapters.tflite.tensors import Place
from nbviz.builder import Stored
from nbviz.graph import ParameterKind, Setting, TensorSpec

_FRACTIONS = ("float", "bfloat", "complex")

Readers = Mapping[int, Sequence[tuple[str, int]]]
"""The operators that take each tensor, and as which of their inputs."""


@final
class Subgraph:
    """The tables of one subgraph, taken out once.

    Parameters
    ----------
    table
        The subgraph.
    """

    def __init__(self, table: Table) -> None:
        self.name = label(table.text("name"))
        self.tensors = table.tables("tensors")
        self.operators = table.tables("operators")
        self.inputs = [self.index(i) for i in table.numbers("inputs")]
        self.outputs = [self.index(i) for i in table.numbers("outputs")]
        self.taken = [[self.index(i) for i in operator.numbers("inputs")] for operator in self.operators]
        self.made = [[self.index(i) for i in operator.numbers("outputs")] for operator in self.operators]

    def index(self, i: int) -> int:
        """Return the number of a tensor, -1 for one that is left out."""
        if not -1 <= i < len(self.tensors):
            raise ValueError(f"it refers to tensor {i:,} of {len(self.tensors):,}")
        return i


@final
class Model:
    """A TFLite model.

    Parameters
    ----------
    flat
        The bytes of the file.
    path
        Where the values of weights are read again.

    Attributes
    ----------
    root
        The outermost table.
    stored, values
        The weights of all programs so far, and where their values are.
    short
        Names of tensors that do not hold as much as they say.
    """

    def __init__(self, flat: Flat, path: Path) -> None:
        self.root = flat.root("Model")
        self.stored: dict[Key, Stored] = {}
        self.values: dict[Key, Values | str] = {}
        self.short: dict[str, None] = {}
        self._flat = flat
        self._path = path
        self._codes = self.root.tables("operator_codes")
        self._buffers = self.root.tables("buffers")
        self.subgraphs = [Subgraph(table) for table in self.root.tables("subgraphs")]
        self._opened: set[int] = set()
        if not self.subgraphs:
            raise ValueError("there is no subgraph in it")

    # Programs

    def entrances(self) -> list[Entrance]:
        """Return the programs that the model offers: those of its signatures, or its first subgraph."""
        found: dict[int, tuple[str, Table | None]] = {}
        for signature in self.root.tables("signature_defs"):
            at = self._subgraph(signature.number("subgraph_index"))
            found.setdefault(at, (label(signature.text("signature_key")), signature))
        if not found or 0 not in found:
            found = {0: (self.subgraphs[0].name or "main", None), **found}
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
        at = self._subgraph(key)
        graph, readers = self.subgraphs[at], self._readers(at)
        self._opened.add(at)
        made = {i for outputs in graph.made for i in outputs}
        program = Program(inputs=list(map(str, graph.inputs)), outputs=[str(i) for i in graph.outputs if i >= 0])
        for i in dict.fromkeys([*graph.inputs, *(i for taken in graph.taken for i in taken), *made, *graph.outputs]):
            if i >= 0:
                program.tensors[str(i)] = self._tensor(at, i, readers, inner=i in made or i in graph.inputs)
        program.stored = self.stored
        program.operations = list(self._operations(graph, program))
        return program

    def unopened(self) -> list[str]:
        """Return the names of the subgraphs that nothing has opened, whose weights are known from now on too."""
        rest = [at for at in range(len(self.subgraphs)) if at not in self._opened]
        for at in rest:
            self.program(at, ())
        return [self.subgraphs[at].name or f"subgraph {at}" for at in rest]

    def _subgraph(self, at: Hashable) -> int:
        if not isinstance(at, int) or not 0 <= at < len(self.subgraphs):
            raise ValueError(f"it refers to subgraph {at} of {len(self.subgraphs):,}")
        return at

    def _readers(self, at: int) -> Readers:
        graph, found = self.subgraphs[at], dict[int, list[tuple[str, int]]]()
        for operator, taken in zip(graph.operators, graph.taken, strict=True):
            op = self.code(operator.number("opcode_index"))[0]
            for position, i in enumerate(taken):
                found.setdefault(i, []).append((op, position))
        return found

    # Tensors

    def _tensor(self, at: int, i: int, readers: Readers, *, inner: bool) -> Tensor:
        """Return a tensor; its values are those of its buffer, unless an operator makes them or the caller gives them."""
        table = self.subgraphs[at].tensors[i]
        spec = tensors.spec_of(table)
        place = None if inner and not table.number("is_variable") else self._place(at, i, table)
        if place is None:
            return Tensor(spec)
        kind = _kind(table, spec, readers.get(i, ()))
        if kind is None:
            return Tensor(spec, constant=tensors.constant(self._flat, table, spec, place))
        if place.key not in self.stored:
            self.stored[place.key] = tensors.stored(table, spec, place, kind)
            self.values[place.key] = tensors.values(self._path, table, spec, place)
            if tensors.is_short(table, spec, place):
                self.short[spec.name] = None
        return Tensor(spec, weight=place.key)

    def _place(self, at: int, i: int, table: Table) -> Place | None:
        """Return where the values of a tensor are, None if it has none."""
        number = table.number("buffer")
        if number >= max(len(self._buffers), 1):
            raise ValueError(f"it refers to buffer {number:,} of {len(self._buffers):,}")
        if table.number("external_buffer"):
            return Place(("external", table.number("external_buffer")), None, None)
        begin, count = self._buffer(number)
        if count and not table.number("is_variable"):
            return Place(("buffer", number), begin, count)
        if table.number("is_variable") or 0 in table.numbers("shape", 8):
            return Place((f"state of {at}", i), None, None)
        return None

    def _buffer(self, number: int) -> tuple[int, int]:
        """Return where the bytes of a buffer are, which a large model has behind the tables."""
        if not number:  # the first is empty in every file
            return 0, 0
        buffer = self._buffers[number]
        begin, count = buffer.extent("data")
        if count:
            return begin, count
        begin, count = buffer.number("offset"), buffer.number("size")
        if begin <= 1 or not count:  # 1 stands for an offset that is not known yet
            return 0, 0
        if begin + count > self._flat.size:
            raise ValueError(
                f"it ends early: buffer {number:,} reaches to {begin + count:,} of {self._flat.size:,} bytes"
            )
        return begin, count

    def buffer(self, number: int, most: int) -> bytes:
        """Return the beginning of a buffer that holds no tensor."""
        if not 0 <= number < len(self._buffers):
            return b""
        begin, count = self._buffer(number)
        return bytes(self._flat.data[begin : begin + min(count, most)])

    def buffer_size(self, number: int) -> int:
        """Return how many bytes a buffer holds."""
        return self._buffer(number)[1] if 0 <= number < len(self._buffers) else 0

    # Operators

    def code(self, number: int) -> tuple[str, str, int]:
        """Return what an operator does, the set of operators that it belongs to, and its version."""
        if not 0 <= number < len(self._codes):
            raise ValueError(f"it refers to operator code {number:,} of {len(self._codes):,}")
        code = self._codes[number]
        # the field was one byte wide until there were more than 127 operators
        name = code.meaning("builtin_code", max(code.number("deprecated_builtin_code"), code.number("builtin_code")))
        version = code.number("version")
        if name == "CUSTOM":
            return label(code.text("custom_code")) or "CUSTOM", "custom", version
        return name, "tflite", version

    def _operations(self, graph: Subgraph, program: Program) -> Iterator[Operation]:
        for operator, taken, made in zip(graph.operators, graph.taken, graph.made, strict=True):
            yield self._operation(operator, taken, made, graph, program)

    def _operation(
        self, operator: Table, taken: list[int], made: list[int], graph: Subgraph, program: Program
    ) -> Operation:
        op, module, version = self.code(operator.number("opcode_index"))
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
        told = [*_without_bodies(op, options), *self._stored_as(graph, taken, made, names, given)]
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
            is_builtin and " " not in op,
        )

    def _stored_as(
        self, graph: Subgraph, taken: list[int], made: list[int], names: Sequence[str], given: Sequence[Tensor | None]
    ) -> Iterator[tuple[str, Setting]]:
        """Yield how the weights of an operator, and what it makes, stand for other numbers."""
        for at, (i, tensor) in enumerate(zip(taken, given, strict=True)):
            if tensor is not None and tensor.weight is not None:
                name = names[at] if at < len(names) else f"input {at}"
                for what, told in (
                    ("quantization", tensors.quantization(graph.tensors[i])),
                    ("storage", tensors.sparsity(graph.tensors[i])),
                ):
                    if told:
                        yield f"{name}_{what}", told
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
    fraction = bool(spec.dtype) and str(spec.dtype).startswith(_FRACTIONS)
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
