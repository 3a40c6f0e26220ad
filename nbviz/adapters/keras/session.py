"""Restores everything that a trace may change, so that it leaves nothing behind."""

from __future__ import annotations

import sys
import types
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, final

from nbviz.adapters.keras.kinds import is_kind
from nbviz.adapters.keras.values import undo_value
from nbviz.adapters.random_states import random_states, undo_generator
from nbviz.adapters.undo import CONTAINERS, attributes_of, undo_dict

_MOST_OBJECTS = 200_000
"""Where the walk through a model's attributes gives up (a layer that holds a whole corpus)."""

_LEAVES = (str, bytes, int, float, complex, bool, type(None), type, types.ModuleType, types.FunctionType,
           types.BuiltinFunctionType, types.MethodType, types.CodeType)  # fmt: skip
_LEAF_TYPES = frozenset(_LEAVES)
_FOREIGN = ("numpy", "jax", "jaxlib", "torch", "tensorflow", "pandas", "threading", "logging", "re", "inspect", "types",
            "concurrent", "asyncio", "multiprocessing", "weakref", "pathlib", "datetime")  # fmt: skip


_CONTAINERS = (list, dict, set, tuple, frozenset, deque)
_UNCHANGING = ("Node", "KerasTensor", "SymbolicArguments")
_OF_TRAINING = ("keras.src.optimizers", "keras.src.callbacks", "keras.src.trainers")
"""What a call does not touch, and training in another thread does."""


@final
class Memory:
    """Remembers the attributes and containers of objects, and puts back what has changed since."""

    def __init__(self) -> None:
        self._seen: dict[int, Any] = {}
        self._undo: list[Callable[[], None]] = []
        self._of_variables: set[int] = set()
        self._values: list[tuple[Any, Callable[[], None]]] = []

    def note(self, root: Any) -> None:
        """Remember an object and all that it holds, unless that has happened before.

        Nearest first, and of objects that are neither Keras's nor a layer only those that one of these holds: what lies
        further away (a notebook's own objects) is not the model's, and may be changed by others meanwhile.
        """
        waiting: deque[tuple[Any, bool]] = deque([(root, False)])
        limit = len(self._seen) + _MOST_OBJECTS
        while waiting and len(self._seen) < limit:
            value, away = waiting.popleft()
            if isinstance(value, _LEAVES) or id(value) in self._seen:
                continue
            strange = not isinstance(value, _CONTAINERS) and not _is_own(value)
            if strange and away:
                continue
            inside = self._note_one(value)
            if inside is not None:
                self._seen[id(value)] = value  # kept alive, so that identities stay unique
                waiting.extend([(item, away or strange) for item in inside if type(item) not in _LEAF_TYPES])

    def _note_one(self, value: Any) -> list[Any] | None:
        cls = type(value)  # a proxy says that it is of the class of what it stands for
        if issubclass(cls, (tuple, frozenset)):
            return list(value)
        kind = next((kind for kind in CONTAINERS if issubclass(cls, kind)), None)
        if kind is not None:
            self._undo.append(CONTAINERS[kind](value))
            return [*_items(value), *([] if cls is kind else self._note_attributes(value))]
        wrapped = getattr(value, "__wrapped__", None) if isinstance(value, _CONTAINERS) else None
        if wrapped is not None:  # TensorFlow's proxy of a container
            return [wrapped, *self._note_attributes(value)]
        return self._note_object(value)

    def _note_attributes(self, container: Any) -> list[Any]:
        """Remember what a container of a framework's own class notes beside its items."""
        attributes = attributes_of(container)
        if attributes is None:
            return []
        self._undo.append(undo_dict(attributes))
        return list(attributes.values())

    def _note_object(self, value: Any) -> list[Any] | None:
        module = type(value).__module__ or ""
        generator = undo_generator(value)
        if generator is not None:
            self._undo.append(generator)
            return []
        content = undo_value(value)
        if content is not None:
            self._values.append((value, content))
            return []
        name = type(value).__name__
        if module.partition(".")[0] in _FOREIGN and not _is_container(module, name):
            return None
        if (name in _UNCHANGING and module.startswith("keras.src")) or module.startswith(_OF_TRAINING):
            return None
        try:
            attributes = object.__getattribute__(value, "__dict__")
        except AttributeError:
            return None
        if not isinstance(attributes, dict):
            return None
        held = attributes.get("_value")
        self._of_variables.add(id(held))
        self._undo.append(undo_dict(attributes) if held is None else _variable_undo(attributes))
        if hasattr(held, "requires_grad") and getattr(held, "is_leaf", False):
            self._undo.append(_gradient_undo(held))
        return list(attributes.values())

    def put_back(self) -> None:
        """Undo every change; what has not changed is not written, nor are the values of Keras's variables."""
        for value, undo in self._values:
            if id(value) not in self._of_variables:
                undo()
        for undo in reversed(self._undo):
            undo()


