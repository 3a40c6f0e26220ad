"""A tensor of a checkpoint that may be packed, with what is beside it and what the folder says: what the rules ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple, final

from nbviz.adapters.checkpoints.quantization import Quantization

if TYPE_CHECKING:
    from nbviz.adapters.checkpoints.tree import Entry

Tensors = Mapping[tuple[str, ...], "Entry"]

_FEW = 8
"""Numbers that are a shape, and are read at once."""


@final
class Tensor(NamedTuple):
    """A tensor that may be packed, with what tells how.

    Attributes
    ----------
    entry
        The tensor.
    tensors
        All tensors of the checkpoint by path.
    quantization
        What the folder says of it, None where no folder was asked.
    """

    entry: Entry
    tensors: Tensors
    quantization: Quantization | None

    @property
    def row(self) -> tuple[str, ...]:
        """The layer that it is of."""
        return self.entry.path[:-1]

    @property
    def name(self) -> str:
        """Its own name."""
        return self.entry.path[-1]

    @property
    def dtype(self) -> str:
        """The dtype that is stored."""
        return self.entry.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape that is stored."""
        return self.entry.shape

    @property
    def size(self) -> int:
        """The number of elements that are stored."""
        return self.entry.size

    @property
    def bits(self) -> int:
        """The number of bits that are stored, 0 where it is unknown."""
        return 8 * (self.entry.bytes or 0)

    def beside(self, *names: str) -> Entry | None:
        """Return the tensor of that name in the same row, or of those names in rows inside it."""
        return self.tensors.get((*self.row, *names))


Rules = Mapping[str, tuple[Callable[[Tensor], int | None], ...]]
"""Rules by the dtype of what is packed: each returns how many values it stands for, None where it does not apply."""


def few_numbers(entry: Entry | None) -> list[int]:
    """Return the values of a tensor of few whole numbers, none where they cannot be read."""
    if entry is None or isinstance(entry.values, str) or entry.size > _FEW:
        return []
    if not entry.dtype.startswith(("int", "uint")):
        return []
    try:
        return [int(number) for piece in entry.values.pieces() for number in piece]
    except (OSError, ValueError, EOFError, LookupError, RuntimeError):
        return []
