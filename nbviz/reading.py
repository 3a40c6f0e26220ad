"""What an adapter gives back: the graph, access to weights, and the error that stopped the forward pass."""

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
    """Reads the values of parameters while the model still lives; holds the model weakly."""

    def chunks(self, parameter: int) -> Iterator[npt.NDArray[np.generic]]:
        """Yield the values of one parameter as flat pieces, none of them a copy of the whole weight.

        Raises
        ------
        LookupError
            If the model, or this parameter of it, no longer exists or has no values.
        """
        ...


@final
@dataclass(frozen=True, slots=True)
class Reading:
    """The result of reading a model.

    Attributes
    ----------
    graph
        The model graph, complete up to where the forward pass stopped.
    weights
        Access to the values, None where there are none.
    error
        The exception that stopped the forward pass (its frames cleared), or that says what of a file is not read; else None.
    """

    graph: ModelGraph
    weights: WeightReader | None = None
    error: Exception | None = None


def without_inputs(reading: Reading, inputs: Any) -> Reading:
    """Return a reading that did not use ``inputs``, with a note that says so where there are any."""
    if inputs is None:
        return reading
    note = Diagnostic("note", "inputs was not used: this is read as it is, and nothing is traced.")
    return replace(reading, graph=replace(reading.graph, diagnostics=(*reading.graph.diagnostics, note)))


def warn_if_partial(reading: Reading, stacklevel: int) -> None:
    """Give one ``PartialReadWarning`` if there was an error; ``stacklevel`` as for ``warnings.warn``."""
    if reading.error is None:
        return
    found = next((d.message for d in reading.graph.diagnostics if d.level == "error"), str(reading.error))
    warnings.warn(f"The model was read only in part. {found}", PartialReadWarning, stacklevel=stacklevel)


class Adapter(Protocol):
    """Reads the models of one framework; found by class name, so that looking imports nothing.

    One with a true attribute ``can_run`` also takes ``read(model, inputs, run=True)``: run the model once on ``inputs``. One with
    a true attribute ``folds_constants`` takes ``constants=True``: let constants be calls, not settings of what reads them.
    """

    def reads(self, model_type: type) -> bool:
        """Tell whether ``model_type`` itself (not a base of it) is this framework's model class."""
        ...

    def read(self, model: Any, inputs: Any) -> Reading:
        """Read a model object of this framework; the graph alone, of another package's adapter, is a reading too."""
        ...
