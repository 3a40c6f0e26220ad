"""Reads PyTorch modules without running them: nothing computes weights or activations."""

from __future__ import annotations

from typing import Any

from nbviz.errors import UnsupportedModelError

__all__ = ["TorchAdapter"]


class TorchAdapter:
    """The adapter of PyTorch."""

    can_run = True

    def reads(self, model_type: type) -> bool:
        """Tell whether ``model_type`` itself is one of PyTorch's own modules, or an exported program."""
        module = getattr(model_type, "__module__", "") or ""
        if module == "torch.export.exported_program":
            return model_type.__name__ == "ExportedProgram"
        return module.startswith(("torch.nn.modules.", "torch.jit.", "torch.fx.graph_module", "torch._dynamo."))

    def read(self, model: Any, inputs: Any, *, run: bool = False) -> Any:
        """Read a module (see ``nbviz.adapters.torch.model.read_model``)."""
        import torch

        from nbviz.adapters.torch.mode import told_to
        from nbviz.adapters.torch.model import read_model
        from nbviz.adapters.torch.modules.walk import unmade

        try:
            with told_to(None):  # who is being read, and reads another in its forward, has no part in that
                return read_model(model, inputs, run=run)
        except AttributeError as error:
            module = unmade(model) if isinstance(model, torch.nn.Module) else None
            if module is None:
                raise
            msg = f"{type(module).__name__} is not fully initialized: its __init__ must call super().__init__() first."
            raise UnsupportedModelError(msg) from error
