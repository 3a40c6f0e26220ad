"""Weights that Keras has saved in HDF5: the tree of the file, and nothing outside it."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from hypothesis import example, given

h5py = pytest.importorskip("h5py")

from nbviz.adapters import read  # noqa: E402
from nbviz.errors import FileReadError  # noqa: E402
from nbviz.metrics import Metrics  # noqa: E402
from tests.adapters.checkpoint_reading import EDITS, FUZZ, graph_of, mutated, refused, survives, tensors, values  # noqa: E402  # noqa: E402


@pytest.fixture
def write(tmp_path):
    def file(fill, name="net.weights.h5"):
        with h5py.File(tmp_path / name, "w") as made:
            fill(made)
        return tmp_path / name

    return file


def test_weights_of_keras_are_rows_by_layer(tmp_path):
    keras = pytest.importorskip("keras")
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), layers.Conv2D(4, 3), layers.BatchNormalization(), layers.Dense(2, name="out")]
    )
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    path = tmp_path / "net.weights.h5"
    model.save_weights(path)
    graph = graph_of(path)
    assert (graph.name, graph.framework) == ("net", "Keras")
    assert graph.layer_index.keys() == {"", "layers", "layers/conv2d", "layers/batch_normalization", "layers/dense"}
    assert Metrics(graph).totals["params"] == model.count_params()
    assert (graph.optimizer.name, graph.optimizer.size) == (
        "optimizer",
        sum(int(np.prod(v.shape)) for v in model.optimizer.variables),
    )
    kernel = np.asarray(model.layers[-1].kernel)
    assert tensors(graph)["layers/dense/0"] == (kernel.shape, "float32", kernel.nbytes, kernel.size)
    assert np.array_equal(values(path)["layers/dense/0"], kernel.reshape(-1))
    assert any("model.load_weights" in d.message for d in graph.diagnostics)


@pytest.mark.filterwarnings("ignore:Layer InputLayer does not")
@pytest.mark.parametrize("mode", ["int8", "int4"])
def test_weights_that_keras_has_quantized_count_as_in_the_model(tmp_path, mode):
    keras = pytest.importorskip("keras")
    layers = keras.layers
    stack = [
        keras.Input((7,), dtype="int32"),
        layers.Embedding(50, 16),
        layers.Dense(64),
        layers.Dense(16, use_bias=False),
        layers.EinsumDense("abc,cde->abde", output_shape=(None, 4, 6), bias_axes="de"),
    ]
    model = keras.Sequential(stack)
    model.quantize(mode)
    path = tmp_path / "net.weights.h5"
    model.save_weights(path)
    assert Metrics(graph_of(path)).totals["params"] == Metrics(read(model).graph).totals["params"]
    assert tensors(graph_of(path))["layers/embedding/0"][3] == 50 * 16


@pytest.mark.filterwarnings("ignore:Layer InputLayer does not")
def test_columns_that_keras_packs_may_be_odd_in_number(tmp_path):
    keras = pytest.importorskip("keras")
    model = keras.Sequential([keras.Input((7,), dtype="int32"), keras.layers.Embedding(50, 15), keras.layers.Dense(9)])
    model.quantize("int4")
    path = tmp_path / "net.weights.h5"
    model.save_weights(path)
    found = tensors(graph_of(path))
    assert [found[f"layers/{layer}/0"][3] for layer in ("embedding", "dense")] == [50 * 15, 15 * 9]


def test_metrics_that_keras_2_writes_beside_the_layers_are_buffers(write):
    def fill(file):
        file["layers/dense/vars/0"] = np.ones((2, 3), "float32")
        file["layers/metrics/vars/0"] = np.ones(4, "float32")
        file["metrics/mean/vars/0"], file["metrics/mean/vars/1"] = np.float32(1), np.float32(2)

    found = Metrics(graph_of(write(fill))).totals
    assert (found["params"], found["trainable_params"], found["buffers"]) == (10, 10, 2)


def test_dtypes_and_bfloat16_that_has_no_name_there(write):
    types = pytest.importorskip("ml_dtypes")
    wide = np.arange(3 << 20, dtype="int32").reshape(2, -1)

    def fill(file):
        file["a/vars/0"] = np.arange(4).astype(types.bfloat16)
        file["a/vars/1"] = np.arange(4, dtype=">f2")
        file["wide"] = wide
        file["scalar"] = np.float64(2)
        file.create_dataset("packed", data=np.ones(1000), compression="gzip")

    path = write(fill)
    found, numbers = tensors(graph_of(path)), values(path)
    assert found["a/0"] == ((4,), "bfloat16", 8, 4)
    assert found["a/1"] == ((4,), "float16", 8, 4)
    assert found["packed"] == ((1000,), "float64", 8000, 1000)
    assert list(numbers["a/0"]) == list(numbers["a/1"]) == [0, 1, 2, 3]
    assert np.array_equal(numbers["wide"], wide.reshape(-1))
    assert list(numbers["scalar"]) == [2]


def test_a_dataset_under_two_names_is_one_parameter(write):
    def fill(file):
        file["a/w"] = np.ones(3)
        file["b/w"] = file["a/w"]
        file["a/itself"] = file["a"]

    [parameter] = graph_of(write(fill)).parameters
    assert parameter.owners == ("a", "b")


def test_links_and_values_outside_the_file_are_not_followed(write, tmp_path):
    write(lambda file: file.create_dataset("w", data=np.ones(2)), "other.h5")
    (tmp_path / "secret").write_bytes(bytes(16))
    layout = h5py.VirtualLayout((2,), "float64")
    layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "w", (2,))

    def fill(file):
        file["link"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/w")
        file["soft"] = h5py.SoftLink("/link")
        file["gone"] = h5py.SoftLink("/nowhere")
        file.create_dataset("outside", (2,), "float64", external=[(str(tmp_path / "secret"), 0, 16)])
        file.create_virtual_dataset("virtual", layout)
        file["names"] = ["a", "b"]
        file["nothing"] = h5py.Empty("f4")

    path = write(fill)
    graph = graph_of(path)
    assert set(tensors(graph)) == {"outside", "virtual"}
    said = "\n".join(d.message for d in graph.diagnostics)
    for words in ("link is a link", "soft is a link", "gone is a link", "names holds values", "nothing holds nothing"):
        assert words in said
    assert [d.message for d in graph.diagnostics if d.level == "warning"] == [
        "link is a link, which nbviz does not follow."
    ]
    for parameter in graph.parameters:
        with pytest.raises(LookupError, match="other files"):
            list(read(path).weights.chunks(parameter.id))


def test_deep_groups_are_refused(write):
    refused(write(lambda file: file.create_group("/".join("x" * 100))), "nested too deeply")


def test_names_are_text(write):
    graph = graph_of(write(lambda file: file.create_dataset("<b>\x1b[31m/../~/w", data=np.ones(2))))
    assert not any("\x1b" in path for path in graph.layers.column("path"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"hello", "cannot be read as an HDF5 weights file"),
        (b"PK\x03\x04" + bytes(100), "zip archive"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "cannot be read"),
    ],
)
def test_other_files_are_refused(tmp_path, content, words):
    path = tmp_path / "net.weights.h5"
    path.write_bytes(content)
    refused(path, words)


def saved():
    made = io.BytesIO()
    with h5py.File(made, "w") as file:
        file["layers/dense/vars/0"] = np.ones((2, 3), "float32")
        file["layers/dense/vars"].attrs["name"] = "dense"
    return made.getvalue()


@FUZZ
@given(**EDITS)
@example(edits=[], keep=100)
def test_damaged_files_end_in_one_clear_error(tmp_path_factory, edits, keep):
    survives(tmp_path_factory.getbasetemp() / "fuzz.weights.h5", mutated(saved(), edits, keep))


def test_values_of_a_file_that_changed_say_so(write):
    path = write(lambda file: file.create_dataset("w", data=np.ones(2)))
    reading = read(path)
    write(lambda file: file.create_group("w"))
    with pytest.raises(LookupError, match="weights cannot be read from"):
        list(reading.weights.chunks(0))
    path.unlink()
    with pytest.raises(LookupError):
        list(reading.weights.chunks(0))
    with pytest.raises(FileReadError):
        read(path)


@pytest.fixture
def shards(tmp_path):
    """A layer of each file, and one that is in both: as ``save_weights`` with ``max_shard_size`` writes them."""
    held = {
        "m_00000": {"layers/a/vars/0": 1.0, "layers/c/vars/0": 2.0},
        "m_00001": {"layers/b/vars/0": 3.0, "layers/c/vars/1": 4.0, "optimizer/vars/0": 5.0},
    }
    for name, datasets in held.items():
        with h5py.File(tmp_path / f"{name}.weights.h5", "w") as file:
            for path, value in datasets.items():
                file[path] = np.full((3, 2), value, "f4")
    names = [f"{name}.weights.h5" for name in held]
    weight_map = {"/layers/a/vars": names[:1], "/layers/b/vars": names[1], "/layers/c/vars": names}
    index = tmp_path / "m.weights.json"
    index.write_text(json.dumps({"metadata": {"total_size": 96.0}, "weight_map": weight_map}))
    return index


def test_shards_of_keras_are_one_checkpoint_by_their_index_and_by_their_folder(shards):
    graph = graph_of(shards)
    assert (graph.name, graph.framework) == ("m", "Keras")
    found = {name: set(each.tolist()) for name, each in values(shards).items()}
    assert found == {"layers/a/0": {1.0}, "layers/b/0": {3.0}, "layers/c/0": {2.0}, "layers/c/1": {4.0}}
    assert graph.optimizer.size == 6
    assert sum("only weights" in d.message for d in graph.diagnostics) == 1
    assert graph_of(shards.parent) == graph


def test_shards_of_keras_that_are_missing_or_say_the_same_are_refused(shards):
    second = shards.parent / "m_00001.weights.h5"
    with h5py.File(second, "a") as file:
        file["layers/a/vars/0"] = np.zeros(1)
    with pytest.raises(FileReadError, match=r"m_00001\.weights\.h5.*'layers/a/0' is also in another file"):
        read(shards)
    second.unlink()
    refused(shards, r"Missing files of .* \(1 of 2\): 'm_00001\.weights\.h5'")
    shards.write_text(json.dumps({"weight_map": {"/a": ["../m.weights.h5"]}}))
    refused(shards, "outside the folder")
    shards.write_text(json.dumps({"weight_map": {"/a": [["m.weights.h5"]]}}))
    refused(shards, "no 'weight_map' from tensors to files")


def test_shards_that_keras_writes_are_read(tmp_path):
    keras = pytest.importorskip("keras")
    model = keras.Sequential([keras.Input((300,)), keras.layers.Dense(300), keras.layers.Dense(300)])
    try:
        model.save_weights(tmp_path / "m.weights.json", max_shard_size=0.0005)
    except (TypeError, ValueError):
        pytest.skip("this Keras writes no shards")
    assert len(list(tmp_path.iterdir())) == 3
    assert sum(p.size for p in graph_of(tmp_path).parameters) == model.count_params()
