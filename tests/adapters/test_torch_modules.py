"""Unusual PyTorch modules: quantized, packed, distributed, adapted, compiled, scripted and odd ones; the numbers stay right."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from nbviz.adapters import read  # noqa: E402
from nbviz.invariants import violations  # noqa: E402
from nbviz.metrics import Metrics  # noqa: E402


def graph_of(model, inputs=None):
    reading = read(model, inputs)
    if reading.error is not None:
        raise reading.error
    assert list(violations(reading.graph)) == []
    return reading.graph


def totals(model, inputs=None):
    return Metrics(graph_of(model, inputs)).totals


def parameters(graph):
    """Return each parameter by owner and name."""
    return {f"{p.owners[0]}/{p.name}".lstrip("/"): p for p in graph.parameters}


def values(reading, name):
    [found] = [p for p in reading.graph.parameters if f"{p.owners[0]}/{p.name}".lstrip("/") == name]
    return np.concatenate(list(reading.weights.chunks(found.id)))


def output_shapes(graph):
    return [call.inputs[0].shape for call in graph.calls if call.kind == "output"]


class Holds(nn.Module):
    """Holds what it is given, and gives back its input."""

    def __init__(self, **held):
        super().__init__()
        for name, value in held.items():
            setattr(self, name, value)

    def forward(self, x):
        return x


# --- quantized and packed ------------------------------------------------------------------------------------------


def quantization():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch.ao.quantization as found
    if "fbgemm" not in torch.backends.quantized.supported_engines:
        pytest.skip("this build of PyTorch quantizes nothing")
    return found


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(8, 6, batch_first=True)
        self.cell = nn.GRUCell(6, 6)
        self.fc = nn.Linear(6, 4)

    def forward(self, x):
        out, _ = self.rnn(x)
        return self.fc(self.cell(out[:, 0]))


def dynamic(dtype):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return quantization().quantize_dynamic(Recurrent(), {nn.LSTM, nn.GRUCell, nn.Linear}, dtype=dtype)


@pytest.mark.parametrize(("dtype", "width", "name"), [(torch.qint8, 1, "qint8"), (torch.float16, 2, "float16")])
def test_dynamically_quantized_layers_hold_what_they_were_made_from(dtype, width, name):
    before, model = Recurrent(), dynamic(dtype)
    assert sum(p.numel() for p in model.parameters()) == 0
    graph = graph_of(model)
    found = parameters(graph)
    weight = found["fc/_packed_params/weight"]
    assert (weight.shape, weight.dtype, weight.size, weight.bytes) == ((4, 6), name, 24, 24 * width)
    assert (weight.kind, weight.trainable) == ("weight", False)
    assert {p.name for p in graph.parameters if p.owners == ("rnn/_all_weight_values/0",)} == {
        "weight_ih", "weight_hh", "bias_ih", "bias_hh",
    }  # fmt: skip
    metrics = Metrics(graph)
    assert metrics.totals["params"] == sum(p.numel() for p in before.parameters())
    assert metrics.totals["trainable_params"] == 0
    sizes = {kind: sum(p.numel() for n, p in before.named_parameters() if kind in n) for kind in ("weight", "bias")}
    assert metrics.totals["bytes"] == sizes["weight"] * width + sizes["bias"] * 4
    assert any("packed outside parameters()" in note.message for note in graph.diagnostics)


def test_packed_weights_are_read_dequantized_while_the_model_lives():
    model = dynamic(torch.qint8)
    reading = read(model)
    np.testing.assert_array_equal(
        values(reading, "fc/_packed_params/weight"), model.fc.weight().dequantize().numpy().ravel()
    )
    assert len(values(reading, "cell/weight_hh")) == 18 * 6
    del model
    with pytest.raises(LookupError, match="no longer exists"):
        reading.weights.chunks(0)


def static():
    tools = quantization()
    model = nn.Sequential(tools.QuantStub(), nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, 5), tools.DeQuantStub())
    return converted(model, torch.randn(2, 3, 8, 8))


def test_statically_quantized_layers_count_their_channels_scales():
    found = parameters(graph_of(static()))
    conv, linear = found["1/weight"], found["3/_packed_params/weight"]
    assert (conv.shape, conv.size, conv.bytes) == ((4, 3, 3, 3), 108, 108 + 4 * (8 + 8))  # scales and zero points
    assert (linear.shape, linear.size, linear.bytes) == ((5, 144), 720, 720 + 5 * (8 + 8))
    assert found["0/scale"].kind == "buffer"


def test_four_bits_are_half_a_byte():
    tools = quantization()
    model = Holds(bag=nn.EmbeddingBag(10, 8)).eval()
    model.bag.qconfig = tools.float_qparams_weight_only_qconfig_4bit
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = tools.convert(tools.prepare(model))
    [weight] = graph_of(model).parameters
    assert (weight.dtype, weight.size, weight.bytes) == ("quint4x2", 80, 40 + 10 * (4 + 4))
    assert len(values(read(model), "bag/_packed_params/weight")) == 80


class Mixed(nn.Module):
    """Quantized operations of several kinds, some of them without a module."""

    def __init__(self):
        super().__init__()
        tools = quantization()
        self.quant, self.back = tools.QuantStub(), tools.DeQuantStub()
        self.conv, self.up = nn.Conv1d(3, 4, 3, stride=2, padding=1), nn.ConvTranspose2d(4, 2, 2, stride=2)
        self.norm, self.act, self.sums = nn.BatchNorm2d(2), nn.Hardswish(), torch.ao.nn.quantized.FloatFunctional()

    def forward(self, x):
        y = self.conv(self.quant(x))
        y = self.sums.cat([self.sums.add(y, y), y], 2)
        z = self.norm(self.act(self.up(y.reshape(-1, 4, 2, y.shape[-1] // 2))))
        return self.back(z), self.back(self.sums.mul(y, y))


def converted(model, *args):
    tools = quantization()
    model.eval().qconfig = tools.get_default_qconfig("fbgemm")
    for module in model.modules():
        if isinstance(module, nn.ConvTranspose2d):  # whose channels cannot have scales of their own
            module.qconfig = tools.QConfig(model.qconfig.activation, tools.default_weight_observer)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tools.prepare(model, inplace=True)
        model(*args)
        return tools.convert(model)


def test_quantized_operations_have_the_shapes_and_contractions_of_those_on_floats():
    x = torch.randn(2, 3, 16)
    before, model = Mixed().eval(), converted(Mixed(), x)
    graph = graph_of(model, (None, 3, 16))
    with torch.no_grad():
        assert output_shapes(graph) == [(None, *t.shape[1:]) for t in model(x)]
    assert Metrics(graph).totals["macs"] == totals(before, (None, 3, 16))["macs"] > 0
    assert parameters(graph)["conv/weight"].shape == (4, 3, 3)
    [conv] = [graph.calls[i] for i in graph.calls_of["conv"]]
    assert {graph.parameters[i].name for i in conv.parameters} == {"weight", "bias"}
    [add] = [call for call in graph.calls if call.op == "add"]
    assert len({e.source for e in graph.edges if e.target == add.id}) == 1


def test_dynamically_quantized_layers_have_the_shapes_and_contractions_of_those_on_floats():
    x = torch.randn(3, 5, 8)
    graph, plain = graph_of(dynamic(torch.qint8), x), graph_of(Recurrent(), x)
    assert output_shapes(graph) == output_shapes(plain) == [(3, 4)]
    assert Metrics(graph).totals["macs"] == Metrics(plain).totals["macs"]
    [fc] = [graph.calls[i] for i in graph.calls_of["fc"]]
    assert {graph.parameters[i].owners[0] for i in fc.parameters} == {"fc/_packed_params"}
    assert dict(graph.calls[graph.calls_of["rnn"][0]].settings) == {}


class QuantState:
    """The shape of bitsandbytes' own, with scales that are quantized once more."""

    def __init__(self, shape, blocks):
        self.shape = torch.Size(shape)
        self.absmax = torch.zeros(blocks, dtype=torch.uint8)
        self.state2 = QuantState.__new__(QuantState)
        self.state2.absmax = torch.zeros(2)


