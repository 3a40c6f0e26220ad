"""Reading leaves the model, Keras and the process exactly as they were, whatever the model's code does."""

from __future__ import annotations

import random
import sys
import threading
import weakref

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from keras import layers as kl  # noqa: E402
from keras.src.backend.common import global_state  # noqa: E402
from keras.src.layers.layer import Layer  # noqa: E402
from keras.src.ops.operation import Operation  # noqa: E402

from nbviz.adapters import read  # noqa: E402
from tests.models import keras_models as models  # noqa: E402

CONTAINERS = (list, dict, set, tuple)


def content(value):
    """Identify a container by its elements, deep, and what it notes beside them; everything else by itself."""
    if not isinstance(value, CONTAINERS):
        return id(value)
    noted = [] if isinstance(value, tuple) else [(k, id(v)) for k, v in getattr(value, "__dict__", {}).items()]
    value = getattr(value, "__wrapped__", value)  # TensorFlow's proxies
    if isinstance(value, dict):
        return (id(value), [(key, content(item)) for key, item in dict.items(value)], noted)
    if isinstance(value, set):
        return (id(value), sorted(map(repr, value)), noted)
    return (id(value), [content(item) for item in value], noted)


def layer_states(model):
    found = {}
    for layer in model._flatten_layers():
        tracker = layer._tracker
        found[id(layer)] = (
            layer.name,
            {name: content(value) for name, value in vars(layer).items()},
            list(vars(layer)),
            (tracker.locked, {name: set(ids) for name, ids in tracker.stored_ids.items()}),
            [(id(v), {k: id(x) for k, x in vars(v).items()}) for v in layer.variables],
        )
    return found


def keras_state():
    trackers = (global_state.GLOBAL_STATE_TRACKER, global_state.GLOBAL_SETTINGS_TRACKER)
    return [{name: (id(v), repr(v)) for name, v in vars(tracker).items()} for tracker in trackers]


def random_states():
    legacy = np.random.get_state()
    states = [random.getstate(), legacy[1].tolist(), legacy[2:]]
    if "torch" in sys.modules:
        states.append(sys.modules["torch"].get_rng_state().tolist())
    return states


def hooks():
    backend_layer = sys.modules["keras.src.layers.layer"].BackendLayer
    classes = (Layer, Operation, backend_layer, keras.Variable, *keras.Variable.__mro__[1:-1])
    # without the annotations, which Python makes when somebody asks for them
    return [{name: value for name, value in vars(cls).items() if name != "__annotations__"} for cls in classes]


CASES = {
    "built": lambda: (models.residual_net(), None),
    "unbuilt": lambda: (models.residual_net(built=False), (None, 8)),
    "unbuilt_without_inputs": lambda: (models.residual_net(built=False), None),
    "attaches_layers": lambda: (models.AttachesLayers(), (None, 3)),
    "needs_numbers": lambda: (models.NeedsNumbersModel(), (None, 5, 8)),
    "remembers": lambda: (models.Remembers(), (None, 3)),
    "backend": lambda: (models.BackendModel(), (None, 6)),
    "fails": lambda: (models.FailsInside(), (None, 3)),
    "raises": lambda: (models.Raises(ValueError("stop")), (None, 3)),
    "masked": lambda: (models.Masked(), (None, 7)),
    "stateful": lambda: (models.Stateful(), (4, 5, 3)),
    "counting": lambda: (models.counting(), None),
    "functional": lambda: (models.nested(), None),
    "other_shapes": lambda: (models.nested(), [(2, 3, 4), (2, 3, 4)]),
    "transformer": lambda: (models.transformer(), None),
    "lambda": lambda: (models.lambdas(), None),
    "bidirectional": lambda: (models.bidirectional(), (2, 5, 3)),
    "sequential_unbuilt": lambda: (keras.Sequential([kl.Dense(3), kl.Dropout(0.5)]), (None, 4)),
    "nothing_fits": lambda: (keras.Sequential([keras.Input((3,)), kl.Dense(2)]), (None, 9, 9)),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CASES)
