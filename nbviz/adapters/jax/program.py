"""A traced model, as it is walked."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

from nbviz.adapters.jax.constants import Constants
from nbviz.adapters.jax.recorder import ModuleCall
from nbviz.adapters.jax.subject import Path
from nbviz.builder import GraphBuilder


@final
@dataclass(frozen=True)
class Program:
    """A traced model.

    Attributes
    ----------
    jaxpr
        The closed jaxpr.
    inputs
        For each of its inputs the name, and the key where it is a parameter. Without either, it is a constant.
    outputs
        The names of its outputs.
    calls
        The calls of modules by their scopes.
    layers
        Returns the keys of the layers that a call may be of.
    is_step
        Tells whether a module of a class is shown as one call if it calls no others.
    constants
        Knows the keys of parameters that the jaxpr has as constants.
    parts
        The keys of layers whose calls are found by the parameters that equations read.
    """

    jaxpr: Any
    inputs: Sequence[tuple[str, Hashable | None]]
    outputs: Sequence[str]
    calls: Mapping[str, ModuleCall]
    layers: Callable[[ModuleCall], Sequence[Hashable]]
    is_step: Callable[[type], bool]
    constants: Constants
    parts: Sequence[Path]


def held_in(builder: GraphBuilder) -> dict[str, set[Hashable]]:
    """Return the keys of the parameters that each layer holds by its path, those of the layers inside it too."""
    found: dict[str, set[Hashable]] = {}
    for layer in map(builder.layer, builder.layer_keys()):
        path = layer.path
        found.setdefault(path, set()).update(layer.held)
        while "/" in path:
            path = path.rpartition("/")[0]
            found.setdefault(path, set()).update(layer.held)
    return found
