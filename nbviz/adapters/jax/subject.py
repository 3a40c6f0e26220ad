"""What each library of modules has to tell: its tree, its arrays, how it is called, and which module a call is of."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from nbviz.adapters.jax.recorder import ModuleCall, Recorder
from nbviz.adapters.specs import Arguments
from nbviz.builder import GraphBuilder

Leaves = list[tuple[Hashable, Any]]
"""Arrays of a model by the keys of their parameters, as they are traced."""

Path = tuple[str, ...]
"""A node or an array in a tree: the names on the way to it."""


class Subject(Protocol):
    """A model that can be traced.

    Attributes
    ----------
    name
        The name of its class or function.
    function
        What ``inputs`` are the arguments of; what cannot be called where a module has other methods only.
    leaves
        Its arrays, which the trace has as inputs beside the arguments.
    extras
        The shapes of what else it gets, such as random keys.
    hint
        What to try when a call fails.
    closed_over
        Arrays of it that the trace has as constants, by their keys.
    parts
        Keys of layers that are no modules, whose calls cannot be noted: what reads their parameters is one.
    """

    name: str
    function: Any
    extras: list[Any]
    hint: str
    closed_over: Leaves

    @property
    def leaves(self) -> Leaves: ...  # noqa: D102 - see above

    @property
    def parts(self) -> list[Path]: ...  # noqa: D102 - see above

    def prepare(self, given: Arguments, default: Any) -> None:
        """Find out, before a trace, what depends on the inputs."""
        ...

    def add_to(self, builder: GraphBuilder) -> None:
        """Add the tree of modules with their parameters."""
        ...

    def call(self, leaves: list[Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call the model with other arrays in place of its own leaves and extras."""
        ...

    def watched(self, recorder: Recorder) -> AbstractContextManager[None]:
        """Return a context in which the recorder notes the calls of modules."""
        ...

    def layers(self, call: ModuleCall) -> Sequence[Hashable]:
        """Return the keys of the layers that a call may be of; where they are several, what it reads decides."""
        ...


def is_of_library(cls: type) -> bool:
    """Tell whether a class of modules is one of Flax's or Equinox's own."""
    return cls.__module__.partition(".")[0] in {"flax", "equinox"}


def is_derived(cls: type) -> bool:
    """Tell whether a class is another's kind of module, made from one of Flax's or Equinox's."""
    return not is_of_library(cls) and any(map(is_of_library, cls.__mro__))
