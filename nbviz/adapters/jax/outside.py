"""What a model's code writes outside what is traced, as before: traced values that stayed there would fail when they are used."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FunctionType, MethodType, ModuleType
from typing import Any, final

from nbviz.adapters.jax.closures import is_library, is_method, read_by, unwrapped
from nbviz.adapters.jax.wrapped import called_by
from nbviz.adapters.kinds import Kinds
from nbviz.adapters.random_states import random_states
from nbviz.adapters.surroundings import Surroundings
from nbviz.adapters.undo import CONTAINERS, attributes_of, slots_of, undo_dict, undo_slots

_OF_MODULES = ("flax.", "equinox.")
_METHODS = ("__call__", "setup")
"""In which modules begin to run."""

_MOST_MODULES = 10_000

_MOST_ITEMS = 10_000
"""Items of a container that is remembered, or looked through: a longer one holds data."""


@final
class Outside:
    """Remembers what a model's code can reach, so that every trace begins with the same and nothing of a trace stays there.

    Parameters
    ----------
    model
        The module or the function that is going to be traced.
    given
        What it is called with.
    """

    def __init__(self, model: Any, given: Iterable[Any]) -> None:
        self._found = Surroundings(Kinds(_is_array, _held, is_library, _is_traced), _METHODS)
        starts = [*_starts(model), *given]
        for value in starts:
            self._found.look(value)
        self._undo: list[Callable[[], None]] = []
        for value in filter(_is_own, starts):
            self._undo += _undo_all(value)
        for module in _modules_in(starts):  # as they are, whatever has changed: NNX empties one that it fails to update
            self._undo += _undo_all(module)
            self._found.look(module)
            for value in _held(module) or ():  # also what a library's own module holds: a function, a list
                self._found.look(value)
        self._found.follow()

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Put everything back, and the state of the random generators of Python and NumPy and JAX's configuration too."""
        try:
            with random_states(), _configuration():
                yield
        finally:
            self._found.put_back()
            for undo in self._undo:
                undo()


@contextmanager
def _configuration() -> Iterator[None]:
    """Put JAX's options back where a model has set them."""
    import jax

    before = dict(jax.config.values)
    try:
        yield
    finally:
        for name, value in jax.config.values.copy().items():
            if name in before and value != before[name]:
                jax.config.update(name, before[name])


def _is_own(value: Any) -> bool:
    """Tell whether a value is an object of the user's own class, which takes the place of a module."""
    kind = type(value)
    plain = issubclass(kind, (type, FunctionType, MethodType, functools.partial, ModuleType, dict, list, tuple, set))
    return not plain and not is_library(kind.__module__) and _held(value) is None


def _undo_all(value: Any) -> list[Callable[[], None]]:
    """Return what puts the attributes of an object back, and the items of containers that are among them."""
    attributes = attributes_of(value) or {}
    found = [undo_dict(attributes), undo_slots(value)]
    for held in (*attributes.values(), *slots_of(value).values()):
        undo = next((undo for kind, undo in CONTAINERS.items() if isinstance(held, kind)), None)  # a subclass too
        if undo is not None and len(held) <= _MOST_ITEMS:
            found.append(undo(held))
    return found


def _is_array(value: Any) -> bool:
    import jax

    return issubclass(type(value), (jax.Array, jax.core.Tracer))


def _is_traced(value: Any) -> bool:
    import jax

    return issubclass(type(value), jax.core.Tracer)


def _held(value: Any) -> Iterable[Any] | None:
    """Return the attributes of an object of a class of Flax's or Equinox's: a module, a variable."""
    if not any((cls.__module__ or "").startswith(_OF_MODULES) for cls in type(value).__mro__):
        return None
    return [*(attributes_of(value) or {}).values(), *slots_of(value).values()]


def _starts(model: Any) -> Iterator[Any]:
    """Yield what runs first, what is bound to it, and what it reads around it."""
    called, args, kwargs = called_by(model)
    yield from (model, called, *args, *kwargs.values())
    if is_method(called):
        yield called.__self__
    inner = unwrapped(called)
    yield from _starts(inner) if inner is not model else (value for _, value in read_by(inner))


def _modules_in(values: Iterable[Any]) -> Iterator[Any]:
    """Yield the modules among values and inside them, each once."""
    seen: set[int] = set()
    waiting = list(values)
    while waiting and len(seen) < _MOST_MODULES:
        value = waiting.pop()
        if id(value) in seen:
            continue
        if type(value) in (list, tuple, dict):
            if len(value) > _MOST_ITEMS:
                continue
            inside = list(value.values() if type(value) is dict else value)
        else:
            inside = list(_held(value) or ())
            if inside:
                yield value
        if inside:
            seen.add(id(value))
            waiting.extend(inside)
