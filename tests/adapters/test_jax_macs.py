"""Multiply-accumulates of JAX: what is counted under which primitive, and what is said to be unknown."""

from __future__ import annotations

import pytest

jax = pytest.importorskip("jax")

import jax.numpy as jnp  # noqa: E402

from tests.adapters.jax_reading import graph_of, totals  # noqa: E402

WEIGHTS = {"w": jnp.ones((8, 3))}
GROUPS = jnp.array([1, 1, 2])


def product(params, x):
    return x @ params["w"]


def grouped(params, x):
    return jax.lax.ragged_dot(x, params["w"], GROUPS)


@jax.custom_batching.custom_vmap
def with_a_rule(x):
    return x @ jnp.ones((8, 3))


with_a_rule.def_vmap(lambda size, batched, x: (with_a_rule(x), batched[0]))


COUNTED = {
    "a product": (product, (WEIGHTS, (4, 8)), 4 * 8 * 3),
    "groups of rows": (grouped, ({"w": jnp.ones((3, 8, 5))}, (4, 8)), 4 * 8 * 5),
    "their gradients": (
        jax.grad(lambda params, x: grouped(params, x).sum(), argnums=(0, 1)),
        ({"w": jnp.ones((3, 8, 5))}, (4, 8)),
        3 * 4 * 8 * 5,
    ),
    "a rule for vmap": (lambda x: with_a_rule(x) + 1, (4, 8), 4 * 8 * 3),
}


@pytest.mark.parametrize("name", COUNTED)
def test_products_count_under_every_primitive(name):
    function, inputs, expected = COUNTED[name]
    assert totals(graph_of(function, inputs))["macs"] == expected


def test_a_product_of_scaled_numbers_counts():
    if not hasattr(jax.nn, "scaled_matmul"):
        pytest.skip("this JAX has none")
    numbers, scales = jnp.float8_e4m3fn, jnp.float8_e8m0fnu
    params = {
        "w": jnp.ones((1, 16, 64), numbers),
        "left": jnp.ones((1, 4, 2), scales),
        "right": jnp.ones((1, 16, 2), scales),
    }

    def function(params, x):
        return jax.nn.scaled_matmul(x, params["w"], params["left"], params["right"])

    assert totals(graph_of(function, (params, jnp.ones((1, 4, 64), numbers))))["macs"] == 4 * 16 * 64


def test_what_an_exported_function_and_python_compute_is_said_to_be_unknown():
    exported = jax.export.export(jax.jit(product))(WEIGHTS, jnp.ones((4, 8)))
    graph = graph_of(exported.call, (WEIGHTS, (4, 8)))
    assert totals(graph)["macs"] is None
    assert "call_exported" in graph.diagnostics[-1].message
    called = graph_of(lambda x: jax.pure_callback(lambda x: x, jax.ShapeDtypeStruct(x.shape, x.dtype), x), (4, 8))
    assert totals(called)["macs"] is None


def test_a_batch_that_a_gradient_contracts_away_counts_per_example():
    def dense(params, x):
        return (jax.nn.relu(x @ params["a"]) @ params["b"]).mean()

    def convolved(params, x):
        numbers = ("NHWC", "HWIO", "NHWC")
        return (jax.lax.conv_general_dilated(x, params["k"], (1, 1), "SAME", dimension_numbers=numbers) ** 2).sum()

    for function, params, shape in (
        (dense, {"a": jnp.ones((8, 16)), "b": jnp.ones((16, 3))}, (8,)),
        (convolved, {"k": jnp.ones((3, 3, 4, 8))}, (6, 6, 4)),
    ):
        free, five = (totals(graph_of(jax.grad(function), (params, (batch, *shape))))["macs"] for batch in (None, 5))
        assert five == 5 * free > 0


@pytest.mark.parametrize(
    "function",
    [
        jnp.linalg.cholesky,
        jnp.linalg.svd,
        jnp.linalg.qr,
        jnp.linalg.eigh,
        jnp.linalg.det,
        jnp.fft.fft,
        lambda a: jax.scipy.linalg.solve_triangular(a, a),
    ],
)
def test_linear_algebra_and_transforms_are_unknown_and_not_nothing(function):
    graph = graph_of(function, (jnp.eye(4),))
    assert totals(graph)["macs"] is None
    assert "MACs of" in graph.diagnostics[-1].message


def test_a_primitive_of_somebody_else_is_unknown_where_it_gives_fractions():
    from jax.extend.core import Primitive

    for dtype, known in ((jnp.float32, None), (jnp.int32, 0)):
        own = Primitive("own")
        own.def_abstract_eval(lambda x, dtype=dtype: jax.core.ShapedArray(x.shape, jnp.dtype(dtype)))
        assert totals(graph_of(own.bind, (4, 8)))["macs"] == known


def test_what_moves_numbers_or_is_elementwise_contracts_nothing():
    def model(x):
        order = jnp.argsort(x, axis=-1)
        h = jax.nn.softmax(jnp.take_along_axis(x, order, -1)) + jax.random.normal(jax.random.key(0), x.shape)
        return jnp.cumsum(jax.scipy.special.gammaln(h), -1), jax.lax.top_k(h, 2), jnp.pad(h, 1), h.at[0].add(1)

    graph = graph_of(model, (4, 8))
    assert (totals(graph)["macs"], graph.diagnostics) == (0, ())


def test_what_equinox_checks_and_marks_contracts_nothing():
    eqx = pytest.importorskip("equinox")

    def model(params, x):
        x = eqx.internal.nonbatchable(eqx.internal.nontraceable(x @ params["w"]))
        return eqx.error_if(x, jnp.any(jnp.isnan(x)), "is not a number")

    graph = graph_of(model, ({"w": jnp.ones((8, 4))}, (2, 8)))
    assert (totals(graph)["macs"], graph.diagnostics) == (2 * 8 * 4, ())
    called = graph_of(
        lambda params, x: eqx.internal.noinline(jnp.dot)(x, params["w"]), ({"w": jnp.ones((8, 4))}, (2, 8))
    )
    assert totals(called)["macs"] is None
