"""Any tree of modules, with shared and tied ones, against what PyTorch says of it."""

from __future__ import annotations

import copy
import random

from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from tests.adapters.torch_reading import graph_of

LEAVES = (
    lambda: nn.Linear(2, 3),
    lambda: nn.Linear(2, 3, bias=False),
    lambda: nn.BatchNorm1d(2).eval(),
    lambda: nn.Conv2d(1, 2, (3, 1)),
    nn.SiLU,
    nn.Module,
)
NAMES = ("a", "b", "10", "x", "x#2", "a/b", "a~b", "class", "é")


def a_module(choose: random.Random, depth: int, others: list[nn.Module]) -> nn.Module:
    """Return a module with others inside: some alike, some that are held elsewhere too, some weights tied."""
    if others and choose.random() < 0.1:
        return choose.choice(others)
    made = a_holder(choose, depth, others) if depth and choose.random() < 0.7 else choose.choice(LEAVES)()
    others.append(made)
    weights = [held.weight for held in others if getattr(held, "weight", None) is not None]
    if weights and isinstance(made, nn.Linear) and choose.random() < 0.3:
        made.bias = choose.choice(weights)
    return made


def a_holder(choose: random.Random, depth: int, others: list[nn.Module]) -> nn.Module:
    inner = [a_module(choose, depth - 1, others) for _ in range(choose.randint(0, 3))]
    if inner and choose.random() < 0.5:
        inner += [copy.deepcopy(inner[0]) for _ in range(3)]
    if choose.random() < 0.5:
        return choose.choice((nn.Sequential, lambda *held: nn.ModuleList(held)))(*inner)
    made = nn.Module()
    for name, held in zip(choose.sample(NAMES, len(inner)), inner, strict=True):
        made._modules[name] = held if choose.random() < 0.9 else None
    return made


def is_inside(path: str, other: str) -> bool:
    return not other or path.startswith(f"{other}/")


@given(st.integers(0, 2**32), st.integers(0, 4))
@settings(max_examples=150, deadline=None)
def test_a_tree_is_as_pytorch_says(seed, depth):
    model = a_module(random.Random(seed), depth, [])
    graph = graph_of(model)
    named = dict(model.named_modules())
    assert graph.layers.column("name") == tuple(named)
    layers = {layer.name: layer for layer in graph.layers}
    for name, module in named.items():
        layer = layers[name]
        assert eval(f"model{layer.accessor}", {"model": model}) is module  # noqa: S307
        assert (layer.type, dict(layer.settings)["training"]) == (type(module).__name__, module.training)
        assert dict(layer.settings).get("out_features") == getattr(module, "out_features", None)
        # whoever holds a shared module has its parameters too
        inside = {layer.path, *(other.path for other in graph.layers if is_inside(other.path, layer.path))}
        held = [p for p in graph.parameters if not inside.isdisjoint(p.owners)]
        assert sum(p.size for p in held if p.kind == "weight") == sum(p.numel() for p in module.parameters())
        assert sum(p.size for p in held if p.kind == "buffer") == sum(b.numel() for b in module.buffers())
    weights = [p for p in graph.parameters if p.kind == "weight"]
    assert [(p.shape.dims, p.size) for p in weights] == [(tuple(p.shape), p.numel()) for p in model.parameters()]
    assert sum(p.kind == "buffer" for p in graph.parameters) == len(list(model.buffers()))
