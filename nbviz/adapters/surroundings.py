"""Remembers what a model's code stores outside the model: in attributes, globals, defaults and closures.

A table that a model's code fills there once would keep tensors without values, and fail when the model really runs. What the code can
reach is found by the names in it: from where it begins to run on, to all methods that are called so of the classes that are
met. Of what has changed only that is put back which has to do with tensors: what else lies there, others may change.
"""

from __future__ import annotations

import functools
import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import FunctionType, MethodType, ModuleType
from typing import Any, final

from nbviz.adapters.kinds import BARE, PLAIN, SEQUENCES, Kinds
from nbviz.adapters.names import names_in
from nbviz.adapters.random_states import undo_generator
from nbviz.adapters.tensor_changes import (
    MISSING,
    content,
    undo_cache,
    undo_cell,
    undo_class,
    undo_items,
    undo_sequence,
    undo_slots,
)
from nbviz.adapters.undo import attributes_of, slots_of

_MOST_FUNCTIONS = 300
"""Functions that are looked into, those nearest to where the model begins first."""

_MOST_ITEMS = 10_000
"""Items of a container that is remembered: a longer one holds data."""

_DEEPEST = 3
"""Containers and objects around what is remembered."""

_FUNCTIONS = (FunctionType, MethodType, functools.partial)
_CACHE = type(functools.lru_cache(lambda: None))
_NOTHING_INSIDE = (*PLAIN, ModuleType)


