"""Modules of Equinox that are taken apart and put together again, and are alike."""

from __future__ import annotations

import time

import pytest

jax = pytest.importorskip("jax")
eqx = pytest.importorskip("equinox")
pytest.importorskip("flax")

import jax.numpy as jnp  # noqa: E402

from tests.adapters.jax_reading import graph_of  # noqa: E402

KEY = jax.random.key(0)


class Dropouts(eqx.Module):
    before: eqx.nn.Dropout
    linear: eqx.nn.Linear
    after: eqx.nn.Dropout
    rest: eqx.nn.Sequential

    def __init__(self):
        self.before = eqx.nn.Dropout(inference=True)
        self.linear = eqx.nn.Linear(4, 4, key=KEY)
        self.after = eqx.nn.Dropout(inference=True)
        self.rest = eqx.nn.Sequential(
            [eqx.nn.Lambda(jnp.tanh), eqx.nn.Dropout(inference=True), eqx.nn.Lambda(jnp.tanh)]
        )

    def __call__(self, x):
        return self.rest(self.after(jax.vmap(self.linear)(self.before(x))))


class Jitted(Dropouts):
    __call__ = eqx.filter_jit(Dropouts.__call__)


class Stacked(eqx.Module):
    blocks: Dropouts

    def __init__(self):
        self.blocks = eqx.filter_vmap(lambda key: Dropouts(), axis_size=3)(None)

    def __call__(self, x):
        arrays, rest = eqx.partition(self.blocks, eqx.is_array)
        return jax.lax.scan(lambda x, one: (eqx.combine(one, rest)(x), None), x, arrays)[0]


class Checkpointed(eqx.Module):
    blocks: list[Dropouts]

    def __init__(self):
        self.blocks = [Dropouts(), Dropouts()]

    def __call__(self, x):
        for block in self.blocks:
            x = eqx.filter_checkpoint(block)(x)
        return x


INSIDE = ["before", "linear", "after", "rest", "rest/layers/0", "rest/layers/1", "rest/layers/2"]


@pytest.mark.parametrize(
    ("kind", "holders"), [(Jitted, [""]), (Stacked, ["blocks"]), (Checkpointed, ["blocks/0", "blocks/1"])]
)
def test_modules_without_weights_are_told_apart_by_what_holds_their_copies(kind, holders):
    graph = graph_of(kind(), (2, 4))
    expected = [path for one in holders for path in [one, *(f"{one}/{name}".lstrip("/") for name in INSIDE)] if path]
    assert [c.path for c in graph.calls if c.kind == "layer"] == ["", *expected]


class Scaled(eqx.Module):
    """A weight that is computed from two arrays."""

    numbers: jax.Array
    scale: jax.Array

    @staticmethod
    def computed(tree):
        is_scaled = lambda node: isinstance(node, Scaled)  # noqa: E731
        return jax.tree.map(lambda n: n.numbers * n.scale if is_scaled(n) else n, tree, is_leaf=is_scaled)


def test_a_module_with_arrays_in_place_of_what_they_are_computed_from_is_the_module():
    def function(mlp, x):
        return eqx.nn.Linear(2, 2, key=KEY)(Scaled.computed(mlp)(x))  # the last is none of them

    weights = lambda mlp: [layer.weight for layer in mlp.layers]  # noqa: E731
    mlp = eqx.nn.MLP(4, 2, 8, 1, key=KEY)
    scaled = eqx.tree_at(weights, mlp, [Scaled(weight, jnp.ones(())) for weight in weights(mlp)])
    graph = graph_of(lambda model, x: function(model["mlp"], x), ({"mlp": scaled}, (4,)))
    assert [c.path for c in graph.calls if c.kind == "layer"] == ["", "mlp", "mlp/layers/0", "mlp/layers/1"]


class Checkpointed(eqx.Module):
    blocks: list

    def __call__(self, x):
        for block in self.blocks:
            x = eqx.filter_checkpoint(block)(x)
        return x


def test_many_modules_that_are_alike_are_told_apart_at_once():
    model = Checkpointed([eqx.nn.MLP(2, 2, 2, 1, key=KEY) for _ in range(200)])
    begun = time.process_time()
    graph = graph_of(model, (2,))
    assert time.process_time() - begun < 8  # it took 12 s
    assert [c.path for c in graph.calls if c.op == "MLP"] == [f"blocks/{i}" for i in range(200)]


class Autoencoder(eqx.Module):
    shared: eqx.nn.Shared

    def __init__(self):
        layers = eqx.nn.Linear(4, 4, key=KEY), eqx.nn.Linear(4, 4, key=KEY)
        self.shared = eqx.nn.Shared(layers, lambda both: both[1].weight, lambda both: both[0].weight)

    def __call__(self, x):
        encoder, decoder = self.shared()
        return decoder(encoder(x))


def test_a_module_with_the_weight_of_another_is_the_one_whose_own_are_read():
    graph = graph_of(Autoencoder(), (4,))
    assert [c.path for c in graph.calls if c.op == "Linear"] == ["shared/pytree/0", "shared/pytree/1"]
