"""What a PyTorch module becomes in the model graph: rows, calls, shapes, edges; the numbers are PyTorch's own."""

from __future__ import annotations

import networkx as nx
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from nbviz.adapters import read  # noqa: E402
from nbviz.adapters.torch.tensors import tensors  # noqa: E402
from nbviz.metrics import Metrics  # noqa: E402
from tests.adapters.torch_reading import calls_of, graph_of  # noqa: E402
from tests.models import torch_models as models  # noqa: E402


def edges(graph):
    paths = graph.calls.column("path")
    return {(paths[e.source], paths[e.target]) for e in graph.edges}


def really_run(model, args):
    """Run a model, and return the shapes of the outputs of each module's calls, and of its own outputs."""
    seen: dict[str, list[list[tuple[int, ...]]]] = {}
    names = {id(module): name for name, module in model.named_modules()}

    def hook(module, _, outputs):
        if id(module) in names:
            shapes = [tuple(t.shape) for t in tensors(outputs)]
            seen.setdefault(names[id(module)], []).append(shapes)

    handles = [module.register_forward_hook(hook) for module in model.modules()]
    with torch.no_grad():
        model(*args)
    for handle in handles:
        handle.remove()
    return seen


@pytest.mark.parametrize("mode", ["train", "eval"])
@pytest.mark.parametrize("name", models.CASES)
def test_shapes_of_all_calls_are_those_of_a_real_forward(name, mode):
    model, args = models.CASES[name]()
    model.train(mode == "train")
    graph = graph_of(model, args)
    seen = really_run(model, args)
    found = {
        layer.name: [[tuple(s.shape) for s in call.outputs] for call in calls_of(graph, layer.path)]
        for layer in graph.layers
        if layer.path in graph.calls_of and (not layer.path or layer.accessor)
    }
    # a real forward may take PyTorch's own short cut through an encoder, which calls no module inside it
    assert {key: found[key] for key in seen} == seen
    assert [s.shape for c in graph.calls if c.kind == "output" for s in c.inputs] == [tuple(s) for s in seen[""][0]]


@pytest.mark.parametrize("name", models.CASES)
def test_outputs_come_from_inputs(name):
    model, args = models.CASES[name]()
    graph = graph_of(model, args)
    network = graph.to_networkx()
    assert nx.is_directed_acyclic_graph(nx.DiGraph(network))
    starts = {c.id for c in graph.calls if c.kind == "input"}
    for call in graph.calls:
        if call.kind == "output":
            assert nx.ancestors(network, call.id) & starts


@pytest.mark.parametrize("name", models.CASES)
def test_parameters_are_those_of_the_model(name):
    model, args = models.CASES[name]()
    for graph in (graph_of(model), graph_of(model, args)):
        metrics = Metrics(graph)
        assert metrics.totals["params"] == sum(p.numel() for p in set(model.parameters()))
        assert metrics.totals["trainable_params"] == sum(p.numel() for p in model.parameters() if p.requires_grad)
        assert metrics.totals["buffers"] == sum(b.numel() for b in set(model.buffers()))
        assert metrics.totals["bytes"] == sum(p.numel() * p.element_size() for p in model.parameters())
        for layer in graph.layers:
            if layer.accessor or not layer.path:
                module = eval(f"model{layer.accessor}")  # noqa: S307 - the accessor is what is tested
                assert module is model.get_submodule(layer.name)
                row = metrics.tree.index[layer.path]
                assert metrics.params[row] == sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize("name", [name for name in models.CASES if name != "two_inputs"])  # it does not count Bilinear
def test_macs_are_what_the_flop_counter_counts(name):
    model, args = models.CASES[name]()
    if name not in {"whole", "writing", "remembers"}:  # which make tensors of their own where they run
        # on the meta device recurrent layers are made of operations that the counter knows
        model, args = model.to("meta"), [a.to("meta") for a in args]
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(*args)
    model, args = models.CASES[name]()
    assert Metrics(graph_of(model, args)).totals["macs"] == counter.get_total_flops() / 2


def test_without_inputs_there_is_the_tree_and_a_note_how_to_get_the_graph():
    graph = graph_of(models.Cnn())
    assert (graph.framework, graph.name, len(graph.calls)) == ("PyTorch", "Cnn", 0)
    assert "inputs=" in graph.diagnostics[0].message
    assert [layer.path for layer in graph.layers][:4] == ["", "stem", "layer1", "layer1/0"]


