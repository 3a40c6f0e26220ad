"""What the tests of PyTorch's odder modules ask of a reading."""

from __future__ import annotations

import numpy as np
from torch import nn

from nbviz.adapters import read
from nbviz.invariants import violations
from nbviz.metrics import Metrics


def graph_of(model, inputs=None, **options):
    reading = read(model, inputs, **options)
    if reading.error is not None:
        raise reading.error
    assert list(violations(reading.graph)) == []
    return reading.graph


def calls_of(graph, path):
    return [graph.calls[i] for i in graph.calls_of[path]]


def totals(model, inputs=None):
    return Metrics(graph_of(model, inputs)).totals


def parameters(graph):
    """Return each parameter by owner and name."""
    return {f"{p.owners[0]}/{p.name}".lstrip("/"): p for p in graph.parameters}


def values(reading, name):
    [found] = [p for p in reading.graph.parameters if f"{p.owners[0]}/{p.name}".lstrip("/") == name]
    return np.concatenate(list(reading.weights.chunks(found.id)))


def output_shapes(graph):
    return [call.inputs[0].shape for call in graph.calls if call.kind == "output"]


class Holds(nn.Module):
    """Holds what it is given, and gives back its input."""

    def __init__(self, **held):
        super().__init__()
        for name, value in held.items():
            setattr(self, name, value)

    def forward(self, x):
        return x
