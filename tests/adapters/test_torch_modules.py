"""Unusual PyTorch modules: adapted, parametrized, lazy, compiled, scripted and odd ones; the numbers stay right."""

from __future__ import annotations

import gc
import warnings
import weakref

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402

from nbviz.adapters import read  # noqa: E402
from nbviz.invariants import violations  # noqa: E402
from nbviz.metrics import Metrics  # noqa: E402
from tests.adapters.torch_reading import graph_of, output_shapes, parameters  # noqa: E402


def parametrized():
    from torch.nn.utils import parametrizations, prune

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {
            "weight_norm": parametrizations.weight_norm(nn.Linear(8, 8)),
            "spectral_norm": parametrizations.spectral_norm(nn.Linear(8, 8)),
            "orthogonal": parametrizations.orthogonal(nn.Linear(8, 8)),
            "old weight_norm": torch.nn.utils.weight_norm(nn.Linear(8, 8)),
            "old spectral_norm": torch.nn.utils.spectral_norm(nn.Linear(8, 8)),
            "pruned": prune.l1_unstructured(nn.Linear(8, 8), "weight", 0.5),
        }


@pytest.mark.parametrize(
    "kind", ["weight_norm", "spectral_norm", "orthogonal", "old weight_norm", "old spectral_norm", "pruned"]
)
def test_weights_that_are_computed_are_read_where_they_are_stored(kind):
    model = nn.Sequential(parametrized()[kind], nn.ReLU()).train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    attributes = {name: set(vars(module)) for name, module in model.named_modules()}
    graph = graph_of(model, (None, 8))
    found = Metrics(graph).totals
    assert found["params"] == sum(p.numel() for p in model.parameters())
    assert found["buffers"] == sum(b.numel() for b in model.buffers())
    assert output_shapes(graph) == [(None, 8)]
    read_by = {i for call in graph.calls for i in call.parameters}
    assert {p.id for p in graph.parameters if p.kind == "weight"} <= read_by
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert attributes == {name: set(vars(module)) for name, module in model.named_modules()}


class Adapted(nn.Module):
    """The shape of PEFT's own."""

    def __init__(self, base):
        super().__init__()
        self.base_layer = base.requires_grad_(requires_grad=False)
        self.lora_A = nn.ModuleDict({"default": nn.Linear(base.in_features, 2, bias=False)})
        self.lora_B = nn.ModuleDict({"default": nn.Linear(2, base.out_features, bias=False)})

    def forward(self, x):
        return self.base_layer(x) + self.lora_B["default"](self.lora_A["default"](x)) * 2


def test_adapters_are_trained_and_their_base_is_not():
    graph = graph_of(nn.Sequential(Adapted(nn.Linear(16, 8)), nn.ReLU()), (None, 16))
    metrics = Metrics(graph)
    assert (metrics.totals["params"], metrics.totals["trainable_params"]) == (136 + 48, 48)
    assert metrics.trainable[metrics.tree.index["0/base_layer"]] == 0
    assert "0/lora_A/default" in graph.calls_of
    assert graph.layers[graph.layer_index["0/lora_A/default"]].accessor == "[0].lora_A['default']"


def test_a_lazy_layer_is_where_its_inputs_are():
    graph = read(nn.Sequential(nn.Linear(4, 4), nn.LazyLinear(3)), torch.randn(2, 4)).graph
    assert not any("device" in d.message for d in graph.diagnostics)


def test_lazy_layers_stay_lazy_and_say_so():
    model = nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(3))
    before = {name: (id(tensor), type(tensor)) for name, tensor in model.named_parameters()}
    attributes = {name: (type(module), set(vars(module))) for name, module in model.named_modules()}
    for inputs in (None, (None, 3, 8, 8)):
        graph = graph_of(model, inputs)
        assert Metrics(graph).totals["params"] is None
        assert any("Lazy layers (3)" in note.message for note in graph.diagnostics)
    assert output_shapes(graph) == [(None, 3)]
    assert Metrics(graph).totals["macs"] == 4 * 6 * 6 * 3 * 9 + 144 * 3
    assert before == {name: (id(tensor), type(tensor)) for name, tensor in model.named_parameters()}
    assert attributes == {name: (type(module), set(vars(module))) for name, module in model.named_modules()}
    model(torch.randn(2, 3, 8, 8))
    assert Metrics(graph_of(model)).totals["params"] == sum(p.numel() for p in model.parameters())


