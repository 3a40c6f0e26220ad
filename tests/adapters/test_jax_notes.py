"""What notes and errors say of functions of JAX that stop, or give nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

jax = pytest.importorskip("jax")
pytest.importorskip("flax")

import jax.numpy as jnp  # noqa: E402
from flax import nnx  # noqa: E402

from nbviz.adapters import read  # noqa: E402
from nbviz.adapters.jax.jaxprs import is_library  # noqa: E402
from nbviz.errors import InputsError, UnsupportedModelError  # noqa: E402


def decides(x):
    return x if x.sum() > 0 else -x


def decides_too(params, x):
    return decides(x) * params["w"]


@pytest.mark.parametrize(("model", "inputs"), [(decides, (3,)), (decides_too, ({"w": jnp.ones(3)}, (3,)))])
def test_an_error_names_the_function_that_was_viewed(model, inputs):
    (message,) = [d.message for d in read(model, inputs).graph.diagnostics if d.level == "error"]
    assert f"tracing the function {model.__name__} at" in message
    assert "argument inputs[0]" in message
    assert "nbviz" not in message


def test_an_error_with_whole_weights_is_cut_in_the_note():
    def model(x):
        raise ValueError("\n".join(["got Param(", *["1.0, " * 1000] * 100]))

    reading = read(model, (3,))
    (message,) = [d.message for d in reading.graph.diagnostics]
    assert "got Param(" in message
    assert len(message) < 4000
    assert message.count("\n") < 10
    assert len(str(reading.error)) > 100_000


async def awaited(x):
    return x * 2


def yields(x):
    yield x * 2


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (awaited, "awaited is an async function"),
        (yields, "yields is a generator"),
        (lambda x: None, "returned None"),
        (lambda x: {"a": 1}, "returned a dict, in which there are no arrays"),
    ],
)
def test_a_function_that_gives_no_arrays_says_so(model, words):
    (note,) = read(model, (3,)).graph.diagnostics
    assert words in note.message


def test_what_stands_for_a_model_says_what_to_pass():
    x = jnp.ones(3)
    jitted = jax.jit(lambda x: x * 2)
    lowered = jitted.lower(x)
    optimizer = type("Optimizer", (), {"__module__": "flax.nnx.training.optimizer"})()
    definition, _ = nnx.split(nnx.Linear(2, 2, rngs=nnx.Rngs(0)))
    for source, words in (
        (jax.make_jaxpr(jitted)(x), "jaxpr_as_fun"),
        (lowered, "function that was lowered"),
        (lowered.compile(), "function that was compiled"),
        (jax.export.export(jitted)(x), "function that was exported"),
        (definition, "nnx.merge"),
        (optimizer, "Pass the module that it updates"),
    ):
        with pytest.raises(UnsupportedModelError, match=words):
            read(source)


def test_a_name_that_is_no_argument_is_named():
    def model(params, x, train=False):
        return x @ params["w"] if train else x

    class Module(nnx.Module):
        def __call__(self, x, train=False):
            return x.mean()

    with pytest.raises(InputsError, match=r"no argument is named 'trian'\. Did you mean 'train'\?"):
        read(model, {"params": {"w": jnp.ones((3, 3))}, "x": (2, 3), "trian": True})
    (message,) = [d.message for d in read(Module(), {"x": (2, 3), "trian": True}).graph.diagnostics]
    assert message.endswith("no argument is named 'trian'. Did you mean 'train'?")


def test_a_dict_without_the_name_of_an_argument_says_which_there_are():
    model = nnx.Linear(4, 3, rngs=nnx.Rngs(0))
    (message,) = [d.message for d in read(model, {"x": (2, 4)}).graph.diagnostics]
    assert message.endswith("no argument is named 'x'. The arguments are: inputs, out_sharding.")


@pytest.mark.parametrize(
    "function",
    [lambda x: jnp.einsum("bi,ij->bk", x, x), lambda x: np.linalg.norm(2 * x)],
    ids=["opt_einsum", "numpy"],
)
def test_an_error_in_what_a_model_calls_is_told_of_where_the_model_calls_it(function):
    (message,) = [d.message for d in read(function, (2, 4)).graph.diagnostics]
    assert f"stopped at {Path(__file__).name}:" in message


def test_a_dict_that_is_one_argument_may_have_the_name_of_the_argument_in_it():
    class Module(nnx.Module):
        def __call__(self, x):
            return x["x"] + x["y"]

    assert read(Module(), {"x": (2, 3), "y": (3,)}).error is None


def test_an_axis_that_nothing_has_named_says_what_names_it():
    model = nnx.BatchNorm(3, axis_name="replicas", rngs=nnx.Rngs(0))
    (message,) = [d.message for d in read(model, (2, 3)).graph.diagnostics]
    assert message.endswith(
        "View the function that maps over the axis and names it, such as jax.vmap(function, axis_name='replicas')."
    )


def test_no_parameters_that_are_given_are_not_missed():
    def model(params, state, x):
        return x * state["scale"]["average"]

    state = {"scale": {"average": jnp.ones(3)}}
    assert read(model, ({}, state, (2, 3))).graph.diagnostics == ()
    (note,) = read(lambda x, state: model({}, state, x), ((2, 3), state)).graph.diagnostics
    assert "No parameters found" in note.message


class SilentError(Exception):
    def __str__(self):
        raise ValueError

    __repr__ = __str__


@pytest.mark.parametrize(
    "wrap", [lambda function: function, jax.jit, lambda function: lambda x: jax.lax.map(function, x)]
)
def test_an_error_that_cannot_say_what_it_is_stops_the_model_and_not_the_reading(wrap):
    def model(x):
        raise SilentError

    reading = read(wrap(model), (3,))
    assert isinstance(reading.error, SilentError)
    assert "SilentError: no text, ValueError" in reading.graph.diagnostics[-1].message


def test_an_error_without_text_is_its_name():
    def model(x):
        raise RecursionError

    assert "float32. RecursionError. " in f"{read(model, (3,)).graph.diagnostics[-1].message} "


@pytest.mark.parametrize(("name", "expected"), [("jax", True), ("haiku", True), ("mymodels", False)])
def test_what_a_library_does_is_done_where_the_model_calls_it(tmp_path, name, expected):
    assert is_library(str(tmp_path / "site-packages" / name / "basic.py")) is expected
