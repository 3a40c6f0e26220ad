"""Records of layers, calls and parameters that a builder keeps while it reads a model."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, final

from nbviz.graph import CallKind, Compute, ParameterKind, Setting, TensorSpec
from nbviz.shape import Shape

Port = tuple[object, TensorSpec]
"""A tensor as the framework holds it, and what is known of it."""

Produced = tuple[object, tuple[int, int], tuple[int, int] | None]
"""A tensor, the call and output that it comes from, and those that it came from before."""


@final
@dataclass(frozen=True, slots=True)
class Stored:
    """A parameter as its layer stores it, with the fields of ``nbviz.graph.Parameter``.

    Attributes
    ----------
    name
        Name of the parameter in the layer.
    kind
        ``"weight"``, or ``"buffer"`` for a tensor that does not count as a parameter.
    shape, dtype
        Stored shape and dtype.
    trainable
        Whether training changes it.
    bytes
        Stored size in bytes; None if unknown.
    size
        Number of logical elements; differs from the stored element count for packed (quantized) weights.
    """

    name: str
    kind: ParameterKind
    shape: Shape
    dtype: str
    trainable: bool
    bytes: int | None
    size: int

    def outranks(self, known: Stored) -> bool:
        """Tell whether this is a weight that is known as a buffer: what is a weight anywhere is none."""
        return self.kind == "weight" and known.kind == "buffer"


@final
@dataclass(slots=True)
class CallRecord:
    """A call while it is being recorded, with the fields of ``nbviz.graph.Call``.

    ``GraphBuilder.begin`` returns it. An adapter may set ``reads``, ``compute``, ``settings`` and ``failed``; the builder sets the
    other fields.

    Attributes
    ----------
    id
        Id of the call, which calls inside it use as their ``parent``.
    reads
        Keys of the parameters that the call reads itself, as passed to ``GraphBuilder.hold``.
    compute
        Multiply-accumulate patterns of the call itself, one ``nbviz.graph.Compute`` each; None if unknown.
    settings
        Names and values to show in the inspector.
    failed
        Whether the forward pass failed in this call.
    sources
        Source of each input as (call, output port), or None if unknown.
    counters
        Number of operations of each name directly inside this call; None before the first one.
    has_children
        Whether the call contains other calls.
    begun
        Number of calls, layers and tensors, and the operation counters, when the call of a layer began, so that a repeated
        attempt can discard what came after.
    """

    id: int
    kind: CallKind
    path: str
    op: str
    parent: int | None
    layer: str | None
    inputs: tuple[TensorSpec, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()
    sources: tuple[tuple[int, int] | None, ...] = ()
    reads: tuple[Hashable, ...] = ()
    compute: tuple[Compute, ...] | None = ()
    settings: tuple[tuple[str, Setting], ...] = ()
    failed: bool = False
    source: str = ""
    counters: dict[str, int] | None = None
    has_children: bool = False
    begun: Mark | None = None


class Mark(NamedTuple):
    """How far a builder was when the inside of a call began."""

    calls: int
    layers: int
    tensors: int
    counters: Mapping[str, int] | None


@final
@dataclass(slots=True)
class Cut:
    """What happened inside one call, taken out of a builder so that it can be put back."""

    calls: list[CallRecord]
    produced: list[Produced]
    layers: list[LayerRecord]
    counters: dict[str, int] | None


@final
@dataclass(slots=True)
class LayerRecord:
    """A layer while a model is read; the fields are those of ``nbviz.graph.Layer``.

    Attributes
    ----------
    key
        What the adapter knows it by.
    held
        Keys of the parameters that it holds itself.
    complete
        Whether all of them are known.
    """

    key: Hashable
    path: str
    parent: str | None
    name: str
    type: str
    module: str = ""
    settings: tuple[tuple[str, Setting], ...] = ()
    accessor: str = ""
    source: str = ""
    trainable: bool | None = None
    held: Collection[Hashable] = ()
    complete: bool = True

    def hold(self, parameter: Hashable) -> None:
        """Let the layer hold a parameter."""
        if not isinstance(self.held, dict):  # most layers hold none
            self.held = dict.fromkeys(self.held)
        self.held[parameter] = None
