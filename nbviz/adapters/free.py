"""Finds free dimensions by a second trace with another size: dimensions that change are free.

The batch is tried with sizes that can be halved (``BATCHES``). A dimension that grows with it is so much per example: a
contraction is written with the batch as an axis of its own, so that its multiply-accumulates are known per example whatever the
model's code folds into it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from nbviz.adapters.specs import BATCH, BATCHES
from nbviz.adapters.text import short
from nbviz.builder import GraphBuilder
from nbviz.graph import Compute, Setting, TensorSpec
from nbviz.metrics import macs
from nbviz.records import CallRecord
from nbviz.shape import UNTOLD, Dim, Shape

_FREE_MACS = (
    "The MACs of some operations are unknown because they depend on open sizes other than the batch. Give these "
    "sizes to see the MACs."
)

Again = Callable[[str], tuple[GraphBuilder, Exception | None]]


def free_dimensions(builder: GraphBuilder, names: Sequence[str], again: Again, *, stopped: bool = False) -> None:
    """Write None for each dimension that differs when a free dimension of the inputs has another size.

    A model that ``stopped`` has to stop again, in the same call.
    """
    if not names:
        return
    others: dict[str, list[CallRecord]] = {}
    for name in names:
        made, error = again(name)
        what = "batch" if name == BATCH else name
        if stopped and error is None:
            builder.note(f"The sizes come from a single trial: with a different {what}, the model does not fail.")
        elif error is not None and not stopped:
            builder.note(
                f"The sizes come from a single trial: with a different {what}, the model fails ({short(error, 300)})."
            )
        elif not same_path(builder, made):
            builder.note(f"The sizes come from a single trial: with a different {what}, the model takes another path.")
        else:
            others[name] = made.calls
    for i, record in enumerate(builder.calls):
        _merge(record, {name: calls[i] for name, calls in others.items()})
    note_free_macs(builder)


def same_path(one: GraphBuilder, other: GraphBuilder) -> bool:
    """Tell whether two trials make the same calls, which take and give as many tensors."""
    return list(map(_step, one.calls)) == list(map(_step, other.calls))


def _step(record: CallRecord) -> tuple[str, bool, int, int]:
    return record.path, record.failed, len(record.inputs), len(record.outputs)


def note_free_macs(builder: GraphBuilder) -> None:
    """Say why multiply-accumulates are missing where sizes are free."""
    contracted = {record.compute for record in builder.calls if record.compute}
    if any(macs(compute) is None for compute in contracted):
        builder.note(_FREE_MACS)


def _merge(record: CallRecord, others: dict[str, CallRecord]) -> None:
    inputs, outputs, settings, compute = record.inputs, record.outputs, record.settings, record.compute
    record.inputs = _specs(inputs, {name: o.inputs for name, o in others.items()})
    record.outputs = _specs(outputs, {name: o.outputs for name, o in others.items()})
    for other in others.values():
        values = dict(other.settings)
        settings = tuple((key, agreed(value, values.get(key, value))) for key, value in settings)
    record.settings = settings
    if compute:
        record.compute = computes_when_free(compute, {name: o.compute for name, o in others.items()})


def agreed(first: Setting, second: Setting) -> Setting:
    """Return a setting that two passes give, None in the place of what differs."""
    if isinstance(first, tuple) and isinstance(second, tuple) and len(first) == len(second):
        return tuple(agreed(a, b) for a, b in zip(first, second, strict=True))
    return first if first == second else None


def _specs(first: tuple[TensorSpec, ...], others: dict[str, tuple[TensorSpec, ...]]) -> tuple[TensorSpec, ...]:
    return tuple(
        TensorSpec(
            _shape(known.shape, {name: other[i].shape for name, other in others.items()}), known.dtype, known.name
        )
        for i, known in enumerate(first)
    )


def _shape(first: Shape | None, others: dict[str, Shape | None]) -> Shape | None:
    if first is None or any(other is None or len(other) != len(first) for other in others.values()):
        return None
    return Shape(
        _dim(size, {name: other[i] for name, other in others.items() if other is not None}, i)
        for i, size in enumerate(first)
    )


def _dim(size: Dim, others: dict[str, Dim], axis: int) -> Dim:
    """Return a dimension as it is shown: as a number, None where it is a free one, or as what it is of the batch.

    None at the first axis is the batch, where there is one.
    """
    differing = [name for name, other in others.items() if other != size]
    if not differing:
        return size
    if differing != [BATCH]:
        return None if len(differing) == 1 and (axis or BATCH not in others) else UNTOLD
    each = _each(size, others[BATCH])
    if each is None:
        return UNTOLD
    if each == 1:
        return None
    whole = BATCH if each.numerator == 1 else f"{each.numerator}*{BATCH}"
    return whole if each.denominator == 1 else f"{whole}/{each.denominator}"


def computes_when_free(first: tuple[Compute, ...], others: dict[str, Any]) -> tuple[Compute, ...] | None:
    """Return contractions in which the batch is free, and None where one cannot be told from another."""
    known = [other for other in others.values() if other is not None]
    if len(known) != len(others) or any([c.op for c in other] != [c.op for c in first] for other in known):
        return None
    return tuple(_compute(c, {name: other[i] for name, other in others.items()}) for i, c in enumerate(first))


def _compute(first: Compute, others: dict[str, Compute]) -> Compute:
    shapes = []
    for at, (name, shape) in enumerate(first.shapes):
        shapes.append((name, _extents(shape, {key: other.shapes[at][1] for key, other in others.items()})))
    if len(shapes) == 2:  # what is made, and what is contracted for each element of it
        (made, outer), (contracted, inner) = shapes
        if outer[0] == 1 and inner[0] is None:  # the batch itself, as in the gradient of a weight
            shapes = [(made, Shape((None, *outer.dims[1:]))), (contracted, Shape((1, *inner.dims[1:])))]
    return Compute(first.op, tuple(shapes))


def _extents(shape: Shape, others: dict[str, Shape]) -> Shape:
    dims: list[Dim] = []
    batch = False
    for i, size in enumerate(shape):
        differing = [name for name, other in others.items() if other[i] != size]
        each = _each(size, others[BATCH][i]) if differing == [BATCH] and not batch else None
        whole = int(each) if each is not None and each.denominator == 1 else None
        batch = batch or whole is not None
        dims.append(whole if differing else size)
    # the batch, or a 1 in its place: only a first axis may be free
    return Shape((None if batch else 1, *dims))


def _each(first: Dim, second: Dim) -> Fraction | None:
    """Return how much of a dimension each example makes up, from its sizes for two batches."""
    one, other = BATCHES
    if isinstance(first, int) and isinstance(second, int) and first * other == second * one:
        return Fraction(first, one)
    return None
