"""Restores what a PyTorch model's code stores outside the model (see ``nbviz.adapters.surroundings``)."""

from __future__ import annotations

from collections.abc import Iterable
from types import FunctionType, MethodType
from typing import Any, final

from nbviz.adapters.kinds import Kinds
from nbviz.adapters.surroundings import Surroundings
from nbviz.adapters.torch.calls import is_library

_HOOKS = ("_forward_pre_hooks", "_forward_hooks")
_GLOBAL_HOOKS = ("_global_forward_pre_hooks", "_global_forward_hooks")

_OPTIMIZERS = "torch.optim."
"""Where classes are from whose objects keep states of a model's, though they are PyTorch's."""


def _is_tensor(value: Any) -> bool:
    import torch

    return issubclass(type(value), torch.Tensor)


def _held(value: Any) -> Iterable[Any] | None:
    """Return the weights, buffers and modules that a module holds."""
    import torch

    if not issubclass(type(value), torch.nn.Module):
        return None
    return [*value._parameters.values(), *value._buffers.values(), *value._modules.values()]


def _is_library(module: str | None) -> bool:
    return is_library(module) and not (module or "").startswith(_OPTIMIZERS)


KINDS = Kinds(_is_tensor, _held, _is_library)
"""What values are to PyTorch."""


@final
class Outside:
    """Remembers what a model's code keeps outside the model: what ``forward`` and the hooks can reach.

    Parameters
    ----------
    modules
        The modules of a model that is going to run, and others that it can reach.
    """

    def __init__(self, modules: Iterable[Any]) -> None:
        from torch.nn.modules import module as of_all

        self._found = Surroundings(KINDS, {"forward"})
        for hooks in _GLOBAL_HOOKS:
            for hook in getattr(of_all, hooks).values():
                self._found.look(hook)
        for module in modules:
            self._found.meet(type(module))
            attributes = vars(module)
            for value in attributes.values():
                if type(value) in (FunctionType, MethodType):
                    self._found.look(value)
            for hooks in _HOOKS:
                for hook in (attributes.get(hooks) or {}).values():
                    self._found.look(hook)
        self._found.follow()

    @property
    def tensors(self) -> list[Any]:
        """The tensors that were found; their values are not remembered here."""
        return self._found.tensors

    def put_back(self) -> None:
        """Undo the changes in which tensors came or went."""
        self._found.put_back()
