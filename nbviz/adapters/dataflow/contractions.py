"""Multiply-accumulates of operations, as contractions that ``nbviz.metrics`` can count.

A size without a number makes them unknown. Only the first axis may be open, where it is known how much of it belongs to each
example of the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from nbviz.adapters.dataflow.program import Operands, Operation, Patterns, Tensor, UnknownError
from nbviz.graph import Compute
from nbviz.metrics import macs
from nbviz.shape import Dim, Shape

_MOST = 1 << 52
"""Multiply-accumulates of a call that a file can mean."""


def contractions(operation: Operation, operands: Operands) -> Patterns | None:
    """Return the contractions of an operation, None where they are not known."""
    if not operation.known:
        return None
    if operation.rule is None:
        return ()
    try:
        found = operation.rule(operands)
    except (UnknownError, IndexError, ValueError):  # a size is open, or the operation is not as its format says
        return None
    count = macs(found)
    return None if count is None or not 0 <= count <= _MOST else found


def unknown(_: Operands) -> Patterns:
    """Say that nobody knows."""
    raise UnknownError


def dims(tensors: Sequence[Tensor | None], at: int) -> tuple[Dim, ...]:
    """Return the sizes of a tensor."""
    found = tensors[at] if at < len(tensors) else None
    if found is None or found.spec.shape is None:
        raise UnknownError
    return found.spec.shape.dims


def number(dim: Dim) -> int:
    """Return a size that has to be known."""
    if not isinstance(dim, int):
        raise UnknownError
    return dim


def fixed(*sizes: Dim) -> Shape:
    """Return sizes that have to be known."""
    return Shape(map(number, sizes))


def whole(tensors: Sequence[Tensor | None], at: int) -> Shape:
    """Return the sizes of a tensor, of which the first may be the batch; one that is several times that is cut in two."""
    sizes = dims(tensors, at)
    if not sizes or isinstance(sizes[0], int):
        return fixed(*sizes)
    rows = getattr(tensors[at], "rows", 0)
    if not rows:
        raise UnknownError
    return Shape((sizes[0], *((rows,) if rows > 1 else ()), *fixed(*sizes[1:])))


def matmul(operands: Operands, *contracted: Dim) -> Patterns:
    """Return a product of matrices."""
    return (Compute("matmul", (("output", whole(operands.outputs, 0)), ("contracted", fixed(*contracted)))),)


def convolution(operands: Operands, *window: Dim) -> Patterns:
    """Return a convolution by the elements that each element of the output is made of."""
    return (Compute("conv", (("output", whole(operands.outputs, 0)), ("window", fixed(*window)))),)


def transposed_convolution(operands: Operands, at: int, *window: Dim) -> Patterns:
    """Return a transposed convolution by the elements that each element of the input is spread over."""
    return (Compute("conv_transpose", (("input", whole(operands.inputs, at)), ("window", fixed(*window)))),)


def recurrent(batch: Dim, gates: Sequence[Dim], contracted: int) -> Patterns:
    """Return the gates of all steps, each of which contracts the input and the state before."""
    return (Compute("recurrent", (("gates", Shape((batch, *fixed(*gates)))), ("contracted", fixed(contracted)))),)


def einsum(equation: str, operands: Operands) -> Patterns:
    """Return the product of two factors, which contracts every index that the result lacks."""
    given, _, result = equation.replace(" ", "").partition("->")
    terms = given.split(",")
    if len(terms) == 1:
        return ()
    if len(terms) > 2 or not result:  # of three factors the order is the runtime's choice
        raise UnknownError
    sizes: dict[str, Dim] = {}
    for at, term in enumerate(terms):
        before, _, after = term.partition("...")
        shape = dims(operands.inputs, at)
        sizes |= dict(zip(before, shape, strict=False))
        sizes |= dict(zip(reversed(after), reversed(shape), strict=False))
    contracted = [number(size) for letter, size in sizes.items() if letter not in result]
    return matmul(operands, prod(contracted)) if contracted else ()
