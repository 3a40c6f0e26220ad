"""Where PyTorch's shape-only kernels are stricter than those that compute, or less strict."""

from __future__ import annotations

from typing import Any


def run_kernel(func: Any, args: Any, kwargs: Any) -> Any:
    """Run one of PyTorch's dispatched operations, or only tell the shape of what it would give.

    Raises
    ------
    RuntimeError
        If tensors that are contracted differ in dtype, which without values nothing else refuses.
    """
    import torch

    rule = _RULES.get(func._schema.name)
    if rule is not None and args[0].device.type == "meta":
        return rule(*args, **kwargs)
    if func._schema.name in _ONE_DTYPE and args[0].device.type == "meta":
        dtypes = {t.dtype for t in args if isinstance(t, torch.Tensor)}
        if len(dtypes) > 1:
            msg = f"expected tensors of the same dtype, but got {' and '.join(sorted(map(str, dtypes)))}"
            raise RuntimeError(msg)
    return func(*args, **kwargs)


def _grouped_mm(a: Any, b: Any, offs: Any = None, bias: Any = None, out_dtype: Any = None) -> Any:
    """Multiply each group of rows by the matrix of its group; on the CPU any dtype is taken, not bfloat16 alone."""
    import torch

    grouped_inside = a.dim() == b.dim() == 2  # the groups lie along the contracted axis
    if not grouped_inside and a.shape[-1] != b.shape[-2]:
        msg = f"contraction dimension of mat_a and mat_b must match: {tuple(a.shape)} and {tuple(b.shape)}"
        raise RuntimeError(msg)
    groups = (offs.shape[0],) if grouped_inside else (a.shape[0],) if a.dim() == b.dim() else ()
    return torch.empty((*groups, a.shape[-2], b.shape[-1]), dtype=out_dtype or a.dtype, device="meta")


_ONE_DTYPE = frozenset({
    "aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm", "aten::mv", "aten::addmv", "aten::dot", "aten::convolution",
})  # fmt: skip
_RULES = {"aten::_grouped_mm": _grouped_mm}
