"""Suggests what to try next for the most common mistakes with PyTorch layers and functions."""

from __future__ import annotations

import itertools
import operator
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, final

from nbviz.graph import Setting
from nbviz.records import CallRecord, Stored
from nbviz.shape import Dim

ONE_DEVICE = (
    "Move the model and its inputs to one device: model.to(x.device); create tensors in forward with device=x.device."
)


@final
class Failed(NamedTuple):
    """A call that failed.

    Attributes
    ----------
    record
        The call.
    settings
        Those of its layer, and its own.
    said
        PyTorch's own message.
    maker
        The call that made its first tensor as wide as it is, an input too; None where that is not known.
    read
        The weights that it reads.
    """

    record: CallRecord
    settings: Mapping[str, Setting]
    said: str
    maker: CallRecord | None
    read: Sequence[Stored] = ()

    @property
    def shape(self) -> tuple[Dim, ...]:
        """The shape of its first tensor."""
        shape = self.record.inputs[0].shape
        return () if shape is None else shape.dims


def hint(failed: Failed) -> str:
    """Return what to try next for the mistakes that are made most, ``""`` for others."""
    inputs = failed.record.inputs
    if not inputs or inputs[0].shape is None:
        return ""
    return next(filter(None, (rule(failed) for rule in _RULES)), "")


_RANKED = re.compile(r"(?:Lazy)?(?:Conv|Conv_?Transpose|BatchNorm|Max_?Pool|Avg_?Pool)(\d)d", re.IGNORECASE)


_OF_SHAPES = re.compile(r"shape|size|dimension|mismatch", re.IGNORECASE)
_FLATTENS = frozenset({"flatten", "Flatten", "ravel", "reshape", "view"})


def _width(failed: Failed) -> str:
    wanted, shape = failed.settings.get("in_features"), failed.shape
    if not isinstance(wanted, int) or not shape or shape[-1] == wanted or not _OF_SHAPES.search(failed.said):
        return ""
    if len(shape) > 2 and (wanted in shape or wanted in _products(shape)):
        return (
            f"It expects {wanted} features in the last axis and got {shape[-1]}: flatten or permute the axes before it."
        )
    masked = failed.maker is not None and any(known.dtype == "bool" for known in failed.maker.inputs[1:])
    if masked and len(shape) == 1:
        return (
            f"It expects {wanted} features and got {shape[-1]}, the number of values that a mask kept, in one "
            "axis: select whole rows (a mask without the last axis), or multiply by the mask."
        )
    maker, other = failed.maker, f"Linear({shape[-1]}, {failed.settings.get('out_features', '...')})"
    if maker is not None and maker.op in _FLATTENS and len(shape) == 2:
        return _flattened(wanted, shape, other)
    if maker is not None and maker.kind == "input":
        return (
            f"It expects {wanted} features and the input has {shape[-1]}: pass (..., {wanted}), or change it to "
            f"{other}."
        )
    given = f" from {maker.path}" if maker is not None and maker.path else ""
    return (
        f"It expects {wanted} features and got {shape[-1]}{given}: change it to {other}, or make the layer before it "
        f"{wanted} wide."
    )


def _products(shape: tuple[Dim, ...]) -> list[int]:
    """Return how many values the last two axes have, the last three, and so on."""
    sizes = [size for size in reversed(shape) if isinstance(size, int)]
    return list(itertools.accumulate(sizes, operator.mul))[1:]


def _flattened(wanted: int, shape: tuple[Dim, ...], other: str) -> str:
    if wanted in _products(shape):
        return (
            f"It expects {wanted} features, which is all that {shape} has. Is the batch dimension missing? The "
            "input needs one before it is flattened, for example x[None]."
        )
    return (
        f"It expects {wanted} features and got {shape[-1]}: the flattened size depends on the size of the input. "
        f"Change it to {other} or LazyLinear, or pool to a fixed size first."
    )


