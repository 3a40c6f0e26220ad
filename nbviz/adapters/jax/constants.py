"""Which parameters the constants of a jaxpr are: those whose arrays a function has in variables around it."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterable
from typing import Any, final

from nbviz.adapters.jax.arrays import seen_as

_Form = tuple[tuple[int, ...], str]
"""The shape and dtype of an array."""


@final
class Constants:
    """Knows the keys of parameters that a jaxpr has as constants.

    A constant is the array of a parameter itself, or sees it through one of JAX's own. Of an array of NumPy's in a precision
    that JAX does not have, it is a copy, which only its numbers tell: of several alike, each is taken in turn.

    Parameters
    ----------
    held
        The parameters' arrays by their keys.
    """

    def __init__(self, held: Iterable[tuple[Hashable, Any]]) -> None:
        given = list(held)
        seen = [(key, seen_as(leaf)) for key, leaf in given]
        self._kept = [*given, *seen]  # so that identities stay unique
        self._keys = {id(leaf): key for key, leaf in self._kept}
        self._copied = _copied(given)
        self._digests: dict[_Form, dict[bytes, list[Hashable]]] = {}
        self._found: dict[int, tuple[Any, Hashable | None]] = {}

    def key_of(self, constant: Any) -> Hashable | None:
        """Return the key of the parameter that a constant is, None for others."""
        for seen in (constant, getattr(constant, "base", None)):  # an array of NumPy's is seen through one of JAX's own
            if id(seen) in self._keys:
                return self._keys[id(seen)]
        if id(constant) not in self._found:
            self._found[id(constant)] = constant, self._copied_as(constant)
        return self._found[id(constant)][1]

    def _copied_as(self, constant: Any) -> Hashable | None:
        form = tuple(getattr(constant, "shape", ())), str(getattr(constant, "dtype", ""))
        if form not in self._copied:
            return None
        if form not in self._digests:
            digests = self._digests[form] = {}
            for key, leaf in self._copied[form]:
                digests.setdefault(_digest(leaf.astype(form[1])), []).append(key)
        alike = self._digests[form].get(_digest(constant), [])
        return alike.pop(0) if len(alike) > 1 else next(iter(alike), None)


def _copied(held: Iterable[tuple[Hashable, Any]]) -> dict[_Form, list[tuple[Hashable, Any]]]:
    """Return arrays of NumPy's that JAX copies into a precision of its own, by the form of their copies."""
    import jax
    import numpy as np

    found: dict[_Form, list[tuple[Hashable, Any]]] = {}
    for key, leaf in held:
        if isinstance(leaf, np.ndarray) and (dtype := jax.dtypes.canonicalize_dtype(leaf.dtype)) != leaf.dtype:
            found.setdefault((leaf.shape, str(dtype)), []).append((key, leaf))
    return found


def _digest(array: Any) -> bytes:
    import numpy as np

    return hashlib.blake2b(np.asarray(array).ravel().data).digest()
