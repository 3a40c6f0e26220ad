"""Restores everything that a trace may change, so that it leaves nothing behind."""

from __future__ import annotations

import sys
import warnings
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, final

from nbviz.adapters.random_states import random_states, undo_generator
from nbviz.adapters.tensor_changes import without
from nbviz.adapters.torch.modules.walk import modules_of
from nbviz.adapters.torch.restoring.flags import flags_kept
from nbviz.adapters.torch.restoring.outside import KINDS, Outside
from nbviz.adapters.undo import CONTAINERS, attributes_of, slots_of, undo_array, undo_dict, undo_slots

_MOST_OBJECTS = 100_000
"""Where the walk through attributes that are no modules gives up (a model that holds a whole corpus)."""

_MOST_BYTES = 1 << 24
"""Bytes of NumPy arrays that are remembered, all together."""

_FAR = 2
"""Objects around something from which on it may be somebody else's."""

_FRAMES = 3
"""How many times as many Python calls a traced module takes as one that is not, rounded up."""

Found = list[tuple[Any, int]]
"""Values with the number of objects around them that are no modules."""


@final
class Memory:
    """Remembers the attributes of modules and what these hold, and puts back what has changed since.

    Attributes
    ----------
    modules
        The model's modules, and those that were found besides.
    tensors
        The tensors that were found besides theirs. Values of tensors are not remembered here.
    """

    def __init__(self) -> None:
        self.modules: list[Any] = []
        self.tensors: list[Any] = []
        self._seen: dict[int, Any] = {}
        self._undo: list[Callable[[], None]] = []
        self._empty: list[Any] = []
        self._room = _MOST_BYTES

    def note(self, model: Any, given: Any = ()) -> None:
        """Remember a model and what it is given: its modules, and the containers and plain objects that all these hold."""
        waiting: deque[tuple[Any, int]] = deque([(given, 0)])
        for module in modules_of(model):
            if id(module) not in self._seen:
                self._seen[id(module)] = module
                waiting.extend(self._module(module))
        limit = len(self._seen) + _MOST_OBJECTS
        while waiting and len(self._seen) < limit:
            value, away = waiting.popleft()
            if id(value) not in self._seen:
                self._seen[id(value)] = value  # kept alive, so that identities stay unique
                waiting.extend(self._inside(value, away))

    def _module(self, module: Any) -> Found:
        """Remember a module, of the model or found elsewhere: in a list, say, where PyTorch does not see it."""
        self.modules.append(module)
        self._undo.append(_class_undo(module))
        return [(item, 0) for item in self._attributes(vars(module))]

    def _attributes(self, attributes: dict[str, Any]) -> list[Any]:
        """Remember the attributes of a module or of a tensor; return what may hold more."""
        self._undo.append(undo_dict(attributes))
        found = []
        for value in attributes.values():
            if type(value) in (dict, OrderedDict, set):
                if not value:  # most of a module's containers: its hooks
                    self._empty.append(value)
                    continue
            elif isinstance(value, (bool, int, float, str, type(None))):
                continue
            found.append(value)
        return found

    def _inside(self, value: Any, away: int) -> Found:
        import torch

        if isinstance(value, torch.Tensor):  # bitsandbytes hangs scales onto its weights, and takes them away again
            self.tensors.append(value)
            if value.__dict__:
                return [(item, 0) for item in self._attributes(value.__dict__)]
            self._empty.append(value.__dict__)
            return []
        if isinstance(value, (type, str, bytes, int, float, type(None))):
            return []
        if isinstance(value, torch.nn.Module):
            return self._module(value) if "_modules" in vars(value) else []
        if isinstance(value, (tuple, frozenset)):
            return [(item, away) for item in value]
        undo = next((undo for kind, undo in CONTAINERS.items() if isinstance(value, kind)), None)
        if undo is None:
            return self._object(value, away)
        found = self._changing(undo(value), lambda: dict.values(value) if isinstance(value, dict) else value, away)
        return found if type(value) in CONTAINERS else found + self._own(value, away)

    def _changing(self, undo: Callable[[], None], values: Callable[[], Iterable[Any]], away: int) -> Found:
        """Remember what may get other values; far from the model, only for where tensors come or go."""
        self._undo.append(undo if away < _FAR else _for_tensors(undo, values))
        return [(item, away) for item in values()]

    def _object(self, value: Any, away: int) -> Found:
        if isinstance(value, weakref.ref):
            return [(value(), away + 1)]
        known = undo_generator(value) or self._undo_array(value)
        if known is not None:
            self._undo.append(known)
            return []
        return self._own(value, away + 1) if KINDS.is_own(type(value)) else []

    def _own(self, value: Any, away: int) -> Found:
        """Remember what an object keeps in attributes, also one of a class that is made of a container's."""
        found: Found = []
        attributes = attributes_of(value)
        if attributes is not None:
            found += self._changing(undo_dict(attributes), attributes.values, away)
        if slots_of(value):
            found += self._changing(undo_slots(value), lambda: slots_of(value).values(), away)
        return found

    def _undo_array(self, value: Any) -> Callable[[], None] | None:
        """Return what puts the values of a NumPy array back; None for what is none, or too much."""
        is_array = type(value).__module__ == "numpy" and type(value).__name__ == "ndarray"
        if not is_array or value.dtype.hasobject or value.nbytes > self._room:
            return None
        self._room -= value.nbytes
        return undo_array(value)

    def put_back(self) -> None:
        """Undo every change; what has not changed is not written."""
        for container in self._empty:
            if container:
                container.clear()
        for undo in reversed(self._undo):
            undo()


def _for_tensors(undo: Callable[[], None], values: Callable[[], Iterable[Any]]) -> Callable[[], None]:
    """Return what undoes a change where tensors are, or come or go in what is held: such is the model's state; all else others may change."""
    before = list(values())
    held = any(map(KINDS.is_tensor, before))

    def undo_state() -> None:
        now = list(values())
        if held or any(map(KINDS.went, [*without(before, now), *without(now, before)])):
            undo()

    return undo_state


def _class_undo(module: Any) -> Callable[[], None]:
    before = type(module)

    def undo() -> None:
        if type(module) is not before:  # a lazy module that has become what it stands for
            object.__setattr__(module, "__class__", before)

    return undo


@contextmanager
def _room_for_calls() -> Iterator[None]:
    """Let calls nest deeper: each of a model's takes some of ours."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(_FRAMES * limit)
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


@contextmanager
def untouched(model: Any, given: Any) -> Iterator[Memory]:
    """Run a trace of a model so that nothing remains: not in it, not in what it is given or around."""
    memory = Memory()
    with ExitStack() as stack:
        stack.enter_context(random_states())
        stack.enter_context(flags_kept())
        stack.callback(memory.put_back)
        memory.note(model, given)
        outside = Outside(memory.modules)
        stack.callback(outside.put_back)
        memory.tensors.extend(outside.tensors)
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        stack.enter_context(_room_for_calls())
        yield memory
