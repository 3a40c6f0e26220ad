"""Reads ONNX models as written: nothing runs, and external weights are not loaded."""

from __future__ import annotations

from typing import Any

__all__ = ["OnnxAdapter"]


class OnnxAdapter:
    """The adapter of ONNX models in memory: a ``ModelProto``, its bytes, or what ``torch.onnx.export`` returns."""

    folds_constants = True

    def reads(self, model_type: type) -> bool:
        """Tell whether ``model_type`` itself is a class of ONNX models, or bytes."""
        module, name = getattr(model_type, "__module__", "") or "", model_type.__name__
        is_proto = name == "ModelProto" and module.startswith("onnx.")
        return model_type is bytes or is_proto or (name == "ONNXProgram" and module.startswith("torch.onnx"))

    def read(self, model: Any, inputs: Any, *, constants: bool = False) -> Any:
        """Read a model (see ``nbviz.adapters.onnx.opening.read_model``)."""
        from nbviz.adapters.onnx.opening import read_model

        return read_model(model, inputs, constants=constants)
