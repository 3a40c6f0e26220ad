"""Stand-ins for tensors, so that nothing computes weights or activations and no user tensor is written.

What the model holds and is given is never touched: each such tensor has a stand-in, which takes its place in every
operation. Weights and whatever is large are stood in for on the meta device, where tensors have shapes and no values, and so
is what is computed from them. Small whole numbers, truth values and small tables stay real, as copies, so that a model's
Python code can still ask for them (the length of a sequence, whether a mask masks anything).
"""

from __future__ import annotations

from typing import Any, final

from nbviz.adapters.torch.tensors import is_wrapped, storage_key, storage_of

MOST_ELEMENTS = 1 << 21
"""Elements up to which what is made of real numbers alone stays real: a mask over 1,024 positions, for two examples."""

MOST_GIVEN = 1 << 24
"""Elements up to which whole numbers and masks of examples stay real, as they are asked about: a mask over 4,096 positions."""

MOST_FRACTIONS = 1 << 14
"""Elements up to which fractions that the model holds or is given stay real, and are no weight: frequencies, scales."""


def is_small(tensor: Any) -> bool:
    """Tell whether a tensor that is made of real ones may stay real."""
    return bool(tensor.numel() <= MOST_ELEMENTS)


def is_whole(tensor: Any) -> bool:
    """Tell whether a tensor has whole numbers or truth values."""
    return not (tensor.dtype.is_floating_point or tensor.dtype.is_complex)


def keeps_values(tensor: Any, whole: int = MOST_ELEMENTS) -> bool:
    """Tell whether a tensor that the model holds or is given may stay real: one of ``whole`` numbers up to that many."""
    return bool(tensor.numel() <= (whole if is_whole(tensor) else MOST_FRACTIONS))


def to_meta(tensor: Any) -> Any:
    """Return a tensor of the same shape and dtype without values."""
    import torch

    if tensor.device.type == "meta" and type(tensor) is torch.Tensor:
        return tensor
    if is_wrapped(tensor) or (tensor.is_nested and _has_parts(tensor)):
        return tensor if tensor.device.type == "meta" else tensor.to("meta")
    if tensor.layout is not torch.strided or tensor.is_quantized or _has_parts(tensor):
        dtype = torch.float32 if tensor.is_quantized else tensor.dtype
        return torch.empty(tuple(tensor.shape), dtype=dtype, device="meta")
    return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="meta")


def same_tensor(tensor: Any) -> Any:
    """Return a tensor under another identity, with the same storage and place among gradients."""
    import torch

    return torch.ops.aten.alias(tensor)


def _has_parts(tensor: Any) -> bool:
    """Tell whether a tensor is made of others, as quantized and distributed ones are."""
    return hasattr(type(tensor), "__tensor_flatten__")


