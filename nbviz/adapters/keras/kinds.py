"""Tells what kind of Keras object a layer is, without running user code."""

from __future__ import annotations

from typing import Any


def is_builtin(model_type: type) -> bool:
    """Tell whether Keras itself defines this class."""
    module = getattr(model_type, "__module__", "") or ""
    return module == "keras" or module.startswith(("keras.", "keras_core."))


def is_kind(layer: Any, *names: str) -> bool:
    """Tell whether a layer is an instance of one of Keras's own classes of these names."""
    return any(cls.__name__ in names and is_builtin(cls) for cls in type(layer).__mro__)


def definer(layer: Any, method: str) -> type:
    """Return the class that defines a method of this layer."""
    for cls in type(layer).__mro__:
        if method in vars(cls):
            return cls
    return object


def functional_of(layer: Any) -> Any:
    """Return the Functional model that a layer runs when called, or None when its ``call`` is its own code."""
    if is_kind(layer, "Functional") and definer(layer, "call").__name__ == "Functional":
        return layer
    if is_kind(layer, "Sequential") and definer(layer, "call").__name__ == "Sequential":
        return vars(layer).get("_functional") or vars(layer).get("_modules", {}).get("_functional")
    return None


def sublayers(layer: Any) -> list[Any]:
    """Return the layers that a layer tracks itself, in Keras's order."""
    tracked = getattr(layer, "_layers", None)
    found: dict[int, Any] = {}
    if is_kind(layer, "Functional"):
        for operation in getattr(layer, "_operations", ()):
            if is_kind(operation, "Layer"):
                found.setdefault(id(operation), operation)
    for child in tracked or ():
        if not (is_kind(layer, "Sequential") and is_kind(child, "InputLayer")):
            found.setdefault(id(child), child)
    return list(found.values())


_FUSED_CELLS = {
    "LSTM": "LSTMCell",
    "GRU": "GRUCell",
    "SimpleRNN": "SimpleRNNCell",
    "ConvLSTM1D": "ConvLSTMCell",
    "ConvLSTM2D": "ConvLSTMCell",
    "ConvLSTM3D": "ConvLSTMCell",
}


def fused_cell(layer: Any) -> Any:
    """Return the cell of an LSTM, GRU, SimpleRNN or ConvLSTM, which is a detail of that layer; otherwise None."""
    for cls in type(layer).__mro__:
        if cls.__name__ in _FUSED_CELLS and is_builtin(cls):
            cell = getattr(layer, "cell", None)
            return cell if type(cell).__name__ == _FUSED_CELLS[cls.__name__] else None
    return None
