"""A model's parameters and buffers as parameters of the graph."""

from __future__ import annotations

import functools
import math
from collections.abc import Hashable
from dataclasses import replace
from typing import Any

from nbviz.adapters.text import plain
from nbviz.adapters.torch.distributed import placement
from nbviz.adapters.torch.lazy import is_uninitialized
from nbviz.adapters.torch.packed import Packed, holds_packed, packed_tensors
from nbviz.adapters.torch.sizes import is_plain, logical_size, stored_bytes
from nbviz.adapters.torch.tensors import shape_of, spec
from nbviz.adapters.torch.walk import modules_of
from nbviz.builder import GraphBuilder
from nbviz.records import Stored
from nbviz.shape import Shape


def own_tensors(module: Any) -> list[tuple[str, Any, bool]]:
    """Return the parameters and buffers that a module holds itself, with their names and whether they are buffers."""
    if not module._parameters and not module._buffers:  # half of all modules
        return []
    found = [(name, tensor, False) for name, tensor in module._parameters.items() if tensor is not None]
    if module._buffers:
        found += [(name, tensor, True) for name, tensor in module._buffers.items() if tensor is not None]
    return found


def add_parameters(builder: GraphBuilder, modules: dict[int, Any], *, shared: bool) -> dict[Hashable, Any]:
    """Add every module's parameters and buffers; return them by what they are known by, packed ones as the way to them.

    ``shared`` says whether a module is held more than once.
    """
    held: dict[Hashable, Any] = {}
    outside, lazy = 0, dict[int, None]()
    for layer, module in modules.items():
        tensors = own_tensors(module)
        if shared and module._modules:
            tensors += _elsewhere(builder, layer, module)
        for name, tensor, buffer in tensors:
            if is_uninitialized(tensor):
                builder.leave_open(layer)
                lazy[layer] = None
                continue
            held[id(tensor)] = tensor
            known, where = _known(name, tensor, buffer=buffer)
            builder.hold(layer, id(tensor), known)
            if where is not None:
                builder.layer(layer).settings += ((f"{plain(name)} placement", where),)
        if not holds_packed(module):
            continue
        for key, packed, known in packed_parameters(module):
            outside += known.size * (key not in held)
            held[key] = packed
            builder.hold(layer, key, known)
    explain_packed(builder, outside)
    _explain_lazy(builder, list(lazy))
    return held


def packed_parameters(module: Any) -> list[tuple[Hashable, Packed, Stored]]:
    """Return what a module holds packed: what it is known by, the way to its values, and what is known of it."""
    return [
        (key, packed, replace(stored(name, tensor, buffer=False), trainable=False))
        for name, key, tensor, packed in packed_tensors(module)
    ]


def explain_packed(builder: GraphBuilder, values: int) -> None:
    """Say why there are more parameters than PyTorch itself counts, if there are."""
    if values:
        builder.note(
            f"{values:,} values of quantized layers are packed outside parameters(), which does not count them; here they count "
            "as parameters that are not trained. Quantized activations have the dtype of the numbers that they stand for."
        )


def _explain_lazy(builder: GraphBuilder, lazy: list[int]) -> None:
    """Say why numbers are missing, if they are."""
    if lazy:
        builder.note(
            f"Lazy layers ({len(lazy):,} of them) get their weights when they first run, so that the numbers of parameters are not "
            "known yet: call the model once on real inputs, and view it again.",
            builder.path_of(lazy[0]) or "",
        )


def _elsewhere(builder: GraphBuilder, key: int, module: Any) -> list[tuple[str, Any, bool]]:
    """Return the tensors of modules that a module shares with one outside itself.

    A shared module has its row where it was found first. Whoever else holds it has its parameters too, as PyTorch counts.
    """
    path = builder.path_of(key)
    places = {id(child): builder.path_of(id(child)) for child in module._modules.values()} if path else {}
    shared = {place for place, at in places.items() if at is not None and not at.startswith(f"{path}/")}
    held = [child for child in module._modules.values() if id(child) in shared]
    return [own for child in held for inner in modules_of(child) for own in own_tensors(inner)]


def stored(name: str, tensor: Any, *, buffer: bool) -> Stored:
    """Return what is known of a parameter or buffer; of packed weights, what they stand for."""
    return _known(name, tensor, buffer=buffer)[0]


def _known(name: str, tensor: Any, *, buffer: bool) -> tuple[Stored, str | None]:
    """Return what is known of a parameter or buffer, and how it is laid out where that is not as it seems."""
    trainable = tensor.requires_grad and not buffer
    if is_plain(tensor):
        return _plain(name, tensor.shape, tensor.dtype, trainable, buffer), None
    known = spec(tensor)
    found = Stored(
        name=plain(name),
        kind="buffer" if buffer else "weight",
        shape=shape_of(tensor) if known.shape is None else known.shape,
        dtype=known.dtype or "",
        trainable=trainable,
        bytes=stored_bytes(tensor),
        size=logical_size(tensor),
    )
    return found, placement(tensor)


@functools.lru_cache(maxsize=4096)
def _plain(name: str, sizes: tuple[int, ...], dtype: Any, trainable: bool, buffer: bool) -> Stored:  # noqa: FBT001
    """Return what is known of a tensor that is nothing but its elements: of most there are many alike."""
    text, size = str(dtype).removeprefix("torch."), math.prod(sizes)
    return Stored(
        plain(name), "buffer" if buffer else "weight", Shape(sizes), text, trainable, size * dtype.itemsize, size
    )
