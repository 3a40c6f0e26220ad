"""What a model is called with where only shapes are given; a free dimension is tried at several sizes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, final

BATCH = "batch"
"""The free dimension that all first axes share."""

_SIZES = {BATCH: (2, 3)}
_OTHER_SIZES = (64, 128)


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

    def sized(self, varied: str | None) -> tuple[int, ...]:
        """Return the shape with numbers for its free dimensions, the other number for the one that is varied."""
        return tuple(d if isinstance(d, int) else _SIZES.get(d, _OTHER_SIZES)[d == varied] for d in self.shape)


@final
@dataclass(frozen=True)
class Arguments:
    """What a model is called with: positions and keywords, with specs where only shapes are given."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def specs(self) -> list[Spec]:
        """Return the inputs of which only shapes are given."""
        return [leaf for leaf in _leaves((self.args, dict(self.kwargs))) if isinstance(leaf, Spec)]

    def free(self) -> list[str]:
        """Return the names of the free dimensions, the batch first."""
        names = dict.fromkeys(d for spec in self.specs() for d in spec.shape if isinstance(d, str))
        return sorted(names, key=lambda name: name != BATCH)

    def guesses(self) -> bool:
        """Tell whether the dtype of an input is a guess."""
        return any(spec.dtype is None for spec in self.specs())


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _leaves(item)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _leaves(item)
    else:
        yield value