def test_a_shared_module_has_one_row_and_a_call_per_use():
    graph = graph_of(models.Shared(), torch.ones(2, 5, dtype=torch.int64))
    assert [c.path for c in graph.calls if c.op == "Linear"] == ["lin", "lin", "lin", "head"]
    assert "alias" not in graph.layer_index
    tied = next(p for p in graph.parameters if len(p.owners) > 1)
    assert tied.owners == ("emb", "head")
    assert "unused" not in graph.calls_of


def test_a_step_of_pytorch_is_one_call_and_a_module_of_ones_own_is_a_frame():
    graph = graph_of(models.Cnn(), (None, 3, 16, 16))
    conv = calls_of(graph, "stem")[0]
    assert conv.id not in graph.calls.column("parent")
    assert [graph.parameters[i].name for i in conv.parameters] == ["weight", "bias"]
    block = calls_of(graph, "layer1/0")[0]
    inside = [c.path for c in graph.calls if c.parent == block.id]
    assert inside == [f"layer1/0/{n}" for n in ("conv1", "bn1", "relu", "conv2", "bn2", "add_#1", "relu")]


def test_what_is_changed_in_place_is_read_by_whoever_comes_next():
    found = edges(graph_of(models.Cnn(), (None, 3, 16, 16)))
    assert ("stem", "layer1/0/conv1") in found
    assert ("stem", "layer1/0/add_#1") in found
    assert ("layer1/0/add_#1", "layer1/0/relu") in found
    assert ("layer1/0/bn2", "layer1/0/relu") not in found


def test_a_write_into_a_view_reaches_the_readers_of_the_whole():
    graph = graph_of(models.Writing(), torch.randn(2, 4))
    found = edges(graph)
    assert ("getitem#1", "mul_#1") in found
    assert ("mul_#1", "add#1") in found  # torch.add(y, 1, out=out) reads the whole y
    assert ("setitem#1", "sum#1") in found  # the buffer that was filled
    assert ("add#1", "getitem#2") in found  # out=


def test_parts_that_lie_beside_what_was_written_stay_what_they_were():
    class Scales(nn.Module):
        def forward(self, x):
            q, k = x.chunk(2, -1)
            q.mul_(2)
            return q + k

    found = edges(graph_of(Scales(), (None, 8)))
    assert ("chunk#1", "add#1") in found
    assert ("mul_#1", "add#1") in found


def test_a_module_that_gives_back_what_it_got_still_has_its_place():
    model = nn.Sequential(nn.Linear(4, 4), nn.Identity(), nn.Dropout().eval(), nn.Linear(4, 2))
    assert edges(graph_of(model, (None, 4))) == {
        ("input#1", "0"), ("0", "1"), ("1", "2"), ("2", "3"), ("3", "output#1"),
    }  # fmt: skip


def test_free_dimensions_are_found_and_macs_are_per_example():
    graph = graph_of(models.Gpt(), {"input_ids": ((None, 9), torch.int64)})
    assert [c.inputs[0].shape for c in graph.calls if c.kind == "output"] == [(None, 9, 100), (None, 9, 16)]
    assert [c.inputs[0].name for c in graph.calls if c.kind == "output"] == ["logits", "hidden"]
    one = graph_of(models.Gpt(), {"input_ids": torch.ones(1, 9, dtype=torch.int64)})
    metrics = Metrics(graph)
    assert metrics.totals["macs"] == Metrics(one).totals["macs"] > 0
    assert (metrics.macs_basis, Metrics(one).macs_basis) == ("per example", "")


def test_a_folded_batch_counts_per_example():
    class Folds(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 3)

        def forward(self, x):
            heads = x.reshape(-1, 5, 4)  # batch * 2
            return self.fc(heads), torch.bmm(heads, heads.mT), x.mean() * x

    graph = graph_of(Folds(), (None, 2, 5, 4))
    assert calls_of(graph, "fc")[0].outputs[0].shape == ("2*batch", 5, 3)
    assert Metrics(graph).totals["macs"] == 2 * 5 * 4 * 3 + 2 * 5 * 5 * 4


