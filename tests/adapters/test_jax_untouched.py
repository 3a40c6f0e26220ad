"""What a model of JAX writes outside itself while it is traced is as before afterwards."""

from __future__ import annotations

import functools
import random
import threading
from typing import Any

import numpy as np
import pytest

jax = pytest.importorskip("jax")
eqx = pytest.importorskip("equinox")
pytest.importorskip("flax")

import jax.numpy as jnp  # noqa: E402
from flax import linen, nnx  # noqa: E402

from tests.adapters.jax_reading import graph_of, totals  # noqa: E402

LOG: list[Any] = []
TABLE: dict[str, Any] = {}
GENERATOR = np.random.default_rng(0)
X = jnp.ones((1, 3))
KEY = jax.random.key(0)


def keep(x):
    LOG.append(x)
    TABLE["x"] = x
    return x


class Nnx(nnx.Module):
    last: Any = nnx.static("nothing") if hasattr(nnx, "static") else "nothing"

    def __init__(self):
        self.linear = nnx.Linear(3, 3, rngs=nnx.Rngs(0))

    @nnx.jit
    def run(self, x):
        return self.linear(keep(x))

    def __call__(self, x):
        Nnx.kept = x
        return self.run(x)


class Eqx(eqx.Module):
    linear: eqx.nn.Linear
    cache: list[Any] = eqx.field(static=True)

    def __call__(self, x, key=None):
        self.cache.append(x)
        Eqx.kept = x
        return self.linear(keep(x))


class Inner(linen.Module):
    @linen.compact
    def __call__(self, x):
        Inner.kept = x
        return linen.Dense(3)(keep(x))


class Outer(linen.Module):
    @linen.compact
    def __call__(self, x):
        return Inner()(x)


class Plain:
    def __init__(self):
        self.w = jnp.ones((3, 3))

    def __call__(self, x):
        self.kept = x
        return x @ self.w


class Slots:
    __slots__ = ("kept",)

    def __call__(self, x):
        self.kept = x
        return x * 2


MODULE, TREE = Nnx(), Eqx(eqx.nn.Linear(3, 3, key=KEY), LOG)
VARIABLES = Outer().init(KEY, X)
LOG.clear()
TABLE.clear()
del Inner.kept
PLAIN, SLOTS = Plain(), Slots()
HELPER = jax.jit(keep)

MODELS = {
    "function": (keep, X),
    "jitted helper": (lambda x: HELPER(x) * 2, X),
    "vmap": (jax.vmap(keep), X),
    "nnx": (MODULE, X),
    "nnx inside": (nnx.Sequential(MODULE, keep), X),
    "nnx around": (lambda x: MODULE(x) * 1, X),
    "nnx jit": (nnx.jit(MODULE), X),
    "equinox": (TREE, X[0]),
    "equinox method": (TREE.__call__, X[0]),
    "equinox inside": (eqx.nn.Sequential([TREE, eqx.nn.Lambda(keep)]), X[0]),
    "equinox vmap": (jax.vmap(TREE), X),
    "linen": (Outer(), X),
    "linen apply": (functools.partial(Outer().apply, VARIABLES), X),
    "method": (PLAIN.__call__, X),
    "slots": (lambda x: SLOTS(x) * 1, X),
}


@pytest.mark.parametrize("name", MODELS)
def test_nothing_of_a_trace_stays(name):
    model, inputs = MODELS[name]
    graph_of(model, inputs)
    assert (LOG, TABLE) == ([], {})
    assert not any(hasattr(holder, "kept") for holder in (Nnx, Eqx, Inner, PLAIN, SLOTS))
    assert MODULE(X).shape == (1, 3)
    LOG.clear()
    TABLE.clear()
    del Nnx.kept


def test_a_table_that_is_filled_once_is_filled_in_every_trace():
    table: dict[str, Any] = {"before": X}

    def model(x):
        table.pop("before", None)
        return x + table.setdefault("steps", jnp.arange(3.0) * x[:1])

    assert [c.outputs[0].shape for c in graph_of(model, (None, 3)).calls if c.op == "add"] == [(None, 3)]
    assert table == {"before": X}


def test_random_generators_go_on_as_if_nothing_had_been():
    before = random.getstate(), np.random.get_state()[1].tobytes(), GENERATOR.bit_generator.state
    graph_of(lambda x: x * random.random() * np.random.rand() * GENERATOR.normal(), (3,))
    assert before == (random.getstate(), np.random.get_state()[1].tobytes(), GENERATOR.bit_generator.state)


def test_arrays_that_come_from_elsewhere_meanwhile_stay():
    def model(x):
        other = threading.Thread(target=lambda: LOG.append(X))
        other.start()
        other.join()
        return x * 2

    graph_of(model, (3,))
    assert LOG
    LOG.clear()


class Caches:
    """Takes the place of a module, and fills a table with its flag beside it."""

    def __init__(self):
        self.w, self.scale, self.ready, self.seen = jnp.ones((3, 3)), None, False, []

    def __call__(self, x):
        self.seen.append(x.shape)
        if not self.ready:
            self.scale, self.ready = jnp.abs(x).max(), True
        return x @ self.w / self.scale


def test_an_object_whose_method_is_read_is_as_before():
    model = Caches()
    graph_of(model.__call__, X)
    assert (model.scale, model.ready, model.seen) == (None, False, [])
    model(X)


def test_what_another_thread_gives_a_global_meanwhile_stays():
    started, finished = threading.Event(), threading.Event()

    def train():
        assert started.wait(60)
        TABLE["w"] = jnp.ones((3, 3))
        finished.set()

    def function(x):
        started.set()
        assert finished.wait(60)
        return x @ TABLE["w"]

    TABLE["w"] = jnp.zeros((3, 3))
    worker = threading.Thread(target=train)
    worker.start()
    graph_of(function, X)
    worker.join()
    assert TABLE["w"].sum() == 9
    TABLE.clear()


@functools.lru_cache
def squares(count):
    return jnp.arange(count) ** 2.0


def test_a_cache_that_a_trace_has_filled_is_empty():
    graph_of(lambda x: x * squares(3), X)
    assert squares.cache_info().currsize == 0
    assert squares(3).sum() == 5
    graph_of(lambda x: x * squares(3), X)
    assert squares.cache_info().currsize == 1


class InSetup(linen.Module):
    def setup(self):
        self.first, self.last = linen.Dense(4), linen.Dense(2)

    def __call__(self, x):
        return self.last(self.first(x))


class Compact(linen.Module):
    @linen.compact
    def __call__(self, x):
        return linen.Dense(2)(linen.Dense(4)(x))


@pytest.mark.parametrize("kind", [InSetup, Compact])
def test_a_bound_module_of_linen_that_a_function_reads_is_called_as_before(kind):
    x = jnp.ones((2, 3))
    model = kind()
    bound = model.bind(model.init(jax.random.key(0), x))
    expected = model.apply(bound.variables, x)
    graph = graph_of(lambda x: 2 * bound(x), (None, 3))  # traced twice, for a free batch
    assert totals(graph)["macs"] == 3 * 4 + 4 * 2
    for _ in range(2):
        assert (bound(x) == expected).all()


def test_what_a_model_sets_for_all_of_jax_is_as_before():
    def model(x):
        jax.config.update("jax_enable_x64", True)
        jax.config.update("jax_default_matmul_precision", "float32")
        return x * 2

    before = dict(jax.config.values)
    graph_of(model, (3,))
    try:
        assert dict(jax.config.values) == before
    finally:
        for name in ("jax_enable_x64", "jax_default_matmul_precision"):
            jax.config.update(name, before[name])
