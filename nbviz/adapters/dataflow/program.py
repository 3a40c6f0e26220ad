"""Programs: operations with named input and output tensors, which file readers pass to the writer."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Protocol, final

from nbviz.adapters.dataflow.rows import Key
from nbviz.adapters.dataflow.scopes import Entry
from nbviz.graph import Compute, Setting, TensorSpec
from nbviz.records import Stored

Patterns = tuple[Compute, ...]


@final
@dataclass(frozen=True, slots=True)
class Batch:
    """What an operation makes of each example in a batch, as far as that is in proportion to what it takes.

    Attributes
    ----------
    rows
        How many indices of the first axis it makes of each, at the same place.
    elements
        How many elements it makes of each.
    passes_one
        Whether it gives one of the tensors that it takes, and nobody knows which.
    """

    rows: Fraction | None = None
    elements: Fraction | None = None
    passes_one: bool = False


KEPT = Batch(rows=Fraction(1))
RESHAPED = Batch(elements=Fraction(1))
ONE_OF_THEM = Batch(passes_one=True)
UNKNOWN = Batch()


@final
@dataclass(slots=True, eq=False)
class Tensor:
    """A tensor of a program, known by its identity.

    Attributes
    ----------
    spec
        What is known of it.
    weight
        Its key if it is a weight, or stands for one.
    constant
        Its value as a setting if it is a constant.
    rows
        How many indices of its first axis belong to each example, 0 if that is not known, or the axis is not free.
    elements
        How many of its elements belong to each example, None if that is not known.
    """

    spec: TensorSpec
    weight: Key | None = None
    constant: Setting = None
    rows: int = 0
    elements: int | None = None


@final
@dataclass(frozen=True, slots=True)
class Body:
    """A program inside an operation.

    Attributes
    ----------
    name
        What it is to the operation (``"cond"``).
    key
        What the source knows it by.
    inputs
        Names of the operation's inputs that it is given.
    """

    name: str
    key: Hashable
    inputs: Sequence[str]


@final
@dataclass(slots=True, eq=False)
class Operation:
    """One operation of a program.

    Attributes
    ----------
    op, module
        What it does, and the set of operations that it belongs to.
    name, full_name
        Its own name without the scopes around it, and its name as the file has it.
    inputs, outputs
        Names of tensors; ``""`` for one that is left out.
    scopes
        The scopes around it, outer first.
    settings
        Its configuration.
    input_names
        What its inputs are called, as far as that is known.
    bodies
        The programs inside it.
    calls
        Whether it does exactly what its one body does; else which bodies run, and how often, depends on values.
    loops
        Whether its last body runs again on what it gives, after the others.
    rule
        What tells its contractions, None if it contracts nothing.
    batch
        What it makes of each example in a batch.
    known
        Whether it is known what it does.
    """

    op: str
    module: str
    name: str
    full_name: str
    inputs: list[str]
    outputs: list[str]
    scopes: tuple[Entry, ...] = ()
    settings: tuple[tuple[str, Setting], ...] = ()
    input_names: Sequence[str] = ()
    bodies: Sequence[Body] = ()
    calls: bool = False
    loops: bool = False
    rule: Rule | None = None
    batch: Batch = UNKNOWN
    known: bool = True

    @property
    def path(self) -> tuple[str, ...]:
        """The names of its scopes in the file, and its own."""
        return tuple(filter(None, self.full_name.split("/")))

    def needed(self) -> Collection[str]:
        """Return the names of the tensors that have to be there before it."""
        return self.inputs


@final
@dataclass(slots=True)
class Program:
    """Operations that run together.

    Attributes
    ----------
    operations
        The operations.
    tensors
        Its tensors by name.
    inputs, outputs
        Names of the tensors that enter and leave it.
    stored
        The weights among its tensors.
    """

    operations: list[Operation] = field(default_factory=list)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    stored: Mapping[Key, Stored] = field(default_factory=dict)


@final
@dataclass(frozen=True, slots=True)
class Entrance:
    """A program that a model offers.

    Attributes
    ----------
    name
        What it is called.
    key
        What the source knows it by.
    program
        The program.
    """

    name: str
    key: Hashable
    program: Program


class Source(Protocol):
    """Where the programs inside operations are found."""

    def program(self, key: Hashable, given: Sequence[Tensor | None], /) -> Program:
        """Return a program, made anew for each call, with what it is given."""
        ...


@final
@dataclass(frozen=True, slots=True)
class Operands:
    """The tensors that an operation takes and makes."""

    inputs: Sequence[Tensor | None]
    outputs: Sequence[Tensor | None]


Rule = Callable[[Operands], Patterns]
"""Tells the contractions of an operation; raises ``UnknownError`` where they cannot be told."""


class UnknownError(Exception):
    """The contractions of an operation cannot be told."""
