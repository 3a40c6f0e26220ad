"""Which rows a text means; ``js/src/search.test.ts`` asks the page's search the same."""

import pytest

from nbviz.graph import Call, Layer
from nbviz.metrics import Metrics
from nbviz.views.search import matching_paths
from tests.fixtures.graphs import graph, shared, weight


def paths(net, text):
    """Paths of the rows, in their order."""
    metrics = Metrics(net)
    found = matching_paths(metrics, text)
    return None if found is None else [path for path in metrics.tree.path if path in found]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("/UP", ["block/up"]),
        ("block dense", ["block/up", "block/down"]),
        ("dense block/", ["block/up", "block/down"]),
        ("(none, 3, 4)", ["b"]),
        ("(None,3,4)", ["b"]),
        ("3x4", ["b"]),
        ("3\N{MULTIPLICATION SIGN}4", ["b"]),
        ("time\N{MULTIPLICATION SIGN}8", ["block/up"]),
        ("float32 head", ["head"]),
        ("operation", []),  # the kind is not looked at
        ("  ", None),
        ("concat#1", ["concat#1"]),
        (".*", []),
    ],
)
def test_looks_for_words_in_names_type_dtype_and_shapes(text, found):
    assert paths(shared(), text) == found


def test_finds_the_frameworks_own_names_and_unescaped_ones():
    assert paths(graph([Layer("", "net", "Net"), Layer("a", "encoder.0", "A", "", "")]), "ENCODER.0") == ["a"]
    assert paths(graph([Layer("", "net", "Net"), Layer("a~1b", "", "A", "", "")]), "a/b") == ["a~1b"]


def stored():
    """A checkpoint: nothing is computed."""
    layers = [
        Layer("", "", "Checkpoint"),
        Layer("encoder", "encoder", "Tensors", parent=""),
        Layer("encoder/q_proj", "encoder.q_proj", "Tensors", parent="encoder", parameters=(0, 1)),
        Layer("lm_head", "lm_head", "Tensors", parent="", parameters=(2,)),
        Layer("wte", "wte", "Tensors", parent="", parameters=(2,)),
    ]
    parameters = [
        weight(0, "weight", (64, 64), "encoder/q_proj", dtype="int8"),
        weight(1, "weight_scale", (64,), "encoder/q_proj"),
        weight(2, "weight", (100, 64), "lm_head", "wte", dtype="bfloat16"),
    ]
    return graph(layers, parameters=parameters)


@pytest.mark.parametrize(
    "text",
    ["bfloat16", "(100, 64)", "(100,64)", "100x64", "100\N{MULTIPLICATION SIGN}64", "LM_head.weight", "wte/weight"],
)
def test_finds_parameters_by_dtype_shape_and_full_name(text):
    assert paths(stored(), text) == ["lm_head", "wte"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("weight_scale", True),
        ("encoder.q_proj.weight", True),
        ("encoder/q_proj.w", True),
        ("proj.", True),
        ("int8 float32 64x64", True),
        ("q.weight", False),
        ("q_proj.eight", False),
        ("q_proj.weight.", False),
        ("q_proj_weight", False),
        ("tensors.weight_scale", False),  # a type is no name
    ],
)
def test_full_names_join_whole_names(text, found):
    assert paths(stored(), text) == (["encoder/q_proj"] if found else [])


def test_finds_operations_by_what_they_read_and_nodes_by_their_own_names():
    layers = [Layer("", "net", "ModelProto"), Layer("enc", "/enc", "Scope", parent="", parameters=(0,))]
    named = ("/enc/Relu_4", "/enc/Relu_7")
    calls = [
        Call(0, "layer", "", "ModelProto", None, ""),
        Call(1, "layer", "enc", "Scope", 0, "enc"),
        Call(2, "operation", "enc/Add#1", "Add", 1, None, parameters=(0,), settings=(("axis", "shown"),)),
        *(Call(i + 3, "operation", "enc/Relu#1", "Relu", 1, None, settings=(("name", named[i]),)) for i in range(2)),
    ]
    net = graph(layers, calls, parameters=[weight(0, "in_proj_bias", (4,), "enc")])
    for text in ("in_proj_bias", "/enc.in_proj", "enc in_proj"):
        assert paths(net, text) == ["enc", "enc/Add#1"]
    for text in ("/enc/Relu_4", "relu_7"):
        assert paths(net, text) == ["enc/Relu#1"]
    assert paths(net, "axis") == paths(net, "shown") == []
