"""What a model's code keeps outside the model: in attributes of classes and objects, in globals, defaults and closures.

A table that ``forward`` fills there once would keep tensors without values, and fail when the model really runs. What the code can
reach is found by the names in it: from ``forward`` and the hooks on, to all methods that are called so of the classes that are
met. Of what has changed only that is put back which has to do with tensors: what else lies there, others may change.
"""

from __future__ import annotations

import functools
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any, final

from nbviz.adapters.torch.calls import is_library
from nbviz.adapters.torch.walk import modules_of
from nbviz.adapters.undo import attributes_of

_MOST_FUNCTIONS = 300
"""Functions that are looked into, those nearest to ``forward`` first."""

_MOST_ITEMS = 10_000
"""Items of a container that is remembered: a longer one holds data."""

_MOST_LOOKED = 1_000
"""Values that are looked at to find whether there is a tensor among them."""

_DEEPEST = 3
"""Containers and objects around what is remembered."""

_HOOKS = ("_forward_pre_hooks", "_forward_hooks")
_SEQUENCES = (list, set, deque)
_PLAIN = (str, bytes, int, float, complex, type(None))
_MISSING = object()


def holds_tensors(value: Any) -> bool:
    """Tell whether a value is a tensor, or a container, an object or a module that has some."""
    waiting, seen = deque([value]), set[int]()
    for _ in range(_MOST_LOOKED):
        if not waiting:
            return False
        found = waiting.popleft()
        if id(found) in seen or issubclass(type(found), _PLAIN):
            continue
        seen.add(id(found))
        if _is_tensor(found):
            return True
        waiting.extend(_inside(found))
    return False


def _is_tensor(value: Any) -> bool:
    import torch

    return issubclass(type(value), torch.Tensor)


def _inside(value: Any) -> Iterable[Any]:
    """Return what is directly inside a value, asking nothing of its own code."""
    import torch

    kind = type(value)
    if issubclass(kind, dict):
        return list(dict.values(value))
    if issubclass(kind, (tuple, frozenset, *_SEQUENCES)):
        base = next(base for base in (tuple, frozenset, *_SEQUENCES) if issubclass(kind, base))
        return list(base.__iter__(value))
    if issubclass(kind, torch.nn.Module):
        return [*value._parameters.values(), *value._buffers.values(), *value._modules.values()]
    if issubclass(kind, (type, ModuleType)) or is_library(kind.__module__):
        return []
    return list((attributes_of(value) or {}).values())


@final
class Outside:
    """Remembers what a model's code keeps outside the model.

    Parameters
    ----------
    model
        The model that is going to run.

    Attributes
    ----------
    tensors
        The tensors that were found; their values are not remembered here.
    """

    def __init__(self, model: Any) -> None:
        self.tensors: list[Any] = []
        self._undo: list[Callable[[], None]] = []
        self._seen: set[int] = set()
        self._names = {"forward"}
        self._methods: dict[str, list[Any]] = {}
        self._waiting: deque[FunctionType] = deque()
        for module in modules_of(model):
            self._meet(type(module))
            attributes = vars(module)
            for value in attributes.values():
                if type(value) in (FunctionType, MethodType):
                    self._look(value)
            for hooks in _HOOKS:
                for hook in (attributes.get(hooks) or {}).values():
                    self._look(hook)
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
        self._seen.add(id(value))
        return new

    def _meet(self, cls: type) -> None:
        """Remember the attributes of a class, and look into those of its methods whose names were read."""
        if not self._is_new(cls):
            return
        for base in cls.__mro__:
            if is_library(base.__module__) or (base is not cls and not self._is_new(base)):
                continue
            self._undo.append(_undo_class(base))
            for name, value in vars(base).items():
                if name in self._names or type(value) is not FunctionType:
                    self._look(value)
                else:
                    self._methods.setdefault(name, []).append(value)

    def _read(self, function: FunctionType) -> None:
        """Follow the names in a function's code, and remember what it keeps itself."""
        names = _names(function.__code__)
        self._remember(function.__globals__, names)
        for name in names:
            found: Any = function.__globals__.get(name)
            if issubclass(type(found), ModuleType) and not is_library(found.__name__):
                self._remember(vars(found), names)
            if name not in self._names:
                self._names.add(name)
                for method in self._methods.pop(name, ()):
                    self._look(method)
        self._remember(function.__dict__)
        for value in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
            self._look(value)
        for cell in function.__closure__ or ():
            self._undo.append(_undo_cell(cell))
            self._look(_content(cell))

    def _remember(self, held: dict[Any, Any], names: Iterable[Any] | None = None, depth: int = 0) -> None:
        """Remember the items of a dict, or those of some names, and look at them."""
        if names is None and (len(held) > _MOST_ITEMS or not self._is_new(held)):
            return
        before = dict(dict.items(held)) if names is None else {n: held.get(n, _MISSING) for n in names}
        self._undo.append(_undo_items(held, before, others=names is None))
        for value in before.values():
            self._look(value, depth + 1)

    def _look(self, value: Any, depth: int = 0) -> None:
        """Look into a function or a class, or remember what a container or an object of the model's code holds."""
        kind = type(value)
        if id(value) in self._seen or value is _MISSING or depth > _DEEPEST or issubclass(kind, (*_PLAIN, ModuleType)):
            return
        with suppress(Exception):  # what poses as something else may raise anything when it is looked at
            self._look_into(_unwrapped(value), depth)

    def _look_into(self, value: Any, depth: int) -> None:
        kind = type(value)
        if _is_tensor(value):
            self.tensors.append(value)
        elif kind is FunctionType or issubclass(kind, type):
            if not is_library(value.__module__):
                self._look_into_code(value)
        elif issubclass(kind, dict):
            self._remember(value, depth=depth)
        elif issubclass(kind, (tuple, frozenset, *_SEQUENCES)):
            self._look_through(value, depth)
        elif issubclass(kind, threading.local):
            self._remember(value.__dict__, depth=depth)
        elif not is_library(kind.__module__):
            self._look_into_object(value, depth)

    def _look_into_code(self, value: Any) -> None:
        if isinstance(value, type):
            self._meet(value)
        elif self._is_new(value):
            self._waiting.append(value)

    def _look_through(self, value: Any, depth: int) -> None:
        if len(value) <= _MOST_ITEMS and self._is_new(value):
            if issubclass(type(value), _SEQUENCES):
                self._undo.append(_undo_sequence(value))
            for item in _inside(value):
                self._look(item, depth + 1)

    def _look_into_object(self, value: Any, depth: int) -> None:
        self._meet(type(value))
        attributes = attributes_of(value)
        if attributes is not None:
            self._remember(attributes, depth=depth)
        for item in _inside(value):  # of a module also its weights
            self._look(item, depth + 1)


