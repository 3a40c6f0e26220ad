"""Answers what a model asks about a stand-in as a real tensor would: its size, device and gradient state."""

from __future__ import annotations

from typing import Any, final

from nbviz.adapters.torch.calls import operation_name
from nbviz.adapters.torch.execution.standins import StandIns, to_meta
from nbviz.adapters.torch.execution.tensor_types import type_text
from nbviz.adapters.torch.tensors import mapped

_GIVE_TENSORS = frozenset({"T", "mT", "H", "mH", "real", "imag", "data"})
ASK_SIZES = frozenset({
    "size", "dim", "numel", "stride", "is_floating_point", "is_contiguous", "is_complex", "ndimension", "nelement",
    "storage_offset", "element_size", "is_signed", "is_inference", "__len__",
})  # fmt: skip


@final
class Questions:
    """Answers for stand-ins.

    Parameters
    ----------
    standins
        What stands for the model's tensors.
    """

    def __init__(self, standins: StandIns) -> None:
        self._standins = standins

    def answer(self, function: Any, args: Any, kwargs: Any) -> tuple[bool, Any]:
        """Return whether a function asks about a tensor, and the answer."""
        name = getattr(function, "__name__", "")
        if name == "__get__":
            return self._attribute(function, args)
        if name in ASK_SIZES:
            return True, function(self._standins.of(args[0]), *args[1:], **kwargs)
        if name == "get_device":
            device = self._standins.device(args[0])
            return True, -1 if device.type in ("cpu", "meta") else device.index or 0
        if name == "type" and len(args) == 1 and not kwargs:
            return True, type_text(args[0].dtype, self._standins.device(args[0]))
        if name == "empty" and self._is_a_copy(args, kwargs):
            return True, function(*args, **kwargs)
        if name == "equal" and len(args) == 2 and _differ(*args):
            return True, False
        if name == "__set__" and operation_name(function) == "requires_grad":
            self._standins.differentiate(*args)
            return True, None
        if name == "__set__":
            self._set(function, *mapped(args, self._standins.of))
            return True, None
        if name == "requires_grad_":
            self._standins.differentiate(args[0], *args[1:], **kwargs)
            return True, args[0]
        return False, None

    def _is_a_copy(self, args: Any, kwargs: Any) -> bool:
        """Tell whether a tensor without elements is made where our storages are: ``copy.copy`` then gives it one of these."""
        import torch

        asked = kwargs.get("device")
        return args == ((0,),) and bool(asked == torch.device("meta") != self._standins.home)

    def _set(self, function: Any, tensor: Any, value: Any) -> None:
        """Set an attribute of a stand-in; as its data, a tensor with values can only take one with values."""
        if getattr(value, "device", tensor.device) == tensor.device:
            function(tensor, value)
        elif tensor.device.type != "meta" and (tensor.shape, tensor.dtype) == (value.shape, value.dtype):
            self._standins.lose(tensor)
        else:
            function(tensor, to_meta(value))

    def _attribute(self, function: Any, args: Any) -> tuple[bool, Any]:
        name, tensor = operation_name(function), args[0]
        if name == "device":
            return True, self._standins.device(tensor)
        if name in ("is_cpu", "is_cuda", "is_meta", "is_mps", "is_xpu", "is_xla"):
            return True, self._standins.device(tensor).type == name[3:]
        if name in _GIVE_TENSORS:
            return False, None
        if name == "grad" and self._standins.of(tensor).grad is not None:  # a backward pass has been here
            return False, None
        if name != "requires_grad" and not self._standins.knows(tensor):
            return True, function(*args)
        return True, function(self._standins.of(tensor), *args[1:])


def _differ(one: Any, other: Any) -> bool:
    """Tell whether tensors are unequal whatever their values are."""
    return bool(one.dtype == other.dtype and one.shape != other.shape)
