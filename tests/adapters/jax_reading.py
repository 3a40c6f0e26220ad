"""What the tests of JAX ask of a reading."""

from __future__ import annotations

from collections import Counter

import jax

from nbviz.adapters import read
from nbviz.invariants import violations
from nbviz.metrics import Metrics


def graph_of(model, inputs=None):
    reading = read(model, inputs)
    if reading.error is not None:
        raise reading.error
    assert list(violations(reading.graph)) == []
    return reading.graph


def totals(graph):
    return Metrics(graph).totals


def calls_of(graph, path):
    return [graph.calls[i] for i in graph.calls_of[path]]


def edges(graph):
    paths = graph.calls.column("path")
    return {(paths[e.source], paths[e.target]) for e in graph.edges}


def from_nowhere(graph):
    """The paths of calls with an input that no call gives; state may be an output of the program, as it was read."""
    given = Counter(edge.target for edge in graph.edges)
    around = set(graph.calls.column("parent"))
    lacking = [call for call in graph.calls if call.id not in around and given[call.id] < len(call.inputs)]
    is_state = lambda call: call.parameters and not any(graph.parameters[i].trainable for i in call.parameters)  # noqa: E731
    return [call.path for call in lacking if call.kind != "output" or not is_state(call)]


def contractions(graph):
    """The paths of the calls that multiply and accumulate, with how much."""
    found = Metrics(graph)
    return {path: macs for path, macs in zip(found.tree.path, found.columns["macs"], strict=True) if macs}


def sizes(tree):
    return sum(leaf.size for leaf in jax.tree.leaves(tree))