# Undoing, where tensors came or went


def _matters(before: Any, now: Any) -> bool:
    return before is not now and (holds_tensors(before) or holds_tensors(now))


def _undo_items(held: dict[Any, Any], before: dict[Any, Any], *, others: bool) -> Callable[[], None]:
    kind = OrderedDict if isinstance(held, OrderedDict) else dict
    write = functools.partial(kind.__setitem__, held)
    return _undo_named(held, before, write, functools.partial(kind.__delitem__, held), others=others)


def _undo_class(cls: type) -> Callable[[], None]:
    write = functools.partial(type.__setattr__, cls)
    return _undo_named(vars(cls), dict(vars(cls)), write, functools.partial(type.__delattr__, cls))


def _undo_named(
    now: Mapping[Any, Any],
    before: Mapping[Any, Any],
    write: Callable[[Any, Any], None],
    delete: Callable[[Any], None],
    *,
    others: bool = True,
) -> Callable[[], None]:
    """Return what gives names what they had ``before``; ``others``: also those that have come since."""

    def undo() -> None:
        for name in dict.fromkeys([*before, *(now if others else ())]):
            value = before.get(name, _MISSING)
            if not _matters(value, now.get(name, _MISSING)):
                continue
            if value is _MISSING:
                delete(name)
            else:
                write(name, value)

    return undo


def _undo_cell(cell: CellType) -> Callable[[], None]:
    before = _content(cell)

    def undo() -> None:
        if _matters(before, _content(cell)):
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


def _undo_sequence(value: Any) -> Callable[[], None]:
    before = list(_inside(value))

    def undo() -> None:
        now = list(_inside(value))
        same = {id(item) for item in before} & {id(item) for item in now}
        if len(now) == len(before) == len(same) or not any(
            holds_tensors(item) for item in (*before, *now) if id(item) not in same
        ):
            return
        if isinstance(value, list):
            list.__setitem__(value, slice(None), before)
        else:
            value.clear()
            (value.update if isinstance(value, set) else value.extend)(before)

    return undo


def _unwrapped(value: Any) -> Any:
    """Return the function in a method, a property, or what decorates it."""
    kind = type(value)
    if kind in (staticmethod, classmethod, MethodType):
        return value.__func__
    if issubclass(kind, property):
        return value.fget
    return value.func if kind in (functools.partial, functools.partialmethod) else value


@functools.lru_cache(maxsize=4096)
def _names(code: CodeType) -> tuple[str, ...]:
    """Return the names of globals and attributes in a function's code, and in that of functions inside it."""
    found = dict.fromkeys(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found.update(dict.fromkeys(_names(constant)))
    return tuple(found)