def test_nothing_remains_of_a_reading(name):
    model, inputs = CASES[name]()
    before = (layer_states(model), random_states(), hooks())
    state = keras_state()
    read(model, inputs)
    assert keras_state() == state
    after = (layer_states(model), random_states(), hooks())
    assert after[0] == before[0]
    assert after[1] == before[1]
    assert after[2] == before[2]


def test_next_automatic_name_is_what_it_would_have_been():
    model = models.AttachesLayers()
    number = int(kl.Dense(1).name.rpartition("_")[2] or 0)
    read(model, (None, 3))
    assert kl.Dense(1).name == f"dense_{number + 1}"
    assert model.made is None
    assert model.count == 0


def test_unbuilt_model_is_still_unbuilt_and_can_then_be_built():
    model = models.residual_net(built=False)
    read(model, (None, 8))
    assert not model.built
    assert model.weights == []
    assert model(np.ones((2, 6), "float32")).shape == (2, 1)


def test_an_interrupt_puts_everything_back_and_passes_through():
    model = models.Raises(KeyboardInterrupt())
    before, state, hooked = layer_states(model), keras_state(), hooks()
    with pytest.raises(KeyboardInterrupt):
        read(model, (None, 3))
    assert layer_states(model) == before
    assert keras_state() == state
    assert hooks() == hooked


def test_variables_made_for_a_reading_get_no_storage(monkeypatch):
    made = []
    original = keras.Variable._initialize

    def watched(self, value):
        made.append(value)
        return original(self, value)

    monkeypatch.setattr(keras.Variable, "_initialize", watched)
    model = keras.Sequential([kl.Dense(100_000), kl.Dense(100_000), kl.BatchNormalization()])
    graph = read(model, (None, 100_000)).graph
    assert sum(p.size for p in graph.parameters) > 20_000_000_000
    assert made == []


def test_no_layer_computes(monkeypatch):
    model = models.transformer()

    def refused(*_args, **_kwargs):
        msg = "a layer was really called"
        raise AssertionError(msg)

    monkeypatch.setattr(kl.Embedding, "call", refused)
    monkeypatch.setattr(kl.Dense, "call", refused)
    assert read(model).error is None


def test_other_threads_call_their_models_meanwhile():
    inside, done = threading.Event(), threading.Event()
    results = []

    class Waits(keras.Model):
        def call(self, x):
            inside.set()
            assert done.wait(30)
            return x * 2

    other = models.tutorial()

    def work():
        assert inside.wait(30)
        try:
            results.append(other(np.ones((2, 1), "float32")))
            results.append(kl.Dense(2)(np.ones((2, 1), "float32")))
        finally:
            done.set()

    worker = threading.Thread(target=work)
    worker.start()
    reading = read(Waits(), (None, 3))
    worker.join()
    assert reading.error is None
    assert [tuple(r.shape) for r in results] == [(2, 1), (2, 2)]
    assert not any(isinstance(r, keras.KerasTensor) for r in results)


def test_hooks_of_torch_modules_are_not_run():
    if keras.backend.backend() != "torch":
        pytest.skip("only torch has such hooks")
    model, seen = models.residual_net(), []
    model.stem.register_forward_hook(lambda *given: seen.append(given))
    read(model)
    assert seen == []


def test_a_reading_does_not_keep_the_model():
    import gc

    model = models.residual_net()
    alive = weakref.ref(model)
    reading = read(model)
    assert sum(len(piece) for piece in reading.weights.chunks(0)) == 64
    del model
    gc.collect()
    assert alive() is None
    with pytest.raises(LookupError, match="no longer exists"):
        reading.weights.chunks(0)


