"""Rules for products of matrices and tensors."""

from __future__ import annotations

from collections.abc import Callable

from nbviz.adapters.onnx.fits.broadcasting import repeated, unlike
from nbviz.adapters.onnx.fits.operands import Dims, Operands, UnknownError, differ, said
from nbviz.adapters.onnx.nodes import plain_value
from nbviz.shape import Dim


def matmul(right: int) -> Callable[[Operands], str]:
    """Return the rule of a product with the input ``right``."""

    def rule(given: Operands) -> str:
        a, b = given.dims(0), given.dims(right)
        if not a or not b:
            raise UnknownError
        return _contracted(a, b, a[-1], b[-2 if len(b) > 1 else 0]) or _stacked(a, b)

    return rule


def _stacked(a: Dims, b: Dims) -> str:
    """Say where stacks of matrices do not fit."""
    return unlike([a[:-2], b[:-2]]) and f"{said(a)} and {said(b)} cannot be multiplied: {unlike([a[:-2], b[:-2]])}"


def gemm(given: Operands) -> str:
    """Tell what does not fit in the product of a ``Gemm``."""
    a, b = given.dims(0, 2), given.dims(1, 2)
    rows, columns = (-1 if given.number("transA", 0) else 0), (0 if given.number("transB", 0) else -1)
    return _contracted(a, b, a[-1 - rows], b[-1 - columns])


def gemm_bias(given: Operands) -> str:
    """Tell what does not fit in what a ``Gemm`` adds; before version 7 an attribute says how it does."""
    given.since(7)
    a, b = given.dims(0, 2), given.dims(1, 2)
    made = (a[1 if given.number("transA", 0) else 0], b[0 if given.number("transB", 0) else 1])
    return repeated("bias", given.dims(2), made)


def _contracted(a: Dims, b: Dims, one: Dim, other: Dim) -> str:
    if not differ(one, other):
        return ""
    return f"{said(a)} and {said(b)} cannot be multiplied: {one} and {other} must be equal"


def einsum(given: Operands) -> str:
    """Tell which index of an ``Einsum`` has two sizes; axes that three dots stand for are passed over."""
    equation = given.attributes.get("equation")
    if equation is None or equation.ref_attr_name:
        raise UnknownError
    terms = str(plain_value(equation.s)).replace(" ", "").partition("->")[0].split(",")
    if len(terms) != len(given.inputs):
        raise UnknownError
    sizes: dict[str, int] = {}
    for at, term in enumerate(terms):
        for letter, dim in _indexed(term, given.dims(at)):
            if not isinstance(dim, int) or dim == 1:
                continue
            if sizes.setdefault(letter, dim) != dim:
                return f"the index {letter!r} has the sizes {sizes[letter]} and {dim}"
    return ""


def _indexed(term: str, dims: Dims) -> list[tuple[str, Dim]]:
    before, dots, after = term.partition("...")
    if len(before) + len(after) > len(dims) or (not dots and len(before) != len(dims)):
        raise UnknownError
    return [*zip(before, dims, strict=False), *zip(reversed(after), reversed(dims), strict=False)]
