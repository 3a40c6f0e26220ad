"""Upper bounds for the shapes that operations produce, and for the values in them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nbviz.adapters.onnx.shapes.fewest import equation_of, fewest, fewest_axes
from nbviz.adapters.onnx.shapes.held import ENDLESS, NOTHING, WHOLE, Held, at_most, largest, times

_USUAL = 5
"""Axes of what operations make out of fewer, as recurrent ones do."""

_INDICES = frozenset({"ArgMax", "ArgMin", "Multinomial", "NonMaxSuppression", "NonZero", "TopK", "Unique"})
"""Operations that make whole numbers of others."""


def made_by(node: Any, given: Sequence[Held]) -> Held:
    """Return the most that is held of a result of an operation without graphs."""
    axes = max((one.axes for one in given), default=0)
    rule = _AXES.get(node.op_type)
    usual = axes if node.op_type in _SAME else max(axes, _USUAL)
    return _sized(node, given)._replace(axes=usual if rule is None else rule(node, given))


# How long what operations make is, and whether it may be a shape


def _sized(node: Any, given: Sequence[Held]) -> Held:
    """Return what an operation makes, whatever its axes: as much as the largest that it takes, unless there is a rule."""
    rule = _SIZES.get(node.op_type)
    made = at_most(given) if rule is None else rule(node, given)
    return made._replace(
        longest=None if made.longest is None else min(made.longest, ENDLESS),
        stored=(),
        dims=(),
        is_whole=_is_whole(node, given),
        fewest_axes=fewest_axes(node, given),
        fewest=fewest(node, given),
    )


def _is_whole(node: Any, given: Sequence[Held]) -> bool:
    if node.op_type in _INDICES or node.op_type in ("Shape", "Size"):
        return True
    for a in node.attribute:
        if a.name in ("to", "dtype", "value"):
            return bool(a.ref_attr_name) or (a.t.data_type if a.name == "value" else a.i) in WHOLE
    at = _TYPED.get(node.op_type, 0)
    return given[at].is_whole if at < len(given) else False


def _shape(node: Any, given: Sequence[Held]) -> Held:
    first = given[0] if given else NOTHING
    count = _cut(first.axes, *(_attribute(node, name) for name in ("start", "end")))
    return Held(0, count, count, max(first.dims, default=min(first.longest or 0, first.size)))


def _size(_: Any, given: Sequence[Held]) -> Held:
    return Held(0, 1, 1, min(given[0].size, ENDLESS) if given else 0)


def _joined(_: Any, given: Sequence[Held]) -> Held:
    known = [one.longest for one in given if one.longest is not None]
    size = min(sum(one.size for one in given), ENDLESS) if all(one.size for one in given) else 0
    return at_most(given)._replace(longest=sum(known) if known else None, size=size)


def _added(_: Any, given: Sequence[Held]) -> Held:
    return at_most(given)._replace(most=min(sum(one.most for one in given), ENDLESS))


def _multiplied(_: Any, given: Sequence[Held]) -> Held:
    return at_most(given)._replace(most=times(one.most for one in given))


def _chosen(node: Any, given: Sequence[Held]) -> Held:
    """Return what indices take from something: as much as there are indices, beside what its other axes have."""
    if len(given) < 2 or (given[0].axes != 1 and not given[0].dims):
        return at_most(given)
    first, indices = given[:2]
    at = _attribute(node, "axis") or 0
    beside = [size for axis, size in enumerate(first.dims) if axis not in (at, at + len(first.dims))]
    longest = max(indices.longest or 0, *beside) if beside else indices.longest
    return indices._replace(longest=longest or None, most=first.most)


def _filled(_: Any, given: Sequence[Held]) -> Held:
    """Return what is as long as the last inputs say, or as the first one is."""
    asked = at_most(given[1:] or given).most
    first = at_most(given[:-1])
    return first._replace(longest=max(asked, first.longest or 0) or None, size=max(asked, first.size))


def _repeated(node: Any, given: Sequence[Held]) -> Held:
    """Return what is about as many times as long as the other inputs say."""
    first = at_most(given[:1])
    asked = at_most(given[1:2] if node.op_type == "Pad" else given[1:]).most + 2
    return first._replace(longest=(first.longest or 1) * asked, size=min(first.size * asked, ENDLESS))


def _reshaped(_: Any, given: Sequence[Held]) -> Held:
    if len(given) < 2:
        return at_most(given)
    first, shape = given[:2]
    one = shape.longest == 1 or (shape.fewest < 2 and not first.is_whole)  # one axis, as far as is known
    longest = first.size if one and shape.stored in ((), (-1,)) else first.longest or 0
    return first._replace(longest=max(longest, shape.most) or None)


def _flattened(_: Any, given: Sequence[Held]) -> Held:
    first = at_most(given)
    return first._replace(longest=max(first.longest or 0, first.size) or None)


def _drawn(node: Any, _: Sequence[Held]) -> Held:
    sizes = [size for a in node.attribute if a.name == "shape" for size in a.ints]
    return Held(0, max(sizes, default=0) or None, times(sizes))


def _window(_: Any, given: Sequence[Held]) -> Held:
    size = at_most(given).most
    return Held(0, size or None, size)


def _ranged(_: Any, given: Sequence[Held]) -> Held:
    if len(given) != 3 or any(len(one.stored) != 1 for one in given):
        return NOTHING  # onnx does not look at what is computed
    start, end, step = (one.stored[0] for one in given)
    count = min(max(math.ceil((end - start) / step), 0), ENDLESS) if step else 0
    return Held(1, count, count, largest((start, end)))


def _sliced(node: Any, given: Sequence[Held]) -> Held:
    first = given[0] if given else NOTHING
    if first.longest is None or len(given) == 2:
        return first
    if len(given) < 3:
        return first._replace(longest=_cut(first.longest, *(_attribute(node, name) for name in ("starts", "ends"))))
    if first.axes > 1 or (len(given) > 4 and given[4].stored != (1,)):
        return first
    start, end = (int(one.stored[0]) if one.stored else None for one in given[1:3])
    return first if start is None or end is None else first._replace(longest=_cut(first.longest, start, end))


def _attribute(node: Any, name: str) -> int | None:
    return next((a.ints[0] if a.ints else a.i for a in node.attribute if a.name == name), None)


def _cut(count: int, start: int | None, end: int | None) -> int:
    """Return how many of so many values at most lie between two places, of which negative ones count from the end."""
    start = start or 0
    if end is None:
        return min(count, -start) if start < 0 else max(count - start, 0)
    if start < 0:
        return min(count, -start if end >= 0 else max(end - start, 0))
    return max(count + end - start, 0) if end < 0 else min(count, max(end - start, 0))


# Axes


def _more(by: int) -> _Axes:
    return lambda _, given: at_most(given).axes + by


def _by_values(_: Any, given: Sequence[Held]) -> int:
    """Return the axes of what has the shape that the last input holds."""
    longest = given[-1].longest if given else None
    return max(at_most(given).axes, _USUAL) if longest is None else longest


def _expanded(node: Any, given: Sequence[Held]) -> int:
    return max(_by_values(node, given), given[0].axes if given else 0)


def _gathered(_: Any, given: Sequence[Held]) -> int:
    return max(sum(one.axes for one in given) - 1, 0)


def _listed(node: Any, given: Sequence[Held]) -> int:
    """Return how many axes an operation names."""
    named = sum(len(a.ints) for a in node.attribute)
    return named + ((given[1].longest or 0) if len(given) > 1 else 0)


def _inserted(node: Any, given: Sequence[Held]) -> int:
    return (given[0].axes if given else 0) + _listed(node, given)


def _removed(node: Any, given: Sequence[Held]) -> int:
    exact = len(given[1].stored) if len(given) > 1 else _listed(node, given)
    return max((given[0].axes if given else 0) - exact, 0)


def _product(node: Any, given: Sequence[Held]) -> int:
    """Return the letters of the result, and as many axes as the dots of a factor stand for."""
    factors, _, result = equation_of(node).replace(" ", "").partition("->")
    terms = zip(factors.split(","), given, strict=False)
    dots = max((one.axes - len(term.replace(".", "")) for term, one in terms if "..." in term), default=0)
    return max(dots, 0) + len(result.replace(".", "") or factors)


_Axes = Callable[[Any, Sequence[Held]], int]

READING = frozenset({"Add", "Cast", "Concat", "Gather", "Mul", "Shape", "Size", "Slice", "Squeeze", "Sub", "Unsqueeze"})
"""Operations that the inference follows values through."""

_AXES: Mapping[str, _Axes] = {
    "Col2Im": _inserted,
    "ConcatFromSequence": _more(1),
    "ConstantOfShape": _by_values,
    "Einsum": _product,
    "Expand": _expanded,
    "Flatten": lambda *_: 2,
    "Gather": _gathered,
    "GatherND": _gathered,
    "OneHot": _more(1),
    "RandomNormal": _listed,
    "RandomUniform": _listed,
    "Reshape": _by_values,
    "Shape": lambda *_: 1,
    "Squeeze": _removed,
    "StringSplit": _more(1),
    "Unsqueeze": _inserted,
}
"""The operations that may make other axes than they take; others make no more than the usual."""

_SAME = frozenset({"Add", "Cast", "Concat", "Div", "Identity", "Mul", "Range", "Slice", "Sub", "Where"})
"""Those that shapes are computed with, and that make no more axes than they take."""

_SIZES: Mapping[str, Callable[[Any, Sequence[Held]], Held]] = {
    "Add": _added,
    "Concat": _joined,
    "ConstantOfShape": _filled,
    "Expand": _filled,
    "Flatten": _flattened,
    "Gather": _chosen,
    **dict.fromkeys(("BlackmanWindow", "HammingWindow", "HannWindow"), _window),
    "Mul": _multiplied,
    "OneHot": _filled,
    "Pad": _repeated,
    **dict.fromkeys(("RandomNormal", "RandomUniform"), _drawn),
    "Range": _ranged,
    "Reshape": _reshaped,
    "Resize": _repeated,
    "Shape": _shape,
    "Size": _size,
    "Slice": _sliced,
    "Sub": _added,
    "Sum": _added,
    "Tile": _repeated,
    "Upsample": _repeated,
}
"""The operations that make something longer or shorter than what they take, or known numbers."""

_TYPED = {"CastLike": 1, "ConstantOfShape": 1, "OneHot": 2, "Where": 1}
"""At which input there is something of the type of the result, where it is not the first."""

GROWING = frozenset({*_AXES, *_SIZES, *_INDICES, "Cast", "CastLike", "If", "Loop", "Scan", "SequenceMap"}) - {
    *("Add", "Mul", "Slice", "Squeeze", "Sub", "Sum")
}
"""Without any of these shapes stay as long as the file says, and nothing else becomes one."""
