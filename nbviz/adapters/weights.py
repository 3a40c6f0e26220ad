"""Splits the values of weights into pieces, for every reader of weights."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

T = TypeVar("T")

CHUNK = 1 << 20
"""Elements per piece."""


def of_parameter(known: Sequence[T], parameter: int, source: str = "model") -> T:
    """Return what is known of a parameter by its id.

    Raises
    ------
    LookupError
        If there is no such parameter.
    """
    if not 0 <= parameter < len(known):
        msg = f"This {source} has no parameter {parameter}; it has {len(known)}."
        raise LookupError(msg)
    return known[parameter]


def alive(reference: weakref.ref[Any] | Callable[[], Any]) -> Any:
    """Return what is held weakly.

    Raises
    ------
    LookupError
        If it no longer exists.
    """
    value = reference()
    if value is None:
        msg = "The model no longer exists in this session, so its weights cannot be read. Run the cell again."
        raise LookupError(msg)
    return value


def pieces(value: Any, to_numpy: Callable[[Any], npt.NDArray[np.generic]]) -> Iterator[npt.NDArray[np.generic]]:
    """Yield the values of an array as flat pieces along its first axis; a row that is longer than a piece is cut in the same way."""
    shape = value.shape
    if len(shape) == 0:
        yield to_numpy(value).reshape(-1)
        return
    rest = math.prod(shape[1:])
    if rest > CHUNK and len(shape) > 1:
        for row in range(shape[0]):
            yield from pieces(value[row], to_numpy)
        return
    rows = max(1, CHUNK // max(rest, 1))
    for start in range(0, shape[0], rows):
        yield to_numpy(value[start : start + rows]).reshape(-1)
