"""State dicts of PyTorch's eager quantization: in a file and in memory they have the numbers of the module."""

from __future__ import annotations

import warnings

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from nbviz.adapters import read  # noqa: E402
from nbviz.metrics import Metrics  # noqa: E402
from tests.adapters.checkpoint_reading import graph_of, tensors, totals  # noqa: E402


class Convolution(nn.Module):
    """A convolution between what quantizes and what takes that back."""

    def __init__(self, eager):
        super().__init__()
        self.start, self.conv, self.end = eager.QuantStub(), nn.Conv2d(3, 8, 3), eager.DeQuantStub()

    def forward(self, x):
        return self.end(self.conv(self.start(x)))


def dynamic(eager):
    return eager.quantize_dynamic(nn.Sequential(nn.Linear(8, 16), nn.Linear(16, 4)), {nn.Linear})


def static(eager):
    model = Convolution(eager).eval()
    model.qconfig = eager.get_default_qconfig("fbgemm")
    prepared = eager.prepare(model)
    prepared(torch.randn(2, 3, 8, 8))
    return eager.convert(prepared)


def recurrent(kind, dtype):
    def make(eager):
        model = nn.Sequential(kind(8, 6))
        return eager.quantize_dynamic(model, {kind}, dtype=dtype)

    return make


@pytest.fixture
def made():
    def model(make):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it moves to another package
            import torch.ao.quantization as eager

            if "fbgemm" not in torch.backends.quantized.supported_engines:
                pytest.skip("this build of PyTorch quantizes nothing")
            return make(eager)

    return model


def saved(model, path):
    torch.save(model.state_dict(), path)
    return path


def shown(source):
    return sorted((p.name, tuple(p.shape), p.size) for p in graph_of(source).parameters)


@pytest.mark.parametrize("make", [dynamic, static])
def test_a_file_has_the_parameters_of_the_module_and_ranges_of_outputs_are_buffers(made, make, tmp_path):
    model = made(make)
    found = totals(saved(model, tmp_path / "net.pt"))
    assert found["params"] == Metrics(read(model).graph).totals["params"]
    assert found["buffers"] == 4


@pytest.mark.parametrize("make", [dynamic, static])
def test_a_dict_in_memory_is_read_as_its_file_is(made, make, tmp_path):
    model = made(make)
    here, file = graph_of(model.state_dict()), graph_of(saved(model, tmp_path / "net.pt"))
    assert tensors(here) == tensors(file)
    assert list(here.layers.column("settings")) == list(file.layers.column("settings"))


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.LSTMCell])
@pytest.mark.parametrize("dtype", [torch.qint8, torch.float16])
def test_weights_in_objects_of_pytorch_are_read_without_their_code(made, kind, dtype, tmp_path):
    model = made(recurrent(kind, dtype))
    file, state = saved(model, tmp_path / "net.pt"), model.state_dict()
    real = sorted((p.name, tuple(p.shape), p.size) for p in read(model).graph.parameters)
    for source in (file, state):
        assert sorted(size for _, _, size in shown(source)) == sorted(size for _, _, size in real)
        if kind is not nn.LSTMCell:  # which has two objects, and one name for the tensors of each
            assert shown(source) == real
    with pytest.raises(LookupError, match="packed in a PyTorch object"):
        list(read(state).weights.chunks(0))


def test_scales_that_are_trained_beside_zeros_that_are_too_are_parameters():
    scales = {"quant.scale": torch.ones(1), "quant.zero_point": torch.zeros(1), "norm.scale": torch.ones(3)}
    assert totals(scales)["params"] == 5
