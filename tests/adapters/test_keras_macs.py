"""MACs of Keras's layers and operations against PyTorch's own count (1 MAC = 2 FLOPs)."""

from __future__ import annotations

import pytest

keras = pytest.importorskip("keras")
if keras.backend.backend() != "torch":
    pytest.skip("the oracle runs on the torch backend", allow_module_level=True)

import torch  # noqa: E402
from keras import layers as kl  # noqa: E402
from keras import ops  # noqa: E402
from torch.nn.attention import SDPBackend, sdpa_kernel  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from nbviz.adapters import read  # noqa: E402
from nbviz.metrics import Metrics  # noqa: E402


class Operations(kl.Layer):
    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], 5))
        self.window = self.add_weight(shape=(3, 3, shape[-1], 4))
        self.depth = self.add_weight(shape=(3, 3, shape[-1], 2))

    def call(self, x):
        made = (
            ops.conv(x, self.window, padding="same"),
            ops.depthwise_conv(x, self.depth, padding="same"),
            ops.tensordot(x, self.kernel, axes=1),
            ops.einsum("bhwc,cd->bhwd", x, self.kernel),
            ops.dot(x, self.kernel),
            x @ self.kernel,
        )
        return sum(ops.sum(y) for y in made)


def model_of(layer, *shapes, as_list=False, dtype="float32"):
    inputs = [keras.Input(shape, batch_size=1, dtype=dtype) for shape in shapes]
    return keras.Model(inputs, layer(inputs) if as_list else layer(*inputs))


def oracle(model):
    given = [torch.ones([d or 1 for d in t.shape], dtype=getattr(torch, t.dtype)) for t in model.inputs]
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model(given if len(given) > 1 else given[0])
    return counter.get_total_flops() / 2


def macs(model):
    return Metrics(read(model).graph).totals["macs"]


CASES = {
    "dense": lambda: model_of(kl.Dense(7), (5, 3)),
    "dilated": lambda: model_of(kl.Conv1D(4, 3, dilation_rate=2), (12, 3)),
    "strided": lambda: model_of(kl.Conv2D(4, 3, strides=2, padding="same"), (9, 9, 3)),
    "grouped": lambda: model_of(kl.Conv2D(8, 3, groups=2), (9, 9, 4)),
    "conv3d": lambda: model_of(kl.Conv3D(4, 3), (6, 6, 6, 2)),
    "channels_first": lambda: model_of(kl.Conv2D(4, 3, data_format="channels_first"), (3, 9, 9)),
    "depthwise": lambda: model_of(kl.DepthwiseConv2D(3, depth_multiplier=2), (9, 9, 4)),
    "depthwise1d": lambda: model_of(kl.DepthwiseConv1D(3), (9, 4)),
    "separable": lambda: model_of(kl.SeparableConv2D(6, 3, depth_multiplier=2, strides=2), (9, 9, 4)),
    "separable1d": lambda: model_of(kl.SeparableConv1D(6, 3), (9, 4)),
    "transpose1d": lambda: model_of(kl.Conv1DTranspose(4, 3, strides=2), (9, 3)),
    "transpose2d": lambda: model_of(kl.Conv2DTranspose(4, 3, strides=2, padding="same"), (9, 9, 3)),
    "transpose3d": lambda: model_of(kl.Conv3DTranspose(4, 3, strides=2), (5, 5, 5, 3)),
    "einsum": lambda: model_of(kl.EinsumDense("abc,cde->abde", output_shape=(None, 2, 6)), (5, 4)),
    "einsum_ellipsis": lambda: model_of(kl.EinsumDense("...x,xy->...y", output_shape=6), (5, 4)),
    "lstm": lambda: model_of(kl.LSTM(5), (6, 3)),
    "lstm_sequences": lambda: model_of(kl.LSTM(5, return_sequences=True), (6, 3)),
    "gru": lambda: model_of(kl.GRU(5), (6, 3)),
    "bidirectional": lambda: model_of(kl.Bidirectional(kl.LSTM(5)), (6, 3)),
    "bidirectional_sum": lambda: model_of(kl.Bidirectional(kl.GRU(5, return_sequences=True), merge_mode="sum"), (6, 3)),
    "per_step": lambda: model_of(kl.TimeDistributed(kl.Conv2D(3, 3)), (4, 8, 8, 2)),
    "model_per_step": lambda: model_of(
        kl.TimeDistributed(keras.Sequential([keras.Input((8,)), kl.Dense(3), kl.Dense(2)])), (4, 8)
    ),
    "multi_head": lambda: model_of(kl.MultiHeadAttention(2, 4), (6, 8), (7, 8)),
    "multi_head_dropout": lambda: model_of(kl.MultiHeadAttention(2, 4, value_dim=3, dropout=0.1), (6, 8), (7, 8)),
    "grouped_query": lambda: model_of(kl.GroupQueryAttention(4, 4, 2), (6, 8), (7, 8)),
    "attention": lambda: model_of(kl.Attention(), (6, 8), (7, 8), as_list=True),
    "attention_concat": lambda: model_of(kl.Attention(score_mode="concat"), (6, 8), (7, 8), as_list=True),
    "additive": lambda: model_of(kl.AdditiveAttention(), (6, 8), (7, 8), as_list=True),
    "dot": lambda: model_of(kl.Dot(axes=(2, 2)), (6, 8), (7, 8), as_list=True),
    "embedding": lambda: model_of(kl.Embedding(10, 4), (6,), dtype="int32"),
    "spectral": lambda: model_of(kl.SpectralNormalization(kl.Dense(4)), (6,)),
    "operations": lambda: model_of(Operations(), (5, 6, 3)),
    "resnet50": lambda: keras.applications.ResNet50(weights=None, input_shape=(64, 64, 3)),
    "mobilenet": lambda: keras.applications.MobileNet(weights=None, input_shape=(64, 64, 3)),
    "xception": lambda: keras.applications.Xception(weights=None, input_shape=(96, 96, 3)),
}


@pytest.mark.parametrize("name", CASES)
def test_macs_equal_what_torch_counts(name):
    model = CASES[name]()
    assert macs(model) == oracle(model)


STEPPED = {
    "gru_reset_before": lambda steps: model_of(kl.GRU(5, reset_after=False), (steps, 3)),
    "simple": lambda steps: model_of(kl.SimpleRNN(5), (steps, 3)),
    "stacked_cells": lambda steps: model_of(kl.RNN([kl.LSTMCell(4), kl.GRUCell(3)]), (steps, 3)),
    "conv_lstm": lambda steps: model_of(kl.ConvLSTM2D(3, 3, padding="same"), (steps, 8, 8, 2)),
    "conv_lstm_strided": lambda steps: model_of(kl.ConvLSTM1D(3, 3, strides=2), (steps, 9, 2)),
}


@pytest.mark.parametrize("name", STEPPED)
def test_macs_of_a_step_equal_what_torch_counts(name):
    # Keras's generic loop runs the cell more often than there are steps, to learn its output shape: compare differences.
    short, long = STEPPED[name](5), STEPPED[name](9)
    assert macs(long) - macs(short) == oracle(long) - oracle(short)
    assert macs(long) * 5 == macs(short) * 9
