"""Arguments in containers of other classes than dict, list and tuple, and constructor arguments with methods of their own."""

from __future__ import annotations

from collections import OrderedDict, UserDict
from typing import Any, NamedTuple

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn.utils.rnn import pack_sequence  # noqa: E402

from nbviz.adapters import read  # noqa: E402

X = torch.randn(4, 8)


class Pair(NamedTuple):
    a: Any
    b: Any


class Batch(UserDict):
    """Has its items as attributes too."""

    def __getattr__(self, name):
        return self.data[name]


class Graph:
    """Keeps its tensors in a private store, and can be called, as a graph of PyTorch Geometric."""

    def __init__(self, **tensors):
        self.__dict__["_store"] = UserDict(tensors)

    def __getattr__(self, name):
        try:
            return self._store[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name, value):
        self._store[name] = value

    def __call__(self):
        return iter(self._store)


class Fixed(dict):
    """Cannot be copied."""

    def __copy__(self):
        raise RuntimeError

    def first(self):
        return self["x"]


class Calls(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.lin = nn.Linear(8, 4)
        self.function = function

    def forward(self, given):
        return self.lin(self.function(given))


CASES = {
    "named tuple": (Pair(X, X), lambda p: p.a + p.b),
    "named tuple of shapes": (Pair((4, 8), (4, 8)), lambda p: p.a + p.b),
    "packed sequence": (pack_sequence([X[:3], X[:1]]), lambda p: p.data),
    "ordered dict": (OrderedDict(x=X, y=X), lambda d: d.popitem(last=False)[1]),
    "class of a dict": (Batch(x=X), lambda d: d.x),
    "class of a dict of shapes": (Batch(x=(4, 8)), lambda d: d.x),
    "class inside a list": ([Batch(x=X)], lambda d: d[0].x),
    "class that cannot be copied": (Fixed(x=X), lambda d: d.first()),
    "what a function gives": (torch.max(X, 1), lambda m: m.values.expand(4, 4).repeat(1, 2)),
}


@pytest.mark.parametrize("run", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_a_container_stays_what_it_is(case, run):
    given, function = CASES[case]
    keys = list(given) if isinstance(given, (dict, UserDict)) else None
    for inputs in (given, (given,)):
        reading = read(Calls(function), inputs, run=run)
        assert reading.error is None
        assert reading.graph.calls[0].outputs[0].shape[1] == 4
    assert keys is None or list(given) == keys


@pytest.mark.parametrize("run", [False, True])
def test_a_graph_that_keeps_its_tensors_to_itself_is_an_input_and_an_output(run):
    def forward(graph):
        return graph.x + graph.pos

    class Net(Calls):
        def forward(self, graph):
            graph.x = super().forward(graph)
            return graph

    graph = Graph(x=X, pos=X.clone())
    found = read(Net(forward), graph, run=run).graph
    names = lambda kind, of: [spec.name for call in found.calls if call.kind == kind for spec in of(call)]  # noqa: E731
    assert names("input", lambda call: call.outputs) == ["graph.x", "graph.pos"]
    assert names("output", lambda call: call.inputs) == ["x", "pos"]
    assert not names("constant", lambda call: call.outputs)
    assert graph.x is X


def test_a_named_tuple_is_several_arguments_where_several_are_needed():
    assert read(nn.Bilinear(8, 8, 3), Pair(X, X)).error is None


class NoLength(tuple):
    __slots__ = ()

    def __len__(self):
        raise NotImplementedError


class NoAttributes:
    def __getattr__(self, name):
        raise ValueError(name)


class NoItems(dict):
    def items(self):
        raise ValueError


class Keeps(nn.Module):
    def __init__(self, setting):
        super().__init__()
        self.setting = setting


SETTINGS = [
    (NoLength((1, 2)), "(1, 2)"),
    ((NoLength((1, 2)), 3), ("(1, 2)", 3)),
    (NoAttributes(), "NoAttributes()"),
    (NoItems(a=1), "{'a': 1}"),
]


@pytest.mark.parametrize(("setting", "text"), SETTINGS, ids=["length", "length inside", "attributes", "items"])
def test_a_setting_whose_methods_raise_is_text(setting, text):
    assert dict(read(Keeps(setting)).graph.layers[0].settings)["setting"] == text


def test_an_interrupt_in_a_setting_passes():
    class Stops(dict):
        def items(self):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read(Keeps(Stops(a=1)))
