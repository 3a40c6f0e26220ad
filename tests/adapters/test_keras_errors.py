"""What is said when a Keras model, its inputs or its file cannot be read as a whole."""

from __future__ import annotations

import gc
import re
import traceback
import weakref

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from keras import layers as kl  # noqa: E402

import nbviz  # noqa: E402
from nbviz.adapters import read  # noqa: E402
from nbviz.errors import FileReadError, InputsError, UnsupportedModelError  # noqa: E402
from tests.models import keras_models as models  # noqa: E402


def test_forward_pass_is_shown_up_to_the_call_that_fails():
    reading = read(models.FailsInside(), (None, 3))
    failed = [c for c in reading.graph.calls if c.failed]
    assert [c.path for c in failed] == ["matmul#1"]
    assert [s.shape for s in failed[0].inputs] == [(None, 5), (7, 2)]
    assert isinstance(reading.error, ValueError)
    (diagnostic,) = reading.graph.diagnostics
    assert diagnostic.level == "error"
    assert diagnostic.call == failed[0].id
    assert "(None, 5), (7, 2)" in diagnostic.message
    assert "must be equal" in diagnostic.message
    assert re.search(r"stopped at keras_models\.py:\d+ in matmul#1 \(matmul\)", diagnostic.message)


def test_inputs_that_do_not_fit_fail_at_the_layer_that_refuses_them():
    model = keras.Sequential([keras.Input((3,)), kl.Dense(2, name="first"), kl.Dense(1)])
    reading = read(model, (None, 5))
    assert [c.path for c in reading.graph.calls if c.failed] == ["first"]
    assert "expected axis -1" in reading.graph.diagnostics[0].message


def test_messages_carry_no_terminal_escapes():
    reading = read(models.Raises(ValueError("\x1b[1mbold\x1b[0m\x07 words")), (None, 3))
    assert reading.graph.diagnostics[0].message.endswith("ValueError: bold words")
    assert "before" in reading.graph.calls_of


def test_kept_exception_does_not_keep_the_model():
    model = models.Raises(ValueError("stop"))
    model.layer = kl.Dense(2)
    alive = weakref.ref(model)
    reading = read(model, (None, 3))
    assert str(reading.error) == "stop"
    text = "".join(traceback.format_exception(reading.error))
    assert "in call" in text
    assert "raise self.error" in text
    del model
    gc.collect()
    assert alive() is None


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        (32, "inputs is 32"),
        ("(None, 3)", "a str"),
        ([], "inputs is empty"),
        ((None, -3), "cannot be negative"),
        ({"left": (None, 4), "rigth": (None, 4)}, "Did you mean 'right'"),
        ({"left": (None, 4)}, "inputs is missing 'right'"),
        ((None, 4), "takes 2: 'left', 'right'"),
    ],
)
def test_inputs_that_make_no_sense_say_what_to_give(inputs, words):
    with pytest.raises(InputsError, match=words.replace("(", r"\(").replace(")", r"\)")):
        read(models.two_inputs_shared_layer(), inputs)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [([(None, 1), (None, 1)], "inputs has 2 tensors, but this model takes 1"), ({"q": (None, 1)}, "inputs names 'q'")],
)
def test_a_sequential_model_takes_one_input_of_its_own_name(inputs, words):
    with pytest.raises(InputsError, match=words):
        read(models.tutorial(), inputs)


def test_inputs_that_do_not_match_the_signature_name_it():
    with pytest.raises(InputsError, match=r"TwoArguments.call\(query, context, scale\)"):
        read(models.TwoArguments(), (None, 4))


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"q": (None, 4)}, "call(ids) got a dict as its argument ids: the keys (q) are not argument names"),
        (((None, 4), (None, 4)), "call(ids) got a list as its argument ids, with the 2 inputs in it"),
    ],
)
def test_a_failing_model_says_that_several_inputs_were_one_argument(inputs, words):
    class Embeds(keras.Model):
        def __init__(self):
            super().__init__()
            self.table = kl.Embedding(10, 4)

        def call(self, ids):
            return self.table(ids)

    reading = read(Embeds(), inputs)
    assert isinstance(reading.error, AttributeError)
    assert words in reading.graph.diagnostics[-1].message


def test_a_failing_model_that_got_one_tensor_has_no_word_on_several_inputs():
    class Refuses(keras.Model):
        def call(self, x):
            raise TypeError("A KerasTensor cannot be used here")

    reading = read(Refuses(), (None, 4))
    assert "TypeError: A KerasTensor" in reading.graph.diagnostics[-1].message


def test_a_layer_that_cannot_be_followed_keeps_the_layers_that_it_has_built():
    class Attends(keras.Model):
        def __init__(self):
            super().__init__()
            self.attention = kl.MultiHeadAttention(2, 8)

        def call(self, x):  # a causal mask is for one axis of positions, and this has two
            return self.attention(x, x, use_causal_mask=True)

    reading = read(Attends(), (None, 5, 5, 16))
    rows = nbviz.summary(reading.graph)
    inside = rows.loc[["attention/query", "attention/key", "attention/value", "attention/attention_output"]]
    assert rows.loc["attention", "params"] == inside["params"].sum() == 4 * (16 * 16 + 16)
    assert "contents of attention are not shown" in reading.graph.diagnostics[0].message


