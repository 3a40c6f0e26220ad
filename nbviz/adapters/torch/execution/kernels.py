"""Corrects PyTorch's shape-only kernels where they are stricter or less strict than the real ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nbviz.adapters.torch.execution.deciding import may_decide
from nbviz.adapters.torch.execution.refusals import asked_again


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
    if func._schema.name == "aten::convolution" and args[0].device.type == "meta":
        if _is_odd(*args):
            return asked_again(func, (args, kwargs), _odd_convolution(*args[:2]))
        return _convolved(func(*args, **kwargs), *args[:2])
    try:
        return func(*args, **kwargs)
    except NotImplementedError as error:
        if func.namespace != "aten" or may_decide(func):
            raise
        return asked_again(func, (args, kwargs), error)  # nobody has written a kernel for shapes


def laid_out(name: str, first: Any, value: Any) -> Any:
    """Return what a function gives, with its elements in the order in memory that the kernels that compute choose.

    Whether a later ``view`` is refused depends on that. ``first`` is the tensor that the function was given first.
    """
    rule = _LAYOUTS.get(name)
    return value if rule is None else rule(first, value)


def _as_first(first: Any, value: Any) -> Any:
    """Order the axes in memory as those of the first argument: fused attention does, the one without a kernel does not."""
    if value.dim() != 4 or first.dim() != 4 or first.is_contiguous() == value.is_contiguous():
        return value
    order = sorted(range(4), key=first.stride().__getitem__, reverse=True)
    return value.permute(order).contiguous().permute([order.index(axis) for axis in range(4)])


def _contiguous(_: Any, value: Any) -> Any:
    """Lay elements one after another, in whichever order of images: of other orders normalisations make copies."""
    return value if _is_image(value) else value.contiguous()


def _convolved(value: Any, given: Any, weight: Any) -> Any:
    """Let channels lie last in memory where those of the input or of the weight do."""
    import torch
    from torch._prims_common import suggest_memory_format

    formats = {suggest_memory_format(tensor) for tensor in (given, weight)} - {torch.contiguous_format}
    if value.dim() == 5 and value.dtype is torch.float64:  # which no kernel for channels that lie last takes
        return value
    return value.contiguous(memory_format=formats.pop()) if formats else value


def _image_of_first(first: Any, value: Any) -> Any:
    """Let channels lie last in memory where those of the first argument do."""
    import torch

    fits = first.dim() == value.dim() == 4 and _is_image(first) and not first.is_contiguous()
    return value.contiguous(memory_format=torch.channels_last) if fits else value


def _is_image(tensor: Any) -> bool:
    """Tell whether the channels of images lie last in memory."""
    import torch

    order = {4: torch.channels_last, 5: torch.channels_last_3d}.get(tensor.dim())
    return order is not None and tensor.is_contiguous(memory_format=order)


def _grouped_mm(a: Any, b: Any, offs: Any = None, bias: Any = None, out_dtype: Any = None) -> Any:
    """Multiply each group of rows by the matrix of its group; on the CPU any dtype is taken, not bfloat16 alone."""
    import torch

    grouped_inside = a.dim() == b.dim() == 2  # the groups lie along the contracted axis
    if not grouped_inside and a.shape[-1] != b.shape[-2]:
        msg = f"contraction dimension of mat_a and mat_b must match: {tuple(a.shape)} and {tuple(b.shape)}"
        raise RuntimeError(msg)
    groups = (offs.shape[0],) if grouped_inside else (a.shape[0],) if a.dim() == b.dim() else ()
    return torch.empty((*groups, a.shape[-2], b.shape[-1]), dtype=out_dtype or a.dtype, device="meta")


def _is_odd(given: Any, weight: Any, bias: Any, stride: Any, _: Any, dilation: Any, *others: Any) -> bool:
    """Tell whether a convolution may be refused for what its kernel for shapes does not look at."""
    transposed, output_padding, groups = others
    made = weight.shape[1] * groups if transposed else weight.shape[0]
    if bias is not None and tuple(bias.shape) != (made,):
        return True
    if not transposed:
        return False
    padded = any(p >= max(s, d) for p, s, d in zip(output_padding, stride, dilation, strict=False))
    return padded or given.shape[1] != weight.shape[0]


def _odd_convolution(given: Any, weight: Any) -> RuntimeError:
    return RuntimeError(
        f"a convolution with weights {tuple(weight.shape)} does not take {tuple(given.shape)} with these settings"
    )


def _ctc_loss(log_probs: Any, targets: Any, *_: Any, **__: Any) -> Any:
    """Give a loss for each sequence; what only the gradient needs has a size that nobody knows."""
    return log_probs.new_empty(log_probs.shape[1:-1]), log_probs.new_empty(0)


_ONE_DTYPE = frozenset({
    "aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm", "aten::mv", "aten::addmv", "aten::dot", "aten::convolution",
})  # fmt: skip
_RULES: dict[str, Callable[..., Any]] = {"aten::_grouped_mm": _grouped_mm, "aten::_ctc_loss": _ctc_loss}
_LAYOUTS: dict[str, Callable[[Any, Any], Any]] = {
    "scaled_dot_product_attention": _as_first,
    "batch_norm": _contiguous,
    "log_sigmoid": _contiguous,
    "group_norm": _image_of_first,
    "pad": _image_of_first,
    "roll": _image_of_first,
}
