"""Texts for Graphviz: against what Keras draws, against Graphviz itself, and where nbviz draws more."""

from __future__ import annotations

import doctest
import html
import re
import shutil
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nbviz
from nbviz import api
from nbviz.errors import MissingExtraError, OptionError, PartialReadWarning, UnknownOptionError
from nbviz.graph import Call, Layer
from nbviz.metrics import Metrics
from nbviz.views.dot import RANKDIRS, SPLINES, dot_graph
from nbviz.views.plates import PlateOptions, Plates
from tests.fixtures.dots import as_we_word_it, dot_edges, dot_nodes, loosely
from tests.fixtures.graphs import graph, shared, strategies, tensor, tower, tutorial

NAMED = PlateOptions(show_layer_names=True)
FULL = PlateOptions(*[True] * 5)
HOSTILE = ["", " ", "\\N", "\\", "\\\\G", '"', "</b>", "&amp;", "&#0;", "->", "]]>", "<!--", "\n", "\x00\x1b", "\ud800"]
HOSTILE += ["{a|b}", "c1", "}", "//", "\u202e", "\N{GRINNING FACE}", "\N{COMBINING GRAVE ACCENT}", "\ufffe", "ÿþ"]


def dot_text(metrics, plates, **options):
    return dot_graph(metrics, plates, **options).text()


def drawn(net, plates=NAMED, **options):
    """Titles in the order of the text, and the edges between them."""
    return read(dot_text(Metrics(net), plates, **options))


def read(text):
    nodes = dot_nodes(text)
    return [node.title for node in nodes.values()], [(nodes[a].title, nodes[b].title) for a, b in dot_edges(text)]


@pytest.fixture
def graphviz():
    """Runs Graphviz on a text and returns what it writes; a complaint fails the test."""
    dot = shutil.which("dot")
    if dot is None:
        pytest.skip("Graphviz is not installed: its program dot is not there")

    def run(text, form="svg"):
        done = subprocess.run([dot, f"-T{form}"], input=text.encode(), capture_output=True, check=False)
        assert (done.returncode, done.stderr.decode()) == (0, ""), text
        return done.stdout.decode()

    return run


# As Keras draws


@pytest.fixture(scope="module")
def kinds():
    pytest.importorskip("keras")
    from tests.models.keras_models import drawn_by_keras

    return drawn_by_keras()


@pytest.mark.parametrize("options", [{}, {"expand_nested": True}], ids=["closed", "expanded"])
def test_draws_the_nodes_and_edges_that_keras_draws(kinds, options):
    keras = pytest.importorskip("keras")
    pytest.importorskip("pydot")
    asked = options | dict.fromkeys(("show_shapes", "show_dtype", "show_layer_activations", "show_trainable"), True)
    for kind, model in kinds.items():
        both = [keras.utils.model_to_dot(model, **asked).to_string(), nbviz.to_dot(model, **asked)]
        theirs, ours = ({at: loosely(as_we_word_it(node)) for at, node in dot_nodes(text).items()} for text in both)
        assert sorted(map(repr, ours.values())) == sorted(map(repr, theirs.values())), kind
        ends = [
            {(nodes[a], nodes[b]) for a, b in dot_edges(text)} for nodes, text in zip((theirs, ours), both, strict=True)
        ]
        assert ends[0] == ends[1], kind
        assert len(dot_edges(both[1])) == len(ends[1]), kind


def test_options_have_the_defaults_of_keras():
    keras = pytest.importorskip("keras")
    import inspect

    theirs, ours = (inspect.signature(f).parameters for f in (keras.utils.model_to_dot, nbviz.to_dot))
    assert [name for name in theirs if name not in {*ours, "subgraph", "kwargs"}] == []
    for name in set(theirs) & set(ours) - {"model"}:
        assert ours[name].default == theirs[name].default, name


