"""What the builder makes of calls, tensors and parameters that come in any order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nbviz.builder import GraphBuilder, escape
from nbviz.graph import TensorSpec
from nbviz.records import Stored
from nbviz.shape import Shape


class Tensor:
    """Anything with an identity."""


def spec(*dims):
    return TensorSpec(Shape(dims), "float32")


def stored(name="w", size=1):
    return Stored(name, "weight", Shape((size,)), "float32", trainable=True, bytes=4 * size, size=size)


def root():
    builder = GraphBuilder("net", "Test")
    builder.add_layer("root", None, "", name="", type="Net")
    return builder, builder.begin("layer", "Net", None, layer="")


def run(builder, parent, inputs=(), *, layer=None, op="op", inside=None):
    """Record one call and return its output tensor."""
    record = builder.begin(
        "layer" if layer else "operation", op, parent.id, [(t, spec(1)) for t in inputs], layer=layer
    )
    out = inside(record) if inside is not None else Tensor()
    builder.end(record, [(out, spec(1))])
    return out


def test_paths_are_escaped_and_siblings_of_one_name_are_numbered():
    builder, _ = root()
    assert builder.add_layer(1, "root", "a/b~c", name="", type="T") == "a~1b~0c"
    assert builder.add_layer(2, "root", "x", name="", type="T") == "x"
    assert builder.add_layer(3, "root", "x", name="", type="T") == "x#2"
    assert builder.add_layer(4, 2, "x", name="", type="T") == "x/x"


@given(st.lists(st.text(max_size=4), max_size=8))
def test_paths_are_unique_whatever_the_names(names):
    builder, _ = root()
    paths = [builder.add_layer(i, "root", name, name=name, type="T") for i, name in enumerate(names)]
    assert len(set(paths)) == len(paths)


@given(st.text(), st.text())
def test_escaping_never_makes_two_names_one(a, b):
    assert (escape(a) == escape(b)) == (a == b)
    assert "/" not in escape(a)


def test_operations_are_numbered_anew_in_every_call_of_a_shared_block():
    builder, top = root()
    builder.add_layer("block", "root", "block", name="block", type="Block")

    def body(record):
        return run(builder, record, [run(builder, record, op="add")], op="add")

    first = run(builder, top, layer="block", inside=body)
    run(builder, top, [first], layer="block", inside=body)
    paths = builder.finish().calls.column("path")
    assert paths == ("", "block", "block/add#1", "block/add#2", "block", "block/add#1", "block/add#2")


def test_operation_does_not_take_the_path_of_a_layer():
    builder, top = root()
    builder.add_layer("odd", "root", "add#1", name="add#1", type="T")
    run(builder, top, op="add")
    assert builder.finish().calls[1].path == "add#1#"


def test_edges_join_calls_that_contain_no_calls():
    builder, top = root()
    builder.add_layer("block", "root", "block", name="block", type="Block")
    start = run(builder, top, op="start")

    def body(record):
        return run(builder, record, [start], op="inner")

    out = run(builder, top, [start], layer="block", inside=body)
    run(builder, top, [out], op="end")
    graph = builder.finish()
    paths = graph.calls.column("path")
    assert [(paths[e.source], paths[e.target]) for e in graph.edges] == [
        ("start#1", "block/inner#1"),
        ("block/inner#1", "end#1"),
    ]


def test_frame_that_passes_its_input_on_is_passed_by():
    builder, top = root()
    builder.add_layer("skip", "root", "skip", name="skip", type="Skip")
    start = run(builder, top, op="start")

    def body(record):
        run(builder, record, [start], op="unused")
        return start

    out = run(builder, top, [start], layer="skip", inside=body)
    run(builder, top, [out], op="end")
    graph = builder.finish()
    assert (1, 4) in {(e.source, e.target) for e in graph.edges}


def test_alias_is_the_same_tensor():
    builder, top = root()
    start, other = run(builder, top, op="start"), Tensor()
    builder.alias(other, start)
    run(builder, top, [other], op="end")
    assert [(e.source, e.target) for e in builder.finish().edges] == [(1, 2)]


def test_cut_forgets_and_paste_brings_back():
    builder, top = root()
    builder.add_layer("block", "root", "block", name="block", type="Block")
    record = builder.begin("layer", "Block", top.id, layer="block")
    builder.add_layer("made", "block", "made", name="made", type="T")
    inner = run(builder, record, layer="block/made")
    cut = builder.cut(record)
    assert not record.has_children
    assert not builder.knows(inner)
    assert builder.path_of("made") is None
    run(builder, record, op="other")
    builder.paste(record, cut)
    assert builder.knows(inner)
    assert [c.path for c in builder.finish().calls] == ["", "block", "block/made"]


def test_layers_are_ordered_by_first_call_and_those_never_called_come_last():
    builder, top = root()
    for name in ("never", "late", "early"):
        builder.add_layer(name, "root", name, name=name, type="T")
    builder.add_layer("inner", "never", "inner", name="never/inner", type="T")
    builder.add_layer("holder", "root", "holder", name="holder", type="T")
    builder.add_layer("held", "holder", "held", name="holder/held", type="T")
    run(builder, top, layer="holder/held")
    run(builder, top, layer="early")
    run(builder, top, layer="late")
    assert builder.finish().layers.column("path") == (
        "", "holder", "holder/held", "early", "late", "never", "never/inner",
    )  # fmt: skip


def test_tied_parameter_is_one_with_its_owners_in_tree_order():
    builder, top = root()
    builder.add_layer("a", "root", "a", name="a", type="T")
    builder.add_layer("b", "root", "b", name="b", type="T")
    builder.hold("a", "shared", stored("kernel"))
    builder.hold("b", "shared", stored("other"))
    builder.hold("b", "own", stored("bias"))
    run(builder, top, layer="b")
    run(builder, top, layer="a")
    graph = builder.finish()
    assert [(p.name, p.owners) for p in graph.parameters] == [("kernel", ("b", "a")), ("bias", ("b",))]
    assert builder.parameter_keys() == ["shared", "own"]
    assert [layer.parameters for layer in graph.layers] == [(), (0, 1), (0,)]


def test_dangling_outputs_are_those_that_nothing_uses():
    builder, top = root()
    first = run(builder, top, op="a")
    run(builder, top, [first], op="b")
    run(builder, top, op="c")
    assert builder.dangling(top) == [(2, 0), (3, 0)]


def tree():
    """Return a model of three layers in columns; the last two hold one parameter together."""
    builder = GraphBuilder("net", "Test")
    columns = {
        "key": [1, 2, 3],
        "path": ["", "a", "a/b"],
        "parent": [None, "", "a"],
        "name": ["", "a", "a.b"],
        "type": ["Net", "Block", "Linear"],
        "module": ["net"] * 3,
        "settings": [(), (), (("units", 2),)],
        "accessor": ["", ".a", ".a.b"],
        "source": [""] * 3,
        "trainable": [None] * 3,
        "held": [(), ("w",), ("w", "b")],
        "complete": [True] * 3,
    }
    builder.add_tree(columns, {"w": stored("w", 4), "b": stored("b", 2)})
    return builder


def test_a_tree_in_columns_is_what_its_layers_are_one_by_one():
    given = GraphBuilder("net", "Test")
    given.add_layer(1, None, "", name="", type="Net", module="net")
    given.add_layer(2, 1, "a", name="a", type="Block", module="net", accessor=".a")
    settings = (("units", 2),)
    given.add_layer(3, 2, "b", name="a.b", type="Linear", module="net", settings=settings, accessor=".a.b")
    for layer, key, size in ((2, "w", 4), (3, "w", 4), (3, "b", 2)):
        given.hold(layer, key, stored(key, size))
    assert tree().finish() == given.finish()
    assert tree().parameter_keys() == given.parameter_keys() == ["w", "b"]
    assert tree().layer_keys() == given.layer_keys()


def test_a_layer_of_a_tree_can_be_changed_and_others_added_below():
    builder = tree()
    builder.layer(3).settings = (("units", 3),)
    builder.hold(3, "more", stored("more", 1))
    assert builder.add_layer(4, 2, "b", name="b", type="Linear") == "a/b#2"
    graph = builder.finish()
    assert graph.layers.column("path") == ("", "a", "a/b", "a/b#2")
    assert graph.layers[2].settings == (("units", 3),)
    assert graph.layers.column("parameters") == ((), (0,), (0, 1, 2), ())
    assert graph.parameters[0].owners == ("a", "a/b")
