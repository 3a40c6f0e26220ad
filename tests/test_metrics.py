"""Numbers of rows and totals, against values worked out by hand and against what must add up."""

import gc
import time
import weakref

import pytest
from hypothesis import given, settings

from nbviz.graph import EXTENTS, Call, Compute, Group, Layer
from nbviz.metrics import COLUMNS, FORMULAS, Metrics, macs
from nbviz.shape import Shape, Shapes
from tests.fixtures.graphs import UNRANKED, chain, graph, matmul, shared, strategies, tensor, tower, tutorial, weight


def column(metrics, name):
    return dict(zip(metrics.tree.path, metrics.columns[name], strict=True))


# Multiply-accumulates


@pytest.mark.parametrize(
    ("op", "shapes", "expected"),
    [
        # ResNet50's first convolution: 112 x 112 x 64 outputs, each a window of 7 x 7 x 3
        ("conv", {"output": (None, 112, 112, 64), "window": (7, 7, 3)}, 118_013_952),
        # depthwise: every output sees one channel
        ("conv", {"output": (2, 5, 5, 32), "window": (3, 3, 1)}, 14_400),
        # 4 x 4 x 8 inputs are each spread over 3 x 3 x 16
        ("conv_transpose", {"input": (None, 4, 4, 8), "window": (3, 3, 16)}, 18_432),
        # Dense(1000) on 2048 features
        ("matmul", {"output": (None, 1000), "contracted": (2048,)}, 2_048_000),
        ("matmul", {"output": (None, 128, 64), "contracted": (16, 4)}, 524_288),
        # 8 heads, 10 queries, 12 keys, size 64, value size 32: 8 * 10 * 12 * 96
        ("attention", {"query": (None, 8, 10, 64), "key": (None, 8, 12, 64), "value": (None, 8, 12, 32)}, 92_160),
        # LSTM(5) on 7 steps of 3 features: 7 * 4 * 5 gates, each contracts 3 + 5
        ("recurrent", {"gates": (None, 7, 20), "contracted": (8,)}, 1_120),
        ("matmul", {"output": (), "contracted": (3,)}, 3),
        ("matmul", {"output": (0, 5), "contracted": (3,)}, 0),
    ],
)
def test_formula_gives_the_number_worked_out_by_hand(op, shapes, expected):
    pattern = Compute(op, tuple((name, Shape(dims)) for name, dims in shapes.items()))
    assert macs((pattern,)) == expected
    assert macs((pattern, pattern)) == 2 * expected


def test_every_formula_has_a_case_above():
    cases = test_formula_gives_the_number_worked_out_by_hand.pytestmark[0].args[1]
    assert {case[0] for case in cases} == set(FORMULAS) == set(EXTENTS)


@pytest.mark.parametrize(
    ("op", "shapes"),
    [
        ("conv", {"output": (None, None, None, 64), "window": (7, 7, 3)}),
        ("conv", {"output": (None, 4, 64), "window": (7, None)}),
        ("conv_transpose", {"input": (None, "n", 8), "window": (3, 3)}),
        ("matmul", {"output": (None, "time", 8), "contracted": (4,)}),
        ("matmul", {"output": (None, 8), "contracted": (None,)}),  # what is contracted has no batch
        ("attention", {"query": (None, 8, "t", 64), "key": (None, 8, 4, 64), "value": (None, 8, 4, 64)}),
        ("attention", {"query": (None, 8, 4, 64), "key": (None, 8, "t", 64), "value": (None, 8, "t", 64)}),
        ("attention", {"query": (None, 8, 4, None), "key": (None, 8, 4, 64), "value": (None, 8, 4, 64)}),
        ("recurrent", {"gates": (None, None, 20), "contracted": (8,)}),
        ("of a later nbviz", {}),
    ],
)
def test_free_dimension_other_than_the_batch_makes_macs_unknown(op, shapes):
    pattern = Compute(op, tuple((name, Shape(dims)) for name, dims in shapes.items()))
    assert macs((pattern,)) is None


