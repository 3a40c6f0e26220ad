"""Rules for tensors that are computed with element by element, or are repeated to the sizes of another."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nbviz.adapters.onnx.fits.operands import Dims, Operands, UnknownError, differ, said
from nbviz.shape import Dim


def elements(since: int) -> Callable[[Operands], str]:
    """Return the rule of an operation on the elements of all that it takes, which broadcasts since this version."""

    def rule(given: Operands) -> str:
        given.since(since)
        return unlike([given.dims(at) for at in range(len(given.inputs)) if given.has(at)])

    return rule


def expand(given: Operands) -> str:
    """Tell what does not fit in an ``Expand``, which keeps the sizes where 1 is wanted."""
    given.since(8)
    return unlike([given.dims(0), given.wanted(1)])


def unlike(shapes: Sequence[Dims]) -> str:
    """Say where tensors have neither equal sizes nor 1, ``""`` if they have."""
    for axis in range(-1, -max(map(len, shapes), default=0) - 1, -1):
        sizes = {dims[axis] for dims in shapes if len(dims) >= -axis}
        known = [size for size in dict.fromkeys(sizes) if isinstance(size, int) and size != 1]
        if len(known) > 1:
            return (
                f"{_all(shapes)} cannot be broadcast: counted from the last axis, sizes must be equal, or one of them 1, "
                f"but axis {axis} has {' and '.join(map(str, sorted(known)))}"
            )
    return ""


def repeated(what: str, dims: Dims, to: Dims) -> str:
    """Say that a tensor cannot be repeated to the sizes of another, which keeps its own, ``""`` if it can."""
    pairs = zip(reversed(dims), reversed(to), strict=False)
    if len(dims) <= len(to) and not any(differ(one, other) and one != 1 for one, other in pairs):
        return ""
    return f"its {what} {said(dims)} cannot be broadcast to {said(to)}"


def joined(given: Operands) -> str:
    """Tell what does not fit in a ``Concat``: sizes may differ in the axis alone that it joins along."""
    given.since(4)
    shapes = [given.dims(at) for at in range(len(given.inputs)) if given.has(at)]
    shapes = [dims for dims in shapes if 0 not in dims]  # runtimes pass over what is empty, whatever its other sizes
    if len(set(map(len, shapes))) != 1:
        raise UnknownError
    along = given.axis(shapes[0])
    for axis in range(len(shapes[0])):
        sizes = list(dict.fromkeys(dims[axis] for dims in shapes if isinstance(dims[axis], int)))
        if axis != along and len(sizes) > 1:
            return (
                f"{_all(shapes)} differ in axis {axis} ({' and '.join(map(str, sizes))}): only axis {along}, which they "
                "are joined along, may differ"
            )
    return ""


def _all(shapes: Sequence[Sequence[Dim]]) -> str:
    """Return different shapes in a row."""
    found = list(dict.fromkeys(map(said, shapes)))
    return " and ".join(found[:4]) + (f" and {len(found) - 4} more" if len(found) > 4 else "")