@final
class Surroundings:
    """Remembers what a model's code keeps outside the model.

    Parameters
    ----------
    kinds
        What values are to the framework.
    names
        The names of the methods in which modules begin to run.

    Attributes
    ----------
    tensors
        The tensors that were found; their values are not remembered here.
    """

    def __init__(self, kinds: Kinds, names: Iterable[str]) -> None:
        self.tensors: list[Any] = []
        self._kinds = kinds
        self._undo: list[Callable[[], None]] = []
        self._seen: dict[int, Any] = {}
        self._names = set(names)
        self._methods: dict[str, list[Any]] = {}
        self._waiting: deque[FunctionType] = deque()

    def follow(self) -> None:
        """Look into the functions that were found, and those that are found in them."""
        for _ in range(_MOST_FUNCTIONS):
            if self._waiting:
                self._read(self._waiting.popleft())

    def put_back(self) -> None:
        """Undo the changes in which tensors came or went."""
        for undo in reversed(self._undo):
            with suppress(Exception):  # what forbids to be written now
                undo()

    def _is_new(self, value: Any) -> bool:
        new = id(value) not in self._seen
        self._seen[id(value)] = value  # kept alive, so that identities stay unique
        return new

    def meet(self, cls: type) -> None:
        """Remember the attributes of a class, and look into those of its methods whose names were read."""
        if not self._is_new(cls):
            return
        for base in cls.__mro__:
            if self._kinds.is_library(base.__module__) or (base is not cls and not self._is_new(base)):
                continue
            self._undo.append(undo_class(base, self._kinds.matters))
            for name, value in vars(base).items():
                if name in self._names or type(value) is not FunctionType:
                    self.look(value)
                else:
                    self._methods.setdefault(name, []).append(value)

    def _read(self, function: FunctionType) -> None:
        """Follow the names in a function's code, and remember what it keeps itself."""
        names = names_in(function.__code__)
        self._remember(function.__globals__, names.globals, along=names.stored.__contains__)
        for name in names.globals:
            found: Any = function.__globals__.get(name)
            if issubclass(type(found), ModuleType):
                self._look_into_module(found, names.all)
        for name in names.all:
            if name not in self._names:
                self._names.add(name)
                for method in self._methods.pop(name, ()):
                    self.look(method)
        self._remember(function.__dict__)
        for value in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
            self.look(value)
        for cell in function.__closure__ or ():
            self._undo.append(undo_cell(cell, self._kinds.matters))
            self.look(content(cell))

    def _look_into_module(self, module: Any, names: Iterable[str]) -> None:
        attributes = ModuleType.__getattribute__(
            module, "__dict__"
        )  # one that is loaded when it is asked stays as it is
        if not self._kinds.is_library(attributes.get("__name__")):
            self._remember(attributes, names, along=lambda _: False)

    def _remember(
        self,
        held: dict[Any, Any],
        names: Iterable[Any] | None = None,
        depth: int = 0,
        along: Callable[[Any], bool] | None = None,
    ) -> None:
        """Remember the items of a dict, or those of some names, and look at them; ``along``: as for ``undo_items``."""
        if names is None and (len(held) > _MOST_ITEMS or not self._is_new(held)):
            return
        before = dict(dict.items(held)) if names is None else {n: held.get(n, MISSING) for n in names}
        self._undo.append(undo_items(held, before, self._kinds.matters, along))
        for value in before.values():
            self.look(value, depth + 1)

    def look(self, value: Any, depth: int = 0) -> None:
        """Look into a function or a class, or remember what a container or an object of the model's code holds."""
        kind = type(value)
        if id(value) in self._seen or value is MISSING or depth > _DEEPEST or issubclass(kind, _NOTHING_INSIDE):
            return
        with suppress(Exception):  # what poses as something else may raise anything when it is looked at
            for found in _unwrapped(value):
                self._look_into(found, depth)

    def _look_into(self, value: Any, depth: int) -> None:
        kind = type(value)
        if self._kinds.is_tensor(value):
            self.tensors.append(value)
        elif kind is FunctionType or issubclass(kind, type):
            if not self._kinds.is_library(value.__module__):
                self._look_into_code(value)
        elif issubclass(kind, dict):
            self._remember(value, depth=depth)
            self._remember_attributes(value, depth)
        elif issubclass(kind, (tuple, frozenset, *SEQUENCES)):
            self._look_through(value, depth)
            self._remember_attributes(value, depth)
        elif issubclass(kind, threading.local):
            self._remember(value.__dict__, depth=depth)
        elif self._kinds.is_own(kind):
            self._look_into_object(value, depth)
        elif self._is_new(value):
            self._look_into_tool(value, depth)

    def _look_into_code(self, value: Any) -> None:
        if isinstance(value, type):
            self.meet(value)
        elif self._is_new(value):
            self._waiting.append(value)

    def _look_through(self, value: Any, depth: int) -> None:
        if len(value) <= _MOST_ITEMS and self._is_new(value):
            if issubclass(type(value), SEQUENCES):
                self._undo.append(undo_sequence(value, self._kinds))
            for item in self._kinds.inside(value):
                self.look(item, depth + 1)

    def _look_into_object(self, value: Any, depth: int) -> None:
        self.meet(type(value))
        self._remember_attributes(value, depth)
        for item in self._kinds.inside(value):  # of a module also its weights
            self.look(item, depth + 1)

    def _remember_attributes(self, value: Any, depth: int) -> None:
        if type(value) in BARE:
            return
        attributes = attributes_of(value)
        if attributes is not None:
            self._remember(attributes, depth=depth)
        self._undo.append(undo_slots(value, self._kinds.matters))

    def _look_into_tool(self, value: Any, depth: int) -> None:
        """Remember a library's random generator or a cache, or look into the functions that a library has wrapped something around."""
        if isinstance(value, _CACHE):
            self._undo.append(undo_cache(value))
        undo = undo_generator(value)
        if undo is not None:
            self._undo.append(undo)
            return
        for item in (*slots_of(value).values(), *(attributes_of(value) or {}).values()):
            if type(item) in _FUNCTIONS:
                self.look(item, depth + 1)


def _unwrapped(value: Any) -> tuple[Any, ...]:
    """Return the function in a method, a property, or what decorates it, and what is bound to it."""
    kind = type(value)
    if kind in (staticmethod, classmethod):
        return (value.__func__,)
    if kind is MethodType:
        return value.__func__, value.__self__
    if issubclass(kind, property):
        return (value.fget,)
    if issubclass(kind, (functools.partial, functools.partialmethod)):
        return value.func, *value.args, *value.keywords.values()
    return (value,)