def test_nested_models_are_frames_as_in_keras(kinds):
    text = nbviz.to_dot(kinds["nested"], expand_nested=True)
    frames = re.findall(r"^( *)subgraph cluster_\d+ {\n *graph \[.*label=<(\w+)>\]", text, re.MULTILINE)
    assert [(len(indent) // 2, label) for indent, label in frames] == [(1, "deep"), (2, "small")]
    assert "subgraph" not in nbviz.to_dot(kinds["nested"])


# Where it draws more


def test_each_call_of_a_shared_layer_is_a_node():
    titles, edges = drawn(shared())
    assert titles == [
        "a (InputLayer)", "b (InputLayer)", "block (Block)", "block (Block)", "concat#1 (concat)", "head (Dense)",
        "tail (Split)",
    ]  # fmt: skip
    text = dot_text(Metrics(shared()), NAMED)
    assert dot_edges(text) == [("c1", "c3"), ("c2", "c6"), ("c3", "c9"), ("c6", "c9"), ("c9", "c10"), ("c10", "c11")]
    assert len(edges) == 6


def test_each_call_of_a_shared_model_is_a_frame_of_its_own():
    text = dot_text(Metrics(shared()), NAMED, expand_nested=True)
    assert re.findall(r"cluster_\d+", text) == ["cluster_3", "cluster_6"]
    assert dot_edges(text)[:4] == [("c1", "c4"), ("c4", "c5"), ("c2", "c7"), ("c7", "c8")]


def test_calls_inside_a_subclassed_model_are_drawn():
    pytest.importorskip("keras")
    from tests.models.keras_models import residual_net

    model = residual_net()
    assert read(nbviz.to_dot(model, show_layer_names=False)) == (
        ["Dense", "Residual", "Residual", "Dense"],
        [("Dense", "Residual"), ("Residual", "Residual"), ("Residual", "Dense")],
    )
    titles, edges = read(nbviz.to_dot(model, expand_nested=True))
    assert titles[1:6] == ["first (Dense)", "relu#1 (relu)", "second (Dense)", "add#1 (add)", "relu#2 (relu)"]
    assert (("stem (Dense)", "add#1 (add)") in edges, len(edges)) == (True, 13)


def test_layers_that_come_with_the_framework_stay_closed():
    pytest.importorskip("keras")
    from tests.models.keras_models import transformer

    titles, _ = read(nbviz.to_dot(transformer(), expand_nested=True))
    assert titles == [
        "tokens (InputLayer)", "tokens (Embedding)", "constant#1 (constant)", "positions (Embedding)", "add#1 (add)",
        "attend (MultiHeadAttention)", "logits (Dense)",
    ]  # fmt: skip


def test_input_without_a_layer_is_drawn_where_it_says_more_than_what_takes_it():
    def net(*targets):
        calls = [Call(0, "layer", "", "Net", None, ""), Call(1, "input", "input#1", "input", 0)]
        calls += [Call(i, "operation", f"relu#{i}", "relu", 0) for i in (2, 3)]
        return graph([Layer("", "net", "Net")], calls, [(1, 0, target, 0) for target in targets])

    assert drawn(net(2))[0] == ["relu#2 (relu)", "relu#3 (relu)"]
    assert drawn(net(2, 3))[0] == ["input#1 (input)", "relu#2 (relu)", "relu#3 (relu)"]
    assert drawn(net())[0] == ["input#1 (input)", "relu#2 (relu)", "relu#3 (relu)"]


def test_several_tensors_between_two_nodes_are_one_edge():
    net = shared()
    doubled = graph(net.layers, net.calls, [(10, 0, 11, 0), (10, 0, 11, 1), (9, 0, 10, 0)], net.parameters)
    assert drawn(doubled)[1] == [("concat#1 (concat)", "head (Dense)"), ("head (Dense)", "tail (Split)")]


def test_model_of_which_nothing_is_known_is_one_node():
    assert drawn(graph([Layer("", "net", "Net")])) == (["net (Net)"], [])
    assert drawn(graph([Layer("", "net", "Net")], [Call(0, "layer", "", "Net", None, "")])) == (["net (Net)"], [])


def test_a_failed_forward_pass_is_drawn_up_to_where_it_stopped():
    pytest.importorskip("keras")
    from tests.models.keras_models import FailsInside

    with pytest.warns(PartialReadWarning):
        text = nbviz.to_dot(FailsInside(), (2, 4), show_shapes=True)
    assert [node.cells[-1].text for node in dot_nodes(text).values()] == ["(2, 5)", "(7, 2)", "?"]
    with pytest.raises(ValueError, match="Inner dimensions"):
        nbviz.to_dot(FailsInside(), (2, 4), strict=True)


# Options


@pytest.mark.parametrize(
    ("layer_range", "names"),
    [
        (("a", "head"), ["a", "b", "block", "block", "concat#1", "head"]),
        (("block", "block"), ["block", "block"]),
        (("head", "b"), ["b", "block", "block", "concat#1", "head"]),
        (("con.*", ".*ail"), ["concat#1", "head", "tail"]),
        (("b", "b.*"), ["b", "block", "block"]),
    ],
)
def test_layer_range_takes_names_and_patterns_in_either_order(layer_range, names):
    titles, edges = drawn(shared(), layer_range=layer_range)
    assert [title.partition(" ")[0] for title in titles] == names
    assert {end for edge in edges for end in edge} <= set(titles)


def test_layer_range_keeps_what_is_inside_and_leaves_out_the_rest():
    titles, edges = drawn(shared(), layer_range=("block", "concat#1"), expand_nested=True)
    assert titles == ["up (Dense)", "down (Dense)", "up (Dense)", "down (Dense)", "concat#1 (concat)"]
    assert len(edges) == 4
    text = dot_text(Metrics(shared()), NAMED, layer_range=("head", "tail"), expand_nested=True)
    assert read(text) == (["head (Dense)", "tail (Split)"], [("head (Dense)", "tail (Split)")])
    assert "cluster" not in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rankdir": "down"}, "rankdir must be one of 'TB', 'LR', 'BT', 'RL'; found 'down'"),
        ({"splines": "othro"}, "found 'othro'. Did you mean 'ortho'"),
        ({"dpi": 0}, "dpi must be a number above zero; found 0"),
        ({"dpi": float("nan")}, "found nan"),
        ({"dpi": "200"}, "found '200'"),
        ({"form": "png"}, "form must be one of 'text', 'pydot', 'graphviz'; found 'png'"),
        ({"layer_range": ("dnse", "dense_1")}, "'dnse', which matches no top-level layer.*Did you mean 'dense'"),
        ({"layer_range": "dense"}, "layer_range must be two names"),
        ({"layer_range": ("(", "dense")}, "neither a layer name nor a valid pattern"),
    ],
)
def test_wrong_option_is_one_clear_error(options, message):
    with pytest.raises(OptionError, match=message):
        nbviz.to_dot(tutorial(), **options)


