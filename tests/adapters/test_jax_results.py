"""What the outputs of functions of JAX are called."""

from __future__ import annotations

from typing import NamedTuple

import pytest

jax = pytest.importorskip("jax")

from tests.adapters.jax_reading import graph_of  # noqa: E402

PARAMS = {"dense": {"kernel": jax.numpy.ones((8, 4)), "bias": jax.numpy.ones(4)}}
INPUTS = (PARAMS, (None, 8), (None, 4))


def loss(params, x, y):
    return ((x @ params["dense"]["kernel"] + params["dense"]["bias"] - y) ** 2).mean()


def step(params, x, y):
    value, gradients = jax.value_and_grad(loss)(params, x, y)
    return jax.tree.map(lambda p, g: p - 0.1 * g, params, gradients), value


class Given(NamedTuple):
    loss: jax.Array
    held: dict


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (loss, [""]),
        (step, ["output[0]['dense']['bias']", "output[0]['dense']['kernel']", "output[1]"]),
        (lambda *given: {"loss": loss(*given)}, ["output['loss']"]),
        (lambda *given: Given(loss(*given), {"x": given[1]}), ["loss", "held['x']"]),
    ],
)
def test_outputs_are_called_by_where_they_are_in_what_is_returned(function, names):
    graph = graph_of(function, INPUTS)
    assert [c.inputs[0].name for c in graph.calls if c.kind == "output"] == names
