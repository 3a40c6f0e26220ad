"""Rules for operations that arrange the same elements in another way."""

from __future__ import annotations

from nbviz.adapters.onnx.fits.operands import Operands, UnknownError, differ, product, said


def reshape(given: Operands) -> str:
    """Tell whether the sizes that are wanted have more or fewer elements; before version 5 an attribute has them."""
    given.since(5)
    taken, wanted = given.dims(0), given.wanted(1)
    held = product(taken)
    if not held or (given.number("allowzero", 0) and 0 in wanted):
        raise UnknownError
    if any(size == 0 and axis >= len(taken) for axis, size in enumerate(wanted)) or min(wanted, default=0) < -1:
        raise UnknownError
    sizes = [taken[axis] if size == 0 else size for axis, size in enumerate(wanted)]
    fixed = product(size for size in sizes if size != -1)
    if -1 not in wanted:
        return f"{said(taken)} has {held} elements, and {said(sizes)} has {fixed}" if fixed != held else ""
    if wanted.count(-1) > 1 or held % fixed == 0:
        return ""
    return f"the {held} elements of {said(taken)} cannot be arranged as {said(sizes)}: {held} is no multiple of {fixed}"


def split(given: Operands) -> str:
    """Tell whether parts have other sizes together than what is split."""
    given.since(2)
    taken = given.dims(0)
    axis = given.axis(taken, 0)
    sizes = given.wanted(1) if given.version >= 13 else given.numbers("split")
    if min(sizes, default=-1) < 0:
        raise UnknownError
    if not differ(sum(sizes), taken[axis]):
        return ""
    return f"parts of {' and '.join(map(str, sizes[:8]))} are {sum(sizes)}, and axis {axis} of {said(taken)} is {taken[axis]}"
