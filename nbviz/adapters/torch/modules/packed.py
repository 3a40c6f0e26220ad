"""Weights that modules hold outside ``parameters()``, packed into C++ objects, such as quantized weights.

PyTorch's eager quantization (``torch.ao.quantization``) keeps the weight and the bias of a layer in one opaque object, so that
``parameters()`` is empty there. They are shown as parameters that are not trained: whoever looks at a quantized model wants to
see how many values and bytes each layer holds, and compare them with those of the model that it was made from. A note says that
PyTorch's own count leaves them out.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Iterator, Sequence
from typing import Any, final

_NAMES = ("weight", "bias")
_RECURRENT = ("_ih", "_hh")
_PLAIN = "torch.nn.modules."
_PREFIXES = ("_packed_params", "_packed_weight", "_packed")


@final
class Packed:
    """One tensor in a packed object of a module, which is held weakly.

    Parameters
    ----------
    module
        The module that holds the object.
    attribute
        Under which name.
    name
        What the tensor is in it (``"weight"``, ``"bias_hh"``).
    """

    def __init__(self, module: Any, attribute: str, name: str) -> None:
        self._module = weakref.ref(module)
        self._attribute = attribute
        self._name = name

    def __call__(self) -> Any:
        """Return the tensor, unpacked; None when the module no longer exists, as a weak reference does."""
        module = self._module()
        held = None if module is None else vars(module).get(self._attribute)
        return None if held is None else dict(unpacked(held)).get(self._name)


def is_packed(value: Any) -> bool:
    """Tell whether a value is an object of PyTorch's C++ side."""
    import torch

    return type(value) is torch.ScriptObject


def holding_packed(modules: Sequence[Any]) -> list[int]:
    """Return which of these modules have anything packed in their own attributes."""
    import torch

    # PyTorch's own layers hold none, but anybody may hang something onto a bare module
    own = {kind for kind in set(map(type, modules)) if kind.__module__.startswith(_PLAIN)} - {torch.nn.Module}
    bare = _bare()
    others = [at for at, m in enumerate(modules) if type(m) not in own and len(vars(m)) > bare]
    return [at for at in others if torch.ScriptObject in map(type, vars(modules[at]).values())]


@functools.cache
def _bare() -> int:
    """Return how many attributes each module has: with no more, it has none of its own, as most that only hold others."""
    import torch

    return len(vars(torch.nn.Module()))


def packed_tensors(module: Any) -> Iterator[tuple[str, tuple[int, str], Any, Packed]]:
    """Yield what is packed in a module's own attributes: its name, what it is known by, the tensor, and the way back to it."""
    for attribute, value in vars(module).items():
        if is_packed(value):
            for name, packed in unpacked(value):
                tensor = _as_declared(module, packed)
                key = (id(value), name)
                yield name + _suffix(attribute), key, tensor, Packed(module, attribute, name)


def _as_declared(module: Any, tensor: Any) -> Any:
    """Return a weight with the rank that it has for its module: one of ``Conv1d`` is packed as one of ``Conv2d``."""
    kernel = vars(module).get("kernel_size")
    return tensor.squeeze(-2) if isinstance(kernel, tuple) and tensor.dim() - 2 == len(kernel) + 1 else tensor


def _suffix(attribute: str) -> str:
    """Return what tells several packed objects of one module apart: ``_hh`` for ``_packed_weight_hh``."""
    prefix = next((p for p in _PREFIXES if attribute.startswith(p)), attribute)
    return attribute[len(prefix) :]


def unpacked(packed: Any) -> list[tuple[str, Any]]:
    """Return the tensors in a packed object by name; none where it does not give them away."""
    try:
        if packed._has_method("unpack"):
            return _weights(packed._get_method("unpack")())
        if packed._type().qualified_name().endswith(".rnn.CellParamsBase"):
            parts = [part for part in _flat(packed._get_method("__getstate__")()) if is_packed(part)]
            return [(n + end, t) for end, part in zip(_RECURRENT, parts, strict=False) for n, t in unpacked(part)]
    except Exception:  # noqa: BLE001 - another library's class may raise anything
        return []
    return []


def _weights(found: Any) -> list[tuple[str, Any]]:
    """Return weight and bias; a weight that is packed without being quantized is packed in half precision."""
    import torch

    values = found if isinstance(found, (tuple, list)) else (found,)
    tensors = [(n, t) for n, t in zip(_NAMES, values, strict=False) if isinstance(t, torch.Tensor)]
    return [(n, t if n == "bias" or t.is_quantized else t.half()) for n, t in tensors]


def _flat(state: Any) -> Iterator[Any]:
    if isinstance(state, (tuple, list)):
        for item in state:
            yield from _flat(item)
    else:
        yield state
