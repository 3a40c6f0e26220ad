"""Keras models with the whole structure of well-known large ones; their widths are arguments, and small by default."""

from __future__ import annotations

import keras
from keras import layers


def gpt2(blocks=12, heads=12, width=48, vocabulary=256, context=64):
    """GPT-2: blocks of causal attention and a feed-forward part. The small one is 12, 12, 768, 50257, 1024."""
    tokens, positions = keras.Input((context,), dtype="int32", name="tokens"), keras.Input((context,), name="positions")
    x = layers.Embedding(vocabulary, width, name="wte")(tokens)
    x = layers.Add(name="embedded")([x, layers.Embedding(context, width, name="wpe")(positions)])
    x = layers.Dropout(0.1, name="drop")(x)
    for i in range(blocks):
        x = _gpt2_block(f"h_{i}", heads, width, context)(x)
    x = layers.LayerNormalization(epsilon=1e-5, name="ln_f")(x)
    logits = layers.Dense(vocabulary, use_bias=False, name="lm_head")(x)
    return keras.Model([tokens, positions], logits, name="gpt2")


def _gpt2_block(name, heads, width, context):
    hidden = keras.Input((context, width), name="hidden")
    y = layers.LayerNormalization(epsilon=1e-5, name="ln_1")(hidden)
    y = layers.MultiHeadAttention(heads, width // heads, dropout=0.1, name="attn")(y, y, use_causal_mask=True)
    y = layers.Dropout(0.1, name="attn_drop")(y)
    attended = layers.Add(name="attn_add")([hidden, y])
    y = layers.LayerNormalization(epsilon=1e-5, name="ln_2")(attended)
    y = layers.Dense(4 * width, name="mlp_fc")(y)
    y = layers.Activation("gelu", name="mlp_act")(y)
    y = layers.Dense(width, name="mlp_proj")(y)
    y = layers.Dropout(0.1, name="mlp_drop")(y)
    return keras.Model(hidden, layers.Add(name="mlp_add")([attended, y]), name=name)


def unet(levels=4, width=8, size=64, classes=2):
    """U-Net: down, across, and up again with a skip on each level. The original is 4 levels of 64 and more channels."""
    image = keras.Input((size, size, 3), name="image")
    x, skips = image, []
    for level in range(levels):
        x = _convolutions(x, f"down_{level}", width << level)
        skips.append(x)
        x = layers.MaxPooling2D(name=f"down_{level}_pool")(x)
    x = _convolutions(x, "bottom", width << levels)
    for level in reversed(range(levels)):
        x = layers.Conv2DTranspose(width << level, 2, strides=2, name=f"up_{level}_deconv")(x)
        x = layers.Concatenate(name=f"up_{level}_concat")([skips[level], x])
        x = _convolutions(x, f"up_{level}", width << level)
    return keras.Model(image, layers.Conv2D(classes, 1, activation="softmax", name="mask")(x), name="unet")


def _convolutions(x, name, channels):
    for i in (1, 2):
        x = layers.Conv2D(channels, 3, padding="same", use_bias=False, name=f"{name}_conv{i}")(x)
        x = layers.BatchNormalization(name=f"{name}_norm{i}")(x)
        x = layers.ReLU(name=f"{name}_relu{i}")(x)
    return x


def experts(count=128, width=16, context=32):
    """One mixture-of-experts layer between a few others; every expert is weighted by the router."""
    tokens = keras.Input((context, width), name="tokens")
    x = layers.LayerNormalization(name="norm")(tokens)
    attended = layers.Add(name="attn_add")([tokens, layers.MultiHeadAttention(4, width // 4, name="attn")(x, x)])
    x = layers.LayerNormalization(name="moe_norm")(attended)
    mixed = _mixture(count, width, context)(x)
    x = layers.Add(name="moe_add")([attended, mixed])
    return keras.Model(tokens, layers.Dense(10, name="head")(x), name="experts")


def _mixture(count, width, context):
    hidden = keras.Input((context, width), name="hidden")
    weights = layers.Dense(count, activation="softmax", name="router")(hidden)
    outputs = []
    for i in range(count):
        inner = [layers.Dense(4 * width, activation="gelu", name="up"), layers.Dense(width, name="down")]
        y = keras.Sequential([keras.Input((context, width)), *inner], name=f"expert_{i}")(hidden)
        outputs.append(layers.Multiply(name=f"weigh_{i}")([y, weights[..., i : i + 1]]))
    return keras.Model(hidden, layers.Add(name="mix")(outputs), name="moe")
