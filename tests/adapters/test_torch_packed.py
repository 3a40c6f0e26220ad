"""Weights that are more, or less, than their tensors show: quantized, packed, sparse, nested; the numbers are what they stand for."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.utils.flop_counter import register_flop_formula  # noqa: E402

from nbviz.adapters import read  # noqa: E402
from nbviz.metrics import Metrics  # noqa: E402
from tests.adapters.torch_reading import Holds, graph_of, output_shapes, parameters, totals, values  # noqa: E402


def quantization():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch.ao.quantization as found
    if "fbgemm" not in torch.backends.quantized.supported_engines:
        pytest.skip("this build of PyTorch quantizes nothing")
    return found


def test_a_quantized_fx_graph_has_its_parameters_without_inputs():
    quantization()
    from torch.ao.quantization import get_default_qconfig_mapping
    from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx

    x = torch.randn(2, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = nn.Sequential(nn.Linear(4, 60), nn.ReLU(), nn.Linear(60, 2)).eval()
        prepared = prepare_fx(model, get_default_qconfig_mapping("fbgemm"), (x,))
        prepared(x)
        reading = read(convert_fx(prepared))
    found = Metrics(reading.graph).totals
    assert (found["params"], found["macs"]) == (4 * 60 + 60 + 60 * 2 + 2, None)
    weights = [p for p in reading.graph.parameters if p.kind == "weight"]
    assert {(p.dtype, p.trainable) for p in weights} == {("qint8", False), ("float32", False)}
    assert all(list(reading.weights.chunks(p.id)) for p in reading.graph.parameters)


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


def test_a_real_run_of_quantized_layers_counts_what_they_contract():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = quantization().quantize_dynamic(nn.Sequential(nn.Linear(4, 6), nn.ReLU()), {nn.Linear})
    counted = [Metrics(read(model, torch.randn(3, 4), run=run).graph).totals["macs"] for run in (False, True)]
    assert counted == [3 * 4 * 6] * 2


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

    graph = graph_of(Calls(), torch.randn(3, 4))
    metrics = Metrics(graph)
    assert metrics.totals["macs"] is None
    assert metrics.macs[metrics.tree.index["fc"]] == 3 * 16
    (note,) = graph.diagnostics
    assert note.message.startswith("The MACs of mystery (at test_torch_packed.py:")


def test_what_an_operation_multiplies_may_be_told_to_pytorchs_own_counter():
    @torch.library.custom_op("nbviz_tests::told", mutates_args=())
    def told(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        return x @ w

    @told.register_fake
    def _(x, w):
        return x.new_empty((x.shape[0], w.shape[1]))

    @register_flop_formula(torch.ops.nbviz_tests.told)
    def _(x, w, *args, out_shape=None, **kwargs):
        return 2 * x[0] * x[1] * w[1]

    class Calls(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(4, 5))

        def forward(self, x):
            return told(x, self.weight)

    for given in torch.randn(3, 4), (None, 4):
        graph = graph_of(Calls(), given)
        examples = 3 if isinstance(given, torch.Tensor) else 1
        assert (Metrics(graph).totals["macs"], graph.diagnostics) == (examples * 4 * 5, ())


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
    model = Holds(w=nn.Parameter(tensor, requires_grad=False), fc=nn.Linear(3, 2))
    reading = read(model, (None, 3))
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
