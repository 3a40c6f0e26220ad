"""Reads checkpoints as the tests of each format do."""

from __future__ import annotations

import contextlib
import json
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from nbviz.adapters import read
from nbviz.errors import FileReadError, NbvizError
from nbviz.invariants import violations
from nbviz.metrics import Metrics
from nbviz.wire import from_json, to_json

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "a\x1b[31mred\x07",
    "../../etc/passwd",
    "\u202ename",
    "a" * 5000,
    ".",
    "",
    "a..b",
    "~",
]
"""Names that mean something to a browser, a terminal, a file system, or nobody."""


def graph_of(source):
    graph = read(source).graph
    assert list(violations(graph)) == []
    assert not graph.calls
    assert from_json(to_json(graph)) == graph
    assert any("no graph" in d.message for d in graph.diagnostics)
    return graph


def totals(source):
    return Metrics(graph_of(source)).totals


def place(graph, parameter):
    """The row and the name that a parameter is held under; a tensor that nothing is around is a row itself."""
    row = parameter.owners[0]
    return row if graph.layers[graph.layer_index[row]].type == "Tensor" else f"{row}/{parameter.name}"


def tensors(graph):
    """Shape, dtype, bytes and size of each parameter by the row and the name it is held under."""
    return {place(graph, p): (tuple(p.shape), p.dtype, p.bytes, p.size) for p in graph.parameters}


def values(source):
    """The values of each parameter, flat, by the row and the name it is held under."""
    reading = read(source)
    return {
        place(reading.graph, p): np.concatenate([*reading.weights.chunks(p.id), np.zeros(0, "int8")])
        if p.size == 0
        else np.concatenate(list(reading.weights.chunks(p.id)))
        for p in reading.graph.parameters
    }


def refused(path, words, megabytes=30):
    """Read what has to be refused, in little memory, by an error that names it."""
    tracemalloc.start()
    try:
        with pytest.raises(FileReadError, match=words) as caught:
            read(path)
        assert tracemalloc.get_traced_memory()[1] < megabytes << 20
    finally:
        tracemalloc.stop()
    assert path.name in str(caught.value)
    assert "\x1b" not in str(caught.value)
    return str(caught.value)


def survives(path, content):
    """Read any bytes at all: only errors of our own may come out."""
    path.write_bytes(content)
    with contextlib.suppress(NbvizError):
        graph_of(path)


def mutated(content, edits, keep):
    """Change bytes, by pairs of position and value, and cut off the end."""
    made = bytearray(content)
    for position, value in edits:
        made[position % len(made)] = value
    return bytes(made[: max(1, keep * len(made) // 100)])


EDITS = {
    "edits": st.lists(st.tuples(st.integers(0, 300) | st.integers(0, 1 << 16), st.integers(0, 255)), max_size=6),
    "keep": st.sampled_from([100, 100, 100, 99, 60, 10]),
}
FUZZ = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck), database=None)


def safetensors_bytes(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data
