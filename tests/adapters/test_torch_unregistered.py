"""Modules that a model calls without holding them as PyTorch knows it: rows say so, and one note."""

from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from nbviz.metrics import Metrics  # noqa: E402
from tests.adapters.torch_reading import graph_of  # noqa: E402


class Plain(nn.Module):
    """Calls what it is given, which it keeps as it is."""

    def __init__(self, layers):
        super().__init__()
        self.layers = layers

    def forward(self, x):
        for layer in self.layers.values() if isinstance(self.layers, dict) else self.layers:
            x = layer(x)
        return x


def unregistered(graph):
    found = {layer.accessor: dict(layer.settings).get("unregistered_params") for layer in graph.layers}
    return {accessor: count for accessor, count in found.items() if count}


@pytest.mark.parametrize(
    ("layers", "accessors", "remedy"),
    [
        ([nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2)], ["layers[0]", "layers[2]"], "nn.ModuleList(self.layers)"),
        ((nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 2))), ["layers[0]", "layers[1]"], "nn.ModuleList(self.layers)"),
        ({"a": nn.Linear(2, 2)}, ["layers['a']"], "nn.ModuleDict(self.layers)"),
    ],
)
def test_modules_in_a_plain_container_are_named(layers, accessors, remedy):
    model = nn.Sequential(nn.Linear(2, 2), Plain(layers))
    graph = graph_of(model, (None, 2))
    [note] = graph.diagnostics
    assert (
        f"In Plain, self.layers is a plain {type(layers).__name__} ({len(layers)} module{'s' * (len(layers) > 1)})"
        in note.message
    )
    assert remedy in note.message
    assert note.path == f"1/{accessors[0]}"
    assert unregistered(graph) == {f"[1].{accessor}": 6 for accessor in accessors}
    assert Metrics(graph).totals["params"] == sum(p.numel() for p in model.parameters()) == 6


def test_modules_in_a_plain_list_without_parameters_are_no_matter():
    assert graph_of(Plain([nn.ReLU(), nn.Identity()]), (None, 2)).diagnostics == ()


def test_a_layer_made_in_forward_is_named():
    class Makes(nn.Module):
        def forward(self, x):
            return nn.Linear(2, 2)(nn.ReLU()(x))

    [note] = graph_of(Makes(), (None, 2)).diagnostics
    assert note.message.startswith("The model calls a Linear that none of its modules holds")
    assert note.path == "linear"


def test_what_functions_put_in_the_place_of_parameters_is_not_lost():
    class Functional(nn.Module):
        def __init__(self):
            super().__init__()
            self.lin = nn.Linear(2, 2)
            self.kept = [copy.deepcopy(self.lin).to("meta")]

        def forward(self, x):
            return torch.func.functional_call(self.kept[0], {n: p * 2 for n, p in self.lin.named_parameters()}, x)

    assert graph_of(Functional(), (None, 2)).diagnostics == ()
