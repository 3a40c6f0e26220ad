"""What a model holds, is given and can reach is after a reading as it was before, whichever way it is read."""

from __future__ import annotations

import argparse
import copy
import importlib
import queue
import sys
import threading
import types
import weakref
from collections import ChainMap
from contextvars import ContextVar
from dataclasses import dataclass, field

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from nbviz.adapters import read  # noqa: E402
from nbviz.errors import UnsupportedModelError  # noqa: E402

X = torch.randn(2, 4)
BOTH = pytest.mark.parametrize("run", [False, True])


@dataclass
class State:
    """What a model keeps from step to step."""

    kept: torch.Tensor = field(default_factory=lambda: torch.zeros(1, 4))
    steps: int = 0


@dataclass(slots=True)
class Slotted:
    """The same, without a dict of attributes."""

    kept: torch.Tensor = field(default_factory=lambda: torch.zeros(1, 4))
    steps: int = 0


class Cache:
    """States one level further away."""

    def __init__(self, kind):
        self.layers = [kind()]
        self.log = Log()


class Log:
    """Something that others write, too."""

    def __init__(self):
        self.lines = []


class Steps(nn.Module):
    """Keeps a state that it is given, by assignment and in place."""

    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(4, 4)

    def step(self, x, state):
        state.kept.add_(1)
        state.kept = torch.cat([state.kept, self.lin(x)])
        state.steps += 1
        return state.kept.sum(0)

    def forward(self, x, state):
        return self.step(x, state)


def as_before(state):
    return state.steps == 0 and state.kept.device.type == "cpu" and torch.equal(state.kept, torch.zeros(1, 4))


@BOTH
@pytest.mark.parametrize("kind", [State, Slotted])
def test_a_state_among_the_inputs(run, kind):
    state = kind()
    assert read(Steps(), (X, state), run=run).error is None
    assert as_before(state)


@BOTH
@pytest.mark.parametrize("kind", [State, Slotted])
def test_a_cache_that_the_model_holds(run, kind):
    class Holds(Steps):
        def __init__(self):
            super().__init__()
            self.cache = Cache(kind)

        def forward(self, x):
            self.cache.layers.append(kind())
            return self.step(x, self.cache.layers[0]) + self.step(x, self.cache.layers[1])

    model = Holds()
    assert read(model, X, run=run).error is None
    assert len(model.cache.layers) == 1
    assert as_before(model.cache.layers[0])


class Cell(nn.Module):
    """Changes all of itself that a module can change."""

    def __init__(self):
        super().__init__()
        self.lin, self.norm, self.lazy = nn.Linear(4, 4), nn.BatchNorm1d(4), nn.LazyLinear(4)
        self.h, self.log = None, []

    def forward(self, x):
        self.h = self.lin(x if self.h is None else x + self.h)
        self.log.append(self.h)
        self.train(not self.training)
        with torch.no_grad():
            self.lin.weight.mul_(0.5)
            self.lin.bias = nn.Parameter(torch.ones(4))
        self.lin.weight.requires_grad_(requires_grad=False)
        return self.lazy(self.norm(self.h))

    def seen(self):
        values = [self.lin.weight, self.lin.bias, self.norm.running_mean, self.norm.num_batches_tracked]
        kept = [type(self.lazy), self.h, list(self.log), self.training, self.lin.weight.requires_grad]
        return [v.tolist() for v in values], kept, [id(v) for v in (*values, self.lazy.weight)]


class Holder:
    """An object with something in it."""

    def __init__(self, held):
        self.held = held


def held_by(place):
    """What is inside lists, dicts, tuples and objects."""
    while not isinstance(place, nn.Module):
        inside = place.values() if isinstance(place, dict) else place
        place = place.held if isinstance(place, Holder) else next(iter(inside))
    return place


PLACES = {
    "list": lambda cell: [cell],
    "dict": lambda cell: {"a": cell},
    "object": Holder,
    "far": lambda cell: Holder(Holder([{"a": (cell,)}])),
}


@BOTH
@pytest.mark.parametrize("place", PLACES)
def test_modules_that_pytorch_does_not_see(run, place):
    class Calls(nn.Module):
        def __init__(self, cells):
            super().__init__()
            self.cells = cells

        def forward(self, x):
            return held_by(self.cells)(x)

    model = Calls(PLACES[place](Cell()))
    before = held_by(model.cells).seen()
    assert read(model, X, run=run).error is None
    assert held_by(model.cells).seen() == before
    assert model(X).shape == (2, 4)


@BOTH
def test_modules_among_the_inputs(run):
    class Calls(nn.Module):
        def forward(self, cell, x):
            return cell(x)

    cell = Cell()
    before = cell.seen()
    assert read(Calls(), (cell, X), run=run).error is None
    assert cell.seen() == before


