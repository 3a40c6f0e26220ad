"""Keras models of every kind that nbviz reads; each function builds a fresh one."""

from __future__ import annotations

import keras
from keras import layers, ops


def tutorial():
    """The example of Keras's tutorials."""
    return keras.Sequential(
        [keras.Input((1,)), layers.Dense(2, activation="relu"), layers.Dense(1, activation="sigmoid")]
    )


def two_inputs_shared_layer():
    """Two inputs that go through one layer, and meet."""
    left, right = keras.Input((4,), name="left"), keras.Input((4,), name="right")
    shared = layers.Dense(3, name="shared")
    met = layers.Concatenate(name="met")([shared(left), shared(right)])
    return keras.Model([left, right], layers.Dense(1, name="head")(met), name="twins")


class Residual(layers.Layer):
    """A block with a skip connection, made of layers and bare operations."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.first = layers.Dense(units)
        self.second = layers.Dense(units)

    def call(self, x):
        y = ops.relu(self.first(x))
        return ops.relu(self.second(y) + x)


class ResidualNet(keras.Model):
    """A subclassed residual network whose constructor takes arguments."""

    def __init__(self, units=8, blocks=2, **kwargs):
        super().__init__(**kwargs)
        self.stem = layers.Dense(units)
        self.blocks = [Residual(units) for _ in range(blocks)]
        self.head = layers.Dense(1, name="score")

    def call(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.head(x)


def residual_net(*, built=True):
    """A subclassed residual network, built on two examples of size 8 unless asked otherwise."""
    model = ResidualNet()
    if built:
        model(ops.ones((2, 8)))
    return model


def nested():
    """A model in a model in a model; the innermost is called twice, on different lengths."""
    inner_in = keras.Input((None, 4))
    inner = keras.Model(inner_in, layers.Dense(4, name="mix")(inner_in), name="inner")
    middle_in = keras.Input((None, 4))
    middle = keras.Model(middle_in, layers.ReLU(name="act")(inner(middle_in)), name="middle")
    a, b = keras.Input((5, 4), name="a"), keras.Input((7, 4), name="b")
    joined = layers.Concatenate(axis=1, name="joined")([middle(a), inner(b)])
    return keras.Model([a, b], layers.GlobalAveragePooling1D(name="pool")(joined), name="outer")


def multi_output():
    """A dict of inputs, and a nested structure of outputs."""
    image, text = keras.Input((8, 8, 3), name="image"), keras.Input((6,), dtype="int32", name="text")
    seen = layers.Flatten(name="flat")(layers.Conv2D(4, 3, name="conv")(image))
    read = layers.GlobalMaxPooling1D(name="pool")(layers.Embedding(10, 5, name="embed")(text))
    both = layers.Concatenate(name="both")([seen, read])
    outputs = {"class": layers.Dense(3, name="class")(both), "boxes": [layers.Dense(4, name="box")(both), both]}
    return keras.Model({"image": image, "text": text}, outputs, name="multi")


def time_distributed():
    """A convolution applied to every frame."""
    frames = keras.Input((5, 8, 8, 3), name="frames")
    x = layers.TimeDistributed(layers.Conv2D(4, 3, name="conv"), name="each")(frames)
    return keras.Model(frames, x)


def bidirectional():
    """Two LSTMs in opposite directions, then a GRU."""
    words = keras.Input((7, 3), name="words")
    x = layers.Bidirectional(layers.LSTM(4, return_sequences=True), name="both")(words)
    return keras.Model(words, layers.GRU(2, name="gru")(x))


def stacked_cells():
    """An RNN over a stack of two cells."""
    words = keras.Input((7, 3), name="words")
    return keras.Model(words, layers.RNN([layers.LSTMCell(4), layers.GRUCell(2)], name="rnn")(words))


def attention():
    """Self-attention with a residual connection."""
    x = keras.Input((6, 8), name="x")
    y = layers.MultiHeadAttention(2, 4, name="attend")(x, x)
    return keras.Model(x, layers.LayerNormalization(name="norm")(x + y))


class TokenAndPosition(layers.Layer):
    """Embeds positions that the code makes out of nothing."""

    def __init__(self, length, vocabulary, size, **kwargs):
        super().__init__(**kwargs)
        self.tokens = layers.Embedding(vocabulary, size)
        self.positions = layers.Embedding(length, size)

    def call(self, x):
        return self.tokens(x) + self.positions(ops.arange(0, ops.shape(x)[-1], 1))


def transformer():
    """Token and position embedding, then attention."""
    x = keras.Input((6,), dtype="int32", name="tokens")
    y = TokenAndPosition(6, 20, 8, name="embed")(x)
    y = layers.MultiHeadAttention(2, 4, name="attend")(y, y)
    return keras.Model(x, layers.Dense(20, name="logits")(y))


class NeedsNumbers(layers.Layer):
    """Its call computes with the batch size."""

    def __init__(self, heads=2, **kwargs):
        super().__init__(**kwargs)
        self.heads = heads
        self.project = layers.Dense(8)

    def call(self, x):
        batch, steps, size = x.shape
        x = ops.reshape(self.project(x), (batch * self.heads, steps, size // self.heads))
        return ops.reshape(x, (batch, steps, size))


class NeedsNumbersModel(keras.Model):
    """A model around such a layer."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner = NeedsNumbers()

    def call(self, x):
        return self.inner(x)


