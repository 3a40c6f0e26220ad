"""Keeps what a real forward pass writes into a model's weights and buffers from staying there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, final

from nbviz.adapters.torch.calls import operation_name
from nbviz.adapters.torch.lazy import still_lazy
from nbviz.adapters.torch.tensors import storage_key
from nbviz.adapters.torch.walk import tensors_of


def writes(function: Any, kwargs: Any) -> bool:
    """Tell whether a function may write into what it is given, as far as its name tells."""
    if getattr(function, "__name__", "") == "__set__" or kwargs.get("out") is not None:
        return True
    name = operation_name(function)
    return name.endswith("_") or name == "setitem"


@final
class Values:
    """The values of a model's weights and buffers before it runs.

    Buffers are copied at once: normalisations write their statistics in ways of their own. A weight, which may be large, is
    copied when a function is about to write into it.

    Parameters
    ----------
    model
        The model that is going to run.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._weights: dict[int, list[Any]] = {}
        self._kept: list[tuple[Any, Any, Any]] = []
        for weight in tensors_of(model, buffers=False):
            if _has_values(weight):
                self._weights.setdefault(storage_key(weight), []).append(weight)
        for buffer in tensors_of(model, parameters=False):
            if _has_values(buffer):
                self._keep(buffer)
        self._gradients = [(weight, weight.grad) for weight in tensors_of(model, buffers=False)]
        for _, gradient in self._gradients:
            if gradient is not None:
                self._keep(gradient)

    def _keep(self, tensor: Any) -> None:
        self._kept.append((tensor, tensor.data, tensor.detach().clone()))

    def keep(self, given: list[Any]) -> None:
        """Copy the weights among tensors that may be written, and those that share their storage."""
        for tensor in given:
            for weight in self._weights.pop(storage_key(tensor), ()):
                self._keep(weight)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Put values back that have changed meanwhile."""
        import torch

        try:
            with still_lazy(self._model):
                yield
        finally:
            with torch.no_grad():
                for weight, gradient in self._gradients:
                    weight.grad = gradient
                for tensor, data, values in self._kept:
                    if tensor.data_ptr() != data.data_ptr():  # something was assigned to its .data
                        tensor.data = data
                    if not torch.equal(tensor, values):  # its version does not tell: normalisations do not raise it
                        tensor.copy_(values)


def _has_values(tensor: Any) -> bool:
    import torch

    if isinstance(tensor, torch.nn.parameter.UninitializedTensorMixin):
        return False
    return bool(tensor.device.type != "meta" and tensor.layout is torch.strided)
