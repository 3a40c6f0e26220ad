"""Says why a forward pass stopped, where, on which shapes, and what to try next."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any

from nbviz.adapters.places import place
from nbviz.adapters.text import plain, short
from nbviz.adapters.torch.calls import is_of_model
from nbviz.adapters.torch.tensors import spec
from nbviz.builder import GraphBuilder
from nbviz.errors import NbvizError
from nbviz.graph import Diagnostic, Setting, TensorSpec
from nbviz.records import CallRecord

ONE_DEVICE = (
    "Move the model and what comes in to one device: model.to(x.device); make tensors in forward with device=x.device."
)

_NO_VALUES = re.compile(r"\bmeta\b|not allocated|fake impl", re.IGNORECASE)


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
    """

    def __init__(self, function: str, tensors: list[Any], home: Any) -> None:
        asked = next((t for t in tensors if t.device.type == "meta"), tensors[0])
        known = spec(asked)
        if home.type == "meta":
            what = "give the model weights, on the CPU say, and run it once: nbviz.view(model, inputs, run=True)"
        else:
            what = "nbviz.view(model, inputs, run=True) runs the model once, without gradients"
        self._asks = f"{function} asks for the values of"
        self._rest = (
            f"a {known.dtype} tensor {known.shape}, which are not computed when a model is read: what happens next depends on "
            f"them. To see it, {what}"
        )
        super().__init__(f"{self._asks} {self._rest}")

    def tell_maker(self, builder: GraphBuilder, record: CallRecord) -> None:
        """Say also what has made the tensor, which ``record`` asks about: a comparison, say."""
        made = _made_by(builder, record)
        if made:
            self.args = (f"{self._asks} {made}, {self._rest}",)


def _made_by(builder: GraphBuilder, record: CallRecord) -> str:
    """Return the operations that have made what a call got, as ``any(gt(...))``: truth values say little alone."""
    names: list[str] = []
    origin = next(filter(None, record.sources), None)
    while origin is not None and len(names) < _LONGEST:
        call = builder.calls[origin[0]]
        if call.kind != "operation":
            break
        names.append(call.op)
        truth = call.outputs[origin[1]].dtype == "bool"
        origin = next(filter(None, call.sources), None) if truth else None
    return "(".join([*names, "..."]) + ")" * len(names) if names else ""


def note_handled(
    builder: GraphBuilder, asked: Iterable[tuple[NeedsValuesError, CallRecord]], error: Exception | None
) -> None:
    """Say where values were asked for, and the model's own code caught the refusal: it may have gone another way than it would."""
    for refusal, record in asked:
        if refusal is not error:
            known = record.id < len(builder.calls) and builder.calls[record.id] is record
            where = f" at {record.source}" if record.source else ""
            message = (
                f"{plain(refusal)}. The model's own code caught this refusal{where}, and went on: what is shown after it may not be "
                "the path that a real run takes."
            )
            builder.diagnostics.append(Diagnostic("warning", message, record.path if known else ""))


def mark(builder: GraphBuilder, error: Exception, record: CallRecord | None) -> None:
    """Say which call failed, on which shapes, and why."""
    if record is None or record.id >= len(builder.calls):
        builder.diagnostics.append(Diagnostic("error", f"The model could not be run: {short(error, 2000)}"))
        return
    record.failed, record.compute = True, None
    met = ", ".join(_text(known) for known in record.inputs) or "no tensors"
    name = record.path or "the model"
    source = _raised_at(error) or record.source
    where = f" at {source}" if source else ""
    said = f"{type(error).__name__}: {plain(error)}".rstrip(".")
    message = f"The forward pass stopped{where} in {name} ({record.op}), which got {met}. {said}. {hint(record, _settings(builder, record), error)}"
    builder.diagnostics.append(Diagnostic("error", message.strip(), record.path, record.id))


def _text(known: TensorSpec) -> str:
    return f"{'a tensor' if known.shape is None else known.shape} {known.dtype or ''}".strip()


def _raised_at(error: Exception) -> str:
    """Return the last place in the model's code that an exception came through, ``""`` when there is none."""
    frames = [(t.tb_frame, t.tb_lineno) for t in _tracebacks(error.__traceback__) if is_of_model(t.tb_frame)]
    return place(frames[-1][0].f_code.co_filename, frames[-1][1]) if frames else ""


