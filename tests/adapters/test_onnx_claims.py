"""What an ONNX file says of tensors that are outputs of the graph and taken inside it, as tensors are that somebody debugs."""

from __future__ import annotations

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from onnx import numpy_helper  # noqa: E402

from nbviz.adapters import read  # noqa: E402
from nbviz.metrics import Metrics  # noqa: E402
from tests.models.onnx_models import INT64, info, model, node, tensor  # noqa: E402


def untyped(name):
    return onnx.ValueInfoProto(name=name)


def embedded(outputs, *said):
    """A reshape of indices, whose open size the inference loses, and what follows from it."""
    nodes = [
        node("Reshape", "ids shape", "r", allowzero=1),
        node("Gather", "table r", "x"),
        node("MatMul", "x w", "m"),
        node("Relu", "m", "y"),
    ]
    shape = numpy_helper.from_array(np.array([-1, 12]), "shape")
    stored = [shape, tensor("table", 50, 8), tensor("w", 8, 5)]
    entering = [info("ids", "batch", 12, dtype=INT64)]
    return model(nodes, entering, [info("y", None), *outputs], stored, value_info=said)


def made_by(source):
    graph = read(source).graph
    inner = [call for call in graph.calls[1:] if call.kind not in ("input", "output")]
    return {call.op: call.outputs[0].shape for call in inner}, graph


SAID = info("r", "batch", 12, dtype=INT64)
OUTPUTS = {
    "none": ([], [SAID]),
    "by its name": ([untyped("r")], [SAID]),
    "by its name and dtype": ([info("r", None, dtype=INT64)], [SAID]),
    "with its sizes": ([SAID], []),
    "with others": ([untyped(name) for name in "rxm"], [SAID]),
}


@pytest.mark.parametrize("kind", OUTPUTS)
def test_tensor_that_is_an_output_too_has_the_sizes_that_the_file_says(kind):
    outputs, said = OUTPUTS[kind]
    shapes, graph = made_by(embedded(outputs, *said))
    assert shapes == {
        "Reshape": ("batch", 12),
        "Gather": ("batch", 12, 8),
        "MatMul": ("batch", 12, 5),
        "Relu": ("batch", 12, 5),
    }
    assert Metrics(graph).totals["macs"] == 12 * 8 * 5
    assert not graph.diagnostics


def test_contradiction_about_an_output_that_nodes_take_too_is_told_once():
    shapes, graph = made_by(embedded([info("x", "batch", 9, 8)], SAID))
    assert shapes["Gather"] == ("batch", 12, 8)
    assert [note.message for note in graph.diagnostics] == [
        "The file declares its output 'x' as (batch, 9, 8) float32, but its nodes produce (batch, 12, 8) float32; nbviz shows the latter."
    ]


@pytest.mark.parametrize("outputs", [[], [untyped("c")], [untyped("p"), untyped("q")], [info("q", 4, dtype=INT64)]])
def test_number_that_sizes_follow_from_may_be_an_output(outputs):
    nodes = [
        node("Mod", "a four", "c"),
        node("Reshape", "c any", "p"),
        node("Slice", "p zero four", "q"),
        node("Pad", "x q", "y"),
    ]
    numbers = {"a": [0, 0, 1, 1], "four": [4], "any": [-1], "zero": [0]}
    stored = [numpy_helper.from_array(np.array(value), name) for name, value in numbers.items()]
    shapes, graph = made_by(model(nodes, [info("x", 2, 6)], [info("y", None), *outputs], stored))
    assert shapes == {"Mod": (4,), "Reshape": (4,), "Slice": (4,), "Pad": (3, 7)}
    assert not graph.diagnostics
