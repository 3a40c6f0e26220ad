"""What ``inputs`` may be for JAX, and what is said at once of what they may not be."""

from __future__ import annotations

import numpy as np
import pytest

jax = pytest.importorskip("jax")
nnx = pytest.importorskip("flax.nnx")

from nbviz.adapters import read  # noqa: E402
from nbviz.errors import InputsError  # noqa: E402
from tests.adapters.jax_reading import graph_of, totals  # noqa: E402


def product(params, x):
    return params["w"] @ x


def linear():
    return nnx.Linear(3, 4, rngs=nnx.Rngs(0))


NO_SHAPES = {
    r"inputs\[0\]\['w'\] is \(3, 5\.0\), which is not a shape: 5\.0 at \[1\] is a float": ({"w": (3, 5.0)}, (5,)),
    r"inputs\[0\]\['w'\]\[1\]\['q'\] is \(4, True\).* at \[1\] is a bool": ({"w": [(1,), {"q": (4, True)}]}, (5,)),
    r"inputs\[1\] is \(None, 'x', 3j\).* 3j at \[2\] is a complex": ({"w": (4, 3)}, (None, "x", 3j)),
    r"inputs\[0\]\['w'\] has the dtype flot32": ({"w": ((4, 3), "flot32")}, (3,)),
    r"inputs\[0\]\['w'\] has the shape \(4, -3\)": ({"w": (4, -3)}, (3,)),
}


@pytest.mark.parametrize("words", NO_SHAPES)
def test_what_is_no_dimension_is_named_with_its_place(words):
    with pytest.raises(InputsError, match=words):
        read(product, NO_SHAPES[words])


@pytest.mark.parametrize("inputs", [(224, 224.0, 3), (None, 3.0), ((None, 3.0), "float32"), {"inputs": (None, 3.0)}])
def test_a_shape_with_a_fraction_in_it_is_refused_for_modules_too(inputs):
    with pytest.raises(InputsError, match=r"which is not a shape: .* is a float"):
        read(linear(), inputs)


def test_sizes_may_be_those_of_numpy():
    assert totals(graph_of(linear(), (None, np.int64(3))))["macs"] == 12
    assert totals(graph_of(product, ({"w": (np.prod((2, 2)), 3)}, (3,))))["macs"] == 12
    scalars = graph_of(lambda a, b: a + b, (np.int32(3), np.int32(4)))  # examples, where there is nothing else
    assert [c.outputs[0].shape for c in scalars.calls if c.kind == "input"] == [(), ()]


def test_numbers_may_be_arguments():
    assert graph_of(lambda a, b: jax.numpy.ones(3) * a * b, (2, 3.0)).calls
    assert graph_of(lambda x, betas: x * betas[0], ((None, 3), (0.9, 0.99))).calls


def test_numbers_that_do_not_work_say_that_they_are_no_shape():
    reading = read(product, ({"w": (4, 3)}, (3.0,)))
    assert "inputs[1] was taken as the numbers (3.0,)" in reading.graph.diagnostics[-1].message
