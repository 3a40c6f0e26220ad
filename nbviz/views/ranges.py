"""The ``layer_range`` of Keras: the layers from one name or pattern to another."""

from __future__ import annotations

import re
from collections.abc import Sequence

from nbviz.errors import OptionError, nearest


def name_range(names: Sequence[str], layer_range: Sequence[str]) -> range:
    """Return the positions from the first to the last name that is meant, both included, in whichever order they are given.

    Raises
    ------
    OptionError
        If ``layer_range`` is not two texts, or one of them is neither a name nor a pattern that matches one.
    """
    if isinstance(layer_range, str) or len(layer_range) != 2 or not all(isinstance(name, str) for name in layer_range):
        msg = f"layer_range must be two names or patterns, for the first and the last layer; found {layer_range!r}."
        raise OptionError(msg)
    first, last = (_matching(names, wanted) for wanted in layer_range)
    if first[0] > last[-1]:  # given in the other order, as Keras allows
        first, last = last, first
    return range(first[0], last[-1] + 1)


def _matching(names: Sequence[str], wanted: str) -> list[int]:
    exact = [at for at, name in enumerate(names) if name == wanted]
    if exact:  # a name means itself: as a pattern, dense would match dense_1 too
        return exact
    try:
        found = [at for at, name in enumerate(names) if re.match(wanted, name)]
    except re.error as error:
        msg = f"layer_range holds {wanted!r}, which is neither a layer name nor a valid pattern: {error}."
        raise OptionError(msg) from error
    if not found:
        msg = f"layer_range holds {wanted!r}, which matches no top-level layer.{nearest(wanted, names)}"
        raise OptionError(msg)
    return found
