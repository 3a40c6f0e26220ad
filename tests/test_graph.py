"""The model graph: paths, lookups, dtypes and the network of networkx."""

import pickle

import networkx as nx
import pytest
from hypothesis import given, settings

from nbviz.errors import UnknownPathError
from nbviz.graph import Call, Compute, Group, Layer, ModelGraph, TensorSpec, itemsize, stored_bytes
from nbviz.invariants import violations
from nbviz.shape import Shape
from tests.fixtures.graphs import chain, graph, shared, strategies, tensor, tower, tutorial, weight


@pytest.mark.parametrize(
    ("dtype", "size"),
    [
        ("float32", 4),
        ("bfloat16", 2),
        ("float8_e4m3fn", 1),
        ("complex128", 16),
        ("int4", 0.5),
        ("uint8", 1),
        ("bool", 1),
        ("string", None),
        (None, None),
    ],
)
def test_bytes_of_one_element(dtype, size):
    assert itemsize(dtype) == size


@pytest.mark.parametrize(
    ("dtype", "elements", "taken"),
    [
        ("int4", 3, 2),
        ("float32", 3, 12),
        ("bool", 0, 0),
        ("float64", 1 << 2000, 1 << 2003),
        ("string", 1, None),
        ("int8", None, None),
    ],
)
def test_bytes_of_elements_are_exact(dtype, elements, taken):
    assert stored_bytes(dtype, elements) == taken


@pytest.mark.parametrize(
    ("spec", "size"),
    [
        (tensor(None, 7, 7, 2048), 4 * 7 * 7 * 2048),
        (tensor(3, 3, dtype="int4"), 5),  # nine half bytes
        (tensor(), 4),
        (tensor(None, None, 3), None),
        (tensor("batch", 3), 12),
        (tensor(2, dtype="string"), None),
        (tensor(2, dtype=None), None),
        (TensorSpec(None, "float32"), None),
    ],
)
def test_bytes_of_a_tensor_count_a_free_batch_as_one(spec, size):
    assert spec.bytes == size


def test_resolves_paths_names_groups_and_operations():
    net = shared()
    assert net.resolve("") == ""
    assert net.resolve("block/up") == "block/up"
    assert net.resolve("net") == ""  # the root by its own name
    assert net.resolve("~end") == "~end"
    assert net.resolve("concat#1") == "concat#1"


def test_first_layer_of_a_name_is_meant():
    net = graph([Layer("", "net", "Net"), Layer("a/x", "x", "Dense", "", ""), Layer("b/x", "x", "Dense", "", "")])
    assert net.resolve("x") == "a/x"


def test_unknown_path_names_the_nearest_in_a_plain_sentence():
    with pytest.raises(UnknownPathError) as caught:
        shared().resolve("block/dwon")
    assert isinstance(caught.value, KeyError)
    assert str(caught.value) == ("No layer, operation or group has the path 'block/dwon'. Did you mean 'block/down'?")
    with pytest.raises(UnknownPathError, match=r"the path '§§§'\.$"):
        shared().resolve("§§§")


def test_calls_of_a_shared_layer_are_in_execution_order():
    assert shared().calls_of["block/up"] == (4, 7)
    assert "unused" not in shared().calls_of


@given(strategies())
def test_networkx_round_trip(net):
    network = net.to_networkx()
    assert ModelGraph.from_networkx(network) == net
    assert sorted(network) == list(range(len(net.calls)))
    assert network.number_of_edges() == len(net.edges)


def test_networkx_attributes_are_those_documented():
    network = shared().to_networkx()
    assert isinstance(network, nx.MultiDiGraph)
    assert network.nodes[4]["path"] == "block/up"
    assert network.nodes[4]["parent"] == 3
    assert network.nodes[9]["settings"] == (("axis", 1),)
    data = network.get_edge_data(8, 9)[0]
    assert data == {"source_port": 0, "target_port": 1, "shape": Shape((None, 3, 4)), "dtype": "float32"}
    assert network.graph["framework"] == "Keras"
    assert nx.is_directed_acyclic_graph(network)
    assert nx.has_path(network, 1, 11)


def test_networkx_graph_with_nodes_in_another_order_reads_the_same():
    network = shared().to_networkx()
    turned = nx.MultiDiGraph(**network.graph)
    turned.add_nodes_from(reversed(list(network.nodes(data=True))))
    turned.add_edges_from(reversed(list(network.edges(data=True))))
    assert ModelGraph.from_networkx(turned) == shared()


