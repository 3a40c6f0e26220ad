"""``run=True``: one real forward pass of a model whose path depends on numbers, which leaves nothing behind."""

from __future__ import annotations

import contextlib
import gc
import warnings
import weakref

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

import nbviz  # noqa: E402
from nbviz.adapters import read  # noqa: E402
from nbviz.errors import InputsError, OptionError  # noqa: E402
from nbviz.invariants import violations  # noqa: E402
from nbviz.metrics import Metrics  # noqa: E402
from tests.models import torch_models as models  # noqa: E402
from tests.models.torch_models import Routed  # noqa: E402


def ran(model, inputs):
    reading = read(model, inputs, run=True)
    if reading.error is not None:
        raise reading.error
    assert list(violations(reading.graph)) == []
    return reading.graph


def state(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def same(model, before):
    return all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("name", models.CASES)
def test_a_real_run_tells_what_reading_tells(name):
    model, args = models.CASES[name]()
    model.eval()
    one, other = read(model, args).graph, ran(model, args)
    for column in ("path", "op", "kind", "inputs", "outputs", "parent", "parameters"):
        assert list(one.calls.column(column)) == list(other.calls.column(column)), column
    assert [(e.source, e.target) for e in one.edges] == [(e.source, e.target) for e in other.edges]
    assert Metrics(one).totals == Metrics(other).totals


def test_fake_tensors_run_as_far_as_they_do_themselves():
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        model, x = nn.Sequential(nn.Linear(4, 4), nn.ReLU()), torch.randn(2, 4)
        assert ran(model, x) == read(model, x).graph


def test_a_path_that_depends_on_numbers_is_offered_and_taken():
    model, x = Routed(), torch.randn(6, 4)
    reading = read(model, x)
    said = next(d for d in reading.graph.diagnostics if d.level == "error").message
    assert "torch_models.py" in said
    assert "run=True" in said
    graph = ran(model, x)
    used = {c.path for c in graph.calls if c.op == "Linear"}
    assert used - {"router"} == {f"experts/{i}" for i in model.router(x).argmax(-1).unique().tolist()}


class Exponential(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return torch.from_numpy(np.exp(x.numpy()))


ASKS = {
    "compares": (lambda x: x if x.mean() > 0 else x + 1, "bool needs the values of gt(mean(...)), a bool tensor ()"),
    "any": (lambda x: x if (x > 0).any() else x + 1, "bool needs the values of any(gt(...)), a bool tensor ()"),
    "formats": (lambda x: x * len(f"{x.mean():.3f}"), "format needs the values of mean(...), a float32 tensor ()"),
    "numpy": (lambda x: torch.from_numpy(x.detach().cpu().numpy()), "numpy needs the values of"),
    "numpy inside": (Exponential.apply, "numpy needs the values of"),
    "times an array": (lambda x: x * np.ones(4), "array needs the values of a float32 tensor (2, 4)"),
}


class Applies(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.lin, self.other = nn.Linear(4, 4), nn.Linear(4, 4)
        self.function = function

    def forward(self, x):
        return self.function(self.lin(x))


@pytest.mark.parametrize("name", ASKS)
def test_a_question_for_values_names_what_they_are_of_and_offers_a_run(name):
    function, expected = ASKS[name]
    model, x = Applies(function), torch.randn(2, 4)
    said = read(model, x).graph.diagnostics[-1]
    assert said.level == "error"
    assert expected in said.message
    assert "run=True" in said.message
    with torch.no_grad():
        assert read(model, x, run=True).error is None


def test_a_format_that_no_tensor_takes_is_a_mistake():
    reading = read(Applies(lambda x: x * len(f"{x:.3f}")), torch.randn(2, 4))
    assert isinstance(reading.error, TypeError)


def test_a_question_that_the_model_takes_back_is_told():
    class Catches(Applies):
        def forward(self, x):
            x = self.lin(x)
            try:
                return x * 2 if x.max() > 1 else x
            except Exception:  # noqa: BLE001 - as models do
                return self.other(x)

    reading = read(Catches(None), torch.randn(2, 4))
    assert reading.error is None
    (said,) = reading.graph.diagnostics
    assert (said.level, said.path) == ("warning", "bool#1")
    assert "own code caught" in said.message
    assert "run=True" in said.message
    assert read(Catches(None), torch.randn(2, 4), run=True).graph.diagnostics == ()


def test_a_meta_model_is_told_to_get_weights_first():
    with torch.device("meta"):
        model = Routed()
    said = read(model, (6, 4)).graph.diagnostics[-1].message
    assert "give the model real weights" in said


@pytest.mark.parametrize("mode", [True, False])
def test_weights_buffers_and_random_state_are_as_before(mode):
    class Writes(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.drop = nn.BatchNorm1d(4), nn.Dropout(0.5)
            self.scale, self.moved = nn.Parameter(torch.ones(4)), nn.Parameter(torch.ones(4))
            self.register_buffer("steps", torch.zeros(1))

        def forward(self, x):
            self.steps += 1
            self.scale[0].mul_(2)
            self.moved.data = torch.zeros(4)
            self.last = self.drop(self.norm(x)) * self.scale + self.moved
            return self.last

    model = Writes().train(mode)
    x = torch.randn(8, 4)
    before, held, moved, seed = state(model), x.clone(), model.moved.data_ptr(), torch.get_rng_state()
    graph = ran(model, x)
    assert {"mul_", "iadd", "add_"} & set(graph.calls.column("op"))
    assert same(model, before)
    assert model.moved.data_ptr() == moved
    assert torch.equal(x, held)
    assert torch.equal(torch.get_rng_state(), seed)
    assert model.training is mode
    assert not hasattr(model, "last")


class Parts(nn.Module):
    """Does something to its weight or its buffer before it uses them."""

    def __init__(self, write):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 4))
        self.register_buffer("scale", torch.randn(4, 4))
        self.write = write

    def forward(self, x):
        with torch.no_grad():
            self.write(self)
        return x @ self.weight.T * self.scale.sum()


def cut(model):
    model.weight.data = model.weight.data[:2]


def through_numpy(model):
    model.weight.detach().numpy()[:] = 7


def through_its_storage(model):
    model.weight.untyped_storage().fill_(0)


CHANGES = {
    "data of another size": cut,
    "transposed weight": lambda model: model.weight.t_(),
    "resized buffer": lambda model: model.scale.resize_(2, 2),
    "other storage": lambda model: model.weight.set_(torch.ones(4, 4)),
    "numpy": through_numpy,
    "storage": through_its_storage,
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_tensor_lies_where_it_lay(change):
    x, model = torch.randn(2, 4), Parts(CHANGES[change])
    before, shape = state(model), Parts(CHANGES[change])(x).shape
    reading = read(model, x, run=True)
    assert reading.error is None
    assert reading.graph.calls[0].outputs[0].shape == shape
    assert same(model, before)


def test_a_storage_of_its_own_is_taken_back_without_a_run():
    model = Parts(CHANGES["other storage"])
    before = state(model)
    read(model, torch.randn(2, 4))
    assert same(model, before)


def test_what_an_operation_writes_inside_a_function_is_put_back():
    model = nn.Embedding(10, 4, max_norm=0.1)
    before = state(model)
    read(model, torch.tensor([[1, 2]]), run=True)
    assert same(model, before)


def test_a_model_that_learns_to_be_quantized_keeps_its_scales():
    quantization = pytest.importorskip("torch.ao.quantization")
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()).train()
    model.qconfig = quantization.get_default_qat_qconfig("x86")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantization.prepare_qat(model, inplace=True)
    before = state(model)
    assert read(model, torch.randn(2, 3, 8, 8), run=True).error is None
    assert same(model, before)


def test_a_failing_run_puts_back_what_it_changed():
    class Fails(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.lin = nn.BatchNorm1d(4), nn.Linear(3, 2)

        def forward(self, x):
            return self.lin(self.norm(x))

    model = Fails()
    before = state(model)
    reading = read(model, torch.randn(8, 4), run=True)
    assert isinstance(reading.error, RuntimeError)
    assert reading.graph.calls[-1].failed
    assert same(model, before)


def test_activations_are_not_kept():
    made = []

    class Watches(nn.Module):
        def forward(self, x):
            made.append(weakref.ref(y := x * 2))
            return y + 1

    reading = read(Watches(), torch.randn(3, 4), run=True)
    gc.collect()
    assert made[0]() is None
    assert len(reading.graph.calls) == 5


def test_shapes_alone_are_filled_with_numbers_and_nothing_is_free():
    graph = ran(Routed(), (None, 4))
    assert graph.calls[0].inputs[0].shape == (4, 4)
    assert not graph.batch_axis
    assert "random numbers" in graph.diagnostics[0].message
    assert ran(Routed(), torch.randn(6, 4)).diagnostics == ()


def test_running_needs_inputs_and_a_model_that_can_run():
    with pytest.raises(InputsError, match="inputs"):
        nbviz.view(Routed(), run=True)
    with pytest.raises(OptionError, match="remove it"):
        nbviz.view(nbviz.read(Routed()), run=True)
    with pytest.raises(OptionError, match="run must be one of"):
        nbviz.view(Routed(), torch.randn(6, 4), run="yes")
    model = Routed()  # a view does not keep its model alive
    view = nbviz.view(model, torch.randn(6, 4), run=True)
    assert view.error is None
    view.refresh()
    assert view.error is None


def test_errors_that_a_model_handles_keep_nothing_alive():
    made, alive = [], []

    class Tries(nn.Module):
        def forward(self, x):
            local = torch.zeros(1000)
            made.append(weakref.ref(local))
            with contextlib.suppress(RuntimeError):
                torch.zeros(2) @ torch.zeros(3)
            return x + 1

    class Counts(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.Sequential(*(Tries() for _ in range(5)))

        def forward(self, x):
            x = self.layers(x)
            alive.append(sum(ref() is not None for ref in made))
            return x

    ran(Counts(), torch.zeros(2))
    assert alive == [0]


def test_a_gradient_comes_from_the_last_backward_pass_alone():
    class Learns(nn.Module):
        def __init__(self):
            super().__init__()
            self.lin = nn.Linear(4, 2, bias=False)

        def forward(self, x):
            with torch.enable_grad():
                for _ in range(3):
                    self.lin(x).sum().backward()
                    last = self.lin.weight.grad * 1
                    self.lin.weight.grad = None
            return last

    graph = ran(Learns(), torch.zeros(2, 4))
    taken = [
        [graph.calls[e.source].path for e in graph.edges if graph.calls[e.target].path == f"grad#{i}"]
        for i in (1, 2, 3)
    ]
    assert taken == [["sum#1"], ["sum#2"], ["sum#3"]]