@pytest.mark.parametrize(
    "inputs",
    [
        ((None, 4), (None, 6)),
        [(None, 4), (None, 6)],
        {"query": (None, 4), "context": (None, 6)},
        (np.ones((2, 4)), np.ones((2, 6), "float32")),
        (keras.KerasTensor((None, 4)), keras.InputSpec(shape=(None, 6), dtype="float32")),
    ],
)
def test_inputs_may_be_shapes_arrays_or_specs(inputs):
    graph = read(models.TwoArguments(), inputs).graph
    assert graph.calls[0].outputs[0].shape[-1] == 3
    assert {s.dtype for s in graph.calls[0].inputs} == {"float32"}


@pytest.mark.parametrize("suffix", ["keras", "h5"])
@pytest.mark.filterwarnings("ignore")
def test_saved_models_are_read_with_their_weights(tmp_path, suffix):
    path = tmp_path / f"net.{suffix}"
    model = models.tutorial()
    model.save(path)
    reading = read(str(path))
    assert [layer.type for layer in reading.graph.layers] == ["Sequential", "Dense", "Dense"]
    values = np.concatenate(list(reading.weights.chunks(0)))
    assert np.allclose(values, keras.ops.convert_to_numpy(model.weights[0]).reshape(-1))
    path.unlink()
    with pytest.raises(LookupError, match="can no longer be opened"):
        next(reading.weights.chunks(0))


def test_loading_a_file_leaves_the_name_counters(tmp_path):
    models.tutorial().save(tmp_path / "net.keras")
    before = int(kl.Dense(1).name.rpartition("_")[2])
    read(tmp_path / "net.keras")
    assert int(kl.Dense(1).name.rpartition("_")[2]) == before + 1


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("missing.keras", None, "There is no file"),
        ("broken.keras", b"not a zip", "damaged"),
        ("broken.h5", b"not hdf5", "damaged"),
        ("model.weights.h5", b"", "is empty"),
        ("model.docx", b"", "'.docx'"),
    ],
)
def test_files_that_cannot_be_read_say_why(tmp_path, name, content, words):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(FileReadError, match=words):
        read(tmp_path / name)


def test_file_with_a_lambda_is_not_run(tmp_path):
    models.lambdas().save(tmp_path / "code.keras")
    with pytest.raises(FileReadError, match="safe_mode=False"):
        read(tmp_path / "code.keras")


def test_file_with_unknown_classes_says_how_to_load_it(tmp_path):
    models.own_kernel().save(tmp_path / "own.keras")
    with pytest.raises(FileReadError, match="custom_objects"):
        read(tmp_path / "own.keras")


def test_missing_file_names_the_nearest(tmp_path):
    (tmp_path / "network.keras").write_bytes(b"")
    (tmp_path / "netwrk.py").write_text("")  # nearer, but nothing to read
    with pytest.raises(FileReadError, match=r"Did you mean '.*network.keras'"):
        read(tmp_path / "netwrk.keras")


def test_objects_that_nothing_reads_are_refused_with_what_was_tried():
    with pytest.raises(UnsupportedModelError, match=r"an int. Tried: .*Keras 3"):
        read(42)
    with pytest.raises(UnsupportedModelError, match=r"Dense\(...\)"):
        read(kl.Dense)


def test_object_may_bring_its_own_graph():
    graph = read(models.tutorial()).graph

    class Own:
        def __nbviz_graph__(self):
            return graph

    assert read(Own()).graph is graph
    assert read(graph).graph is graph


def test_a_model_that_leaves_keras_and_then_fails_says_why_itself():
    functions = {"torch": "torch", "tensorflow": "tensorflow.nn", "jax": "jax.nn"}
    relu = pytest.importorskip(functions[keras.backend.backend()]).relu

    class Fails(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.inner = kl.Dense(4)

        def call(self, x):
            relu(self.inner(x))
            msg = "the real reason"
            raise RuntimeError(msg)

    reading = read(Fails(), (None, 8))
    assert str(reading.error) == "the real reason"
    assert "inner" in reading.graph.calls_of


@pytest.mark.parametrize("test", ["loop", "branch"])
def test_code_that_takes_values_out_of_constants_is_followed(test):
    class Takes(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.inner = kl.Dense(8)

        def call(self, x):
            if test == "branch":
                return self.inner(x) if keras.ops.max(keras.ops.ones((2,))) > 0 else x
            for _ in keras.ops.arange(3):
                x = self.inner(x)
            return x

    reading = read(Takes(), (None, 8))
    assert reading.error is None
    assert len([c for c in reading.graph.calls if c.op == "Dense"]) == (3 if test == "loop" else 1)
