"""A model's parameters and buffers: as parameters of the graph, and as values while the model lives."""

from __future__ import annotations

import math
import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, final

from nbviz.adapters.text import plain
from nbviz.adapters.torch.tensors import dtype_name
from nbviz.adapters.torch.tree import children
from nbviz.builder import GraphBuilder, Stored
from nbviz.shape import Shape

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_CHUNK = 1 << 20
"""Elements per piece that a weight reader yields."""


def own_tensors(module: Any) -> Iterator[tuple[str, Any, bool]]:
    """Yield the parameters and buffers that a module holds itself, with their names and whether they are buffers."""
    for buffer, held in ((False, module._parameters), (True, module._buffers)):
        for name, tensor in held.items():
            if tensor is not None:
                yield name, tensor, buffer


def add_parameters(builder: GraphBuilder, modules: dict[int, Any]) -> dict[int, Any]:
    """Add every module's parameters and buffers; return them by identity."""
    held: dict[int, Any] = {}
    for key, module in modules.items():
        for name, tensor, buffer in _held(builder, key, module):
            if is_uninitialized(tensor):
                builder.leave_open(key)
                continue
            held[id(tensor)] = tensor
            builder.hold(key, id(tensor), stored(name, tensor, buffer=buffer))
    return held


def _held(builder: GraphBuilder, key: int, module: Any) -> Iterator[tuple[str, Any, bool]]:
    """Yield a module's own tensors, and those of modules that it shares with one outside itself.

    A shared module has its row where it was found first. Whoever else holds it has its parameters too, as PyTorch counts.
    """
    yield from own_tensors(module)
    path = builder.path_of(key)
    for _, child in children(module):
        at = builder.path_of(id(child))
        if path and at is not None and not at.startswith(f"{path}/"):
            for inner in child.modules():
                yield from own_tensors(inner)


def is_uninitialized(tensor: Any) -> bool:
    """Tell whether a tensor belongs to a lazy module that has not seen an input yet."""
    return type(tensor).__name__ in ("UninitializedParameter", "UninitializedBuffer")


def stored(name: str, tensor: Any, *, buffer: bool) -> Stored:
    """Return what is known of a parameter or buffer; of packed weights, what they stand for."""
    size = _logical_size(tensor)
    return Stored(
        name=plain(name),
        kind="buffer" if buffer else "weight",
        shape=Shape(int(d) for d in tensor.shape),
        dtype=dtype_name(tensor),
        trainable=bool(tensor.requires_grad) and not buffer,
        bytes=stored_bytes(tensor),
        size=size,
    )


def _logical_size(tensor: Any) -> int:
    """Return how many values a tensor stands for: bitsandbytes packs two into a byte, and keeps the real shape beside it."""
    state = getattr(tensor, "quant_state", None)
    shape = getattr(state, "shape", None)
    return math.prod(tensor.shape if shape is None else shape)


def stored_bytes(tensor: Any) -> int | None:
    """Return the bytes of a tensor's elements; of a tensor made of others (quantized ones), theirs."""
    parts = getattr(type(tensor), "__tensor_flatten__", None)
    try:
        if parts is not None and type(tensor).__name__ != "DTensor":
            return sum(stored_bytes(getattr(tensor, name)) or 0 for name in parts(tensor)[0])
        return int(tensor.numel() * tensor.element_size())
    except Exception:  # noqa: BLE001 - another package's class may raise anything
        return None


@final
class TorchWeightReader:
    """Reads parameters in pieces while they still live; holds each of them weakly.

    Parameters
    ----------
    tensors
        The parameters and buffers by id.
    """

    def __init__(self, tensors: list[Any]) -> None:
        self._references = [weakref.ref(t) for t in tensors]

    def chunks(self, parameter: int) -> Iterator[npt.NDArray[np.generic]]:
        """Yield the values of one parameter as flat pieces along its first axis.

        Raises
        ------
        LookupError
            If there is no such parameter, it has no values, or the model no longer exists.
        """
        if not 0 <= parameter < len(self._references):
            msg = f"This model has no parameter {parameter}; it has {len(self._references)}."
            raise LookupError(msg)
        tensor = self._references[parameter]()
        if tensor is None:
            msg = "The model no longer exists in this session, so its weights cannot be read. Run the cell again."
            raise LookupError(msg)
        if tensor.device.type == "meta":
            msg = "This weight is on the meta device: it has a shape and no values."
            raise LookupError(msg)
        tensor = tensor.dequantize() if tensor.is_quantized else tensor
        return pieces(tensor.detach())


def pieces(tensor: Any) -> Iterator[npt.NDArray[np.generic]]:
    """Yield the values of a tensor as flat pieces along its first axis."""
    if tensor.dim() == 0:
        yield _to_numpy(tensor).reshape(-1)
        return
    rest = math.prod(tensor.shape[1:])
    if rest > _CHUNK and tensor.dim() > 1:
        for row in range(tensor.shape[0]):
            yield from pieces(tensor[row])
        return
    rows = max(1, _CHUNK // max(rest, 1))
    for start in range(0, tensor.shape[0], rows):
        yield _to_numpy(tensor[start : start + rows]).reshape(-1)


def _to_numpy(piece: Any) -> npt.NDArray[np.generic]:
    import numpy as np

    piece = piece.cpu()
    if str(piece.dtype) == "torch.bfloat16" or "float8" in str(piece.dtype):
        piece = piece.float()
    return np.asarray(piece.numpy())
