"""Asks PyTorch once more when it refuses an operation on tensors without values.

Those who write its shape-only kernels check less, more, or in other words than the kernels that compute. What the user would
see is what the real one says, so it is asked on zeros that take no memory.
"""

from __future__ import annotations

from typing import Any

from nbviz.adapters.torch.restore import writes
from nbviz.adapters.torch.standins import to_meta
from nbviz.adapters.torch.tensors import leaves, mapped

_MOST = 1 << 22
"""Elements of the arguments up to which the real kernel is asked: if it does not refuse, it computes."""


def asked_again(function: Any, given: tuple[Any, Any], refused: RuntimeError) -> Any:
    """Return what the real kernel gives, without its values; raise what it raises, or else what was raised before."""
    import torch

    tensors = leaves(given)
    if writes(function, given[1]) or sum(t.numel() for t in tensors) > _MOST or given[1].get("device") is not None:
        raise refused
    args, kwargs = mapped(given, lambda t: torch.zeros((), dtype=t.dtype).expand(t.shape))
    with torch.no_grad():
        try:
            value = function(*args, **kwargs)
        except (NotImplementedError, TypeError):
            raise refused from None
        except (RuntimeError, ValueError, IndexError) as error:
            raise error from None
    return mapped(value, to_meta)
