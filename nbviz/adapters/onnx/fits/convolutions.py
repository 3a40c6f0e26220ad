"""Rules for convolutions, whose weight has the channels of one group."""

from __future__ import annotations

from collections.abc import Callable

from nbviz.adapters.onnx.fits.operands import Dims, Operands, UnknownError, differ, number, said


def channels(weight: int) -> Callable[[Operands], str]:
    """Return the rule for the channels that a convolution takes."""

    def rule(given: Operands) -> str:
        taken, kept = _both(given, weight)
        wanted = number(kept[1]) * _groups(given)
        if not differ(taken[1], wanted):
            return ""
        return f"its weight {said(kept)} takes {_channels(wanted)}, and the input {said(taken)} has {taken[1]}"

    return rule


def turned_channels(given: Operands) -> str:
    """Tell whether a transposed convolution takes other channels."""
    taken, kept = _both(given, 1)
    if not differ(taken[1], kept[0]):
        return ""
    return f"its weight {said(kept)} takes {_channels(number(kept[0]))}, and the input {said(taken)} has {taken[1]}"


def groups(weight: int) -> Callable[[Operands], str]:
    """Return the rule for groups: each has equally many of the channels along the first axis of the weight."""

    def rule(given: Operands) -> str:
        kept, into = given.dims(weight), _groups(given)
        if len(kept) < 3 or number(kept[0]) % into == 0:
            return ""
        return f"the {_channels(number(kept[0]))} of its weight {said(kept)} cannot be divided into {into} groups"

    return rule


def bias(at: int, weight: int, *, turned: bool = False) -> Callable[[Operands], str]:
    """Return the rule for the bias, one number for each channel of the result."""

    def rule(given: Operands) -> str:
        kept, added = given.dims(weight), given.dims(at, 1)
        if len(kept) < 3:
            raise UnknownError
        made = number(kept[1]) * _groups(given) if turned else number(kept[0])
        if not differ(added[0], made):
            return ""
        return f"its bias has {added[0]} values, and its weight {said(kept)} makes {_channels(made)}"

    return rule


def window(weight: int) -> Callable[[Operands], str]:
    """Return the rule for the attribute that says once more how large the weight is."""

    def rule(given: Operands) -> str:
        kept, told = given.dims(weight), given.numbers("kernel_shape")
        if len(told) != len(kept) - 2 or not any(map(differ, told, kept[2:])):
            return ""
        return f"its kernel_shape is {said(told)}, and its weight is {said(kept)}"

    return rule


def _both(given: Operands, weight: int) -> tuple[Dims, Dims]:
    taken, kept = given.dims(0), given.dims(weight)
    if len(taken) != len(kept) or len(kept) < 3:
        raise UnknownError
    return taken, kept


def _groups(given: Operands) -> int:
    found = given.number("group", 1)
    if found < 1:
        raise UnknownError
    return found


def _channels(count: int) -> str:
    return f"{count} channel{'s' * (count != 1)}"
