"""Sizes that exporters write as expressions, such as ``2*h + 1`` or ``Min(512, s)``.

They are worked out here with a grammar of their own: text in a file is never run.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import final

_LONGEST = 1_000
"""Characters of an expression that is worked out."""

_DEEPEST = 50
"""Parentheses and signs around a number."""

_LARGEST = 1 << 128
"""No number on the way to a size is larger."""

_TOKEN = re.compile(r"\s*(?:(\d{1,39})|([A-Za-z_][\w.]*)|(//|[-+*/%(),]))", re.ASCII)

_FUNCTIONS: Mapping[str, Callable[..., Fraction]] = {
    "Max": max,
    "Min": min,
    "Mod": lambda a, b: a % b,
    "ceiling": lambda a: Fraction(math.ceil(a)),
    "floor": lambda a: Fraction(math.floor(a)),
}

_OPERATORS: tuple[Mapping[str, Callable[[Fraction, Fraction], Fraction]], ...] = (
    {"+": lambda a, b: a + b, "-": lambda a, b: a - b},
    {
        "*": lambda a, b: a * b,
        "/": lambda a, b: a / b,
        "//": lambda a, b: Fraction(a // b),
        "%": lambda a, b: a % b,
    },
)
"""From those that bind least to those that bind most."""


def size_of(text: str, known: Mapping[str, int]) -> int | None:
    """Return the size that an expression stands for, None where it is no expression of known sizes, or no size."""
    try:
        value = _Expression(text, known).value()
    except (_UnknownError, ArithmeticError, TypeError):  # of arguments that are too few or too many
        return None
    return int(value) if value.denominator == 1 and 0 <= value < 1 << 63 else None


class _UnknownError(Exception):
    """Text is no expression of known sizes."""


@final
class _Expression:
    def __init__(self, text: str, known: Mapping[str, int]) -> None:
        self._known = known
        self._tokens = _tokens(text)
        self._at = 0
        self._depth = 0

    def value(self) -> Fraction:
        """Return what the whole text stands for."""
        value = self._terms(0)
        if self._at < len(self._tokens):
            raise _UnknownError
        return value

    def _next(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _taken(self, *tokens: str) -> str:
        """Go on past one of these tokens; return it, ``""`` where another one is next."""
        word = self._next()
        if word not in tokens:
            return ""
        self._at += 1
        return word

    def _terms(self, level: int) -> Fraction:
        if level == len(_OPERATORS):
            return self._signed()
        value = self._terms(level + 1)
        while operator := self._taken(*_OPERATORS[level]):
            value = _bounded(_OPERATORS[level][operator](value, self._terms(level + 1)))
        return value

    def _signed(self) -> Fraction:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _UnknownError
        sign = self._taken("-", "+")
        value = self._signed() if sign else self._single()
        self._depth -= 1
        return -value if sign == "-" else value

    def _single(self) -> Fraction:
        word = self._next()
        self._at += 1
        if word == "(":
            return self._listed()[0]
        if word.isdecimal():
            return Fraction(int(word))
        if word in _FUNCTIONS and self._taken("("):
            return Fraction(_FUNCTIONS[word](*self._listed(several=True)))
        if word in self._known:
            return Fraction(self._known[word])
        raise _UnknownError

    def _listed(self, *, several: bool = False) -> list[Fraction]:
        """Return what stands before a closing parenthesis."""
        values = [self._terms(0)]
        while several and self._taken(","):
            values.append(self._terms(0))
        if not self._taken(")"):
            raise _UnknownError
        return values


def _tokens(text: str) -> list[str]:
    if len(text) > _LONGEST:
        raise _UnknownError
    found: list[str] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            raise _UnknownError
        found.append(match.group().strip())
        at = match.end()
    return found


def _bounded(value: Fraction) -> Fraction:
    if abs(value.numerator) > _LARGEST or value.denominator > _LARGEST:
        raise _UnknownError
    return value
