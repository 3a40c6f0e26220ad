"""Explains why Keras cannot load a file, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import final

from nbviz.adapters.files.opening import damaged, looks_like
from nbviz.adapters.keras.origin import written_by
from nbviz.adapters.keras.text import plain, short

_UNKNOWN = re.compile("custom_object|locate (class|function)|register_keras_serializable")
"""What Keras says of a class that it does not know; the words of a config that it quotes are others."""
_OWN = re.compile(r"Full object config: \{'module': '(tf_)?keras\.")
"""What it says of one that a version of Keras brings."""


def explain(path: Path, error: Exception) -> str:
    """Return what to say of a file that Keras does not load.

    Parameters
    ----------
    path
        The file.
    error
        What Keras has raised.
    """
    text = " ".join(plain(error).split())
    # what failed inside is told behind each object around it, and that with all its config
    reason = text.rpartition("Exception encountered: ")[2]
    refusal = _Refusal(path, text, reason, f"Keras says: {type(error).__name__}: {short(reason, 600)}")
    return next(said for cause in _CAUSES if (said := cause(refusal)))


@final
@dataclass(frozen=True, slots=True)
class _Refusal:
    """What Keras says of a file: all of it, what failed innermost, and that as it is quoted."""

    path: Path
    text: str
    reason: str
    quoted: str

    @property
    def name(self) -> str:
        return repr(str(self.path))

    def load(self, how: str) -> str:
        """Return how to load the file in Python."""
        return f"Load it with keras.saving.load_model({self.name}, {how}) and pass the model."


def _holds_code(refusal: _Refusal) -> str:
    if not any(word in refusal.text for word in ("safe_mode", "unsafe_deserialization", "__lambda__")):
        return ""
    how = refusal.load("safe_mode=False")
    return f"{refusal.name} holds Python code (a lambda), which nbviz never runs from a file. If you trust it: {how} {refusal.quoted}"


def _lacks_layer(refusal: _Refusal) -> str:
    # one whose class is unknown is quoted, and told of custom_objects
    lost = re.search(r"Unknown layer: ([^'].*)$", refusal.reason)
    if lost is None:
        return ""
    why = f"its config connects the layer {lost[1]!r}, which does not exist"
    return str(damaged(refusal.path, "a Keras model", why))


def _holds_no_model(refusal: _Refusal) -> str:
    if "No model config found" not in refusal.text:
        return ""
    return (
        f"{refusal.name} holds no model, perhaps only weights. Save the whole model with "
        f"model.save('model.keras'), or give the file the suffix .weights.h5 to see the weights. {refusal.quoted}"
    )


def _is_of_another_age(refusal: _Refusal) -> str:
    version = written_by(refusal.path)
    if not version.startswith(("1.", "2.")):
        return ""
    custom = _UNKNOWN.search(refusal.reason) is not None and _OWN.search(refusal.reason) is None
    own = "If the unknown class is your own, import or register it; if not, l"
    load = f"{own if custom else 'L'}oad it with tf_keras"
    return (
        f"{refusal.name} was written by Keras {version}, and Keras {_version()} does not load it. {load}, which is Keras 2, "
        f"and export it: tf_keras.models.load_model({refusal.name}).export('model') writes a SavedModel, which nbviz reads. {refusal.quoted}"
    )


def _is_of_unknown_classes(refusal: _Refusal) -> str:
    if _UNKNOWN.search(refusal.reason) is None:
        return ""
    how = refusal.load("custom_objects={...}")
    return f"{refusal.name} uses classes that Keras does not know in this session. Import or register them, or: {how} {refusal.quoted}"


def _is_of_another_version(refusal: _Refusal) -> str:
    refused = re.findall(r"<class '([\w.]+)'> could not be deserialized", refusal.text)
    if not refused:
        return ""
    return (
        f"{refusal.name} cannot be read: {refused[-1].rpartition('.')[2]} in Keras {_version()} does not accept "
        "what the file says about it. Another version of Keras may have written the file, or it is damaged. "
        f"{refusal.quoted}"
    )


def _is_damaged(refusal: _Refusal) -> str:
    hint = looks_like(refusal.path)
    return f"{refusal.name} cannot be read: the file is damaged or was not written by Keras.{hint} {refusal.quoted}"


_CAUSES: tuple[Callable[[_Refusal], str], ...] = (
    _holds_code,
    _lacks_layer,
    _holds_no_model,
    _is_of_another_age,
    _is_of_unknown_classes,
    _is_of_another_version,
    _is_damaged,
)
"""Each says what it has to say where it is the cause; the last always does."""


def _version() -> str:
    import keras

    return str(keras.__version__)
