"""Modules of which another method is called than ``__call__``."""

from __future__ import annotations

import pytest

jax = pytest.importorskip("jax")
eqx = pytest.importorskip("equinox")
nnx = pytest.importorskip("flax.nnx")

from flax import linen as nn  # noqa: E402

from tests.adapters.jax_reading import graph_of  # noqa: E402

KEY = jax.random.key(0)


class Embedder(nnx.Module):
    def __init__(self, rngs):
        self.table = nnx.Param(jax.random.normal(rngs.params(), (16, 4)))

    def encode(self, ids):
        return self.scaled(self.table[...][ids])

    def scaled(self, x):
        return 2 * x

    @nnx.jit
    def decode(self, x):
        return x @ self.table[...].T

    def width(self):
        return self.table.shape[1]


class Model(nnx.Module):
    def __init__(self, rngs):
        self.embedder = Embedder(rngs)
        self.mix = nnx.Linear(4, 4, rngs=rngs)

    def __call__(self, ids):
        assert self.embedder.width() == 4
        return self.embedder.decode(self.mix(self.embedder.encode(ids)))


class Table(eqx.Module):
    weight: jax.Array

    def encode(self, ids):
        return self.scaled(self.weight[ids])

    def scaled(self, x):
        return 2 * x

    @eqx.filter_jit
    def decode(self, x):
        return x @ self.weight.T

    def width(self):
        return self.weight.shape[1]


class Net(eqx.Module):
    embedder: Table
    mix: eqx.nn.Linear

    def __init__(self):
        self.embedder = Table(jax.random.normal(KEY, (16, 4)))
        self.mix = eqx.nn.Linear(4, 4, key=KEY)

    def __call__(self, ids):
        assert self.embedder.width() == 4
        return self.embedder.decode(jax.vmap(self.mix)(self.embedder.encode(ids)))


class LinenEmbedder(nn.Module):
    def setup(self):
        self.table = nn.Embed(16, 4)

    def encode(self, ids):
        return self.scaled(self.table(ids))

    def scaled(self, x):
        return 2 * x

    def decode(self, x):
        return self.table.attend(x)

    @nn.nowrap
    def width(self):
        return 4


class LinenModel(nn.Module):
    def setup(self):
        self.embedder, self.mix = LinenEmbedder(), nn.Dense(4)

    def __call__(self, ids):
        assert self.embedder.width() == 4
        return self.embedder.decode(self.mix(self.embedder.encode(ids)))


def test_methods_of_modules_of_linen_are_calls_too():
    graph = graph_of(LinenModel(), ((3,), "int32"))
    outer = [call for call in graph.calls if call.parent == 0 and call.kind == "layer"]
    assert [call.path for call in outer] == ["embedder", "mix", "embedder"]
    assert [tuple(call.outputs[0].shape) for call in outer] == [(3, 4), (3, 4), (3, 16)]
    assert [layer.type for layer in graph.layers] == ["LinenModel", "LinenEmbedder", "Embed", "Dense"]


@pytest.mark.parametrize("make", [lambda: Model(nnx.Rngs(0)), Net])
def test_methods_of_modules_are_calls_where_others_call_them_on_arrays(make):
    model = make()
    kinds = [type(model.embedder), type(model)]
    before = [dict(vars(kind)) for kind in kinds]
    graph = graph_of(model, ((3,), "int32"))
    outer = [call for call in graph.calls if call.parent == 0 and call.kind == "layer"]
    assert [call.path for call in outer] == ["embedder", "mix", "embedder"]
    assert [tuple(call.outputs[0].shape) for call in outer] == [(3, 4), (3, 4), (3, 16)]
    assert [dict(vars(kind)) for kind in kinds] == before
