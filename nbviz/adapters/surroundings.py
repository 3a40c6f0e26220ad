"""What a model's code keeps outside the model: in attributes of classes and objects, in globals, defaults and closures.

A table that a model's code fills there once would keep tensors without values, and fail when the model really runs. What the code can
reach is found by the names in it: from where it begins to run on, to all methods that are called so of the classes that are
met. Of what has changed only that is put back which has to do with tensors: what else lies there, others may change.
"""

from __future__ import annotations

import functools
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import CellType, FunctionType, MethodType, ModuleType
from typing import Any, final

from nbviz.adapters.names import names_in
from nbviz.adapters.places import module_of
from nbviz.adapters.undo import HOLDERS, attributes_of, slots_of, undo_generator

_MOST_FUNCTIONS = 300
"""Functions that are looked into, those nearest to where the model begins first."""

_MOST_ITEMS = 10_000
"""Items of a container that is remembered: a longer one holds data."""

_MOST_LOOKED = 1_000
"""Values that are looked at to find whether there is a tensor among them."""

_DEEPEST = 3
"""Containers and objects around what is remembered."""

_SEQUENCES = (list, set, deque)
_BARE = frozenset({dict, tuple, frozenset, *_SEQUENCES})
"""Containers without attributes; those of classes that are made of them may have some."""
_FUNCTIONS = (FunctionType, MethodType, functools.partial)
_CACHE = type(functools.lru_cache(lambda: None))
_PLAIN = (str, bytes, int, float, complex, type(None))
_NOTHING_INSIDE = (*_PLAIN, ModuleType)
_MISSING = object()


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
        elif issubclass(kind, (tuple, frozenset, *_SEQUENCES)):
            items = _items(value)
        elif (held := self.held(value)) is not None:
            return held
        elif issubclass(kind, (type, ModuleType)) or not self.is_own(kind):
            return items
        return items if kind in _BARE else [*items, *(attributes_of(value) or {}).values(), *slots_of(value).values()]

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
            if id(found) in seen or issubclass(type(found), _PLAIN):
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


def _items(value: Any) -> list[Any]:
    kind = type(value)
    base = next(base for base in (tuple, frozenset, *_SEQUENCES) if issubclass(kind, base))
    return list(base.__iter__(value))


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
            self._undo.append(_undo_class(base, self._kinds.matters))
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
            self._undo.append(_undo_cell(cell, self._kinds.matters))
            self.look(_content(cell))

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
        """Remember the items of a dict, or those of some names, and look at them; ``along``: as for ``_undo_named``."""
        if names is None and (len(held) > _MOST_ITEMS or not self._is_new(held)):
            return
        before = dict(dict.items(held)) if names is None else {n: held.get(n, _MISSING) for n in names}
        self._undo.append(_undo_items(held, before, self._kinds.matters, along))
        for value in before.values():
            self.look(value, depth + 1)

    def look(self, value: Any, depth: int = 0) -> None:
        """Look into a function or a class, or remember what a container or an object of the model's code holds."""
        kind = type(value)
        if id(value) in self._seen or value is _MISSING or depth > _DEEPEST or issubclass(kind, _NOTHING_INSIDE):
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
        elif issubclass(kind, (tuple, frozenset, *_SEQUENCES)):
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
            if issubclass(type(value), _SEQUENCES):
                self._undo.append(_undo_sequence(value, self._kinds))
            for item in self._kinds.inside(value):
                self.look(item, depth + 1)

    def _look_into_object(self, value: Any, depth: int) -> None:
        self.meet(type(value))
        self._remember_attributes(value, depth)
        for item in self._kinds.inside(value):  # of a module also its weights
            self.look(item, depth + 1)

    def _remember_attributes(self, value: Any, depth: int) -> None:
        if type(value) in _BARE:
            return
        attributes = attributes_of(value)
        if attributes is not None:
            self._remember(attributes, depth=depth)
        self._undo.append(_undo_slots(value, self._kinds.matters))

    def _look_into_tool(self, value: Any, depth: int) -> None:
        """Remember a library's random generator or a cache, or look into the functions that a library has wrapped something around."""
        if isinstance(value, _CACHE):
            self._undo.append(_undo_cache(value))
        undo = undo_generator(value)
        if undo is not None:
            self._undo.append(undo)
            return
        for item in (*slots_of(value).values(), *(attributes_of(value) or {}).values()):
            if type(item) in _FUNCTIONS:
                self.look(item, depth + 1)


