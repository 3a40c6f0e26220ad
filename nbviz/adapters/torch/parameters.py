"""A model's parameters and buffers as parameters of the graph."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import replace
from typing import Any

from nbviz.adapters.text import plain
from nbviz.adapters.torch.lazy import is_uninitialized
from nbviz.adapters.torch.packed import packed_tensors
from nbviz.adapters.torch.storage import logical_size, stored_bytes
from nbviz.adapters.torch.tensors import dtype_name, shape_of
from nbviz.adapters.torch.walk import children, modules_of
from nbviz.builder import GraphBuilder, Stored


def own_tensors(module: Any) -> Iterator[tuple[str, Any, bool]]:
    """Yield the parameters and buffers that a module holds itself, with their names and whether they are buffers."""
    for buffer, held in ((False, module._parameters), (True, module._buffers)):
        for name, tensor in held.items():
            if tensor is not None:
                yield name, tensor, buffer


def add_parameters(builder: GraphBuilder, modules: dict[int, Any]) -> dict[Hashable, Any]:
    """Add every module's parameters and buffers; return them by what they are known by, packed ones as the way to them."""
    held: dict[Hashable, Any] = {}
    outside, lazy = 0, dict[int, None]()
    for layer, module in modules.items():
        for name, tensor, buffer in _held(builder, layer, module):
            if is_uninitialized(tensor):
                builder.leave_open(layer)
                lazy[layer] = None
                continue
            held[id(tensor)] = tensor
            builder.hold(layer, id(tensor), stored(name, tensor, buffer=buffer))
        for name, key, tensor, packed in packed_tensors(module):
            known = replace(stored(name, tensor, buffer=False), trainable=False)
            outside += known.size * (key not in held)
            held[key] = packed
            builder.hold(layer, key, known)
    _explain(builder, outside, list(lazy))
    return held


def _explain(builder: GraphBuilder, outside: int, lazy: list[int]) -> None:
    """Say why numbers are missing, or are others than PyTorch's own."""
    if outside:
        builder.note(
            f"{outside:,} values of quantized layers are packed outside parameters(), which does not count them; here they count "
            "as parameters that are not trained. Quantized activations have the dtype of the numbers that they stand for."
        )
    if lazy:
        builder.note(
            f"Lazy layers ({len(lazy):,} of them) get their weights when they first run, so that the numbers of parameters are not "
            "known yet: call the model once on real inputs, and view it again.",
            builder.path_of(lazy[0]) or "",
        )


def _held(builder: GraphBuilder, key: int, module: Any) -> Iterator[tuple[str, Any, bool]]:
    """Yield a module's own tensors, and those of modules that it shares with one outside itself.

    A shared module has its row where it was found first. Whoever else holds it has its parameters too, as PyTorch counts.
    """
    yield from own_tensors(module)
    path = builder.path_of(key)
    for _, child in children(module):
        at = builder.path_of(id(child))
        if path and at is not None and not at.startswith(f"{path}/"):
            for inner in modules_of(child):
                yield from own_tensors(inner)


def stored(name: str, tensor: Any, *, buffer: bool) -> Stored:
    """Return what is known of a parameter or buffer; of packed weights, what they stand for."""
    return Stored(
        name=plain(name),
        kind="buffer" if buffer else "weight",
        shape=shape_of(tensor),
        dtype=dtype_name(tensor),
        trainable=bool(tensor.requires_grad) and not buffer,
        bytes=stored_bytes(tensor),
        size=logical_size(tensor),
    )
