"""A model's arrays as values, while the model lives."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, final

from nbviz.adapters.jax.arrays import is_key
from nbviz.adapters.weights import alive, of_parameter, pieces

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


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
        reference = of_parameter(self._references, parameter)
        if reference is None:
            msg = "This weight has a shape but no values."
            raise LookupError(msg)
        array = alive(reference)
        if getattr(array, "is_deleted", lambda: False)():
            msg = "The values of this weight were donated to a computation. Run the cell again."
            raise LookupError(msg)
        if not getattr(array, "is_fully_addressable", True):
            msg = "This weight is spread over several processes, and this process does not hold all of its values."
            raise LookupError(msg)
        return pieces(_in_memory(array), _to_numpy)


def _reference(array: Any) -> Any:
    import jax
    import numpy as np

    if not isinstance(array, (jax.Array, np.ndarray)) or isinstance(array, jax.core.Tracer) or is_key(array.dtype):
        return None
    return weakref.ref(array)


def _in_memory(array: Any) -> Any:
    """Return an array of the processor as NumPy's, which is the same memory and is cut without compiling anything."""
    import numpy as np

    on_processor = {device.platform for device in getattr(array, "devices", set)()} == {"cpu"}
    return np.asarray(array) if on_processor else array


def _to_numpy(piece: Any) -> npt.NDArray[np.generic]:
    import numpy as np

    found = np.asarray(piece)
    return found if found.dtype.kind in "biufc" else found.astype(np.float32)
