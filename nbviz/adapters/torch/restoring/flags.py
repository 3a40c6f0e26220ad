"""Restores global PyTorch settings that a model's code changes, such as the default device or deterministic algorithms."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_CUDNN = ("enabled", "benchmark", "deterministic", "allow_tf32")


@contextmanager
def flags_kept() -> Iterator[None]:
    """Put back what has been set meanwhile."""
    before = _flags()
    try:
        yield
    finally:
        if _flags() != before:
            _set(before)


def _flags() -> dict[str, Any]:
    import torch

    context = getattr(
        torch._GLOBAL_DEVICE_CONTEXT, "device_context", None
    )  # torch.get_default_device() has "cpu" for none
    return {
        "dtype": torch.get_default_dtype(),
        "device": None if context is None else context.device,
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "warn_only": torch.is_deterministic_algorithms_warn_only_enabled(),
        "precision": torch.get_float32_matmul_precision(),
        "anomaly": (torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()),
        "cudnn": {name: getattr(torch.backends.cudnn, name) for name in _CUDNN},
    }


def _set(flags: dict[str, Any]) -> None:
    import torch

    torch.set_default_dtype(flags["dtype"])
    if _flags()["device"] != flags["device"]:
        torch.set_default_device(flags["device"])
    torch.use_deterministic_algorithms(flags["deterministic"], warn_only=flags["warn_only"])
    torch.set_float32_matmul_precision(flags["precision"])
    torch.set_anomaly_enabled(*flags["anomaly"])
    for name, value in flags["cudnn"].items():
        setattr(torch.backends.cudnn, name, value)
