"""Which call is whose, and from which line: models and hooks that do more than their forward, and code of other packages."""

from __future__ import annotations

import importlib
import inspect

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

import nbviz  # noqa: E402
from nbviz.adapters import read  # noqa: E402
from tests.adapters.torch_reading import calls_of, graph_of  # noqa: E402


class OwnCall(nn.Module):
    """What gpytorch does: the call of a module is not only its forward."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.rest = nn.Sequential(nn.Linear(4, 4), nn.ReLU())

    def __call__(self, x):
        return self.forward(x).sum(-1)

    def forward(self, x):
        return self.rest(self.first(x))


class AroundSuper(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 4)

    def __call__(self, *args):
        return {"y": super().__call__(*args).sum(-1)}

    def forward(self, x):
        return self.first(x)


class NoModules(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(4))

    def __call__(self, x):
        return (x * self.weight).sum(-1)


@pytest.mark.parametrize("model", [OwnCall(), AroundSuper(), NoModules()], ids=lambda model: type(model).__name__)
def test_a_model_whose_call_does_more_than_its_forward_is_read_as_it_runs(model):
    graph = graph_of(model, torch.randn(2, 4))
    outputs = [spec.shape for call in graph.calls if call.kind == "output" for spec in call.inputs]
    assert (outputs, graph.calls[0].outputs[0].shape, graph.diagnostics) == ([(2,)], (2,), ())
    ran = [path for path, _ in model.named_modules()]
    assert [len(graph.calls_of.get(path.replace(".", "/"), ())) for path in ran] == [1] * len(ran)


def test_a_failure_in_the_first_module_of_a_model_with_a_call_of_its_own_is_that_modules():
    model = OwnCall()
    model.first = nn.Linear(8, 4)
    (error,) = read(model, torch.randn(2, 4)).graph.diagnostics
    assert (error.path, "It expects 8 features" in error.message) == ("first", True)


TAKEN = {
    "detached": (lambda out: out.detach().clone(), "r/clone#1"),
    "mean": (lambda out: out.mean(-1, keepdim=True), "r/mean#1"),
    "itself": (lambda out: out, "r"),
}


@pytest.mark.parametrize("name", TAKEN)
def test_what_a_hook_computes_on_a_layer_of_pytorch_leads_to_where_it_is_used(name):
    class Tapped(nn.Module):
        def __init__(self):
            super().__init__()
            self.r = nn.ReLU()
            self.kept = []
            self.r.register_forward_hook(lambda module, given, out: self.kept.append(TAKEN[name][0](out)))

        def forward(self, x):
            return self.r(x), self.kept.pop() + 1

    graph = graph_of(Tapped(), torch.randn(2, 4))
    paths = graph.calls.column("path")
    assert [paths[e.source] for e in graph.edges if paths[e.target] == "add#1"] == [TAKEN[name][1]]


HELPER = """
def halves(x):
    x = x + 0
    if x.shape[-1] % 2:
        raise ValueError("an odd size")
    return x.chunk(2, -1)

def first_half(module, given, out):
    return halves(out)[0]

def call(layer, x):
    return layer(x)
"""


@pytest.fixture
def helper(tmp_path, monkeypatch):
    """A package that models use: its lines are not the model's."""
    (tmp_path / "some_einops.py").write_text(HELPER)
    monkeypatch.syspath_prepend(tmp_path)
    return importlib.import_module("some_einops")


@pytest.mark.parametrize("size", [4, 5])
def test_lines_are_those_of_the_code_of_the_running_module(helper, size):
    class Uses(nn.Module):
        def forward(self, x):
            return helper.halves(x)

    line = f"test_torch_calls.py:{inspect.getsourcelines(Uses.forward)[1] + 1}"
    reading = read(Uses(), torch.randn(2, size))
    assert calls_of(reading.graph, "add#1")[0].source == line
    errors = [d.message for d in reading.graph.diagnostics if d.level == "error"]
    assert [f"stopped at {line} in the model" in message for message in errors] == [True] * (size % 2)


class Applies(nn.Module):
    def __init__(self, apply):
        super().__init__()
        self.lin = nn.Linear(4, 4)
        self.apply_to = apply

    def forward(self, x):
        return self.apply_to(self.lin, x)


def test_lines_of_a_hook_are_its_own(helper):
    model = Applies(lambda layer, x: layer(x))
    model.lin.register_forward_hook(helper.first_half)
    (made,) = calls_of(graph_of(model, torch.randn(2, 4)), "lin/add#1")
    assert made.source == "some_einops.py:3"


def test_a_layer_that_another_package_calls_is_one_step(helper):
    graph = graph_of(Applies(helper.call), torch.randn(2, 4))
    assert graph.calls.column("path") == ("", "input#1", "lin", "output#1")
    assert calls_of(graph, "lin")[0].source.startswith("test_torch_calls.py:")


class PassesWeights(nn.Module):
    def __init__(self, between):
        super().__init__()
        self.between, self.out = between, nn.Linear(8, 2)
        self.place = nn.Parameter(torch.randn(1, 5, 8))

    def forward(self, x):
        x = self.between(x)  # as large as the weight: what does the same is not asked again
        return self.out(x + self.between(self.place) + self.place)


@pytest.mark.parametrize("run", [False, True])
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("between", [nn.Dropout, nn.Identity])
def test_a_weight_goes_through_a_module_that_leaves_it_as_it_is(between, training, run):
    model = PassesWeights(between()).train(training)
    graph = read(model, torch.randn(1, 5, 8), run=run).graph
    [number] = [i for i, parameter in enumerate(graph.parameters) if parameter.name == "place"]
    reading = [(call.path, call.parameters) for call in graph.calls if number in call.parameters]
    assert reading == [("between", (number,)), ("add#2", (number,))]
    assert len(graph.calls_of["between"]) == 2


class PastCall(nn.Module):
    """Calls the forward of its parts itself, as many do who have read no more than that it exists."""

    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
        self.norm = Float32Norm(4)
        self.last = nn.Linear(4, 2)

    def forward(self, x):
        return self.last.forward(self.norm(self.first.forward(x)))


class Float32Norm(nn.LayerNorm):
    def forward(self, x):
        return super().forward(x.float()).to(x.dtype)


@pytest.mark.parametrize("run", [False, True])
def test_a_part_whose_forward_is_called_itself_has_its_call(run):
    graph = graph_of(PastCall(), torch.ones(3, 4), run=run)
    ran = ["", "first", "first/0", "first/1", "norm", "last"]
    assert [call.path for call in graph.calls if call.kind == "layer"] == ran
    assert calls_of(graph, "last")[0].parameters == graph.layers[graph.layer_index["last"]].parameters
    assert [spec.shape for spec in calls_of(graph, "first")[0].outputs] == [(3, 4)]


def test_an_error_in_a_forward_that_is_called_itself_is_that_parts():
    with pytest.warns(nbviz.PartialReadWarning):
        graph = nbviz.read(PastCall(), torch.ones(3, 5))
    assert [call.path for call in graph.calls if call.failed] == ["first/0"]


@pytest.mark.parametrize("width", [4, 5])
@pytest.mark.filterwarnings("ignore::nbviz.PartialReadWarning")
def test_classes_keep_their_own_forward(width):
    model = PastCall()
    before = {cls: vars(cls).get("forward") for cls in {type(module) for module in model.modules()}}
    nbviz.read(model, torch.ones(3, width))
    assert {cls: vars(cls).get("forward") for cls in before} == before
    assert all("forward" not in vars(module) for module in model.modules())
