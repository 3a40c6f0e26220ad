"""Describes PyTorch tensors as the graph needs them, and the structures that contain them."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, final

from nbviz.adapters.places import module_of
from nbviz.adapters.text import plain
from nbviz.adapters.torch.calls import is_library
from nbviz.adapters.undo import attributes_of, slots_of
from nbviz.graph import TensorSpec
from nbviz.shape import Shape

_PLAIN = frozenset({int, float, bool, str, type(None)})

_SPARSE = 8
"""How many times as much memory as elements a copy may take."""

_DEPTH = 8
"""How deep tensors are looked for in what a module takes and gives."""


def dtype_name(tensor: Any) -> str:
    """Return the name of a tensor's dtype without ``torch.``."""
    return str(tensor.dtype).removeprefix("torch.")


def shape_of(tensor: Any) -> Shape:
    """Return a tensor's shape; an axis of a nested tensor along which its parts differ is free."""
    if not tensor.is_nested:
        return Shape(int(d) for d in tensor.shape)
    return Shape(_extent(tensor, axis) for axis in range(tensor.dim()))


def _extent(tensor: Any, axis: int) -> int | None:
    try:
        size = tensor.size(axis)
    except RuntimeError:
        return None
    return size if isinstance(size, int) else None


def spec(tensor: Any, name: str = "") -> TensorSpec:
    """Return what is known of a tensor."""
    if tensor.is_nested:
        return TensorSpec(shape_of(tensor), dtype_name(tensor), plain(name))
    return _spec(tuple(tensor.shape), tensor.dtype, name)


@functools.lru_cache(maxsize=4096)
def _spec(sizes: tuple[int, ...], dtype: Any, name: str) -> TensorSpec:
    return TensorSpec(Shape(int(d) for d in sizes), str(dtype).removeprefix("torch."), plain(name))


def is_strided_nested(tensor: Any) -> bool:
    """Tell whether a tensor is nested in the older way, which PyTorch does not do without values, nor tells sizes of."""
    import torch

    return bool(tensor.is_nested and tensor.layout is torch.strided)


def is_wrapped(tensor: Any) -> bool:
    """Tell whether a tensor is what ``torch.vmap`` and its like make of one while they run."""
    import torch

    return bool(torch._C._functorch.is_functorch_wrapped_tensor(tensor))


def unwrapped(tensor: Any) -> Any:
    """Return the tensor inside one that is wrapped."""
    import torch

    return torch._C._functorch.get_unwrapped(tensor)


def innermost(tensor: Any) -> Any:
    """Return the tensor that was wrapped first, or one that is not wrapped as it is."""
    while is_wrapped(tensor):
        tensor = unwrapped(tensor)
    return tensor


def storage_of(tensor: Any) -> Any:
    """Return the storage of a tensor; None where it has none of its own."""
    try:
        return innermost(tensor).untyped_storage()
    except (NotImplementedError, RuntimeError):  # sparse, nested
        return None


def storage_key(tensor: Any) -> int:
    """Return what tells the storage of a tensor from others while it lives; 0 where it has none of its own."""
    storage = storage_of(tensor)
    return 0 if storage is None else int(storage._cdata)


def extent(tensor: Any) -> int:
    """Return how many elements lie between a tensor's first and its last."""
    return 1 + sum(int((size - 1) * stride) for size, stride in zip(tensor.shape, tensor.stride(), strict=True) if size)


def copied(tensor: Any, device: Any) -> Any:
    """Return a copy with the strides of a tensor; of a few elements that lie far apart, one that is contiguous."""
    import torch

    detached = tensor.detach()
    plain = type(tensor) in (torch.Tensor, torch.nn.Parameter) and tensor.layout is torch.strided
    plain = plain and not (tensor.is_nested or tensor.is_quantized)
    if not plain or extent(tensor) > _SPARSE * tensor.numel():
        return detached.to(device, copy=True)
    memory = detached.as_strided((extent(tensor),), (1,)).to(device, copy=True)
    return memory.as_strided(tensor.shape, tensor.stride())


def version(tensor: Any) -> int:
    """Return what grows with each write into a tensor; in inference mode tensors do not count them."""
    return 0 if tensor.is_inference() else int(tensor._version)


