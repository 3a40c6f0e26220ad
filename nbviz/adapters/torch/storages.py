"""Follows tensors by the storage that they share: through in-place changes, and where PyTorch makes another of the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

from nbviz.adapters.torch.tensors import storage_key, storage_of
from nbviz.builder import GraphBuilder
from nbviz.records import CallRecord


@final
class Storages:
    """Which tensor was made in each storage, and which was written there last.

    Parameters
    ----------
    builder
        Is told which call a tensor comes from now.
    stand_in, token
        What computes for a tensor, and what the builder knows it by.
    keeps
        Whether all tensors of the trace live as long as it does, so that no storage becomes another's.
    """

    def __init__(
        self, builder: GraphBuilder, stand_in: Callable[[Any], Any], token: Callable[[Any], Any], *, keeps: bool
    ) -> None:
        self._keeps = keeps
        self._builder = builder
        self._stand_in = stand_in
        self._token = token
        self._last: dict[int, tuple[Any, CallRecord]] = {}
        self._all: list[tuple[int, Any]] = []
        self._made: dict[int, tuple[Any, Any]] = {}

    def made(self, tensor: Any) -> None:
        """Record that a call has made a tensor."""
        storage = storage_of(self._stand_in(tensor))
        if storage is not None:
            self._made[storage._cdata] = (None if self._keeps else _weakly(storage), self._token(tensor))

    def adopt(self, tensor: Any) -> bool:
        """Let a tensor of which no call is known come from where its storage does; tell whether there is such a call.

        What vmap and subclasses of tensors make of one is another tensor on the same storage.
        """
        reference, token = self._made.get(storage_key(self._stand_in(tensor)), (None, None))
        if token is None or (reference is not None and reference.expired()):
            return False
        self._builder.alias(self._token(tensor), token)
        return True

    def note(self, written: list[Any], record: CallRecord) -> None:
        """Record that a call has written into tensors."""
        for tensor in written:
            key = storage_key(self._stand_in(tensor))
            if key:
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
        written, record = self._last.get(storage_key(own), (None, None))
        if record is None or written is tensor or not _covers(own, self._stand_in(written)):
            return
        origin = self._builder.origin(self._token(tensor))
        if origin is None or origin[0] < record.id:
            self._builder.alias(self._token(tensor), self._token(written))


def _weakly(storage: Any) -> Any:
    from torch.multiprocessing.reductions import StorageWeakRef

    return StorageWeakRef(storage)


def _extent(tensor: Any) -> tuple[int, int]:
    first = tensor.storage_offset()
    return first, first + sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))


def _covers(whole: Any, part: Any) -> bool:
    """Tell whether all that was written lies inside a tensor."""
    (low, high), (start, stop) = _extent(whole), _extent(part)
    return bool(whole.numel() >= part.numel() and low <= start and stop <= high)
