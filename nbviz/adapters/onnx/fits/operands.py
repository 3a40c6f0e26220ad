"""What a node is given, as far as it is known; rules for sizes that fit ask for it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, final

from nbviz.adapters.onnx.types import shown
from nbviz.shape import Dim

Dims = Sequence[Dim]
"""Sizes of a tensor, with the symbols of those that are open."""


class UnknownError(Exception):
    """What a rule asks for is not known, so that nothing can be said."""


@final
class Operands(NamedTuple):
    """A node of the standard with the sizes and values that it takes.

    Attributes
    ----------
    inputs
        Names of the tensors that it takes; ``""`` for one that is left out.
    attributes
        Its attributes by name.
    version
        The version of the standard that says what it means.
    sizes
        Returns the sizes of a tensor by its name, None if its rank is not known.
    values
        Returns the values of a tensor by its name as an array, None if they are not known.
    """

    inputs: Sequence[str]
    attributes: Mapping[str, Any]
    version: int
    sizes: Callable[[str], Dims | None]
    values: Callable[[str], Any]

    def has(self, at: int) -> bool:
        """Tell whether an input is given."""
        return at < len(self.inputs) and bool(self.inputs[at])

    def dims(self, at: int, rank: int | None = None) -> Dims:
        """Return the sizes of an input, which has to have so many axes."""
        found = self.sizes(self.inputs[at]) if self.has(at) else None
        if found is None or (rank is not None and len(found) != rank):
            raise UnknownError
        return found

    def wanted(self, at: int) -> list[int]:
        """Return the values of an input that says sizes."""
        found = self.values(self.inputs[at]) if self.has(at) else None
        if found is None or found.ndim != 1:
            raise UnknownError
        return [int(value) for value in found.tolist()]

    def number(self, name: str, default: int | None = None) -> int:
        """Return an attribute that is a whole number."""
        found = self.attributes.get(name)
        if found is not None and not found.ref_attr_name:
            return int(found.i)
        if found is not None or default is None:
            raise UnknownError
        return default

    def numbers(self, name: str) -> list[int]:
        """Return an attribute that is several whole numbers."""
        found = self.attributes.get(name)
        if found is None or found.ref_attr_name:
            raise UnknownError
        return list(found.ints)

    def axis(self, of: Dims, default: int | None = None) -> int:
        """Return the attribute ``axis``, counted from the first axis."""
        found = self.number("axis", default)
        if not -len(of) <= found < len(of):
            raise UnknownError
        return found % len(of)

    def since(self, version: int) -> None:
        """Say nothing of what is older than this version of the standard, where the operation means something else."""
        if self.version < version:
            raise UnknownError


def number(dim: Dim) -> int:
    """Return a size that has to be known."""
    if not isinstance(dim, int):
        raise UnknownError
    return dim


def product(dims: Iterable[Dim]) -> int:
    """Return the number of elements of sizes that have to be known."""
    return math.prod(map(number, dims))


def differ(one: Dim, other: Dim) -> bool:
    """Tell whether two sizes are both known, and not the same."""
    return isinstance(one, int) and isinstance(other, int) and one != other


def said(dims: Dims) -> str:
    """Return sizes as people see them."""
    return str(shown(dims))