def test_another_free_dimension_makes_its_macs_unknown():
    model = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    graph = graph_of(model, (None, 3, None, None))
    metrics = Metrics(graph)
    assert calls_of(graph, "0")[0].outputs[0].shape == (None, 4, None, None)
    assert (metrics.macs[metrics.tree.index["0"]], metrics.macs[metrics.tree.index["3"]]) == (None, 8)
    (note,) = graph.diagnostics
    assert "Give these sizes to see the MACs" in note.message


def test_a_batch_is_free_up_to_the_call_that_fails():
    graph = read(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(9, 2)), (None, 4)).graph
    assert calls_of(graph, "1")[0].outputs[0].shape == (None, 8)
    assert calls_of(graph, "2")[0].inputs[0].shape == (None, 8)
    metrics = Metrics(graph)
    assert (metrics.macs[metrics.tree.index["0"]], metrics.macs_basis) == (4 * 8, "per example")


def test_a_batch_with_which_a_model_does_not_fail_is_a_note():
    class Odd(nn.Module):
        def forward(self, x):
            return x.reshape(6, 4)

    graph = read(Odd(), (None, 4)).graph
    assert "with a different batch, the model does not fail" in graph.diagnostics[-1].message


def test_a_size_that_the_model_refuses_is_a_note():
    class Fixed(nn.Module):
        def forward(self, x):
            return x.reshape(4, 12)

    graph = graph_of(Fixed(), (None, 3, 4))
    assert "with a different batch, the model fails" in graph.diagnostics[0].message
    assert calls_of(graph, "reshape#1")[0].outputs[0].shape == (4, 12)


def test_inputs_may_be_arguments_keywords_and_flags():
    graph = graph_of(models.TwoInputs(), {"image": (None, 4), "text": (None, 6), "flip": True})
    names = [c.outputs[0].name for c in graph.calls if c.kind == "input"]
    assert names == ["image", "text"]
    out = calls_of(graph, "out")[0]
    sources = [graph.calls[e.source].path for e in graph.edges if e.target == out.id]
    assert sources == ["right", "left"]
    assert len(calls_of(graph_of(models.TwoInputs(), ((None, 4), (None, 6), (None, 2))), "mul#1")) == 1


def test_shapes_alone_are_tried_as_whole_numbers_where_fractions_do_not_work():
    graph = graph_of(models.Recurrent(), (None, 7))
    assert next(c for c in graph.calls if c.kind == "input").outputs[0].dtype == "int64"


def test_structures_between_modules_and_as_the_result_are_followed():
    graph = graph_of(models.Structured(), (None, 3, 6))
    exits = [[s.name for s in c.inputs] for c in graph.calls if c.kind == "output"]
    assert exits == [["logits"], ["states.0", "states.1"]]
    assert ("split/split#1", "join/matmul#1") in edges(graph)


def test_whole_numbers_stay_real():
    lengths = torch.tensor([5, 2])
    graph = graph_of(models.Whole(), (torch.ones(2, 6, dtype=torch.int64), lengths))
    assert [c.inputs[0].shape for c in graph.calls if c.kind == "output"] == [(7, 4)]


def test_calls_know_the_line_of_the_model_that_made_them():
    graph = graph_of(models.Cnn(), (None, 3, 16, 16))
    assert calls_of(graph, "stem")[0].source.startswith("torch_models.py:")
    assert graph.layers[graph.layer_index["layer1/0"]].source.startswith("torch_models.py:")
    assert graph.layers[graph.layer_index["stem"]].source == ""


def test_settings_are_those_of_the_constructor():
    settings = dict(graph_of(models.Cnn()).layers[1].settings)
    assert settings["in_channels"] == 3
    assert settings["kernel_size"] == (3, 3)
    assert (settings["bias"], settings["training"]) == (True, True)


def test_a_model_on_the_meta_device_is_read_and_believes_to_be_there():
    class Asks(models.Gpt):
        def forward(self, input_ids, attention_mask=None):
            assert input_ids.device.type == "meta"
            assert self.wte.weight.is_meta
            return super().forward(input_ids, attention_mask)

    with torch.device("meta"):
        model = Asks()
    graph = graph_of(model, {name: torch.ones(1, 9, dtype=torch.int64) for name in ("input_ids", "attention_mask")})
    assert Metrics(graph).totals["params"] == sum(p.numel() for p in set(model.parameters()))