def test_a_lazy_layer_behind_what_is_written_in_place():
    class Writes(nn.Module):
        def __init__(self):
            super().__init__()
            self.lin, self.lazy = nn.Linear(4, 4), nn.LazyLinear(3)

        def forward(self, x):
            return self.lazy(self.lin(x).relu_())

    reading = read(Writes(), torch.randn(2, 4))
    assert reading.error is None
    assert ("relu_#1", "lazy") in {
        (reading.graph.calls[e.source].path, reading.graph.calls[e.target].path) for e in reading.graph.edges
    }


def test_a_lazy_layer_that_refuses_its_input_is_the_one_that_failed():
    graph = read(nn.Sequential(nn.Identity(), nn.LazyConv2d(4, 3)), (2, 3)).graph
    assert [call.path for call in graph.calls if call.failed] == ["1"]


class Around(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.pre, self.inner, self.post = nn.Linear(8, 8), inner, nn.Linear(4, 2)

    def forward(self, x):
        return self.post(self.inner(self.pre(x)))


def block():
    return nn.Sequential(nn.Linear(8, 4), nn.ReLU())


def refuses(_graph, _inputs):
    raise AssertionError("a trace has compiled something")


def compiled_in_place():
    model = block()
    model.compile(backend=refuses)
    return model


def compiled_inside():
    @torch.compile(backend=refuses)
    def step(x):
        return x[:, :4].relu()

    class Steps(nn.Module):
        def forward(self, x):
            return step(x)

    return Steps()


@pytest.mark.parametrize("make", [lambda: torch.compile(block(), backend=refuses), compiled_in_place, compiled_inside])
def test_what_is_compiled_is_traced_as_it_was_written(make):
    model = Around(make())
    graph = graph_of(model, (None, 8))
    assert output_shapes(graph) == [(None, 2)]
    assert any(call.op in ("relu", "ReLU") for call in graph.calls)
    assert Metrics(graph).totals["params"] == sum(p.numel() for p in model.parameters())


def scripted(model):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.script(model)


def traced(model):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.trace(model, torch.randn(1, 8))


@pytest.mark.parametrize("make", [scripted, traced])
def test_a_scripted_layer_is_one_call_with_its_weights_and_shapes(make):
    graph = graph_of(Around(make(block())), (None, 8))
    inner = graph.calls[graph.calls_of["inner"][0]]
    assert (inner.op, inner.outputs[0].shape) == ("Sequential", (None, 4))
    metrics = Metrics(graph)
    assert metrics.totals["macs"] == 64 + 32 + 8
    assert metrics.params[metrics.tree.index["inner"]] == 36


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(8, 4)

    def forward(self, x):
        return self.layer(x)

    @torch.jit.export
    def encode(self, x):
        return self.layer(x).relu()


@pytest.mark.parametrize("method", ["forward", "encode"])
def test_a_method_of_a_scripted_layer_that_is_called_itself_is_a_call_of_the_layer(method):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = scripted(Encoder())

        def forward(self, x):
            return getattr(self.encoder, method)(x)

    before = torch.jit.ScriptFunction.__call__, torch.ScriptMethod.__call__
    graph = graph_of(Net(), (None, 8))
    assert (torch.jit.ScriptFunction.__call__, torch.ScriptMethod.__call__) == before
    [call] = (graph.calls[i] for i in graph.calls_of["encoder"])
    assert (call.outputs[0].shape, [graph.calls[e.target].kind for e in graph.edges][-1]) == ((None, 4), "output")
    assert Metrics(graph).totals["macs"] == 32


@pytest.mark.parametrize("batch", [2, 4096])
def test_weights_of_a_scripted_layer_never_compute(batch):
    made = []

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            if func._schema.name == "aten::addmm":
                made.append(args[1].device.type)
            return func(*args, **(kwargs or {}))

    with Watch():
        graph = read(Around(scripted(block())), torch.randn(batch, 8)).graph
    assert made
    assert set(made) == {"meta"}
    assert Metrics(graph).totals["macs"] == batch * (64 + 32 + 8)


def test_a_scripted_function_is_counted_where_the_process_would_fuse_it():
    def gated(x, w):
        return torch.mm(x, w) * torch.sigmoid(x)

    class Gated(nn.Linear):
        def forward(self, x):
            return function(x, self.weight)

    profiles = torch._C._jit_set_profiling_executor(False)
    try:
        function = scripted(gated)
        reading = read(Gated(8, 8), torch.randn(2, 8))
    finally:
        torch._C._jit_set_profiling_executor(profiles)
    assert (reading.error, reading.graph.diagnostics) == (None, ())
    assert Metrics(reading.graph).totals["macs"] == 2 * 8 * 8


def test_a_scripted_model_is_a_tree_with_a_note():
    reading = read(scripted(block()), (None, 8))
    assert (reading.error, len(reading.graph.layers), len(reading.graph.calls)) == (None, 3, 0)
    assert "pass the module that it was made from" in reading.graph.diagnostics[-1].message


def test_what_was_kept_of_a_trace_runs_modules_as_ever_and_keeps_no_model():
    kept = []

    class Keeps(nn.Module):  # as torch.fx does, where it is imported while a model is traced
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 4)

        def forward(self, x):
            kept.append(nn.Module.__call__)
            return self.fc(x)

    model = Keeps()
    alive = weakref.ref(model)
    reading = read(model, (None, 4))
    calls = len(reading.graph.calls)
    layer, x = nn.Linear(4, 4), torch.ones(1, 4)
    assert torch.equal(kept[0](layer, x), layer(x))
    assert len(reading.graph.calls) == calls
    del model
    gc.collect()
    assert alive() is None


