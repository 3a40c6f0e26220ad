"""The tables of a TFLite model: subgraphs, buffers and operator codes."""

from __future__ import annotations

from collections.abc import Hashable
from typing import final

from nbviz.adapters.text import label
from nbviz.adapters.tflite.flat import Flat, Table
from nbviz.adapters.tflite.tensors import Place


@final
class Subgraph:
    """The tables of one subgraph, taken out once.

    Parameters
    ----------
    table
        The subgraph.
    """

    def __init__(self, table: Table) -> None:
        self.name = label(table.text("name"))
        self.tensors = table.tables("tensors")
        self.operators = table.tables("operators")
        self.inputs = [self.index(i) for i in table.numbers("inputs")]
        self.outputs = [self.index(i) for i in table.numbers("outputs")]
        self.taken = [[self.index(i) for i in operator.numbers("inputs")] for operator in self.operators]
        self.made = [[self.index(i) for i in operator.numbers("outputs")] for operator in self.operators]

    def index(self, i: int) -> int:
        """Return the number of a tensor, -1 for one that is left out."""
        if not -1 <= i < len(self.tensors):
            raise ValueError(f"it refers to tensor {i:,} of {len(self.tensors):,}")
        return i


@final
class Model:
    """A TFLite model.

    Parameters
    ----------
    flat
        The bytes of the file.

    Attributes
    ----------
    root
        The outermost table.
    subgraphs
        Its subgraphs.
    """

    def __init__(self, flat: Flat) -> None:
        self.flat = flat
        self.root = flat.root("Model")
        self._codes = self.root.tables("operator_codes")
        self._buffers = self.root.tables("buffers")
        self.subgraphs = [Subgraph(table) for table in self.root.tables("subgraphs")]
        if not self.subgraphs:
            raise ValueError("it holds no subgraph")

    def index(self, at: Hashable) -> int:
        """Return the number of a subgraph, after checking that it exists."""
        if not isinstance(at, int) or not 0 <= at < len(self.subgraphs):
            raise ValueError(f"it refers to subgraph {at} of {len(self.subgraphs):,}")
        return at

    def place(self, at: int, i: int, table: Table) -> Place | None:
        """Return where the values of a tensor are, None if it has none."""
        number = table.number("buffer")
        if number >= max(len(self._buffers), 1):
            raise ValueError(f"it refers to buffer {number:,} of {len(self._buffers):,}")
        if table.number("external_buffer"):
            return Place(("external", table.number("external_buffer")), None, None)
        begin, count = self._buffer(number)
        if count and not table.number("is_variable"):
            return Place(("buffer", number), begin, count)
        if table.number("is_variable") or 0 in table.numbers("shape", 8):
            return Place((f"state of {at}", i), None, None)
        return None

    def _buffer(self, number: int) -> tuple[int, int]:
        """Return where the bytes of a buffer are, which a large model has behind the tables."""
        if not number:  # the first is empty in every file
            return 0, 0
        buffer = self._buffers[number]
        begin, count = buffer.extent("data")
        if count:
            return begin, count
        begin, count = buffer.number("offset"), buffer.number("size")
        if begin <= 1 or not count:  # 1 stands for an offset that is not known yet
            return 0, 0
        if begin + count > self.flat.size:
            raise ValueError(
                f"it ends early: buffer {number:,} ends at byte {begin + count:,}, but the file has "
                f"{self.flat.size:,} bytes"
            )
        return begin, count

    def buffer(self, number: int, most: int) -> bytes:
        """Return the beginning of a buffer that holds no tensor."""
        if not 0 <= number < len(self._buffers):
            return b""
        begin, count = self._buffer(number)
        return bytes(self.flat.data[begin : begin + min(count, most)])

    def buffer_size(self, number: int) -> int:
        """Return how many bytes a buffer holds."""
        return self._buffer(number)[1] if 0 <= number < len(self._buffers) else 0

    def code(self, number: int) -> tuple[str, str, int]:
        """Return what an operator does, the set of operators that it belongs to, and its version."""
        if not 0 <= number < len(self._codes):
            raise ValueError(f"it refers to operator code {number:,} of {len(self._codes):,}")
        code = self._codes[number]
        # the field was one byte wide until there were more than 127 operators
        name = code.meaning("builtin_code", max(code.number("deprecated_builtin_code"), code.number("builtin_code")))
        version = code.number("version")
        if name == "CUSTOM":
            return label(code.text("custom_code")) or "CUSTOM", "custom", version
        return name, "tflite", version
