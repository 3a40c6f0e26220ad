"""PyTorch modules that are spread over processes are read whole, and nothing is sent."""

from __future__ import annotations

import warnings

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from nbviz.adapters import read  # noqa: E402
from nbviz.metrics import Metrics  # noqa: E402
from tests.adapters.torch_reading import graph_of, output_shapes, parameters, values  # noqa: E402


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
    state = read(model.state_dict()).graph.layers[1]
    assert state.settings == (("weight placement", settings["weight placement"]),)
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
    assert graph.layers[graph.layer_index["0"]].source.startswith("test_torch_distributed.py:")
    assert hooks == [(dict(m._forward_pre_hooks), dict(m._forward_hooks)) for m in model.modules()]
    assert all(type(p).__name__ == "DTensor" for p in model.parameters())


def test_a_sharded_model_is_run_only_where_nothing_of_it_stays(two_processes):
    from torch.distributed.fsdp import fully_shard
    from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module

    model = parallelize_module(Block(), two_processes, {"a": ColwiseParallel(), "b": RowwiseParallel()})
    reading = read(model, torch.randn(3, 8), run=True)
    assert reading.error is None
    assert {"a", "b"} <= set(reading.graph.calls_of)
    model = fully_shard(Block(), mesh=two_processes)
    reading = read(model, torch.randn(3, 8), run=True)
    assert reading.error is None
    assert "nbviz reads it without running it" in reading.graph.diagnostics[0].message
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
    assert "pass the module that it wraps" in reading.graph.diagnostics[0].message


def test_data_parallel_models_are_read_on_one_device(two_processes):
    inner = nn.parallel.DistributedDataParallel(nn.Sequential(nn.Linear(8, 4), nn.ReLU()))
    model = nn.Sequential(inner, nn.DataParallel(nn.Linear(4, 2)))
    graph = graph_of(model, (None, 8))
    assert Metrics(graph).totals["params"] == sum(p.numel() for p in model.parameters())
    assert {"0/module/0", "1"} <= set(graph.calls_of)
    assert output_shapes(graph) == [(None, 2)]
