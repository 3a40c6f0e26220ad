"""The errors and warnings that nbviz raises; each message says what was found and what to do next."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from typing import Any, TypeVar

T = TypeVar("T")


class NbvizError(Exception):
    """Base class of every error that nbviz raises on purpose."""


class UnsupportedModelError(NbvizError, TypeError):
    """No adapter reads the object that was given."""


class FileReadError(NbvizError, ValueError):
    """A model file is missing, damaged, or of a kind that nbviz does not read."""


class InputsError(NbvizError, ValueError):
    """The ``inputs`` argument cannot be understood, or does not match the model's signature."""


class MissingExtraError(NbvizError, ImportError):
    """A package that is needed for this request is not installed; the message names the extra."""


class OptionError(NbvizError, ValueError):
    """An argument has a value that is not among the allowed ones."""


class UnknownOptionError(NbvizError, TypeError):
    """A keyword argument does not exist."""


class UnknownPathError(NbvizError, KeyError):
    """A path names nothing in this model."""

    def __str__(self) -> str:
        # KeyError prints the repr of its argument, which would quote and escape the whole sentence.
        return str(self.args[0]) if self.args else ""


class SchemaError(NbvizError, ValueError):
    """A saved model graph was written in a format that this version of nbviz does not know."""


class PictureWarning(UserWarning):
    """A picture is not quite what was asked for: scaled, folded, or in several files; the message says what to do."""


class PartialReadWarning(UserWarning):
    """The model could be read only in part; the graph's diagnostics say what is missing."""


def nearest(word: str, known: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"`` for the closest known word, or an empty string when none is close."""
    match = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f" Did you mean {match[0]!r}?" if match else ""


def choice(argument: str, found: T, known: Iterable[T]) -> T:
    """Return ``found`` if it is among the known values.

    Raises
    ------
    OptionError
        If it is not; the message names the argument and the nearest value.
    """
    allowed = list(known)
    if found not in allowed:
        listed = ", ".join(repr(value) for value in allowed)
        msg = f"{argument} is one of {listed}; found {found!r}.{nearest(str(found), map(str, allowed))}"
        raise OptionError(msg)
    return found


def above_zero(argument: str, found: Any) -> None:
    """Refuse what is neither None nor a number above zero.

    Raises
    ------
    OptionError
        If it is refused; the message names the argument.
    """
    if found is not None and (
        isinstance(found, bool) or not isinstance(found, int | float) or not 0 < found < math.inf
    ):
        msg = f"{argument} is a number above zero; found {found!r}."
        raise OptionError(msg)
