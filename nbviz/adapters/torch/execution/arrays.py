"""NumPy arrays as inputs: the tensors that the model makes from them count as its inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, final

from nbviz.adapters.torch.inputs import is_array
from nbviz.adapters.torch.modules.sizes import are_plain

_FROM_ARRAYS = frozenset({"as_tensor", "asarray", "tensor"})


@final
class Arrays:
    """The arrays among what a model is called with, and a tensor of each."""

    def __init__(self) -> None:
        self._given: dict[int, tuple[Any, Any]] = {}
        self._at: dict[tuple[int, Any], Any] = {}

    def take(self, value: Any, name: str) -> Iterator[tuple[str, Any]]:
        """Take the arrays in an argument; yield the tensors that stand for them, with their names."""
        if is_array(value):
            import torch

            tensor = torch.as_tensor(value)  # in the same memory
            self._given[id(value)] = value, tensor
            self._at[tensor.data_ptr(), tensor.shape] = tensor
            yield name, tensor
        elif isinstance(value, (list, tuple)):
            for i, item in enumerate(value):
                yield from self.take(item, f"{name}.{i}")
        elif isinstance(value, Mapping):
            for key, item in value.items():
                yield from self.take(item, f"{name}.{key}")

    def instead(self, function: Any, args: Any) -> Any:
        """Return the arguments of a function, with the tensor for an array of which it makes one."""
        if not self._given or not args or getattr(function, "__name__", "") not in _FROM_ARRAYS:
            return args
        _, tensor = self._given.get(id(args[0]), (None, args[0]))
        return tensor, *args[1:]

    def behind(self, tensor: Any) -> Any:
        """Return the tensor that stands for the array in whose memory another lies, as ``from_numpy`` makes one; else None."""
        if not self._at or not are_plain((tensor,)) or tensor.device.type != "cpu":
            return None
        return self._at.get((tensor.data_ptr(), tensor.shape))
