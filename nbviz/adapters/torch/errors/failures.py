"""Explains why a forward pass failed: where, on which shapes, and what to try next."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from nbviz.adapters.text import plain, short
from nbviz.adapters.torch.errors.blame import Blame
from nbviz.adapters.torch.errors.hints import Failed, hint
from nbviz.adapters.torch.lines import raised_at
from nbviz.adapters.torch.tensors import is_strided_nested, spec
from nbviz.builder import GraphBuilder
from nbviz.errors import NbvizError, with_article
from nbviz.graph import Diagnostic, Setting, TensorSpec
from nbviz.records import CallRecord, Stored

_NO_VALUES = re.compile(
    r"\b(?:register_)?meta\b|not allocated|fake impl|NestedTensor(?:Impl|Meta)\b|device type for autocast",
    re.IGNORECASE,
)
"""What PyTorch says of tensors without values; of the older nested tensors, made in C++, there are none without."""

_ASSERTED = re.compile(r"^.*INTERNAL ASSERT FAILED at .*please report a bug to PyTorch\.\s*", re.DOTALL)
"""What PyTorch puts before what it has to say where it finds itself in a state that it does not expect."""

_LONGEST = 4
"""How many of the operations are named that have made a tensor."""


def asks_values(error: Exception) -> bool:
    """Tell whether PyTorch refuses an operation because a tensor has no values, or because it only knows how to compute."""
    return _NO_VALUES.search(str(error)) is not None


class NeedsValuesError(NbvizError, RuntimeError):
    """The model's code asks for a value of a tensor that has none while nothing computes.

    Parameters
    ----------
    function
        The operation that asks.
    tensors
        What it was given.
    home
        The device of the model's weights: on the meta device there is nothing that could be run.
    custom
        The whole name of an operation that PyTorch does not know the shapes of, ``""`` for its own.
    """

    def __init__(self, function: str, tensors: list[Any], home: Any, custom: str = "") -> None:
        unknown = [t for t in tensors if t.device.type == "meta" or is_strided_nested(t)] or tensors
        specs = sorted(map(spec, unknown), key=lambda known: not _is_mask(known))
        asked = specs[0] if specs else None
        known = "a tensor" if asked is None else f"a {asked.dtype} tensor {asked.shape}"
        if home.type == "meta":
            self._way = (
                "give the model real weights, for example on the CPU, and run it once: nbviz.view(model, inputs, "
                "run=True)"
            )
        else:
            self._way = "nbviz.view(model, inputs, run=True) runs the model once, without gradients"
        if custom:
            self._way += f'; torch.library.register_fake("{custom}") can tell PyTorch its output shapes'
        self._asks = f"{function} needs the values of"
        self._known = f"{known}, which nbviz does not compute, and what happens next depends on them. To see it,"
        self._made = self._first = ""
        super().__init__(self._said())

    def _said(self) -> str:
        return " ".join(filter(None, (self._asks, self._made, self._known, self._first, self._way)))

    def tell_maker(self, builder: GraphBuilder, record: CallRecord) -> None:
        """Say also what has made the tensor, which ``record`` asks about: a comparison, say."""
        made = _made_by(builder, record)
        self._made = f"{made}," if made else ""
        self.args = (self._said(),)

    def tell_shapes(self) -> None:
        """Say also that only shapes were given: the values of examples are known as long as no weights meet them."""
        self._first = "pass example tensors instead of shapes, or, if that is not enough:"
        self.args = (self._said(),)


def _is_mask(known: TensorSpec) -> bool:
    """Tell whether it has truth values: where there are such among others, they are what is asked about."""
    return known.dtype == "bool"


def _made_by(builder: GraphBuilder, record: CallRecord) -> str:
    """Return the operations that have made what a call got, as ``any(gt(...))``: truth values say little alone."""
    names: list[str] = []
    masks = (origin for origin, known in zip(record.sources, record.inputs, strict=False) if _is_mask(known))
    origin = next(filter(None, (*masks, *record.sources)), None)
    while origin is not None and len(names) < _LONGEST:
        call = builder.calls[origin[0]]
        if call.kind != "operation":
            break
        names.append(call.op)
        truth = call.outputs[origin[1]].dtype == "bool"
        origin = next(filter(None, call.sources), None) if truth else None
    return "(".join([*names, "..."]) + ")" * len(names) if names else ""


def note_handled(
    builder: GraphBuilder, asked: Iterable[tuple[NeedsValuesError, CallRecord]], error: BaseException | None
) -> None:
    """Say where values were asked for, and the model's own code caught the refusal: it may have gone another way than it would."""
    for refusal, record in asked:
        if refusal is not error:
            known = record.id < len(builder.calls) and builder.calls[record.id] is record
            where = f" at {record.source}" if record.source else ""
            message = (
                f"{plain(refusal)}. The model's own code caught this error{where} and went on, so a real run may "
                "not take the path that is shown after it."
            )
            builder.diagnostics.append(Diagnostic("warning", message, record.path if known else ""))


