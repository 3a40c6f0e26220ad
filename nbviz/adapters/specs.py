"""The arguments of a model if only their shapes are given; a free dimension is tried with several sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral, Number
from typing import Any, final

from nbviz.errors import InputsError

BATCH = "batch"
"""The free dimension that all first axes share."""

VALUES = "values"
"""Varied where nothing else is: the values of inputs of which only shapes are given."""

BATCHES = (4, 6)
"""What the batch is tried with: models that take it in halves or thirds find some of more than one example, and see both differ."""

FREE_SIZE = 64
"""What a free dimension other than the batch is tried with, and then with twice as much."""

OTHER_FREE_SIZES = (8, 224)
"""What it is tried with where that does not work: a table of positions may end, and pictures have this many pixels."""


@final
@dataclass(frozen=True)
class Spec:
    """An input of which shape and dtype are given; a free dimension is the name of what varies.

    Attributes
    ----------
    shape
        One size or name of a free dimension per axis.
    dtype
        The dtype; None when it was not given, so that it is a guess.
    """

    shape: tuple[int | str, ...]
    dtype: Any = None

    def sized(self, varied: str | None, size: int = FREE_SIZE) -> tuple[int, ...]:
        """Return the shape with numbers for its free dimensions, the other number for the one that is varied."""
        return tuple(
            d if isinstance(d, int) else (BATCHES if d == BATCH else (size, 2 * size))[d == varied] for d in self.shape
        )


@final
@dataclass(frozen=True)
class Arguments:
    """What a model is called with: positions and keywords, with specs where only shapes are given."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def specs(self) -> list[Spec]:
        """Return the inputs of which only shapes are given."""
        return [leaf for leaf in self._leaves() if isinstance(leaf, Spec)]

    def any(self, kind: Callable[[Any], bool]) -> bool:
        """Tell whether an input is of a kind."""
        return any(map(kind, self._leaves()))

    def _leaves(self) -> Iterator[Any]:
        return _leaves((self.args, dict(self.kwargs)))

    def free(self) -> list[str]:
        """Return the names of the free dimensions, the batch first."""
        names = dict.fromkeys(d for spec in self.specs() for d in spec.shape if isinstance(d, str))
        return sorted(names, key=lambda name: name != BATCH)

    def guesses(self) -> bool:
        """Tell whether the dtype of an input is a guess."""
        return any(spec.dtype is None for spec in self.specs())


def is_dim(value: Any) -> bool:
    """Tell whether a value can be a dimension of a shape: a size, a name, or None where it is free."""
    return value is None or isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool))


def is_size(value: Any) -> bool:
    """Tell whether a value is a whole number, which may be NumPy's."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def are_dims(values: Sequence[Any]) -> bool:
    """Tell whether values are a shape. Sizes may be NumPy's too, but not all of them: alone, these are examples of inputs."""
    if not any(map(is_dim, values)) or isinstance(values[0], str):
        return False
    return all(is_dim(value) or is_size(value) for value in values)


def odd_dim(values: Sequence[Any]) -> int | None:
    """Return which of values that look like a shape is no dimension; None where there is none, or they look like something else."""
    sizes = any(value is None or is_size(value) for value in values)
    if not sizes or not all(is_dim(value) or isinstance(value, Number) for value in values):
        return None
    return next((at for at, value in enumerate(values) if not is_dim(value) and not is_size(value)), None)


def spec_of(shape: tuple[Any, ...], dtype: Any, where: str) -> Spec:
    """Return an input of a shape; ``where`` says what it is called.

    Raises
    ------
    InputsError
        If a size is negative.
    """
    shape = tuple(int(d) if isinstance(d, Integral) else d for d in shape)
    if any(isinstance(d, int) and d < 0 for d in shape):
        msg = f"{where} has the shape {shape}; a size cannot be negative. Write None for a free dimension."
        raise InputsError(msg)
    named = (d if d is not None else BATCH if axis == 0 else f"axis {axis}" for axis, d in enumerate(shape))
    return Spec(tuple(named), dtype)


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _leaves(item)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _leaves(item)
    else:
        yield value
