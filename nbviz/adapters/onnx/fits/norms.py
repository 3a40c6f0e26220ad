"""Rules for normalizations, which scale and shift each channel, or each place in the axes that they normalize."""

from __future__ import annotations

from collections.abc import Callable

from nbviz.adapters.onnx.fits.broadcasting import repeated
from nbviz.adapters.onnx.fits.operands import Operands, UnknownError, differ, number, said


def channels(*names: str, since: int = 1) -> Callable[[Operands], str]:
    """Return the rule of a normalization with one number for each channel in these inputs, which follow the first."""

    def rule(given: Operands) -> str:
        given.since(since)
        taken = given.dims(0)
        for at, name in enumerate(names, 1):
            sizes = given.dims(at, 1)
            if len(taken) > 1 and differ(sizes[0], taken[1]):
                return f"its {name} has {sizes[0]} values, and the input {said(taken)} has {taken[1]} channels"
        return ""

    return rule


def groups(given: Operands) -> str:
    """Tell whether the channels of a normalization cannot be divided into its groups."""
    taken, into = given.dims(0), given.number("num_groups")
    if into < 1 or len(taken) < 2 or number(taken[1]) % into == 0:
        return ""
    return f"the {taken[1]} channels of the input {said(taken)} cannot be divided into {into} groups"


def group_scales(given: Operands) -> str:
    """Tell whether a normalization of groups has too many numbers: before version 21 one for each group, then for each channel."""
    if given.version >= 21:
        return channels("scale", "bias")(given)
    into = given.number("num_groups")
    for at, name in enumerate(("scale", "bias"), 1):
        sizes = given.dims(at, 1)
        if differ(sizes[0], into):
            return f"its {name} has {sizes[0]} values, and there are {into} groups"
    return ""


def axes(at: int, name: str) -> Callable[[Operands], str]:
    """Return the rule for what a normalization of the last axes scales or shifts them by."""

    def rule(given: Operands) -> str:
        taken = given.dims(0)
        if not taken:
            raise UnknownError
        given.axis(taken, -1)
        return repeated(name, given.dims(at), taken)

    return rule
