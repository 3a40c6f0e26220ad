"""Follows in-place changes: whoever reads a tensor after a view of it was written reads what was written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

from nbviz.builder import CallRecord, GraphBuilder


@final
class Writes:
    """The last write into each storage.

    Parameters
    ----------
    builder
        Is told which call a tensor comes from now.
    stand_in, token
        What computes for a tensor, and what the builder knows it by.
    """

    def __init__(self, builder: GraphBuilder, stand_in: Callable[[Any], Any], token: Callable[[Any], Any]) -> None:
        self._builder = builder
        self._stand_in = stand_in
        self._token = token
        self._last: dict[int, tuple[Any, CallRecord]] = {}
        self._all: list[tuple[int, Any]] = []

    def note(self, written: list[Any], record: CallRecord) -> None:
        """Record that a call has written into tensors."""
        for tensor in written:
            key = _storage(self._stand_in(tensor))
            if key is not None:
                self._last[key] = (tensor, record)
            self._all.append((record.id, tensor))

    def since(self, call: int) -> list[Any]:
        """Return the tensors that were written after a call began."""
        return [tensor for at, tensor in self._all if at > call]

    def follow(self, tensor: Any) -> None:
        """Let a tensor come from the last write into a part of it."""
        if not self._last:
            return
        own = self._stand_in(tensor)
        written, record = self._last.get(_storage(own) or 0, (None, None))
        if record is None or written is tensor or not _covers(own, self._stand_in(written)):
            return
        origin = self._builder.origin(self._token(tensor))
        if origin is None or origin[0] < record.id:
            self._builder.alias(self._token(tensor), self._token(written))


def _storage(tensor: Any) -> int | None:
    try:
        return int(tensor.untyped_storage()._cdata)
    except (NotImplementedError, RuntimeError):  # sparse, nested
        return None


def _extent(tensor: Any) -> tuple[int, int]:
    first = tensor.storage_offset()
    return first, first + sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))


def _covers(whole: Any, part: Any) -> bool:
    """Tell whether all that was written lies inside a tensor."""
    (low, high), (start, stop) = _extent(whole), _extent(part)
    return bool(whole.numel() >= part.numel() and low <= start and stop <= high)
