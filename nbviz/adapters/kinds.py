"""Tells which values are objects of a framework, and which hold tensors of one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, final

from nbviz.adapters.places import module_of
from nbviz.adapters.undo import HOLDERS, attributes_of, slots_of

_MOST_LOOKED = 1_000
"""Values that are looked at to find whether there is a tensor among them."""

SEQUENCES = (list, set, deque)
BARE = frozenset({dict, tuple, frozenset, *SEQUENCES})
"""Containers without attributes; those of classes that are made of them may have some."""
PLAIN = (str, bytes, int, float, complex, type(None))
"""Classes of values that hold nothing."""


def is_kind_of(value: Any, name: str, package: str) -> bool:
    """Tell whether a value is of a class of this name in a package, or of one that is derived from it; the package is not imported."""
    return any(cls.__name__ == name and f"{cls.__module__}.".startswith(f"{package}.") for cls in type(value).__mro__)


@final
@dataclass(frozen=True)
class Kinds:
    """What values are to a framework.

    Attributes
    ----------
    is_tensor
        Tells whether a value is a tensor.
    held
        Returns what one of the framework's own objects holds, such as a module; None for all others.
    is_library
        Tells whether a module of Python's is a library's, which keeps nothing of a model's.
    is_traced
        Tells whether a value is a tensor of a trace, which must not stay; None where all tensors that came go.
    """

    is_tensor: Callable[[Any], bool]
    held: Callable[[Any], Iterable[Any] | None]
    is_library: Callable[[str | None], bool]
    is_traced: Callable[[Any], bool] | None = None

    def inside(self, value: Any) -> Iterable[Any]:
        """Return what is directly inside a value, asking nothing of its own code."""
        kind = type(value)
        items: list[Any] = []
        if issubclass(kind, dict):
            items = list(dict.values(value))
        elif issubclass(kind, (tuple, frozenset, *SEQUENCES)):
            items = items_of(value)
        elif (held := self.held(value)) is not None:
            return held
        elif issubclass(kind, (type, ModuleType)) or not self.is_own(kind):
            return items
        return items if kind in BARE else [*items, *(attributes_of(value) or {}).values(), *slots_of(value).values()]

    def is_own(self, kind: type) -> bool:
        """Tell whether what objects of a class keep may be the model's: a library's are its own affair."""
        return issubclass(kind, HOLDERS) or not self.is_library(module_of(kind))

    def _holds(self, value: Any, is_tensor: Callable[[Any], bool]) -> bool:
        """Tell whether a value is a tensor, or a container, an object or a module that has some."""
        waiting, seen = deque([value]), set[int]()
        for _ in range(_MOST_LOOKED):
            if not waiting:
                return False
            found = waiting.popleft()
            if id(found) in seen or issubclass(type(found), PLAIN):
                continue
            seen.add(id(found))
            if is_tensor(found):
                return True
            waiting.extend(self.inside(found))
        return False

    def matters(self, before: Any, now: Any) -> bool:
        """Tell whether a change is one in which tensors came or went.

        Where those of a trace are known, others in the place of what went are somebody else's.
        """
        if before is now or self.came(now):
            return before is not now
        return self.went(before) and (self.is_traced is None or not self._holds(now, self.is_tensor))

    def went(self, value: Any) -> bool:
        """Tell whether a value that is gone, or has another in its place, is to come back."""
        return self._holds(value, self.is_tensor)

    def came(self, value: Any) -> bool:
        """Tell whether a value that was not there is to go."""
        return self._holds(value, self.is_traced or self.is_tensor)


def items_of(value: Any) -> list[Any]:
    """Return the items of a tuple, a list, a set or a queue, without asking code of its own class."""
    kind = type(value)
    base = next(base for base in (tuple, frozenset, *SEQUENCES) if issubclass(kind, base))
    return list(base.__iter__(value))
