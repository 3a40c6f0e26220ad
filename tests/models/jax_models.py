"""Models of Flax NNX, and what they are called with: each the smallest that shows one thing."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import nnx


class Mlp(nnx.Module):
    def __init__(self, rngs):
        self.up = nnx.Linear(8, 16, rngs=rngs)
        self.drop = nnx.Dropout(0.5, rngs=rngs)
        self.down = nnx.Linear(16, 4, rngs=rngs)

    def __call__(self, x):
        return self.down(self.drop(nnx.relu(self.up(x))))


class Cnn(nnx.Module):
    def __init__(self, rngs):
        self.conv = nnx.Conv(3, 8, (3, 3), strides=2, rngs=rngs)
        self.norm = nnx.BatchNorm(8, rngs=rngs)
        self.grouped = nnx.Conv(8, 8, (3, 3), feature_group_count=4, rngs=rngs)
        self.up = nnx.ConvTranspose(8, 6, (3, 3), strides=(2, 2), rngs=rngs)
        self.head = nnx.Linear(6, 10, rngs=rngs)

    def __call__(self, x):
        x = nnx.relu(self.norm(self.conv(x)))
        x = self.up(self.grouped(nnx.max_pool(x, (2, 2), (2, 2))))
        return self.head(x.mean((1, 2)))


class Block(nnx.Module):
    def __init__(self, width, rngs):
        self.norm = nnx.LayerNorm(width, rngs=rngs)
        self.attention = nnx.MultiHeadAttention(2, width, rngs=rngs, decode=False)
        self.up = nnx.Linear(width, 4 * width, rngs=rngs)
        self.down = nnx.Linear(4 * width, width, rngs=rngs)

    def __call__(self, x):
        x = x + self.attention(self.norm(x))
        return x + self.down(nnx.gelu(self.up(x)))


class Gpt(nnx.Module):
    """A token embedding that is tied to the head."""

    def __init__(self, rngs):
        self.tokens = nnx.Embed(50, 8, rngs=rngs)
        self.blocks = nnx.List([Block(8, rngs) for _ in range(2)])

    def __call__(self, x):
        x = self.tokens(x)
        for block in self.blocks:
            x = block(x)
        return self.tokens.attend(x)


class Recurrent(nnx.Module):
    def __init__(self, rngs):
        self.lstm = nnx.RNN(nnx.LSTMCell(3, 4, rngs=rngs))
        self.gru = nnx.RNN(nnx.GRUCell(4, 5, rngs=rngs))

    def __call__(self, x):
        return self.gru(self.lstm(x))


class Scanned(nnx.Module):
    """Layers whose weights are stacked, so that a loop goes over them."""

    def __init__(self, rngs, layers=3):
        make = nnx.vmap(lambda r: Block(8, r), in_axes=(0,), out_axes=0)
        self.layers = nnx.split_rngs(splits=layers)(make)(rngs)

    def __call__(self, x):
        return nnx.scan(lambda x, layer: layer(x), in_axes=(nnx.Carry, 0), out_axes=nnx.Carry)(x, self.layers)


class Shared(nnx.Module):
    """A module that is called twice, jitted, and one that only passes on."""

    def __init__(self, rngs):
        self.one = nnx.Linear(4, 4, rngs=rngs)
        self.same = self.one
        self.rest = nnx.Dropout(0.5, deterministic=True, rngs=rngs)

    def __call__(self, x):
        @nnx.jit
        def twice(one, x):
            return one(one(x))

        return self.rest(twice(self.one, x))


class Branching(nnx.Module):
    def __init__(self, rngs):
        self.yes = nnx.Linear(4, 4, rngs=rngs)
        self.no = nnx.Linear(4, 4, rngs=rngs)

    def __call__(self, x):
        return nnx.cond(x.sum() > 0, lambda m, x: m.yes(x), lambda m, x: m.no(x) + 1, self, x)


class Broken(nnx.Module):
    def __init__(self, rngs):
        self.good = nnx.Linear(8, 4, rngs=rngs)
        self.rest = nnx.Sequential(nnx.Linear(5, 4, rngs=rngs))

    def __call__(self, x):
        return self.rest(self.good(x))


NNX = {
    "mlp": (Mlp, ((3, 8), jnp.float32)),
    "cnn": (Cnn, ((2, 32, 32, 3), jnp.float32)),
    "gpt": (Gpt, ((2, 6), jnp.int32)),
    "recurrent": (Recurrent, ((2, 5, 3), jnp.float32)),
    "scanned": (Scanned, ((2, 5, 8), jnp.float32)),
    "shared": (Shared, ((2, 4), jnp.float32)),
    "branching": (Branching, ((2, 4), jnp.float32)),
}


def nnx_case(name):
    """Return a model without values, and its input."""
    make, (shape, dtype) = NNX[name]
    return nnx.eval_shape(lambda: make(nnx.Rngs(0))), jax.ShapeDtypeStruct(shape, dtype)
