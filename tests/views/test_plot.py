"""``plot_model``: what Keras shows under the same options, for models on which Keras gives up too."""

from __future__ import annotations

import inspect
import itertools
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

import nbviz
from nbviz.views.svg import size_of
from tests.fixtures.graphs import chain, shared, tutorial

SVG = "{http://www.w3.org/2000/svg}"
FLAGS = ("show_shapes", "show_dtype", "show_layer_names", "show_layer_activations", "show_trainable")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def files():
    return {path.name for path in Path().iterdir()}


def texts(picture):
    return [element.text for element in ElementTree.fromstring(picture.svg).iter(f"{SVG}text")]


def test_positions_and_defaults_are_those_of_keras():
    keras = pytest.importorskip("keras")
    theirs = inspect.signature(keras.utils.plot_model).parameters
    ours = inspect.signature(nbviz.plot_model).parameters
    shared_names = [name for name, p in theirs.items() if p.kind is not p.VAR_KEYWORD]
    assert list(ours)[: len(shared_names)] == shared_names
    assert [ours[name].default for name in shared_names] == [theirs[name].default for name in shared_names]


def test_the_call_of_a_tutorial_works():
    picture = nbviz.plot_model(tutorial(), to_file="model_plot.png", show_shapes=True, show_layer_names=True)
    assert [str(path) for path in picture.paths] == ["model_plot.png"]
    with Image.open("model_plot.png") as opened:
        assert opened.size == pytest.approx([side * 200 / 96 for side in size_of(picture.svg)], abs=1)
    data, _ = picture._repr_mimebundle_()
    assert {"image/png", "image/svg+xml"} <= set(data)


def test_old_forms_work():
    nbviz.plot_model(tutorial(), "first.png", True)
    nbviz.plot_model(tutorial())
    assert {"first.png", "model.png"} == files()


@pytest.mark.parametrize("suffix", ["png", "jpg", "jpeg", "svg", "pdf", "dot", "gv", "PNG"])
def test_the_suffix_says_the_format(suffix):
    begins = {"pn": b"\x89PNG", "jp": b"\xff\xd8\xff", "sv": b"<svg", "pd": b"%PDF", "do": b"digraph", "gv": b"digraph"}
    nbviz.plot_model(tutorial(), f"net.{suffix}")
    assert Path(f"net.{suffix}").read_bytes().startswith(begins[suffix.lower()[:2]])


def test_without_a_suffix_it_is_a_png_and_without_a_name_no_file():
    nbviz.plot_model(tutorial(), "net")
    picture = nbviz.plot_model(tutorial(), None)
    assert files() == {"net"}
    assert picture.paths == ()
    with Image.open("net") as opened:
        assert opened.format == "PNG"


@pytest.mark.parametrize("flags", list(itertools.product([False, True], repeat=5)))
def test_boxes_say_what_the_options_ask_for(flags):
    said = texts(nbviz.plot_model(tutorial(), None, **dict(zip(FLAGS, flags, strict=True))))
    shapes, dtype, names, activations, trainable = flags
    assert ("Input shape" in said) == ("(None, 2)" in said) == shapes
    assert ("Output dtype" in said) == ("float32" in said) == dtype
    assert ("dense_1" in said) == names
    assert ("Activation" in said) == ("relu" in said) == activations
    assert ("Trainable" in said) == trainable
    assert said.count("Dense") == 2


@pytest.mark.parametrize("model", ["sequential", "functional", "multi_input", "shared", "nested", "subclassed", "rnn"])
def test_every_kind_of_model_has_the_boxes_that_keras_shows(model):
    keras = pytest.importorskip("keras")
    pytest.importorskip("pydot")
    built = kinds(keras)[model]
    picture = nbviz.plot_model(built, None, show_layer_names=True, show_shapes=True, expand_nested=True)
    said = set(texts(picture))
    # of a subclassed model Keras draws one box
    assert set(names_in(built) if model != "subclassed" else ["first", "second"]) <= said
    assert any("(None," in text for text in said)


def names_in(model):
    """The layers that Keras draws, but for inputs with automatic names."""
    for layer in model.layers:
        if "input" not in layer.name:
            yield layer.name
        if hasattr(layer, "layers") and hasattr(layer, "inputs"):
            yield from names_in(layer)


def kinds(keras):
    from tests.models import keras_models

    layers = keras.layers
    words = keras.Input((7,), name="words")
    return {
        "sequential": keras_models.tutorial(),
        "functional": keras_models.attention(),
        "multi_input": keras_models.multi_output(),
        "shared": keras_models.two_inputs_shared_layer(),
        "nested": keras_models.nested(),
        "subclassed": keras_models.residual_net(),
        "rnn": keras.Model(words, layers.GRU(2, name="gru")(layers.Embedding(9, 3, name="embed")(words))),
    }


