"""Modules that a model calls but does not hold: created in ``forward``, or kept where PyTorch does not look."""

from __future__ import annotations

from collections.abc import Container, Hashable, Sequence
from typing import Any, final

from nbviz.adapters.torch.modules.layers import add_one
from nbviz.adapters.torch.modules.unregistered import Place, place_of, unregistered, unregistered_parameters
from nbviz.adapters.torch.modules.walk import children
from nbviz.builder import GraphBuilder
from nbviz.records import LayerRecord


@final
class Discovered:
    """Gives such modules a layer below the one that runs.

    Parameters
    ----------
    builder
        Takes the layers.
    modules
        The model's modules by identity; those that are found are added.
    held
        The identities of the model's parameters and buffers.
    """

    def __init__(self, builder: GraphBuilder, modules: dict[int, Any], held: Container[Hashable]) -> None:
        self._builder = builder
        self._modules = modules
        self._held = held
        self._told = False

    def add(self, module: Any, running: Sequence[Any]) -> str:
        """Add a module that is called while others run, the innermost last; return its path."""
        holder = running[-1]
        name = next((n for n, child in children(holder) if child is module), None)
        place = place_of(module, reversed(running)) if name is None else None
        named = name or (f"{place.attribute}{place.key}" if place else type(module).__name__.lower())
        self._modules[id(module)] = module
        path = add_one(self._builder, module, holder, named)
        record = self._builder.layer(id(module))
        if place is None:
            record.accessor = ""  # after the trace the user's model does not have it
        else:
            record.accessor = f"{self._builder.layer(id(place.holder)).accessor}.{named}"
        if name is None:
            self._tell(module, place, record)
        return path

    def _tell(self, module: Any, place: Place | None, record: LayerRecord) -> None:
        """Say once that parameters are used that PyTorch does not know of, and how many in each such layer."""
        count = unregistered_parameters(module, self._held)
        if not count:
            return
        record.settings += (("unregistered_params", count),)
        if not self._told:
            self._told = True
            self._builder.note(unregistered(module, place, count), record.path)
