"""Collects problems of a model while it is read, so that each kind is reported once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import final

from nbviz.adapters.text import label
from nbviz.errors import counted


@final
@dataclass(slots=True)
class Findings:
    """What is wrong with a graph, or not shown of it.

    Attributes
    ----------
    circular
        How many nodes wait for each other in a circle.
    doubled
        Names of tensors that several nodes make.
    missing
        Names of tensors that nothing makes.
    unknown
        Domain and name of operations that nobody knows.
    unpacked
        How many nodes only unpack weights.
    uncounted
        How many calls have multiply-accumulates that cannot be counted though it is known what they compute.
    open
        Names of sizes that these depend on.
    depends
        Names of operations of which values decide what runs in them, and how often.
    advice
        What helps where sizes that these take are not known, ``""`` if nothing does.
    unread
        Names of weights that nothing reads.
    closed
        Whether graphs were left closed because too many others are around them.
    """

    circular: int = 0
    doubled: dict[str, None] = field(default_factory=dict)
    missing: dict[str, None] = field(default_factory=dict)
    unknown: dict[tuple[str, str], None] = field(default_factory=dict)
    unpacked: int = 0
    uncounted: int = 0
    open: dict[str, None] = field(default_factory=dict)
    depends: dict[str, None] = field(default_factory=dict)
    advice: str = ""
    unread: list[str] = field(default_factory=list)
    closed: bool = False

    def report(self, note: Callable[[str], None]) -> None:
        """Tell in one sentence each what was found."""
        if self.circular:
            note(f"{counted(self.circular, 'node')} in a dependency cycle, or depending on one, can never run.")
        if self.doubled:
            note(f"More than one node produces {_listed(self.doubled)}: it is unclear which one is meant.")
        if self.missing:
            note(f"Nothing produces {_listed(self.missing)}, although nodes or outputs use it: the file is incomplete.")
        if self.unpacked:
            note(
                f"Nodes that only unpack weights ({self.unpacked:,}) are shown as part of the operations that use them."
            )
        if self.unread:
            they = "it is" if len(self.unread) == 1 else "they are"
            note(f"Nothing reads {_listed(self.unread)} in the file: {they} counted in the model's own row.")
        if self.closed:
            note("Very deep or recursive subgraphs are shown closed.")
        if self.unknown:
            names = (f"{domain}.{op}" if domain else op for domain, op in self.unknown)
            what, whose = ("operation", "its") if len(self.unknown) == 1 else ("operations", "their")
            note(f"Unknown {what} {_listed(names)}: {whose} MACs are not counted.")
        if self.uncounted:
            why = f"{_listed(self.open)} can have any size" if self.open else "their input sizes are unknown"
            why = f"{why}; {self.advice}" if self.advice else why
            note(f"MACs are missing for {counted(self.uncounted, 'operation')}: {why}.")
        if self.depends:
            note(
                f"MACs in {_listed(self.depends)} are missing: what runs there, and how often, depends on tensor "
                "values."
            )


def _listed(names: Iterable[str]) -> str:
    found = [repr(label(name)) for name in names]
    return ", ".join(found[:5]) + (f" and {len(found) - 5} more" if len(found) > 5 else "")