class OwnKernel(layers.Layer):
    """A layer with variables of its own, used on either side of operators."""

    def __init__(self, units=3, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")
        self.scale = self.add_weight(shape=(self.units,), name="scale", initializer="ones")

    def call(self, x):
        return self.scale * (x @ self.kernel) + 2 * self.scale


def own_kernel():
    """A functional model with a custom layer that has no layers inside."""
    x = keras.Input((4,), name="x")
    return keras.Model(x, OwnKernel(name="own")(x))


class Backend(layers.Layer):
    """Leaves keras.ops for the backend's own functions, between two layers."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.before = layers.Dense(4)
        self.after = layers.Dense(2)

    def call(self, x):
        x = self.before(x)
        if keras.backend.backend() == "torch":
            import torch

            x = torch.tanh(x) * 2
        elif keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            x = tf.tanh(x) * 2
        else:
            import jax.numpy as jnp

            x = jnp.tanh(x) * 2
        return self.after(x)


class BackendModel(keras.Model):
    """A model around such a layer."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner = Backend()

    def call(self, x):
        return self.inner(x) + 1


def lambdas():
    """A Lambda layer, and one that needs a number."""
    x = keras.Input((4,), name="x")
    y = layers.Lambda(lambda t: ops.square(t) + 1, name="square")(x)
    return keras.Model(x, y)


class TwoArguments(keras.Model):
    """A call with two tensors and an option."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.left = layers.Dense(3)
        self.right = layers.Dense(3)

    def call(self, query, context, scale=2.0, training=None):
        return self.left(query) * scale + self.right(context)


class FailsInside(keras.Model):
    """The second layer does not fit what the first gives."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first = layers.Dense(5)
        self.second = OwnKernel(2)
        self.never = layers.Dense(1)

    def call(self, x):
        x = self.first(x)
        y = ops.matmul(x, ops.ones((7, 2)))
        return self.never(y)


class AttachesLayers(keras.Model):
    """Its call makes layers and draws random numbers."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.made = None
        self.count = 0

    def call(self, x):
        import random

        import numpy as np

        random.random()
        np.random.rand(2)
        self.count += 1
        if self.made is None:
            self.made = layers.Dense(3)
        return self.made(x)


class Remembers(keras.Model):
    """Its call writes down what it has seen, in containers that TensorFlow has put its own in the place of."""

    def __init__(self):
        x = keras.Input((3,))
        super().__init__(x, layers.Dense(2)(x))
        self.shapes, self.last, self.names = [], {"first": {}}, set()

    def call(self, inputs, training=None, mask=None):
        self.shapes.append(tuple(inputs.shape))
        self.last["shape"] = tuple(inputs.shape)
        self.last["first"].setdefault("shape", tuple(inputs.shape))
        self.names.add("x")
        return super().call(inputs, training, mask)


def frozen():
    """A model with a frozen layer and a batch normalization."""
    x = keras.Input((4,), name="x")
    y = layers.Dense(3, name="still")(x)
    y = layers.BatchNormalization(name="norm")(y)
    model = keras.Model(x, layers.Dense(1, name="moves")(y))
    model.get_layer("still").trainable = False
    return model


def mixed_precision():
    """Float16 computation on float32 variables."""
    x = keras.Input((4,), name="x")
    y = layers.Dense(3, dtype="mixed_float16", name="half")(x)
    return keras.Model(x, layers.Dense(1, dtype="float32", name="full")(y))


def quantized(mode="int8"):
    """A dense layer in int8 or int4."""
    x = keras.Input((6,), name="x")
    model = keras.Model(x, layers.Dense(4, name="packed")(x))
    model.quantize(mode)
    return model


def same_names():
    """Siblings of equal names."""

    class Twins(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.a = layers.Dense(2, name="twin")
            self.b = layers.Dense(2, name="twin")

        def call(self, x):
            return self.b(self.a(x))

    return Twins()


class SharedInside(layers.Layer):
    """A block around a layer that it may share with another block."""

    def __init__(self, inner, **kwargs):
        super().__init__(**kwargs)
        self.inner = inner
        self.own = layers.Dense(3)

    def call(self, x):
        return self.own(self.inner(x))


class SharingBlocks(keras.Model):
    """Two blocks that share a layer."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        shared = layers.Dense(3)
        self.one = SharedInside(shared)
        self.two = SharedInside(shared)

    def call(self, x):
        return self.two(self.one(x))


class Tied(keras.Model):
    """The output projection is the embedding, transposed."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.embed = layers.Embedding(10, 4)

    def call(self, x):
        return ops.matmul(self.embed(x), ops.transpose(self.embed.embeddings))


class DictInput(keras.Model):
    """Takes a dict, gives a dict."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.left = layers.Dense(2)
        self.right = layers.Dense(2)

    def call(self, inputs):
        return {"sum": self.left(inputs["x"]) + self.right(inputs["y"]), "left": inputs["x"]}


class ShapeOnly(layers.Layer):
    """Cannot be traced, but tells its output shape."""

    def call(self, x):
        msg = "cannot be traced"
        raise TypeError(msg)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 9)


