"""The bytes of a storage that a tensor covers, and whether two tensors overlap."""

from __future__ import annotations

from typing import Any, NamedTuple

from nbviz.adapters.torch.tensors import innermost

_MOST = 64
"""Positions along one axis of which each is looked at; where there are more, tensors count as sharing some."""

Step = tuple[int, int, int]
"""A stride, and how often it may be taken at least and at most."""


class Region(NamedTuple):
    """Bytes of a storage.

    Attributes
    ----------
    first
        Where they begin.
    axes
        Stride in bytes and extent of each axis; the bytes of an element are the last one.
    """

    first: int
    axes: tuple[tuple[int, int], ...]


def region_of(tensor: Any) -> Region | None:
    """Return the bytes that a tensor takes of its storage; None where it is not laid out by strides."""
    tensor = innermost(tensor)
    try:
        sizes, strides, first = tuple(tensor.shape), tensor.stride(), tensor.storage_offset()
    except (NotImplementedError, RuntimeError):  # sparse, nested
        return None
    each = tensor.element_size()
    axes = [(int(stride) * each, int(size)) for stride, size in zip(strides, sizes, strict=True)]
    return Region(first * each, (*axes, (1, each)))


def share(one: Region, other: Region) -> bool:
    """Tell whether two regions of a storage have a byte in common.

    They do where the strides of both, taken as often as their extents allow, lead from the beginning of one to that of the
    other. Large strides leave few choices, as all smaller ones together seldom reach further.
    """
    steps: dict[int, list[int]] = {}
    for region, side in ((one, 1), (other, 0)):
        for stride, size in region.axes:
            if size == 0:
                return False
            times = steps.setdefault(stride, [0, 0])
            times[side] += size - 1 if side else 1 - size
    steps.pop(0, None)  # an axis that is expanded
    ordered = sorted(((stride, low, high) for stride, (low, high) in steps.items()), reverse=True)
    return _leads(ordered, other.first - one.first)


def _leads(steps: list[Step], distance: int) -> bool:
    if not steps:
        return distance == 0
    (stride, low, high), *smaller = steps
    back, ahead = sum(s * least for s, least, _ in smaller), sum(s * most for s, _, most in smaller)
    start, stop = max(low, -((ahead - distance) // stride)), min(high, (distance - back) // stride)
    if stop - start >= _MOST:
        return True
    return any(_leads(smaller, distance - stride * times) for times in range(start, stop + 1))
