"""Reads Keras 3 models, on every backend, without running, building or changing them."""

from __future__ import annotations

from typing import Any

__all__ = ["KerasAdapter"]


class KerasAdapter:
    """The adapter of Keras 3."""

    def reads(self, model_type: type) -> bool:
        """Tell whether ``model_type`` itself is one of Keras 3's own models or layers."""
        module = getattr(model_type, "__module__", "") or ""
        return module.startswith(
            ("keras.src.layers.", "keras.src.models.", "keras.src.utils.", "keras.src.applications.")
        )

    def read(self, model: Any, inputs: Any) -> Any:
        """Read a model or layer object (see ``nbviz.adapters.keras.model.read_model``)."""
        from nbviz.adapters.keras.model import read_model

        return read_model(model, inputs)
