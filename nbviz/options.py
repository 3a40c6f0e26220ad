"""Checks of user arguments; each error names the argument and the value that was found."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable
from numbers import Integral, Real
from typing import Any, TypeVar

from nbviz.errors import OptionError, UnknownOptionError, kind_of, nearest

T = TypeVar("T")


def choice(argument: str, found: T, known: Iterable[T]) -> T:
    """Return ``found`` if it is among the known values.

    Raises
    ------
    OptionError
        If it is not; the message names the argument and the nearest value.
    """
    allowed = list(known)
    if found not in allowed:
        written = {str(value): repr(value) for value in allowed}
        close = nearest(str(found), written, written.__getitem__)
        msg = f"{argument} must be one of {', '.join(written.values())}; found {found!r}.{close}"
        raise OptionError(msg)
    return found


def above_zero(argument: str, found: object) -> None:
    """Refuse what is neither None nor a number above zero.

    Raises
    ------
    OptionError
        If it is refused; the message names the argument.
    """
    number: Any = found  # that numbers are Real, and can be compared, no type checker knows
    is_number = isinstance(found, Real) and not isinstance(number, bool) and 0 < number < math.inf
    if found is not None and not is_number:
        msg = f"{argument} must be a number above zero; found {found!r}."
        raise OptionError(msg)


def at_least(least: int, argument: str, found: object, *, or_else: str = "") -> int:
    """Return a whole number from ``least``, an array library's as well, as Python's own.

    Other values that the caller takes are named by ``or_else``.

    Raises
    ------
    OptionError
        If it is something else; the message names the argument.
    """
    if isinstance(found, bool) or not isinstance(found, Integral) or found < least:
        msg = f"{argument} must be a whole number from {least}{or_else and f', or {or_else}'}; found {found!r}."
        raise OptionError(msg)
    return int(found)


def names(argument: str, found: object, what: str) -> list[str]:
    """Return one name or several as a list; ``what`` says what they name.

    Raises
    ------
    OptionError
        If it is something else; the message names the argument.
    """
    if isinstance(found, str):
        return [found]
    several = _listed(found)
    odd = [found] if several is None else [name for name in several if not isinstance(name, str)]
    if several is None or odd:
        msg = f"{argument} must be one or several {what}; found {kind_of(odd[0])}{'' if several is None else ' in it'}."
        raise OptionError(msg)
    return several


def _listed(found: object) -> list[Any] | None:
    """Return what is in something, None where it is not made of several things."""
    tabular = hasattr(found, "columns") and hasattr(found, "index")  # iterating over it would give its columns
    if not isinstance(found, Iterable) or tabular:
        return None
    try:
        return list(found)
    # Arrays without axes and symbolic tensors say that they are iterable.
    except (TypeError, NotImplementedError):
        return None


def text_or_none(argument: str, found: object) -> None:
    """Refuse what is neither None nor text.

    Raises
    ------
    OptionError
        If it is refused; the message names the argument.
    """
    if found is not None and not isinstance(found, str):
        msg = f"{argument} must be text; found {found!r}."
        raise OptionError(msg)


def levels(depth: object, argument: str = "depth") -> int | str:
    """Return a number of open levels, or ``"auto"``.

    Raises
    ------
    OptionError
        If it is something else; the message names the argument.
    """
    return "auto" if isinstance(depth, str) and depth == "auto" else at_least(1, argument, depth, or_else="'auto'")


def refuse_unknown(function: Callable[..., object], unknown: dict[str, Any]) -> None:
    """Refuse keyword arguments that a public function does not have.

    Raises
    ------
    UnknownOptionError
        If there is one; the message names the nearest that there is.
    """
    if not unknown:
        return
    known = [name for name, p in inspect.signature(function).parameters.items() if p.kind is not p.VAR_KEYWORD]
    name = next(iter(unknown))
    msg = f"nbviz.{function.__name__} has no option {name!r}.{nearest(name, known)}"
    raise UnknownOptionError(msg)