class Params4bit(nn.Parameter):
    """The shape of bitsandbytes' own: two values in a byte."""


class Int8Params(nn.Parameter):
    """The shape of bitsandbytes' own: the data is ``CB``, with one scale a row in ``SCB``."""


def test_four_bit_parameters_count_logical_values_and_stored_bytes():
    weight = Params4bit(torch.zeros(64 * 32 // 2, 1, dtype=torch.uint8), requires_grad=False)
    weight.quant_state = QuantState((64, 32), 32)
    weight.module = nn.Linear(1000, 1000)  # it knows its layer, which is no part of it
    reading = read(Holds(weight=weight))
    [found] = reading.graph.parameters
    assert (found.shape, found.size, found.bytes) == ((1024, 1), 2048, 1024 + 32 + 2 * 4)
    with pytest.raises(LookupError, match=r"packed \(Params4bit"):
        reading.weights.chunks(0)


def test_eight_bit_parameters_count_their_scales_once():
    weight = Int8Params(torch.zeros(64, 32, dtype=torch.int8), requires_grad=False)
    weight.data[1, 2] = 127
    weight.CB, weight.SCB = weight.data, torch.arange(64.0)
    reading = read(Holds(weight=weight))
    [found] = reading.graph.parameters
    assert (found.size, found.bytes) == (2048, 2048 + 64 * 4)
    assert values(reading, "weight").sum() == 1.0


def test_what_a_user_hangs_onto_a_plain_parameter_is_not_part_of_it():
    weight = nn.Parameter(torch.zeros(4))
    weight.history = [torch.zeros(1000)]
    assert totals(Holds(weight=weight))["bytes"] == 16


@pytest.mark.parametrize("bits", [4, 8])
def test_layers_of_bitsandbytes_are_read_and_left_as_they_are(bits):
    library = pytest.importorskip("bitsandbytes", exc_type=ImportError)
    kinds = {
        4: lambda: library.nn.Linear4bit(64, 32, quant_type="nf4"),
        8: lambda: library.nn.Linear8bitLt(64, 32, has_fp16_weights=False),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = nn.Sequential(kinds[bits]().to("cpu"))
    weight = model[0].weight
    attributes = dict(vars(weight))
    reading = read(model, (None, 64))
    assert reading.error is None
    assert all(vars(weight)[name] is value for name, value in attributes.items())
    found = parameters(reading.graph)["0/weight"]
    assert (found.size, found.trainable) == (2048, False)
    assert 2048 * bits // 8 < found.bytes < 2048 * 2
    assert Metrics(reading.graph).totals["macs"] == 64 * 32
    assert output_shapes(reading.graph) == [(None, 32)]
    assert len(values(reading, "0/weight")) == 2048


def test_what_a_trace_hangs_onto_weights_and_takes_from_them_is_put_back():
    class Moves(nn.Linear):
        def forward(self, x):
            self.weight.SCB = None
            self.bias.seen = True
            return super().forward(x)

    model = Moves(4, 4)
    model.weight.SCB = scale = torch.ones(4)
    graph_of(model, (None, 4))
    assert model.weight.SCB is scale
    assert not vars(model.bias)


def test_data_that_is_replaced_is_replaced_for_the_trace_alone():
    class Replaces(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(4, 4, dtype=torch.int8), requires_grad=False)
            self.scale = torch.ones(4, dtype=torch.int8)

        def forward(self, x):
            self.weight.data = torch.ones(4, 4, dtype=torch.int8)
            self.scale.data = self.weight[0]
            return x @ self.weight.float() * self.scale

    model = Replaces()
    kept = model.weight.data_ptr(), model.scale.data_ptr()
    assert output_shapes(graph_of(model, (None, 4))) == [(None, 4)]
    assert kept == (model.weight.data_ptr(), model.scale.data_ptr())


def test_what_an_operation_of_another_library_multiplies_is_unknown():
    @torch.library.custom_op("nbviz_tests::mystery", mutates_args=())
    def mystery(x: torch.Tensor) -> torch.Tensor:
        return x @ x.T

    @mystery.register_fake
    def _(x):
        return x.new_empty((x.shape[0], x.shape[0]))

    class Calls(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 4)

        def forward(self, x):
            return mystery(self.fc(x))

    metrics = Metrics(graph_of(Calls(), torch.randn(3, 4)))
    assert metrics.totals["macs"] is None
    assert metrics.macs[metrics.tree.index["fc"]] == 3 * 16


@pytest.mark.parametrize("config", ["Int8WeightOnlyConfig", "Float8WeightOnlyConfig"])
def test_torchao_weights_show_what_they_stand_for_and_what_they_take(config):
    ao = pytest.importorskip("torchao.quantization", exc_type=ImportError)
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 8)).to(torch.bfloat16)
    ao.quantize_(model, getattr(ao, config)())
    weight = model[0].weight
    reading = read(model, torch.randn(2, 64, dtype=torch.bfloat16))
    assert reading.error is None
    found = parameters(reading.graph)["0/weight"]
    inner = [getattr(weight, name) for name in weight.__tensor_flatten__()[0]]
    assert (found.shape, found.size) == ((32, 64), 2048)
    assert found.bytes == sum(t.numel() * t.element_size() for t in inner) < 64 * 32 * 2
    assert Metrics(reading.graph).totals["macs"] == 2 * (64 * 32 + 32 * 8)
    np.testing.assert_allclose(values(reading, "0/weight"), weight.dequantize().float().detach().numpy().ravel())


# --- tensors that are no plain arrays ------------------------------------------------------------------------------


def tensors_of_all_kinds():
    parts = [torch.randn(2, 3), torch.randn(4, 3)]
    eye = torch.eye(4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {
            "complex": (torch.randn(2, 3, dtype=torch.complex64), (2, 3), 6, 48),
            "empty": (torch.zeros(0, 5), (0, 5), 0, 0),
            "scalar": (torch.tensor(2.0), (), 1, 4),
            "float8": (torch.ones(3).to(torch.float8_e4m3fn), (3,), 3, 3),
            "coo": (eye.to_sparse(), (4, 4), 16, 4 * 2 * 8 + 4 * 4),
            "csr": (eye.to_sparse_csr(), (4, 4), 16, (5 + 4) * 8 + 4 * 4),
            "nested": (torch.nested.nested_tensor(parts), (2, None, 3), 18, 72),
            "jagged": (torch.nested.nested_tensor(parts, layout=torch.jagged), (2, None, 3), 18, 72 + 3 * 8),
        }


@pytest.mark.parametrize("kind", ["complex", "empty", "scalar", "float8", "coo", "csr", "nested", "jagged"])
def test_parameters_of_all_kinds_have_their_sizes_and_values(kind):
    tensor, shape, size, stored = tensors_of_all_kinds()[kind]
    reading = read(Holds(w=nn.Parameter(tensor, requires_grad=False), fc=nn.Linear(3, 2)), (None, 3))
    assert reading.error is None
    found = parameters(reading.graph)["w"]
    assert (found.shape, found.size, found.bytes, found.trainable) == (shape, size, stored, False)
    assert len(np.concatenate([[], *reading.weights.chunks(found.id)])) == size


def test_a_tensor_class_that_answers_nothing_has_unknown_bytes():
    class Odd(torch.Tensor):
        def __tensor_flatten__(self):
            raise RuntimeError

    model = Holds()
    model._parameters["w"] = torch.zeros(2, 3).as_subclass(Odd)
    graph = graph_of(model)
    assert (graph.parameters[0].bytes, graph.parameters[0].size) == (None, 6)
    assert Metrics(graph).totals["bytes"] is None


# --- spread over processes -----------------------------------------------------------------------------------------


@pytest.fixture
def two_processes():
    """Let this process believe that it is one of two; nothing is sent."""
    distributed = pytest.importorskip("torch.distributed")
    if not distributed.is_available():
        pytest.skip("this build of PyTorch is not for several processes")
    from torch.distributed.device_mesh import init_device_mesh
    from torch.testing._internal.distributed.fake_pg import FakeStore

    distributed.init_process_group("fake", store=FakeStore(), rank=0, world_size=2)
    try:
        yield init_device_mesh("cpu", (2,))
    finally:
        distributed.destroy_process_group()


def test_a_distributed_weight_has_its_whole_shape_and_says_what_lies_here(two_processes):
    from torch.distributed.tensor import Replicate, Shard, distribute_tensor

    model = nn.Sequential(nn.Linear(64, 128), nn.Linear(128, 3))
    for layer, placement in zip(model, (Shard(0), Replicate()), strict=True):
        layer.weight = nn.Parameter(distribute_tensor(layer.weight.data, two_processes, [placement]))
    reading = read(model, (None, 64))
    assert reading.error is None
    found = parameters(reading.graph)["0/weight"]
    assert (found.shape, found.size, found.bytes) == ((128, 64), 8192, 8192 * 4)
    settings = dict(reading.graph.layers[1].settings)
    assert settings["weight placement"] == "Shard(0) on mesh (2,), local (64, 64)"
    assert "bias placement" not in settings
    assert dict(reading.graph.layers[2].settings)["weight placement"] == "Replicate on mesh (2,), local (3, 128)"
    assert Metrics(reading.graph).totals["macs"] == 128 * 64 + 3 * 128
    assert len(values(reading, "1/weight")) == 384
    with pytest.raises(LookupError, match=r"this process holds \(64, 64\) of its \(128, 64\)"):
        values(reading, "0/weight")


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, x):
        return self.b(self.a(x).relu())


def test_a_fully_sharded_model_is_traced_without_gathering(two_processes):
    from torch.distributed.fsdp import fully_shard

    model = nn.Sequential(Block(), Block())
    for block in model:
        fully_shard(block, mesh=two_processes)
    fully_shard(model, mesh=two_processes)
    hooks = [(dict(m._forward_pre_hooks), dict(m._forward_hooks)) for m in model.modules()]
    graph = graph_of(model, (None, 8))
    metrics = Metrics(graph)
    assert (metrics.totals["params"], metrics.totals["macs"]) == (4 * (64 + 8), 4 * 64)
    assert output_shapes(graph) == [(None, 8)]
    assert dict(graph.layers[graph.layer_index["0/a"]].settings)["bias placement"].endswith("local (4,)")
    assert graph.layers[graph.layer_index["0"]].source.startswith("test_torch_modules.py:")
    assert hooks == [(dict(m._forward_pre_hooks), dict(m._forward_hooks)) for m in model.modules()]
    assert all(type(p).__name__ == "DTensor" for p in model.parameters())


def test_a_flat_parameter_names_what_is_in_it_and_is_not_run(two_processes):
    from torch.distributed.fsdp import FullyShardedDataParallel

    model = nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = FullyShardedDataParallel(model, device_id=torch.device("cpu"))
    [flat] = model.parameters()
    reading = read(model, (None, 8))
    assert (reading.error, len(reading.graph.calls)) == (None, 0)
    assert [(p.size, p.bytes) for p in reading.graph.parameters] == [(flat.numel(), flat.numel() * 4)]
    settings = dict(reading.graph.layers[1].settings)
    assert settings["_flat_param placement"] == "flat: 0.weight (4, 8), 0.bias (4,), 2.weight (2, 4), 2.bias (2,)"
    assert "pass the module that it was given" in reading.graph.diagnostics[0].message


def test_data_parallel_models_are_read_on_one_device(two_processes):
    inner = nn.parallel.DistributedDataParallel(nn.Sequential(nn.Linear(8, 4), nn.ReLU()))
    model = nn.Sequential(inner, nn.DataParallel(nn.Linear(4, 2)))
    graph = graph_of(model, (None, 8))
    assert Metrics(graph).totals["params"] == sum(p.numel() for p in model.parameters())
    assert {"0/module/0", "1"} <= set(graph.calls_of)
    assert output_shapes(graph) == [(None, 2)]


# --- weights that come about in other ways -------------------------------------------------------------------------


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


def test_lazy_layers_stay_lazy_and_say_so():
    model = nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(3))
    before = {name: (id(tensor), type(tensor)) for name, tensor in model.named_parameters()}
    attributes = {name: (type(module), set(vars(module))) for name, module in model.named_modules()}
    for inputs in (None, (None, 3, 8, 8)):
        graph = graph_of(model, inputs)
        assert Metrics(graph).totals["params"] is None
        assert any("Lazy layers (3 of them)" in note.message for note in graph.diagnostics)
    assert output_shapes(graph) == [(None, 3)]
    assert Metrics(graph).totals["macs"] == 4 * 6 * 6 * 3 * 9 + 144 * 3
    assert before == {name: (id(tensor), type(tensor)) for name, tensor in model.named_parameters()}
    assert attributes == {name: (type(module), set(vars(module))) for name, module in model.named_modules()}
    model(torch.randn(2, 3, 8, 8))
    assert Metrics(graph_of(model)).totals["params"] == sum(p.numel() for p in model.parameters())


def test_a_lazy_layer_that_refuses_its_input_is_the_one_that_failed():
    graph = read(nn.Sequential(nn.Identity(), nn.LazyConv2d(4, 3)), (2, 3)).graph
    assert [call.path for call in graph.calls if call.failed] == ["1"]


# --- compiled and scripted -----------------------------------------------------------------------------------------


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


def test_a_scripted_model_is_a_tree_with_a_note():
    reading = read(scripted(block()), (None, 8))
    assert (reading.error, len(reading.graph.layers), len(reading.graph.calls)) == (None, 3, 0)
    assert "pass the module it was made from" in reading.graph.diagnostics[-1].message


# --- odd modules ---------------------------------------------------------------------------------------------------


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


def test_deep_and_wide_models_are_read():
    deep = nn.Linear(2, 2)
    for _ in range(500):
        deep = nn.Sequential(deep)
    assert len(graph_of(deep).layers) == 501
    assert Metrics(graph_of(deep)).totals["params"] == 6
    # Python itself refuses to run so deep a model: what was reached is shown
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
