"""Runs PyTorch's higher-order operators as the Python code that they stand for: conditions, loops, attention."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def as_python(function: Any) -> Callable[..., Any] | None:
    """Return Python code that does what ``torch.cond`` or ``torch.while_loop`` does, None for other functions."""
    import torch

    if not isinstance(function, torch._ops.HigherOrderOperator):
        return None
    meanings: dict[str, Callable[..., Any]] = {"cond": _cond, "while_loop": _while_loop}
    return meanings.get(function.name())


def _cond(predicate: Any, true_fn: Callable[..., Any], false_fn: Callable[..., Any], operands: Any = ()) -> Any:
    return true_fn(*operands) if predicate else false_fn(*operands)


def _while_loop(
    cond_fn: Callable[..., Any], body_fn: Callable[..., Any], carried: Any, additional: Any = (), **_: Any
) -> Any:
    while cond_fn(*carried, *additional):
        carried = body_fn(*carried, *additional)
    return tuple(carried)


def without_functions(function: Any, given: tuple[Any, Any]) -> tuple[Any, tuple[Any, Any]]:
    """Return what has the same results in shape, and contracts the same, but runs no function of the model's."""
    import torch

    if isinstance(function, torch._ops.HigherOrderOperator) and function.name() == "flex_attention":
        return _attention, (given[0][:3], {})
    return function, given


def _attention(query: Any, key: Any, value: Any) -> Any:
    """Attend; return also the logarithms of the sums and the largest scores, as ``flex_attention`` does."""
    import torch

    attended = torch.nn.functional.scaled_dot_product_attention(query, key, value, enable_gqa=True)
    return attended, *(query.new_empty(query.shape[:-1], dtype=torch.float32) for _ in range(2))
