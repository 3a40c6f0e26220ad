"""Any tree of modules, with shared and tied ones, against what PyTorch says of it."""

from __future__ import annotations

import copy
import random
import warnings
from unittest import mock

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from nbviz.adapters.torch.modules import tree
from tests.adapters.torch_reading import graph_of, totals

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
    elif weights and choose.random() < 0.1:
        made.register_buffer("reference", choose.choice(weights))
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
    with mock.patch.object(tree, "_PART", 1 + seed % 4):  # else most are found in one part
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
        tensors = {id(tensor): tensor.numel() for tensor in (*module.parameters(), *module.buffers())}
        assert sum(p.size for p in held) == sum(tensors.values())
    weights = [p for p in graph.parameters if p.kind == "weight"]
    counted = {id(p) for p in model.parameters()}
    assert sorted(p.shape.dims for p in weights) == sorted(tuple(p.shape) for p in model.parameters())
    # what is a parameter anywhere is no buffer
    buffers = {id(b) for b in model.buffers()} - counted
    assert sum(p.kind == "buffer" for p in graph.parameters) == len(buffers)


def test_a_weight_that_is_a_buffer_of_another_module_counts():
    model = nn.Module()
    model.inner = nn.Linear(2, 2)
    model.register_buffer("reference", model.inner.weight)
    found = totals(model)
    assert (found["params"], found["trainable_params"], found["buffers"], found["bytes"]) == (6, 6, 0, 24)


def inside(module):
    for inner in module._modules.values():
        yield inner
        yield from inside(inner)


class Refuses:
    def __get__(self, instance, owner):
        raise RuntimeError


class Hides(nn.Module):
    head = None
    tail = Refuses()

    def __init__(self):
        super().__init__()
        self._modules |= {"head": nn.ReLU(), "tail": nn.Tanh(), "mro": nn.SiLU()}


class Counts(nn.Sequential):
    def __getitem__(self, index):
        return index


def test_accessors_reach_what_is_hard_to_reach():
    model = nn.Module()
    model.gap = nn.ModuleList([nn.Linear(1, 1), nn.ReLU(), nn.Tanh()])
    del model.gap[0:1]
    model.gap._modules = {"1": nn.ReLU(), "2": nn.Tanh(), "5": nn.SiLU(), "02": nn.GELU(), "\u0661": nn.ELU()}
    model.part, model.counts, model.hides = nn.Sequential(nn.ReLU(), nn.Tanh())[1:], Counts(nn.ReLU()), Hides()
    model._modules |= {3: nn.ReLU(), "a.b": nn.Tanh(), "": nn.SiLU(), "\ufb01x": nn.GELU(), "e\u0301": nn.ELU()}
    layers = [layer for layer in graph_of(model).layers if layer.parent is not None]
    reached = [eval(f"model{layer.accessor}", {"model": model}) for layer in layers]  # noqa: S307
    assert [id(module) for module in reached] == [id(module) for module in inside(model)]


def test_a_module_inside_itself_is_named_there():
    model = nn.Sequential(nn.Linear(2, 2))
    model.add_module("again", model)
    [top, inner] = graph_of(model).layers
    assert (dict(top.settings)["again"], inner.path) == ("same as the model", "0")


def test_a_scripted_module_in_a_program_of_fx_is_read():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scripted = torch.jit.script(nn.Sequential(nn.Linear(2, 2), nn.ReLU()))
    traced = torch.fx.symbolic_trace(nn.Sequential(nn.Linear(2, 2), nn.ReLU()))
    traced.scripted = scripted
    assert {"scripted/0", "scripted/1"} <= set(graph_of(traced).layers.column("path"))


def test_a_shared_module_is_named_where_it_is_held_again():
    shared, lazy = nn.Linear(2, 2), nn.LazyLinear(3)
    model = nn.ModuleDict({"a": nn.Sequential(shared, lazy), "b": nn.ModuleDict({"x": shared, "y": lazy})})
    graph = graph_of(model)
    settings_of = {layer.path: dict(layer.settings) for layer in graph.layers}
    assert (settings_of["b"]["x"], settings_of["b"]["y"]) == ("same as a.0", "same as a.1")
    assert graph.layers[graph.layer_index["b"]].parameters is None
    assert sum(note.message.startswith("Lazy layers (1)") for note in graph.diagnostics) == 1
    assert "2" in dict(graph_of(nn.Sequential(shared, nn.ReLU(), shared)).layers[0].settings)


class Fixed(nn.Module):
    training = property(lambda self: 1 / 0, lambda self, value: None)


class Trains(nn.Module):
    def __init__(self, training=True, rate=0.1):
        super().__init__()
        self.rate = rate


def test_whether_a_module_trains_is_what_pytorch_says_or_not_said():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scripted = torch.jit.script(nn.Sequential(nn.Linear(2, 2), nn.Dropout()))
        frozen = torch.jit.freeze(copy.deepcopy(scripted).eval())
    for model in (scripted, scripted.eval(), nn.Sequential(torch.compile(nn.Linear(2, 2)))):
        found = [dict(layer.settings)["training"] for layer in graph_of(model).layers]
        assert found == [module.training for module in model.modules()]
    for unknown in (frozen, Fixed()):
        assert graph_of(unknown).layers[0].settings == ()
    assert graph_of(Trains()).layers[0].settings == (("rate", 0.1), ("training", True))