# Undoing, where tensors came or went

Matters = Callable[[Any, Any], bool]


def _undo_items(
    held: dict[Any, Any], before: dict[Any, Any], matters: Matters, along: Callable[[Any], bool] | None
) -> Callable[[], None]:
    kind = OrderedDict if isinstance(held, OrderedDict) else dict
    write = functools.partial(kind.__setitem__, held)
    return _undo_named(
        lambda: held, before, write, functools.partial(kind.__delitem__, held), matters=matters, along=along
    )


def _undo_class(cls: type, matters: Matters) -> Callable[[], None]:
    write = functools.partial(type.__setattr__, cls)
    return _undo_named(
        lambda: vars(cls), dict(vars(cls)), write, functools.partial(type.__delattr__, cls), matters=matters
    )


def _undo_slots(value: Any, matters: Matters) -> Callable[[], None]:
    write = functools.partial(object.__setattr__, value)
    delete = functools.partial(object.__delattr__, value)
    return _undo_named(lambda: slots_of(value), slots_of(value), write, delete, matters=matters)


def _undo_named(
    current: Callable[[], Mapping[Any, Any]],
    before: Mapping[Any, Any],
    write: Callable[[Any, Any], None],
    delete: Callable[[Any], None],
    *,
    matters: Matters,
    along: Callable[[Any], bool] | None = None,
) -> Callable[[], None]:
    """Return what gives names what they had ``before``, if tensors came or went.

    All of them then, also those that have come since: beside a table there is a length, or a flag that it is filled. With
    ``along`` what is held is not the code's own, as its globals: only names that were remembered, and of those in which no
    tensors came or went only the ones for which it is true.
    """

    def undo() -> None:
        now = current()
        names = before if along is not None else dict.fromkeys([*before, *now])
        changed = {n: before.get(n, _MISSING) for n in names if before.get(n, _MISSING) is not now.get(n, _MISSING)}
        mattering = {name for name, value in changed.items() if matters(value, now.get(name, _MISSING))}
        for name, value in changed.items() if mattering else ():
            if name not in mattering and along is not None and not along(name):
                continue
            if value is _MISSING:
                delete(name)
            else:
                write(name, value)

    return undo


def _undo_cell(cell: CellType, matters: Matters) -> Callable[[], None]:
    before = _content(cell)

    def undo() -> None:
        if matters(before, _content(cell)):
            if before is _MISSING:
                del cell.cell_contents
            else:
                cell.cell_contents = before

    return undo


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not assigned yet
        return _MISSING


def _undo_cache(cache: Any) -> Callable[[], None]:
    """Empty a cache that has got anything: what it holds cannot be told apart, and it is filled again when it is asked."""
    before = cache.cache_info().misses

    def undo() -> None:
        if cache.cache_info().misses != before:
            cache.cache_clear()

    return undo


def _undo_sequence(value: Any, kinds: Kinds) -> Callable[[], None]:
    before = _items(value)

    def undo() -> None:
        now = _items(value)
        if len(now) == len(before) and {id(item) for item in now} == {id(item) for item in before}:
            return
        gone = any(kinds.went(item) for item in without(before, now))
        if not gone and not any(kinds.came(item) for item in without(now, before)):
            return
        if isinstance(value, list):
            list.__setitem__(value, slice(None), before)
        else:
            value.clear()
            (value.update if isinstance(value, set) else value.extend)(before)

    return undo


def without(items: Iterable[Any], others: Iterable[Any]) -> list[Any]:
    """Return the items that are not among others."""
    known = {id(item) for item in others}
    return [item for item in items if id(item) not in known]


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
