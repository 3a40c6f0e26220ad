"""What could not be read in a model, collected so that each kind is told once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import final

from nbviz.adapters.text import label


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
            note(
                f"{self.circular} nodes wait for each other in a circle, or behind one: they cannot run as they are written."
            )
        if self.doubled:
            note(f"More than one node makes {_listed(self.doubled)}: which of them is meant is not certain.")
        if self.missing:
            note(f"Nothing makes {_listed(self.missing)}, which nodes or outputs take: the file is not complete.")
        if self.unpacked:
            note(f"Nodes that only unpack weights ({self.unpacked:,} of them) are shown as a part of what reads those.")
        if self.unread:
            which, they = ("is", "it counts") if len(self.unread) == 1 else ("are", "they count")
            note(
                f"Nothing reads {_listed(self.unread)}, which {which} in the file: {they} at the model itself, in no row inside."
            )
        if self.closed:
            note("Graphs inside too many others, or inside themselves, stay closed.")
        if self.unknown:
            names = (f"{domain}.{op}" if domain else op for domain, op in self.unknown)
            verb, whose = ("computes", "its") if len(self.unknown) == 1 else ("compute", "their")
            note(f"How much {_listed(names)} {verb} is not known: {whose} multiply-accumulates are missing.")
        if self.uncounted:
            why = f"{_listed(self.open)} can be of any size" if self.open else "sizes of what they take are not known"
            why = f"{why}; {self.advice}" if self.advice else why
            note(f"Multiply-accumulates are missing for operations ({self.uncounted:,} of them): {why}.")
        if self.depends:
            note(
                f"Multiply-accumulates in {_listed(self.depends)} are missing: what runs there, and how often, is not known."
            )


def _listed(names: Iterable[str]) -> str:
    found = [repr(label(name)) for name in names]
    return ", ".join(found[:5]) + (f" and {len(found) - 5} more" if len(found) > 5 else "")