def test_unknown_option_is_named_with_the_nearest():
    with pytest.raises(
        UnknownOptionError, match=r"nbviz.to_dot has no option 'show_shape'. Did you mean 'show_shapes'"
    ):
        nbviz.to_dot(tutorial(), show_shape=True)


def test_equal_graphs_have_equal_texts():
    assert dot_text(Metrics(shared()), FULL, expand_nested=True) == dot_text(
        Metrics(shared()), FULL, expand_nested=True
    )


def test_example_of_the_docstring_runs():
    pytest.importorskip("keras")
    pytest.importorskip("graphviz")
    (example,) = doctest.DocTestFinder(recurse=False).find(api.to_dot, globs={})
    assert example.examples
    assert doctest.DocTestRunner().run(example).failed == 0


# In Graphviz


@st.composite
def hostile_graphs(draw):
    names = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=6))
    paths = draw(st.lists(names.map(lambda name: name.replace("/", "~1")), min_size=4, max_size=4, unique=True))
    layers, calls, edges = [Layer("", draw(names), draw(names))], [Call(0, "layer", "", draw(names), None, "")], []
    for at, path in enumerate(paths):
        whole, spec = f"outer/{path}", (tensor(None, draw(names), dtype=draw(names)),)
        layers.append(Layer(whole, draw(names), draw(names), "", "", (("activation", draw(names)),)))
        calls.append(Call(2 * at + 1, "layer", whole, draw(names), 0, whole, spec, spec))
        calls.append(Call(2 * at + 2, "operation", f"{whole}/{path}", draw(names), 2 * at + 1, None, spec, spec * 2))
        edges += [(2 * at, 1, 2 * at + 2, 0)] if at else []
    return graph(layers, calls, edges)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(hostile_graphs(), st.booleans())
