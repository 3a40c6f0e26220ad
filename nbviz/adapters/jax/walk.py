"""Writes a jaxpr into a model graph: what happens in a module's scope is a call of the module.

A module of a library in which no other module is called is one call, like one of JAX's own functions; a user's module and
everything that runs a jaxpr is a frame with its operations inside.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, final

from nbviz.adapters.jax.arrays import spec
from nbviz.adapters.jax.casts import without_casts
from nbviz.adapters.jax.compute import Times, of_equation, repeated, uncounted
from nbviz.adapters.jax.jaxprs import (
    Inner,
    inner_of,
    is_jitted,
    is_literal,
    name_of,
    settings_of,
    source_of,
    written_by_jax,
)
from nbviz.adapters.jax.kept import keep_parameters
from nbviz.adapters.jax.nesting import AGAIN, Frame, Written, equations_in, is_backward, is_copy, is_einsum, nested
from nbviz.adapters.jax.parts import Parts
from nbviz.adapters.jax.program import Program, held_in
from nbviz.adapters.jax.recorder import ModuleCall
from nbviz.adapters.jax.values import Environment, Value, entering, is_dropped, unique, written_by
from nbviz.adapters.text import short
from nbviz.builder import GraphBuilder, escape, join
from nbviz.graph import CallKind
from nbviz.records import CallRecord, Port


@final
@dataclass(frozen=True)
class _Kind:
    """What a frame is: the name of the operation, the path of the layer if it is one, and the call of its module."""

    op: str
    path: str | None = None
    call: ModuleCall | None = None

    @property
    def kind(self) -> CallKind:
        return "operation" if self.path is None else "layer"


@final
class Walk:
    """Walks a traced model once.

    Parameters
    ----------
    builder
        Takes the calls.
    program
        What is read.
    """

    def __init__(self, builder: GraphBuilder, program: Program) -> None:
        self.builder = builder
        self.records: dict[str, CallRecord] = {}
        self._program = program
        self._env = Environment()
        self._held = held_in(builder)
        self._times: Times = ()
        self._backward = False  # in what computes gradients, where scopes do not say so themselves
        self._quiet = {scope for scope, call in program.calls.items() if program.is_step(call.type)}
        self._loop = ""  # the outermost that runs nobody knows how often
        self._uncounted: dict[str, None] = {}
        self._parts = Parts(
            {builder.layer(part).path: part for part in program.parts},
            [key for _, key in program.inputs if isinstance(key, tuple)],
            self._env.key_of,
        )

    def run(self) -> None:
        """Write the whole program."""
        jaxpr = self._program.jaxpr.jaxpr
        root = self.builder.begin("layer", self.builder.name, None, layer="")
        entered = self._enter(jaxpr, root)
        root.inputs = tuple(value.spec for value in entered)
        self._constants(jaxpr, self._program.jaxpr.consts)
        self._items(nested(jaxpr.eqns, self._quiet), root.id, jaxpr.outvars)
        outputs: list[Port] = []
        for name, variable in zip(self._program.outputs, jaxpr.outvars, strict=False):
            value = self._env.of(variable) or Value(spec(variable.aval))
            _, reads = self._ports([value], root.id)
            known = replace(value.spec, name=name)
            exit_ = self.builder.begin("output", "output", root.id, [(value, known)])
            exit_.reads = reads
            outputs.append((value, known))
        self.builder.end(root, outputs)
        if self._uncounted:
            names = short(", ".join(self._uncounted))
            self.builder.note(f"MACs of {names} are missing: how much is computed, or how often, is unknown.")

    def _enter(self, jaxpr: Any, root: CallRecord) -> list[Value]:
        entered = []
        for variable, (name, key) in zip(jaxpr.invars, self._program.inputs, strict=True):
            value = self._env.put(variable, Value(spec(variable.aval, name), key))
            if key is None and name:
                self.builder.end(self.builder.begin("input", "input", root.id), [(value, value.spec)])
                entered.append(value)
        return entered

    def _constants(self, jaxpr: Any, constants: Iterable[Any]) -> None:
        for variable, constant in zip(jaxpr.constvars, constants, strict=False):
            self._env.put(variable, Value(spec(variable.aval), self._program.constants.key_of(constant)))

    def path_of(self, call: ModuleCall, reads: set[Hashable], around: str) -> str | None:
        """Return the path of the layer that a call is of.

        Of several alike, it is the first of which the call reads all that it holds, else anything: weights may be another's too.
        Where there is none, it is the first inside the layer ``around``.
        """
        paths = [path for key in self._program.layers(call) if (path := self.builder.path_of(key)) is not None]
        if len(paths) < 2:
            return next(iter(paths), None)
        whole = (path for path in paths if (held := self._held[path]) and held <= reads)
        partly = (path for path in paths if reads & self._held[path])
        inside = (path for path in paths if path.startswith(join(around, "")))
        return next(itertools.chain(whole, partly, inside, paths))

    def origins(self, call: ModuleCall) -> tuple[tuple[int, int] | None, ...]:
        """Return which call and output each input of a call comes from."""
        values = [None if variable is None else self._env.of(variable) for variable in call.variables]
        return tuple(self.builder.origin(value) for value in values)

    # Items

    def _items(self, items: list[Any], parent: int, results: Iterable[Any]) -> None:
        """Write items in order; ``results`` are the variables that are used behind them."""
        if not self._backward:
            items = without_casts(items, self._env, lambda frame: self._is_call(frame, parent))
            items = self._parts.grouped(items, self._around(parent))
        later = {v for v in results if not is_literal(v)}
        wanted = []  # of what each item makes: all that is used behind it grows with the program, for every item again
        for item in reversed(items):
            equations = list(equations_in([item]))
            wanted.append({v for e in equations for v in e.outvars if v in later})
            later.update(v for e in equations for v in e.invars if not is_literal(v))
        for item, used in zip(items, reversed(wanted), strict=True):
            self._item(item, parent, used)

    def _item(self, item: Any, parent: int, wanted: set[Any]) -> None:
        if isinstance(item, Frame):
            self._frame(item, parent, wanted)
        elif isinstance(item, Written):
            self._step(_Kind(item.name), item.equations, parent, wanted)
        elif not inner_of(item) or written_by_jax(item):
            record = self._step(_Kind(name_of(item)), [item], parent, set(item.outvars))
            record.settings = settings_of(item)
        else:
            self._region(item, parent, wanted)

    def _step(self, kind: _Kind, equations: list[Any], parent: int, wanted: set[Any]) -> CallRecord:
        """Record equations as one call in which there are no others."""
        ports, reads = self._ports(unique(self._env.all_of(entering(equations))), parent)
        source = kind.call.source if kind.call is not None else source_of(equations[0])
        record = self.builder.begin(kind.kind, kind.op, parent, ports, layer=kind.path, source=source)
        record.reads = reads
        for equation in equations:
            for variable in equation.outvars:
                self._env.new(variable)
        written = written_by(equations)
        for variable in written:
            self._env.new(variable)
        counted = [of_equation(equation) for equation in equations]
        known = [one for found in counted for one in found or ()]
        record.compute = None if None in counted else repeated(tuple(known), self._times)
        if record.compute is None:
            self._uncounted.update(dict.fromkeys(uncounted(equations) or [self._loop]))
        self._end(record, [*self._leaving(kind, equations, wanted), *written])
        return record

    def _leaving(self, kind: _Kind, equations: list[Any], wanted: set[Any]) -> list[Any]:
        """Return the variables that a call gives: what its module returned, and what else is used behind it, unless a parameter."""
        made = [v for equation in equations for v in equation.outvars if not is_dropped(v)]
        leaving = [v for v in made if v in wanted]
        results = kind.call.results if kind.call is not None else ()
        order = {variable: i for i, variable in enumerate(results) if not is_literal(variable)}
        leaving.sort(key=lambda v: order.get(v, len(order)))
        returned = set(order).intersection(leaving) or set(leaving)  # a jitted function under vmap has other variables
        keep_parameters([v for v in leaving if v not in returned], equations, self._env, self.builder)
        given = [v for v in leaving if (value := self._env.of(v)) is not None and value.key is None]
        return given or [v for v in equations[-1].outvars if not is_dropped(v)]

    def _end(self, record: CallRecord, variables: Iterable[Any]) -> None:
        values = unique(self._env.all_of(variables))
        self.builder.end(record, [(v, v.spec) for v in values if v.key is None or self.builder.knows(v)])

    def _ports(self, values: Iterable[Value], parent: int) -> tuple[list[Port], tuple[Hashable, ...]]:
        """Return tensors as ports and parameters as keys; a constant stands where it is first used."""
        ports: list[Port] = []
        reads: dict[Hashable, None] = {}
        for value in values:
            if value.key is not None and not self.builder.knows(value):
                reads[value.key] = None
                continue
            if not self.builder.knows(value):
                self.builder.end(self.builder.begin("constant", "constant", parent), [(value, value.spec)])
            ports.append((value, value.spec))
        return ports, tuple(reads)

    def _known(self, variables: Iterable[Any]) -> list[Port]:
        """Return the tensors among variables that a call gave, as ports of a frame."""
        return [(v, v.spec) for v in unique(self._env.all_of(variables)) if self.builder.knows(v)]

    # Frames

    def _frame(self, frame: Frame, parent: int, wanted: set[Any]) -> None:
        """Record a scope as a call: of its module, of the layer of its name, or of neither."""
        equations = list(frame.equations())
        call = self._program.calls.get(frame.scope.name)
        if call is not None and call.is_trial:
            if any(variable in wanted for equation in equations for variable in equation.outvars):
                self._items(frame.items, parent, wanted)
            return
        if is_einsum(frame.scope.name):
            record = self._step(_Kind("einsum"), equations, parent, wanted)
            record.settings = (("subscripts", frame.scope.name),)
            return
        kind = self._kind(frame, equations, parent)
        if kind.path == "":  # what is read is itself called in a function around it
            record = self.builder.calls[parent]
            self._inside(kind, frame, record, wanted)
        elif self._is_step(kind, frame):
            record = self._step(kind, equations, parent, wanted)
        else:
            source = kind.call.source if kind.call is not None else ""
            ports = self._known(entering(equations))
            record = self.builder.begin(kind.kind, kind.op, parent, ports, layer=kind.path, source=source)
            with self._computing(gradients=self._backward and frame.scope.name != AGAIN):
                self._inside(kind, frame, record, wanted)
            self._end(record, [*self._leaving(kind, equations, wanted), *written_by(equations)])
        if kind.call is not None:
            self.records[kind.call.scope] = record

    def _kind(self, frame: Frame, equations: list[Any], parent: int) -> _Kind:
        if frame.layer is not None:
            layer = self.builder.layer(frame.layer)
            return _Kind(layer.type, layer.path)
        call = self._program.calls.get(frame.scope.name)
        reads = {v.key for v in self._env.all_of(entering(equations)) if v.key is not None}
        if call is not None:
            kind = _Kind(call.type.__name__, self.path_of(call, reads, self._around(parent)), call)
        else:
            around = self._around(parent)
            path = self._named(frame.scope.name, around, reads | self._parts.read(equations)) or self._part(
                frame, around
            )
            kind = _Kind(frame.scope.name, path)
        backward = (frame.scope.backward or self._backward) and frame.scope.name != AGAIN
        return _Kind(f"gradient of {kind.op}") if backward else kind

    def _is_call(self, frame: Frame, parent: int) -> bool:
        """Tell whether a scope is a call of a module, or of a layer."""
        equations = list(frame.equations())
        return frame.scope.name in self._program.calls or self._kind(frame, equations, parent).path is not None

    def _part(self, item: Any, around: str) -> str | None:
        """Return the layer inside the one around it all of whose parameters an item reads, and no others."""
        key = self._parts.called_by(item, around)
        return None if key is None else self.builder.path_of(key)

    def _named(self, name: str, around: str, reads: set[Hashable]) -> str | None:
        """Return the layer of a scope's name inside the one around it: a direct one, unless it reads others', or one that holds that."""
        direct = join(around, escape(name))
        if direct in self._held and (not reads or reads & self._held[direct]):
            return direct
        inside = (p for p in self._held if p and p.endswith(f"/{escape(name)}") and p.startswith(join(around, "")))
        return next((path for path in inside if reads and reads <= self._held[path]), None)

    def _around(self, parent: int | None) -> str:
        """Return the path of the layer that a call is in."""
        while parent is not None:
            call = self.builder.calls[parent]
            if call.layer is not None:
                return call.layer
            parent = call.parent
        return ""

    def _inside(self, kind: _Kind, frame: Frame, record: CallRecord, wanted: set[Any]) -> None:
        """Write what is in a frame. An equation of ours that copies what a module gives back as it is, is nothing."""
        items: list[Any] = []
        copies: list[Any] = []
        for item in frame.items:
            (copies if kind.call is not None and kind.call.passes and is_copy(item) else items).append(item)
        self._items(items, record.id, {*wanted, *(copy.invars[0] for copy in copies)})
        for copy in copies:
            given = self._env.of(copy.invars[0])
            self._env.put(copy.outvars[0], given or Value(spec(copy.outvars[0].aval)))

    def _is_step(self, kind: _Kind, frame: Frame) -> bool:
        """Tell whether a call is shown as one: of a library's own module in which no other module is called."""
        if kind.call is None:
            return False
        if kind.call.passes and all(map(is_copy, frame.items)):
            return True
        return self._program.is_step(kind.call.type) and not any(map(self._has_parts, frame.items))

    def _has_parts(self, item: Any) -> bool:
        """Tell whether a module is called in an item, or it is a loop or branches."""
        if isinstance(item, Frame):
            return not is_einsum(item.scope.name)
        if isinstance(item, Written) or written_by_jax(item):
            return False
        if item.primitive.name in {"scan", "while", "cond"}:
            return True
        return any(self._has_parts(part) for one in inner_of(item) for part in nested(one.jaxpr.eqns, self._quiet))

    # Jaxprs inside an equation

    def _region(self, equation: Any, parent: int, wanted: set[Any]) -> None:
        """Record an equation with what runs inside it: a loop, a branch, a jitted function."""
        inner, op = inner_of(equation), name_of(equation)
        ports = self._known(equation.invars)
        backward = self._backward or is_backward(equation)
        layer = self._part(equation, self._around(parent)) if is_jitted(equation) and not backward else None
        kind = _Kind(op, layer)
        record = self.builder.begin(kind.kind, op, parent, ports, layer=layer, source=source_of(equation))
        record.settings = settings_of(equation)
        written = written_by([equation])
        with self._computing(gradients=backward):
            ends = [self._body(one, record, written, several=len(inner) > 1) for one in inner]
        if equation.primitive.name == "cond":
            self._merge(equation, record, [*equation.outvars, *written], ends)
        else:  # what a loop gives, or stacks up, comes from what made it there
            for variable, end in zip([*equation.outvars, *written], ends[-1], strict=True):
                self._env.put(variable, self._moved(end, variable))
        given = [v for v in equation.outvars if not is_dropped(v)]
        self._end(record, [*([v for v in given if v in wanted] or given), *written])

    @contextmanager
    def _computing(self, *, gradients: bool) -> Iterator[None]:
        """Return a context in which scopes are those of gradients, or not."""
        around, self._backward = self._backward, gradients
        yield
        self._backward = around

    def _body(self, one: Inner, record: CallRecord, written: list[Any], *, several: bool) -> list[Value | None]:
        """Walk a jaxpr inside an equation, in a frame of its own if there are several; return what it gives and writes."""
        frame = record
        if several and one.jaxpr.eqns:
            frame = self.builder.begin("operation", one.name, record.id, self._known(one.operands))
        self._constants(one.jaxpr, one.constants)
        self._parts.enter(one.jaxpr.invars, one.operands)
        for variable, operand in zip(one.jaxpr.invars, one.operands, strict=True):
            self._env.put(variable, self._moved(self._env.of(operand), variable))
        around = self._times, self._loop
        if one.times is None or self._times is None:
            self._times, self._loop = None, self._loop or record.op
        else:
            self._times = (*self._times, *one.times)
        self._items(nested(one.jaxpr.eqns, self._quiet), frame.id, one.jaxpr.outvars)
        self._times, self._loop = around
        inside = zip(one.operands, one.jaxpr.invars, strict=True)
        seen = {operand: variable for operand, variable in inside if operand in written}
        if frame is not record:
            self._end(frame, [*one.jaxpr.outvars, *seen.values()])
        return [self._env.of(v) for v in (*one.jaxpr.outvars, *(seen.get(v, v) for v in written))]

    def _moved(self, value: Value | None, variable: Any) -> Value:
        """Return a value as it is seen on the other side of a border: a loop over an axis takes parts, and stacks them up."""
        seen = Value(spec(variable.aval), None if value is None else value.key)
        if value is None or value.spec.shape == seen.spec.shape:
            return value or seen
        self.builder.alias(seen, value)
        return seen

    def _merge(
        self, equation: Any, record: CallRecord, merged: list[Any], ends: Sequence[Sequence[Value | None]]
    ) -> None:
        """Record that the results are those of whichever branch ran."""
        branches = [end for branch in ends for end in branch if end is not None]
        ports, reads = self._ports(unique([*self._env.all_of(equation.invars[:1]), *branches]), record.id)
        merge = self.builder.begin("operation", "merge", record.id, ports)
        merge.reads = reads
        made = [self._env.new(variable) for variable in merged]
        self.builder.end(merge, [(v, v.spec) for v, o in zip(made, merged, strict=True) if not is_dropped(o)])
