"""Old names of tensor types: ``torch.cuda.FloatTensor`` combines a dtype and a device."""

from __future__ import annotations

from typing import Any


def type_text(dtype: Any, device: Any) -> str:
    """Return what ``tensor.type()`` says of a tensor of this dtype on this device."""
    import torch

    text: str = torch.empty(0, dtype=dtype, device="cpu").type()
    return text if device.type == "cpu" else text.replace("torch.", f"torch.{device.type}.", 1)


def meant(kind: Any) -> tuple[Any, Any]:
    """Return the device and the dtype that ``tensor.type(kind)`` asks for; no device where it only names a dtype.

    Raises
    ------
    ValueError
        If there is no such type.
    """
    import torch

    if isinstance(kind, torch.dtype):
        return None, kind
    text = kind if isinstance(kind, str) else f"{kind.__module__}.{kind.__name__}"
    *space, name = text.split(".")
    found = getattr(torch, name, None) if space[:1] == ["torch"] and len(space) <= 2 else None
    if not name.endswith("Tensor") or found is None:
        msg = f"invalid type: '{text}'"
        raise ValueError(msg)
    # torch.Tensor is the type of the default dtype
    return torch.device(*space[1:] or ("cpu",)), torch.get_default_dtype() if name == "Tensor" else found.dtype