def mapped(value: Any, one: Callable[[Any], Any]) -> Any:
    """Replace the tensors among the arguments of an operation."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    import torch

    if isinstance(value, torch.Tensor):
        return one(value)
    if kind is tuple or kind is list:
        return kind([mapped(item, one) for item in value])
    if kind is dict:
        return {key: mapped(item, one) for key, item in value.items()}
    if kind is slice:
        return slice(mapped(value.start, one), mapped(value.stop, one), mapped(value.step, one))
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return kind(*(mapped(item, one) for item in value))
    if isinstance(value, torch.Size) or not isinstance(value, (tuple, list)):
        return value
    return type(value)(mapped(item, one) for item in value)  # torch.return_types


def leaves(*structures: Any) -> list[Any]:
    """Return the tensors among the arguments of an operation, each once."""
    found: dict[int, Any] = {}
    _collect(structures, found)
    return list(found.values())


def _collect(values: Iterable[Any], found: dict[int, Any]) -> None:
    """Find what ``mapped`` would replace."""
    import torch

    for value in values:
        kind = type(value)
        if kind in _PLAIN:
            continue
        if isinstance(value, torch.Tensor):
            found[id(value)] = value
        elif kind is dict:
            _collect(value.values(), found)
        elif kind is slice:
            _collect((value.start, value.stop, value.step), found)
        elif isinstance(value, (tuple, list)) and kind is not torch.Size:
            _collect(value, found)


def _public(value: Any) -> Iterable[tuple[str, Any]]:
    held = {} if callable(value) else _attributes(value)
    return [(key, item) for key, item in held.items() if not key.startswith("_")]


def _private(value: Any) -> Iterable[tuple[str, Any]]:
    module = module_of(type(value))
    known = not is_library(module) or module.startswith("torch.distributions.")  # a mixture has its parts in private
    held = _attributes(value) if known and not inspect.isroutine(value) else {}
    return [("" if key.startswith("_") else key, item) for key, item in held.items()]


def _attributes(value: Any) -> dict[str, Any]:
    return {**slots_of(value), **(attributes_of(value) or {})}


@final
@dataclass(frozen=True)
class Reach:
    """Which attributes tensors are looked for in, of objects that are no containers, and in how deep ones."""

    attributes: Callable[[Any], Iterable[tuple[str, Any]]]
    depth: int


CONTAINERS = Reach(lambda _: (), 0)
PUBLIC = Reach(_public, _DEPTH)
"""What users may know of, such as a cache of keys and values."""
PRIVATE = Reach(_private, 3)
"""All, those that are private without names: a graph of PyTorch Geometric keeps its tensors in such."""


def named_tensors(value: Any, name: str = "", reach: Reach = PUBLIC, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield the tensors in a structure with their names in it: in lists, dicts, dataclasses, and objects as far as ``reach``."""
    import torch

    if isinstance(value, torch.Tensor):
        yield name, value
        return
    if depth > _DEPTH or value is None or isinstance(value, (str, bytes, int, float, torch.nn.Module)):
        return
    for key, item in _inside(value, reach, depth):
        yield from named_tensors(item, ".".join(filter(None, (name, key))), reach, depth + 1)


def _inside(value: Any, reach: Reach, depth: int) -> Iterator[tuple[str, Any]]:
    if type(value) in (tuple, list):  # nearly always
        yield from ((str(i), item) for i, item in enumerate(value))
    elif isinstance(value, Mapping):
        yield from ((plain(key), item) for key, item in value.items())
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        yield from zip(value._fields, value, strict=False)
    elif isinstance(value, (tuple, list, deque)):
        yield from ((str(i), item) for i, item in enumerate(value))
    elif isinstance(value, (set, frozenset)):  # whose order differs from run to run
        yield from ((str(i), item) for i, item in enumerate(sorted(value, key=_order)))
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield from ((f.name, getattr(value, f.name, None)) for f in dataclasses.fields(value))
    elif depth < reach.depth and not isinstance(value, type):
        yield from reach.attributes(value)


def found_in(value: Any, name: str = "") -> list[tuple[str, Any]]:
    """Return the tensors in what a model takes or gives with their names.

    What is private counts where nothing else is, each tensor there once.
    """
    known = list(named_tensors(value, name))
    if known:
        return known
    hidden = {id(tensor): (key, tensor) for key, tensor in reversed([*named_tensors(value, name, PRIVATE)])}
    return list(reversed(hidden.values()))


def _order(item: Any) -> str:
    return str(tuple(getattr(item, "shape", ())))


def tensors(*structures: Any) -> list[Any]:
    """Return the tensors that modules take or give, each once.

    What an object holds counts where there is nothing else: a cache goes from module to module and grows on its way.
    """
    for reach in CONTAINERS, PUBLIC:
        found = {id(t): t for structure in structures for _, t in named_tensors(structure, "", reach)}
        if found:
            return list(found.values())
    return []
