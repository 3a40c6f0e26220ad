"""Tracks tensors by their shared storage: through in-place changes and views of the same data.

A write into a part of a storage changes every tensor that has some of that part: the whole of which a slice was written, a
slice of what was written, another view of it. Each goes through the call that wrote: it is an input as it was before, and an
output as it is now, with its own shape. So what was there before stays upstream of what reads it, each of several writes into
different parts too, and tensors that lie beside a write are left alone. A call gets the input and the output when the tensor is
next read; where nobody does, it has those of its own arguments alone.
"""

from __future__ import annotations

from collections.abc import Container, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any, final

from nbviz.adapters.torch.execution.operations import Operations
from nbviz.adapters.torch.execution.regions import Region, region_of, share
from nbviz.adapters.torch.tensors import innermost, leaves, spec, storage_of
from nbviz.builder import GraphBuilder
from nbviz.graph import TensorSpec
from nbviz.records import CallRecord

Place = tuple[Region | None, TensorSpec]
"""Where a tensor lies in its storage and what is known of it: two tensors of one place are the same."""


@final
@dataclass(slots=True, eq=False)
class Write:
    """What a call has written into one storage.

    Attributes
    ----------
    record
        The call.
    storage
        The key of the storage.
    tensors
        What was written: the identity of a tensor, what the builder knows it by, and where it lies.
    outputs
        The outputs of the call that lie in the storage.
    """

    record: CallRecord
    storage: int
    tensors: list[tuple[int, Any, Region | None]] = field(default_factory=list)
    outputs: dict[Place, int] = field(default_factory=dict)

    def reaches(self, region: Region | None) -> bool:
        """Tell whether something was written there; where that cannot be told, it was."""
        return region is None or any(part is None or share(part, region) for _, _, part in self.tensors)


@final
class Storages:
    """Which tensor was made in each storage, and which calls have written there.

    Parameters
    ----------
    builder
        Is told which call a tensor comes from now.
    operations
        Know what computes for a tensor, and what the builder knows it by.
    held
        The identities of what the model holds: no call has made it.
    """

    def __init__(self, builder: GraphBuilder, operations: Operations, held: Container[Hashable]) -> None:
        self._builder = builder
        self._operations = operations
        self._held = held
        self._made: dict[int, tuple[Any, Any]] = {}
        self._writes: dict[int, tuple[Any, list[Write]]] = {}
        self._log: list[Write] = []

    def made(self, tensor: Any) -> None:
        """Record that a call has made a tensor."""
        key = self._operations.storage(tensor)
        if key:
            self._made[key] = (self._reference(tensor), self._operations.token(tensor))

    def adopt(self, tensor: Any) -> bool:
        """Let a tensor of which no call is known come from where its storage does; tell whether there is such a call.

        What vmap and subclasses of tensors make of one is another tensor on the same storage.
        """
        reference, token = self._made.get(self._operations.storage(tensor), (None, None))
        if token is None or _is_gone(reference):
            token = self._operations.token(innermost(tensor))  # a weight that was written: no call has made its storage
            if not self._builder.knows(token):
                return False
        self._builder.alias(self._operations.token(tensor), token)
        return True

    def written(self, candidates: list[Any], value: Any, kwargs: Any) -> list[Any]:
        """Return which tensors a call has written, of those that look so: views of one tensor count their writes together.

        Among several in one storage it is what the call was told to write into, what it gives back, or else the first.
        """
        if len(candidates) < 2:
            return candidates
        groups: dict[int, list[Any]] = {}
        for tensor in candidates:
            groups.setdefault(self._operations.storage(tensor) or id(tensor), []).append(tensor)
        if len(groups) == len(candidates):
            return candidates
        told = {id(t) for t in leaves(kwargs.get("out"))} or {id(t) for t in leaves(value)}
        return [t for group in groups.values() for t in ([t for t in group if id(t) in told] or group[:1])]

    def note(self, written: list[Any], made: list[Any], record: CallRecord, index: Any = ...) -> None:
        """Record that a call, which has made tensors, has written into some, there where an index says."""
        for tensor in written:
            key = self._operations.storage(tensor)
            if key:
                where = (id(tensor), self._operations.token(tensor), self._region(tensor, index))
                self._write(key, self._reference(tensor), made, record).tensors.append(where)

    def _write(self, key: int, reference: Any, made: list[Any], record: CallRecord) -> Write:
        writes = self._into(key)
        if not writes:
            self._writes[key] = reference, writes
        if not writes or writes[-1].record is not record:
            write = Write(record, key)
            write.outputs = {self._place(t): i for i, t in enumerate(made) if self._operations.storage(t) == key}
            writes.append(write)
            self._log.append(write)
        return writes[-1]

    def take_back(self, call: CallRecord) -> list[Write]:
        """Forget the writes of the calls inside one, and return those into what the model does not hold."""
        found: list[Write] = []
        while self._log and self._log[-1].record.id > call.id:
            write = self._log.pop()
            writes = self._writes[write.storage][1]
            if writes and writes[-1] is write:
                writes.pop()
            found.append(write)
        return [w for w in reversed(found) if any(key not in self._held for key, _, _ in w.tensors)]

    def hand_over(self, writes: Iterable[Write], made: list[Any], record: CallRecord) -> None:
        """Record writes as those of the call around the ones that did so."""
        for write in writes:
            reference = self._writes.get(write.storage, (None, None))[0]
            self._write(write.storage, reference, made, record).tensors.extend(write.tensors)

    def follow(self, tensor: Any) -> None:
        """Let a tensor come from the last write into a part of it, through all that came before."""
        if not self._log:
            return
        writes = self._into(self._operations.storage(tensor))
        if not writes:
            return
        token = self._operations.token(tensor)
        origin = self._builder.origin(token)
        if origin is None and id(innermost(tensor)) not in self._held:
            return
        later = [write for write in writes if origin is None or write.record.id > origin[0]]
        place = self._place(tensor) if later else None
        for write in later:
            if place is not None and write.reaches(place[0]):
                self._pass(tensor, place, write)

    def _pass(self, tensor: Any, place: Place, write: Write) -> None:
        token, record = self._operations.token(tensor), write.record
        key = id(innermost(tensor))
        if not self._builder.knows(token) and key not in record.reads:
            record.reads += (key,)
        port = write.outputs.get(place)
        write.outputs[place] = self._builder.pass_through(record, (token, place[1]), port)

    def _into(self, key: int) -> list[Write]:
        reference, writes = self._writes.get(key, (None, []))
        return [] if _is_gone(reference) else writes

    def _place(self, tensor: Any) -> Place:
        return self._region(tensor), spec(tensor)

    def _region(self, tensor: Any, index: Any = ...) -> Region | None:
        own = self._operations.stand_in(tensor)
        return region_of(own if index is ... or not _is_of_a_view(index) else own[index])

    def _reference(self, tensor: Any) -> Any:
        """Return what tells whether the storage lives, whose key may become another's; None where all live on."""
        if self._operations.keeps:
            return None
        from torch.multiprocessing.reductions import StorageWeakRef

        return StorageWeakRef(storage_of(tensor))


def _is_of_a_view(index: Any) -> bool:
    """Tell whether what an index gives is a view: with tensors and lists in it, it is a copy."""
    parts = index if isinstance(index, tuple) else (index,)
    numbers = (
        *parts,
        *(end for part in parts if isinstance(part, slice) for end in (part.start, part.stop, part.step)),
    )
    return all(part is None or part is ... or type(part) in (int, slice) for part in numbers)


def _is_gone(reference: Any) -> bool:
    return reference is not None and bool(reference.expired())
