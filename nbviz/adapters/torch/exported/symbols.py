"""Open sizes of a program: expressions of symbols as text, and their values for given sizes.

An expression may come from a file, so it is never evaluated by Python: only arithmetic is understood.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from nbviz.shape import Dim

_BINARY: dict[type, Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Div: operator.floordiv,  # sizes are whole: what is written as a fraction divides evenly
    ast.Mod: operator.mod,
}
_CALLED: dict[str, Callable[..., int]] = {
    "FloorDiv": operator.floordiv,
    "CleanDiv": operator.floordiv,
    "Mod": operator.mod,
    "PythonMod": operator.mod,
    "Max": max,
    "Min": min,
}


class UnknownSizeError(ValueError):
    """An expression holds more than whole numbers, symbols and arithmetic."""


def dim_of(size: Any, names: Mapping[str, str] | None = None) -> Dim:
    """Return one of PyTorch's sizes, the text of its expression where it is symbolic; ``names`` renames symbols."""
    if isinstance(size, int):
        return int(size)
    known = size.node.maybe_as_int()
    return renamed(str(size), names or {}) if known is None else int(known)


def renamed(text: str, names: Mapping[str, str]) -> str:
    """Return an expression in which symbols have other names."""
    return re.sub(r"[A-Za-z_]\w*", lambda found: names.get(found[0], found[0]), text)


def symbols(dim: Dim) -> set[str]:
    """Return the names of the symbols in a size."""
    if not isinstance(dim, str):
        return set()
    try:
        return {n.id for n in ast.walk(ast.parse(dim, mode="eval")) if isinstance(n, ast.Name)} - set(_CALLED)
    except SyntaxError:
        return set()


def value(dim: Dim, sizes: Mapping[str, int]) -> int:
    """Return a size as a number.

    Raises
    ------
    UnknownSizeError
        If it holds anything but arithmetic with known symbols.
    """
    if isinstance(dim, int):
        return dim
    try:
        return _value(ast.parse(dim or "", mode="eval").body, sizes)
    except (SyntaxError, KeyError, ZeroDivisionError) as error:
        raise UnknownSizeError(dim) from error


def _value(node: ast.expr, sizes: Mapping[str, int]) -> int:
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return node.value
    if isinstance(node, ast.Name):
        return sizes[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand, sizes)
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        return _BINARY[type(node.op)](_value(node.left, sizes), _value(node.right, sizes))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and isinstance(node.right, ast.Constant):
        exponent = node.right.value
        if isinstance(exponent, int) and 0 <= exponent <= 8:
            return int(_value(node.left, sizes) ** exponent)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _CALLED:
        return _CALLED[node.func.id](*(_value(argument, sizes) for argument in node.args))
    raise UnknownSizeError(ast.unparse(node))


def readable(text: str) -> str | None:
    """Return an expression of SymPy as one writes it (``Mul(Integer(2), Symbol('s0'))`` is ``2*s0``); None if it is none."""
    try:
        return _infix(ast.parse(text, mode="eval").body)
    except (SyntaxError, RecursionError, UnknownSizeError, IndexError):
        return None


def _infix(node: ast.expr) -> str:
    if not isinstance(node, ast.Call):
        return ast.unparse(node)
    name, arguments = ast.unparse(node.func), node.args
    if name in ("Symbol", "Integer") and isinstance(arguments[0], (ast.Constant, ast.UnaryOp)):
        return str(ast.literal_eval(arguments[0]))
    inner = [_infix(argument) for argument in arguments]
    if name == "Add":
        return " + ".join(inner)
    if name == "Mul":
        return "*".join(f"({part})" if " " in part or part.startswith("-") else part for part in inner)
    if name == "Pow" and len(inner) == 2:
        return f"({inner[0]})**{inner[1]}"
    if name not in _CALLED:
        raise UnknownSizeError(name)
    return f"{name}({', '.join(inner)})"