@final
class StandIns:
    """Which tensor stands in for which, and on which device the model believes a tensor to be.

    Parameters
    ----------
    home
        The device of the model's weights: where the model believes its tensors to be.
    """

    def __init__(self, home: Any) -> None:
        self.home = home
        self._of: dict[int, Any] = {}
        self._made: dict[int, Any] = {}
        self._devices: dict[int, Any] = {}
        self._storages: dict[int, Any] = {}  # what was made, with the device where it is believed, None for ``home``
        self._made_up: set[int] = set()
        self._lost: dict[int, Any] = {}
        self._before: dict[int, int] = {}  # storages without values, and those with values that they take the place of
        self._without_values: dict[int, Any] = {}
        self._kept: list[Any] = []

    def knows(self, tensor: Any) -> bool:
        """Tell whether a tensor was made in this trace."""
        return id(tensor) in self._made

    def made(self, tensor: Any, device: Any = None) -> Any:
        """Take a tensor as made in this trace, on the device where the model believes it to be."""
        self._made[id(tensor)] = tensor
        self._storages[storage_key(tensor)] = device
        if device is not None and device != self.home:
            self._devices[id(tensor)] = device
        return tensor

    def make_up(self, tensor: Any) -> Any:
        """Take the values of a tensor as ones that nobody has given; its storage lives as long as this does."""
        self._made_up.add(storage_key(tensor))
        return tensor

    def made_up(self, tensors: list[Any]) -> list[Any]:
        """Return those of some stand-ins whose values are made up."""
        if not self._made_up:
            return []
        return [t for t in tensors if t.device.type != "meta" and storage_key(t) in self._made_up]

    def _shares(self, tensor: Any) -> bool:
        """Tell whether a tensor is another form of one that was made in this trace."""
        key = storage_key(tensor)
        return key != 0 and key in self._storages

    def of(self, tensor: Any) -> Any:
        """Return what takes a tensor's place in operations."""
        key = id(tensor)
        found = tensor if key in self._made else self._of.get(key)
        if found is None:
            found = self._stand_in(tensor)
        if self._lost and found.device.type != "meta" and storage_key(found) in self._lost:
            found = self._without_values[key] if key in self._without_values else self._emptied(key, found)
        return found

    def storage(self, tensor: Any) -> int:
        """Return what tells the storage of a tensor from others, in which it stays when it loses its values."""
        key = storage_key(self.of(tensor))
        return self._before.get(key, key)

    def like(self, tensor: Any) -> Any:
        """Return what has the shape, strides and dtype of a stand-in: the weight itself, if it has none so far."""
        import torch

        known = id(tensor) in self._made or id(tensor) in self._of
        return tensor if type(tensor) is torch.nn.Parameter and not known else self.of(tensor)

    def lose(self, tensor: Any, now: Any = None) -> None:
        """Forget the values of a real tensor, and of all that share its storage: what has no values was written into it.

        ``now`` stands for what it has become, where it may have got another size.
        """
        import torch

        storage, key = storage_of(tensor), storage_key(tensor)
        if key not in self._lost:
            empty = torch.UntypedStorage(storage.nbytes() if key else 0, device="meta")
            self._lost[key] = empty
            self._before[empty._cdata] = key
        self._kept.append(tensor)
        if now is not None and now.shape != tensor.shape:
            self._without_values[id(tensor)] = now
            self._before[storage_key(now)] = key

    def resize(self, tensor: Any) -> None:
        """Give a tensor of this trace the size that its stand-in has got, in no more memory: ``out=`` resizes what it writes."""
        size = self.of(tensor).shape
        if self.knows(tensor) and tensor.shape != size:
            tensor.resize_(1).as_strided_(size, (0,) * len(size))

    def _emptied(self, key: int, tensor: Any) -> Any:
        """Return a tensor without values that lies where a real one does, beside those that share its storage."""
        import torch

        before = storage_key(tensor)
        if is_wrapped(tensor) or not before or tensor.is_quantized or _has_parts(tensor):
            found = to_meta(tensor)
            self._before[storage_key(found)] = before
        elif torch.is_grad_enabled() and (base := tensor._base) is not None and base.dtype == tensor.dtype:
            found = self.of(base).as_strided(
                tensor.shape, tensor.stride(), tensor.storage_offset()
            )  # with its gradients
        else:
            found = torch.empty(0, dtype=tensor.dtype, device="meta")
            found.set_(self._lost[before], tensor.storage_offset(), tensor.shape, tensor.stride())
        self._without_values[key] = found
        return found

    def _stand_in(self, tensor: Any) -> Any:
        import torch

        shares = self._shares(tensor)
        if is_wrapped(tensor) or shares:
            self.made(tensor, self._storages[storage_key(tensor)] if shares else None)
            if tensor.requires_grad and tensor.is_leaf and tensor.device.type != "meta" and not is_wrapped(tensor):
                self.differentiate(tensor)
            return self.of(tensor)
        learned = isinstance(tensor, torch.nn.Parameter) or tensor.requires_grad
        # a learned number is small enough to compute with, as long as no gradient leads to it
        real = keeps_values(tensor) and (not learned or (tensor.dim() == 0 and not torch.is_grad_enabled()))
        if real and tensor.device.type != "meta" and tensor.layout is torch.strided and not tensor.is_quantized:
            found = tensor.detach().to("cpu", copy=True).requires_grad_(tensor.requires_grad)
        else:
            found = self.without_values(tensor)
        self._of[id(tensor)] = found
        self._kept.append(tensor)
        return found

    @staticmethod
    def without_values(tensor: Any) -> Any:
        """Return a tensor of that shape and dtype with a storage of its own, and no values."""
        import torch

        if torch.is_inference_mode_enabled():
            with torch.inference_mode(mode=False):
                return StandIns.without_values(tensor)
        like = to_meta(tensor)  # under vmap, requires_grad_() is refused
        if like.is_nested:
            return like
        options = {"dtype": like.dtype, "device": "meta", "requires_grad": tensor.requires_grad}
        return torch.empty_strided(like.shape, like.stride(), **options)

    def differentiate(self, tensor: Any, requires_grad: bool = True) -> None:  # noqa: FBT001, FBT002 - PyTorch's signature
        """Let gradients be taken with respect to a tensor: no gradient leads from what has no values to what has."""
        found = self.of(tensor)
        if found.device.type != "meta" and requires_grad:
            self.lose(found)
            found = self.of(tensor)
        found.requires_grad_(requires_grad)

    def reached(self, tensors: list[Any], written: set[int]) -> list[Any]:
        """Return the stand-ins of tensors; those of the ones into which gradients are written have no values any more."""
        for tensor in tensors:
            found = self.of(tensor)
            if id(tensor) in written and found.device.type != "meta":
                self.lose(found)
        return [self.of(t) for t in tensors]

    def device(self, tensor: Any) -> Any:
        """Return the device where the model believes a tensor to be."""
        key = id(tensor)
        if key in self._made:
            return self._devices.get(key, self.home)
        return tensor.device