def mark(builder: GraphBuilder, raised: Exception, blame: Blame) -> BaseException:
    """Say which call failed, on which shapes, and why; return the error that stopped it, which the model may have made another of."""
    error, record = blame.first(builder, raised)
    if record is None or record.id >= len(builder.calls):
        builder.diagnostics.append(Diagnostic("error", f"The model could not be run: {short(error, 2000)}"))
        return error
    record.failed, record.compute = True, None
    met = ", ".join([*map(_text, record.inputs), *map(_named, _read(builder, record))]) or "no tensors"
    name = record.path or "the model"
    source = raised_at(error, builder, record) or record.source
    where = f" at {source}" if source else ""
    said = ": ".join(filter(None, (type(error).__name__, _ASSERTED.sub("", plain(error)).rstrip(".\n "))))
    told = [f"The forward pass stopped{where} in {name} ({record.op}), which got {met}. {said}."]
    told.append(_hint(builder, record, error))
    if error is not raised:
        told.append(f"The model's own code turned it into {with_article(type(raised).__name__)}: {short(raised, 500)}")
    builder.diagnostics.append(Diagnostic("error", " ".join(filter(None, told)), record.path, record.id))
    return error


def _text(known: TensorSpec) -> str:
    return f"{'a tensor' if known.shape is None else known.shape} {known.dtype or ''}".strip()


def _read(builder: GraphBuilder, record: CallRecord) -> list[Stored]:
    """Return the weights that an operation in the model's own code reads; those of a layer are its own."""
    keys = record.reads if record.kind == "operation" else ()
    return [stored for stored in map(builder.held, keys) if stored is not None]


def _named(weight: Stored) -> str:
    return f"its {weight.name} {weight.shape} {weight.dtype}"


def _settings(builder: GraphBuilder, record: CallRecord) -> dict[str, Setting]:
    """Return the settings of the layer that a call belongs to, or that calls an operation on its weights, and of the call."""
    around = record.layer if record.parent is None or not record.reads else builder.calls[record.parent].layer
    layers = (builder.layer(key) for key in builder.layer_keys() if around is not None)
    layer = next((layer for layer in layers if layer.path == around), None)
    return {**dict(layer.settings if layer is not None else ()), **dict(record.settings)}


def _hint(builder: GraphBuilder, record: CallRecord, error: BaseException) -> str:
    """Return what to try next, ``""`` where that is not known."""
    if isinstance(error, NeedsValuesError):
        return ""
    if isinstance(error, RuntimeError) and asks_values(error):
        return "It needs real values: nbviz.view(model, inputs, run=True) runs the model once, without gradients."
    return hint(
        Failed(record, _settings(builder, record), plain(error), _maker(builder, record), _read(builder, record))
    )


def _maker(builder: GraphBuilder, record: CallRecord) -> CallRecord | None:
    """Return the call that made the first tensor of another as wide as it is, behind those that leave its shape as it was."""
    origin = record.sources[0] if record.sources else None
    while origin is not None:
        call = builder.calls[origin[0]]
        shape = call.outputs[origin[1]].shape
        same = (
            s for s, known in zip(call.sources, call.inputs, strict=False) if s is not None and known.shape == shape
        )
        before = next(same, None)
        if before is None:
            return call
        origin = before
    return None
