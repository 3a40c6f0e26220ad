"""Detects where tensor values decide the size of a result, or a number that Python gets.

PyTorch tags the operations of which that may be so. Whether one does depends on its arguments too: positions give as much as
they are, a mask what is true in it. So it is tried without values, and refused where they decide.
"""

from __future__ import annotations

import functools
from typing import Any

from nbviz.adapters.torch.execution.standins import to_meta
from nbviz.adapters.torch.tensors import leaves, mapped, storage_key


def may_decide(func: Any) -> bool:
    """Tell whether values may decide what one of PyTorch's dispatched operations gives."""
    import torch

    return not {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape}.isdisjoint(func.tags)


def deciding(*, stop: bool) -> Any:
    """Return a context that has ``decided`` set where values that are ``made_up`` decide something.

    Where it is to ``stop``, what runs inside fails there: it could go on for ever on such values.
    """
    return _mode()(stop)


class _DecidedError(RuntimeError):
    """Ends what would go on with values that are made up."""


@functools.cache
def _mode() -> Any:
    # made once, as every class that PyTorch keeps
    from torch.utils._python_dispatch import TorchDispatchMode

    class Deciding(TorchDispatchMode):  # type: ignore[misc]
        def __init__(self, stop: bool) -> None:  # noqa: FBT001
            super().__init__()
            self.decided = False
            self._stop = stop
            self._made_up: dict[int, Any] = {}  # keeps them alive, so that their storages stay unique

        def made_up(self, *tensors: Any) -> None:
            """Take the values of tensors as made up."""
            self._made_up.update((storage_key(t), t) for t in tensors)

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            given = args, kwargs or {}
            tensors = leaves(given)
            if not any(map(self._is_made_up, tensors)):
                return func(*given[0], **given[1])
            # beside tensors without values: it has asked for these
            if any(t.device.type == "meta" for t in tensors) or (may_decide(func) and self._needs(func, given)):
                self.decided = True
                if self._stop:
                    raise _DecidedError
            value = func(*given[0], **given[1])
            self.made_up(*leaves(value), *(tensors if func._schema.is_mutable else []))
            return value

        def _is_made_up(self, tensor: Any) -> bool:
            return storage_key(tensor) in self._made_up

        def _needs(self, func: Any, given: Any) -> bool:
            """Tell whether an operation is refused without the values that are made up."""
            args, kwargs = mapped(given, lambda t: to_meta(t) if self._is_made_up(t) else t)
            try:
                func(*args, **kwargs)
            except Exception:  # noqa: BLE001 - in whatever words it is
                return True
            return False

    return Deciding
