"""Gradients that are taken inside a forward pass, and what asks for them, which stays as it was."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from nbviz.adapters import read  # noqa: E402
from nbviz.invariants import violations  # noqa: E402
from nbviz.metrics import Metrics  # noqa: E402
from tests.adapters.torch_reading import output_shapes  # noqa: E402

X = torch.randn(4, 8)


class Takes(nn.Module):
    """Takes gradients in a function of its own."""

    def __init__(self, function):
        super().__init__()
        self.lin = nn.Linear(8, 8)
        self.same = nn.Sequential(nn.Identity(), nn.Dropout())
        self.register_buffer("mean", torch.zeros(4, 8))
        self.plain = torch.zeros(4, 8)
        self.function = function

    def forward(self, x):
        return self.function(self, x)


def made(model, _):
    with torch.enable_grad():
        z = torch.zeros(4, 8, requires_grad=True)
        return torch.autograd.grad(model.lin(z).pow(2).sum(), z)[0]


def parameter(model, x):
    with torch.enable_grad():
        p = nn.Parameter(torch.zeros(4, 8))
        model.lin(x * p).sum().backward()
        return p.grad


def from_numbers(model, x):
    with torch.enable_grad():
        p = torch.tensor([[1.0]] * 4, requires_grad=True)
        (model.lin(x) * p).sum().backward()
        return p.grad.expand(4, 8)


def attribute(model, _):
    with torch.enable_grad():
        z = torch.zeros(4, 8)
        z.requires_grad = True
        assert z.requires_grad
        model.lin(z).sum().backward()
        return z.grad


def optimized(model, _):
    with torch.enable_grad():
        z = torch.zeros(4, 8, requires_grad=True)
        steps = torch.optim.SGD([z], 0.1)
        for _ in range(2):
            steps.zero_grad()
            model.lin(z).pow(2).sum().backward()
            steps.step()
        return z.detach()


def of_weight(model, x):
    with torch.enable_grad():
        model.lin(x).sum().backward()
        return model.lin.weight.grad[:4]


def force(model, x):
    x.requires_grad_()
    return torch.autograd.grad(model.lin(model.same(x)).pow(2).sum(), x)[0]


def statistics(model, x):
    x.requires_grad_()
    y = model.lin(x)
    model.mean.add_(y)
    model.plain += y
    return torch.autograd.grad(y.sum(), x)[0]


def summed_into_zeros(model, x):
    x.requires_grad_()
    energy = torch.zeros(2, 8).index_add_(0, torch.tensor([0, 1, 0, 1]), model.lin(x))
    total = torch.zeros(())
    total += energy.sum()
    return torch.autograd.grad(total, x)[0]


def through_a_view(model, x):
    x.requires_grad_()
    energy = torch.zeros(2, 8)
    first = energy[0]
    first += model.lin(x).sum(0)
    return torch.autograd.grad(energy.sum(), x)[0]


@pytest.mark.parametrize("run", [False, True])
@pytest.mark.parametrize(
    "function",
    [
        made,
        parameter,
        from_numbers,
        attribute,
        optimized,
        of_weight,
        force,
        statistics,
        summed_into_zeros,
        through_a_view,
    ],
)
def test_gradients_inside_a_pass(function, run):
    model = Takes(function).eval()
    reading = read(model, X, run=run)
    assert (reading.error, reading.graph.diagnostics) == (None, ())
    assert [s.dims for s in output_shapes(reading.graph)] == [(4, 8)]
    assert list(violations(reading.graph)) == []
    assert [t.requires_grad for t in (model.mean, model.plain, X, *model.parameters())] == [False] * 3 + [True] * 2
    assert all(weight.grad is None for weight in model.parameters())


@pytest.mark.parametrize("run", [False, True])
def test_an_example_that_asks_for_gradients_gets_them(run):
    x = X.clone().requires_grad_()
    reading = read(Takes(lambda model, x: torch.autograd.grad(model.lin(x).sum(), x)[0]), x, run=run)
    assert reading.error is None
    assert [s.dims for s in output_shapes(reading.graph)] == [(4, 8)]
    assert x.grad is None


@pytest.mark.parametrize("run", [False, True])
def test_what_a_pass_freezes_is_not_frozen_after_it(run):
    def freeze(model, x):
        model.lin.requires_grad_(False)
        assert not model.lin.weight.requires_grad
        model.plain.requires_grad_()
        return model.lin(x)

    model = Takes(freeze)
    assert read(model, X, run=run).error is None
    assert [t.requires_grad for t in (model.plain, *model.parameters())] == [False, True, True]


def test_what_a_backward_pass_contracts_counts():
    class Learns(nn.Module):
        def __init__(self):
            super().__init__()
            self.lin = nn.Linear(8, 8)

        def forward(self, x):
            with torch.enable_grad():
                self.lin(x).sum().backward()
            return self.lin(x)

    reading = read(Learns(), X)
    assert [call.op for call in reading.graph.calls if call.op == "backward"] == ["backward"]
    assert list(violations(reading.graph)) == []
    assert Metrics(reading.graph).totals["macs"] == 3 * 4 * 8 * 8


ASKS = {
    "a hook": lambda y: y.register_hook(lambda grad: grad),
    "to retain": lambda y: y.retain_grad(),
    "a node": lambda y: y.grad_fn.name(),
    "a node's hook": lambda y: y.grad_fn.register_hook(lambda *grads: None),
}


@pytest.mark.parametrize("run", [False, True])
@pytest.mark.parametrize("asks", ASKS)
def test_what_only_tensors_with_gradients_have(asks, run):
    model = nn.Sequential(nn.Linear(4, 2), nn.ReLU())
    model[0].register_forward_hook(lambda _module, _args, output: ASKS[asks](output) and None)
    reading = read(model, torch.randn(3, 4), run=run)
    assert reading.error is None
    assert [call.op for call in reading.graph.calls] == ["Sequential", "input", "Linear", "ReLU", "output"]


@pytest.mark.parametrize("run", [False, True])
def test_a_gradient_that_a_backward_pass_leaves_comes_from_what_it_differentiates(run):
    class Attacks(nn.Module):
        def __init__(self):
            super().__init__()
            self.lin = nn.Linear(4, 2)

        def forward(self, x):
            with torch.enable_grad():
                z = torch.zeros(3, 4, requires_grad=True)
                (self.lin(z) - self.lin(x)).pow(2).sum().backward()
            return z.grad.sign()

    reading = read(Attacks(), torch.randn(3, 4), run=run)
    assert reading.error is None
    paths = reading.graph.calls.column("path")
    edges = {(paths[e.source], paths[e.target]) for e in reading.graph.edges}
    assert {("sum#1", "backward#1"), ("sum#1", "grad#1"), ("zeros#1", "grad#1")} <= edges
