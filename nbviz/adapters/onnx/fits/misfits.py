"""Says which calls take sizes that contradict each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

from nbviz.adapters.onnx.fits.marks import take_marks
from nbviz.adapters.onnx.nodes import Node
from nbviz.adapters.text import label, short
from nbviz.errors import counted
from nbviz.records import CallRecord

LOST = "Shapes after that point are missing, or taken from the file."
"""What follows from sizes that do not match."""


@final
class Misfits:
    """The nodes of a model of which sizes contradict each other.

    Parameters
    ----------
    model
        The model with all shapes that are known; marks are taken off its nodes (see ``marks``).
    """

    def __init__(self, model: Any) -> None:
        self._said = take_marks(model)
        self._met: list[tuple[CallRecord, Node, str]] = []

    def fits(self, node: Node, record: CallRecord, where: str) -> bool:
        """Tell whether nothing contradicts what a node takes; ``where`` is the graph that it is in, ``""`` for a model's own."""
        said = self._said.get(tuple(node.outputs)) if self._said and not where else None
        if said is None:
            return True
        self._met.append((record, node, said))
        return False

    def report(self, note: Callable[[str, str], None]) -> bool:
        """Tell in one sentence what was met, at the first call that it is about; return whether there was anything."""
        if not self._met:
            return False
        (record, node, said), *others = self._met
        more = f" Nor do they in {counted(len(others), 'other operation')}." if others else ""
        said = f"Tensor sizes in this model do not match in {_named(record, node)}: {short(said, 300)}."
        note(f"{said}{more} {LOST}", record.path)
        return True


def _named(record: CallRecord, node: Node) -> str:
    """Return the name of a call in the table, with what it does and its name in the file where these are others."""
    own = record.path.rpartition("/")[2].partition("#")[0]
    op, name = label(node.op), label(node.full_name)
    told = [*[op] * (own != op), *[f"{short(name)!r} in the file"] * (name not in ("", record.path))]
    return f"{record.path} ({', '.join(told)})" if told else record.path
