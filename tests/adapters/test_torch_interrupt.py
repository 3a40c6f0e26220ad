"""Whoever interrupts a trace finds the process as it was before."""

from __future__ import annotations

import signal

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.overrides import _get_current_function_mode_stack  # noqa: E402

from nbviz.adapters import read  # noqa: E402


class Interrupted(nn.Module):
    """Stops as if the stop button had been pressed while its second layer runs."""

    def __init__(self):
        super().__init__()
        self.first, self.norm, self.lazy = nn.Linear(4, 4), nn.BatchNorm1d(4), nn.LazyLinear(2)
        self.seen = []

    def forward(self, x):
        self.seen.append(1)
        self.last = self.norm(self.first(x))
        torch.manual_seed(3)
        signal.raise_signal(signal.SIGINT)
        return self.lazy(self.last)


@pytest.mark.parametrize("run", [False, True])
def test_interrupting_leaves_nothing_behind(run):
    model, x = Interrupted().train(), torch.randn(3, 4)
    before = {name: value.clone() for name, value in model.norm.state_dict().items()}
    attributes, state, call = set(vars(model)), torch.get_rng_state(), nn.Module.__call__
    with pytest.raises(KeyboardInterrupt):
        read(model, x, run=run)
    assert nn.Module.__call__ is call
    assert _get_current_function_mode_stack() == []
    assert torch.is_grad_enabled()
    assert torch.equal(torch.get_rng_state(), state)
    assert set(vars(model)) == attributes
    assert model.seen == []
    assert all(torch.equal(value, before[name]) for name, value in model.norm.state_dict().items())
    assert model.lazy.has_uninitialized_params()
    assert type(model.lazy) is nn.LazyLinear
    assert read(model.first, x).error is None
