"""A model's arrays as values, while the model lives."""

from __future__ import annotations

import math
import weakref
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, final

from nbviz.adapters.jax.arrays import is_key

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_CHUNK = 1 << 20
"""Elements per piece that a weight reader yields."""


@final
class JaxWeightReader:
    """Reads arrays in pieces while they still live; holds each of them weakly.

    Parameters
    ----------
    arrays
        The parameters by id.
    """

    def __init__(self, arrays: Sequence[Any]) -> None:
        self._references = [_reference(array) for array in arrays]

    def chunks(self, parameter: int) -> Iterator[npt.NDArray[np.generic]]:
        """Yield the values of one parameter as flat pieces along its first axis.

        Raises
        ------
        LookupError
            If there is no such parameter, it has no values, or the model no longer exists.
        """
        if not 0 <= parameter < len(self._references):
            msg = f"This model has no parameter {parameter}; it has {len(self._references)}."
            raise LookupError(msg)
        reference = self._references[parameter]
        if reference is None:
            msg = "This weight has a shape and no values."
            raise LookupError(msg)
        array = reference()
        if array is None:
            msg = "The model no longer exists in this session, so its weights cannot be read. Run the cell again."
            raise LookupError(msg)
        if getattr(array, "is_deleted", lambda: False)():
            msg = "The values of this weight were given away (donated) to a computation. Run the cell again."
            raise LookupError(msg)
        if not getattr(array, "is_fully_addressable", True):
            msg = "This weight is spread over several processes, and not all of its values are here."
            raise LookupError(msg)
        return _pieces(array)


def _reference(array: Any) -> Any:
    import jax
    import numpy as np

    if not isinstance(array, (jax.Array, np.ndarray)) or isinstance(array, jax.core.Tracer) or is_key(array.dtype):
        return None
    return weakref.ref(array)


def _pieces(array: Any) -> Iterator[npt.NDArray[np.generic]]:
    import numpy as np

    if {device.platform for device in getattr(array, "devices", set)()} == {"cpu"}:
        array = np.asarray(array)  # the same memory, which NumPy cuts without compiling anything
    if not array.shape:
        yield _to_numpy(array).reshape(-1)
        return
    rows = max(1, _CHUNK // max(math.prod(array.shape[1:]), 1))
    for start in range(0, array.shape[0], rows):
        yield _to_numpy(array[start : start + rows]).reshape(-1)


def _to_numpy(piece: Any) -> npt.NDArray[np.generic]:
    import numpy as np

    found = np.asarray(piece)
    return found if found.dtype.kind in "biufc" else found.astype(np.float32)
