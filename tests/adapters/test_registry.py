"""Who reads what: the nearest class decides, and looking imports no framework."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import nbviz
from nbviz import adapters
from nbviz.adapters.keras import KerasAdapter
from nbviz.builder import GraphBuilder
from nbviz.errors import AdapterWarning, FileReadError, UnsupportedModelError, blamed
from nbviz.invariants import violations
from nbviz.metrics import Metrics
from nbviz.reading import Reading
from tests.fixtures.graphs import tutorial


class Theirs:
    """A third party's model class."""


class TheirAdapter:
    """A third party's adapter."""

    def reads(self, model_type):
        return model_type is Theirs

    def read(self, model, inputs):
        builder = GraphBuilder("theirs", "Theirs")
        builder.add_layer("root", None, "", name="", type="Theirs")
        return Reading(builder.finish())


def offer(monkeypatch, *values):
    points = [EntryPoint(f"point{i}", value, adapters.GROUP) for i, value in enumerate(values)]
    monkeypatch.setattr(adapters, "_registered", lambda _: points)


@pytest.fixture
def offered(monkeypatch):
    module = type(sys)("their_adapter")
    module.TheirAdapter = TheirAdapter
    monkeypatch.setitem(sys.modules, "their_adapter", module)
    offer(monkeypatch, "no_such_module:Adapter", "their_adapter:TheirAdapter")


def test_adapters_of_other_packages_are_found_and_broken_ones_left_out(offered):
    with pytest.warns(AdapterWarning, match=r"'point0' \(no_such_module:Adapter\).*ModuleNotFoundError: No module"):
        assert adapters.read(Theirs()).graph.framework == "Theirs"


def test_an_adapter_that_fails_when_asked_is_left_out(monkeypatch, offered):
    sys.modules["their_adapter"].Asked = type("Asked", (), {"reads": lambda self, model_type: 1 / 0})
    offer(monkeypatch, "their_adapter:Asked", "their_adapter:TheirAdapter")
    with pytest.warns(AdapterWarning, match="'point0'.*ZeroDivisionError") as said:
        assert adapters.read(Theirs()).graph.framework == "Theirs"
    assert len(said) == 1


def test_an_adapter_may_return_the_graph_alone_and_nothing_else(monkeypatch, offered):
    graph = TheirAdapter().read(Theirs(), None).graph
    monkeypatch.setattr(TheirAdapter, "read", lambda self, model, inputs: graph)
    offer(monkeypatch, "their_adapter:TheirAdapter")
    assert adapters.read(Theirs()).graph is graph
    monkeypatch.setattr(TheirAdapter, "read", lambda self, model, inputs: None)
    with pytest.raises(UnsupportedModelError, match=r"TheirAdapter.read\(\) returned None; it must return an nbviz"):
        adapters.read(Theirs())


@pytest.mark.filterwarnings("ignore::nbviz.AdapterWarning")
def test_subclass_of_a_known_class_is_read_by_its_adapter(offered):
    class Mine(Theirs):
        """A user's subclass."""

    assert adapters.read(Mine()).graph.name == "theirs"


@pytest.mark.filterwarnings("ignore::nbviz.AdapterWarning")
def test_error_lists_what_was_tried(offered):
    with pytest.raises(UnsupportedModelError, match=r"'point0'.*'point1'.*Keras 3"):
        adapters.read(object())


def test_what_an_object_has_that_can_be_read_is_named():
    class Trainer:
        def __init__(self):
            self.apply, self.params = (lambda params, x: x), {"w": np.ones(3)}

        @property
        def model(self):
            raise RuntimeError

    class Callable:
        def __call__(self, x):
            return x

    with pytest.raises(UnsupportedModelError, match=r"pass its \.apply or \.params"):
        adapters.read(Trainer())
    with pytest.raises(UnsupportedModelError, match=r"pass its \.__call__"):
        adapters.read(Callable())


def test_instances_that_answer_to_any_name_are_no_graphs():
    class Anything:
        def __getattr__(self, name):
            return lambda: name

    with pytest.raises(UnsupportedModelError):
        adapters.read(Anything())


def test_wrong_result_of_the_own_graph_is_named():
    class Own:
        def __nbviz_graph__(self):
            return 42

    with pytest.raises(UnsupportedModelError, match="returned an int"):
        adapters.read(Own())


@pytest.mark.parametrize("kind", [classmethod, staticmethod, lambda method: method])
def test_own_graphs_may_be_made_by_any_kind_of_method(kind):
    made = tutorial()
    assert adapters.read(type("Own", (), {"__nbviz_graph__": kind(lambda _: made)})()).graph is made


def test_what_an_own_graph_raises_stays_what_it_is_and_says_whose_it_is():
    class Own:
        def __nbviz_graph__(self):
            raise KeyError("mine\n\x1b[31m")

    with pytest.raises(KeyError) as caught:
        adapters.read(Own())
    assert blamed(caught.value) == "Own.__nbviz_graph__() raised KeyError: 'mine\\n\\x1b[31m'"
    assert blamed(KeyError("ours")) is None


@pytest.mark.parametrize(
    ("own", "words"),
    [(3, "__nbviz_graph__ is an int"), (lambda _: GraphBuilder("a", "b").finish(), "has no root layer")],
)
def test_own_graphs_that_are_none_are_refused(own, words):
    with pytest.raises(UnsupportedModelError, match=words):
        adapters.read(type("Own", (), {"__nbviz_graph__": own})())


