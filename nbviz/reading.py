"""The result of an adapter: the graph, access to weights, and the error that stopped the forward pass."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, final

from nbviz.errors import PartialReadWarning
from nbviz.graph import Diagnostic, ModelGraph

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class WeightReader(Protocol):
    """Reads the values of parameters while the model exists; holds only a weak reference to the model."""

    def chunks(self, parameter: int) -> Iterator[npt.NDArray[np.generic]]:
        """Yield the values of one parameter as flat arrays, none of which copies the whole weight.

        Raises
        ------
        LookupError
            If the model or this parameter no longer exists or has no values.
        """
        ...


@final
@dataclass(frozen=True, slots=True)
class Reading:
    """The result of reading a model.

    Attributes
    ----------
    graph
        The model graph, complete up to the point where the forward pass stopped.
    weights
        Access to the values of the parameters; None if there are no values.
    error
        The exception that stopped the forward pass (with its frames cleared), or that says which part of a file was not read;
        otherwise None.
    """

    graph: ModelGraph
    weights: WeightReader | None = None
    error: Exception | None = None


def without_inputs(reading: Reading, inputs: Any) -> Reading:
    """Return a reading that did not use ``inputs``, with a note that says so where there are any."""
    if inputs is None:
        return reading
    note = Diagnostic("note", "inputs was ignored: this kind of model is not traced.")
    return replace(reading, graph=replace(reading.graph, diagnostics=(*reading.graph.diagnostics, note)))


def warn_if_partial(reading: Reading, stacklevel: int) -> None:
    """Give one ``PartialReadWarning`` if there was an error; ``stacklevel`` as for ``warnings.warn``."""
    if reading.error is None:
        return
    found = next((d.message for d in reading.graph.diagnostics if d.level == "error"), str(reading.error))
    warnings.warn(f"The model was read only in part. {found}", PartialReadWarning, stacklevel=stacklevel)


class Adapter(Protocol):
    """Reads the models of one framework; chosen by class name, so nbviz need not import the framework.

    If the attribute ``can_run`` is true, the adapter accepts ``read(model, inputs, run=True)``, which runs the model once on
    ``inputs``. If the attribute ``folds_constants`` is true, it accepts ``constants=True``, which shows constants as calls instead
    of as settings of the operations that use them.
    """

    def reads(self, model_type: type) -> bool:
        """Return whether ``model_type`` itself (not a base class of it) is a model class of this framework."""
        ...

    def read(self, model: Any, inputs: Any) -> Reading:
        """Read a model object of this framework; an adapter of another package may return only the graph."""
        ...
