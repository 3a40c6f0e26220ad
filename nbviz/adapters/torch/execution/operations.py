"""Runs PyTorch functions for a trace: on stand-ins that never compute, or for real with ``run=True``."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, final

from nbviz.adapters.torch.calls import operation_name
from nbviz.adapters.torch.execution.compute import NEVER, watched
from nbviz.adapters.torch.execution.control_flow import without_functions
from nbviz.adapters.torch.execution.quantized import counterpart
from nbviz.adapters.torch.execution.standins import same_tensor, to_meta
from nbviz.adapters.torch.execution.steps import Steps
from nbviz.adapters.torch.restoring.restore import Values, gives_memory, writes
from nbviz.adapters.torch.tensors import copied, leaves, mapped, storage_key, version
from nbviz.graph import Compute

_NO_WRITES = frozenset({"detach_", "rename_", "requires_grad_", "share_memory_"})
"""What changes a tensor in place, but no element of it."""


@final
@dataclass(frozen=True, slots=True)
class Outcome:
    """What a function gave: to the model, and for the graph.

    Attributes
    ----------
    value
        What the model's code gets.
    made
        The tensors that are new or have changed.
    written
        Those that have changed.
    compute
        The contractions; None where they are not known.
    devices
        The devices of what it was given, where a real run would refuse several.
    """

    value: Any
    made: list[Any]
    written: list[Any]
    compute: tuple[Compute, ...] | None
    devices: tuple[str, ...] = ()


class Operations(Protocol):
    """How a trace runs functions."""

    @property
    def keeps(self) -> bool:
        """Whether all tensors of a trace live until it ends."""
        ...

    @property
    def steps(self) -> Steps | None:
        """What PyTorch's own modules gave; None where each of them has to run."""
        ...

    def guarded(self, modules: list[Any], tensors: list[Any]) -> AbstractContextManager[None]:
        """Return a context that puts back what running may change in the values of modules, and of these tensors."""
        ...

    def answer(self, function: Any, args: Any, kwargs: Any) -> tuple[bool, Any]:
        """Answer what asks about a tensor and makes none; (False, None) for all else."""
        ...

    def run(self, function: Any, args: Any, kwargs: Any, given: list[Any]) -> Outcome:
        """Run a function; ``given`` are the tensors among its arguments."""
        ...

    def enter(self, value: Any, size: tuple[int, ...] | None, dtype: Any) -> Any:
        """Return an input for the model: like an example tensor, or of this size and dtype."""
        ...

    def placed(self, outputs: Any, given: list[Any], /) -> Any:
        """Return what a step gives again, beside what it was given."""
        ...

    def renewed(self, outputs: Any, same: set[int]) -> Any:
        """Return outputs with the tensors of these identities as tensors of their own."""
        ...

    def stand_in(self, tensor: Any) -> Any:
        """Return what computes for a tensor."""
        ...

    def storage(self, tensor: Any) -> int:
        """Return what tells the storage of a tensor from others while it lives; 0 where it has none of its own."""
        ...

    def token(self, tensor: Any) -> Any:
        """Return what a tensor is known by."""
        ...


def counted(function: Any, args: Any, kwargs: Any) -> tuple[Any, tuple[Compute, ...] | None]:
    """Run a function and return what it gives with its contractions; None where they are not known."""
    import torch

    if isinstance(function, torch._ops.HigherOrderOperator):
        return function(*args, **kwargs), None
    name = operation_name(function)
    if name in NEVER or name.startswith("foreach_"):  # PyTorch does not count what these write while they are watched
        return function(*args, **kwargs), ()
    return watched(function, args, kwargs)


def targets(function: Any, args: Any, kwargs: Any) -> set[int]:
    """Return the identities of the tensors that a function writes into, as far as its name tells."""
    if not writes(function, kwargs) or operation_name(function) in _NO_WRITES:
        uncounted = leaves(args[:1]) if kwargs.get("inplace") else ()  # relu(x, inplace=True)
        return {id(t) for t in uncounted if t.is_inference()}
    return {id(t) for t in leaves(kwargs.get("out")) or leaves(args[:1])}


