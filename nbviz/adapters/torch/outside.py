"""What a model's code keeps outside the model: in attributes of classes and functions, in globals, defaults and closures.

A table that ``forward`` fills there once would keep tensors without values, and fail when the model really runs. What can be
reached is found by the names in its code, from ``forward`` on; nothing is changed but where tensors are or were.
"""

from __future__ import annotations

import functools
import sys
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from contextlib import suppress
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any, final

from nbviz.adapters.torch.tensors import CONTAINERS, named_tensors
from nbviz.adapters.torch.walk import modules_of
from nbviz.adapters.undo import attributes_of, undo_deque, undo_dict, undo_list, undo_set

_MOST_FUNCTIONS = 300
"""Functions that are looked into, those nearest to ``forward`` first."""

_FOREIGN = frozenset({"torch", "numpy", "nbviz"})
_UNDO: dict[type, Callable[[Any], Callable[[], None]]] = {
    dict: undo_dict,
    OrderedDict: undo_dict,
    list: undo_list,
    set: undo_set,
    deque: undo_deque,
}
_MISSING = object()


def undo_where_tensors(undo: Callable[[], None], values: Callable[[], Iterable[Any]]) -> Callable[[], None]:
    """Return what undoes a change where tensors are or were: such is the model's state; what else lies there, others may change."""
    held = _have_tensors(values())

    def undo_state() -> None:
        if held or _have_tensors(values()):
            undo()

    return undo_state


def _have_tensors(values: Iterable[Any]) -> bool:
    return any(True for value in values for _ in named_tensors(value, reach=CONTAINERS))


@final
class Outside:
    """Remembers what a model's code keeps outside the model.

    Parameters
    ----------
    model
        The model that is going to run.
    """

    def __init__(self, model: Any) -> None:
        self._undo: list[Callable[[], None]] = []
        self._seen: set[int] = set()
        self._waiting: deque[tuple[FunctionType, tuple[type, ...]]] = deque()
        for cls in {type(module): None for module in modules_of(model)}:
            self._note_class(cls)
        for _ in range(_MOST_FUNCTIONS):
            if self._waiting:
                self._note_function(*self._waiting.popleft())

    def put_back(self) -> None:
        """Undo every change that has to do with tensors."""
        for undo in reversed(self._undo):
            undo()

    def _is_new(self, value: Any) -> bool:
        new = id(value) not in self._seen
        self._seen.add(id(value))
        return new

    def _note_class(self, cls: type) -> None:
        own = tuple(base for base in cls.__mro__ if not _is_foreign(base.__module__))
        for base in own:
            if self._is_new(base):
                self._note_names(_ClassAttributes(base), [n for n in vars(base) if not n.startswith("__")])
        self._call(own, "forward")

    def _call(self, classes: tuple[type, ...], name: str) -> None:
        """Look into the methods of this name."""
        for cls in classes:
            self._note(vars(cls).get(name), classes)

    def _note_function(self, function: FunctionType, classes: tuple[type, ...]) -> None:
        names = _names(function.__code__)
        self._note_names(function.__globals__, names)
        self._note_items(function.__dict__, undo_dict)
        for value in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
            self._note(value, ())
        for cell in function.__closure__ or ():
            self._note_names(_Cell(cell), [""])
        for name in names:
            self._call(classes, name)
            found: Any = function.__globals__.get(name)
            if issubclass(type(found), ModuleType) and not _is_foreign(found.__name__):
                self._note_names(vars(found), names)

    def _note_names(self, namespace: MutableMapping[str, Any], names: list[str]) -> None:
        """Remember what has these names, now or later, and what it holds."""
        before = {name: namespace.get(name, _MISSING) for name in names}

        def undo() -> None:
            later = [n for n in namespace if n not in before] if isinstance(namespace, _ClassAttributes) else []
            for name, value in (*before.items(), *((n, _MISSING) for n in later)):
                now = namespace.get(name, _MISSING)
                if now is value or not _have_tensors((now, value)):
                    continue
                if value is _MISSING:
                    del namespace[name]
                else:
                    namespace[name] = value

        self._undo.append(undo)
        for value in before.values():
            self._note(value, ())

    def _note(self, value: Any, classes: tuple[type, ...], depth: int = 0) -> None:
        """Look into a function, or remember what a container or an object of the model's code holds."""
        with suppress(Exception):  # what poses as something else may raise anything when it is looked at
            self._look(value, classes, depth)

    def _look(self, value: Any, classes: tuple[type, ...], depth: int) -> None:
        if value is None or id(value) in self._seen or isinstance(value, (str, int, float, type, ModuleType)):
            return
        value = _unwrapped(value)
        if isinstance(value, FunctionType):
            if not _is_foreign(value.__module__) and self._is_new(value):
                self._waiting.append((value, classes))
            return
        undo = _UNDO.get(type(value))
        if undo is not None:
            self._note_items(value, undo, depth)
        elif isinstance(value, threading.local):
            self._note_items(value.__dict__, undo_dict, depth)
        elif not _is_foreign(type(value).__module__):
            attributes = attributes_of(value)
            if attributes is not None:
                self._note_items(attributes, undo_dict, depth)

    def _note_items(self, held: Any, undo: Callable[[Any], Callable[[], None]], depth: int = 0) -> None:
        """Remember the items of a container, and once more what is in these."""
        if not self._is_new(held):
            return

        def values() -> list[Any]:
            return list(held.values() if isinstance(held, dict) else held)

        self._undo.append(undo_where_tensors(undo(held), values))
        for item in values() if depth == 0 else ():
            self._note(item, (), depth + 1)


