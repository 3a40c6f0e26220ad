"""Model files of Keras that are damaged or hostile: what they claim is believed as far as their bytes go."""

import json
import struct
import zipfile

import numpy as np
import pytest

keras = pytest.importorskip("keras")
h5py = pytest.importorskip("h5py")

from nbviz.adapters import read  # noqa: E402
from nbviz.adapters.keras import bounds  # noqa: E402
from nbviz.errors import FileReadError  # noqa: E402


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "net.keras"
    inputs = keras.Input((8, 8, 3))
    hidden = keras.layers.Conv2D(4, 3, name="conv")(inputs)
    keras.Model(inputs, keras.layers.Flatten()(hidden)).save(path)
    return path


def rewritten(path, name=None, change=lambda text: text, compression=zipfile.ZIP_STORED):
    """Write an archive again with one file changed, or None to leave it out."""
    with zipfile.ZipFile(path) as archive:
        files = {info: archive.read(info) for info in archive.namelist()}
    if name is not None:
        files[name] = change(files[name])
    with zipfile.ZipFile(path, "w", compression) as archive:
        for info, content in files.items():
            if content is not None:
                archive.writestr(info, content)


def config(path, change):
    def changed(text):
        found = json.loads(text)
        change(found["config"]["layers"])
        return json.dumps(found)

    rewritten(path, "config.json", changed)


def test_a_file_that_was_compressed_again_is_read(saved):
    rewritten(saved, compression=zipfile.ZIP_DEFLATED)
    reading = read(saved)
    assert "conv" in reading.graph.layer_index
    assert next(iter(reading.weights.chunks(0))).size


def test_a_config_that_inflates_is_refused_by_what_the_archive_says(saved, monkeypatch):
    monkeypatch.setattr(bounds, "MAX_HEADER", 1 << 16)
    rewritten(saved, "config.json", lambda text: text + b" " * (1 << 20), zipfile.ZIP_DEFLATED)
    with pytest.raises(FileReadError, match=r"net\.keras.*'config\.json' in it claims 1,0\d\d,\d\d\d bytes"):
        read(saved)


def test_a_config_that_inflates_is_refused_by_what_comes_out(saved):
    rewritten(saved, "config.json", lambda text: text + b" " * (1 << 20), zipfile.ZIP_DEFLATED)
    data = saved.read_bytes()
    with zipfile.ZipFile(saved) as archive:
        size = struct.pack("<I", archive.getinfo("config.json").file_size)
    saved.write_bytes(data.replace(size, struct.pack("<I", 100)))
    with pytest.raises(FileReadError, match=r"net\.keras.*'config\.json' in it is larger than the 100 bytes|Bad CRC"):
        read(saved)


def test_weights_that_inflate_are_refused(saved, monkeypatch):
    monkeypatch.setattr(bounds, "MAX_HEADER", 1 << 16)
    rewritten(saved, "model.weights.h5", lambda old: old + bytes(1 << 20), zipfile.ZIP_DEFLATED)
    with pytest.raises(FileReadError, match=r"'model\.weights\.h5' in it claims"):
        read(saved)


def test_what_is_no_weights_allows_no_more_of_them(saved):
    with zipfile.ZipFile(saved, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("junk", bytes(60_000) * 8)
    with pytest.raises(FileReadError, match="'junk' in it claims"):
        read(saved)


@pytest.mark.parametrize("filters", [10**8, 10**15])
def test_layers_larger_than_their_file_are_not_made(saved, filters):
    config(saved, lambda layers: layers[1]["config"].update(filters=filters))
    with pytest.raises(FileReadError, match=rf"need variables of {filters * 27 * 4:,} bytes, far more than"):
        read(saved)
    assert "nbviz" not in keras.Variable.__init__.__code__.co_filename


@pytest.mark.parametrize("kept", [1, 3, 30, 1000, -30, -1])
def test_a_file_that_is_cut_off_says_so(saved, kept):
    saved.write_bytes(saved.read_bytes()[:kept])
    with pytest.raises(FileReadError) as caught:
        read(saved)
    assert "File not found" not in str(caught.value)
    assert "truncated" in str(caught.value) or "damaged" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x89HDF\r\n\x1a\nrest", "not a zip archive.*looks like an HDF5 file"),
        (b"<html>", "not a zip archive.*a web page"),
        (b"rest of it", "not a zip archive.*damaged or another kind"),
    ],
)
def test_a_file_of_another_kind_says_what_it_looks_like(tmp_path, content, words):
    (tmp_path / "net.keras").write_bytes(content)
    with pytest.raises(FileReadError, match=words):
        read(tmp_path / "net.keras")


def test_an_archive_of_others_is_named_as_such(saved):
    rewritten(saved, "config.json", lambda _: None)
    with pytest.raises(
        FileReadError, match=r"^'[^']*net\.keras' is a zip archive without a config\.json, so Keras did not write it\.$"
    ):
        read(saved)


