"""Reads the values of a checkpoint's tensors from the file, on demand."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, final

from nbviz.adapters.text import plain, short
from nbviz.adapters.weights import CHUNK, of_parameter
from nbviz.errors import FileReadError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def is_text_or_date(dtype: Any) -> bool:
    """Tell whether what has this dtype of NumPy is never a tensor."""
    return getattr(dtype, "kind", None) in {*"STUMm"}


def values_of(dtype: Any) -> str:
    """Return what an array of no numbers holds."""
    return f"values of the type {short(dtype, 100)}"


def left_out(name: str, what: str) -> str:
    """Return the note of something that holds ``what`` where numbers were expected."""
    return f"{short(name, 100)} holds {what}, so it is not read."


class Values(Protocol):
    """Where the values of one tensor are."""

    def pieces(self) -> Iterator[npt.NDArray[np.generic]]:
        """Yield them as flat pieces; what goes wrong is an ``OSError``, ``ValueError`` or ``FileReadError``."""
        ...


@final
@dataclass(frozen=True, slots=True)
class Span:
    """A tensor as bytes in one piece of a file, in the order of its elements.

    Attributes
    ----------
    path
        The file.
    offset
        Where the bytes begin.
    count
        How many elements there are.
    dtype
        Their type, by the name in the graph.
    big
        Whether their bytes are stored with the most significant one first.
    """

    path: Path
    offset: int
    count: int
    dtype: str
    big: bool = False

    def pieces(self) -> Iterator[npt.NDArray[np.generic]]:
        """Yield the values as flat pieces."""
        import numpy as np

        stored, decode = decoder(self.dtype)
        dtype = np.dtype(stored).newbyteorder(">" if self.big else "<")
        if not self.path.is_file():
            raise ValueError("the file no longer exists")
        with self.path.open("rb") as file:
            file.seek(self.offset)
            for start in range(0, self.count, CHUNK):
                wanted = min(CHUNK, self.count - start)
                found = np.fromfile(file, dtype, wanted)
                if len(found) < wanted:
                    raise ValueError("the file ends early")
                yield decode(found.astype(dtype.newbyteorder("="), copy=False))


def decoder(dtype: str) -> tuple[str, Callable[[Any], Any]]:
    """Return the NumPy dtype that stores a dtype, and what makes values of it.

    Raises
    ------
    ValueError
        If NumPy has nothing to store it in.
    """
    import numpy as np

    if dtype == "bfloat16":
        return "uint16", lambda bits: (bits.astype("uint32") << 16).view("float32")
    if dtype == "float8_e5m2":
        return "uint8", lambda bits: (bits.astype("uint16") << 8).view("float16").astype("float32")
    if dtype == "float8_e4m3fn":
        table = np.array([_e4m3(byte) for byte in range(256)], "float32")
        return "uint8", lambda bits: table[bits]
    if dtype.rstrip("0123456789") not in {"float", "int", "uint", "complex", "bool"}:
        raise ValueError(f"its values are stored as {dtype}, which nbviz cannot decode")
    return dtype, lambda values: values


def _e4m3(byte: int) -> float:
    """Return the number that a byte is in the 8-bit format with four bits of exponent and no infinity."""
    sign, exponent, fraction = -1.0 if byte & 128 else 1.0, byte >> 3 & 15, byte & 7
    if byte & 127 == 127:
        return math.nan
    return sign * (fraction * 2.0**-9 if exponent == 0 else (8 + fraction) * 2.0 ** (exponent - 10))


@final
class Weights:
    """Reads weights from where they are, a file that is opened again or objects that still live: a view holds none of them.

    Parameters
    ----------
    where
        What was read, for messages.
    values
        Where the values of each parameter are, by id; a text says why they cannot be read.
    """

    def __init__(self, where: str, values: Sequence[Values | str]) -> None:
        self._where = where
        self._values = values

    def chunks(self, parameter: int) -> Iterator[npt.NDArray[np.generic]]:
        """Yield the values of one parameter as flat pieces.

        Raises
        ------
        LookupError
            If there is no such parameter, or its values cannot be read.
        """
        found = of_parameter(self._values, parameter, "checkpoint")
        if isinstance(found, str):
            raise LookupError(f"The values of this weight cannot be read: {found}.")  # noqa: TRY004 - as promised
        return self._told(found.pieces())

    def _told(self, pieces: Iterator[npt.NDArray[np.generic]]) -> Iterator[npt.NDArray[np.generic]]:
        try:
            yield from pieces
        except (OSError, ValueError, EOFError, FileReadError, RuntimeError) as error:
            raise LookupError(f"The weights cannot be read from {self._where}: {plain(error)}.") from error
