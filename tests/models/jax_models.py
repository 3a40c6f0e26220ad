"""Models of Flax NNX, Flax Linen and Equinox, and a pure function, and what they are called with: each shows one thing."""

from __future__ import annotations

from collections.abc import Callable

import equinox as eqx
import flax.linen as nn
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


# Flax Linen


class LinenCnn(nn.Module):
    @nn.compact
    def __call__(self, x, train=False):
        x = nn.Conv(8, (3, 3), strides=2)(x)
        x = nn.relu(nn.BatchNorm(use_running_average=not train)(x))
        x = nn.Dropout(0.5, deterministic=not train)(x.mean((1, 2)))
        return nn.Dense(10, name="head")(x)


class LinenBlock(nn.Module):
    width: int

    @nn.compact
    def __call__(self, x, _=None):
        y = nn.LayerNorm(name="norm")(x)
        x = x + nn.MultiHeadDotProductAttention(2, name="attention")(y, y)
        return x + nn.Dense(self.width, name="down")(nn.gelu(nn.Dense(4 * self.width, name="up")(x))), None


class LinenGpt(nn.Module):
    """Blocks in a list, set up at once, and a tied head."""

    layers: int = 2

    def setup(self):
        self.tokens = nn.Embed(50, 8)
        self.blocks = [LinenBlock(8) for _ in range(self.layers)]

    def __call__(self, x):
        x = self.tokens(x)
        for block in self.blocks:
            x, _ = block(x)
        return self.tokens.attend(x)


class LinenScanned(nn.Module):
    @nn.compact
    def __call__(self, x):
        layers = nn.scan(nn.remat(LinenBlock), variable_axes={"params": 0}, split_rngs={"params": True}, length=3)
        return layers(8, name="layers")(x, None)[0]


class LinenShared(nn.Module):
    @nn.compact
    def __call__(self, x):
        dense = nn.Dense(4)
        return nn.Dropout(0.5, deterministic=True)(dense(dense(x)))


class LinenRecurrent(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.RNN(nn.GRUCell(5), name="gru")(nn.RNN(nn.LSTMCell(4), name="lstm")(x))


LINEN = {
    "cnn": (LinenCnn, ((2, 32, 32, 3), jnp.float32)),
    "gpt": (LinenGpt, ((2, 6), jnp.int32)),
    "scanned": (LinenScanned, ((2, 6, 8), jnp.float32)),
    "shared": (LinenShared, ((2, 4), jnp.float32)),
    "recurrent": (LinenRecurrent, ((2, 5, 3), jnp.float32)),
}


def linen_case(name):
    """Return a module and its input."""
    make, (shape, dtype) = LINEN[name]
    return make(), jax.ShapeDtypeStruct(shape, dtype)


# Equinox


class EqxMlp(eqx.Module):
    first: eqx.nn.Linear
    rest: eqx.nn.MLP
    drop: eqx.nn.Dropout
    activation: Callable = jax.nn.relu

    def __init__(self, key):
        self.first = eqx.nn.Linear(3, 4, key=key)
        self.rest = eqx.nn.MLP(4, 2, 8, 1, key=key)
        self.drop = eqx.nn.Dropout(0.5, inference=True)

    def __call__(self, x):
        return eqx.filter_jit(self.rest)(self.drop(self.activation(self.first(x))))


class EqxBlock(eqx.Module):
    norm: eqx.nn.LayerNorm
    attention: eqx.nn.MultiheadAttention
    up: eqx.nn.Linear
    down: eqx.nn.Linear

    def __init__(self, width, key):
        keys = jax.random.split(key, 3)
        self.norm = eqx.nn.LayerNorm(width)
        self.attention = eqx.nn.MultiheadAttention(2, width, key=keys[0])
        self.up = eqx.nn.Linear(width, 4 * width, key=keys[1])
        self.down = eqx.nn.Linear(4 * width, width, key=keys[2])

    def __call__(self, x):
        y = jax.vmap(self.norm)(x)
        x = x + self.attention(y, y, y)
        return x + jax.vmap(self.down)(jax.nn.gelu(jax.vmap(self.up)(x)))


class EqxGpt(eqx.Module):
    tokens: eqx.nn.Embedding
    blocks: list
    head: eqx.nn.Linear

    def __init__(self, key, layers=2):
        keys = jax.random.split(key, layers + 2)
        self.tokens = eqx.nn.Embedding(50, 8, key=keys[0])
        self.blocks = [EqxBlock(8, k) for k in keys[2:]]
        self.head = eqx.nn.Linear(8, 50, use_bias=False, key=keys[1])

    def __call__(self, x):
        x = jax.vmap(self.tokens)(x)
        for block in self.blocks:
            x = block(x)
        return jax.vmap(self.head)(x)


class EqxScanned(eqx.Module):
    layers: EqxBlock
    last: EqxBlock

    def __init__(self, key):
        self.layers = eqx.filter_vmap(lambda k: EqxBlock(8, k))(jax.random.split(key, 3))
        self.last = EqxBlock(8, key)

    def __call__(self, x):
        arrays, static = eqx.partition(self.layers, eqx.is_array)

        def body(x, layer):
            return eqx.combine(layer, static)(x), None

        return self.last(jax.lax.scan(body, x, arrays)[0])


class EqxStateful(eqx.Module):
    conv: eqx.nn.Conv2d
    norm: eqx.nn.BatchNorm

    def __init__(self, key):
        self.conv = eqx.nn.Conv2d(3, 4, 3, key=key)
        self.norm = eqx.nn.BatchNorm(4, axis_name="batch", mode="batch")

    def __call__(self, x, state):
        return self.norm(self.conv(x), state)


EQUINOX = {
    "mlp": (EqxMlp, ((3,), jnp.float32)),
    "gpt": (EqxGpt, ((6,), jnp.int32)),
    "scanned": (EqxScanned, ((6, 8), jnp.float32)),
}


def equinox_case(name):
    """Return a module without values, and its input."""
    make, (shape, dtype) = EQUINOX[name]
    return eqx.filter_eval_shape(make, jax.random.key(0)), jax.ShapeDtypeStruct(shape, dtype)


# A pure function


def gpt_params(width=8, layers=2, words=50):
    """Return the shapes of the weights of ``gpt``."""

    def array(*shape):
        return jax.ShapeDtypeStruct(shape, jnp.bfloat16)

    block = {
        "attention": {"qkv": array(width, 3, width), "out": array(width, width)},
        "mlp": {"up": array(width, 4 * width), "down": array(4 * width, width)},
    }
    return {"tokens": array(words, width), "blocks": [block] * layers}


def gpt(params, x):
    """Return logits; the scopes of attention and MLP have the names of their weights."""
    x = params["tokens"][x]
    for block in params["blocks"]:
        with jax.named_scope("attention"):
            q, k, v = jnp.einsum("bsd,dne->nbse", x, block["attention"]["qkv"])
            scores = jax.nn.softmax(q @ k.mT / q.shape[-1] ** 0.5)
            x = x + scores @ v @ block["attention"]["out"]
        with jax.named_scope("mlp"):
            x = x + jax.nn.silu(x @ block["mlp"]["up"]) @ block["mlp"]["down"]
    return {"logits": x @ params["tokens"].T}
