"""What a model gives: tensors in any container are its outputs, and where none are found, that is said."""

from __future__ import annotations

import collections
import gc

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from tests.adapters.torch_reading import graph_of  # noqa: E402


class Slots:
    __slots__ = ("hidden", "logits", "unset")


class More(Slots):
    pass


def in_slots(x, y):
    given = Slots()
    given.logits, given.hidden = x, y
    return given


def in_slots_and_attributes(x, y):
    given = More()
    given.logits, given.more = x, y
    return given


class Gives(nn.Module):
    def __init__(self, pack):
        super().__init__()
        self.lin, self.pack = nn.Linear(4, 4), pack

    def forward(self, x):
        return self.pack(self.lin(x), x[:1] * 2)


PACKS = {
    "deque": lambda x, y: collections.deque([x, y]),
    "set": lambda x, y: {x, y},
    "slots": in_slots,
    "slots and attributes": in_slots_and_attributes,
}


@pytest.mark.parametrize("name", PACKS)
def test_tensors_in_any_container_are_outputs(name):
    graph = graph_of(nn.Sequential(Gives(PACKS[name])), (None, 4))
    outputs = [call for call in graph.calls if call.kind == "output"]
    assert sorted(map(str, (s.shape for c in outputs for s in c.inputs))) == ["(1, 4)", "(None, 4)"]
    assert len(graph.calls[graph.calls_of["0"][0]].outputs) == 2
    ends = {graph.calls[e.source].op for e in graph.edges if graph.calls[e.target].kind == "output"}
    assert ends == {"Linear", "mul"}
    assert graph.diagnostics == ()


@pytest.mark.filterwarnings("error")
def test_a_forward_that_runs_later_is_said_not_to_be_followed():
    class Yields(nn.Module):
        def forward(self, x):
            yield x * 2

    class Awaits(nn.Module):
        async def forward(self, x):
            return x * 2

    assert "list(model(...))" in graph_of(Yields(), (2, 4)).diagnostics[0].message
    assert "async" in graph_of(Awaits(), (2, 4)).diagnostics[0].message
    gc.collect()


def test_a_result_without_tensors_is_named():
    said = graph_of(Gives(lambda *_: 3), torch.randn(2, 4)).diagnostics
    assert [d.message for d in said] == [
        "forward returns an int, in which nbviz finds no tensors, so the graph has no outputs."
    ]
    [said] = graph_of(Gives(lambda *_: None), torch.randn(2, 4)).diagnostics
    assert said.message == "forward returns None, so the graph has no outputs. Perhaps its return statement is missing."


def test_a_distribution_that_keeps_its_parts_in_private_gives_them():
    class Mixes(nn.Module):
        def forward(self, x):
            parts = torch.distributions.Normal(x, x.exp())
            return torch.distributions.MixtureSameFamily(torch.distributions.Categorical(logits=x), parts)

    graph = graph_of(Mixes(), (None, 4))
    assert {spec.shape for call in graph.calls if call.kind == "output" for spec in call.inputs} == {(None, 4)}
    assert {spec.shape for spec in graph.calls[0].outputs} == {(None, 4)}
