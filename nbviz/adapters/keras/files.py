"""Opens ``.keras`` and ``.h5`` files with Keras's own safe loading."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from nbviz.adapters.files.opening import damaged
from nbviz.adapters.keras.refusals import explain
from nbviz.adapters.keras.text import plain
from nbviz.errors import FileReadError, MissingExtraError
from nbviz.reading import Reading

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_BACKEND_NAMES = ("jax", "torch", "tensorflow")
_BACKENDS = "pip install jax (or torch, or tensorflow) and set the environment variable KERAS_BACKEND to its name"


def read_file(path: Path, inputs: Any) -> Reading:
    """Load a model from a file and read it.

    Raises
    ------
    MissingExtraError
        If Keras or its backend is not installed.
    FileReadError
        If the file is damaged, holds weights alone, or needs code that safe loading does not run.
    """
    from nbviz.adapters.keras.model import read_model

    reading = read_model(_load(str(path)), inputs)
    return Reading(reading.graph, FileWeightReader(path), reading.error)


def _load(path: str) -> Any:
    keras = _keras(path)
    from nbviz.adapters.keras.bounds import at_most, most_variables
    from nbviz.adapters.keras.session import keras_state
    from nbviz.adapters.random_states import random_states

    limit = most_variables(Path(path))
    with ExitStack() as stack:
        stack.enter_context(random_states())
        stack.enter_context(keras_state())
        made = stack.enter_context(at_most(limit))
        try:
            return keras.saving.load_model(path, safe_mode=True)
        except Exception as first:
            if made.refused:
                raise damaged(Path(path), "a Keras model", made.refused) from first
            try:  # a loss or metric of the user's own is not needed to show the model
                return keras.saving.load_model(path, safe_mode=True, compile=False)
            except Exception:  # noqa: BLE001 - the first error is the better one
                raise FileReadError(explain(Path(path), first)) from first


def _keras(path: str) -> Any:
    """Import Keras, or say what to install."""
    try:
        import keras
    except (ImportError, ValueError) as error:  # the latter of a backend that Keras does not know
        missing = (getattr(error, "name", None) or "").partition(".")[0]
        if missing == "keras":
            msg = f"Reading {path!r} needs Keras 3: pip install 'nbviz[keras]', then {_BACKENDS}."
        else:
            other = next(filter(_is_installed, (name for name in _BACKEND_NAMES if name != missing)), None)
            tried, then = (
                ("none can be imported", _BACKENDS)
                if other is None
                else (
                    "the one that it is set to cannot be imported",
                    f"set the environment variable KERAS_BACKEND to {other}, which is installed",
                )
            )
            msg = f"Reading {path!r} needs a Keras backend, but {tried} ({plain(error)}): {then}, before Keras is imported."
        raise MissingExtraError(msg) from error
    if not str(getattr(keras, "__version__", "3")).startswith("3"):
        msg = f"Reading {path!r} needs Keras 3, found {keras.__version__}: pip install --upgrade 'nbviz[keras]'."
        raise MissingExtraError(msg)
    return keras


def _is_installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        return False


@final
class FileWeightReader:
    """Reads weights by opening the file again: nobody else holds the model, and a view must not."""

    def __init__(self, path: Path) -> None:
        self._path = str(path.absolute())

    def chunks(self, parameter: int) -> Iterator[npt.NDArray[np.generic]]:
        """Yield the values of one parameter as flat pieces.

        Raises
        ------
        LookupError
            If the file is gone or has no such parameter.
        """
        from nbviz.adapters.keras.model import read_model

        try:
            model = _load(self._path)
        except (FileReadError, OSError) as error:
            msg = f"The weights cannot be read from {self._path!r}, which can no longer be opened: {plain(error)}"
            raise LookupError(msg) from error
        reading = read_model(model)
        if reading.weights is None:
            msg = f"{self._path!r} has no weights."
            raise LookupError(msg)
        return _while_held(model, reading.weights.chunks(parameter))


def _while_held(model: Any, pieces: Iterator[Any]) -> Iterator[Any]:
    yield from pieces
    del model
