"""Caches the results of PyTorch's own modules, so that a layer equal to an earlier one is not traced again.

A ``Linear`` does the same whenever it has the same settings, weights of the same shapes, and inputs of the same shapes. Models
have hundreds of equal ones, and following each takes most of a trace. Only modules are remembered that are exactly PyTorch's
own, without hooks, on tensors without values, and that write nothing and give new tensors alone.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, final

from nbviz.adapters.torch.execution.memo import again, are_new, key_of
from nbviz.adapters.torch.execution.standins import StandIns
from nbviz.graph import Compute

_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
_OWN = "torch.nn.modules."
_NO_SETTINGS = frozenset({dict, set, OrderedDict})
"""What holds the tensors, the modules and the hooks of a module."""


@final
@dataclass(frozen=True, slots=True)
class Step:
    """What a module has given.

    Attributes
    ----------
    outputs
        Makes the like of what it gave.
    compute
        Its contractions.
    reads
        The names of those of its parameters that it read.
    """

    outputs: Callable[[], Any]
    compute: tuple[Compute, ...] | None
    reads: tuple[str, ...]


@final
class Steps:
    """Steps by what decides them.

    Parameters
    ----------
    standins
        What takes the place of tensors in operations.
    """

    def __init__(self, standins: StandIns) -> None:
        self._standins = standins
        self._known: dict[Hashable, Step] = {}

    def key(self, module: Any, args: Any, kwargs: Any, given: list[Any]) -> Hashable:
        """Return what decides a call of a module, None where more does than its class, its settings and shapes."""
        attributes = vars(module)
        kind = type(module)
        if not kind.__module__.startswith(_OWN) or attributes["_modules"] or "forward" in attributes:
            return None
        if not given or any(self._standins.of(t).device.type != "meta" for t in given) or _is_hooked(attributes):
            return None
        settings = tuple([(k, type(v), v) for k, v in attributes.items() if type(v) not in _NO_SETTINGS])
        tensors = (*attributes["_parameters"].items(), *attributes["_buffers"].items())
        key = key_of(kind, ((args, tensors), kwargs), self._standins.like)
        try:
            hash(settings)
        except TypeError:
            return None
        return None if key is None else (key, settings)

    def recall(self, key: Hashable) -> Step | None:
        """Return the step of an equal call, None when there was none."""
        return self._known.get(key)

    def keep(self, key: Hashable, outputs: Any, given: list[Any], compute: Any, reads: Sequence[Any]) -> None:
        """Keep what a module gave, if it is new."""
        made = again(outputs)
        if made is not None and are_new(outputs, [self._standins.of(t) for t in given]):
            self._known[key] = Step(made, compute, tuple(reads))


def _is_hooked(attributes: dict[str, Any]) -> bool:
    from torch.nn.modules.module import _has_any_global_hook

    own = any(attributes.get(name) for name in _HOOKS) or attributes.get("_compiled_call_impl") is not None
    return own or bool(_has_any_global_hook())