def test_no_compute_is_zero_and_unknown_compute_is_unknown():
    assert macs(()) == 0
    assert macs(None) is None
    known = Compute("matmul", (("output", Shape((2,))), ("contracted", Shape((3,)))))
    unknown = Compute("matmul", (("output", Shape((2, None))), ("contracted", Shape((3,)))))
    assert macs((known, unknown)) is None


# Rows


def test_tutorial_model_has_the_numbers_that_every_tutorial_shows():
    metrics = Metrics(tutorial())
    assert column(metrics, "params") == {"": 7, "dense": 4, "dense_1": 3}
    assert column(metrics, "output_shape") == {"": (None, 1), "dense": (None, 2), "dense_1": (None, 1)}
    assert column(metrics, "macs") == {"": 4, "dense": 2, "dense_1": 2}
    assert column(metrics, "bytes") == {"": 28, "dense": 16, "dense_1": 12}
    assert column(metrics, "share") == {"": 1, "dense": pytest.approx(4 / 7), "dense_1": pytest.approx(3 / 7)}
    assert column(metrics, "connected_to") == {"": (), "dense": (), "dense_1": ("dense",)}
    assert metrics.totals == {
        "params": 7,
        "trainable_params": 7,
        "non_trainable_params": 0,
        "buffers": 0,
        "bytes": 28,
        "macs": 4,
    }
    assert metrics.macs_basis == "per example"
    assert Metrics(tutorial(batch_axis=False)).macs_basis == ""


def test_tied_parameter_counts_once_in_every_subtree_and_belongs_to_its_first_owner():
    metrics = Metrics(shared())
    assert column(metrics, "own_params") | {"": 0} == {
        "": 0,
        "a": 0,
        "b": 0,
        "block": 0,
        "block/up": 32,
        "block/down": 4,
        "concat#1": 0,
        "~end": 0,
        "head": 8,
        "tail": 0,
        "unused": 1000,
    }
    params = column(metrics, "params")
    assert params["block/up"] == 32
    assert params["block/down"] == 36  # as its framework counts it
    assert params["block"] == 36  # not 68
    assert params[""] == 1044


def test_group_row_sums_its_members_and_shows_what_crosses_its_border():
    metrics = Metrics(shared())
    row = {
        name: column(metrics, name)["~end"]
        for name in ("kind", "type", "params", "own_params", "connected_to", "calls")
    }
    assert row == {
        "kind": "group",
        "type": "group",
        "params": 8,
        "own_params": 0,
        "connected_to": ("concat#1",),
        "calls": 1,
    }
    assert metrics.inputs[metrics.tree.index["~end"]] == [UNRANKED]


def test_group_counts_a_tensor_that_enters_it_twice_once():
    spec = (tensor(2),)
    net = graph(
        [Layer("", "net", "Net"), *(Layer(name, name, "Dense", "", "") for name in "abc")],
        [
            Call(0, "layer", "", "Net", None, ""),
            Call(1, "layer", "a", "Dense", 0, "a", (), spec),
            Call(2, "layer", "b", "Dense", 0, "b", spec, spec),
            Call(3, "layer", "c", "Dense", 0, "c", spec * 2, spec),
        ],
        [(1, 0, 2, 0), (1, 0, 3, 0), (2, 0, 3, 1)],
        groups=[Group("~g", "g", None, "", ("b", "c"))],
    )
    metrics = Metrics(net)
    assert column(metrics, "input_shape")["~g"] == Shape((2,))
    assert column(metrics, "connected_to") == {"": (), "a": (), "~g": ("a",), "b": ("a",), "c": ("a", "b")}


def test_shared_layer_has_one_row_with_the_first_calls_shapes_and_the_number_of_calls():
    metrics = Metrics(shared())
    assert column(metrics, "calls")["block/up"] == 2
    assert column(metrics, "order")["block/up"] == 4
    assert column(metrics, "output_shape")["block"] == Shape((None, "time", 4))
    assert column(metrics, "connected_to")["block"] == ("a", "b")
    assert column(metrics, "input_shape")[""] == Shapes((Shape((None, "time", 4)), Shape((None, 3, 4))))


