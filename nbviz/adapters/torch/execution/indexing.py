"""Operations with result sizes that depend on values; if the values are known, they set the sizes."""

from __future__ import annotations

from typing import Any

from nbviz.adapters.torch.tensors import is_wrapped, leaves, mapped

SIZED_BY_VALUES = frozenset({"getitem", "setitem", "masked_select", "repeat_interleave"})
"""Operations that give more or less of what they are given, as values among it say."""


def with_known_sizes(function: Any, name: str, args: Any, kwargs: Any) -> tuple[Any, Any, Any]:
    """Return a function and arguments that need no values, where the tensors that decide the size are real."""
    import torch

    if name in ("getitem", "setitem") and len(args) > 1:
        return function, (args[0], _index(args[1]), *args[2:]), kwargs
    if name == "masked_select" and len(args) == 2 and _is_real(args[1]):
        given, mask = torch.broadcast_tensors(args[0].to("meta"), args[1].to("meta"))
        del mask
        where = torch.broadcast_to(args[1], given.shape)
        return torch.Tensor.__getitem__, (given, _index(where)), kwargs
    if name == "repeat_interleave" and len(args) > 1 and _is_real(args[1]) and "output_size" not in kwargs:
        size = int(args[1].sum()) if args[1].numel() > 1 else None
        return function, args, kwargs if size is None else {**kwargs, "output_size": size}
    return function, args, kwargs


def with_numbers(given: Any) -> Any:
    """Return arguments with each real number that is a tensor as a Python number."""
    numbers = {id(t): t.item() for t in leaves(given) if _is_real(t) and t.dim() == 0}
    return mapped(given, lambda t: numbers.get(id(t), t))


def _is_real(value: Any) -> bool:
    import torch

    return isinstance(value, torch.Tensor) and value.device.type != "meta" and not is_wrapped(value)


def _index(index: Any) -> Any:
    """Return an index with real masks as positions, and real numbers as numbers."""
    if isinstance(index, (tuple, list)):
        if isinstance(index, list) and not any(hasattr(part, "shape") for part in index):
            return index
        found: list[Any] = []
        for part in index:
            known = _part(part)
            found.extend(known if isinstance(known, tuple) else (known,))
        return tuple(found)
    return _part(index)


def _part(part: Any) -> Any:
    import torch

    if isinstance(part, slice):
        return slice(_number(part.start), _number(part.stop), _number(part.step))
    if not _is_real(part):
        return 0 if _is_unknown_number(part) else part
    if part.dtype in (torch.bool, torch.uint8) and part.dim():
        return part.nonzero(as_tuple=True)
    return int(part) if part.dim() == 0 and part.dtype != torch.bool else part


def _is_unknown_number(part: Any) -> bool:
    """Tell whether a part of an index is one whole number that nobody knows: whichever it is, the result has the same shape."""
    import torch

    if not isinstance(part, torch.Tensor) or part.device.type != "meta" or part.dim() or is_wrapped(part):
        return False
    return part.dtype in (torch.int8, torch.int16, torch.int32, torch.int64)


def _number(value: Any) -> Any:
    return int(value) if _is_real(value) else value
