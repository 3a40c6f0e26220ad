"""What stands for a variable of a jaxpr while it is walked."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, final

from nbviz.adapters.jax.arrays import spec
from nbviz.adapters.jax.jaxprs import is_literal
from nbviz.graph import TensorSpec


@final
@dataclass(frozen=True, eq=False, slots=True)
class Value:
    """A tensor; ``key`` is that of the parameter that it is."""

    spec: TensorSpec
    key: Hashable | None = None


@final
class Environment:
    """Knows the value of each variable."""

    def __init__(self) -> None:
        self._values: dict[Any, Value] = {}

    def put(self, variable: Any, value: Value) -> Value:
        """Say what a variable stands for."""
        self._values[variable] = value
        return value

    def forget(self, variable: Any) -> None:
        """Say that what a variable stands for is not known yet."""
        self._values.pop(variable, None)

    def new(self, variable: Any) -> Value:
        """Return a new value for a variable that an equation gives."""
        return self.put(variable, Value(spec(variable.aval)))

    def of(self, variable: Any) -> Value | None:
        """Return the value of a variable, None for a number that stands in the jaxpr, or where it is not known."""
        return None if is_literal(variable) else self._values.get(variable)

    def key_of(self, variable: Any) -> Any:
        """Return the key of the parameter that a variable is, None for others."""
        value = self.of(variable)
        return None if value is None else value.key

    def all_of(self, variables: Iterable[Any]) -> list[Value]:
        """Return the known values of variables."""
        return [value for variable in variables if (value := self.of(variable)) is not None]


def unique(values: Iterable[Value]) -> list[Value]:
    """Return each value once."""
    return list({id(value): value for value in values}.values())


def is_dropped(variable: Any) -> bool:
    """Tell whether nothing can use a result."""
    return type(variable).__name__ == "DropVar"


def entering(equations: list[Any]) -> Iterator[Any]:
    """Yield the variables that equations take from outside."""
    made = {variable for equation in equations for variable in equation.outvars}
    for equation in equations:
        yield from (v for v in equation.invars if not is_literal(v) and v not in made)


def written_by(equations: list[Any]) -> list[Any]:
    """Return the references (``jax.Ref``) from outside that equations write to: who reads them later reads what was written."""
    found = {variable: None for equation in equations if equation.effects for variable in _written(equation)}
    outside = set(entering(equations)) if found else ()
    return [variable for variable in found if variable in outside]


def _written(equation: Any) -> list[Any]:
    writes = [effect for effect in equation.effects if type(effect).__name__ in {"WriteEffect", "AccumEffect"}]
    # versions of JAX say which operand it is, or where it stands among them
    return [effect.input if hasattr(effect, "input") else equation.invars[effect.input_index] for effect in writes]
