"""Finds the scopes in the names of operations, as PyTorch and TensorFlow write them: ``model/block1/conv/Conv2D``."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from nbviz.adapters.text import label

DEEPEST_SCOPE = 32
"""Scopes inside scopes that are shown."""

_PART = re.compile(r"\d+(_\d+)?")
"""The name of a module in a list, which may have the number of its call."""


@final
@dataclass(frozen=True, slots=True)
class Entry:
    """One scope around a node.

    Attributes
    ----------
    path
        The names from the root to it.
    type
        Its class with the module that defines it, ``""`` where that is not known.
    first
        The path of the same scope in its first call, if names tell that this is a later one.
    """

    path: tuple[str, ...]
    type: str = ""
    first: tuple[str, ...] = ()

    @property
    def row(self) -> tuple[str, ...]:
        """The segments of its row's path."""
        return self.first or self.path


@functools.lru_cache(maxsize=4096)
def of_path(outer: str) -> tuple[Entry, ...]:
    """Return the scopes in a path of names, outer first; dotted names of modules are cut."""
    return _nested(tuple(filter(None, outer.split("/")))[:DEEPEST_SCOPE])


@functools.lru_cache(maxsize=4096)
def of_names(names: tuple[str, ...]) -> tuple[Entry, ...]:
    """Return the scopes of names, outer first."""
    whole = tuple(map(label, names[:DEEPEST_SCOPE]))
    return tuple(Entry(whole[:depth]) for depth in range(1, len(whole) + 1))


@functools.lru_cache(maxsize=4096)
def _nested(names: tuple[str, ...]) -> tuple[Entry, ...]:
    """Return the scopes of no more names than are shown; ``layer1/layer1.0`` is the part ``0`` of ``layer1``."""
    if not names:
        return ()
    around = _nested(names[:-1])
    path = around[-1].path if around else ()
    pieces, last = _pieces(names[-1]), _pieces(names[-2]) if around else []
    inner = pieces[len(last) :] if last and len(pieces) > len(last) and pieces[: len(last)] == last else pieces
    return (*around, Entry((*path, *map(label, inner))))


def _pieces(segment: str) -> list[str]:
    """Cut the dotted name of a module in a list (``layers.0``, ``layers.0_1``); other names with dots stay whole."""
    pieces = segment.split(".")
    is_cut = any(map(_PART.fullmatch, pieces[1:])) and all(pieces)
    return pieces if is_cut else [segment]


def shared(a: Sequence[Entry], b: Sequence[Entry]) -> int:
    """Return how many scopes, from the outermost on, are around both of two places."""
    depth = 0
    for one, other in zip(a, b, strict=False):
        if one is not other and one.path != other.path:
            break
        depth += 1
    return depth