def test_a_config_that_lacks_a_layer_is_damaged_and_not_of_unknown_classes(saved):
    config(saved, lambda layers: layers[1].update(name="other"))
    with pytest.raises(FileReadError, match="its config connects the layer 'conv', which does not exist") as caught:
        read(saved)
    assert "custom_objects" not in str(caught.value)


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("option_of_keras_9", True, "Unrecognized keyword arguments passed to Conv2D: {'option_of_keras_9': True}"),
        ("activation", "unheard", "Could not interpret activation function identifier: unheard"),
        ("filters", -3, "filters"),
        ("start", {"class_name": "Zeros", "config": {}, "registered_name": None}, "'registered_name': None}}"),
    ],
)
def test_a_config_that_this_version_of_keras_does_not_take_is_quoted_in_one_line(saved, option, value, says):
    config(saved, lambda layers: layers[1]["config"].update({option: value}))
    with pytest.raises(FileReadError) as caught:
        read(saved)
    text = str(caught.value)
    assert f"net.keras' cannot be read: Conv2D in Keras {keras.__version__} does not accept what the file says" in text
    assert says in text
    assert "\n" not in text
    assert "classes" not in text


def test_a_class_that_is_not_known_is_named(saved):
    config(saved, lambda layers: layers[1].update(class_name="Unheard", module="mine", registered_name="mine>Unheard"))
    with pytest.raises(
        FileReadError, match=r"Import or register them.*custom_objects.*Could not locate class 'Unheard'"
    ):
        read(saved)


def said_to_be_of(version, path, **told):
    """Let a file say that this version of Keras wrote it, and its second layer what that one does not know."""
    if path.suffix == ".keras":
        config(path, lambda layers: layers[1]["config"].update(told))
        rewritten(path, "metadata.json", lambda _: json.dumps({"keras_version": version}))
        return
    with h5py.File(path, "r+") as file:
        found = json.loads(file.attrs["model_config"])
        found["config"]["layers"][1]["config"].update(told)
        file.attrs["model_config"] = json.dumps(found)
        file.attrs["keras_version"] = version


@pytest.fixture(params=[".keras", ".h5"])
def of_either_format(request, saved):
    path = saved.with_suffix(request.param)
    keras.saving.load_model(saved).save(path)
    return path


@pytest.mark.parametrize("version", ["2.21.0", "1.2.2", "2.6.0-tf"])
def test_what_keras_2_wrote_and_this_keras_does_not_take_is_sent_to_tf_keras(of_either_format, version):
    said_to_be_of(version, of_either_format, of_keras_2=True)
    with pytest.raises(FileReadError) as caught:
        read(of_either_format)
    text = str(caught.value)
    assert (
        f"' was written by Keras {version}, and Keras {keras.__version__} does not load it. Load it with tf_keras"
        in text
    )
    assert text.endswith("Unrecognized keyword arguments passed to Conv2D: {'of_keras_2': True}")
    assert "damaged" not in text


def test_a_class_that_keras_2_brought_is_nobodys_own(saved):
    config(saved, lambda layers: layers[1].update(class_name="Old", module="tf_keras.src.old", registered_name="Old"))
    said_to_be_of("2.15.0", saved)
    with pytest.raises(FileReadError, match=r"Keras 2\.15\.0.* does not load it\. Load it with tf_keras.*'Old'"):
        read(saved)


def test_a_class_that_a_file_of_keras_2_needs_may_be_of_ones_own(saved):
    config(saved, lambda layers: layers[1].update(class_name="Unheard", module="mine", registered_name="mine>Unheard"))
    said_to_be_of("2.15.0", saved)
    with pytest.raises(FileReadError, match=r"Keras 2\.15\.0.* is your own, import or register it.*'Unheard'"):
        read(saved)


def test_what_keras_2_wrote_is_read_where_this_keras_loads_it(of_either_format):
    said_to_be_of("2.15.0", of_either_format)
    assert "conv" in read(of_either_format).graph.layer_index


def test_weights_alone_are_that_whichever_keras_wrote_them(tmp_path):
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.attrs["keras_version"] = "2.15.0"
    with pytest.raises(FileReadError, match="holds no model, perhaps only weights"):
        read(tmp_path / "w.h5")


@pytest.mark.parametrize(
    "claim", ["2." + "9" * 500, "2.1 \x1b[31m", "3.1.0", 2, ["2.1.0"] * 9, np.void(b"2" * 999), "2.1.0" * 20_000]
)
def test_a_version_that_is_none_of_keras_2_says_nothing(saved, claim):
    path = saved.with_suffix(".h5")
    keras.saving.load_model(saved).save(path)
    said_to_be_of("2", path, of_keras_2=True)
    with h5py.File(path, "r+", track_order=False) as file:
        del file.attrs["keras_version"]
        file.attrs["keras_version"] = claim
    with pytest.raises(FileReadError) as caught:
        read(path)
    assert "was written by Keras" not in str(caught.value).replace("was not written by Keras", "")


@pytest.mark.parametrize("metadata", [None, b"", b"[]", b"{}", b"[" * 100_000, b'{"keras_version": 2}'])
def test_an_archive_that_says_no_version_is_explained_without(saved, metadata):
    config(saved, lambda layers: layers[1]["config"].update(of_keras_9=True))
    rewritten(saved, "metadata.json", lambda _: metadata)
    with pytest.raises(FileReadError) as caught:
        read(saved)
    assert "was written by" not in str(caught.value).replace("was not written by Keras", "")
