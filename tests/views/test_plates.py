"""What the nodes of plot_model say: against what Keras says, and where nbviz says more."""

from __future__ import annotations

import dataclasses
import itertools

import pytest

import nbviz
from nbviz.graph import Call, Group, Layer
from nbviz.metrics import Metrics
from nbviz.views.plates import Cell, Plate, PlateOptions, Plates
from tests.fixtures.dots import as_we_word_it, dot_nodes, loosely, node_of
from tests.fixtures.graphs import UNRANKED, graph, shared, tensor, tutorial

EVERYTHING = PlateOptions(
    show_shapes=True, show_dtype=True, show_layer_names=True, show_layer_activations=True, show_trainable=True
)
COMBINATIONS = [
    PlateOptions(**dict(zip((field.name for field in dataclasses.fields(PlateOptions)), flags, strict=True)))
    for flags in itertools.product((False, True), repeat=5)
]


def plates_of(net, options=EVERYTHING):
    plates = Plates(Metrics(net), options)
    return [plates.of(call) for call in range(len(net.calls))]


@pytest.fixture(scope="module")
def kinds():
    pytest.importorskip("keras")
    from tests.models.keras_models import drawn_by_keras

    return {name: (model, nbviz.read(model)) for name, model in drawn_by_keras().items()}


@pytest.mark.parametrize("options", COMBINATIONS, ids=lambda o: "".join(str(int(on)) for on in dataclasses.astuple(o)))
def test_says_what_keras_says(kinds, options):
    keras = pytest.importorskip("keras")
    pytest.importorskip("pydot")
    for name, (model, net) in kinds.items():
        text = keras.utils.model_to_dot(model, **dataclasses.asdict(options)).to_string()
        expected = [as_we_word_it(node) for node in dot_nodes(text).values()]
        calls = [call for call in net.calls if call.parent == 0 and (call.layer or call.kind == "operation")]
        plates = Plates(Metrics(net), options)
        assert len(expected) == len(calls), name
        for call, theirs in zip(calls, expected, strict=True):
            as_read = loosely if call.kind == "operation" else as_we_word_it
            assert as_read(node_of(plates.of(call.id))) == as_read(theirs), name


def test_plain_plate_is_the_type_alone():
    assert plates_of(tutorial(), PlateOptions())[2] == Plate(None, "Dense")
    assert plates_of(tutorial(), PlateOptions())[2].title == "Dense"


def test_each_call_of_a_shared_layer_has_its_own_shapes():
    plates = plates_of(shared())
    assert plates[4].title == plates[7].title == "up (Dense)"
    assert plates[4].cells[:2] == (Cell("Input shape", "(None, time, 4)"), Cell("Output shape", "(None, time, 8)"))
    assert plates[7].cells[:2] == (Cell("Input shape", "(None, 3, 4)"), Cell("Output shape", "(None, 3, 8)"))


def test_several_tensors_are_a_list_and_unknown_is_said():
    concat, tail = plates_of(shared())[9], plates_of(shared())[11]
    assert concat.cells == (
        Cell("Input shape", "[(None, time, 4), (None, 3, 4)]"),
        Cell("Output shape", "?"),
        Cell("Output dtype", "?"),
    )
    assert tail.cells[1:] == (
        Cell("Output shape", "[(None, 1), (None, 1)]"),
        Cell("Output dtype", "[float32, float32]"),
    )


def test_bare_operation_has_its_name_and_no_mark():
    concat = plates_of(shared())[9]
    assert (concat.title, concat.activation, concat.trainable) == ("concat#1 (concat)", None, None)