@BOTH
def test_tensors_in_what_is_put_far_away(run):
    class Logs(Steps):
        def __init__(self):
            super().__init__()
            self.trainer = Holder(Holder([]))
            self.weakly = weakref.ref(self.trainer)

        def forward(self, x):
            y = self.lin(x)
            self.trainer.held.held.append({"loss": y})
            self.weakly().last = y
            return y

    model = Logs()
    assert read(model, X, run=run).error is None
    assert model.trainer.held.held == []
    assert not hasattr(model.trainer, "last")


def test_what_others_write_meanwhile_stays():
    class Logs(Steps):
        def __init__(self):
            super().__init__()
            self.cache = Cache(State)

        def forward(self, x):
            writer = threading.Thread(target=self.cache.log.__dict__.update, args=({"note": "from elsewhere"},))
            writer.start()
            writer.join()
            return self.lin(x)

    model = Logs()
    read(model, X)
    assert model.cache.log.note == "from elsewhere"


@BOTH
def test_tensors_and_arrays_that_are_no_buffers(run):
    class Writes(nn.Module):
        def __init__(self):
            super().__init__()
            self.plain, self.listed, self.state = torch.zeros(4), [torch.zeros(4)], State()
            self.array = np.zeros(3)

        def forward(self, x):
            self.plain += 1
            self.listed[0][1:].copy_(x[0, 1:])
            self.state.kept.mul_(0).add_(2)
            self.array[0] += 1
            return x + self.plain

    model = Writes()
    before = copy.deepcopy([model.plain, model.listed[0], model.state.kept, torch.as_tensor(model.array)])
    assert read(model, X, run=run).error is None
    now = [model.plain, model.listed[0], model.state.kept, torch.as_tensor(model.array)]
    assert all(torch.equal(a, b) for a, b in zip(now, before, strict=True))


def test_a_backward_pass_that_waits():
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    loss = model(X).sum()
    read(model, X, run=True)
    loss.backward()
    assert model[0].weight.grad is not None


@BOTH
def test_what_a_forward_sets_for_all_of_pytorch(run):
    def flags():
        return (
            torch.get_default_dtype(),
            torch.get_default_device(),
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
            torch.get_float32_matmul_precision(),
            torch.backends.cudnn.benchmark,
            torch.is_anomaly_enabled(),
        )

    class Sets(nn.Module):
        def forward(self, x):
            y = x + 1
            torch.set_default_dtype(torch.float64)
            torch.set_default_device("meta")
            torch.use_deterministic_algorithms(mode=True, warn_only=True)
            torch.set_float32_matmul_precision("medium")
            torch.backends.cudnn.benchmark = True
            torch.autograd.set_detect_anomaly(mode=True, check_nan=False)
            return y

    before = flags()
    assert read(Sets(), X, run=run).error is None
    assert flags() == before
    torch.set_default_device("meta")
    try:
        assert read(Sets(), X, run=run).error is None
        assert flags() == (before[0], torch.device("meta"), *before[2:])
    finally:
        torch.set_default_device(None)
    assert flags() == before


class Named(dict):
    """A dict with its items as attributes, too."""

    def __init__(self):
        super().__init__(h=None)
        self.h = None


class Listed(list):
    """A list that remembers something."""

    h = None


def in_a_dict_that_is_an_object(state, h):
    if state.h is None:
        state["h"] = state.h = h
    return state.h + state["h"]


def in_an_attribute(state, h):
    if getattr(state, "h", None) is None:
        state.h = h
    return state.h


def in_a_chain(state, h):
    return state.setdefault("h", h)


def in_a_context_variable(state, h):
    if state.get(None) is None:
        state.set(h)
    return state.get()


def in_a_queue(state, h):
    if state.empty():
        state.put(h)
    return state.queue[0]


KEEPERS = {
    "dict": (Named, in_a_dict_that_is_an_object),
    "list": (Listed, in_an_attribute),
    "namespace": (types.SimpleNamespace, in_an_attribute),
    "arguments": (argparse.Namespace, in_an_attribute),
    "queue": (queue.Queue, in_a_queue),
    "chain": (lambda: ChainMap({}), in_a_chain),
    "context": (lambda: ContextVar("h"), in_a_context_variable),
}


class Keeps(nn.Module):
    """Keeps what it has computed first."""

    def __init__(self, keep, state):
        super().__init__()
        self.lin = nn.Linear(4, 4)
        self.keep, self.state = keep, state

    def forward(self, x):
        return self.keep(self.state, self.lin(x))


