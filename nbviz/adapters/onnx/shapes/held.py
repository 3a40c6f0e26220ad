"""Upper bounds for what ``onnx`` shape inference stores for each tensor, and what the file declares."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, final

ENDLESS = 1 << 63
"""No size and no number in a shape is larger."""

_FEW = 16
"""Stored values that say how long something is, or where it is cut."""

WHOLE = (6, 7)
"""Element types of what shapes are made of, by their numbers in ``TensorProto.DataType``."""

_NUMBERS = (1, 5, 6, 7, 10, 11)
"""Element types of numbers, of which a length may be made."""


@final
class Held(NamedTuple):
    """What is held of a tensor, at most.

    Attributes
    ----------
    axes
        Its axes.
    longest
        The size of its longest axis, which is the number of its values where it has one axis; None if no size is known.
    size
        How many values it has in all; 0 where the inference cannot know each of its sizes.
    most
        The largest of its values, where these are known.
    is_whole
        Whether its values may be a shape: they are held then, known or not, as soon as their number is.
    stored
        Its values, where the file has them and they are few.
    dims
        Its sizes, where the file says them.
    fewest_axes
        As many axes it has at least.
    fewest
        As many values it has at least, if it has no more than one axis.
    """

    axes: int = 0
    longest: int | None = None
    size: int = 0
    most: int = 0
    is_whole: bool = False
    stored: tuple[float, ...] = ()
    dims: tuple[int, ...] = ()
    fewest_axes: int = 0
    fewest: int = 0

    def taken(self) -> int:
        """Return how much that is."""
        return self.axes + (self.longest or 0 if self.is_whole else 0)

    def followed(self) -> int:
        """Return how many values are held where values are followed: those of whatever has one axis, fractions too."""
        return self.longest or 0 if self.fewest_axes < 2 else 0

    def beside(self, said: Held) -> Held:
        """Return what an operation makes where the file says something of it too: all of both may hold."""
        dims = () if self.size else said.dims  # which are all that the inference knows otherwise
        axes = min(self.fewest_axes, said.fewest_axes) if said.axes else self.fewest_axes
        return at_most((self, said))._replace(
            size=max(self.size, said.size),
            stored=said.stored or self.stored,  # which the inference takes, whatever makes it
            dims=dims,
            fewest_axes=said.fewest_axes if said.dims else axes,  # which stands, whatever is made
            fewest=self.fewest,
        )

    def inferred_as(self, said: Held) -> Held:
        """Return what an operation makes where its type is known, as far as its sizes are."""
        if said.longest is None:
            return self.beside(said)
        sized = said if all(said.dims) else self.beside(said)._replace(fewest=self.fewest)
        return sized._replace(axes=said.axes, most=self.most, stored=self.stored, fewest_axes=said.axes)


NOTHING = Held()
"""What is held of a tensor of which nothing is known."""


def at_most(several: Iterable[Held]) -> Held:
    """Return what is as large as any of several."""
    found = list(several)
    if len(found) < 2:
        return found[0]._replace(stored=(), dims=()) if found else NOTHING
    axes, longest, sizes, most, whole, _, _, fewest_axes, fewest = zip(*found, strict=True)
    known = [length for length in longest if length is not None]
    size = max(sizes) if all(sizes) else 0
    return Held(max(axes), max(known, default=None), size, max(most), any(whole), (), (), min(fewest_axes), min(fewest))


def of_type(kind: Any) -> Held:
    """Return what a type says, of tensors in a sequence too."""
    which = kind.WhichOneof("value")
    inner: Any = getattr(kind, which) if which else None
    if which in ("tensor_type", "sparse_tensor_type"):
        sizes = [max(dim.dim_value, 0) for dim in inner.shape.dim]
        longest = max(sizes) if sizes else int(inner.HasField("shape"))
        size = times(sizes) if longest else 0
        return Held(len(sizes), longest or None, size, 0, inner.elem_type in WHOLE, (), tuple(sizes), len(sizes), size)
    return of_type(inner.elem_type) if inner is not None and hasattr(inner, "elem_type") else NOTHING


def without_values(tensor: Any) -> Held:
    """Return what is stored, but for the values."""
    dims = tuple(tensor.dims)
    longest = max(0, *dims) if dims else 1
    size = times(dims)
    return Held(len(dims), longest, size, 0, tensor.data_type in WHOLE, (), dims, len(dims), size)


def of_tensor(tensor: Any) -> Held:
    """Return what is stored."""
    from onnx import numpy_helper

    held = without_values(tensor)
    numbers: Sequence[float] = ()
    if held.size <= _FEW and tensor.data_type in _NUMBERS:
        try:
            numbers = numpy_helper.to_array(tensor).ravel().tolist()
        except Exception:  # noqa: BLE001 - the values are elsewhere, or not as many as the file says
            numbers = ()
    return _with(numbers, held)


def of_constant(node: Any) -> Held:
    """Return what a ``Constant`` makes."""
    for a in node.attribute:
        if a.HasField("t"):
            return of_tensor(a.t)
        whole = a.name.startswith("value_int")
        if whole or a.name.startswith("value_float"):
            numbers = (a.ints if whole else a.floats) if a.name.endswith("s") else [a.i if whole else a.f]
            return _with(numbers, Held(1, len(numbers), len(numbers), 0, whole, fewest=len(numbers)))
        return Held(len(a.sparse_tensor.dims) or 1)
    return NOTHING


def _with(numbers: Sequence[float], held: Held) -> Held:
    few = numbers if len(numbers) <= _FEW else ()
    stored = tuple(number for number in few if abs(number) <= ENDLESS)  # no length is larger, or not a number
    return held._replace(most=largest(numbers if held.is_whole else stored), stored=stored)


def times(sizes: Iterable[int]) -> int:
    """Return the product, which stays a number of few digits."""
    product = 1
    for size in sizes:
        product = min(product * max(size, 0), ENDLESS)
    return product


def largest(numbers: Iterable[float]) -> int:
    """Return how far from zero the farthest of some numbers is."""
    return min(max((math.ceil(abs(number)) for number in numbers), default=0), ENDLESS)
