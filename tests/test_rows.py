"""The rows of a model: their order, their parents, their labels, what is around a call."""

from unittest import mock

import pytest
from hypothesis import given

from nbviz.graph import Call, Group, Layer, Parameter
from nbviz.rows import RowTree
from nbviz.shape import Shape
from tests.fixtures.graphs import graph, shared, strategies, tower


def layers(*paths):
    return [Layer("", "net", "Net"), *(Layer(path, path, "Dense", "", path.rpartition("/")[0]) for path in paths)]


def calls(*paths):
    return [
        Call(0, "layer", "", "Net", None, ""),
        *(Call(i, "layer", path, "Dense", 0, path) for i, path in enumerate(paths, 1)),
    ]


def test_siblings_stand_in_the_order_of_their_first_call():
    tree = RowTree(graph(layers("a", "b", "c"), calls("c", "a", "b", "a")))
    assert tree.path == ["", "c", "a", "b"]


def test_what_is_never_called_comes_last_in_the_models_own_order():
    tree = RowTree(graph(layers("z", "y", "x", "w"), calls("x")))
    assert tree.path == ["", "x", "z", "y", "w"]


def test_without_calls_the_order_is_the_models_own():
    assert RowTree(graph(layers("b", "a", "a/y", "a/x"))).path == ["", "b", "a", "a/y", "a/x"]


def test_container_that_is_never_called_stands_where_its_content_is_called():
    tree = RowTree(graph(layers("blocks", "blocks/0", "head", "stem"), calls("stem", "blocks/0", "head")))
    assert tree.path == ["", "stem", "blocks", "blocks/0", "head"]
    assert tree.holds_calls == [True] * 5


def test_bare_operations_are_rows_inside_the_layer_that_calls_them():
    net = graph(
        layers("a", "b"),
        [
            *calls("b", "a"),
            Call(3, "operation", "a/add#1", "add", 2),
            Call(4, "operation", "add#1", "add", 0),
            Call(5, "input", "x", "input", 0),
            Call(6, "constant", "c", "constant", 0),
        ],
    )
    tree = RowTree(net)
    assert tree.path == ["", "b", "a", "a/add#1", "add#1"]
    assert tree.kind == ["layer", "layer", "layer", "operation", "operation"]
    assert tree.parent == [-1, 0, 0, 2, 0]
    assert tree.row_of_call == [0, 1, 2, 3, 4, -1, -1]


def test_group_stands_where_its_first_member_stood_with_its_members_behind_it():
    groups = [Group("~g", "g", None, "", ("c", "a")), Group("~g/h", "h", "~g", "", ("d",))]
    tree = RowTree(graph(layers("a", "b", "c", "d"), calls("b", "d", "a", "c"), groups=groups))
    assert tree.path == ["", "b", "~g", "~g/h", "d", "a", "c"]
    assert [tree.parent[row] for row in range(7)] == [-1, 0, 0, 0, 0, 0, 0]
    assert [tree.group[row] for row in range(7)] == [-1, -1, -1, 2, 3, 2, 2]
    assert [tree.path[row] for row in tree.ancestors(tree.index["d"])] == ["d", "~g/h", "~g", ""]


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("a", "a"),
        ("block/conv", "conv"),
        ("a~1b", "a/b"),
        ("~0x", "~x"),
        ("~01", "~1"),
        ("x/~0~1", "~/"),
        ("add#1", "add#1"),
    ],
)
def test_label_is_the_last_segment_unescaped(path, label):
    tree = RowTree(graph(layers(*(["x"] if path.startswith("x/") else ["block"] if "block" in path else []), path)))
    assert tree.labels[tree.index[path]] == label


def test_groups_and_the_root_have_labels_of_their_own():
    groups = [Group("~0x", "0x", None, "", ("a",)), Group("~0x/~y", "~y", "~0x", "", ("b",))]
    tree = RowTree(graph(layers("a", "b"), groups=groups, name="my/net"))
    assert dict(zip(tree.path, tree.labels, strict=True)) == {
        "": "my/net",
        "~0x": "0x",
        "~0x/~y": "~y",
        "a": "a",
        "b": "b",
    }


def around(tree: RowTree, call: int) -> list[tuple[int, int]]:
    """What is around a call, and the call itself, as pairs of row and call."""
    return [(tree.frames.row[frame], tree.frames.call[frame]) for frame in tree.frames.chain(call)]


def test_frames_name_the_call_of_every_row_around():
    tree = RowTree(shared())
    row = tree.index
    assert around(tree, 7) == [(0, 0), (row["block"], 6), (row["block/up"], 7)]
    assert around(tree, 10) == [(0, 0), (row["~end"], 0), (row["head"], 10)]


@given(strategies())
def test_calls_are_apart_in_what_is_not_around_both(net):
    tree = RowTree(net)
    crossed: list[list[tuple[int, int]]] = [[], []]
    with mock.patch("nbviz.rows._AT_ONCE", 3):  # some edges at a time
        for start, *sides in tree.crossings():
            for side, (numbers, frames) in zip(crossed, sides, strict=True):
                side.extend(zip((numbers + start).tolist(), frames.tolist(), strict=True))
    for number, edge in enumerate(net.edges):
        frames = [list(tree.frames.chain(call)) for call in (edge.source, edge.target)]
        while frames[0] and frames[1] and frames[0][0] == frames[1][0]:
            frames = [side[1:] for side in frames]
        assert [[frame for at, frame in side if at == number][::-1] for side in crossed] == frames


def test_groups_of_a_shared_block_stay_apart_per_call():
    net = graph(
        layers("block", "block/a"),
        [
            Call(0, "layer", "", "Net", None, ""),
            Call(1, "layer", "block", "B", 0, "block"),
            Call(2, "layer", "block/a", "A", 1, "block/a"),
            Call(3, "layer", "block", "B", 0, "block"),
            Call(4, "layer", "block/a", "A", 3, "block/a"),
        ],
        groups=[Group("block/~g", "g", None, "block", ("block/a",))],
    )
    tree = RowTree(net)
    group = tree.index["block/~g"]
    assert around(tree, 2)[2] == (group, 1)
    assert around(tree, 4)[2] == (group, 3)


@given(strategies())
def test_every_row_stands_behind_what_holds_it(net):
    tree = RowTree(net)
    assert tree.path[0] == ""
    assert len(set(tree.path)) == len(tree)
    assert all(tree.parent[row] < row for row in range(len(tree)))
    assert set(tree.path) >= set(net.layer_index)
    # pre-order: what is inside a row follows it without a gap
    for row in range(len(tree)):
        inside = [other for other in range(len(tree)) if row in tree.ancestors(other)]
        assert inside == list(range(row, row + len(inside)))


def test_deep_nesting_does_not_recurse():
    tree = RowTree(tower(5000))
    assert len(tree) == 5002
    assert len(tree.ancestors(len(tree) - 1)) == 5001
    assert len(tree.frames.chain(5001)) == 5001


def test_what_holds_weights_that_others_read_takes_part():
    held = [
        Parameter(i, "w", "weight", Shape((2,)), "float32", True, 8, 2, owners)
        for i, owners in enumerate([("list",), ("head", "x")])
    ]
    reading = [*calls("x"), Call(2, "operation", "mul#1", "mul", 0, parameters=(0, 1))]
    tree = RowTree(graph(layers("list", "head", "x", "spare"), reading, parameters=held))
    part = dict(zip(tree.path, tree.takes_part, strict=True))
    assert (part["list"], part["x"]) == (True, True)
    assert (part["head"], part["spare"]) == (False, False)  # a tied weight may be read for the other layer