class Hostile(nn.Module):
    """Answers what Python asks of an object with errors."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def __getattr__(self, name):
        if name in ("fc", "training"):
            return super().__getattr__(name)
        raise RuntimeError(name)

    def _refuses(self, *_):
        raise RuntimeError("asked")

    __bool__ = __eq__ = __iter__ = __contains__ = __repr__ = _refuses
    __hash__ = None

    def __len__(self):
        return 0

    def forward(self, x):
        return self.fc(x)


class Answers(nn.Module):
    """Has every attribute that it is asked for."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def __getattr__(self, name):
        try:
            return super().__getattr__(name)
        except AttributeError:
            return lambda *_: name

    def forward(self, x):
        return self.fc(x)


@pytest.mark.parametrize("kind", [Hostile, Answers])
def test_modules_that_answer_oddly_are_read(kind):
    for model, around in ((nn.Sequential(kind(), nn.ReLU(), kind()), ("0/", "2/")), (kind(), ("",))):
        graph = graph_of(model, (None, 4))
        assert Metrics(graph).totals["params"] == 20 * len(around)
        assert {f"{path}fc" for path in around} <= set(graph.calls_of)


def test_parameters_in_lists_and_dicts_and_buffers_of_all_kinds_are_read_where_they_are_held():
    class Lists(nn.Module):
        def __init__(self):
            super().__init__()
            self.each = nn.ParameterList([torch.randn(3, 3), torch.randn(3)])
            self.named = nn.ParameterDict({"w": torch.randn(3, 3)})
            self.register_buffer("once", torch.zeros(3), persistent=False)
            self.kept = nn.Buffer(torch.zeros(2)) if hasattr(nn, "Buffer") else torch.zeros(2)

        def forward(self, x):
            return x @ self.each[0] + self.each[1] + x @ self.named["w"] + self.once

    model = Lists()
    graph = graph_of(model, (None, 3))
    found = Metrics(graph).totals
    assert (found["params"], found["buffers"]) == (21, sum(b.numel() for b in model.buffers()))
    assert {"each/0", "each/1", "named/w", "once"} <= set(parameters(graph))
    assert found["macs"] == 18