def test_devices_are_those_that_the_model_expects():
    class Asks(nn.Linear):
        def forward(self, x):
            assert str(x.device) == str(self.weight.device) == "cpu"
            assert not x.is_meta
            y = super().forward(x)
            assert y.device.type == "cpu"
            assert (y + torch.zeros(3, device=y.device)).is_cpu
            return y

    graph_of(Asks(4, 3), (None, 4))


def test_a_weight_that_a_model_loads_when_it_needs_it_is_where_its_values_are():
    class Loads(nn.Linear):
        def forward(self, x):
            weight = nn.Parameter(torch.ones(3, 4, device="cpu")).to("cpu")
            assert isinstance(weight, nn.Parameter)
            assert weight.device.type == "cpu"
            return nn.functional.linear(x, weight)

    graph_of(Loads(4, 3, device="meta"), (None, 4))


@pytest.mark.parametrize("wrap", [torch.compile, nn.DataParallel])
def test_wrapped_models_are_read_without_what_wraps_them(wrap):
    model = models.mlp()
    graph = graph_of(wrap(model), (None, 4))
    assert Metrics(graph).totals["params"] == sum(p.numel() for p in model.parameters())
    assert [c.op for c in graph.calls if c.kind == "layer"][-4:] == ["Linear", "ReLU", "Linear", "Sigmoid"]


def test_weights_are_read_while_the_model_lives():
    model = models.mlp()
    reading = read(model)
    values = list(reading.weights.chunks(0))
    assert sum(map(len, values)) == 32
    del model
    with pytest.raises(LookupError, match="no longer exists"):
        reading.weights.chunks(0)


@pytest.mark.parametrize("name", models.CASES)
def test_reading_leaves_weights_modes_hooks_and_random_state_as_they_were(name):
    model, args = models.CASES[name]()
    model.train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    attributes = {key: set(vars(module)) for key, module in model.named_modules()}
    state = torch.get_rng_state()
    read(model, args)
    assert {key: set(vars(module)) for key, module in model.named_modules()} == attributes
    assert all(module.training for module in model.modules())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert torch.equal(state, torch.get_rng_state())


def test_a_failing_forward_keeps_what_was_reached_and_says_where_it_stopped():
    reading = read(models.WrongWidth(), (1, 3, 8, 8))
    assert isinstance(reading.error, RuntimeError)
    [failed] = [call for call in reading.graph.calls if call.failed and call.op == "Linear"]
    [note] = reading.graph.diagnostics
    assert note.level == "error"
    assert "torch_models.py:" in note.message
    assert failed.path in note.message


def test_an_equal_layer_is_not_followed_and_an_unequal_one_is():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.same = nn.ModuleList(nn.Conv2d(3, 3, 3, padding=1) for _ in range(4))
            self.strided = nn.Conv2d(3, 3, 3, stride=2, padding=1)
            self.padded = nn.Conv2d(3, 3, 3, padding=2)
            self.hooked = nn.Conv2d(3, 3, 3, padding=1)
            self.hooked.register_forward_hook(lambda _module, _args, output: output[..., :4])
            self.normed = nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 3, 3, padding=1))
            self.lower = nn.Conv2d(3, 3, 3, padding=1, dtype=torch.bfloat16)

        def forward(self, x):
            for conv in self.same:
                x = conv(x)
            lower = self.lower(x.bfloat16())
            return self.strided(x), self.padded(x), self.hooked(x), self.normed(x), lower, self.same[0](x[:, :, :5])

    model, x = Model(), torch.randn(2, 3, 64, 64)
    graph = graph_of(model, x)
    seen = really_run(model, [x])
    found = {p: [[tuple(s.shape) for s in c.outputs] for c in calls_of(graph, p.replace(".", "/"))] for p in seen}
    assert found == seen
    for path in graph.calls_of:
        if path.startswith("same/"):
            call = calls_of(graph, path)[0]
            assert [graph.parameters[i].owners for i in call.parameters] == [(path,), (path,)]
    assert calls_of(graph, "lower")[0].outputs[0].dtype == "bfloat16"
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(x)
    assert Metrics(graph).totals["macs"] == counter.get_total_flops() / 2
