"""Tensor shapes that pandas can sort, group and print."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from typing import final

Dim = int | str | None
"""A size, a symbol or expression (``"batch"``, ``"2*n"``), or None for an unnamed free dimension."""

UNTOLD = "?"
"""A free dimension that depends on others in an unknown way."""


def _dim_key(dim: Dim) -> tuple[int, int, str]:
    if dim is None:
        return (0, 0, "")
    if isinstance(dim, str):
        return (1, 0, dim)
    return (2, dim, "")


_MULTIPLE = re.compile(r"(\d+)\*[^\W\d]\w*")
_EXPRESSION = re.compile(r"[+*/()?%^]|^-|\s-\s|-\s*\d")


def _for_one(dim: str | None) -> int | None:
    """Return how much of a free dimension there is for one example, None where its expression does not tell."""
    if dim is None or not _EXPRESSION.search(dim):
        return 1
    multiple = _MULTIPLE.fullmatch(dim)
    return int(multiple[1]) if multiple else None


@final
@functools.total_ordering
class Shape:
    """The shape of one tensor: hashable, totally ordered, printed as ``(None, 7, 7, 2048)``.

    It is not a tuple, because pandas 3 can neither sort nor group tuples with None. Unnamed free dimensions (None) sort
    before named ones, and named ones before sizes.

    Parameters
    ----------
    dims
        One entry per axis.

    Examples
    --------
    >>> shape = nbviz.Shape((None, 7, 7, 2048))
    >>> shape
    (None, 7, 7, 2048)
    >>> shape.dims[-1], shape[-1], len(shape)
    (2048, 2048, 4)
    >>> shape == (None, 7, 7, 2048)
    True
    >>> sorted([nbviz.Shape((2, 3)), nbviz.Shape(("batch", 3)), nbviz.Shape((None, 3))])
    [(None, 3), (batch, 3), (2, 3)]
    """

    __slots__ = ("dims",)
    dims: tuple[Dim, ...]

    def __init__(self, dims: Iterable[Dim]) -> None:
        object.__setattr__(self, "dims", tuple(dims))

    def __setattr__(self, name: str, value: object) -> None:
        msg = f"Shape is immutable: cannot set {name!r}"
        raise AttributeError(msg)

    def __reduce__(self) -> tuple[type[Shape], tuple[tuple[Dim, ...]]]:
        return (Shape, (self.dims,))

    def __iter__(self) -> Iterator[Dim]:
        return iter(self.dims)

    def __len__(self) -> int:
        return len(self.dims)

    def __getitem__(self, axis: int) -> Dim:
        return self.dims[axis]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Shape):
            return self.dims == other.dims
        if isinstance(other, tuple):  # so that `row.output_shape == (None, 2)` reads as people write it
            return self.dims == other
        return NotImplemented

    def __lt__(self, other: object) -> bool:
        if isinstance(other, Shape):
            return [_dim_key(d) for d in self.dims] < [_dim_key(d) for d in other.dims]
        if isinstance(other, Shapes):
            return _shapes_key(Shapes((self,))) <= _shapes_key(other)  # one tensor comes before a list of one
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self.dims)

    def __repr__(self) -> str:
        inner = ", ".join(str(d) for d in self.dims)
        return f"({inner},)" if len(self.dims) == 1 else f"({inner})"

    def size(self, *, free_batch: bool = False) -> int | None:
        """Return the number of elements, or None if a dimension is free.

        Parameters
        ----------
        free_batch
            Count a free first dimension for one example: ``None`` and ``"batch"`` as 1, ``"16*batch"`` as 16.

        Examples
        --------
        >>> shape = nbviz.Shape((None, 7, 7, 2048))
        >>> shape.size() is None
        True
        >>> shape.size(free_batch=True)
        100352
        """
        total = 1
        for axis, dim in enumerate(self.dims):
            if isinstance(dim, int):
                total *= dim
            elif free_batch and axis == 0 and (each := _for_one(dim)) is not None:
                total *= each
            else:
                return None
        return total


@final
@functools.total_ordering
class Shapes:
    """The shapes of several tensors, in port order; an entry is None if the rank is unknown.

    Parameters
    ----------
    shapes
        One entry per tensor.

    Examples
    --------
    >>> pair = nbviz.Shapes((nbviz.Shape((None, 8)), None))
    >>> pair
    (None, 8), ?
    >>> pair.shapes[0], pair[0], len(pair)
    ((None, 8), (None, 8), 2)
    """

    __slots__ = ("shapes",)
    shapes: tuple[Shape | None, ...]

    def __init__(self, shapes: Iterable[Shape | None]) -> None:
        object.__setattr__(self, "shapes", tuple(shapes))

    def __setattr__(self, name: str, value: object) -> None:
        msg = f"Shapes is immutable: cannot set {name!r}"
        raise AttributeError(msg)

    def __reduce__(self) -> tuple[type[Shapes], tuple[tuple[Shape | None, ...]]]:
        return (Shapes, (self.shapes,))

    def __iter__(self) -> Iterator[Shape | None]:
        return iter(self.shapes)

    def __len__(self) -> int:
        return len(self.shapes)

    def __getitem__(self, port: int) -> Shape | None:
        return self.shapes[port]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Shapes):
            return self.shapes == other.shapes
        if isinstance(other, tuple):
            return self.shapes == other
        return NotImplemented

    def __lt__(self, other: object) -> bool:
        if isinstance(other, Shape):
            other = Shapes((other,))
        return _shapes_key(self) < _shapes_key(other) if isinstance(other, Shapes) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.shapes)

    def __repr__(self) -> str:
        return ", ".join("?" if s is None else repr(s) for s in self.shapes)


def _shapes_key(shapes: Shapes) -> list[list[tuple[int, int, str]]]:
    return [[(-1, 0, "")] if s is None else [_dim_key(d) for d in s.dims] for s in shapes.shapes]
