"""Casts tensors as ``torch.autocast`` would, because autocast depends on the device and stand-ins are on another one.

Source of the lists: PyTorch's "Autocast Op Reference". What is in none of them keeps the dtypes that it is given.
"""

from __future__ import annotations

from typing import Any

from nbviz.adapters.torch.tensors import mapped

_LOWER = frozenset({
    "linear", "matmul", "mm", "bmm", "addmm", "addbmm", "baddbmm", "addmv", "addr", "mv", "chain_matmul", "linalg_multi_dot",
    "linalg_vecdot", "conv1d", "conv2d", "conv3d", "convolution", "conv_tbc", "conv_transpose1d", "conv_transpose2d",
    "conv_transpose3d", "prelu", "scaled_dot_product_attention", "einsum", "multi_head_attention_forward", "lstm", "gru",
    "rnn_tanh", "rnn_relu", "lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell",
})  # fmt: skip
"""Operations that compute in the lower precision."""

_CUDA_FULL = frozenset({
    "acos", "asin", "binary_cross_entropy_with_logits", "cosh", "cosine_embedding_loss", "cdist", "cosine_similarity",
    "cross_entropy", "cumprod", "cumsum", "dist", "erfinv", "exp", "expm1", "group_norm", "hinge_embedding_loss", "kl_div",
    "l1_loss", "layer_norm", "log", "log10", "log_softmax", "log1p", "log2", "margin_ranking_loss", "mse_loss",
    "multilabel_margin_loss", "multi_margin_loss", "nll_loss", "norm", "normalize", "pdist", "poisson_nll_loss", "pow", "prod",
    "reciprocal", "rsqrt", "sinh", "smooth_l1_loss", "soft_margin_loss", "softmax", "softmin", "softplus", "sum", "renorm",
    "tan", "triplet_margin_loss",
})  # fmt: skip
_CPU_FULL = frozenset({
    "avg_pool3d", "binary_cross_entropy", "grid_sample", "polar", "prod", "quantile", "nanquantile", "stft", "cdist", "trace",
    "view_as_complex", "cholesky", "cholesky_inverse", "cholesky_solve", "inverse", "lu_solve", "orgqr", "ormqr", "pinverse",
    "max_pool3d", "max_unpool2d", "max_unpool3d", "adaptive_avg_pool3d", "reflection_pad1d", "replication_pad1d", "mse_loss",
    "cosine_embedding_loss", "nll_loss", "hinge_embedding_loss", "poisson_nll_loss", "smooth_l1_loss", "cross_entropy",
    "l1_loss", "huber_loss", "margin_ranking_loss", "soft_margin_loss", "triplet_margin_loss", "multi_margin_loss", "ctc_loss",
    "kl_div", "multilabel_margin_loss", "binary_cross_entropy_with_logits", "linalg_cholesky", "linalg_cond", "linalg_eigh",
    "linalg_eigvals", "linalg_eigvalsh", "linalg_householder_product", "linalg_inv", "linalg_lstsq", "linalg_matrix_rank",
    "linalg_qr", "linalg_solve", "linalg_svd", "linalg_svdvals", "fft_fft", "fft_ifft", "fft_rfft", "fft_irfft",
})  # fmt: skip
_FULL = {"cuda": _CUDA_FULL, "cpu": _CPU_FULL}
"""Operations that compute in float32."""


def autocast(name: str, device: str, given: Any) -> Any:
    """Return arguments as ``torch.autocast`` hands them to an operation on that kind of device."""
    import torch

    if not torch._C._is_any_autocast_enabled() or device == "meta" or not torch.is_autocast_enabled(device):
        return given
    lower = torch.get_autocast_dtype(device)
    if name in _LOWER:
        return mapped(given, lambda t: t.to(lower) if t.dtype == torch.float32 else t)
    if name in _FULL.get(device, _CUDA_FULL):
        return mapped(given, lambda t: t.float() if t.dtype in (torch.float16, torch.bfloat16) else t)
    return given
