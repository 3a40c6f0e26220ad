"""Asks the real kernels for their verdict if the shape-only ones reject an operation or check too little.

Those who write shape-only kernels check less, more, or in other words than the kernels that compute. What the user would see is
what the real one says, so it is asked on zeros that lie in memory as the elements of the tensors would.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from nbviz.adapters.torch.execution.deciding import deciding
from nbviz.adapters.torch.execution.standins import to_meta
from nbviz.adapters.torch.restoring.restore import writes
from nbviz.adapters.torch.tensors import extent, leaves, mapped

_MOST = 1 << 22
"""Elements of the arguments up to which the real kernel is asked: if it does not refuse, it computes."""

Given = tuple[Any, Any]
"""Positional and keyword arguments."""


def asked_again(function: Any, given: Given, refused: Exception, undecided: Exception | None = None) -> Any:
    """Return what the real kernel gives, without its values; raise what it raises, or else what was raised before.

    Where zeros that stand for unknown values decide what it gives, ``undecided`` is raised, if it is given.
    """
    if not _can_be_asked(given):
        raise refused
    seen = deciding(stop=undecided is not None)
    try:
        value = _really(function, given, seen)
    except (RuntimeError, ValueError, IndexError, TypeError) as error:
        if seen.decided and undecided is not None:
            raise undecided from None
        raise (refused if isinstance(error, (NotImplementedError, TypeError)) else error) from None
    if writes(function, given[1]):  # into zeros of ours
        raise refused
    return mapped(value, to_meta)


def check(function: Any, given: Given, home: Any, known: Exception | None = None) -> None:
    """Raise what the real kernel raises; if it cannot be asked, what is ``known`` to be wrong.

    It is the one of CPUs: what that alone does not do says nothing of a model that is elsewhere.
    """
    if not _can_be_asked(given):
        if known is not None:
            raise known
        return
    try:
        _really(function, given)
    except TypeError:
        return
    except (RuntimeError, ValueError, IndexError) as error:
        if home.type == "cpu" or "cpu" not in str(error).lower():
            raise error from None


def overlap(tensors: list[Any]) -> bool:
    """Tell whether several elements of a tensor are one, as ``expand`` makes them: writing there is refused for some kernels."""
    return any(map(_overlaps, tensors))


def _overlaps(tensor: Any) -> bool:
    return any(size > 1 and stride == 0 for size, stride in zip(tensor.shape, tensor.stride(), strict=True))


def _can_be_asked(given: Given) -> bool:
    """Tell whether a real kernel may run: on a device of ours, on plain tensors that take no long time."""
    import torch

    tensors = leaves(given)
    plain = all(t.layout is torch.strided and not t.is_nested for t in tensors)
    return plain and given[1].get("device") is None and sum(max(t.numel(), extent(t)) for t in tensors) <= _MOST


def _really(function: Any, given: Given, seen: Any = None) -> Any:
    """Run a function on zeros; ``seen`` sees what they decide."""
    import torch

    def real(tensor: Any) -> Any:
        made = _like(tensor)
        if seen is not None and tensor.device.type == "meta":
            seen.made_up(made)
        return made

    args, kwargs = mapped(given, real)
    with torch.no_grad(), nullcontext() if seen is None else seen:
        return function(*args, **kwargs)


def _like(tensor: Any) -> Any:
    """Return what may be written in a tensor's place, with its values where they are known."""
    import torch

    if tensor.device.type != "meta" and not _overlaps(tensor):
        return tensor.clone()
    return torch.zeros(extent(tensor), dtype=tensor.dtype).as_strided(tensor.shape, tensor.stride())