def _items(container: Any) -> list[Any]:
    """Return what a container holds and may itself change, whatever the container's class shows."""
    if isinstance(container, list):
        return list.copy(container)
    if isinstance(container, dict):
        return list(dict.values(container))
    return [] if isinstance(container, set) else list(container)


def _is_own(value: Any) -> bool:
    """Tell whether an object is Keras's or a layer."""
    return is_kind(value, "Layer") or (type(value).__module__ or "").startswith(
        ("keras.", "torch.nn.modules.container")
    )


def _is_container(module: str, name: str) -> bool:
    return module.startswith("torch.nn.modules.container") or name in ("ParameterDict", "ParameterList", "ModuleList")


def _variable_undo(attributes: dict[str, Any]) -> Callable[[], None]:
    """Remember a variable without its value: in a trace nothing assigns it, and training elsewhere may."""
    before = {key: value for key, value in attributes.items() if key != "_value"}

    def undo() -> None:
        for key in [key for key in attributes if key != "_value" and key not in before]:
            del attributes[key]
        for key, value in before.items():
            if attributes.get(key) is not value:
                attributes[key] = value

    return undo


def _gradient_undo(tensor: Any) -> Callable[[], None]:
    before = tensor.requires_grad

    def undo() -> None:
        if tensor.requires_grad != before:
            tensor.requires_grad = before

    return undo


@contextmanager
def keras_state() -> Iterator[None]:
    """Put back Keras's global state: name counters, scopes, settings, the list of variables without values."""
    from keras.src.backend.common import global_state

    memory = Memory()
    trackers = {name: getattr(global_state, name, None) for name in ("GLOBAL_STATE_TRACKER", "GLOBAL_SETTINGS_TRACKER")}
    for tracker in trackers.values():
        if tracker is not None:
            memory.note(vars(tracker))
    try:
        yield
    finally:
        for name, tracker in trackers.items():
            if tracker is not None and getattr(global_state, name) is not tracker:
                setattr(global_state, name, tracker)  # the model's code called clear_session
        memory.put_back()


@contextmanager
def no_storage() -> Iterator[None]:
    """Let variables be made without values, and keep Keras from filling them in afterwards."""
    from keras.src.backend.common import global_state
    from keras.src.backend.common.stateless_scope import StatelessScope

    with StatelessScope():
        try:
            yield
        finally:
            # On leaving the outermost scope Keras gives storage to every variable on this list.
            now = global_state.get_global_attribute("uninitialized_variables")
            if now is not None:
                now[:] = []


@contextmanager
def _nothing_runs() -> Iterator[None]:
    """Let operations of TensorFlow become nodes of a graph that nobody runs: assignments, tables and random numbers too.

    Code that needs values there runs outside of it (see ``standins``); what it changes is put back as far as it is found.
    """
    from keras.src import backend

    if backend.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    with tf.__internal__.FuncGraph("nbviz").as_default():
        yield


@contextmanager
def untouched(model: Any) -> Iterator[Memory]:
    """Run a trace of a model so that nothing of it remains: not in the model, not in Keras, not in this process.

    Yields
    ------
    Memory
        To note objects that turn up during the trace before they are used.
    """
    memory = Memory()
    with ExitStack() as stack:
        stack.enter_context(random_states())
        stack.callback(memory.put_back)
        memory.note(model)
        stack.enter_context(keras_state())
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        stack.enter_context(no_storage())
        stack.enter_context(_nothing_runs())
        torch = sys.modules.get("torch")
        if torch is not None and hasattr(torch, "no_grad"):
            stack.enter_context(torch.no_grad())
        yield memory
