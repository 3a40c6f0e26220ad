"""What a function of JAX merely names may be anything: values that are no trees, no arrays, or raise when they are looked at."""

from __future__ import annotations

import types
from unittest.mock import Mock

import numpy as np
import pytest

jax = pytest.importorskip("jax")
pd = pytest.importorskip("pandas")

import jax.numpy as jnp  # noqa: E402

from nbviz.adapters import read  # noqa: E402
from nbviz.adapters.jax.arrays import is_array  # noqa: E402
from nbviz.adapters.jax.leaves import is_finite, leaves_of  # noqa: E402
from nbviz.errors import InputsError  # noqa: E402
from tests.adapters.jax_reading import graph_of, totals  # noqa: E402

ROUND = {"a": jnp.ones(2)}
ROUND["self"] = ROUND
NESTED = [jnp.ones(2)]
for _ in range(500):
    NESTED = [NESTED]
LIST = []
LIST.append(LIST)


class Holder:
    def __init__(self):
        self.table = ROUND

    def run(self, x):
        return x * self.table["a"].sum()


class Raises:
    def __getattr__(self, name):
        raise RuntimeError(name)


OPS = types.ModuleType("ops")
OPS.shape, OPS.dtype, OPS.ndim = np.shape, np.dtype, np.ndim


class Foreign:
    """Looks like a tensor of another library."""

    shape, dtype, ndim = (3,), "other.float32", 1


class Anything:
    """Answers to any name and any index, and so has items without end."""

    def __getattr__(self, name):
        return Anything()

    def __getitem__(self, index):
        if index == 1_000:
            raise SystemExit("nothing asks for more")
        return self


ANYTHING = [
    Anything(),
    OPS,
    Foreign(),
    Raises(),
    Mock(),
    pd.Series(["a", "b"]),
    pd.Series(["a", "b"], dtype="category"),
    np.array(["a"]),
    np.array([object()]),
    {"labels": np.array(["a"])},
]


@pytest.fixture(autouse=True)
def jax_still_works():
    yield
    assert jax.jit(lambda x: x + 1)(jnp.ones(1)) == 2


@pytest.mark.parametrize("model", [lambda x: x * ROUND["a"].sum(), lambda x: x * len(NESTED), Holder().run])
def test_what_holds_itself_is_read_by_a_function(model):
    graph = graph_of(model, (None, 2))
    assert [c.outputs[0].shape for c in graph.calls if c.kind == "input"] == [(None, 2)]


@pytest.mark.parametrize("inputs", [ROUND, LIST, ({"w": ROUND}, (3,)), ((3,), LIST)])
def test_what_holds_itself_is_no_input(inputs):
    with pytest.raises(InputsError, match="contains itself"):
        read(lambda *args, **kwargs: args[0], inputs)


def test_what_holds_itself_has_no_leaves():
    assert leaves_of(ROUND) == leaves_of(NESTED) == []
    shared = {"a": 1}
    assert is_finite([shared, shared])
    assert leaves_of({"b": (1, [2, None]), "c": {}}) == [1, 2]


@pytest.mark.parametrize("value", ANYTHING, ids=lambda value: type(value).__name__)
def test_what_is_no_array_is_let_alone(value):
    graph = graph_of(lambda x: (value, x * 2)[1], (3,))
    assert (totals(graph)["params"], graph.diagnostics) == (0, ())


@pytest.mark.parametrize("value", ANYTHING[:7], ids=lambda value: type(value).__name__)
def test_what_is_no_array_stands_beside_parameters(value):
    graph = graph_of(lambda params, x: (value, x @ params["w"])[1], ({"w": jnp.ones((8, 4))}, (None, 8)))
    assert (totals(graph)["params"], graph.diagnostics) == (32, ())


def test_what_answers_to_anything_is_a_setting_and_an_input():
    eqx = pytest.importorskip("equinox")

    class Configured(eqx.Module):
        scale: jax.Array
        config: Anything = eqx.field(static=True)

        def __call__(self, x):
            return x * self.scale

    assert totals(graph_of(Configured(jnp.ones(3), Anything()), (3,)))["params"] == 3
    graph = graph_of(lambda params, x, config: x * params["w"], ({"w": jnp.ones(3)}, (3,), Anything()))
    assert totals(graph)["params"] == 3


def test_arrays_are_those_that_jax_takes():
    taken = [
        jnp.ones(1),
        np.ones(1),
        np.float32(1),
        jnp.bfloat16(1),
        jax.random.key(0),
        jax.ShapeDtypeStruct((), "int8"),
    ]
    assert all(map(is_array, taken))
    jax.make_jaxpr(lambda x: [] if is_array(x) else 1 / 0)(1.0)
    assert not any(map(is_array, [*ANYTHING, 1.0, "a", None, np.ndarray, jnp]))


def test_a_keras_model_that_a_function_names_is_no_matter():
    keras = pytest.importorskip("keras")
    if keras.backend.backend() != "jax":
        pytest.skip("Keras runs on another backend")
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    params = [jnp.asarray(variable.value) for variable in model.trainable_variables]
    graph = graph_of(lambda params, x: model.stateless_call(params, [], x)[0], (params, jnp.ones((1, 3))))
    assert (totals(graph)["params"], totals(graph)["macs"]) == (8, 6)
    variable = keras.Variable(np.ones(3))
    (note,) = graph_of(lambda x: x * variable.value, (3,)).diagnostics
    assert "are counted as its parameters: variable" in note.message


def test_a_callback_with_a_single_number():
    def called(x):
        return jax.pure_callback(lambda v: np.float32(v.sum()), jax.ShapeDtypeStruct((), jnp.float32), x)

    graph = graph_of(called, (3,))
    assert [c.outputs[0].shape for c in graph.calls if c.op == "pure_callback"] == [()]