def test_weights_come_in_pieces_without_a_copy_of_the_whole():
    model = keras.Sequential([keras.Input((3000,)), kl.Dense(1000)])
    pieces = list(read(model).weights.chunks(0))
    assert len(pieces) > 1
    assert np.allclose(np.concatenate(pieces), keras.ops.convert_to_numpy(model.weights[0]).reshape(-1))


def test_weights_in_bfloat16_are_read_as_float32():
    model = keras.Sequential([keras.Input((3,)), kl.Dense(2, dtype="bfloat16")])
    (piece,) = read(model).weights.chunks(0)
    assert piece.dtype == np.float32


def test_weights_of_an_unbuilt_model_are_said_to_be_missing():
    reading = read(models.residual_net(built=False), (None, 8))
    with pytest.raises(LookupError, match="not built"):
        reading.weights.chunks(0)
    with pytest.raises(LookupError, match="no parameter 99"):
        reading.weights.chunks(99)


def test_values_that_training_elsewhere_assigns_meanwhile_stay():
    class Trains(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.inner = kl.Dense(2)
            self.log = []

        def call(self, x):
            worker = threading.Thread(target=lambda: self.inner.bias.assign(np.ones(2, "float32")))
            worker.start()
            worker.join()
            return self.inner(x)

    model = Trains()
    model.inner.build((None, 3))
    read(model, (None, 3))
    assert keras.ops.convert_to_numpy(model.inner.bias).tolist() == [1.0, 1.0]


def test_a_large_attribute_does_not_hide_the_layers_from_the_guard():
    class Corpus(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.corpus = tuple([i] for i in range(250_000))
            self.inner = models.AttachesLayers()

        def call(self, x):
            return self.inner(x)

    model = Corpus()
    read(model, (None, 3))
    assert model.inner.made is None
    assert model.inner.count == 0


@pytest.mark.parametrize("eager", [False, True])
def test_what_a_call_keeps_in_tensorflow_stays(eager):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("only on TensorFlow")
    import tensorflow as tf

    class Keeps(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.steps, self.inner = tf.Variable(0.0), kl.Dense(4)
            self.generator = tf.random.Generator.from_seed(1)
            self.table = tf.lookup.experimental.MutableHashTable(tf.int64, tf.int64, -1)

        def call(self, x):
            self.steps.assign_add(1.0)
            self.table.insert(tf.constant([1], tf.int64), tf.constant([2], tf.int64))
            self.generator.normal(())
            tf.random.normal(())
            if eager:
                assert self.steps > 0
            return self.inner(x)

    model = Keeps()
    drawn = model.generator.state.numpy().tolist()
    tf.random.set_seed(3)
    first = tf.random.normal(()).numpy()
    tf.random.set_seed(3)
    assert read(model, (None, 8)).error is None
    assert tf.random.normal(()).numpy() == first
    assert model.steps.numpy() == 0
    assert model.table.size().numpy() == 0
    assert model.generator.state.numpy().tolist() == drawn


def test_plain_tensors_that_a_call_changes_in_place_stay():
    if keras.backend.backend() != "torch":
        pytest.skip("only tensors of torch change in place")
    import torch

    class Counts(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.steps, self.inner = torch.zeros(2), kl.Dense(4)

        def call(self, x):
            self.steps += 1
            return self.inner(x)

    model = Counts()
    steps = model.steps
    assert read(model, (None, 8)).error is None
    assert model.steps is steps
    assert steps.tolist() == [0, 0]


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="variables of TensorFlow's own")
def test_variables_of_tensorflow_that_a_call_assigns_are_as_before():
    import tensorflow as tf

    class Counts(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.steps, self.noise = tf.Variable(0.0), tf.random.Generator.from_seed(1)
            self.inner = kl.Dense(2)

        def call(self, x):
            self.steps.assign_add(1.0)
            self.noise.normal(())
            return self.inner(x)

    model = Counts()
    before = model.noise.state.numpy().tolist()
    read(model, (None, 3))
    assert model.steps.numpy() == 0
    assert model.noise.state.numpy().tolist() == before
