"""Fields of many messages, read from their bytes, against protocol buffers."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import AttributeProto, GraphProto, NodeProto, TensorProto

from nbviz.adapters.onnx.messages import Messages

TEXTS = st.one_of(st.text(max_size=6), st.text("ab\0é", max_size=3), st.text(min_size=120, max_size=300))
NODES = st.lists(
    st.builds(
        NodeProto,
        op_type=TEXTS,
        name=TEXTS,
        input=st.lists(TEXTS, max_size=4),
        output=st.lists(TEXTS, max_size=2),
        attribute=st.lists(
            st.builds(AttributeProto, name=TEXTS, i=st.integers(-9, 1 << 40), f=st.just(1.5)), max_size=2
        ),
    ),
    max_size=5,
)


def inside(graph, name):
    return Messages.of(graph).inside(name)[0]


@settings(max_examples=60, deadline=None)
@given(NODES, st.sampled_from([1, 20]))
def test_fields_are_those_that_protocol_buffers_read(nodes, times):
    graph = GraphProto(
        node=nodes * times, name="g", doc_string="d", initializer=[TensorProto(dims=[3], float_data=[1])]
    )
    found = inside(graph, "node")
    assert len(found) == len(graph.node)
    assert found.texts("op_type") == [node.op_type for node in graph.node]
    assert found.texts("name") == [node.name for node in graph.node]
    assert found.texts("domain") == [""] * len(graph.node)
    assert found.text_lists("input") == [list(node.input) for node in graph.node]
    assert found.text_lists("output") == [list(node.output) for node in graph.node]
    attributes = [(at, one.SerializeToString()) for at, node in enumerate(graph.node) for one in node.attribute]
    assert [(at, found.data[start:end]) for at, start, end in found.places("attribute")] == attributes
    named, owners = found.inside("attribute")
    assert owners == [at for at, _ in attributes]
    assert named.texts("name") == [one.name for node in graph.node for one in node.attribute]


@pytest.mark.parametrize("count", [3, 300])
def test_fields_that_are_written_in_every_way_are_passed_over(count):
    def tensor(number):
        return TensorProto(
            name=f"t{number}",
            data_type=1,
            dims=[number, 1 << 40],
            float_data=[1.5] * (number % 3),
            double_data=[2.5] * (number % 2),
            raw_data=b"\xff" * number,
        )

    stored = [tensor(number) for number in range(count)]
    # the same fields by numbers that nobody knows: eight bytes, four bytes, a number of ten bytes
    unknown = b"\xf9\x7f" + b"\1" * 8 + b"\xfd\x7f" + b"\2" * 4 + b"\xf8\x7f" + b"\xff" * 9 + b"\1"
    unknown += b"\x40\x07"  # a number where the name should be
    odd = [TensorProto.FromString(unknown + one.SerializeToString()) for one in stored]
    for tensors in (stored, odd):
        assert inside(GraphProto(initializer=tensors), "initializer").texts("name") == [one.name for one in stored]


def test_text_that_is_no_text_is_marked():
    data = GraphProto(node=[NodeProto(name="xyz"), NodeProto(name="b")] * 40).SerializeToString()
    graph = GraphProto.FromString(data.replace(b"xyz", b"x\xe9z"))
    assert inside(graph, "node").texts("name") == ["x\ufffdz", "b"] * 40


def test_one_message_of_very_many_fields_takes_no_longer_than_they_are():
    names = [f"t{number}" for number in range(200_000)]
    graph = GraphProto(node=[NodeProto(op_type="Sum", input=names)])
    assert inside(graph, "node").text_lists("input") == [names]


def test_groups_which_nothing_writes_are_one_plain_error():
    group = b"\xfb\x7f\xfc\x7f"  # begins and ends field 2047
    for count in (1, 100):
        graph = GraphProto(node=[NodeProto.FromString(group)] * count)
        with pytest.raises(ValueError, match="written in a way"):
            inside(graph, "node")
