"""Counts the multiply-accumulates of a program by running each operation once on tensors without values.

Sizes that are left open get trial sizes, as in a trace (see ``nbviz.adapters.free``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, final

from nbviz.adapters.free import computes_when_free
from nbviz.adapters.specs import BATCH, BATCHES
from nbviz.adapters.torch.calls import operation_name
from nbviz.adapters.torch.execution.compute import NEVER, watched
from nbviz.adapters.torch.exported.symbols import UnknownSizeError, symbols, value
from nbviz.adapters.torch.exported.values import Number, Value, flat
from nbviz.graph import Compute

_TRIAL, _OTHER_TRIAL = 64, 128
_LIBRARIES = ("torch", "_operator", "operator")


@final
class Counting:
    """Counts operations.

    Parameters
    ----------
    batch
        The symbol that is the batch size, None when it is fixed.
    """

    def __init__(self, batch: str | None) -> None:
        self._batch = batch

    def count(self, function: Any, args: Any, kwargs: Any) -> tuple[Compute, ...] | None:
        """Return the contractions of a function called with values; None where they are not known."""
        if operation_name(function) in NEVER and getattr(function, "namespace", "aten") == "aten":
            return ()
        try:
            if not _is_pure(function):
                return None
            free = sorted({name for dim in _dims((args, kwargs)) for name in symbols(dim)})
            first = self._run(function, args, kwargs, free, None)
            if not free or first is None:
                return first
            others = {BATCH if n == self._batch else n: self._run(function, args, kwargs, free, n) for n in free}
            return computes_when_free(first, others)
        except Exception:  # noqa: BLE001 - what cannot be run cannot be counted, whatever PyTorch says about it
            return None

    def _run(
        self, function: Any, args: Any, kwargs: Any, free: list[str], varied: str | None
    ) -> tuple[Compute, ...] | None:
        sizes = {n: (BATCHES if n == self._batch else (_TRIAL, _OTHER_TRIAL))[n == varied] for n in free}
        return watched(function, _placed(args, sizes), _placed(kwargs, sizes))[1]


def _is_pure(function: Callable[..., Any]) -> bool:
    """Tell whether a function makes tensors of tensors and nothing else.

    A file names the operations that it holds, and PyTorch has some that read and write files.
    """
    import torch

    if isinstance(function, torch._ops.OpOverload):
        schema = function._schema
        takes = any("Tensor" in str(argument.type) for argument in schema.arguments)
        return function.namespace == "aten" and takes and any("Tensor" in str(r.type) for r in schema.returns)
    if isinstance(function, torch._ops.HigherOrderOperator):
        return False
    return (getattr(function, "__module__", None) or "torch").partition(".")[0] in _LIBRARIES


def _dims(structure: Any) -> Any:
    for item in flat(structure):
        if isinstance(item, Number):
            yield item.dim
        elif isinstance(item, Value) and item.spec.shape is not None:
            yield from item.spec.shape


def _placed(structure: Any, sizes: Mapping[str, int]) -> Any:
    """Return arguments with tensors of the meta device for values."""
    import torch

    if isinstance(structure, Value):
        if structure.spec.shape is None:
            raise UnknownSizeError
        shape = [value(dim, sizes) for dim in structure.spec.shape]
        return torch.empty(shape, dtype=getattr(torch, str(structure.spec.dtype)), device="meta")
    if isinstance(structure, Number):
        return value(structure.dim, sizes)
    if isinstance(structure, torch.device):
        return torch.device("meta")
    if isinstance(structure, Mapping):
        return {key: _placed(item, sizes) for key, item in structure.items()}
    if isinstance(structure, slice):
        return slice(*(_placed(item, sizes) for item in (structure.start, structure.stop, structure.step)))
    if isinstance(structure, (tuple, list)):
        placed = [_placed(item, sizes) for item in structure]
        return placed if isinstance(structure, list) else tuple(placed)
    return structure
