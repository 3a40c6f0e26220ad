"""Caches the results of operations on tensors without values, so that equal layers are computed only once.

PyTorch works shapes out in Python, which takes longer than all else that a trace does. Models repeat their layers, so most
operations come again with the same shapes and settings.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, final

from nbviz.adapters.torch.tensors import is_wrapped, leaves, mapped, storage_key

Given = tuple[Any, Any]
"""Positional and keyword arguments."""


@final
class Memo:
    """What operations have given, by what they were given: shapes, strides, dtypes and settings."""

    def __init__(self) -> None:
        self._known: dict[Hashable, Callable[[], Any]] = {}

    def recall(self, key: Hashable) -> Any:
        """Return the like of what was kept under a key, with a new tensor for each in it; None if nothing was."""
        known = self._known.get(key)
        return None if known is None else known()

    def keep(self, key: Hashable, value: Any, compute: Any, given: list[Any]) -> None:
        """Keep what an operation gave and contracted, if it made new tensors of what it was given, and nothing else."""
        made = None if key is None else again(value)
        if made is not None and are_new(value, given):
            self._known[key] = lambda: (made(), compute)


def key_of(function: Any, given: Given, stand_in: Callable[[Any], Any]) -> Hashable:
    """Return what decides the result of a function; None where it cannot be told, or where more than that decides."""
    import torch

    if torch.is_grad_enabled() or torch.is_inference_mode_enabled() or torch._C._is_any_autocast_enabled():
        return None
    try:
        key = (function, torch.get_default_dtype(), _signature(given, stand_in))
        hash(key)
    except (TypeError, _UnknownError):
        return None
    return key


class _UnknownError(Exception):
    """An argument of which nobody knows what it does."""


def _signature(value: Any, stand_in: Callable[[Any], Any]) -> Hashable:
    kind = type(value)
    if kind in _ATOMS:
        return kind, value  # 1, 1.0 and True are equal
    if kind is tuple or kind is list:
        return kind, *[_signature(item, stand_in) for item in value]
    import torch

    if kind is torch.Tensor or kind is torch.nn.Parameter:
        found = stand_in(value)
        plain = type(found) is torch.Tensor or type(found) is torch.nn.Parameter
        plain = plain and not (is_wrapped(found) or found.is_nested or found.is_quantized)
        if not plain or found.layout is not torch.strided:
            raise _UnknownError
        return found.shape, found.stride(), found.dtype
    if kind is torch.Size:
        return kind, *[_signature(item, stand_in) for item in value]
    if kind is dict:
        return dict, *[(key, _signature(item, stand_in)) for key, item in value.items()]
    if kind in (torch.dtype, torch.device, torch.memory_format, torch.layout):
        return value  # type: ignore[no-any-return]
    raise _UnknownError


_ATOMS = frozenset({int, float, bool, str, type(None), type(...)})


def are_new(value: Any, given: list[Any]) -> bool:
    """Tell whether all tensors of a result have storages of their own."""
    made = [storage_key(t) for t in leaves(value)]
    return 0 not in made and len(set(made)) == len(made) and not set(made) & {storage_key(t) for t in given}


def again(value: Any) -> Callable[[], Any] | None:
    """Return what makes another like a result; None where it is not made of plain tensors."""
    import torch

    tensors = leaves(value)
    if not tensors or any(type(t) is not torch.Tensor or t.layout is not torch.strided for t in tensors):
        return None
    kinds = {id(t): (t.shape, t.stride(), t.dtype) for t in tensors}
    if isinstance(value, torch.Tensor):
        shape, stride, dtype = kinds[id(value)]
        return lambda: torch.empty_strided(shape, stride, dtype=dtype, device="meta")

    def make(tensor: Any) -> Any:
        shape, stride, dtype = kinds[id(tensor)]
        return torch.empty_strided(shape, stride, dtype=dtype, device="meta")

    return lambda: mapped(value, make)
