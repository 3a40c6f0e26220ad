"""Keeps a trace from leaving anything behind: what the model's code may touch is noted before and put back after."""

from __future__ import annotations

import sys
import warnings
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, final

from nbviz.adapters.torch.walk import modules_of
from nbviz.adapters.undo import random_states, undo_deque, undo_dict, undo_generator, undo_list, undo_set

_MOST_OBJECTS = 100_000
"""Where the walk through attributes that are no modules gives up (a model that holds a whole corpus)."""

_FRAMES = 3
"""How many times as many Python calls a traced module takes as one that is not, rounded up."""

_FOREIGN = ("builtins", "numpy", "torch", "threading", "logging", "re", "inspect", "types", "concurrent", "asyncio", "functools",
            "multiprocessing", "weakref", "pathlib", "datetime", "collections")  # fmt: skip

_CONTAINERS: dict[type, Callable[[Any], Callable[[], None]]] = {list: undo_list, set: undo_set, deque: undo_deque}


@final
class Memory:
    """Remembers the attributes of modules and what these hold, and puts back what has changed since."""

    def __init__(self) -> None:
        self._seen: dict[int, Any] = {}
        self._undo: list[Callable[[], None]] = []

    def note(self, model: Any) -> None:
        """Remember a model: all its modules, and the containers and plain objects that they hold."""
        waiting: deque[tuple[Any, bool]] = deque()
        for module in modules_of(model):
            if id(module) not in self._seen:
                self._seen[id(module)] = module
                self._undo.append(_class_undo(module))
                waiting.extend(self._attributes(vars(module)))
        limit = len(self._seen) + _MOST_OBJECTS
        while waiting and len(self._seen) < limit:
            value, away = waiting.popleft()
            if id(value) not in self._seen:
                self._seen[id(value)] = value  # kept alive, so that identities stay unique
                waiting.extend(self._inside(value, away=away))

    def _attributes(self, attributes: dict[str, Any]) -> list[tuple[Any, bool]]:
        self._undo.append(undo_dict(attributes))
        found = []
        for value in attributes.values():
            if type(value) in (dict, OrderedDict, set):
                if not value:  # most of a module's containers: its hooks
                    self._empty(value)
                    continue
            elif isinstance(value, (bool, int, float, str, type(None))):
                continue
            found.append((value, False))
        return found

    def _empty(self, container: Any) -> list[tuple[Any, bool]]:
        self._undo.append(_empty_undo(container))
        return []

    def _inside(self, value: Any, *, away: bool) -> list[tuple[Any, bool]]:
        import torch

        if isinstance(value, torch.Tensor):  # bitsandbytes hangs scales onto its weights, and takes them away again
            return self._attributes(value.__dict__) if value.__dict__ else self._empty(value.__dict__)
        if isinstance(value, (torch.nn.Module, type, str, bytes, int, float, type(None))):
            return []
        if isinstance(value, dict):
            self._undo.append(undo_dict(value))
            return [(item, away) for item in dict.values(value)]
        undo = next((undo for kind, undo in _CONTAINERS.items() if isinstance(value, kind)), None)
        if undo is not None:
            self._undo.append(undo(value))
            return [(item, away) for item in value]
        if isinstance(value, (tuple, frozenset)):
            return [(item, away) for item in value]
        return self._object(value, away=away)

    def _object(self, value: Any, *, away: bool) -> list[tuple[Any, bool]]:
        generator = undo_generator(value)
        if generator is not None:
            self._undo.append(generator)
            return []
        if away or (type(value).__module__ or "").partition(".")[0] in _FOREIGN:
            return []  # what lies further away is not the model's, and others may change it meanwhile
        try:
            attributes = object.__getattribute__(value, "__dict__")
        except AttributeError:
            return []
        return [(item, True) for item, _ in self._attributes(attributes)] if isinstance(attributes, dict) else []

    def put_back(self) -> None:
        """Undo every change; what has not changed is not written."""
        for undo in reversed(self._undo):
            undo()


def _class_undo(module: Any) -> Callable[[], None]:
    before = type(module)

    def undo() -> None:
        if type(module) is not before:  # a lazy module that has become what it stands for
            object.__setattr__(module, "__class__", before)

    return undo


def _empty_undo(value: Any) -> Callable[[], None]:
    def undo() -> None:
        if value:
            value.clear()

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
def untouched(model: Any, *, gradients: bool) -> Iterator[Memory]:
    """Run a trace of a model, with or without gradients, so that nothing remains: not in the model, not in this process."""
    import torch

    memory = Memory()
    with ExitStack() as stack:
        stack.enter_context(random_states())
        stack.callback(memory.put_back)
        memory.note(model)
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        stack.enter_context(torch.inference_mode(mode=False))
        stack.enter_context(torch.set_grad_enabled(gradients))
        stack.enter_context(_room_for_calls())
        yield memory