@final
class _ClassAttributes(MutableMapping[str, Any]):
    """The attributes of a class, which cannot be written as a dict."""

    def __init__(self, cls: type) -> None:
        self._cls = cls

    def __getitem__(self, name: str) -> Any:
        return vars(self._cls)[name]

    def __setitem__(self, name: str, value: Any) -> None:
        type.__setattr__(self._cls, name, value)

    def __delitem__(self, name: str) -> None:
        type.__delattr__(self._cls, name)

    def __iter__(self) -> Iterator[str]:
        return iter(list(vars(self._cls)))

    def __len__(self) -> int:
        return len(vars(self._cls))


@final
class _Cell(MutableMapping[str, Any]):
    """The variable of a function around another, as a namespace of one name."""

    def __init__(self, cell: CellType) -> None:
        self._cell = cell

    def __getitem__(self, name: str) -> Any:
        try:
            return self._cell.cell_contents
        except ValueError:  # not assigned yet
            raise KeyError(name) from None

    def __setitem__(self, name: str, value: Any) -> None:
        self._cell.cell_contents = value

    def __delitem__(self, name: str) -> None:
        del self._cell.cell_contents

    def __iter__(self) -> Iterator[str]:
        return iter([""])

    def __len__(self) -> int:
        return 1


def _unwrapped(value: Any) -> Any:
    """Return the function in a method, a property, or what decorates it."""
    if isinstance(value, (staticmethod, classmethod)):
        value = value.__func__
    if isinstance(value, property):
        value = value.fget
    if isinstance(value, (functools.partial, functools.partialmethod)):
        value = value.func
    return value


@functools.lru_cache(maxsize=4096)
def _names(code: CodeType) -> list[str]:
    """Return the names of globals and attributes in a function's code, and in that of functions inside it."""
    found = dict.fromkeys(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found.update(dict.fromkeys(_names(constant)))
    return list(found)


@functools.lru_cache(maxsize=1024)
def _is_foreign(module: str | None) -> bool:
    root = (module or "").partition(".")[0]
    return root in _FOREIGN or (root in sys.stdlib_module_names and root != "__main__")
