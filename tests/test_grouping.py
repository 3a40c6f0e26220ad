"""Which siblings are grouped by their names, and which are not."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from nbviz.builder import GraphBuilder
from nbviz.graph import TensorSpec
from nbviz.grouping import infer_groups
from nbviz.shape import Shape

SPEC = TensorSpec(Shape((1,)), "float32")


def graph_of(names, edges):
    """Build a graph of one layer per name (``+`` is a bare operation), connected by (from, to) positions."""
    builder = GraphBuilder("net", "Test")
    builder.add_layer("root", None, "", name="", type="Net")
    top = builder.begin("layer", "Net", None, layer="")
    tensors = [object() for _ in names]
    for i, name in enumerate(names):
        path = None if name == "+" else builder.add_layer(i, "root", name, name=name, type="T")
        inputs = [(tensors[a], SPEC) for a, b in edges if b == i]
        record = builder.begin("layer" if path else "operation", "add", top.id, inputs, layer=path)
        builder.end(record, [(tensors[i], SPEC)])
    return builder.finish()


def chain(names):
    return graph_of(names, [(i, i + 1) for i in range(len(names) - 1)])


def found(graph, automatic=()):
    return {g.id: g.members for g in infer_groups(graph, automatic)}


def test_blocks_are_found_by_their_prefix():
    names = ["block1_conv1", "block1_pool", "block2_conv1", "block2_conv2", "block2_pool", "flatten"]
    assert found(chain(names)) == {"~block1": tuple(names[:2]), "~block2": tuple(names[2:5])}


def test_number_stays_with_its_word():
    names = ["block_1_expand", "block_1_add", "block_2_expand", "block_2_add", "head_conv", "head_bn"]
    assert list(found(chain(names))) == ["~block_1", "~block_2", "~head"]


def test_large_group_is_divided_into_groups_of_its_own():
    names = [f"conv{s}_block{b}_{k}" for s in (2, 3) for b in (1, 2, 3) for k in ("a", "b", "c", "d", "e", "f")]
    groups = infer_groups(chain(names))
    assert [g.id for g in groups][:4] == ["~conv2", "~conv2/block1", "~conv2/block2", "~conv2/block3"]
    assert groups[0].members == ()
    assert (groups[1].label, groups[1].parent) == ("block1", "~conv2")


def test_automatic_names_make_no_groups():
    names = [f"dense_{i}" for i in range(8)]
    assert found(chain(names), automatic=set(names)) == {}


def test_common_prefix_of_all_names_the_model_and_no_group():
    names = [f"net_stage_{s}_{k}" for s in (0, 1) for k in ("a", "b", "c")]
    assert list(found(chain(names))) == ["~stage_0", "~stage_1"]


def test_word_that_covers_most_of_a_model_is_no_group():
    names = [*(f"conv_{k}" for k in "abcdefgh"), "pool", "head"]
    assert found(chain(names)) == {}


def test_group_that_a_path_would_leave_and_enter_again_is_refused():
    names = ["a1_x", "b1_x", "a1_y", "b1_y", "out", "end"]
    assert found(chain(names)) == {}


def test_groups_that_would_make_a_cycle_are_not_both_accepted():
    names = ["a1_x", "b1_x", "b1_y", "a1_y", "out", "end"]
    graph = graph_of(names, [(0, 1), (2, 3), (3, 4), (4, 5)])
    assert list(found(graph)) == ["~a1"]


def test_cycle_that_steps_back_through_an_accepted_group_is_seen():
    names = ["a1_0", "c2_1", "c2_2", "b1_3", "a1_4", "end"]
    graph = graph_of(names, [(0, 1), (2, 3), (3, 4), (4, 5)])
    assert list(found(graph)) == ["~a1"]


def test_operations_between_members_belong_to_their_group():
    names = ["in", "block1_a", "+", "block1_b", "tail", "end", "last"]
    assert found(chain(names)) == {"~block1": ("block1_a", "add#1", "block1_b")}


def test_small_models_need_no_groups():
    assert found(chain(["a1_x", "a1_y", "b1_x", "b1_y"])) == {}


def cells(*numbers):
    """Name layers as NASNet does: what they do first, then the number of their cell."""
    return [f"{kind}_normal_{side}{i}_{n}" for n in numbers for kind in ("conv", "bn") for i, side in enumerate("lrlr")]


def test_names_that_end_alike_make_groups_where_prefixes_make_none():
    names = [*cells(1), "normal_concat_1", *cells(2), "normal_concat_2"]
    assert found(chain(names)) == {"~normal_1": tuple(names[:9]), "~normal_2": tuple(names[9:])}


def test_word_before_the_number_belongs_to_the_end_if_many_names_have_it():
    stem = [name.replace("_1", "_stem_1") for name in cells(1)]
    assert list(found(chain([*stem, *cells(1)]))) == ["~stem_1", "~normal_1"]


def test_few_names_that_end_alike_are_no_group():
    names = [f"{letter}x_{n}" for n in (1, 2) for letter in "abcdefg"]
    assert found(chain(names)) == {}


def test_operation_that_only_one_group_of_ends_reads_belongs_to_it():
    names = ["input", "+", *cells(1), "+", *cells(2)]
    groups = found(chain(names))
    assert [members[0] for members in groups.values()] == ["add#1", "add#2"]
    skip = graph_of(names, [*((i, i + 1) for i in range(len(names) - 1)), (1, len(names) - 1)])
    assert "add#1" not in itertools.chain(*found(skip).values())


def beginnings(data, count):
    pieces = st.sampled_from(["a1", "b1", "c2", "+"])
    drawn = data.draw(st.lists(pieces, min_size=count, max_size=count))
    return [name if name == "+" else f"{name}_{i}x" for i, name in enumerate(drawn)]


def ends(data, count):
    pieces = st.sampled_from(["1", "2", "1", "2", "+"])
    drawn = data.draw(st.lists(pieces, min_size=2 * count, max_size=2 * count))
    return [name if name == "+" else f"x{i}_{name}" for i, name in enumerate(drawn)]


@settings(max_examples=300)
@given(st.data(), st.sampled_from([beginnings, ends]))
def test_every_group_is_one_piece_and_groups_make_no_cycle(data, names_of):
    names = names_of(data, data.draw(st.integers(6, 14)))
    count = len(names)
    edges = [
        (a, b) for b in range(count) for a in range(b) if data.draw(st.booleans(), label=f"{a}->{b}") and b - a < 4
    ]
    graph = graph_of(names, edges)
    groups = infer_groups(graph)
    paths = graph.calls.column("path")
    box = {path: g.id for g in groups for path in g.members}
    assert sum(len(g.members) for g in groups) == len(box)
    joined = {
        (box.get(paths[e.source], paths[e.source]), box.get(paths[e.target], paths[e.target])) for e in graph.edges
    }
    after = {}
    for source, target in joined:
        if source != target:
            after.setdefault(source, set()).add(target)
    done, path = set(), set()

    def visit(node):
        assert node not in path, "a cycle of boxes"
        if node in done:
            return
        path.add(node)
        for other in after.get(node, ()):
            visit(other)
        path.discard(node)
        done.add(node)

    for node in list(after):
        visit(node)
