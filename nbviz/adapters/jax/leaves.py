"""The leaves of values that need not be trees: of a dict that holds itself there is no end.

JAX's own functions go round such a dict until Python's limit of nested calls, and never give back the depth that they took:
afterwards every call of JAX in the session fails. So how deep a value goes is found out first, one level at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

_DEEPEST = 250
"""Nodes around a leaf. A tree of parameters has some twenty, and JAX's functions can take a few hundred."""

_MOST = 1_000_000
"""Nodes that are looked at."""


def is_finite(value: Any) -> bool:
    """Tell whether JAX can go through a value as a tree: it does not hold itself, and goes neither too deep nor too wide."""
    import jax

    one_level = jax.tree_util.default_registry.flatten_one_level
    around: list[Any] = [None]
    waiting: list[Iterator[Any]] = [iter((value,))]
    seen = 0
    while waiting:
        for child in waiting[-1]:
            found = one_level(child)
            if found is None or not found[0]:  # a leaf, or empty
                continue
            seen += 1
            if seen > _MOST or len(around) > _DEEPEST or any(child is above for above in around):
                return False
            around.append(child)
            waiting.append(iter(found[0]))
            break
        else:
            waiting.pop()
            around.pop()
    return True


def leaves_of(value: Any, is_leaf: Callable[[Any], bool] | None = None) -> list[Any]:
    """Return the leaves of a value as of a tree, none where it has no end; ``is_leaf`` tells where to go no deeper."""
    import jax

    return list(jax.tree.leaves(value, is_leaf=is_leaf)) if is_finite(value) else []