def test_macs_of_a_shared_layer_are_those_of_all_its_calls():
    spec = (tensor(None, 8),)
    net = graph(
        [Layer("", "net", "Net"), Layer("a", "a", "Dense", "", "")],
        [
            Call(0, "layer", "", "Net", None, ""),
            *(Call(i, "layer", "a", "Dense", 0, "a", spec, spec, (), matmul((None, 8), 8)) for i in (1, 2, 3)),
        ],
    )
    metrics = Metrics(net)
    assert column(metrics, "macs") == {"": 192, "a": 192}
    assert metrics.call_macs == [192, 64, 64, 64]


def test_unknown_macs_reach_every_row_and_call_around_but_no_sibling():
    metrics = Metrics(shared())
    assert [row for row, value in column(metrics, "macs").items() if value is None] == [
        "",
        "block",
        "block/up",
        "unused",
    ]
    assert [call for call, value in enumerate(metrics.call_macs) if value is None] == [0, 3, 4]
    assert metrics.totals["macs"] is None


def test_loop_around_layers_has_no_macs_of_its_own_and_its_call_has_theirs():
    spec = (tensor(None, 8),)
    net = graph(
        [Layer("", "net", "Net"), Layer("a", "a", "Dense", "", "")],
        [
            Call(0, "layer", "", "Net", None, ""),
            Call(1, "operation", "scan#1", "scan", 0, "", spec, spec),
            Call(2, "layer", "a", "Dense", 1, "a", spec, spec, (), matmul((None, 8), 8)),
            Call(3, "operation", "tanh#1", "tanh", 0, "", spec, spec),
        ],
    )
    metrics = Metrics(net)
    assert column(metrics, "macs") == {"": 64, "a": 64, "scan#1": None, "tanh#1": 0}
    assert metrics.call_macs == [64, 64, 64, 0]


def test_unbuilt_layer_makes_all_around_it_unknown_and_nothing_else():
    net = graph(
        [
            Layer("", "net", "Net"),
            Layer("a", "a", "Dense", "", "", (), (0,)),
            Layer("b", "b", "Block", "", ""),
            Layer("b/x", "b/x", "Dense", "", "b", (), None),
            Layer("b/y", "b/y", "Dense", "", "b", (), (1,)),
        ],
        parameters=[weight(0, "kernel", (3,), "a"), weight(1, "kernel", (5,), "b/y")],
    )
    metrics = Metrics(net)
    assert column(metrics, "params") == {"": None, "a": 3, "b": None, "b/x": None, "b/y": 5}
    assert column(metrics, "own_params") == {"": 0, "a": 3, "b": 0, "b/x": None, "b/y": 5}
    assert set(column(metrics, "share").values()) == {None}
    assert metrics.totals["params"] is metrics.totals["non_trainable_params"] is metrics.totals["bytes"] is None


def test_failed_forward_pass_makes_macs_around_it_unknown():
    spec = (tensor(None, 8),)
    net = graph(
        [Layer("", "net", "Net"), *(Layer(name, name, "Dense", "", "") for name in "abc")],
        [
            Call(0, "layer", "", "Net", None, "", failed=True),
            Call(1, "layer", "a", "Dense", 0, "a", spec, spec, (), matmul((None, 8), 8)),
            Call(2, "layer", "b", "Dense", 0, "b", spec, (), (), None, failed=True),
        ],
        [(1, 0, 2, 0)],
    )
    assert column(Metrics(net), "macs") == {"": None, "a": 64, "b": None, "c": None}


def test_container_that_is_never_called_itself_has_the_macs_of_what_is_in_it():
    spec = (tensor(None, 8),)
    net = graph(
        [
            Layer("", "net", "Net"),
            Layer("blocks", "blocks", "List", "", ""),
            Layer("blocks/0", "0", "Dense", "", "blocks"),
        ],
        [
            Call(0, "layer", "", "Net", None, ""),
            Call(1, "layer", "blocks/0", "Dense", 0, "blocks/0", spec, spec, (), matmul((None, 8), 8)),
        ],
    )
    assert column(Metrics(net), "macs") == {"": 64, "blocks": 64, "blocks/0": 64}