def test_calls_of_a_shared_layer_show_their_own_shapes():
    said = texts(nbviz.plot_model(shared(), None, show_shapes=True, show_layer_names=True))
    assert "(None, time, 4)" in said
    assert "(None, 3, 4)" in said


@pytest.mark.parametrize(("rankdir", "wide"), [("TB", False), ("BT", False), ("LR", True), ("RL", True)])
def test_rankdir_says_where_the_data_flows(rankdir, wide):
    picture = nbviz.plot_model(chain(6), None, rankdir=rankdir, show_layer_names=True)
    assert (picture.width > picture.height) == wide
    named = [e for e in ElementTree.fromstring(picture.svg).iter(f"{SVG}text") if e.get("font-weight")]
    places = [float(e.get("x" if wide else "y")) for e in named]
    assert places == sorted(places, reverse=rankdir in {"BT", "RL"})


def test_layer_range_is_both_ends_included():
    names = [layer.name for layer in chain(6).layers][1:]
    said = texts(nbviz.plot_model(chain(6), None, show_layer_names=True, layer_range=(names[1], names[3])))
    assert [text for text in said if text in names] == names[1:4]


def test_a_model_with_very_many_boxes_is_folded_and_says_so():
    with pytest.warns(nbviz.PictureWarning, match=r"300 boxes.*folded; pass fold=False to draw them all") as caught:
        folded = nbviz.plot_model(chain(300), "net.svg")
    assert caught[0].filename == __file__
    full = nbviz.plot_model(chain(300), "net.svg", fold=False)
    assert full.height > 10 * folded.height
    columns = nbviz.plot_model(chain(300), "net.svg", fold=False, columns=8)
    assert columns.height < full.height / 6


def test_depth_says_how_much_of_a_folded_model_is_open():
    keras = pytest.importorskip("keras")
    x = image = keras.Input((16, 16, 3))
    for name in ("stem1_conv", "stem1_norm", "stem1_act", "head2_conv", "head2_act"):
        kind = {"conv": keras.layers.Conv2D(4, 3, name=name), "norm": keras.layers.BatchNormalization(name=name)}
        x = kind.get(name[6:], keras.layers.ReLU(name=name))(x)
    model = keras.Model(image, x)

    def shown(**wish):
        said = set(texts(nbviz.plot_model(model, None, show_layer_names=True, fold=True, **wish)))
        return said & {"stem1", "stem1_conv", "head2", "head2_act"}

    assert shown(depth=1) == {"stem1", "head2"}
    assert shown() == shown(depth=2) == {"stem1", "stem1_conv", "head2", "head2_act"}


def test_a_strip_that_is_too_long_says_what_became_of_it():
    with pytest.warns(nbviz.PictureWarning, match=r"net.png is limited to \d+ dots per inch.*too small to read"):
        nbviz.plot_model(chain(900), "net.png", fold=False, max_pixels=1_000_000)
    with pytest.warns(nbviz.PictureWarning, match=r"net.png was written as \d+ tiles"):
        written = nbviz.plot_model(chain(900), "net.png", fold=False, max_pixels=None).paths
    assert len(written) > 1
    assert all(path.is_file() for path in written)
    with Image.open(written[0]) as opened:
        assert opened.width > 100


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"rankdir": "TP"}, r"rankdir must be one of .*'TP'.*Did you mean 'TB'"),
        ({"to_file": "net.bmp"}, r"plot_model writes \.svg.*found 'net.bmp'"),
        ({"columns": 0}, r"columns must be a whole number from 1; found 0"),
        ({"depth": 0}, r"depth must be a whole number from 1, or 'auto'; found 0"),
        ({"splines": "wavy"}, "splines must be one of"),
        ({"color_by": "weight"}, "color_by must be one of"),
        ({"show_shape": True}, r"no option 'show_shape'.*'show_shapes'"),
    ],
)
def test_wrong_wishes_are_refused_by_name(wish, message):
    with pytest.raises(nbviz.NbvizError, match=message):
        nbviz.plot_model(tutorial(), **wish)
    assert files() == set()


def test_a_model_of_which_nothing_is_known_asks_for_inputs():
    keras = pytest.importorskip("keras")

    class Unknown(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(
        nbviz.InputsError, match=r"no graph of .unknown. to draw.* Pass its inputs: inputs=\(None, 32\)"
    ):
        nbviz.plot_model(Unknown(), None)
