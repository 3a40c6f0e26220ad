"""What a builder keeps of layers, calls and parameters while a model is read."""

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
    """A parameter as its layer stores it; the fields are those of ``nbviz.graph.Parameter``.

    Attributes
    ----------
    name
        Its name in the layer.
    kind
        ``"weight"``, or ``"buffer"`` for what is in no total but its own.
    shape, dtype
        As it is stored.
    trainable
        Whether training would change it.
    bytes
        Stored size, None when unknown.
    size
        The number of values that it stands for.
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
    """A call while it is being recorded; the fields are those of ``nbviz.graph.Call``.

    An adapter gets one from ``GraphBuilder.begin``, and may set ``reads``, ``compute``, ``settings`` and ``failed``; the others are
    the builder's.

    Attributes
    ----------
    id
        What the calls inside it name as their parent.
    reads
        Keys of the parameters that the call reads itself, as they were given to ``GraphBuilder.hold``.
    compute
        What it multiplies and accumulates itself, a ``nbviz.graph.Compute`` each; None where that is not known.
    settings
        Names and values that the inspector shows.
    failed
        Whether the model stopped here.
    sources
        Where each input comes from: (call, output port), or None where that is not known.
    counters
        How often each operation name has occurred directly inside this call; None before the first.
    has_children
        Whether other calls happened inside it.
    begun
        How many calls, layers and tensors were known when the inside of a layer's call began, and the operation counters then,
        so that a repeated attempt can forget what came after.
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
