"""Walks through nested dicts and lists of tensors, such as PyTorch checkpoints and JAX parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, final

from nbviz.adapters.checkpoints.tree import MAX_TENSORS, Checkpoint, Entry, TooLargeError, split
from nbviz.adapters.files.values import left_out, values_of
from nbviz.adapters.text import short
from nbviz.errors import with_article

_DEPTH = 64
_NOTED = 20
_SHOWN = 16
_TIMES = 1000


@final
@dataclass(frozen=True, slots=True)
class Branch:
    """A dict or list: its contents by key."""

    items: list[tuple[Any, Any]]


@final
@dataclass(frozen=True, slots=True)
class Scalar:
    """A number or text among the tensors."""

    value: Any


@final
@dataclass(frozen=True, slots=True)
class Other:
    """Something of a class that is not read; with ``tensors`` where there are some in it."""

    name: str
    tensors: bool = False


@final
@dataclass(frozen=True, slots=True)
class Left:
    """An array that is left out, since its dtype is that of no numbers."""

    dtype: Any


Found = Entry | Branch | Scalar | Other | Left
"""What there is at one place; the path of an ``Entry`` is not known yet."""


def listed(values: Sequence[Any]) -> Branch | Scalar:
    """Return a list of plain values as one value, of others as a branch."""
    if all(value is None or isinstance(value, bool | int | float | str) for value in values):
        return Scalar(tuple(values) if len(values) <= _SHOWN else f"{len(values):,} values")
    return Branch(list(enumerate(values)))


@final
@dataclass(slots=True)
class Walk:
    """Collects what is in a nested structure into a checkpoint.

    Attributes
    ----------
    checkpoint
        What is filled.
    look
        Says what a value is.
    others
        What is of a class that is not read, and where.
    """

    checkpoint: Checkpoint
    look: Callable[[Any], Found]
    others: list[tuple[str, Other]] = field(default_factory=list)
    _steps: int = 0
    _visits: dict[int, int] = field(default_factory=dict)
    _branches: list[Branch] = field(default_factory=list)

    def run(self, root: Any) -> None:
        """Walk through everything.

        Raises
        ------
        TooLargeError
            If it is deeper or larger than any real checkpoint; what holds itself is that, too.
        """
        self._visit(root, (), 0, optimizer="")

    def _visit(self, value: Any, path: tuple[str, ...], depth: int, *, optimizer: str) -> None:
        self._steps += 1
        if self._steps > 4 * MAX_TENSORS or depth > _DEPTH:
            raise TooLargeError("it is nested too deeply, or holds too much, for a checkpoint")
        found = self.look(value)
        if isinstance(found, Branch):
            self._visits[id(value)] = self._visits.get(id(value), 0) + 1
            if self._visits[id(value)] > _TIMES:
                raise TooLargeError("the same object is in it too many times")
            self._branch(found, path, depth, optimizer)
        elif isinstance(found, Other | Left):
            self._leave(found, ".".join(path))
        elif isinstance(found, Scalar):
            if not optimizer and path:
                self.checkpoint.settings.setdefault(path[:-1], []).append((path[-1], found.value))
        elif optimizer:
            self.checkpoint.optimizers[optimizer].append(found)
        else:
            self.checkpoint.entries.append(replace(found, path=path or ("value",)))

    def _leave(self, found: Other | Left, where: str) -> None:
        if isinstance(found, Other):
            self.others.append((where, found))
        if len(self.checkpoint.notes) >= _NOTED:
            return
        if isinstance(found, Left):
            self.checkpoint.notes.append(left_out(where or "it", values_of(found.dtype)))
            return
        what = f"{short(where or 'it', 100)} is {with_article(short(found.name, 100))}"
        self.checkpoint.notes.append(f"{what}, which is neither a tensor nor a plain value, so it is not read.")

    def _branch(self, found: Branch, path: tuple[str, ...], depth: int, optimizer: str) -> None:
        # keeps alive what is made anew at each access, as by h5py: it is told apart by its identity
        self._branches.append(found)
        keys = {key for key, _ in found.items if isinstance(key, str)}
        if keys == {"state", "param_groups"} and not optimizer:
            names = (name for name in reversed(path) if not name.isdigit())  # they may be in a list
            optimizer = next(names, "optimizer")
            self.checkpoint.optimizers.setdefault(optimizer, [])
        for key, value in found.items:
            below = split(key) if isinstance(key, str) else (short(key, 100),)
            self._visit(value, (*path, *below), depth + 1, optimizer=optimizer)
