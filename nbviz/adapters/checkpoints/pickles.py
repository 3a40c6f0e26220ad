"""Parses pickles without unpickling: nothing that a pickle names is imported or called.

A pickle is a program for a machine with a stack. This is that machine with its hands tied: where the real one would look up a
class, this one notes its name, and where that would call something, this one notes what would be called, and with what.
"""

from __future__ import annotations

import pickletools
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, final

from nbviz.adapters.files.opening import Bounded

_STEPS = 5_000_000
"""The most instructions; a checkpoint of 30,000 tensors has about a million."""


@final
@dataclass(frozen=True, slots=True)
class Global:
    """A class or function that a pickle names."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@final
@dataclass(eq=False, slots=True)
class Made:
    """What a call would have made.

    Attributes
    ----------
    of
        What would have been called, a ``Global`` unless the pickle is odd.
    args
        With what.
    state
        What would have been set on the result.
    items, members
        What would have been put into it, by key and in order.
    """

    of: Any
    args: Any
    state: Any = None
    items: list[tuple[Any, Any]] = field(default_factory=list)
    members: list[Any] = field(default_factory=list)


@final
@dataclass(eq=False, slots=True)
class Pairs:
    """A dict, as pairs: keys may be anything here."""

    items: list[tuple[Any, Any]] = field(default_factory=list)


@final
@dataclass(eq=False, slots=True)
class Outside:
    """A reference to something that is stored outside the pickle: in checkpoints, the storage of a tensor."""

    what: Any


def take_apart(stream: Bounded) -> Any:
    """Return what one pickle describes, made of plain values and of the classes above.

    Raises
    ------
    ValueError
        If it is no pickle, or longer than any real one.
    """
    machine = _Machine()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's reader warns of escapes that no text has
            for step, (opcode, argument, _) in enumerate(pickletools.genops(stream)):  # type: ignore[arg-type]
                if step > _STEPS:
                    raise ValueError(f"its pickle has more than {_STEPS:,} instructions")
                machine.do(opcode.name, argument)
        return machine.stack.pop()
    except (IndexError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError("its pickle is damaged") from error


_NUMBERS = {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"}
_TEXTS = {"STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"}
_ITSELF = _NUMBERS | _TEXTS | {"BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"}
"""Instructions that push what stands in the pickle."""
_FRESH: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "EMPTY_DICT": Pairs,
    "EMPTY_SET": lambda: Made(Global("builtins", "set"), ()),
}
_IGNORED = frozenset({"PROTO", "FRAME", "STOP"})
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_GETS = frozenset({"GET", "BINGET", "LONG_BINGET"})
_PUTS = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})


@final
class _Machine:
    """The stack, the stacks below marks, and what was memorized."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self._below: list[list[Any]] = []
        self._memo: dict[int, Any] = {}

    def do(self, name: str, argument: Any) -> None:
        """Do one instruction."""
        if name in _ITSELF:
            self.stack.append(argument)
        elif name in _PUTS:
            self._memo[argument] = self.stack[-1]
        elif name in _GETS:
            self.stack.append(self._memo[argument])
        elif name in _FRESH:
            self.stack.append(_FRESH[name]())
        elif name in _TUPLES:
            count = _TUPLES[name]
            self.stack[-count:] = [tuple(self._last(count))]
        elif name not in _IGNORED:
            step = _STEPS_OF.get(name)
            if step is None:
                raise ValueError(f"its pickle has the instruction {name}, which no checkpoint needs")
            step(self, argument)

    def _last(self, count: int) -> list[Any]:
        if len(self.stack) < count:
            raise IndexError
        return self.stack[-count:]

    def _marked(self) -> list[Any]:
        """Return what was pushed since the last mark."""
        found, self.stack = self.stack, self._below.pop()
        return found

    def _pairs(self, flat: list[Any]) -> Iterator[tuple[Any, Any]]:
        return zip(flat[::2], flat[1::2], strict=True)

    def mark(self, _: Any) -> None:
        self._below.append(self.stack)
        self.stack = []

    def pop(self, _: Any) -> None:
        if self.stack:
            self.stack.pop()
        else:
            self._marked()

    def pop_mark(self, _: Any) -> None:
        self._marked()

    def dup(self, _: Any) -> None:
        self.stack.append(self.stack[-1])

    def memoize(self, _: Any) -> None:
        self._memo[len(self._memo)] = self.stack[-1]

    def tuple_(self, _: Any) -> None:
        found = tuple(self._marked())
        self.stack.append(found)

    def list_(self, _: Any) -> None:
        found = self._marked()
        self.stack.append(found)

    def dict_(self, _: Any) -> None:
        found = self._marked()
        self.stack.append(Pairs(list(self._pairs(found))))

    def frozenset_(self, _: Any) -> None:
        found = self._marked()
        self.stack.append(Made(Global("builtins", "frozenset"), (), members=found))

    def append(self, _: Any) -> None:
        value = self.stack.pop()
        self._extend([value])

    def appends(self, _: Any) -> None:
        self._extend(self._marked())

    def _extend(self, values: list[Any]) -> None:
        into = self.stack[-1]
        (into if isinstance(into, list) else into.members).extend(values)

    def setitem(self, _: Any) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self.stack[-1].items.append((key, value))

    def setitems(self, _: Any) -> None:
        found = self._marked()
        self.stack[-1].items.extend(self._pairs(found))

    def global_(self, argument: str) -> None:
        module, _, name = argument.partition(" ")
        self.stack.append(Global(module, name))

    def stack_global(self, _: Any) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if not (isinstance(name, str) and isinstance(module, str)):
            raise TypeError
        self.stack.append(Global(module, name))

    def reduce(self, _: Any) -> None:
        args, of = self.stack.pop(), self.stack.pop()
        self.stack.append(Made(of, args))

    def newobj_ex(self, _: Any) -> None:
        keywords, args, of = self.stack.pop(), self.stack.pop(), self.stack.pop()
        self.stack.append(Made(of, (args, keywords)))

    def inst(self, argument: str) -> None:
        module, _, name = argument.partition(" ")
        args = tuple(self._marked())
        self.stack.append(Made(Global(module, name), args))

    def obj(self, _: Any) -> None:
        of, *args = self._marked()
        self.stack.append(Made(of, tuple(args)))

    def build(self, _: Any) -> None:
        state = self.stack.pop()
        self.stack[-1].state = state

    def persid(self, argument: Any) -> None:
        self.stack.append(Outside(argument))

    def binpersid(self, _: Any) -> None:
        self.stack.append(Outside(self.stack.pop()))


_STEPS_OF: dict[str, Callable[[_Machine, Any], None]] = {
    "MARK": _Machine.mark,
    "POP": _Machine.pop,
    "POP_MARK": _Machine.pop_mark,
    "DUP": _Machine.dup,
    "MEMOIZE": _Machine.memoize,
    "TUPLE": _Machine.tuple_,
    "LIST": _Machine.list_,
    "DICT": _Machine.dict_,
    "FROZENSET": _Machine.frozenset_,
    "APPEND": _Machine.append,
    "APPENDS": _Machine.appends,
    "ADDITEMS": _Machine.appends,
    "SETITEM": _Machine.setitem,
    "SETITEMS": _Machine.setitems,
    "GLOBAL": _Machine.global_,
    "STACK_GLOBAL": _Machine.stack_global,
    "REDUCE": _Machine.reduce,
    "NEWOBJ": _Machine.reduce,
    "NEWOBJ_EX": _Machine.newobj_ex,
    "INST": _Machine.inst,
    "OBJ": _Machine.obj,
    "BUILD": _Machine.build,
    "PERSID": _Machine.persid,
    "BINPERSID": _Machine.binpersid,
}
