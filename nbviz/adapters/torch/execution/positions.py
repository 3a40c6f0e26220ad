"""Finds known integers that are out of range as indices, which shape-only kernels do not check."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from nbviz.adapters.torch.execution.standins import is_whole
from nbviz.adapters.torch.tensors import is_wrapped


def indexes(name: str) -> bool:
    """Tell whether a function takes positions."""
    return name in _RULES


def misplaced(name: str, args: Any, kwargs: Any) -> str:
    """Return what is wrong with the positions that a function is given, ``""`` if nothing is, as far as they are known."""
    try:
        return next(filter(None, _RULES[name](args, kwargs)), "")
    except (IndexError, KeyError):  # arguments that the function will refuse
        return ""


def _beyond(index: Any, size: int, lowest: int = 0) -> str:
    """Return that a position is none; those below 0 count from the end, where ``lowest`` says that there are some."""
    import torch

    if not _is_known(index):
        return ""
    low, high = (int(bound) for bound in torch.aminmax(index))
    wrong = high if high >= size else low if low < lowest else None
    return "" if wrong is None else f"index {wrong} is out of bounds for an axis of size {size}"


def _is_known(index: Any) -> bool:
    import torch

    if not isinstance(index, torch.Tensor) or index.device.type == "meta" or is_wrapped(index):
        return False
    return index.dtype in (torch.int64, torch.int32, torch.uint8) and index.numel() > 0


def _rows(args: Any, kwargs: Any) -> Iterator[str]:
    """Look at an embedding, whose whole numbers come first or second, as one calls it."""
    import torch

    tensors = [t for t in (*args, *kwargs.values()) if isinstance(t, torch.Tensor)]
    table = next((t for t in tensors if not is_whole(t)), None)
    if table is not None:
        yield _beyond(next((t for t in tensors if is_whole(t)), None), table.shape[0])


def _along(args: Any, kwargs: Any) -> Iterator[str]:
    values = args[0] if args else kwargs["input"]
    dim = args[1] if len(args) > 1 else kwargs["dim"]
    index = args[2] if len(args) > 2 else kwargs["index"]
    if isinstance(dim, int) and values.dim():
        yield _beyond(index, values.shape[dim])


def _classes(args: Any, kwargs: Any) -> Iterator[str]:
    scores, target = args[0], args[1] if len(args) > 1 else kwargs["target"]
    ignored = args[4] if len(args) > 4 else kwargs.get("ignore_index", -100)
    if _is_known(target):
        yield _beyond(target[target != ignored], scores.shape[min(1, scores.dim() - 1)])


def _axes(args: Any, _: Any) -> Iterator[str]:
    """Look at an index, whose parts stand for one axis each; ``None`` makes one, ``...`` and masks stand for several."""
    import torch

    shape, parts = args[0].shape, args[1] if type(args[1]) is tuple else (args[1],)
    taken = [_taken(part) for part in parts]
    axis = 0
    for part, count in zip(parts, taken, strict=True):
        if part is ...:
            axis += len(shape) - sum(taken)
            continue
        if isinstance(part, list) and part and all(type(item) is int for item in part):
            yield _beyond(torch.tensor(part), shape[axis], -shape[axis])
        elif _is_mask(part) and part.shape != shape[axis : axis + count]:
            yield f"a mask {tuple(part.shape)} does not fit axes {tuple(shape[axis : axis + count])}"
        elif isinstance(part, torch.Tensor) and not _is_mask(part):
            yield _beyond(part, shape[axis], -shape[axis])
        axis += count


def _taken(part: Any) -> int:
    """Return how many axes a part of an index takes."""
    if part is None or part is ... or isinstance(part, bool):
        return 0
    return int(part.dim()) if _is_mask(part) else 1


def _is_mask(part: Any) -> bool:
    import torch

    return isinstance(part, torch.Tensor) and part.dtype in (torch.bool, torch.uint8)


_ALONG = (
    "gather", "scatter", "scatter_", "scatter_add", "scatter_add_", "scatter_reduce", "scatter_reduce_", "index_select",
    "index_add", "index_add_", "index_copy", "index_copy_", "index_fill", "index_fill_",
)  # fmt: skip
_RULES: dict[str, Callable[[Any, Any], Iterator[str]]] = {
    **dict.fromkeys(_ALONG, _along),
    **dict.fromkeys(("embedding", "embedding_bag"), _rows),
    **dict.fromkeys(("cross_entropy", "nll_loss"), _classes),
    **dict.fromkeys(("getitem", "setitem"), _axes),
}