def is_changed(tensor: Any, before: int, told: set[int]) -> bool:
    """Tell whether a tensor was written since its version was ``before``; ``told`` are the targets of what ran.

    Their names are believed, since not all tensors count what is written into them: those of the inference mode do not, nor those
    inside vmap, nor those of a list that are written together while somebody watches.
    """
    return version(tensor) != before or id(tensor) in told


def changed(given: list[Any], before: list[int], told: set[int]) -> list[bool]:
    """Tell of each tensor whether it was written (see ``is_changed``)."""
    return [is_changed(t, then, told) for t, then in zip(given, before, strict=True)]


def _by_shapes(function: Any, args: Any, kwargs: Any) -> tuple[Compute, ...] | None:
    """Return the contractions that a function makes on tensors without values, None where it does not take them."""
    try:
        function, given = without_functions(function, mapped((args, kwargs), to_meta))
        function, args, kwargs = counterpart(function, *given)
        return counted(function, args, kwargs)[1]
    except Exception:  # noqa: BLE001 - whatever it raises: it has run on the real tensors, and only a number is missing
        return None


def _renewed(tensor: Any) -> Any:
    return same_tensor(tensor) if tensor.requires_grad else tensor.detach()


@final
class RealOperations:
    """Runs functions on the model's own tensors, for a model whose path depends on their values.

    Parameters
    ----------
    home
        The device of the model's weights, where inputs are made of which only shapes are given.
    """

    def __init__(self, home: Any) -> None:
        from torch.utils.weak import WeakIdKeyDictionary

        self._home = home
        self.keeps = False
        self.steps: Steps | None = None
        self._values: Values | None = None
        # what a real pass makes is large: it is known by a token, so that the graph does not keep it
        self._tokens: Any = WeakIdKeyDictionary()

    def guarded(self, modules: list[Any], tensors: list[Any]) -> AbstractContextManager[None]:
        """Put values back (see ``Operations``)."""
        self._values = Values(modules, tensors)
        return self._values.kept()

    def answer(self, function: Any, args: Any, kwargs: Any) -> tuple[bool, Any]:
        """Ask the tensor itself."""
        sets = getattr(function, "__name__", "") == "__set__"
        if self._values is not None and (sets or gives_memory(function)):
            self._values.keep(leaves(args))
        return (True, function(*args, **kwargs)) if sets else (False, None)

    def run(self, function: Any, args: Any, kwargs: Any, given: list[Any]) -> Outcome:
        """Run a function on what it was given."""
        before, told = [version(t) for t in given], targets(function, args, kwargs)
        value, compute = counted(function, args, kwargs)
        if compute is None:
            compute = _by_shapes(function, args, kwargs)
        written = [t for t, wrote in zip(given, changed(given, before, told), strict=True) if wrote]
        old = {id(t) for t in given}
        return Outcome(value, [t for t in leaves(value) if id(t) not in old] + written, written, compute)

    def enter(self, value: Any, size: tuple[int, ...] | None, dtype: Any) -> Any:
        """Copy an example, or make ones; fractions are drawn, by a generator of our own."""
        import torch

        if size is None:
            return copied(value, value.device).requires_grad_(value.requires_grad)
        if not dtype.is_floating_point:
            return torch.ones(size, dtype=dtype, device=self._home)
        drawn = torch.randn(size, generator=torch.Generator().manual_seed(0))
        return drawn.to(dtype).to(self._home)

    def placed(self, outputs: Any, _given: list[Any]) -> Any:
        """Return them as they are; nothing is given again here."""
        return outputs

    def renewed(self, outputs: Any, same: set[int]) -> Any:
        """Return views of what came back as it was."""
        return mapped(outputs, lambda t: _renewed(t) if id(t) in same else t)

    def stand_in(self, tensor: Any) -> Any:
        """Return the tensor."""
        return tensor

    def storage(self, tensor: Any) -> int:
        """Ask the tensor itself."""
        return storage_key(tensor)

    def token(self, tensor: Any) -> Any:
        """Return an object that lives on when the tensor does not."""
        found = self._tokens.get(tensor)
        if found is None:
            found = self._tokens[tensor] = _Token()
        return found


@final
class _Token:
    """Stands for a tensor in the graph."""