def test_sizes_are_stored_bytes_and_counts_are_logical_elements():
    packed = weight(0, "kernel", (8, 4), "a", dtype="int8", size=64, bytes=32)
    net = graph([Layer("", "net", "Net"), Layer("a", "a", "Dense", "", "", (), (0,))], parameters=[packed])
    metrics = Metrics(net)
    assert column(metrics, "params")["a"] == 64
    assert column(metrics, "bytes")["a"] == 32


def test_unknown_bytes_of_one_parameter_make_the_sum_unknown():
    parameters = [weight(0, "k", (2,), ""), weight(1, "s", (2,), "", dtype="string", bytes=None)]
    metrics = Metrics(graph([Layer("", "net", "Net", parameters=(0, 1))], parameters=parameters))
    assert metrics.totals["bytes"] is None
    assert metrics.totals["params"] == 4


def test_buffers_are_outside_params_and_in_the_totals():
    metrics = Metrics(shared())
    assert metrics.totals["buffers"] == 2
    assert column(metrics, "params")["unused"] == 1000


def test_optimizer_state_is_in_no_total():
    assert Metrics(tutorial()).totals == Metrics(tutorial(optimizer=None)).totals


def test_model_without_parameters_has_no_shares():
    assert Metrics(graph([Layer("", "net", "Net")])).columns["share"] == [None]


@given(strategies())
@settings(max_examples=200)
def test_what_must_add_up_adds_up(net):
    metrics = Metrics(net)
    own, params = metrics.columns["own_params"], metrics.columns["params"]
    assert params[0] == metrics.totals["params"]
    if None in own:
        assert params[0] is None
    else:
        assert sum(own) == params[0]
        assert params[0] == sum(p.size for p in net.parameters if p.kind == "weight")
    for row, value in enumerate(params):
        inside = [other for other in range(len(params)) if row in metrics.tree.ancestors(other)]
        held = {id for other in inside for id in held_by(metrics, other) or ()}
        if any(held_by(metrics, other) is None for other in inside):
            assert value is None
        else:
            assert value == sum(net.parameters[id].size for id in held if net.parameters[id].kind == "weight")
            trained = metrics.columns["trainable_params"][row]
            assert 0 <= trained <= value
    assert {len(values) for values in metrics.columns.values()} == {len(metrics.tree)}
    assert list(metrics.columns) == [column.name for column in COLUMNS]


def held_by(metrics, row):
    layer = metrics.graph.layer_index.get(metrics.tree.path[row])
    return () if layer is None else metrics.graph.layers[layer].parameters


@given(strategies())
def test_call_macs_sum_up_to_the_root(net):
    metrics = Metrics(net)
    calls = net.calls
    for call in calls:
        own = macs(call.compute)
        inner = [metrics.call_macs[other.id] for other in calls if other.parent == call.id]
        expected = None if own is None or None in inner else own + sum(inner)
        assert metrics.call_macs[call.id] == expected


# Size


def seconds(make, length):
    net = make(length)
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        Metrics(net)
        best = min(best, time.process_time() - start)
    return best


@pytest.mark.bench
def test_time_grows_with_the_number_of_layers_and_not_with_its_square():
    # quadratic would be 64 times as long
    assert seconds(chain, 16_000) < 24 * seconds(chain, 2_000)


def test_deep_nesting_does_not_recurse():
    metrics = Metrics(tower(5000))
    assert metrics.totals["params"] == 128
    assert metrics.totals["macs"] == 128
    assert column(metrics, "connected_to")[metrics.tree.path[-1]] == (metrics.tree.path[-2],)


def test_what_was_measured_goes_with_its_last_reader():
    gc.disable()
    try:
        metrics = Metrics(tutorial())
        assert "connected_to" in metrics.columns
        assert len(metrics.columns["connected_to"]) == len(metrics.tree)
        gone = weakref.ref(metrics)
        del metrics
        assert gone() is None
    finally:
        gc.enable()
