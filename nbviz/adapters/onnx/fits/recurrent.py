"""Rules for recurrent layers, with the weights of all gates in one: (directions, gates * state, features)."""

from __future__ import annotations

from collections.abc import Callable

from nbviz.adapters.onnx.fits.operands import Operands, differ, number, said


def features(given: Operands) -> str:
    """Tell whether the weight of the input is for other features."""
    taken, kept = given.dims(0, 3), given.dims(1, 3)
    if not differ(taken[2], kept[2]):
        return ""
    return f"its weight {said(kept)} takes {kept[2]} features, and the input {said(taken)} has {taken[2]}"


def gates(count: int) -> Callable[[Operands], str]:
    """Return the rule for the two weights of a layer with so many gates."""

    def rule(given: Operands) -> str:
        kept, again = given.dims(1, 3), given.dims(2, 3)
        if differ(kept[0], again[0]) or differ(kept[1], again[1]):
            return f"its weights are {said(kept)} and {said(again)}: the first two sizes must be equal"
        if differ(again[1], number(again[2]) * count):
            return f"its weight {said(again)} has not {count} times as many rows as columns"
        return ""

    return rule


def bias(given: Operands) -> str:
    """Tell whether there is not one number for each row of both weights."""
    kept, added = given.dims(1, 3), given.dims(3, 2)
    if not differ(added[1], 2 * number(kept[1])):
        return ""
    return f"its bias {said(added)} has {added[1]} values, and its weights have {2 * number(kept[1])} rows"


def state(given: Operands) -> str:
    """Tell whether the size of the state is said to be another than that of the weights."""
    again, told = given.dims(2, 3), given.number("hidden_size")
    if not differ(again[2], told):
        return ""
    return f"its hidden_size is {told}, and its weight {said(again)} takes {again[2]}"