@BOTH
@pytest.mark.parametrize("kind", KEEPERS)
def test_what_keeps_a_tensor_among_its_attributes(run, kind):
    make, keep = KEEPERS[kind]
    model, state = Keeps(keep, make()), make()
    assert read(model, X, run=run).error is None
    assert torch.equal(model(X), model.keep(make(), model.lin(X)))
    outside = Keeps(lambda _, h: keep(state, h), None)
    assert read(outside, X, run=run).error is None
    assert torch.equal(outside(X), keep(make(), outside.lin(X)))


@BOTH
@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam])
def test_an_optimizer_that_takes_steps(run, kind):
    class Learns(nn.Module):
        def __init__(self):
            super().__init__()
            self.lin = nn.Linear(4, 4)
            options = {"momentum": 0.9} if kind is torch.optim.SGD else {}
            self.optimizer = kind(self.lin.parameters(), lr=0.1, **options)

        def forward(self, x):
            with torch.enable_grad():
                self.optimizer.zero_grad()
                self.lin(x).pow(2).sum().backward()
                self.optimizer.step()
            return self.lin(x)

    torch.manual_seed(0)
    model, other = Learns(), Learns()
    other.load_state_dict(model.state_dict())
    assert read(model, X, run=run).error is None
    assert not model.optimizer.state
    assert torch.equal(model(X), other(X))
    assert torch.equal(model(X), other(X))


@BOTH
def test_what_a_hook_of_all_modules_collects(run):
    seen = []
    hook = torch.nn.modules.module.register_module_forward_hook(lambda _module, _args, output: seen.append(output))
    try:
        read(nn.Sequential(nn.Linear(4, 4)), X, run=run)
    finally:
        hook.remove()
    assert seen == []


def test_a_module_that_is_not_made_to_the_end():
    class Unmade(nn.Module):
        def __init__(self):
            self.width = 4

    outer = nn.Sequential(nn.Linear(4, 4))
    outer._modules["1"] = Unmade()
    for model in Unmade(), outer:
        with pytest.raises(UnsupportedModelError, match=r"Unmade is not fully initialized.*super\(\).__init__\(\)"):
            read(model, X)


LATE = """
import torch

torch.manual_seed(5)
layer, norm = torch.nn.Linear(4, 4), torch.nn.LayerNorm(4)
drawn = torch.empty(4).normal_()
ran = layer(torch.ones(1, 4)).sum().item()
"""


@BOTH
def test_what_a_forward_imports_is_made_as_anywhere(run, tmp_path, monkeypatch):
    class Imports(nn.Module):
        def forward(self, x):
            import late_module

            return late_module.layer(x)

    (tmp_path / "late_module.py").write_text(LATE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "late_module", raising=False)
    reading = read(Imports(), torch.ones(1, 4), run=run)
    assert reading.error is None
    assert [call.op for call in reading.graph.calls] == ["Imports", "input", "Linear", "output"]
    late = sys.modules.pop("late_module")
    with torch.random.fork_rng():
        expected = importlib.import_module("late_module")
    del sys.modules["late_module"]
    assert torch.equal(late.norm.weight, torch.ones(4))
    assert torch.equal(late.layer.weight, expected.layer.weight)
    assert torch.equal(late.drawn, expected.drawn)
    assert late.ran == expected.ran


@BOTH
def test_hooks_that_a_forward_hangs_onto_weights(run):
    class Hooks(nn.Module):
        def __init__(self):
            super().__init__()
            self.lin, self.other = nn.Linear(4, 4), nn.Linear(4, 4)
            self.other.weight.register_hook(self.double)

        @staticmethod
        def double(gradient):
            return gradient * 2

        def forward(self, x):
            self.lin.weight.register_hook(self.double)
            self.lin.bias.register_post_accumulate_grad_hook(self.double)
            self.other.weight.register_hook(self.double)
            return self.lin(x)

    model = Hooks()
    assert read(model, X, run=run).error is None
    assert not model.lin.weight._backward_hooks
    assert not model.lin.bias._post_accumulate_grad_hooks
    assert list(model.other.weight._backward_hooks.values()) == [model.double]


AROUND = """
import torch

from nbviz.adapters import read


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.other = torch.nn.Linear(4, 4), torch.nn.Linear(4, 4)

    def forward(self, x):
        y = self.one(x)
        import late_module

        return self.other(y)


reading = read(Net(), (1, 4))
"""


def test_an_import_around_a_reading_is_none_inside_it(tmp_path, monkeypatch):
    (tmp_path / "late_module.py").write_text(LATE)
    (tmp_path / "around_module.py").write_text(AROUND)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("late_module", "around_module"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    reading = importlib.import_module("around_module").reading
    assert reading.error is None
    assert [call.path for call in reading.graph.calls] == ["", "input#1", "one", "other", "output#1"]
