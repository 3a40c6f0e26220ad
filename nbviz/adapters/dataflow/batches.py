"""Follows the batch: how much of a tensor belongs to each example, where that is certain.

Behind a reshape an open first axis may be the batch times something.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from math import prod

from nbviz.adapters.dataflow.program import KEPT, RESHAPED, UNKNOWN, Batch, Operands, Operation, Tensor
from nbviz.graph import Setting
from nbviz.shape import Shape


def begin(tensor: Tensor) -> None:
    """Note that the first axis of a tensor is the batch, if it is free."""
    _share(tensor, Fraction(1))


def follow(operation: Operation, operands: Operands, made: Tensor) -> None:
    """Note how much of a tensor that an operation makes belongs to each example."""
    source, batch = _source(operation, operands), operation.batch
    if source is None or made.spec.shape is None:
        return
    if batch.passes_one:
        agree(made, operands.inputs)
    elif source.rows and batch.rows is not None:
        _share(made, source.rows * batch.rows)
    elif source.elements is not None and batch.elements is not None:
        elements, behind = source.elements * batch.elements, _behind(made)
        if behind:
            _share(made, elements / behind)
        made.elements = int(elements) if elements.denominator == 1 else None


def agree(made: Tensor, ends: Iterable[Tensor | None]) -> None:
    """Note how much of a tensor belongs to each example, if that is the same in all that it may be."""
    rows = {0 if tensor is None else tensor.rows for tensor in ends}
    if len(rows) == 1:
        _share(made, Fraction(rows.pop()))


def _share(tensor: Tensor, rows: Fraction) -> None:
    shape, behind = tensor.spec.shape, _behind(tensor)
    is_free = bool(shape) and not isinstance(shape[0], int)  # type: ignore[index]
    tensor.rows = int(rows) if is_free and rows.denominator == 1 else 0
    tensor.elements = tensor.rows * behind if tensor.rows and behind is not None else None


def _source(operation: Operation, operands: Operands) -> Tensor | None:
    """Return the tensor that is in proportion to what is made: where matrices are multiplied the first."""
    made = [t for t in operands.inputs if t is not None and t.weight is None and t.constant is None]
    known = [tensor for tensor in made if tensor.rows or tensor.elements is not None]
    if operation.rule is None:
        return next((tensor for tensor in known if tensor.rows), next(iter(known), None))
    return next((tensor for tensor in made if tensor in known or (rank(tensor) or 0) > 1), None)


def _behind(tensor: Tensor) -> int | None:
    """Return how many elements there are for each index of the first axis."""
    return None if not tensor.spec.shape else Shape(tensor.spec.shape.dims[1:]).size()


def constant(given: Sequence[Tensor | None], at: int) -> Setting:
    """Return an input that is a constant as a setting, None if it is not given, or is none."""
    tensor = given[at] if -len(given) <= at < len(given) else None
    return None if tensor is None else tensor.constant


def rank(tensor: Tensor | None) -> int | None:
    """Return the number of a tensor's axes, None where it is not known."""
    return None if tensor is None or tensor.spec.shape is None else len(tensor.spec.shape)


def behind_first(axes: Setting, given: Sequence[Tensor | None], at: int = 0) -> Batch:
    """Return what happens to the first axis of an input when something is done along others, which have to be known."""
    known = rank(given[at]) if -len(given) <= at < len(given) else None
    for axis in axes if isinstance(axes, tuple) else (axes,):
        if not isinstance(axis, int) or (axis + (known or 0) if axis < 0 else axis) <= 0:
            return UNKNOWN
    return KEPT


def permuted(order: Setting) -> Batch:
    """Return what happens to the first axis when axes change places."""
    return KEPT if isinstance(order, tuple) and order[:1] == (0,) else RESHAPED


def multiplied(weights: Tensor | None, *, turned: bool = False) -> Batch:
    """Return what happens to rows that are multiplied by a matrix of (inputs, outputs), or turned one of (outputs, inputs)."""
    sizes = () if weights is None or weights.spec.shape is None else weights.spec.shape.dims
    inputs, outputs = reversed(sizes) if turned and len(sizes) == 2 else sizes if len(sizes) == 2 else (None, None)
    if not isinstance(inputs, int) or not isinstance(outputs, int) or not inputs:
        return KEPT
    return Batch(rows=KEPT.rows, elements=Fraction(outputs, inputs))


def cut(blocks: Setting) -> Batch:
    """Return what happens when each example is cut into blocks, which are examples of their own."""
    sizes = [size for size in blocks if isinstance(size, int)] if isinstance(blocks, tuple) else []
    return Batch(rows=Fraction(prod(sizes))) if sizes else UNKNOWN


def joined(blocks: Setting) -> Batch:
    """Return what happens when examples are put together that are blocks of one."""
    rows = cut(blocks).rows
    return Batch(rows=1 / rows) if rows else UNKNOWN


def gathered(axis: Setting, given: Sequence[Tensor | None]) -> Batch:
    """Return what happens to a batch of indices into a table, or to one of tables along another axis."""
    table = given[0] if given else None
    if table is not None and (table.weight is not None or table.constant is not None):
        return KEPT if axis == 0 else UNKNOWN
    return behind_first(axis, given)


def stacked(axis: Setting, given: Sequence[Tensor | None]) -> Batch:
    """Return what happens when tensors become the indices of a new axis."""
    return Batch(elements=Fraction(len(given))) if axis == 0 else behind_first(axis, given)


def unstacked(axis: Setting, given: Sequence[Tensor | None]) -> Batch:
    """Return what happens when each index of an axis becomes a tensor."""
    return _one_of_first(given) if axis == 0 else behind_first(axis, given)


def _one_of_first(given: Sequence[Tensor | None]) -> Batch:
    """Return what happens when one index of a first axis is taken out, which is not free."""
    shape = given[0].spec.shape if given and given[0] is not None else None
    size = shape[0] if shape else None
    return Batch(elements=Fraction(1, size)) if isinstance(size, int) and size else UNKNOWN


def sliced(masks: Mapping[str, Setting], given: Sequence[Tensor | None]) -> Batch:
    """Return what happens to the first axis when a tensor is cut, by bits that say what is done with each axis."""
    strides = constant(given, 3)
    begin, end, new, ellipsis, shrink = (
        bits if isinstance(bits := masks.get(f"{name}_mask"), int) else 0
        for name in ("begin", "end", "new_axis", "ellipsis", "shrink_axis")
    )
    if not isinstance(strides, tuple) or strides[:1] != (1,) or (new | ellipsis) & 1:
        return UNKNOWN
    if shrink & 1:
        rest = (1 << len(strides)) - 2  # the bits of all axes but the first
        is_one = begin & end & rest == rest and shrink == 1 and not new | ellipsis and set(strides) == {1}
        return _one_of_first(given) if is_one else UNKNOWN
    return KEPT if begin & end & 1 else UNKNOWN
