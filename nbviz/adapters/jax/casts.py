"""Parameters that a function casts before it hands them on, as ``jax.tree.map`` does with all of them before ``model.apply``.

What gets a cast parameter reads the parameter: a module's call has its own, as it has without the cast, and a row of casts
before all else says nothing. Where an operation is the first that needs a cast, the cast is a step like others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from nbviz.adapters.jax.arrays import spec
from nbviz.adapters.jax.jaxprs import inner_of, is_literal, written_by_jax
from nbviz.adapters.jax.nesting import Frame, Written, equations_in, is_einsum
from nbviz.adapters.jax.values import Environment, Value, entering

_CASTS = frozenset({"convert_element_type", "reduce_precision", "sharding_constraint", "copy", "device_put"})
"""Primitives that give the same numbers in another form, unless the form is one of other numbers."""


def without_casts(items: list[Any], values: Environment, is_call: Callable[[Frame], bool]) -> list[Any]:
    """Return items without casts of parameters that a call, a loop or branches need first: to these they are the parameters.

    ``is_call`` tells whether a frame is a call; in other frames, which are only scopes, it is what is inside that needs a cast.
    """
    sources: dict[Any, Any] = {}
    needed: dict[Any, bool] = {}  # by what runs others, or by an operation, whichever is first
    for item in _opened(items, is_call):
        if is_cast(item) and (key := values.key_of(item.invars[0])) is not None:
            (variable,) = item.outvars
            sources[variable] = item.invars[0]
            values.put(variable, Value(spec(variable.aval), key))  # what is read tells which layer a frame is
        elif sources:
            inside = _runs_others(item)
            for variable in entering(list(equations_in([item]))):
                needed.setdefault(variable, inside)
    handed_on = set()
    for variable, source in reversed(sources.items()):
        if needed.get(variable):
            handed_on.add(variable)
            needed.setdefault(source, True)
        else:
            values.forget(variable)
    return [item for item in items if not is_cast(item) or item.outvars[0] not in handed_on]


def _opened(items: Iterable[Any], is_call: Callable[[Frame], bool]) -> Iterator[Any]:
    """Yield items, and for a frame that is only a scope those inside."""
    for item in items:
        if isinstance(item, Frame) and _runs_others(item) and not is_call(item):
            yield from _opened(item.items, is_call)
        else:
            yield item


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
