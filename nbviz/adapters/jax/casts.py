"""Parameters that a function casts before it hands them on, as ``jax.tree.map`` does with all of them before ``model.apply``.

What gets a cast parameter reads the parameter: a module's call has its own, as it has without the cast, and a row of casts
before all else says nothing. Where an operation is the first that needs a cast, the cast is a step like others.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

from nbviz.adapters.jax.arrays import spec
from nbviz.adapters.jax.jaxprs import inner_of, is_literal, written_by_jax
from nbviz.adapters.jax.nesting import Frame, Written, equations_in, is_einsum
from nbviz.adapters.jax.values import Environment, Value, entering

_CASTS = frozenset({"convert_element_type", "reduce_precision", "sharding_constraint", "copy", "device_put"})
"""Primitives that give the same numbers in another form, unless the form is one of other numbers."""


def without_casts(items: list[Any], values: Environment) -> list[Any]:
    """Return items without casts of parameters that a call, a loop or branches need first: to these they are the parameters."""
    casts = _handed_on(items, values)
    for variable, key in casts.items():
        values.put(variable, Value(spec(variable.aval), key))
    return [item for item in items if not is_cast(item) or item.outvars[0] not in casts]


def _handed_on(items: Iterable[Any], values: Environment) -> dict[Any, Hashable]:
    """Return the variables that are a parameter in another form and first needed by what runs others, with the parameter."""
    found: dict[Any, Hashable] = {}
    needed: dict[Any, bool] = {}
    for item in items:
        if is_cast(item) and (key := found.get(item.invars[0], values.key_of(item.invars[0]))) is not None:
            found[item.outvars[0]] = key
        elif found:
            inside = _runs_others(item)
            for variable in entering(list(equations_in([item]))):
                needed.setdefault(variable, inside)
    return {variable: key for variable, key in found.items() if needed.get(variable)}


def is_cast(item: Any) -> bool:
    """Tell whether an item gives the numbers of something else in another form."""
    if isinstance(item, (Frame, Written)) or item.primitive.name not in _CASTS:
        return False
    if len(item.invars) != 1 or is_literal(item.invars[0]):
        return False
    return _is_form_of(item.invars[0].aval.dtype, item.outvars[0].aval.dtype)


def _is_form_of(before: Any, after: Any) -> bool:
    """Tell whether numbers stay what they are from one dtype to another: fractions in any precision, whole numbers all of them.

    What makes a mask of numbers, or fractions of whole numbers as a table of ``int8`` has them, computes.
    """
    from jax.numpy import floating, iinfo, integer, issubdtype

    if before == after or all(issubdtype(dtype, floating) for dtype in (before, after)):
        return True
    if not all(issubdtype(dtype, integer) for dtype in (before, after)):
        return False
    narrow, wide = iinfo(before), iinfo(after)
    return bool(wide.min <= narrow.min and narrow.max <= wide.max)


def _runs_others(item: Any) -> bool:
    """Tell whether there are other items in an item that are shown as such."""
    if isinstance(item, Frame):
        return not is_einsum(item.scope.name)
    return not isinstance(item, Written) and bool(inner_of(item)) and not written_by_jax(item)
