"""The multiply-accumulates of an operation, as contractions that ``nbviz.metrics`` can count.

Whatever a model calls, PyTorch breaks it down into a handful of operations that contract. They are watched while the
operation runs on tensors without values, so that every function is counted that is made of them.
"""

from __future__ import annotations

import functools
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from nbviz.adapters.torch.execution.kernels import run_kernel
from nbviz.adapters.torch.tensors import is_strided_nested
from nbviz.graph import Compute
from nbviz.shape import Shape

NEVER = frozenset({
    "adaptive_avg_pool2d", "add", "add_", "alias", "amax", "amin", "arange", "argmax", "argwhere", "avg_pool2d",
    "batch_norm", "bincount", "bitwise_and", "bitwise_or", "cat", "chunk", "clone", "contiguous", "copy_", "cos",
    "cumsum", "detach", "detach_", "div", "div_", "dropout", "embedding", "empty", "eq", "exp", "expand", "expand_as",
    "fill_", "flatten", "float", "full", "ge", "gelu", "getitem", "group_norm", "gt", "index", "index_put",
    "index_put_", "interpolate", "layer_norm", "le", "lift_fresh_copy", "log_softmax", "logical_and", "logical_or",
    "lt", "masked_fill", "masked_fill_", "masked_select", "max", "max_pool2d", "mean", "min", "mul", "mul_", "ne",
    "neg", "new_ones", "new_zeros", "nonzero", "ones", "ones_like", "pad", "permute", "pow", "relu", "relu_",
    "repeat", "repeat_interleave", "reshape", "rms_norm", "roll", "rsqrt", "select", "setitem", "sigmoid", "silu",
    "sin", "slice", "softmax", "split", "sqrt", "squeeze", "stack", "sub", "sub_", "sum", "t", "tanh", "to", "topk",
    "transpose", "tril", "triu", "true_divide", "type", "type_as", "unbind", "unflatten", "unique",
    "unique_consecutive", "unsqueeze", "view", "view_as", "where", "zero_", "zeros", "zeros_like",
})  # fmt: skip
"""Functions that contract nothing: they need not be watched."""


def _contraction(output: Any, *contracted: Any) -> Compute:
    return Compute("matmul", (("output", Shape(map(int, output))), ("contracted", Shape(map(int, contracted)))))


def _mm(args: Any, output: Any) -> Compute:
    return _contraction(output.shape, args[0].shape[-1])


def _added_mm(args: Any, output: Any) -> Compute:
    return _contraction(output.shape, args[1].shape[-1])


def _summed_mm(args: Any, output: Any) -> Compute:
    return _contraction(output.shape, args[1].shape[0], args[1].shape[-1])


def _grouped_mm(args: Any, output: Any) -> Compute:
    a, b = args[0], args[1]
    groups = (a.shape[0],) if a.dim() == b.dim() == 3 else ()  # else each row, or column, belongs to one group alone
    return _contraction((*groups, a.shape[-2], b.shape[-1]), a.shape[-1])


def _trilinear(args: Any, output: Any) -> Compute:
    """Count ``Bilinear`` as its documentation has it, x1 A x2 from left to right: batch*out*in1*in2 and batch*out*in2."""
    _, one, other = args[1].shape
    return _contraction(output.shape, one + 1, other)


def _convolution(args: Any, output: Any) -> Compute:
    given, weight, transposed = args[0], args[1], args[6]
    window = Shape(map(int, weight.shape[1:]))  # a weight has the channels of one group alone
    if transposed:
        return Compute("conv_transpose", (("input", Shape(map(int, given.shape))), ("window", window)))
    return Compute("conv", (("output", Shape(map(int, output.shape))), ("window", window)))


def _deformed(args: Any, output: Any) -> Compute:
    return Compute("conv", (("output", Shape(map(int, output.shape))), ("window", Shape(map(int, args[1].shape[1:])))))


def _attention(args: Any, output: Any) -> Compute:
    names = ("query", "key", "value")
    return Compute("attention", tuple((n, Shape(map(int, t.shape))) for n, t in zip(names, args[:3], strict=True)))


_RULES: dict[str, Callable[[Any, Any], Compute]] = {
    "aten::mm": _mm,
    "aten::bmm": _mm,
    "aten::dot": _mm,
    "aten::vdot": _mm,
    "aten::mv": _mm,
    "aten::addmm": _added_mm,
    "aten::addmv": _added_mm,
    "aten::baddbmm": _added_mm,
    "aten::addbmm": _summed_mm,
    "aten::_addmm_activation": _added_mm,
    "aten::_int_mm": _mm,
    "aten::_scaled_mm": _mm,
    "aten::_weight_int4pack_mm": _mm,
    "aten::_weight_int8pack_mm": _mm,
    "aten::_grouped_mm": _grouped_mm,
    "aten::_trilinear": _trilinear,
    "aten::convolution": _convolution,
    "bitsandbytes::gemm_4bit": _mm,
    "bitsandbytes::gemv_4bit": _mm,
    "bitsandbytes::int8_linear_matmul": _mm,
    "bitsandbytes::int8_mixed_scaled_mm": _mm,
    "bitsandbytes::int8_scaled_mm": _mm,
    "torchvision::deform_conv2d": _deformed,
}


