"""Adds the parameters and buffers of a model to the graph."""

from __future__ import annotations

import functools
import math
from collections.abc import Hashable, Sequence
from dataclasses import replace
from itertools import chain
from operator import attrgetter
from typing import Any, final

from nbviz.adapters.text import plain
from nbviz.adapters.torch.modules.distributed import placement
from nbviz.adapters.torch.modules.lazy import is_uninitialized
from nbviz.adapters.torch.modules.packed import Packed, holding_packed, packed_tensors
from nbviz.adapters.torch.modules.sizes import are_plain, logical_size, stored_bytes
from nbviz.adapters.torch.tensors import shape_of, spec
from nbviz.builder import GraphBuilder
from nbviz.graph import Setting
from nbviz.records import Stored
from nbviz.shape import Shape

_held, _shape, _dtype = attrgetter("_parameters", "_buffers"), attrgetter("shape"), attrgetter("dtype")
_gradients = attrgetter("requires_grad")


@final
class Holdings:
    """Collects what the modules of one model hold.

    Attributes
    ----------
    tensors
        Parameters and buffers by what they are known by, packed ones as the way to them.
    known
        What is known of each; the first module to hold it names it, and what is a weight anywhere is no buffer.
    placements
        How what a module holds is laid out where that is not as it seems, by the identity of the module: more of its settings.
    lazy
        The identities of modules whose parameters have no shape yet.
    outside
        How many values are packed where ``parameters()`` does not count them.
    """

    def __init__(self) -> None:
        self.tensors: dict[Hashable, Any] = {}
        self.known: dict[Hashable, Stored] = {}
        self.placements: dict[int, tuple[tuple[str, Setting], ...]] = {}
        self.lazy: dict[int, None] = {}
        self.outside = 0

    def of(self, modules: Sequence[Any]) -> list[tuple[Hashable, ...]]:
        """Return what each of these modules holds itself, by what it is known by."""
        before = len(self.tensors)
        held: list[tuple[Hashable, ...]] = [()] * len(modules)
        found = [
            (at >> 1, name, tensor, at & 1 == 1)
            for at, own in enumerate(chain.from_iterable(map(_held, modules)))
            if own  # half of all modules hold nothing
            for name, tensor in own.items()
            if tensor is not None
        ]
        places, names, tensors, buffers = zip(*found, strict=True) if found else ((),) * 4
        if are_plain(tensors):
            known = map(_plain, names, map(_shape, tensors), map(_dtype, tensors), map(_gradients, tensors), buffers)
            for at, key in zip(places, self._keep(tensors, list(known)), strict=True):
                held[at] += (key,)
        else:
            for at, name, tensor, buffer in found:
                held[at] += self._one(modules[at], name, tensor, buffer=buffer)
        for at in holding_packed(modules):
            held[at] += self._packed(modules[at])
        tied = len(self.tensors) - before < sum(map(len, held))
        return [tuple(dict.fromkeys(own)) for own in held] if tied else held

    def _keep(self, tensors: Sequence[Any], known: Sequence[Stored]) -> list[Hashable]:
        before, keys = len(self.tensors), list[Hashable](map(id, tensors))
        self.tensors.update(zip(keys, tensors, strict=True))
        for _ in map(self.known.setdefault, keys, known):
            pass
        tied = len(self.tensors) - before < len(keys)
        for key, stored in zip(keys, known, strict=True) if tied else ():
            if stored.outranks(self.known[key]):
                self.known[key] = stored
        return keys

    def _one(self, module: Any, name: str, tensor: Any, *, buffer: bool) -> tuple[Hashable, ...]:
        if is_uninitialized(tensor):
            self.lazy[id(module)] = None
            return ()
        where = placement(tensor)
        if where is not None:
            self.placements[id(module)] = (*self.placements.get(id(module), ()), (f"{plain(name)} placement", where))
        return tuple(self._keep([tensor], [stored(name, tensor, buffer=buffer)]))

    def _packed(self, module: Any) -> tuple[Hashable, ...]:
        found = packed_parameters(module)
        for key, packed, known in found:
            self.outside += known.size * (key not in self.tensors)
            self.tensors[key] = packed
            self.known.setdefault(key, known)
        return tuple(key for key, _, _ in found)


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
            f"{values:,} values of quantized layers are packed outside parameters(), which does not count them; "
            "nbviz counts them as non-trainable parameters. Quantized activations have the dtype of the numbers "
            "that they represent."
        )


def stored(name: str, tensor: Any, *, buffer: bool) -> Stored:
    """Return what is known of a parameter or buffer; of packed weights, what they stand for."""
    if are_plain((tensor,)):
        return _plain(name, tensor.shape, tensor.dtype, tensor.requires_grad, buffer)
    known = spec(tensor)
    return Stored(
        name=plain(name),
        kind="buffer" if buffer else "weight",
        shape=shape_of(tensor) if known.shape is None else known.shape,
        dtype=known.dtype or "",
        trainable=tensor.requires_grad and not buffer,
        bytes=stored_bytes(tensor),
        size=logical_size(tensor),
    )


@functools.lru_cache(maxsize=4096)
def _plain(name: str, sizes: tuple[int, ...], dtype: Any, gradients: bool, buffer: bool) -> Stored:  # noqa: FBT001
    """Return what is known of a tensor that is nothing but its elements: of most there are many alike."""
    text, size, trainable = str(dtype).removeprefix("torch."), math.prod(sizes), gradients and not buffer
    return Stored(
        plain(name), "buffer" if buffer else "weight", Shape(sizes), text, trainable, size * dtype.itemsize, size
    )
