"""What a module's call makes and does not return, but is a parameter to those behind it: one that it cast, or new state."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from nbviz.adapters.jax.casts import is_cast
from nbviz.adapters.jax.jaxprs import is_literal
from nbviz.adapters.jax.values import Environment, Value, entering
from nbviz.builder import GraphBuilder


def keep_parameters(
    variables: Sequence[Any], equations: Sequence[Any], values: Environment, builder: GraphBuilder
) -> None:
    """Let variables be the parameters that they are to others; the rest stay results of the equations that made them.

    New state, as running statistics, stands for the state that was read. That is not trained, has the same shape and dtype and
    is what the new one is made from: so what is only kept for gradients is no state, and of two alike, each is its own.
    """
    read = {v: old for v in entering(list(equations)) if _is_state(old := values.of(v), builder)}
    taken: set[Hashable] = set()
    for variable in variables:
        made = values.of(variable)
        if made is None or made.key is not None or builder.knows(made):
            continue
        key = _uncast(variable, equations, values)
        if key is None and read:
            origins = _origins(variable, equations)
            alike = (old.key for v, old in read.items() if old is not None and old.spec == made.spec and v in origins)
            key = next((one for one in alike if one not in taken), None)
            taken.add(key)
        if key is not None:
            values.put(variable, Value(made.spec, key))


def _is_state(value: Value | None, builder: GraphBuilder) -> bool:
    """Tell whether a value is a parameter that is not trained, as it is stored: what is cast is not written back."""
    stored = None if value is None or value.key is None else builder.held(value.key)
    return value is not None and stored is not None and not stored.trainable and value.spec.dtype == stored.dtype


def _uncast(variable: Any, equations: Sequence[Any], values: Environment) -> Hashable | None:
    """Return the key of the parameter of which equations make a variable by casts alone, if they do."""
    for equation in reversed(equations):
        if equation.outvars[0] is variable and is_cast(equation):
            variable = equation.invars[0]
    return values.key_of(variable)  # type: ignore[no-any-return]


def _origins(variable: Any, equations: Sequence[Any]) -> set[Any]:
    """Return the variables from which equations make one."""
    found = {variable}
    for equation in reversed(equations):
        if not found.isdisjoint(equation.outvars):
            found.update(v for v in equation.invars if not is_literal(v))
    return found
