"""Runs a Keras model on symbolic tensors, under hooks, and records every call with its shapes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any, Self

from nbviz.adapters.keras import functional, standins, wrappers
from nbviz.adapters.keras.calls import (
    all_variables,
    as_symbolic,
    caller,
    is_abstract,
    is_leaf,
    operation_name,
    operation_settings,
    sharper,
    unchanged,
)
from nbviz.adapters.keras.compute import Patterns, layer_compute, operation_compute, repeated
from nbviz.adapters.keras.kinds import functional_of, is_kind
from nbviz.adapters.keras.patches import hooked
from nbviz.adapters.keras.session import Memory, untouched
from nbviz.adapters.keras.tensors import (
    dims,
    flatten,
    fresh,
    is_array,
    is_symbolic,
    is_variable,
    map_tensors,
    port,
    spec,
    symbolic,
    symbolic_ports,
)
from nbviz.adapters.keras.text import is_automatic, plain, short, snake_case
from nbviz.adapters.keras.tree import add_one, child_name, children
from nbviz.builder import GraphBuilder
from nbviz.records import CallRecord
from nbviz.shape import Dim


class Trace:
    """One run of a model on symbolic tensors; the handler of the hooks in ``patches``.

    Keras is hooked and the session guarded only when the first layer has to be run: a Functional model of
    Keras's own layers is read from the graph that Keras keeps.

    Parameters
    ----------
    builder
        Takes what is recorded.
    layers
        The model's layers by identity; layers that the model makes while it runs are added.
    model
        The model.
    """

    def __init__(self, builder: GraphBuilder, layers: dict[int, Any], model: Any) -> None:
        self.builder = builder
        self.layers = layers
        self.model = model
        self.stack: list[CallRecord] = []
        self.level = 0
        self.lowering: Callable[[Any], Any] | None = None
        self._running: dict[int, Any] = {}
        self._quiet = 0
        self._steps: list[Dim] = []
        self._exit = ExitStack()
        self._memory: Memory | None = None
        self.culprit: tuple[BaseException, int] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self._exit.close()

    def start(self) -> None:
        """Guard the session and hook Keras, once."""
        if self._memory is None:
            self._memory = self._exit.enter_context(untouched(self.model))
            self._exit.enter_context(hooked(self))

    @contextmanager
    def quietly(self) -> Iterator[None]:
        """Let Keras do something that is not part of the model's own graph."""
        self._quiet += 1
        try:
            yield
        finally:
            self._quiet -= 1

    @contextmanager
    def repeating(self, steps: Dim) -> Iterator[None]:
        """Count the work of the calls inside ``steps`` times."""
        self._steps.append(steps)
        try:
            yield
        finally:
            self._steps.pop()

    def work(self, patterns: Patterns) -> Patterns:
        """Return the work of a call at this place of the trace."""
        for steps in self._steps:
            patterns = repeated(patterns, steps)
        return patterns

    @property
    def frame(self) -> int | None:
        """Id of the call that is running."""
        return self.stack[-1].id if self.stack else None

    # Frames

    def open(self, layer: Any, inputs: Any) -> CallRecord:
        """Begin a call of a layer."""
        path = self.builder.path_of(id(layer))
        if path is None:
            path = self._discover(layer)
        record = self.builder.begin(
            "layer", type(layer).__name__, self.frame, symbolic_ports(*inputs), layer=path, source=caller()
        )
        self.stack.append(record)
        self._running[record.id] = layer
        return record

    def close(self, layer: Any, record: CallRecord, outputs: Any, kwargs: dict[str, Any]) -> Any:
        """Finish a call of a layer and return its outputs, each a tensor of its own."""
        self.stack.pop()
        if not record.has_children:
            inputs = [s.shape.dims for s in record.inputs if s.shape is not None]
            outputs = map_tensors(lambda x: fresh(x) if is_symbolic(x) and self.builder.knows(x) else x, outputs)
            made = [dims(x) for x in flatten(outputs) if is_symbolic(x)]
            record.compute = self.work(layer_compute(layer, inputs, made, kwargs))
            record.reads = tuple(id(v) for v in all_variables(layer))
        else:
            self.connect(record, outputs)
        self.builder.end(record, symbolic_ports(outputs))
        for tensor in flatten(outputs):
            mask = getattr(tensor, "_keras_mask", None)
            if is_symbolic(mask) and not self.builder.knows(mask):
                self.builder.alias(mask, tensor)  # a mask travels with the tensor that it belongs to
        return outputs

    def opaque(self, record: CallRecord, layer: Any, outputs: Any, reason: str) -> Any:
        """Show a call as one box without an inside, and say why."""
        self.builder.cut(record)
        path = record.path
        self.builder.note(f"The contents of {path or 'the model'} are not shown: {short(reason, 400)}", path)
        self._add_inside(layer)
        record.compute = None
        record.reads = tuple(id(v) for v in all_variables(layer))
        record.failed = False
        if record.has_children:
            self.connect(record, outputs)
        self.builder.end(record, symbolic_ports(outputs))
        return outputs

    def _discover(self, layer: Any) -> str:
        """Add a layer that the model's code has made while running, below the layer that holds it."""
        if self._memory is not None:
            self._memory.note(layer)
        holders = [self._running[r.id] for r in reversed(self.stack) if r.id in self._running]
        for holder in holders:
            for child, segment, _ in children(holder):
                if child is layer:
                    return self._add_made(layer, holder, segment)
        name = child_name(layer)
        segment = snake_case(type(layer).__name__) if is_automatic(name, type(layer).__name__) else name
        return self._add_made(layer, holders[0] if holders else self.model, segment)

    def _add_made(self, layer: Any, holder: Any, segment: str) -> str:
        self.layers[id(layer)] = layer
        above = self.builder.layer(id(holder)).name
        name = f"{above}/{child_name(layer)}" if above else child_name(layer)
        # Without an accessor: after the trace the user's model does not have this layer.
        path = add_one(self.builder, layer, holder, segment=segment, accessor="", name=name)
        self._add_inside(layer)
        return path

    def _add_inside(self, layer: Any) -> None:
        """Add the layers that a layer has made and that are not there, or not any more: its own hold its parameters."""
        for inner, segment, _ in children(layer):
            if self.builder.path_of(id(inner)) is None:
                self._add_made(inner, layer, segment)

    # Hooks

    def recording(self) -> bool:
        """Tell whether calls are the model's own (see ``patches.Handler``)."""
        return self._quiet == 0

    def call_layer(self, layer: Any, original: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Record a call of a layer around Keras's own checks of its arguments."""
        if self._memory is not None:
            self._memory.note(layer)
        lower, self.lowering = self.lowering, None
        try:
            args, kwargs = self.lift(args), self.lift(kwargs)
            record = self.open(layer, (args, kwargs))
            try:
                if record.id == 0:
                    self.enter_root(layer, args, kwargs)
                outputs = self.lift(original(layer, *args, **kwargs))
            except Exception as error:
                self.blame(error, record)
                raise
            if record.id == 0:
                self.leave_root(record, outputs)
            outputs = self.close(layer, record, outputs, kwargs)
        finally:
            self.lowering = lower
        return outputs if lower is None else lower(outputs)

    def enter_root(self, model: Any, args: Any, kwargs: Any) -> None:
        """Record where the model's own inputs come in, unless input layers will do so."""
        if functional_of(model) is not None or is_leaf(model):
            return
        names = {id(x): str(key) for s in (kwargs, *args) if isinstance(s, dict) for key, x in s.items()}
        for tensor, known in symbolic_ports(args, kwargs):
            record = self.builder.begin("input", "input", 0)
            self.builder.end(record, [(tensor, replace(known, name=plain(names.get(id(tensor), ""))))])
        self.builder.mark(self.stack[0])

    def leave_root(self, record: CallRecord, outputs: Any) -> None:
        """Record where the model's outputs go out."""
        if not record.has_children:
            return
        self.connect(record, outputs)
        for made in symbolic_ports(outputs):
            self.builder.end(self.builder.begin("output", "output", 0, [made]), [])

    def connect(self, record: CallRecord, outputs: Any) -> None:
        """Let outputs that no recorded call has made come from code that cannot be seen into."""
        for tensor in flatten(outputs):
            if is_symbolic(tensor) and not self.builder.knows(tensor):
                self.untraced(tensor, record)

    def untraced(self, tensor: Any, around: CallRecord) -> None:
        """Record a tensor that comes out of code that cannot be seen into, from what nothing has used so far."""
        calls = self.builder.calls
        sources = self.builder.dangling(around)
        record = self.builder.begin("operation", "untraced", around.id)
        record.sources = tuple(sources) or around.sources
        record.inputs = tuple(calls[call].outputs[out] for call, out in sources) or around.inputs
        record.compute = None
        self.builder.end(record, [port(tensor)])

    def blame(self, error: BaseException, record: CallRecord) -> None:
        """Remember where an error came up first, and leave the call that it stops."""
        while self.stack and self.stack[-1].id >= record.id:
            self.stack.pop()
        if self.culprit is None or self.culprit[0] is not error:
            self.culprit = (error, record.id)

    def run_layer(self, layer: Any, args: Any, kwargs: Any) -> Any:
        """Find a layer's outputs from symbolic inputs; what happens inside is recorded."""
        inner = functional_of(layer)
        if inner is not None:
            return functional.expand(self, inner, args, kwargs, shown=inner is layer)
        recipe = wrappers.recipe_of(layer)
        if recipe is not None:
            return recipe(self, layer, args, kwargs)
        if is_leaf(layer):
            return self.infer(layer, args, kwargs)
        return standins.run(self, layer, args, kwargs)

    def infer(self, layer: Any, args: Any, kwargs: Any) -> Any:
        """Ask a layer of Keras's own for its outputs."""
        with self.quietly():
            outputs = layer.compute_output_spec(*args, **kwargs)
        return sharper(layer, args[0].shape, outputs) if args and is_symbolic(args[0]) else outputs

    def run_operation(self, operation: Any, original: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Record a bare operation."""
        if self.lowering is not None:
            return self._run_lowered(operation, original, args, kwargs)
        try:
            outputs = self._specs(operation, original, args, kwargs)
        except Exception as error:
            self.operation(operation, args, kwargs, [])
            self.culprit = (error, len(self.builder.calls) - 1)
            raise
        return self._recorded(operation, args, kwargs, outputs)

    def _specs(self, operation: Any, original: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        with self.quietly():
            return original(operation, *map_tensors(as_symbolic, args), **map_tensors(as_symbolic, kwargs))

    def _run_lowered(self, operation: Any, original: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Record an operation on the backend's abstract tensors, and give such a tensor back."""
        lower, self.lowering = self.lowering, None
        try:
            inputs, options = self.lift((list(args), dict(kwargs)))
            try:
                outputs = self._specs(operation, original, inputs, options)
            except Exception:  # noqa: BLE001 - code inside it needs the backend's own tensors
                with self.quietly():
                    return operation.call(*args, **kwargs)
            outputs = self._recorded(operation, inputs, options, outputs)
        finally:
            self.lowering = lower
        return outputs if lower is None else lower(outputs)

    def is_symbolic(self, value: Any) -> bool:
        """Tell whether an operation on this value is to be recorded although the value is no ``KerasTensor``."""
        return is_variable(value) or (self.lowering is not None and is_abstract(value))

    def _recorded(self, operation: Any, args: Any, kwargs: Any, outputs: Any) -> Any:
        if operation_name(operation) in ("convert_to_tensor", "cast") and unchanged(args[0], outputs):
            self.builder.alias(outputs, args[0])
            return outputs
        return self.operation(operation, args, kwargs, outputs)

    def assign(self, variable: Any, value: Any) -> Any:
        """Record that the model's code gives a variable a new value."""
        record = self.builder.begin("operation", "assign", self.frame, symbolic_ports(value), source=caller())
        record.reads = (id(variable),)
        return value

    def operation(self, operation: Any, args: Any, kwargs: Any, outputs: Any) -> Any:
        """Record a bare operation whose outputs are known."""
        leaves = flatten((list(args), dict(kwargs)))
        ports, constants = [], []
        for leaf in leaves:
            if is_array(leaf) and not self.builder.knows(leaf):
                constants.append(leaf)
            if is_symbolic(leaf) or is_array(leaf):
                ports.append(port(leaf))
        for constant in constants:
            self.constant(constant)
        record = self.builder.begin("operation", operation_name(operation), self.frame, ports, source=caller())
        record.reads = tuple(id(leaf) for leaf in leaves if is_variable(leaf))
        made = [dims(x) for x in flatten(outputs) if is_symbolic(x)]
        tensors = [leaf for leaf in leaves if is_symbolic(leaf) or is_array(leaf) or is_variable(leaf)]
        record.compute = self.work(operation_compute(operation, tensors, made, kwargs))
        record.settings = operation_settings(operation, args, kwargs)
        self.builder.end(record, symbolic_ports(outputs))
        return outputs

    def constant(self, value: Any) -> None:
        """Record a tensor that the model's code has made out of nothing."""
        record = self.builder.begin("constant", "constant", self.frame)
        self.builder.end(record, [port(value)])

    def build_layer(self, layer: Any, original: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Build a layer's variables where it has a ``build`` of its own; otherwise its call will build what is inside."""
        if layer.built or is_kind(layer, "Sequential"):
            return None
        from keras.src.utils import python_utils

        if python_utils.is_default(layer.build) and not is_leaf(layer):
            return None
        with self.quietly():
            return original(layer, *args, **kwargs)

    def aside(self, original: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Run Keras's bookkeeping unrecorded."""
        with self.quietly():
            return original(*args, **kwargs)

    def cast(self, original: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Run an automatic cast unrecorded: the tensor stays the same one in the graph."""
        with self.quietly():
            result = original(*args, **kwargs)
        if result is not args[1]:
            self.builder.alias(result, args[1])
        return result

    def wants_numbers(self) -> bool:
        """Tell whether the calls around are run with free dimensions (see ``patches.Handler``)."""
        return self.level == standins.SYMBOLIC and self.lowering is None

    def lift(self, structure: Any) -> Any:
        """Replace tensors with values by symbolic ones, so that no layer ever computes."""

        def one(value: Any) -> Any:
            if not is_array(value):
                return value
            if not self.builder.knows(value):
                if self.level == standins.LOWERED and is_abstract(value) and self.stack:
                    self.untraced(value, self.stack[-1])
                else:
                    self.constant(value)
            lifted = symbolic(dims(value), spec(value).dtype)
            self.builder.alias(lifted, value)
            return lifted

        return map_tensors(one, structure)