def test_networkx_keeps_two_edges_between_the_same_calls():
    spec = (tensor(2),)
    net = graph(
        [Layer("", "net", "Net")],
        [
            Call(0, "layer", "", "Net", None, ""),
            Call(1, "input", "input#1", "input", 0, None, (), spec),
            Call(2, "operation", "mul#1", "mul", 0, None, spec * 2, spec),
        ],
        [(1, 0, 2, 0), (1, 0, 2, 1)],
    )
    assert net.to_networkx().number_of_edges(1, 2) == 2
    assert ModelGraph.from_networkx(net.to_networkx()) == net


def test_graph_of_another_program_is_refused():
    with pytest.raises(KeyError):
        ModelGraph.from_networkx(nx.MultiDiGraph())


def test_graphs_compare_and_pickle_by_value():
    assert shared() == shared()
    assert shared() != tutorial()
    assert pickle.loads(pickle.dumps(shared())) == shared()  # noqa: S301
    assert hash(tutorial()) == hash(tutorial())


@pytest.mark.parametrize(
    "net", [tutorial(), shared(), chain(3), tower(4)], ids=["tutorial", "shared", "chain", "tower"]
)
def test_sound_graphs_break_no_rule(net):
    assert list(violations(net)) == []


@given(strategies())
@settings(max_examples=50)
def test_drawn_graphs_break_no_rule(net):
    assert list(violations(net)) == []


ROOT = Layer("", "net", "Net")
LEAF = Layer("l", "l", "Leaf", "", "")
TOP = Call(0, "layer", "", "Net", None, "")
INPUT = Call(1, "input", "in", "input", 0, None, (), (tensor(2),))
ODD = Compute("matmul", (("x", Shape((2,))), ("contracted", Shape((2,)))))
USER = Call(2, "operation", "op#1", "op", 0, None, (tensor(2),))


@pytest.mark.parametrize(
    ("net", "rule"),
    [
        (graph([]), "not the root"),
        (graph([Layer("a", "a", "A")]), "not the root"),
        (graph([ROOT, Layer("a", "a", "A", "", "b"), Layer("b", "b", "B", "", "a")]), "before its parent 'b'"),
        (graph([ROOT, Layer("a", "a", "A", "", ""), Layer("a", "a", "A", "", "")]), "two layers have the path 'a'"),
        (graph([ROOT, Layer("a", "a", "A", "", "", (), (7,))]), "holds a parameter that does not exist"),
        (graph([ROOT], [Call(1, "layer", "", "Net", None, "")]), "call 1 is at position 0"),
        (graph([ROOT], [Call(0, "layer", "", "Net", 0, "")]), "does not come after its parent 0"),
        (graph([ROOT], [Call(0, "layer", "x", "X", None, "x")]), "but the layer 'x'"),
        (graph([ROOT], [Call(0, "layer", "", "Net", None, "", (), (), (0,))]), "reads a parameter"),
        (
            graph([ROOT], [Call(0, "layer", "", "Net", None, "", compute=(ODD,))]),
            "has a matmul with the shapes contracted, x",
        ),
        (graph([ROOT], [TOP, INPUT, USER], [(2, 0, 1, 0)]), "which is not later"),
        (graph([ROOT], [TOP, INPUT, USER], [(1, 0, 9, 0)]), "which is not later"),
        (graph([ROOT], [TOP, INPUT, USER], [(1, 1, 2, 0)]), "starts at output 1 of call 1"),
        (graph([ROOT], [TOP, INPUT, USER], [(1, 0, 2, 1)]), "ends at input 1 of call 2"),
        (graph([ROOT], [TOP, INPUT, USER], [(0, 0, 2, 0)]), "contains others"),
        (graph([ROOT], parameters=[weight(0, "k", (1,), "x")]), "which are not layers"),
        (graph([ROOT], parameters=[weight(0, "k", (1,))]), "which are not layers"),
        (graph([ROOT], [TOP, INPUT, Call(2, "operation", "op#1", "op", 1)]), "is inside call 1, which is an input"),
        (graph([ROOT], groups=[Group("~a", "a", "~b", "", ())]), "must come after its parent group"),
        (
            graph([ROOT, LEAF], groups=[Group("~a", "a", None, "", ()), Group("~b", "b", "~a", "l", ())]),
            "in the same layer",
        ),
        (graph([ROOT], groups=[Group("~a", "a", None, "x", ())]), "which is not a layer"),
        (graph([ROOT], groups=[Group("~a", "a", None, "", ("x",))]), "not a row directly in ''"),
        (graph([ROOT, LEAF], groups=[Group("~a", "a", None, "l", ("l",))]), "not a row directly in 'l'"),
        (graph([ROOT], groups=[Group("", "a", None, "", ())]), "is used twice"),
        (graph([ROOT, LEAF], groups=[Group("~a", "a", None, "", ("l", "l"))]), "another group"),
    ],
)
def test_each_broken_rule_is_named(net, rule):
    assert any(rule in sentence for sentence in violations(net)), list(violations(net))
