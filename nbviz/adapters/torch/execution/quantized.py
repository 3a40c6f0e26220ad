"""PyTorch's quantized operations in a trace: their floating-point counterparts run instead, as they need real values.

A counterpart has the same shapes and the same contractions. Its result has the dtype of the numbers that a quantized tensor
stands for: PyTorch has no quantized tensors without values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from nbviz.adapters.torch.modules.packed import is_packed, unpacked

_RECURRENT = ("quantized_lstm", "quantized_gru")
_SAME_NAME = ("add", "mul", "matmul", "cat")
"""Operations whose counterpart is called the same; all others give what has the shape of their first argument."""


def is_quantized(function: Any) -> bool:
    """Tell whether a function is an operation on quantized tensors or weights."""
    space, name = _named(function)
    return space == "quantized" or (space == "aten" and name in _RECURRENT)


def _named(function: Any) -> tuple[str, str]:
    space, _, name = str(getattr(function, "_qualified_op_name", None) or "").partition("::")
    return space, name


def counterpart(function: Any, args: Any, kwargs: Any) -> tuple[Any, Any, Any]:
    """Return a quantized operation's counterpart on floats with its arguments; any other function as it is."""
    if getattr(function, "__name__", "") == "dequantize":
        return _dequantize, args, kwargs
    space, name = _named(function)
    if space == "aten" and name in _RECURRENT:
        return _recurrent(name.removeprefix("quantized_"), args)
    if space != "quantized":
        return function, args, kwargs
    packed = [part for part in args if is_packed(part)]
    if name.startswith(("linear", "conv")) and packed:
        return (_linear if name.startswith("linear") else _convolution), (args[0], packed[0]), {}
    if name.startswith("embedding") and packed:
        return _embedding, (name.startswith("embedding_bag"), *args), kwargs
    if name.startswith("quantized_") and name.endswith("_cell_dynamic"):
        return _cell(name.removeprefix("quantized_").removesuffix("_dynamic"), args)
    return _plain(name), args, kwargs


def reads(args: Any) -> Iterator[int]:
    """Yield the identities of the packed objects among the arguments of an operation."""
    for part in args:
        if is_packed(part):
            yield id(part)
        elif isinstance(part, (tuple, list)):
            yield from reads(part)


def _tensors(packed: Any) -> dict[str, Any]:
    """Return what is packed, without values."""
    import torch

    found = dict(unpacked(packed))
    return {name: torch.empty(tuple(tensor.shape), device="meta") for name, tensor in found.items()}


def _dequantize(given: Any) -> Any:
    import torch

    whole = isinstance(given, torch.Tensor)
    return torch.empty_like(given, dtype=torch.float32) if whole else tuple(map(_dequantize, given))


def _linear(given: Any, packed: Any) -> Any:
    import torch

    held = _tensors(packed)
    return torch.nn.functional.linear(given.float(), held["weight"], held.get("bias"))


def _convolution(given: Any, packed: Any) -> Any:
    import torch

    held = _tensors(packed)
    names = ("stride", "padding", "dilation", "transpose", "output_padding", "groups")
    options = [packed._get_method(name)() for name in names]
    options[3] = bool(options[3])
    flat = given.dim() == held["weight"].dim() - 1  # conv1d is packed as conv2d
    given = given.unsqueeze(-2) if flat else given
    output = torch.convolution(given.float(), held["weight"], held.get("bias"), *options)
    return output.squeeze(-2) if flat else output


def _embedding(bag: bool, packed: Any, indices: Any, offsets: Any = None, *_: Any, **kwargs: Any) -> Any:  # noqa: FBT001
    import torch

    weight = _tensors(packed)["weight"]
    if not bag:
        return weight.new_empty((*indices.shape, weight.shape[-1]))
    last = bool(kwargs.get("include_last_offset"))
    bags = indices.shape[0] if offsets is None else offsets.shape[0] - last
    return torch.empty((bags, weight.shape[-1]), device="meta")


def _recurrent(name: str, args: Any) -> tuple[Any, Any, Any]:
    """Return ``torch.lstm`` or ``torch.gru`` with the weights of all cells in one list."""
    import torch

    order = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    flat = []
    for part in args:
        if isinstance(part, (tuple, list)) and part and all(map(is_packed, part)):
            flat.append([held[key] for held in map(_tensors, part) for key in order if key in held])
        else:
            flat.append(part)
    return getattr(torch, name), tuple(flat), {}


def _cell(name: str, args: Any) -> tuple[Any, Any, Any]:
    import torch

    held = [_tensors(part) for part in args if is_packed(part)]
    weights = [h["weight"] for h in held] + [h["bias"] for h in held if "bias" in h]
    return getattr(torch, name), (*args[:2], *weights), {}


def _plain(name: str) -> Callable[..., Any]:
    """Return what an operation does to shapes: that of its namesake, or none."""
    import torch

    base = next((n for n in _SAME_NAME if name == n or name.startswith((f"{n}_", f"{n}."))), None)

    def run(*args: Any, **kwargs: Any) -> Any:
        if base == "cat":
            return torch.cat(args[0], args[1] if len(args) > 1 else kwargs.get("dim", 0))
        return torch.empty_like(args[0]) if base is None else getattr(torch, base)(*args[:2])

    return run