def test_boundaries_have_only_the_side_on_which_there_are_tensors():
    net = graph(
        [Layer("", "net", "Net")],
        [
            Call(0, "layer", "", "Net", None, ""),
            Call(1, "input", "input#1", "input", 0, None, (), (tensor(3),)),
            Call(2, "constant", "constant#1", "constant", 0, None, (), (tensor(4, dtype="int8"),)),
            Call(3, "operation", "arange#1", "arange", 0, None, (), (tensor(5),)),
            Call(4, "output", "output#1", "output", 0, None, (tensor(6),), ()),
        ],
    )
    whole, entry, constant, arange, leaving = plates_of(net)
    assert [cell.text for cell in whole.cells] == ["?", "?", "?"]
    assert entry.cells == (Cell("Output shape", "(3,)"), Cell("Output dtype", "float32"))
    assert constant.cells == (Cell("Output shape", "(4,)"), Cell("Output dtype", "int8"))
    assert arange.cells == (Cell("Output shape", "(5,)"), Cell("Output dtype", "float32"))
    assert leaving.cells == (Cell("Input shape", "(6,)"),)
    assert constant.title == "constant#1 (constant)"


def test_group_says_what_enters_and_leaves_it_in_each_call():
    layers = [
        Layer("", "net", "Net"),
        Layer("block", "block", "Block", "", ""),
        Layer("block/a_1", "a_1", "Dense", "", "block"),
        Layer("block/a_2", "a_2", "Dense", "", "block"),
    ]
    calls, edges = [Call(0, "layer", "", "Net", None, "")], []
    for size in (3, 4):
        at, spec = len(calls), (tensor(None, size),)
        calls += [
            Call(at, "input", f"input#{at}", "input", 0, None, (), spec),
            Call(at + 1, "layer", "block", "Block", 0, "block", spec, spec),
            Call(at + 2, "layer", "block/a_1", "Dense", at + 1, "block/a_1", spec, (tensor(None, 9),)),
            Call(at + 3, "layer", "block/a_2", "Dense", at + 1, "block/a_2", (tensor(None, 9),), (UNRANKED,)),
            Call(at + 4, "output", f"output#{at}", "output", 0, None, (UNRANKED,)),
        ]
        edges += [(at, 0, at + 2, 0), (at + 2, 0, at + 3, 0), (at + 3, 0, at + 4, 0)]
    net = graph(layers, calls, edges, groups=[Group("block/~a", "a", None, "block", ("block/a_1", "block/a_2"))])
    plates = Plates(Metrics(net), EVERYTHING)
    for group, size in zip((len(calls), len(calls) + 1), (3, 4), strict=True):
        shapes = (Cell("Input shape", f"(None, {size})"), Cell("Output shape", "?"), Cell("Output dtype", "?"))
        assert plates.of(group) == Plate("a", "group", None, shapes)
    assert Plates(Metrics(net), PlateOptions()).of(len(calls)).title == "a (group)"


def test_model_of_which_no_call_is_known_has_a_plate():
    plate = Plates(Metrics(graph([Layer("", "net", "Net")])), EVERYTHING).model()
    assert (plate.title, plate.trainable) == ("net (Net)", None)
    assert {cell.text for cell in plate.cells} == {"?"}


def test_without_a_switch_a_layer_is_trained_if_any_of_its_weights_is():
    marks = {plate.name: plate.trainable for plate in plates_of(shared())}
    assert marks == {
        "net": True, "a": None, "b": None, "block": True, "up": True, "down": False, "concat#1": None, "head": True,
        "tail": None,
    }  # fmt: skip


def test_lambda_is_called_as_keras_calls_it():
    keras = pytest.importorskip("keras")
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, activation=lambda x: 2 * x)])
    assert [plate.activation for plate in plates_of(nbviz.read(model))] == [None, None, "<lambda>", None]


def test_texts_hold_no_control_characters():
    layers = [Layer("", "n\x1b[31m", "Net\n\x00"), Layer("l", "l", "L", "", "", (("activation", "\u202e\x07"),))]
    calls = [
        Call(0, "layer", "", "Net\n\x00", None, ""),
        Call(1, "layer", "l", "L\ud800", 0, "l", (), (tensor("\x1b", dtype="\x9b"),)),
    ]
    for plate in plates_of(graph(layers, calls, name="n\x1b[31m")):
        for text in (plate.title, plate.activation or "", *(cell.text for cell in plate.cells)):
            assert text.isprintable(), text
