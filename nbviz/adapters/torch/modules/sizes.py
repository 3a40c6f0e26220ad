"""The number of values and bytes of a parameter, including packed, quantized, sparse and distributed ones."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator
from itertools import repeat
from operator import attrgetter
from typing import Any

from nbviz.adapters.kinds import is_kind_of
from nbviz.graph import itemsize

_SPARSE = {
    "torch.sparse_coo": ("_indices", "_values"),
    "torch.sparse_csr": ("crow_indices", "col_indices", "values"),
    "torch.sparse_bsr": ("crow_indices", "col_indices", "values"),
    "torch.sparse_csc": ("ccol_indices", "row_indices", "values"),
    "torch.sparse_bsc": ("ccol_indices", "row_indices", "values"),
}
_layout = attrgetter("layout", "is_quantized", "is_nested")
_DEPTH = 3
"""How deep the tensors lie that a packed parameter keeps beside itself: bitsandbytes quantizes its scales once more."""


def are_plain(tensors: Collection[Any]) -> bool:
    """Tell whether tensors are nothing but their elements, as nearly all are."""
    import torch

    if not {torch.nn.Parameter, torch.Tensor}.issuperset(map(type, tensors)):
        return False
    # FullyShardedDataParallel makes one of many, without a class of its own
    if any(map(hasattr, tensors, repeat("_fqns"))):
        return False
    return {(torch.strided, False, False)}.issuperset(map(_layout, tensors))


def logical_size(tensor: Any) -> int:
    """Return how many values a tensor stands for: bitsandbytes packs two into a byte, and keeps the real shape beside it."""
    state = getattr(tensor, "quant_state", None)
    shape = getattr(state, "shape", None)
    if shape is not None:
        return math.prod(shape)
    try:
        return int(tensor.numel())
    except Exception:  # noqa: BLE001 - of a nested tensor only its parts know
        return sum(logical_size(part) for part in tensor.unbind())


def stored_bytes(tensor: Any) -> int | None:
    """Return the bytes of a tensor's elements, and of what it needs to read them (scales, indices); None when unknown.

    A distributed tensor has the bytes of the whole, wherever these are.
    """
    try:
        return _bytes(tensor)
    except Exception:  # noqa: BLE001 - another package's class may raise anything
        return None


def _bytes(tensor: Any) -> int | None:
    if is_distributed(tensor):
        return element_bytes(tensor)
    parts = getattr(type(tensor), "__tensor_flatten__", None)
    if parts is not None:
        return _sum(getattr(tensor, name) for name in parts(tensor)[0])
    layout = str(tensor.layout)
    if layout in _SPARSE:
        return _sum(getattr(tensor.detach(), name)() for name in _SPARSE[layout])
    if tensor.is_quantized:
        return _quantized_bytes(tensor)
    return _sum(beside_it(tensor), element_bytes(tensor))


def element_bytes(tensor: Any) -> int:
    """Return the bytes of the elements alone."""
    return int(tensor.numel() * tensor.element_size())


def _sum(tensors: Iterable[Any], start: int = 0) -> int | None:
    found = [stored_bytes(tensor) for tensor in tensors]
    known = [size for size in found if size is not None]
    return sum(known, start) if len(known) == len(found) else None


def _quantized_bytes(tensor: Any) -> int:
    """Return the bytes of the whole numbers and of the scales of channels; one scale for all is a number, not a tensor."""
    width = itemsize(str(tensor.dtype).partition("x")[0])  # quint4x2: two in a byte
    found = math.ceil(int(tensor.numel()) * (width or 1))
    if "per_channel" in str(tensor.qscheme()):
        found += element_bytes(tensor.q_per_channel_scales()) + element_bytes(tensor.q_per_channel_zero_points())
    return found


def is_distributed(tensor: Any) -> bool:
    """Tell whether a tensor is spread over several devices."""
    return is_kind_of(tensor, "DTensor", "torch")


def beside_it(tensor: Any) -> list[Any]:
    """Return the tensors that a packed parameter keeps as attributes: bitsandbytes its scales, and those scales' scales."""
    if type(tensor).__module__.partition(".")[0] == "torch":
        return []  # what a user hangs onto a plain parameter is not part of it
    own = _address(tensor)
    found = {_address(part): part for part in _tensors(getattr(tensor, "__dict__", {}), _DEPTH)}
    return [part for address, part in found.items() if address != own]


def _tensors(value: Any, depth: int) -> Iterator[Any]:
    import torch

    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (dict, list, tuple)) and depth:
        for item in value.values() if isinstance(value, dict) else value:
            yield from _tensors(item, depth - 1)
    elif depth and not isinstance(value, (type, torch.nn.Module)) and not callable(value):
        yield from _tensors(getattr(value, "__dict__", None) or (), depth)


def _address(tensor: Any) -> Any:
    try:
        return tensor.untyped_storage()._cdata
    except (NotImplementedError, RuntimeError):
        return id(tensor)
