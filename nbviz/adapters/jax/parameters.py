"""Which values may be parameters, and their arrays."""

from __future__ import annotations

from typing import Any

from nbviz.adapters.jax.arrays import is_array, is_floating
from nbviz.adapters.jax.leaves import leaves_of
from nbviz.adapters.jax.linen_bound import tree_of


def is_tree(value: Any) -> bool:
    """Tell whether a value is a tree that holds arrays, and is no array itself."""
    try:
        leaves = leaves_of(value)
    except Exception:  # noqa: BLE001 - keys that cannot be sorted, and whatever classes of nodes raise
        return False
    return any(leaf is not value for leaf in leaves) and any(map(is_array, leaves))


def is_parameter(value: Any) -> bool:
    """Tell whether a value may be parameters: a tree of arrays, a module with its variables, an array of fractions."""
    return is_tree(tree_of(value)) or (is_array(value) and bool(getattr(value, "ndim", 0)) and is_floating(value.dtype))


def arrays_in(tree: Any) -> set[int]:
    """Return the identities of the arrays of a tree, or of a module with its variables."""
    return {id(leaf) for leaf in leaves_of(tree_of(tree)) if is_array(leaf)}


def lacks_values(tree: Any) -> bool:
    """Tell whether a tree has arrays of which there is only a shape, which cannot be computed with where they are."""
    import jax

    return any(isinstance(leaf, jax.ShapeDtypeStruct) for leaf in leaves_of(tree))
