"""The multiply-accumulates of primitives, those of jaxprs inside them included."""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Iterable
from typing import Any

from nbviz.adapters.jax.arrays import is_floating
from nbviz.adapters.jax.jaxprs import Inner, inner_of
from nbviz.graph import Compute
from nbviz.shape import Shape

_UNKNOWN = re.compile(
    "call_exported|pallas_call|ffi_call|custom_call|custom_linear_solve|pure_callback|fusion|(^|_)dot(_|$)|matmul|attention"
    "|noinline"
)
"""Primitives that may multiply and accumulate, in ways that their parameters do not tell; products of sparse arrays do too."""

_HOMES = ("jax._src.", "equinox.")
"""Whose primitives are elementwise, move numbers or reduce them, but for those that are named here."""

_ERRORS = "equinox._errors"
"""Where ``equinox.error_if`` has the Python code that runs in place of the model's once it has failed."""

_OF_NUMBERS = (".linalg", ".fft")
"""JAX's modules of primitives that do contract, in ways of their own: decompositions, solvers, transforms."""

Times = tuple[int, ...] | None
"""How often something runs, as one factor for each loop around it; None where that depends on values."""


def of_equation(equation: Any, times: Times = ()) -> tuple[Compute, ...] | None:
    """Return the contractions of an equation; None where their number is not known."""
    inner = inner_of(equation)
    found = _of_inner(inner) if inner else _of_primitive(equation)
    return repeated(found, times)


def _of_inner(inner: Iterable[Inner]) -> tuple[Compute, ...] | None:
    total: list[Compute] = []
    for one in inner:
        for equation in one.jaxpr.eqns:
            found = of_equation(equation, one.times)
            if found is None:
                return None
            total += found
    return tuple(total)


def uncounted(equations: Iterable[Any]) -> list[str]:
    """Return the names of primitives, also inside equations, that compute an unknown amount."""
    found: list[str] = []
    for equation in equations:
        for one in inner_of(equation):
            inner = uncounted(one.jaxpr.eqns)
            often = one.times is None and any(of_equation(e) for e in one.jaxpr.eqns)
            found += inner or ([equation.primitive.name] if often else [])
        if of_equation(equation) is None and not found:
            found.append(equation.primitive.name)
    return found


def repeated(compute: tuple[Compute, ...] | None, times: Times) -> tuple[Compute, ...] | None:
    """Return contractions that are done several times."""
    if not compute:
        return compute
    if times is None:
        return None
    return tuple(one.repeated(times) for one in compute) if times else compute


def _of_primitive(equation: Any) -> tuple[Compute, ...] | None:
    name = equation.primitive.name
    if name == "dot_general":
        return (_dot_general(equation),)
    if name == "conv_general_dilated":
        return (_convolution(equation),)
    if name == "ragged_dot_general":
        return (_ragged_dot(equation),)
    if name == "scaled_matmul_wrapper":
        output, width = equation.outvars[0].aval.shape, equation.invars[0].aval.shape[-1]
        return (_contraction("matmul", "output", output, "contracted", [width]),)
    return () if _contracts_nothing(equation) else None


def _contracts_nothing(equation: Any) -> bool:
    """Tell whether a primitive is known to multiply and accumulate nothing.

    Of others' than JAX's and Equinox's nothing is known, nor of JAX's linear algebra; what gives no fractions, such as a
    permutation, is none of it.
    """
    if getattr(getattr(equation.params.get("callback"), "callback_func", None), "__module__", "") == _ERRORS:
        return True
    primitive = equation.params.get("prim", equation.primitive)  # which one of Equinox's maps over a batch
    if _UNKNOWN.search(primitive.name):
        return False
    home = _home(primitive)
    if home and not home.endswith(_OF_NUMBERS):
        return True
    dtypes = (getattr(variable.aval, "dtype", None) for variable in equation.outvars)
    return not any(dtype is not None and is_floating(dtype) for dtype in dtypes)


@functools.lru_cache(maxsize=1024)
def _home(primitive: Any) -> str:
    """Return the module of JAX or Equinox that a primitive is from, ``""`` where it is neither's."""
    homes = [(name, module) for name, module in list(sys.modules.items()) if name.startswith(_HOMES)]
    found = [name for name, module in homes if any(value is primitive for value in list(vars(module).values()))]
    return next((name for name in found if name.endswith(_OF_NUMBERS)), next(iter(found), ""))


def _dot_general(equation: Any) -> Compute:
    (contracted, _), _ = equation.params["dimension_numbers"]
    left = equation.invars[0].aval.shape
    return _contraction("matmul", "output", equation.outvars[0].aval.shape, "contracted", [left[i] for i in contracted])


def _ragged_dot(equation: Any) -> Compute:
    """Return a product in which each group of rows has a matrix of its own, or each group of what is contracted a result."""
    numbers = equation.params["ragged_dot_dimension_numbers"]
    (contracted, _), _ = numbers.dot_dimension_numbers
    left, made = equation.invars[0].aval.shape, equation.outvars[0].aval.shape
    grouped = set(numbers.lhs_ragged_dimensions) & set(contracted)
    output = made[1:] if grouped else made  # each row is in one group only
    return _contraction("matmul", "output", output, "contracted", [left[i] for i in contracted])


def _convolution(equation: Any) -> Compute:
    """Return a convolution; with a dilated input it is a transposed one: each element is spread over a window."""
    numbers, kernel = equation.params["dimension_numbers"].rhs_spec, equation.invars[1].aval.shape
    spatial = [kernel[i] for i in numbers[2:]]
    if any(stride != 1 for stride in equation.params["lhs_dilation"]):
        width = kernel[numbers[0]] // equation.params["feature_group_count"]
        return _contraction("conv_transpose", "input", equation.invars[0].aval.shape, "window", [width, *spatial])
    return _contraction("conv", "output", equation.outvars[0].aval.shape, "window", [kernel[numbers[1]], *spatial])


def _contraction(op: str, name: str, shape: Iterable[Any], inner_name: str, inner: Iterable[Any]) -> Compute:
    return Compute(op, ((name, _sizes(shape)), (inner_name, _sizes(inner))))


def _sizes(dims: Iterable[Any]) -> Shape:
    return Shape(d if isinstance(d, int) else str(d) for d in dims)
