"""Which library a model belongs to."""

from __future__ import annotations

from typing import Any

from nbviz.adapters.jax.subject import Subject


def subject_of(model: Any, inputs: Any) -> tuple[Subject, Any]:
    """Return a model as what can be traced, and what of ``inputs`` it is to be called with."""
    from nbviz.adapters.jax.nnx import NnxModel

    return NnxModel(model), inputs
