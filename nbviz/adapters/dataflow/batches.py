"""Where the batch goes: whether an open first axis of a tensor still is the batch, as far as that is certain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nbviz.adapters.dataflow.program import Batch, Operands, Operation, Tensor
from nbviz.graph import Setting
from nbviz.shape import Shape


def keeps_batch(operation: Operation, operands: Operands, made: Tensor) -> bool:
    """Tell whether the first axis of a tensor that an operation makes is open, and the batch."""
    shape = made.spec.shape
    source = _source(operation, operands)
    if source is None or not source.batch or not shape or isinstance(shape[0], int):
        return False
    if operation.batch == "reshaped":
        sizes = [_behind(source), _behind(made)]
        return sizes[0] is not None and sizes[0] == sizes[1]
    return operation.batch == "kept"


def _source(operation: Operation, operands: Operands) -> Tensor | None:
    """Return the tensor whose first axis decides: where matrices are multiplied that of the first."""
    made = (t for t in operands.inputs if t is not None and t.weight is None and t.constant is None)
    if operation.rule is None:
        return next((tensor for tensor in made if tensor.batch), None)
    return next((tensor for tensor in made if tensor.batch or (rank(tensor) or 0) > 1), None)


def _behind(tensor: Tensor) -> int | None:
    """Return how many elements there are for each index of the first axis."""
    return None if tensor.spec.shape is None else Shape(tensor.spec.shape.dims[1:]).size()


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
            return "unknown"
    return "kept"


def permuted(order: Setting) -> Batch:
    """Return what happens to the first axis when axes change places."""
    return "kept" if isinstance(order, tuple) and order[:1] == (0,) else "unknown"


def gathered(axis: Setting, given: Sequence[Tensor | None]) -> Batch:
    """Return what happens to a batch of indices into a table, or to one of tables along another axis."""
    table = given[0] if given else None
    if table is not None and (table.weight is not None or table.constant is not None):
        return "kept" if axis == 0 else "unknown"
    return behind_first(axis, given)


def sliced(masks: Mapping[str, Setting], strides: Setting) -> Batch:
    """Return what happens to the first axis when a tensor is cut, by bits that say what is done with each axis."""
    bits = {name: bool(value & 1) if isinstance(value, int) else False for name, value in masks.items()}
    whole = bits.get("begin_mask", False) and bits.get("end_mask", False)
    changed = any(bits.get(f"{name}_mask", False) for name in ("shrink_axis", "new_axis", "ellipsis"))
    return "kept" if whole and not changed and isinstance(strides, tuple) and strides[:1] == (1,) else "unknown"