def rule_of(name: str) -> Callable[[Any, Any], Compute] | None:
    """Return how to count one of PyTorch's own operations, None if it contracts nothing."""
    if name.startswith("aten::_scaled_dot_product") and "backward" not in name:
        return _attention
    return _RULES.get(name.removesuffix("_"))  # which writes into its first argument


_OWN = frozenset({"aten", "bitsandbytes", "prim", "prims", "profiler", "torchvision"})
"""The namespaces of operations whose contractions all have rules; what others do inside, nobody can tell."""

_FUSED = frozenset({
    "aten::mkldnn_rnn_layer", "aten::_cudnn_rnn", "aten::miopen_rnn", "aten::_transformer_encoder_layer_fwd",
    "aten::_native_multi_head_attention",
})  # fmt: skip
"""PyTorch's own that do on a device in one step what is made of several operations elsewhere."""


def _is_opaque(name: str, namespace: str) -> bool:
    """Tell whether an operation without a rule may contract something."""
    if namespace not in _OWN or name in _FUSED:
        return True
    if "sparse" in name and ("mm" in name or "matmul" in name):  # how many elements meet depends on where they are
        return True
    return "backward" in name and any(part in name for part in ("conv", "attention", "scaled_dot", "rnn"))


def _registered(func: Any, args: Any, kwargs: Any, output: Any) -> Compute | None:
    """Return what an operation contracts by the formula that its author has registered for PyTorch's ``FlopCounterMode``, if any.

    That gives floating-point operations, of which a multiply-accumulate is two.
    """
    counter = sys.modules.get("torch.utils.flop_counter")  # which whoever registers one has imported
    formula = getattr(counter, "flop_registry", {}).get(func.overloadpacket)
    if formula is None:
        return None
    try:
        flops = int(formula(*args, **kwargs, out_val=output))
    except Exception:  # noqa: BLE001 - somebody else's code
        return None
    return Compute("matmul", (("output", Shape((flops // 2,))), ("contracted", Shape((1,)))))


@functools.lru_cache(maxsize=4096)
def _is_composite(func: Any) -> bool:
    """Tell whether an operation is made of others; PyTorch leaves them whole for tensors of the inference mode."""
    import torch

    asks = (
        func.namespace == "prim"
    )  # for the device of a tensor that says so itself: such is no operation, and has no kernels
    return not asks and bool(func.has_kernel_for_dispatch_key(torch._C.DispatchKey.CompositeImplicitAutograd))


def watched(function: Callable[..., Any], args: Any, kwargs: Any) -> tuple[Any, tuple[Compute, ...] | None]:
    """Run a function and return what it gives, and the contractions that it made; None where they are not known."""
    with _watch_mode()() as watch:
        output = function(*args, **kwargs)
    return output, None if watch.unknown else summed(watch.found)


@functools.cache
def _watch_mode() -> Any:
    # made once: making a class takes longer than most of what it watches
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    class Watch(TorchDispatchMode):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.found: list[Compute] = []
            self.unknown = False

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if any(isinstance(t, torch.Tensor) and is_strided_nested(t) for t in args):
                self.unknown = True
                return func(*args, **(kwargs or {}))
            if _is_composite(func):
                with self:
                    if any(
                        kind.__module__.startswith("torch.nested.") for kind in types
                    ):  # it decomposes in its own ways
                        return types[0].__torch_dispatch__(func, types, args, kwargs or {})
                    return func.decompose(*args, **(kwargs or {}))
            output = run_kernel(func, args, kwargs or {})
            rule = rule_of(func._schema.name)
            if rule is not None:
                self.found.append(rule(args, output[0] if isinstance(output, tuple) else output))
            elif _is_opaque(func._schema.name, func.namespace):
                counted = _registered(func, args, kwargs or {}, output)
                self.unknown = self.unknown or counted is None
                self.found.extend(() if counted is None else (counted,))
            return output

    return Watch


def summed(patterns: Iterable[Compute]) -> tuple[Compute, ...]:
    """Return contractions with equal ones (the steps of an LSTM) as one that says how many they are."""
    return tuple(_times(pattern, count) for pattern, count in Counter(patterns).items())


def _times(pattern: Compute, count: int) -> Compute:
    if count == 1:
        return pattern
    (name, first), *others = pattern.shapes  # the extents of the first are multiplied by every formula
    times = (*first.dims[:1], count, *first.dims[1:]) if first.dims else (1, count)
    return Compute(pattern.op, ((name, Shape(times)), *others))