def test_keras_models_are_known_by_the_module_of_a_class():
    made = type("Model", (), {"__module__": "keras.src.models.model"})
    assert KerasAdapter().reads(made)
    assert not KerasAdapter().reads(type("Model", (), {"__module__": "keras.engine.training"}))
    assert isinstance(adapters.find(type("Mine", (made,), {})), KerasAdapter)


def test_looking_for_an_adapter_imports_no_framework():
    code = (
        "import sys\nfrom nbviz import adapters\n"
        "assert adapters.find(object) is None\n"
        "found = {'keras', 'jax', 'torch', 'tensorflow'} & set(sys.modules)\n"
        "assert not found, found"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("missing", "backend", "words"),
    [
        ({"keras"}, "jax", r"nbviz\[keras\]"),
        (
            {"jax", "torch", "tensorflow"},
            "jax",
            r"net\.keras.* needs a Keras backend, but none can be imported \(No module .*pip",
        ),
        (
            {"torch", "tensorflow"},
            "tensorflow",
            r"set the environment variable KERAS_BACKEND to jax, which is installed",
        ),
        ({"torch"}, "jaxx", r"\(Unable to import backend : jaxx\): set the environment variable KERAS_BACKEND to jax,"),
    ],
)
def test_file_without_its_framework_names_what_to_install(tmp_path, missing, backend, words):
    (tmp_path / "net.keras").write_bytes(b"PK")
    code = f"""
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {missing!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing())
from nbviz import adapters
from nbviz.errors import MissingExtraError
try:
    adapters.read({str(tmp_path / "net.keras")!r})
except MissingExtraError as error:
    print(error)
"""
    env = {"PYTHONPATH": ":".join(p for p in sys.path if p), "KERAS_BACKEND": backend, "KERAS_HOME": str(tmp_path)}
    result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=env)
    import re

    assert re.search(words, result.stdout), result.stdout + result.stderr


@pytest.mark.parametrize("name", ["a" * 300 + ".onnx", "a" * 300, "b/" * 3000 + "a.npz", "a\0.onnx", "\0"])
def test_paths_that_cannot_be_are_refused(name):
    for path in (name, Path(name)):
        with pytest.raises(FileReadError):
            adapters.read(path)


@pytest.mark.parametrize("suffix", [".tflite", ".gguf", ".npz", ".pt", ".safetensors"])
def test_a_damaged_file_is_named_as_it_was_given(tmp_path, monkeypatch, suffix):
    (tmp_path / f"net{suffix}").write_text("hello")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileReadError, match=rf"^'net{suffix}' cannot be read as"):
        adapters.read(f"net{suffix}")


def test_the_documented_reader_of_ones_own_works():
    text = (Path(__file__).parents[2] / "notebooks" / "api.md").read_text(encoding="utf-8")
    example, shown, _ = re.findall(r"```python\n(.*?)```", text.partition("## A reader of your own")[2], re.DOTALL)
    assert len(example.splitlines()) <= 35
    names = {}
    exec(example, names)  # noqa: S102 - what is documented is tested
    graph = nbviz.read(names["Chain"](4, 8, 2))
    assert list(violations(graph)) == []
    metrics = Metrics(graph)
    assert (metrics.totals["params"], metrics.totals["macs"]) == (48, 48)
    assert [(graph.calls[e.source].path, graph.calls[e.target].path) for e in graph.edges] == [
        ("input#1", "matrix_0"),
        ("matrix_0", "matrix_1"),
        ("matrix_1", "output#1"),
    ]
    assert repr(nbviz.view(names["Chain"](4, 8, 2))) == shown.splitlines()[1]


def test_the_documented_adapter_works_as_an_installed_package(tmp_path, monkeypatch):
    text = (Path(__file__).parents[2] / "notebooks" / "api.md").read_text(encoding="utf-8")
    section = text.partition("## An adapter in a package")[2]
    code, project = (re.search(rf"```{kind}\n(.*?)```", section, re.DOTALL)[1] for kind in ("python", "toml"))
    about = tomllib.loads(project)
    points = about["project"]["entry-points"][adapters.GROUP]
    installed = tmp_path / "acme_nbviz-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {about['project']['name']}\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text(
        "\n".join([f"[{adapters.GROUP}]", *(f"{name} = {value}" for name, value in points.items())])
    )
    [module] = about["tool"]["setuptools"]["py-modules"]
    (tmp_path / f"{module}.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    tables = {"words": np.zeros((10, 4), "float32"), "places": np.ones((5, 4), "float32")}
    pipeline = type("Pipeline", (SimpleNamespace,), {"__module__": "acme"})(tables=tables)
    reading = adapters.read(pipeline)
    monkeypatch.delitem(sys.modules, module)
    assert list(violations(reading.graph)) == []
    assert nbviz.summary(reading.graph)["params"].to_dict() == {"": 60, "words": 40, "places": 20}
    assert np.array_equal(np.concatenate(list(reading.weights.chunks(1))), np.ones(20))


def test_a_method_of_a_model_is_told_to_be_one():
    torch = pytest.importorskip("torch")
    with pytest.raises(UnsupportedModelError, match=r"^Linear\.forward is a method of a Linear: pass the model itself"):
        adapters.read(torch.nn.Linear(2, 2).forward, (2, 2))
