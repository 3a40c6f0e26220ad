"""Models that are damaged by their structure are read or refused in bounded time and memory, and never end the process."""

from __future__ import annotations

import random
import resource
import warnings

import pytest

onnx = pytest.importorskip("onnx")

from onnx.backend.test.case.node import collect_testcases  # noqa: E402

from nbviz.adapters import read  # noqa: E402
from nbviz.errors import NbvizError  # noqa: E402
from nbviz.invariants import violations  # noqa: E402
from nbviz.metrics import Metrics  # noqa: E402
from nbviz.wire import from_json, to_json  # noqa: E402
from tests.adapters.onnx_mutations import mutate  # noqa: E402

MEGABYTES = 1_000


@pytest.fixture(scope="module")
def cases():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy, of the overflows that are tested
        return [case.model for case in collect_testcases(None)]


def damaged(model, chance):
    """A copy of a model in which a few things are wrong."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    for _ in range(chance.choice([1, 1, 2, 3, 6, 12])):
        mutate(made, chance)
    return made.SerializeToString()


def check(data):
    try:
        graph = read(data).graph
    except NbvizError:
        return
    assert list(violations(graph)) == []
    assert Metrics(graph).totals
    text = to_json(graph)
    assert to_json(from_json(text)) == text


def survive(cases, seed, count):
    chance = random.Random(seed)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(count):
        check(damaged(chance.choice(cases), chance))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEGABYTES << 10


@pytest.mark.parametrize("seed", range(4))
def test_damaged_structure_ends_in_a_graph_or_our_own_errors(cases, seed):
    survive(cases, seed, 150)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 104))
def test_a_lot_of_damaged_structure_ends_in_a_graph_or_our_own_errors(cases, seed):
    survive(cases, seed, 5_000)