def _tracebacks(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def _settings(builder: GraphBuilder, record: CallRecord) -> dict[str, Setting]:
    """Return the settings of the layer that a call belongs to, and of the call."""
    layers = (builder.layer(key) for key in builder.layer_keys() if record.layer is not None)
    layer = next((layer for layer in layers if layer.path == record.layer), None)
    return {**dict(layer.settings if layer is not None else ()), **dict(record.settings)}


def hint(record: CallRecord, settings: dict[str, Setting], error: Exception) -> str:
    """Return what to try next for the mistakes that are made most, ``""`` for others."""
    if isinstance(error, NeedsValuesError):
        return ""
    if isinstance(error, RuntimeError) and asks_values(error):
        return "It cannot be done without values: nbviz.view(model, inputs, run=True) runs the model once, without gradients."
    if not record.inputs or record.inputs[0].shape is None:
        return ""
    shape = record.inputs[0].shape.dims
    for rule in (_width, _channels, _rank, _indices, _dtypes, _devices, _layout):
        found = rule(shape, settings, record, str(error))
        if found:
            return found
    return ""


def _width(shape: Any, settings: Any, record: CallRecord, said: str) -> str:
    wanted = settings.get("in_features")
    if not isinstance(wanted, int) or not shape or shape[-1] == wanted:
        return ""
    if len(shape) == 2:
        return (
            f"It takes {wanted} features and got {shape[-1]}: what is flattened before it depends on the size of the input. "
            f"Make it Linear({shape[-1]}, {settings.get('out_features', '...')}), LazyLinear, or pool to a fixed size first."
        )
    return f"It takes {wanted} features in the last axis and got {shape[-1]}: flatten, or permute the axes, before it."


def _channels(shape: Any, settings: Any, record: CallRecord, said: str) -> str:
    wanted, rank = settings.get("in_channels", settings.get("num_features")), _rank_of(record)
    if not isinstance(wanted, int) or rank is None:
        return ""
    if len(shape) == rank + 1 and "in_channels" in settings and shape[0] != wanted:
        return (
            f"{len(shape)} axes are one example without a batch, so that the first is that of the channels: it takes {wanted} and "
            f"got {shape[0]}. For a batch give {rank + 2}: (batch, channels{', size' * rank})."
        )
    if len(shape) != rank + 2 or shape[1] == wanted:
        return ""
    if shape[-1] == wanted:
        return "Its channels come last; PyTorch wants them second: permute(0, 3, 1, 2) for images."
    return f"It takes {wanted} channels in the second axis and got {shape[1]}."


def _rank(shape: Any, settings: Any, record: CallRecord, said: str) -> str:
    rank = _rank_of(record)
    if rank is None:
        return ""
    least = rank + 2 if record.op.startswith("BatchNorm") and rank > 1 else rank + 1  # others take one example too
    if least <= len(shape) <= rank + 2:
        return ""
    return f"It takes (batch, channels{', size' * rank}): {rank + 2} axes, and got {len(shape)}. Is the batch dimension missing?"


def _rank_of(record: CallRecord) -> int | None:
    found = re.fullmatch(r"(?:Lazy)?(?:Conv|ConvTranspose|BatchNorm|MaxPool|AvgPool)(\d)d", record.op)
    return int(found[1]) if found else None


def _indices(shape: Any, settings: Any, record: CallRecord, said: str) -> str:
    if "indices" in said and "float" in str(record.inputs[0].dtype):
        return "An embedding takes whole numbers: give the input as an example tensor or as ((None, 64), torch.int64)."
    return ""


def _dtypes(shape: Any, settings: Any, record: CallRecord, said: str) -> str:
    if "dtype" in said.lower() or "scalar type" in said.lower():
        found = " and ".join(dict.fromkeys(str(known.dtype) for known in record.inputs))
        return f"What comes in has the dtype {found}: give it the dtype of the weights, or convert one of them."
    return ""


def _devices(shape: Any, settings: Any, record: CallRecord, said: str) -> str:
    return ONE_DEVICE if "same device" in said else ""


def _layout(shape: Any, settings: Any, record: CallRecord, said: str) -> str:
    if "view size is not compatible" in said:
        return (
            "Its axes were permuted, or it is a part of another tensor, so that its elements do not follow each other in memory: "
            "use .reshape(...), which copies where it has to, or .contiguous().view(...)."
        )
    return ""