def test_graphviz_shows_every_name_as_it_is(graphviz, net, expand):
    plates = Plates(Metrics(net), FULL)
    picture = graphviz(dot_text(Metrics(net), FULL, expand_nested=expand))
    said = [drawing_of(picture, "node", f"c{call}") for call in range(1, len(net.calls)) if call % 2 != expand]
    for call, text in zip(range(2 if expand else 1, len(net.calls), 2), said, strict=True):
        plate = plates.of(call)
        lines = [plate.title, f"Activation: {plate.activation}" if plate.activation is not None else ""]
        assert text == squeezed("".join([*lines, *(f"{cell.label}: {cell.text}" for cell in plate.cells)]))
    for call in range(1, len(net.calls), 2) if expand else ():
        assert drawing_of(picture, "cluster", f"cluster_{call}") == squeezed(plates.name(call))
    assert picture.count('class="edge"') == 3


def drawing_of(picture, kind, title):
    """What is written in one part of an SVG, without blanks, which Graphviz may widen or drop."""
    part = re.search(rf'class="{kind}">\n<title>{title}</title>(.*?)</g>', picture, re.DOTALL)
    assert part, title
    return squeezed("".join(html.unescape(text) for text in re.findall(r"<text[^>]*>(.*?)</text>", part[1], re.DOTALL)))


def squeezed(text):
    return re.sub(r"\s", "", text)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(strategies(), st.booleans(), st.sampled_from(RANKDIRS), st.sampled_from(SPLINES))
def test_graphviz_takes_every_graph(graphviz, net, expand, rankdir, splines):
    text = dot_text(Metrics(net), FULL, expand_nested=expand, rankdir=rankdir, splines=splines)
    picture = graphviz(text)
    assert picture.count('class="node"') == len(dot_nodes(text)) > 0
    assert picture.count('class="edge"') == (0 if splines == "none" else len(dot_edges(text)))
    assert {end for edge in dot_edges(text) for end in edge} <= set(dot_nodes(text))


def test_graphviz_takes_boxes_in_boxes(graphviz):
    assert graphviz(dot_text(Metrics(tower(30)), NAMED, expand_nested=True)).count('class="cluster"') == 29


# As objects of libraries


def test_pydot_object_holds_the_same_graph(graphviz):
    pydot = pytest.importorskip("pydot")
    found = nbviz.to_dot(shared(), form="pydot", expand_nested=True)
    assert isinstance(found, pydot.Dot)
    assert [edge.get_destination() for edge in found.get_edges()][-2:] == ["c10", "c11"]
    assert len(found.get_subgraphs()) == 2
    text = nbviz.to_dot(shared(), expand_nested=True)
    assert graphviz(found.to_string(), "plain") == graphviz(text, "plain")


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(hostile_graphs(), st.booleans())
def test_pydot_takes_every_name(graphviz, net, expand):
    pytest.importorskip("pydot")
    found = nbviz.to_dot(net, form="pydot", expand_nested=expand)
    assert graphviz(found.to_string(), "plain") == graphviz(nbviz.to_dot(net, expand_nested=expand), "plain")


def test_pydot_takes_boxes_in_boxes():
    pytest.importorskip("pydot")
    found = nbviz.to_dot(tower(30), form="pydot", expand_nested=True)
    for _ in range(29):
        (found,) = found.get_subgraphs()
    assert [node.get_name() for node in found.get_nodes()] == ["c30", "c31"]


def test_graphviz_object_holds_the_text():
    library = pytest.importorskip("graphviz")
    found = nbviz.to_dot(shared(), form="graphviz", show_shapes=True)
    assert isinstance(found, library.Source)
    assert found.source == nbviz.to_dot(shared(), show_shapes=True)


@pytest.mark.parametrize("form", ["pydot", "graphviz"])
def test_missing_library_is_named(monkeypatch, form):
    monkeypatch.setitem(sys.modules, form, None)
    with pytest.raises(MissingExtraError, match=f"pip install {form}"):
        nbviz.to_dot(tutorial(), form=form)


@pytest.mark.parametrize("suffix", [".dot", ".gv", ".DOT"])
def test_view_saves_the_same_text(tmp_path, suffix):
    path = nbviz.view(shared()).save(tmp_path / f"net{suffix}")
    assert path.read_text(encoding="utf-8") == nbviz.to_dot(shared())