def opaque():
    """A model with a layer that cannot be traced."""
    x = keras.Input((3,), name="x")
    return keras.Model(x, layers.Dense(2, name="after")(ShapeOnly(name="odd")(x)))


class Stubborn(layers.Layer):
    """Refuses to tell its configuration, and says odd things."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner = layers.Dense(2)

    def get_config(self):
        msg = "no configuration"
        raise RuntimeError(msg)

    def __repr__(self):
        msg = "no representation"
        raise RuntimeError(msg)

    def call(self, x):
        return self.inner(x)


class StubbornModel(keras.Model):
    """A model around it, with a layer of a strange name."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.stubborn = Stubborn()
        self.strange = layers.Dense(1, name="a~b <script>")

    def call(self, x):
        return self.strange(self.stubborn(x))


class Raises(keras.Model):
    """Its call raises what it is given, behind a layer."""

    def __init__(self, error, **kwargs):
        super().__init__(**kwargs)
        self.error = error
        self.before = layers.Dense(2)

    def call(self, x):
        self.before(x)
        raise self.error


class Stateful(keras.Model):
    """A stateful RNN: its states are variables made from values."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.rnn = layers.LSTM(2, stateful=True)

    def call(self, x):
        return self.rnn(x)


class Masked(keras.Model):
    """A mask travels from the embedding into the attention."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.embed = layers.Embedding(10, 4, mask_zero=True)
        self.attend = layers.MultiHeadAttention(2, 3)
        self.read = layers.LSTM(3)

    def call(self, x):
        x = self.embed(x)
        return self.read(self.attend(x, x, use_causal_mask=True))


class Counting(layers.Layer):
    """Changes a variable of its own, and adds a loss."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.total = self.add_weight(shape=(), initializer="zeros", trainable=False, name="total")

    def call(self, x):
        self.add_loss(ops.mean(x))
        self.total.assign(self.total + ops.sum(x))
        return x * self.total


def counting():
    """A model with such a layer."""
    x = keras.Input((3,), name="x")
    return keras.Model(x, Counting(name="count")(x))


class BackendBetween(layers.Layer):
    """Mixes keras.ops, a variable of its own and a function of the backend."""

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], 5), name="kernel")

    def call(self, x):
        x = ops.relu(x)
        if keras.backend.backend() == "torch":
            import torch

            x = torch.cumsum(x, dim=-1)
        elif keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            x = tf.cumsum(x, axis=-1)
        else:
            import jax.numpy as jnp

            x = jnp.cumsum(x, axis=-1)
        return ops.matmul(x, self.kernel) + 1.0


def backend_between():
    """A model with such a layer."""
    x = keras.Input((4,), name="x")
    return keras.Model(x, BackendBetween(name="mix")(x))


def drawn_by_keras():
    """Models by kind of which Keras's own pictures show every layer, and each once."""
    words = keras.Input((7, 3), name="words")
    sequence, *states = layers.LSTM(4, return_state=True, return_sequences=True, name="states")(words)
    recurrent = layers.GRU(2, name="gru")(layers.Concatenate(name="all")([sequence, sequence])[:, :-1])
    small = keras.Sequential([layers.Dense(3, activation="relu"), layers.Dropout(0.5, name="drop")], name="small")
    deep = keras.Sequential([keras.Input((4,)), small, layers.Dense(2)], name="deep")
    x = keras.Input((4,), name="x")
    still = frozen()
    still.get_layer("norm").trainable = False
    spoken = [layers.Dense(2, activation=layers.LeakyReLU(), name="object"), layers.Activation("gelu", name="named")]
    spoken += [layers.Dense(1, activation=ops.softplus, name="function"), layers.ReLU(), layers.Dropout(0.5)]
    return {
        "sequential": tutorial(),
        "several inputs": multi_output(),
        "nested": keras.Model(x, layers.Dense(1, name="head")(ops.relu(deep(x)))),
        "nested in sequential": keras.Sequential([keras.Input((4,)), mixed_precision(), layers.Dense(1)]),
        "bidirectional": bidirectional(),
        "cells": stacked_cells(),
        "states": keras.Model(words, [recurrent, *states]),
        "attention": attention(),
        "frozen": still,
        "activations": keras.Sequential([keras.Input((4,)), *spoken]),
    }
