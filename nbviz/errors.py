"""Errors and warnings that nbviz raises; each message says what was found and what to do next."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable

RAISED_BY = "nbviz: raised by "
"""How a note begins that an exception of a model's own code carries: it is no fault of nbviz."""


class NbvizError(Exception):
    """Base class of every error that nbviz raises on purpose.

    Examples
    --------
    >>> try:
    ...     nbviz.view({"not": "a model"})
    ... except nbviz.NbvizError as error:
    ...     print(error)
    nbviz cannot read a dict without arrays in it. ...
    """


class UnsupportedModelError(NbvizError, TypeError):
    """No adapter can read the given object.

    Examples
    --------
    >>> nbviz.read(3.14)
    Traceback (most recent call last):
    nbviz.errors.UnsupportedModelError: nbviz cannot read a float. Tried: ...
    """


class FileReadError(NbvizError, ValueError):
    """A model file is missing, damaged, or in a format that nbviz does not read.

    Examples
    --------
    >>> nbviz.read("model.docx")
    Traceback (most recent call last):
    nbviz.errors.FileReadError: 'model.docx' is a path with the suffix '.docx'; nbviz reads files that end in ...
    """


class InputsError(NbvizError, ValueError):
    """The ``inputs`` argument is invalid, or does not match the model's signature.

    Examples
    --------
    >>> nbviz.read(model, inputs="an image")
    Traceback (most recent call last):
    nbviz.errors.InputsError: inputs is 'an image', a str. Give a shape such as (None, 32), ...
    """


class MissingExtraError(NbvizError, ImportError):
    """A required package is not installed; the message names the extra to install.

    Examples
    --------
    >>> issubclass(nbviz.MissingExtraError, ImportError)  # so that `except ImportError` catches it
    True
    """


class OptionError(NbvizError, ValueError):
    """An argument has a value that is not allowed.

    Examples
    --------
    >>> nbviz.view(model, color_by="parms")
    Traceback (most recent call last):
    nbviz.errors.OptionError: color_by must be one of 'params', ...; found 'parms'. Did you mean 'params'?
    """


class UnknownOptionError(NbvizError, TypeError):
    """A keyword argument does not exist.

    Examples
    --------
    >>> nbviz.view(model, colour_by="params")
    Traceback (most recent call last):
    nbviz.errors.UnknownOptionError: nbviz.view has no option 'colour_by'. Did you mean 'color_by'?
    """


class UnknownPathError(NbvizError, KeyError):
    """A path does not exist in this model.

    Examples
    --------
    >>> view.selection = ("encode",)
    Traceback (most recent call last):
    nbviz.errors.UnknownPathError: No layer, operation or group has the path 'encode'. Did you mean 'encoder'?
    """

    def __str__(self) -> str:
        # KeyError prints the repr of its argument, which would quote and escape the whole sentence.
        return str(self.args[0]) if self.args else ""


class SchemaError(NbvizError, ValueError):
    """A saved model graph is in a format that this version of nbviz does not know.

    Examples
    --------
    >>> from pathlib import Path
    >>> later = Path("later.json")
    >>> _ = later.write_text('{"format": "nbviz model graph", "schema": [99, 0]}')
    >>> nbviz.read(later)
    Traceback (most recent call last):
    nbviz.errors.SchemaError: 'later.json': This model graph has format 99, but this version of nbviz reads format 1. Upgrade nbviz to open it.
    """


class PictureWarning(UserWarning):
    """A picture differs from the request: scaled, folded, or split into several files; the message says what to do.

    Examples
    --------
    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as found:
    ...     warnings.simplefilter("always", nbviz.PictureWarning)
    ...     path = view.save("net.png", dpi=300, max_pixels=250_000)
    >>> print(found[0].message)
    net.png is limited to ... dots per inch (... pixels): ...
    """


class AdapterWarning(UserWarning):
    """An adapter of another package failed and was skipped; the other adapters still work.

    Examples
    --------
    >>> issubclass(nbviz.AdapterWarning, UserWarning)  # warnings.filterwarnings can hide it
    True
    """


class PartialReadWarning(UserWarning):
    """Only part of the model could be read; the graph's diagnostics say what is missing.

    Examples
    --------
    >>> import warnings
    >>> with warnings.catch_warnings(record=True, action="always") as caught:
    ...     graph = nbviz.read(broken, inputs=(None, 8))
    >>> [warning.category.__name__ for warning in caught]
    ['PartialReadWarning']
    >>> graph.diagnostics[0].level
    'error'
    """


def blamed(error: BaseException) -> str | None:
    """Return an exception of a model's own code as one line that says where it came up, None for another one."""
    notes = (note for note in getattr(error, "__notes__", ()) if isinstance(note, str))
    by = next((note.removeprefix(RAISED_BY) for note in notes if note.startswith(RAISED_BY)), None)
    if by is None:
        return None
    return f"{by} raised {in_one_line(error)}"


def in_one_line(error: BaseException) -> str:
    """Return the name of an exception and what it says, without line breaks and control characters."""
    said = "".join(filter(str.isprintable, " ".join(str(error).split())))
    return f"{type(error).__name__}: {said}".removesuffix(": ")


def with_article(word: str) -> str:
    """Return a word behind its indefinite article."""
    return f"{'an' if word[:1].lower() in 'aeio' else 'a'} {word}"


def kind_of(value: object) -> str:
    """Return what a value is, in words: ``a Dense``, or ``None``."""
    return "None" if value is None else with_article(type(value).__name__)


def counted(number: int, thing: str) -> str:
    """Return how many things there are, in words."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def nearest(word: str, known: Iterable[str], shown: Callable[[str], str] = repr) -> str:
    """Return ``" Did you mean 'x'?"`` for the closest known word, or an empty string when none is close; ``shown`` is how it is written."""
    match = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f" Did you mean {shown(match[0])}?" if match else ""
