"""Collects layers, calls, tensors and parameters of a model while it is read, and builds a ModelGraph from them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import fields

from nbviz.columns import Columns
from nbviz.errors import counted
from nbviz.graph import (
    Call,
    CallKind,
    Diagnostic,
    Edge,
    Group,
    Layer,
    ModelGraph,
    OptimizerState,
    Parameter,
    Setting,
    TensorSpec,
)
from nbviz.layers import Fields, Layers, columns_of, layer_columns, owners_of, parameter_columns
from nbviz.progress import Step, report
from nbviz.records import CallRecord, Cut, LayerRecord, Mark, Port, Produced, Stored


def escape(segment: str) -> str:
    """Return a name as a path segment, with ``~`` and ``/`` escaped as in JSON Pointer."""
    return segment.replace("~", "~0").replace("/", "~1")


def join(parent: str | None, segment: str) -> str:
    """Return the path of ``segment`` (already escaped) inside ``parent``; the path of the root is ``""``."""
    return f"{parent}/{segment}" if parent else segment


class GraphBuilder:
    """Records the layers, parameters and calls of a model and builds its graph.

    Layers and parameters are identified by a key that the adapter chooses (``id(layer)``), tensors by their identity. The builder
    keeps every tensor alive, so that identities stay unique.

    Parameters
    ----------
    name
        Name of the model.
    framework
        Name of the framework (``"PyTorch"``).
    batch_axis
        Whether the first axis of tensors is the batch, so that MACs and bytes are per example.

    Attributes
    ----------
    expected
        Approximate number of calls if it is known in advance; otherwise 0.
    """

    def __init__(self, name: str, framework: str, *, batch_axis: bool = True) -> None:
        self.name = name
        self.framework = framework
        self.batch_axis = batch_axis
        self.calls: list[CallRecord] = []
        self.expected = 0
        self.diagnostics: list[Diagnostic] = []
        self.groups: list[Group] = []
        self.optimizer: OptimizerState | None = None
        self._layers = Layers()
        self._producer: dict[int, tuple[int, int]] = {}
        self._produced: list[Produced] = []

    # Layers and parameters

    def add_layer(
        self,
        key: Hashable,
        parent: Hashable | None,
        segment: str,
        *,
        name: str,
        type: str,
        module: str = "",
        settings: tuple[tuple[str, Setting], ...] = (),
        accessor: str = "",
        source: str = "",
        trainable: bool | None = None,
    ) -> str:
        """Add a layer below the layer with the key ``parent`` (None for the root) and return its path.

        A second sibling with the same name gets the suffix ``#2``. The other arguments are fields of ``nbviz.graph.Layer``.
        """
        above = None if parent is None else self._layers[parent].path
        path = "" if above is None else join(above, escape(segment))
        return self._layers.add(
            LayerRecord(key, path, above, name, type, module, settings, accessor, source, trainable)
        )

    def add_tree(self, layers: Fields, parameters: Mapping[Hashable, Stored]) -> None:
        """Add all layers of a model at once, before any other, with the parameters that they hold.

        Parameters
        ----------
        layers
            The fields of ``nbviz.records.LayerRecord``, a sequence for each, in pre-order; paths are unique.
        parameters
            What is known of each parameter that a layer holds, by its key.
        """
        self._layers.add_tree(layers, parameters)

    def layer(self, key: Hashable) -> LayerRecord:
        """Return a layer that was added before; you may set its fields."""
        return self._layers[key]

    def path_of(self, key: Hashable) -> str | None:
        """Return the path of the layer with that key, or None."""
        return self._layers.path_of(key)

    def layer_keys(self) -> list[Hashable]:
        """Return the keys of all layers in the order in which they were added."""
        return self._layers.keys()

    def hold(self, layer: Hashable, key: Hashable, stored: Stored) -> None:
        """Add a parameter to a layer; the first layer names it, later layers with the same key share it (tied)."""
        self._layers.hold(layer, key, stored)

    def held(self, key: Hashable) -> Stored | None:
        """Return the parameter with that key, or None if no layer holds it."""
        return self._layers.parameters.get(key)

    def leave_open(self, layer: Hashable) -> None:
        """Record that a layer will hold parameters that are not known yet."""
        self._layers[layer].complete = False

    # Calls and tensors

    def begin(
        self,
        kind: CallKind,
        op: str,
        parent: int | None,
        inputs: Sequence[Port] = (),
        *,
        layer: str | None = None,
        source: str = "",
    ) -> CallRecord:
        """Start a call inside the call ``parent``; until it ends, it can be the parent of other calls.

        Parameters
        ----------
        kind
            ``"layer"``, ``"operation"``, ``"input"``, ``"output"`` or ``"constant"``.
        op
            Class of the layer, or name of the operation.
        parent
            The ``id`` of the call around it; None for the call of the root.
        inputs
            Input tensors, each with its ``nbviz.graph.TensorSpec``; tensors are identified by their identity.
        layer
            Path of the layer that is called; None for an operation.
        source
            Location of the call in the code of the model (``"net.py:12"``).
        """
        around = None if parent is None else self.calls[parent]
        origin = self._producer.get
        record = CallRecord(
            len(self.calls),
            kind,
            layer if layer is not None else self._operation_path(op, around),
            op,
            parent,
            layer,
            tuple([spec for _, spec in inputs]),
            sources=tuple([origin(id(tensor)) for tensor, _ in inputs]),
            source=source,
        )
        if around is not None:
            around.has_children = True
        self.calls.append(record)
        report(self._so_far)
        if layer is not None:
            self.mark(record)
        return record

    def _so_far(self) -> Step:
        at = self.calls[-1].path
        words = f"Reading {self.name}: {counted(len(self.calls), 'call')}{at and f', now {at}'}"
        return Step(words, min(1, len(self.calls) / self.expected) if self.expected else None)

    def mark(self, call: CallRecord) -> None:
        """Let what happened inside a call so far stay there when it is cut."""
        counters = dict(call.counters) if call.counters else None
        call.begun = Mark(len(self.calls), len(self._layers), len(self._produced), counters)

    def _operation_path(self, op: str, around: CallRecord | None) -> str:
        above, counters = ("", None) if around is None else (around.path, around.counters)
        if counters is None:
            counters = {}
            if around is not None:
                around.counters = counters
        count = counters[op] = counters.get(op, 0) + 1
        path = join(above, f"{escape(op)}#{count}")
        while self._layers.has_path(path):  # a layer may be called "add#1"
            path += "#"
        return path

    def end(self, call: CallRecord, outputs: Sequence[Port]) -> None:
        """End a call; its outputs come from this call, unless a call inside it produced them."""
        call.outputs = tuple([spec for _, spec in outputs])
        for port, (tensor, _) in enumerate(outputs):
            if not (call.has_children and id(tensor) in self._producer):
                self._produce(tensor, (call.id, port))

    def _produce(self, tensor: object, origin: tuple[int, int]) -> None:
        self._produced.append((tensor, origin, self._producer.get(id(tensor))))
        self._producer[id(tensor)] = origin

    def pass_through(self, call: CallRecord, tensor: Port, output: int | None = None) -> int:
        """Let a tensor that a call has changed go into it as it was, and come out of it; return the output that it is.

        ``output`` is given where another tensor that is the same comes out already.
        """
        token, known = tensor
        self._take(call, known, self._producer.get(id(token)))
        if output is None:
            output = len(call.outputs)
            call.outputs += (known,)
        self._produce(token, (call.id, output))
        return output

    def take_outer(self, call: CallRecord) -> bool:
        """Let a call take all that calls inside it take from outside; tell whether there is anything that it was not given."""
        given = len(call.inputs)
        for inner in self.calls[call.id + 1 :]:
            for known, origin in zip(inner.inputs, inner.sources, strict=True):
                if origin is not None and origin[0] < call.id:
                    self._take(call, known, origin)
        return len(call.inputs) > given

    @staticmethod
    def _take(call: CallRecord, known: TensorSpec, origin: tuple[int, int] | None) -> None:
        if origin is not None and origin not in call.sources:
            call.inputs += (known,)
            call.sources += (origin,)

    def alias(self, new: object, old: object) -> None:
        """Record that ``new`` is the same tensor as ``old``, with another identity."""
        origin = self._producer.get(id(old))
        if origin is not None:
            self._produce(new, origin)

    def knows(self, tensor: object) -> bool:
        """Return whether the call that produced this tensor is known."""
        return id(tensor) in self._producer

    def origin(self, tensor: object) -> tuple[int, int] | None:
        """Return the call that produced a tensor and the index of the output, or None if unknown."""
        return self._producer.get(id(tensor))

    def dangling(self, call: CallRecord) -> list[tuple[int, int]]:
        """Return the outputs of childless calls inside ``call`` that nothing has used yet."""
        inside = self.calls[call.id + 1 :]
        used = {origin for record in inside for origin in record.sources}
        made = ((r.id, port) for r in inside if not r.has_children for port in range(len(r.outputs)))
        return [origin for origin in made if origin not in used]

    def cut(self, call: CallRecord) -> Cut:
        """Take out everything that happened inside a call, as if it had just begun."""
        begun = call.begun or Mark(call.id + 1, len(self._layers), len(self._produced), None)
        first, tensors, layers = begun.calls, begun.tensors, begun.layers
        cut = Cut(self.calls[first:], self._produced[tensors:], self._layers.cut(layers), call.counters)
        del self.calls[first:], self._produced[tensors:]
        for tensor, _, before in reversed(cut.produced):
            if before is None:
                self._producer.pop(id(tensor), None)
            else:
                self._producer[id(tensor)] = before
        call.counters, call.has_children = dict(begun.counters or {}), first > call.id + 1
        return cut

    def paste(self, call: CallRecord, cut: Cut) -> None:
        """Put back what ``cut`` has taken out of this call."""
        self.cut(call)
        self.calls.extend(cut.calls)
        for tensor, origin, _ in cut.produced:
            self._produce(tensor, origin)
        self._layers.paste(cut.layers)
        call.counters, call.has_children = cut.counters, len(self.calls) > call.id + 1

    def note(self, message: str, path: str = "") -> None:
        """Add a diagnostic of the level ``"note"``."""
        self.diagnostics.append(Diagnostic("note", message, path))

    # Freezing

    def finish(self) -> ModelGraph:
        """Return the model graph."""
        layers = self._layers.in_order(self.calls)
        owners = owners_of(layers)
        ids = dict(zip(owners, range(len(owners)), strict=True))
        return ModelGraph(
            name=self.name,
            framework=self.framework,
            layers=Columns.of(Layer, layer_columns(layers, ids)),
            calls=Columns.of(Call, _call_columns(self.calls, ids)),
            edges=Columns.of(Edge, self._edges()),
            parameters=Columns.of(Parameter, parameter_columns(owners, self._layers.parameters)),
            groups=Columns(Group, self.groups),
            diagnostics=tuple(self.diagnostics),
            optimizer=self.optimizer,
            batch_axis=self.batch_axis,
        )

    def parameter_keys(self) -> list[Hashable]:
        """Return the keys of the parameters by their id in the finished graph."""
        return self._layers.parameter_keys(self.calls)

    def _edges(self) -> dict[str, tuple[int, ...]]:
        """Return the fields of ``Edge``, in the order of the calls that they lead to."""
        childless = [not record.has_children for record in self.calls]
        found = sorted(
            (record.id, port, *origin)
            for record in self.calls
            if childless[record.id]
            for port, origin in enumerate(record.sources)
            if origin is not None and childless[origin[0]]
        )
        target, into, source, out = zip(*found, strict=True) if found else ((),) * 4
        return {"source": source, "source_port": out, "target": target, "target_port": into}


def _call_columns(calls: list[CallRecord], ids: Mapping[Hashable, int]) -> Fields:
    """Return the fields of ``Call``."""
    own = [tuple(sorted({ids[k] for k in c.reads if k in ids})) if c.reads else () for c in calls]
    return {
        **columns_of([field.name for field in fields(Call) if field.name != "parameters"], calls),
        "parameters": own,
    }
