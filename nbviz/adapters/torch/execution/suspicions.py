"""Finds calls that shape-only kernels accept but real ones may reject, so that the real kernels are asked.

The lists come from running PyTorch's own samples of wrong arguments (``torch.testing._internal.opinfo``) on both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nbviz.adapters.torch.execution.refusals import Given
from nbviz.adapters.torch.execution.standins import is_whole
from nbviz.adapters.torch.tensors import leaves


def is_suspicious(name: str, given: Given) -> bool:
    """Tell whether a function may refuse what it is given for its dtypes, or for an axis that is not there."""
    import torch

    rule = _RULES.get(name)
    if rule is None and not name.endswith("_"):
        return False
    first = given[0][0] if given[0] else None
    if not isinstance(first, torch.Tensor):
        return False
    return _writes_fractions(first, given) if rule is None else rule(first, given)


def _writes_fractions(first: Any, given: Given) -> bool:
    return is_whole(first) and not all(map(is_whole, leaves(given)))


def _is_whole(first: Any, _: Given) -> bool:
    return is_whole(first)


def _is_fraction(first: Any, _: Given) -> bool:
    return not is_whole(first)


def _is_mixed(_: Any, given: Given) -> bool:
    return len({t.dtype for t in leaves(given) if t.dtype.is_floating_point}) > 1


def _has_no_such_axis(first: Any, given: Given) -> bool:
    dim = _argument(given, 1, "dim")
    beyond = isinstance(dim, int) and not -max(first.dim(), 1) <= dim < max(first.dim(), 1)
    return beyond or is_whole(first)


def _has_odd_targets(first: Any, given: Given) -> bool:
    import torch

    target = _argument(given, 1, "target")
    odd = isinstance(target, torch.Tensor) and is_whole(target) and target.dtype not in (torch.int64, torch.uint8)
    return odd or is_whole(first)


def _draws_too_many(first: Any, given: Given) -> bool:
    count = _argument(given, 1, "num_samples")
    return is_whole(first) or (isinstance(count, int) and not 0 < count <= first.shape[-1])


def _has_whole_numbers(_: Any, given: Given) -> bool:
    return any(map(is_whole, leaves(given)))


def _is_any(_: Any, __: Given) -> bool:
    return True


_FOR_FRACTIONS = frozenset({
    "gelu", "silu", "glu", "mish", "celu", "elu", "selu", "hardswish", "hardsigmoid", "log_sigmoid", "softplus", "prelu", "rrelu",
    "hardshrink", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d", "adaptive_max_pool2d", "interpolate",
    "std", "var", "lerp", "logcumsumexp", "logaddexp", "bernoulli", "smooth_l1_loss", "huber_loss", "unfold",
})  # fmt: skip
_FOR_WHOLE = frozenset({"and", "or", "xor", "bitwise_and", "bitwise_or", "bitwise_xor"})
_ONE_DTYPE = frozenset({
    "layer_norm", "batch_norm", "group_norm", "instance_norm", "cdist", "grid_sample", "complex", "polar", "index_add",
    "index_add_", "index_put", "index_put_",
})  # fmt: skip
_ALWAYS = frozenset({"bucketize", "soft_margin_loss"})
_RULES: dict[str, Callable[[Any, Given], bool]] = {
    **dict.fromkeys(_FOR_FRACTIONS, _is_whole),
    **dict.fromkeys(_FOR_WHOLE, _is_fraction),
    **dict.fromkeys(_ONE_DTYPE, _is_mixed),
    **dict.fromkeys(_ALWAYS, _is_any),
    **dict.fromkeys(("softmax", "log_softmax", "softmin"), _has_no_such_axis),
    **dict.fromkeys(("cross_entropy", "nll_loss"), _has_odd_targets),
    "multinomial": _draws_too_many,
    "binary_cross_entropy": _has_whole_numbers,
}


def _argument(given: Given, position: int, name: str) -> Any:
    args, kwargs = given
    return args[position] if len(args) > position else kwargs.get(name)