def _channels(failed: Failed) -> str:
    wanted, rank = failed.settings.get("in_channels", failed.settings.get("num_features")), _rank_of(failed.record)
    if not isinstance(wanted, int) or rank is None:
        return ""
    if len(failed.shape) == rank + 1 and "in_channels" in failed.settings and failed.shape[0] != wanted:
        return (
            f"{len(failed.shape)} axes are one example without a batch, where the first axis is the channels: it "
            f"expects {wanted} and got {failed.shape[0]}. For a batch, pass {rank + 2}: (batch, "
            f"channels{', size' * rank})."
        )
    if len(failed.shape) != rank + 2 or failed.shape[1] == wanted:
        return ""
    if failed.shape[-1] == wanted:
        turned = ", ".join(map(str, (0, rank + 1, *range(1, rank + 1))))
        return f"The input has its channels last, but PyTorch expects them second: x.permute({turned})."
    return f"It expects {wanted} channels in the second axis and got {failed.shape[1]}."


def _alone(failed: Failed) -> str:
    if "more than 1 value per channel" not in failed.said:
        return ""
    return (
        "In training mode it needs the mean and variance over the batch: call model.eval(), or pass a batch of more "
        "than one."
    )


def _rank(failed: Failed) -> str:
    rank, axes = _rank_of(failed.record), len(failed.shape)
    if rank is None:
        return ""
    # others than the normalizations of images take one example too
    normalizes = failed.record.op.startswith("BatchNorm")
    least = rank + 2 if normalizes and rank > 1 else rank + 1
    if least <= axes <= rank + 2:
        return ""
    told = "Is the batch dimension missing?" if axes < rank + 2 else _too_many(failed.record, axes - 2)
    flat, axes_wanted = ("(batch, channels) or ", "2 or 3") if least == rank + 1 and normalizes else ("", str(rank + 2))
    return f"It expects {flat}(batch, channels{', size' * rank}): {axes_wanted} axes, and got {axes}. {told}"


def _too_many(record: CallRecord, sizes: int) -> str:
    """Return what to do with so many axes of sizes, more than a layer has."""
    flat = "flatten two of them first, for example x.flatten(0, 1)."
    return f"Did you mean {record.op[:-2]}{sizes}d? Otherwise, {flat}" if sizes <= 3 else f"Perhaps {flat}"


def _rank_of(record: CallRecord) -> int | None:
    found = _RANKED.fullmatch(record.op)
    return int(found[1]) if found else None


def _indices(failed: Failed) -> str:
    rows = failed.settings.get("num_embeddings")
    if isinstance(rows, int) and ("out of range" in failed.said or "out of bounds" in failed.said):
        return f"Its table has {rows:,} rows, so an index must be from 0 to {rows - 1:,}."
    if "too many indices" in failed.said:
        axes = len(failed.shape)
        return (
            f"It has {axes} {'axis' if axes == 1 else 'axes'}, {failed.record.inputs[0].shape}, but more are "
            "indexed. Is the batch dimension missing?"
        )
    embeds = isinstance(rows, int) or failed.record.op == "embedding"
    if embeds and "indices" in failed.said and "float" in str(failed.record.inputs[0].dtype):
        return "An embedding expects integers: pass the input as an example tensor or as ((None, 64), torch.int64)."
    return ""


_DTYPES = re.compile(r"\bdtype|scalar type|Input type \(|not implemented for '", re.IGNORECASE)
_FRACTIONS = {"half": "float16", "float": "float32", "double": "float64", "bfloat16": "bfloat16"}
"""What PyTorch calls dtypes in its messages, and their conversions."""


def _dtypes(failed: Failed) -> str:
    if "invalid combination of arguments" in failed.said or not _DTYPES.search(failed.said):
        return ""
    dtypes = list(dict.fromkeys(str(known.dtype) for known in failed.record.inputs))
    found = f"The input has the dtype {' and '.join(dtypes)}:"
    if "int64" not in dtypes and re.search(r"\b(long|int64)\b", failed.said, re.IGNORECASE):
        return f"{found} indices and class labels must be 64-bit integers, y.long()."
    if all("int" in dtype for dtype in dtypes):
        return f"{found} it expects floating-point values, x.float(), or x.float() / 255 for an image of bytes."
    named = re.findall(rf"\b({'|'.join(_FRACTIONS)})(?:tensor)?\b", failed.said, re.IGNORECASE)
    others = [name for name in map(str.lower, named) if _FRACTIONS[name] not in dtypes]
    if not others and len(dtypes) > 1:
        return f"{found} convert them to one dtype, for example x.to(y.dtype)."
    conversion = f"{others[0]}()" if others else "to(layer.weight.dtype)"
    return f"{found} convert it to the dtype of the weights, for example x.{conversion}, or convert one of them."


