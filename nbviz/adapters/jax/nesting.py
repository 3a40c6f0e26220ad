"""The equations of a jaxpr as they nest: in scopes by name, and in those of JAX's own functions that it writes inline."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import filterfalse
from typing import Any, final

from nbviz.adapters.jax.jaxprs import does_nothing, stack_of

PREFIX = "nbviz:"
"""How the names of the scopes of calls of modules begin."""

AGAIN = "rematted_computation"
"""What JAX calls the scope of what ``checkpoint`` computes once more, among gradients."""

_FUNCTIONS = "/jax/_src/nn/functions.py"
"""Where JAX keeps activations and the like; some leave no trace but the equations that they are made of."""


@final
@dataclass(frozen=True, slots=True)
class Scope:
    """A named scope; ``backward`` where the equations compute the gradient of what was done in it."""

    name: str
    backward: bool = False


@final
@dataclass(slots=True)
class Frame:
    """Equations and frames in one scope.

    Attributes
    ----------
    scope
        The scope.
    items
        What is in it, in order.
    layer
        The key of the layer that this is a call of, where that is known.
    """

    scope: Scope
    items: list[Any] = field(default_factory=list)
    layer: Hashable | None = None

    def equations(self) -> Iterator[Any]:
        """Yield every equation in it."""
        yield from equations_in(self.items)


@final
@dataclass(slots=True)
class Written:
    """Equations that a function of JAX's own was written out as."""

    name: str
    equations: list[Any] = field(default_factory=list)


def equations_in(items: Iterable[Any]) -> Iterator[Any]:
    """Yield every equation in items and frames."""
    for item in items:
        if isinstance(item, Frame):
            yield from item.equations()
        elif isinstance(item, Written):
            yield from item.equations
        else:
            yield item


def nested(equations: Iterable[Any], quiet: AbstractSet[str] = frozenset()) -> list[Any]:
    """Return equations as a tree of frames; those of one scope that follow each other are one frame.

    Directly in ``quiet`` scopes, others are left out: those that a library's module makes of its own name.
    """
    top: list[Any] = []
    around: list[Frame] = []
    for equation in filterfalse(does_nothing, equations):
        name = _written_out(equation)
        scopes = _scopes(equation, quiet)
        while name and scopes and is_einsum(scopes[-1].name):  # one that the function itself uses
            scopes.pop()
        same = 0
        while same < min(len(scopes), len(around)) and scopes[same] == around[same].scope:
            same += 1
        del around[same:]
        for scope in scopes[same:]:
            frame = Frame(scope)
            (around[-1].items if around else top).append(frame)
            around.append(frame)
        _add(around[-1].items if around else top, equation, name)
    return top


def _scopes(equation: Any, quiet: AbstractSet[str]) -> list[Scope]:
    found: list[Scope] = []
    backward = False
    for part in equation.source_info.name_stack.stack:
        if type(part).__name__ == "Scope":
            if found and found[-1].name in quiet and not part.name.startswith(PREFIX) and not is_einsum(part.name):
                continue
            found.append(Scope(part.name, backward))
        else:
            backward = backward or part.name == "transpose"
    return found


def is_backward(equation: Any) -> bool:
    """Tell whether an equation computes the gradient of what others did."""
    return any(part.name == "transpose" for part in equation.source_info.name_stack.stack)


def is_copy(item: Any) -> bool:
    """Tell whether an item is an equation that only copies."""
    return not isinstance(item, (Frame, Written)) and item.primitive.name in {"copy", "copy_p"}


def is_einsum(scope: str) -> bool:
    """Tell whether a scope is that which ``einsum`` makes of its subscripts."""
    return re.fullmatch(r"[A-Za-z.,]*->[A-Za-z.]*", scope) is not None


def _add(items: list[Any], equation: Any, name: str) -> None:
    last = items[-1] if items else None
    if not name:
        items.append(equation)
    elif isinstance(last, Written) and last.name == name and not _again(last, equation):
        last.equations.append(equation)
    else:
        items.append(Written(name, [equation]))


def _again(written: Written, equation: Any) -> bool:
    """Tell whether a function begins anew, or was called from elsewhere."""
    first, now = _positions(written.equations[0]), _positions(equation)
    return bool(first == now or first[-1][:2] != now[-1][:2])


def _positions(equation: Any) -> list[tuple[Any, ...]]:
    """Return where an equation was made: in the function, outwards to what called it."""
    found: list[tuple[Any, ...]] = [(equation.primitive.name, 0)]
    for frame in stack_of(equation):
        found.append((frame.file_name, frame.line_num, getattr(frame, "start_column", 0)))
        if not _in_functions(frame) and "/jax/" not in frame.file_name.replace("\\", "/"):
            break
    return found


def _written_out(equation: Any) -> str:
    """Return the name of JAX's function that an equation was written out of, ``""`` for others."""
    found = ""
    for frame in stack_of(equation):
        if _in_functions(frame):
            name = frame.function_name.rpartition(".")[2]
            found = found if name == "<lambda>" else name  # as the derivative of some activations
        elif found and "/jax/" not in frame.file_name.replace("\\", "/"):
            break
    return found.strip("_")


def _in_functions(frame: Any) -> bool:
    return str(frame.file_name).replace("\\", "/").endswith(_FUNCTIONS)
