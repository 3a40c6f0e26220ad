"""Opens ``.keras`` and ``.h5`` files by Keras's own safe loading."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from nbviz.adapters.checkpoints.files import damaged, looks_like
from nbviz.adapters.keras.text import plain, short
from nbviz.errors import FileReadError, MissingExtraError
from nbviz.reading import Reading

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

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
    from nbviz.adapters.undo import random_states

    limit = most_variables(Path(path))
    with ExitStack() as stack:
        stack.enter_context(random_states())
        stack.enter_context(keras_state())
        made = stack.enter_context(at_most(limit))
        try:
            return keras.saving.load_model(path, safe_mode=True)
        except Exception as first:
            if made.refused:
                raise damaged(Path(path), "a model of Keras", made.refused) from first
            try:  # a loss or metric of the user's own is not needed to show the model
                return keras.saving.load_model(path, safe_mode=True, compile=False)
            except Exception:  # noqa: BLE001 - the first error is the better one
                raise FileReadError(_explain(path, first)) from first


def _keras(path: str) -> Any:
    """Import Keras, or say what to install."""
    try:
        import keras
    except ImportError as error:
        missing = getattr(error, "name", None) or ""
        if missing.partition(".")[0] == "keras":
            msg = f"Reading {path!r} needs Keras 3: pip install 'nbviz[keras]', then {_BACKENDS}."
        else:
            msg = (
                f"Reading {path!r} needs Keras, which is installed, and its backend is not ({plain(error)}): {_BACKENDS}, "
                "before Keras is imported."
            )
        raise MissingExtraError(msg) from error
    if not str(getattr(keras, "__version__", "3")).startswith("3"):
        msg = f"Reading {path!r} needs Keras 3, found {keras.__version__}: pip install --upgrade 'nbviz[keras]'."
        raise MissingExtraError(msg)
    return keras


def _explain(path: str, error: Exception) -> str:
    text = " ".join(plain(error).split())
    # what failed inside is told behind each object around it, and that with all its config
    reason = text.rpartition("Exception encountered: ")[2]
    own = f"Keras says: {type(error).__name__}: {short(reason, 600)}"
    again = "Load it with keras.saving.load_model({}) and pass the model."
    if any(word in text for word in ("safe_mode", "unsafe_deserialization", "__lambda__")):
        how = again.format(f"{path!r}, safe_mode=False")
        return (
            f"{path!r} holds Python code (a lambda), which nbviz never runs from a file. If you trust it: {how} {own}"
        )
    # one whose class is unknown is quoted, and told of custom_objects
    lost = re.search(r"Unknown layer: ([^'].*)$", reason)
    if lost is not None:
        why = f"its config connects the layer {lost[1]!r}, which it does not have"
        return str(damaged(Path(path), "a model of Keras", why))
    if re.search("custom_object|locate (class|function)|register", reason):
        how = again.format(f"{path!r}, custom_objects={{...}}")
        return (
            f"{path!r} uses classes that Keras does not know in this session. Import or register them, or: {how} {own}"
        )
    refused = re.findall(r"<class '([\w.]+)'> could not be deserialized", text)
    if refused:
        return (
            f"{path!r} cannot be read: {refused[-1].rpartition('.')[2]} of Keras {_version()} does not take what the file says of it. Perhaps another "
            f"version of Keras wrote it, or it is damaged. {own}"
        )
    if "No model config found" in text or "model_config" in text:
        return (
            f"{path!r} holds no model, perhaps weights alone. Save the whole model with model.save('model.keras'), or see the "
            f"weights by giving the file the suffix .weights.h5. {own}"
        )
    return f"{path!r} cannot be read: the file is damaged or was not written by Keras.{looks_like(Path(path))} {own}"


def _version() -> str:
    import keras

    return str(keras.__version__)


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
            msg = f"The weights are read from {self._path!r}, which can no longer be opened: {plain(error)}"
            raise LookupError(msg) from error
        reading = read_model(model)
        if reading.weights is None:
            msg = f"{self._path!r} has no weights."
            raise LookupError(msg)
        return _while_held(model, reading.weights.chunks(parameter))


def _while_held(model: Any, pieces: Iterator[Any]) -> Iterator[Any]:
    yield from pieces
    del model
