"""Modules that TorchScript's exporter numbers where they are called again."""

from __future__ import annotations

from collections import Counter

import pytest

pytest.importorskip("onnx")

from nbviz.adapters import read
from tests.models.onnx_models import info, model, node, tensor

WEIGHTS = [tensor(name, 8, 8) for name in ("q", "k", "r")] + [tensor("b", 8)]


def read_of(nodes, stored=WEIGHTS, made="y"):
    return read(model(nodes, [info("x", 2, 8)], [info(made, 2, 8)], stored)).graph


def calls_of(graph):
    return dict(Counter(call.layer for call in graph.calls if call.layer))


def numbered(name, at):
    return f"{name}_{at}" if at else name


def attention(at):
    """One call of a block of two layers, an activation and operations of its own, as the exporter names them."""
    given = f"x{at}" if at else "x"
    return [
        node("MatMul", f"{given} q", f"q{at}", f"/enc/block/{numbered('q', at)}/MatMul"),
        node("MatMul", f"{given} k", f"k{at}", f"/enc/block/{numbered('k', at)}/MatMul"),
        node("Mul", f"q{at} k{at}", f"m{at}", f"/enc/{numbered('block', at)}/Mul"),
        node("Relu", f"m{at}", f"r{at}", f"/enc/block/{numbered('act', at)}/Relu"),
        node("Add", f"r{at} {given}", f"x{at + 1}", f"/enc/{numbered('block', at)}/Add"),
    ]


def test_block_that_is_called_again_has_its_layers_in_each_call():
    graph = read_of([*attention(0), *attention(1), *attention(2)], made="x3")
    paths = ("enc/block", "enc/block/q", "enc/block/k", "enc/block/act")
    assert calls_of(graph) == {"enc": 1, **dict.fromkeys(paths, 3)}
    for block in graph.calls_of["enc/block"]:
        inner = [call.op for call in graph.calls if call.parent == block]
        assert inner == ["MatMul", "MatMul", "Mul", "Relu", "Add"]


def test_layer_that_a_block_calls_twice_is_in_the_call_that_calls_it():
    def block(at, given, made):
        one, two = 2 * at, 2 * at + 1
        return [
            node("MatMul", f"{given} q", f"a{at}", f"/block/{numbered('q', one)}/MatMul"),
            node("MatMul", f"a{at} q", f"c{at}", f"/block/{numbered('q', two)}/MatMul"),
            node("Add", f"c{at} b", made, f"/{numbered('block', at)}/Add"),
        ]

    graph = read_of([*block(0, "x", "h"), *block(1, "h", "y")])
    assert calls_of(graph) == {"block": 2, "block/q": 4, "block/Add": 2}
    for call in graph.calls_of["block"]:
        assert [inner.op for inner in graph.calls if inner.parent == call] == ["MatMul", "MatMul", "Add"]


def test_parts_of_a_list_are_called_again_with_weights_and_without():
    nodes = [
        node("MatMul", "x q", "a", "/head/head.0/MatMul"),
        node("Relu", "a", "c", "/head/head.1/Relu"),
        node("MatMul", "c q", "d", "/head/head.0_1/MatMul"),
        node("Relu", "d", "y", "/head/head.1_1/Relu"),
    ]
    assert calls_of(read_of(nodes)) == {"head": 1, "head/0": 2, "head/1": 2}


def test_weight_that_is_passed_on_under_another_name_is_the_same():
    """As the exporter writes a tensor once that several layers have."""
    nodes = [
        node("Identity", "q", "copy"),
        node("MatMul", "x q", "a", "/fc/MatMul"),
        node("MatMul", "a copy", "y", "/fc_1/MatMul"),
    ]
    assert calls_of(read_of(nodes)) == {"fc": 2}


@pytest.mark.parametrize(
    ("names", "weights"),
    [
        (("/fc", "/fc_1"), ("q", "k")),
        (("/fc", "/fc_1"), ("q", "r")),
        (("fc", "fc_1"), ("q", "q")),
        (("/a", "/a_1"), ()),
    ],
    ids=["other weights", "equal weights", "of another exporter", "no weights"],
)
def test_name_with_a_number_alone_tells_no_call(names, weights):
    made = [f"{given} {weight}" for given, weight in zip(("x", "h"), weights or ("", ""), strict=True)]
    ops = zip(names, made, ("h", "y"), strict=True)
    graph = read_of([node("MatMul" if weights else "Relu", given, result, f"{name}/Op") for name, given, result in ops])
    assert list(calls_of(graph).values()) == [1, 1]
