"""Restores values that a model changes in place besides Keras variables, such as TensorFlow and PyTorch tensors."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

_MOST_ELEMENTS = 1 << 22
"""Elements of a tensor of torch that is copied: a larger one holds data."""

Undo = Callable[[], None]


def undo_value(value: Any) -> Undo | None:
    """Return what puts back the content of a variable, generator, table or tensor; None for what is none."""
    root = (type(value).__module__ or "").partition(".")[0]
    if root == "torch":
        return _undo_tensor(value)
    if root != "tensorflow" or "tensorflow" not in sys.modules:
        return None
    import tensorflow as tf

    with suppress(Exception), tf.init_scope():  # one without a value yet has nothing to put back
        if isinstance(value, tf.Variable):
            return _undo_variable(value)
        if isinstance(value, tf.random.Generator):
            return _undo_variable(value._state_var)
        if isinstance(value, tf.lookup.experimental.MutableHashTable):
            return _undo_table(value)
    return None


def _undo_variable(variable: Any) -> Undo:
    import tensorflow as tf

    before = variable.read_value()  # shares the memory until somebody assigns

    def undo() -> None:
        with tf.init_scope():
            if not np.array_equal(before.numpy(), variable.numpy()):
                variable.assign(before)

    return undo


def _undo_table(table: Any) -> Undo:
    import tensorflow as tf

    before = table.export()

    def undo() -> None:
        with tf.init_scope():
            now = table.export()
            if all(np.array_equal(a.numpy(), b.numpy()) for a, b in zip(before, now, strict=True)):
                return
            table.remove(now[0])
            table.insert(*before)

    return undo


def _undo_tensor(tensor: Any) -> Undo | None:
    """Remember a plain tensor; parameters are the values of Keras's variables, or of modules that are not run."""
    import torch

    plain = type(tensor) is torch.Tensor and not tensor.is_meta and not tensor.is_inference()
    if not plain or tensor.layout is not torch.strided or tensor.numel() > _MOST_ELEMENTS:
        return None
    version, before = tensor._version, tensor.detach().clone()

    def undo() -> None:
        if tensor._version != version:
            with torch.no_grad():
                tensor.copy_(before)

    return undo
