"""Finds the call that raised an error, even if the model's code handled or replaced the error."""

from __future__ import annotations

from typing import final

from nbviz.builder import GraphBuilder
from nbviz.records import CallRecord


@final
class Blame:
    """The errors of a trace that came through its calls and are not handled yet, each with the call in which it came up."""

    def __init__(self) -> None:
        self._known: list[tuple[BaseException, CallRecord]] = []

    def add(self, error: BaseException, record: CallRecord) -> None:
        """Remember where an error came up first."""
        if all(error is not known for known, _ in self._known):
            self._known.append((error, record))

    def move(self, error: BaseException, record: CallRecord) -> None:
        """Let the error that came up last belong to the call around that one."""
        self._known[-1] = error, record

    def forget_inside(self, record: CallRecord) -> None:
        """Forget what came up inside a call that has ended: it was handled there, and would keep what it came through alive."""
        if self._known:
            self._known = [known for known in self._known if known[1].id < record.id]

    def first(self, builder: GraphBuilder, raised: BaseException) -> tuple[BaseException, CallRecord | None]:
        """Return the error that another was raised for, and the call that it stopped: one inside that in which the other came up."""
        records = {id(error): record for error, record in self._known}
        found, record = raised, records.get(id(raised))
        error: BaseException | None = raised
        seen: set[int] = set()
        while error is not None and record is not None and id(error) not in seen:
            seen.add(id(error))
            inner = records.get(id(error))
            if inner is not None:
                if not _is_inside(builder, inner, record):  # it was handled, and what was done instead failed
                    break
                found, record = error, inner
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        return found, record


def _is_inside(builder: GraphBuilder, inner: CallRecord, around: CallRecord) -> bool:
    """Tell whether a call happened during another, or is that one."""
    at: int | None = inner.id
    while at is not None and at > around.id:
        at = builder.calls[at].parent if at < len(builder.calls) else None
    return at == around.id