def test_tied_and_shared_layers_count_once():
    shared, tied = nn.Linear(3, 3), nn.Linear(3, 3)
    tied.weight = shared.weight
    model = nn.Sequential(shared, nn.ReLU(), shared, tied)
    graph = graph_of(model, (None, 3))
    assert Metrics(graph).totals["params"] == sum(p.numel() for p in model.parameters()) == 15
    assert parameters(graph)["0/weight"].owners == ("0", "3")
    assert len(graph.calls_of["0"]) == 2


def test_odd_names_have_paths_and_accessors_that_reach_the_module():
    model = nn.Module()
    names = ("a/b", "~x", "ü—名", " ", "1", "<b>", "two\nlines", "bell\x07", "bell", "lambda")
    for name in names:
        model._modules[name] = nn.Linear(2, 2)
    graph = graph_of(model)
    layers = [layer for layer in graph.layers if layer.parent is not None]
    assert len(layers) == len(names)
    assert all("\x07" not in layer.path + layer.name for layer in layers)
    reached = [eval(f"model{layer.accessor}", {"model": model}) for layer in layers]  # noqa: S307
    assert reached == [model._modules[name] for name in names]


SEQUENCE = nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Sequential(nn.Linear(2, 3)), nn.Linear(3, 4))


@pytest.mark.parametrize(
    "make", [lambda m: m[1:], torch.fx.symbolic_trace, torch.jit.script, lambda m: nn.ModuleList(m)[2:]]
)
def test_accessors_reach_the_modules_of_parts_of_containers_and_of_programs(make):
    model = make(SEQUENCE)
    layers = [layer for layer in graph_of(model).layers if layer.parent is not None]
    reached = [eval(f"model{layer.accessor}", {"model": model}) for layer in layers]  # noqa: S307
    assert [id(module) for module in reached] == [id(module) for module in list(model.modules())[1:]]


def test_deep_and_wide_models_are_read():
    deep = nn.Linear(2, 2)
    for _ in range(500):
        deep = nn.Sequential(deep)
    assert len(graph_of(deep).layers) == 501
    assert Metrics(graph_of(deep)).totals["params"] == 6
    # PyTorch itself runs a model 200 levels deep, and not one of 500: what was reached is shown
    shallower = nn.Linear(2, 2)
    for _ in range(200):
        shallower = nn.Sequential(shallower)
    assert shallower(torch.ones(2, 2)).shape == (2, 2)
    assert "/".join(["0"] * 200) in graph_of(shallower, (2, 2)).calls_of
    reading = read(deep, (2, 2))
    assert isinstance(reading.error, RecursionError)
    assert list(violations(reading.graph)) == []
    assert Metrics(graph_of(nn.ModuleList(nn.Linear(2, 2) for _ in range(5000)))).totals["params"] == 30_000


def test_real_adapters_of_peft_are_read():
    peft = pytest.importorskip("peft", exc_type=ImportError)

    class Attends(nn.Module):
        def __init__(self):
            super().__init__()
            self.q_proj, self.v_proj, self.out = nn.Linear(16, 16), nn.Linear(16, 16), nn.Linear(16, 4)

        def forward(self, x):
            return self.out(torch.softmax(self.q_proj(x), -1) * self.v_proj(x))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = peft.get_peft_model(Attends(), peft.LoraConfig(r=2, target_modules=["q_proj", "v_proj"]))
    state = {key: value.clone() for key, value in model.state_dict().items()}
    metrics = Metrics(graph_of(model, (None, 16)))
    trainable, total = model.get_nb_trainable_parameters()
    assert (metrics.totals["trainable_params"], metrics.totals["params"]) == (trainable, total)
    assert any(path.endswith("q_proj/lora_A/default") for path in metrics.graph.calls_of)
    assert all(torch.equal(state[key], value) for key, value in model.state_dict().items())
