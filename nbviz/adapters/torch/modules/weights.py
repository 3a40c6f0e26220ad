"""Reads the values of a model's weights while the model exists."""

from __future__ import annotations

import importlib
import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, final

from nbviz.adapters.text import plain
from nbviz.adapters.torch.modules.packed import Packed
from nbviz.adapters.torch.modules.sizes import beside_it, is_distributed
from nbviz.adapters.weights import alive, of_parameter, pieces

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@final
class TorchWeightReader:
    """Reads parameters in pieces while they still live; holds each of them weakly.

    Parameters
    ----------
    tensors
        The parameters and buffers by id; the way to those that are packed in other objects.
    """

    def __init__(self, tensors: list[Any]) -> None:
        self._references = [t if type(t) is Packed else weakref.ref(t) for t in tensors]

    def chunks(self, parameter: int) -> Iterator[npt.NDArray[np.generic]]:
        """Yield the values of one parameter as flat pieces along its first axis.

        Raises
        ------
        LookupError
            If there is no such parameter, it has no values, or the model no longer exists.
        """
        tensor = alive(of_parameter(self._references, parameter))
        if tensor.device.type == "meta":
            msg = "This weight is on the meta device: it has a shape but no values."
            raise LookupError(msg)
        return tensor_pieces(_plain(tensor))


def _plain(tensor: Any) -> Any:
    """Return a tensor with its values as such: unpacked, of a distributed one what lies here if that is all of it."""
    if is_distributed(tensor):
        here = tensor.to_local()
        if here.shape != tensor.shape:
            msg = f"This weight is distributed: this process holds {tuple(here.shape)} of its {tuple(tensor.shape)} values."
            raise LookupError(msg)
        tensor = here
    try:
        return _unpacked(tensor).detach()
    except Exception as error:
        msg = f"The values of this weight are packed ({type(tensor).__name__}, {tensor.dtype}) and cannot be read: {plain(error)}"
        raise LookupError(msg) from error


def _unpacked(tensor: Any) -> Any:
    import torch

    if tensor.is_nested:
        return torch.cat([_unpacked(part).reshape(-1) for part in tensor.unbind()])
    if tensor.is_quantized or (hasattr(type(tensor), "__tensor_flatten__") and type(tensor) is not torch.Tensor):
        return tensor.dequantize()
    if beside_it(tensor):
        return _bitsandbytes(tensor)
    return tensor.to_dense() if tensor.layout is not torch.strided else tensor


def _bitsandbytes(tensor: Any) -> Any:
    """Return what bitsandbytes has packed: four bits as it does itself, eight bits with one scale a row."""
    scales = getattr(tensor, "SCB", None)
    if scales is not None:
        return tensor.detach().float() * scales.reshape(-1, 1) / 127
    return importlib.import_module("bitsandbytes.functional").dequantize_4bit(tensor, tensor.quant_state)


def tensor_pieces(tensor: Any) -> Iterator[npt.NDArray[np.generic]]:
    """Yield the values of a tensor as flat pieces along its first axis."""
    return pieces(tensor, _to_numpy)


def _to_numpy(piece: Any) -> npt.NDArray[np.generic]:
    import numpy as np

    piece = piece.cpu().resolve_conj().resolve_neg()
    if str(piece.dtype) == "torch.bfloat16" or "float8" in str(piece.dtype):
        piece = piece.float()
    return np.asarray(piece.numpy())
