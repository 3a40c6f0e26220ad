"""Counts the steps of a ``Loop`` with a computed condition, as TensorFlow exporters write it.

Those few nodes of a step are run, and no others, until the condition says that it ends.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

from nbviz.adapters.onnx.shapes.constants import constants_in, is_constant

_MOST = 1 << 10
"""Steps that are counted."""

_NODES = 32
"""Nodes that a condition may be computed by."""

_OF_ONE = frozenset({
    "Add", "And", "Cast", "Div", "Equal", "Greater", "GreaterOrEqual", "Identity", "Less", "LessOrEqual", "Max", "Min", "Mod", "Mul",
    "Neg", "Not", "Or", "Sub", "Where",
})  # fmt: skip
"""Operations that make one number of single ones: no step makes more of them."""

_COUNTED = 2
"""A step is given its number and the condition before what the loop carries."""


def steps_of(body: Any, inputs: list[str], known: Callable[[str], Any], version: int) -> int | None:
    """Return how often the body of a loop runs, None if that is not known.

    Parameters
    ----------
    body
        The graph of one step.
    inputs
        What the loop is given: the limit, the condition, and what it carries.
    known
        Returns the value of a tensor around the loop as an array, None if it is not known.
    version
        The version of the standard.
    """
    from onnx import helper
    from onnx.reference import ReferenceEvaluator

    limit, begins = (known(name) if name else None for name in (*inputs, "", "")[:_COUNTED])
    unknown = any(name and value is None for name, value in zip(inputs, (limit, begins), strict=False))
    if unknown or not body.output or (limit is not None and limit.size != 1):
        return None
    if begins is not None and not begins.all():
        return 0
    carried = {info.name: at for at, info in enumerate(body.input)}
    nodes, needed = _behind(body, carried)
    given = {name: known(inputs[at]) if at < len(inputs) else None for name, at in needed.items() if at >= _COUNTED}
    stored = constants_in(body)
    taken = {name for node in nodes for name in node.input if name}.difference(
        carried, (node.output[0] for node in nodes)
    )
    given.update((name, stored[name] if name in stored else known(name)) for name in taken)
    one_each = all(value is not None and value.size == 1 for value in given.values())
    if not one_each or len(nodes) > _NODES or any(node.domain or node.op_type not in _OF_ONE for node in nodes):
        return None
    counted = {name: at for name, at in needed.items() if at < _COUNTED}
    try:
        later = {name: body.output[at - 1].name for name, at in needed.items() if at >= _COUNTED}
        step = helper.make_function(
            "nbviz",
            "step",
            [*given, *counted],
            [body.output[0].name, *later.values()],
            nodes,
            [helper.make_opsetid("", version)],
        )
        return _counted(ReferenceEvaluator(step).run, list(later), counted, given, limit)
    except Exception:  # noqa: BLE001 - the nodes are not as the standard says
        return None


def _behind(body: Any, carried: Mapping[str, int]) -> tuple[list[Any], dict[str, int]]:
    """Return the nodes that the condition is computed by, from step to step, and what they take of what a step is given."""
    makers = {name: at for at, node in enumerate(body.node) if not is_constant(node) for name in node.output}
    found: set[int] = set()
    needed: dict[str, int] = {}
    waiting = [body.output[0].name]
    while waiting:
        name = waiting.pop()
        if name in makers and makers[name] not in found:
            found.add(makers[name])
            waiting.extend(body.node[makers[name]].input)
        elif name in carried and name not in needed:
            needed[name] = at = carried[name]
            waiting.extend(info.name for info in body.output[at - 1 : at] if at >= _COUNTED)
    return [body.node[at] for at in sorted(found)], needed


def _counted(run: Any, later: list[str], counted: Mapping[str, int], given: dict[str, Any], limit: Any) -> int | None:
    """Return how many steps are run until one says that it is the last."""
    import numpy as np

    most = _MOST if limit is None else limit.item()
    for at in range(min(most, _MOST)):
        own = {name: np.array(True if which else at) for name, which in counted.items()}
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            goes_on, *values = run(None, given | own, attributes={})
        if not np.all(goes_on):
            return at + 1
        given = given | dict(zip(later, values, strict=True))
    return max(most, 0) if most < _MOST else None