def _devices(failed: Failed) -> str:
    return ONE_DEVICE if "same device" in failed.said else ""


def _layout(failed: Failed) -> str:
    if "view size is not compatible" in failed.said:
        return (
            "Its axes were permuted, or it is part of another tensor, so its elements are not contiguous in "
            "memory: use .reshape(...), which copies if needed, or .contiguous().view(...)."
        )
    return ""


def _tuple(failed: Failed) -> str:
    if "must be Tensor, not tuple" in failed.said:
        return (
            "The input is a tuple. LSTM, GRU and MultiheadAttention return more than their output: pass on only "
            "the first element, as in outputs, _ = layer(x), which nn.Sequential does not do."
        )
    return ""


def _forward(failed: Failed) -> str:
    if 'missing the required "forward"' not in failed.said:
        return ""
    if failed.record.op in ("ModuleList", "ModuleDict"):
        return f"A {failed.record.op} only holds modules: call each of them, or use an nn.Sequential."
    return f"Define forward(self, x) in the class {failed.record.op}, indented like its __init__."


def _joined(failed: Failed) -> str:
    """Name the axes in which tensors differ that are put together."""
    shapes = _shapes(failed.record)
    if failed.record.op not in ("cat", "concat", "concatenate", "stack", "hstack", "vstack") or len(shapes) < 2:
        return ""
    ranks = list(dict.fromkeys(map(len, shapes)))
    if len(ranks) > 1:
        return (
            f"The tensors have {' and '.join(map(str, ranks))} axes: unsqueeze, squeeze or flatten some of them first."
        )
    along = re.search(r"except in dimension (\d+)", failed.said)
    differ = [_differing(axis, shapes) for axis in range(ranks[0]) if along is None or axis != int(along[1])]
    found = ", ".join(filter(None, differ))
    if not found:
        return ""
    return (
        f"The tensors differ in {found}: "
        f"{'only the axis that they are joined along may differ' if along else 'all sizes must be equal'}."
    )


def _differing(axis: int, shapes: list[Any]) -> str:
    sizes = list(dict.fromkeys(shape[axis] for shape in shapes))
    return f"axis {axis} ({' and '.join(map(str, sizes))})" if len(sizes) > 1 else ""


def _broadcast(failed: Failed) -> str:
    """Name the axes in which tensors differ that are computed with element by element."""
    shapes = [*_shapes(failed.record), *(weight.shape.dims for weight in failed.read)]
    if "at non-singleton dimension" not in failed.said or len(shapes) != 2:
        return ""
    pairs = list(zip(reversed(shapes[0]), reversed(shapes[1]), strict=False))
    differ = [f"{a} and {b} in axis {-i}" for i, (a, b) in enumerate(pairs, 1) if a != b and 1 not in (a, b)]
    return (
        f"Counted from the last axis, sizes must be equal, or one of them 1, but they are {', '.join(differ)}."
        if differ
        else ""
    )


def _product(failed: Failed) -> str:
    """Name the axes that are contracted and differ."""
    shapes = _shapes(failed.record)
    if failed.record.op not in ("matmul", "mm", "bmm") or failed.record.reads or min(map(len, shapes), default=0) < 2:
        return ""
    one, other = shapes[0], shapes[-1]  # a matrix may be multiplied with itself
    if one[-1] == other[-2]:
        return f"The axes before the last two must match: {one[:-2]} and {other[:-2]}."
    turned = (
        " Perhaps one needs a transpose: .transpose(-1, -2)." if one[-1] == other[-1] or one[-2] == other[-2] else ""
    )
    return (
        f"The last axis of the first tensor has size {one[-1]}, and the second-to-last axis of the second has size "
        f"{other[-2]}: they must be equal.{turned}"
    )


def _shapes(record: CallRecord) -> list[tuple[Any, ...]]:
    return [known.shape.dims for known in record.inputs if known.shape is not None]


_RULES = (
    _forward, _tuple, _alone, _width, _channels, _rank, _indices, _dtypes, _devices, _layout, _joined, _product, _broadcast,
)  # fmt: skip
