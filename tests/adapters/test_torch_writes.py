"""In-place writes: whoever reads a tensor comes behind all that was written into it, whichever view it was written through."""

from __future__ import annotations

import networkx as nx
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from nbviz.adapters import read  # noqa: E402
from nbviz.adapters.torch.execution.regions import region_of, share  # noqa: E402
from nbviz.invariants import violations  # noqa: E402


class Base(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(4, 4)
        self.register_buffer("held", torch.zeros(4, 4))


def halves(self, x):
    out = torch.zeros(4, 4)
    out[:2].copy_(self.lin(x))
    out[2:].copy_(x)
    return out


def chunks(self, x):
    y = self.lin(x)
    a, b = y.chunk(2, 1)
    a.add_(1)
    b.mul_(2)
    return y


def outs(self, x):
    out = torch.empty(2, 4, 2)
    torch.sin(self.lin(x), out=out[..., 0])
    torch.cos(x, out=out[..., 1])
    return out


def views_of_views(self, x):
    y = self.lin(x) * 1
    for i, row in enumerate(y.unbind(0)):
        row.mul_(i + 1)
    y.narrow(1, 0, 2)[0].zero_()
    return y.select(0, 1), y.split(2, 1)[1]


def complex_parts(self, x):
    z = torch.view_as_complex(self.lin(x).view(2, 2, 2))
    z.real.mul_(2)
    torch.view_as_real(z)[..., 1].add_(1)
    return z


def a_buffer(self, x):
    self.held[:2].copy_(self.lin(x))
    return self.held + 1


def a_cache(self, x):
    self.held[:2, 1:3].copy_(self.lin(x)[:, :2])
    self.held[2:, 1:3].copy_(x[:, :2])
    return self.held[:, :3] * 2


def views_made_before(self, x):
    y = self.lin(x)
    row, other, flat = y[0], y[0], y.view(8)
    y.relu_()
    return row * 2 + other, flat


def a_step(self, x):
    y = self.lin(x)
    nn.functional.relu(y[:, :2], inplace=True)
    nn.ReLU(inplace=True)(y[:, 2:])
    return y


def lists(self, x):
    y = self.lin(x)
    torch._foreach_mul_([y[0], y[1]], [y[0], x[0]])
    return y


def data(self, x):
    weight, y = self.lin.weight, self.lin(x)
    weight.data = weight.data * 0.9 + y.sum() * 0.1
    x.data = self.lin(y) + 1
    return x


@torch.inference_mode()
def uncounted(self, x):
    y = self.lin(x)
    y[:1].add_(1)
    out = torch.zeros(2, 4)
    out[:1].copy_(y[:1])
    out[1] = y[1]
    return out


CASES = [
    halves, chunks, outs, views_of_views, complex_parts, a_buffer, a_cache, views_made_before, a_step, lists, data, uncounted
]  # fmt: skip


@pytest.mark.parametrize("run", [False, True])
@pytest.mark.parametrize("forward", CASES)
def test_all_that_happens_reaches_the_output_in_its_own_shape(forward, run):
    graph = graph_of(forward, run=run)
    for edge in graph.edges:
        given, taken = (
            graph.calls[edge.source].outputs[edge.source_port],
            graph.calls[edge.target].inputs[edge.target_port],
        )
        assert (given.shape, given.dtype) == (taken.shape, taken.dtype)
    network = graph.to_networkx()
    assert nx.is_directed_acyclic_graph(nx.DiGraph(network))
    ends = [call.id for call in graph.calls if call.kind == "output"]
    reached = set(ends).union(*(nx.ancestors(network, end) for end in ends))
    frames = set(graph.calls.column("parent"))
    assert [c.path for c in graph.calls if c.id not in reached | frames] == []


@pytest.mark.parametrize("forward", CASES)
def test_a_real_run_tells_the_same(forward):
    assert edges(graph_of(forward)) == edges(graph_of(forward, run=True))


@pytest.mark.parametrize("run", [False, True])
@pytest.mark.parametrize("forward", CASES)
def test_in_inference_mode_all_is_told_the_same(forward, run):
    told = edges(graph_of(forward, run=run))
    with torch.inference_mode():
        assert edges(graph_of(forward, run=run)) == told


@pytest.mark.parametrize("run", [False, True])
def test_weights_and_inputs_that_are_written_in_inference_mode_are_put_back(run):
    def forward(self, x):
        x.add_(1)
        return self.norm(self.lin(x))

    with torch.inference_mode():
        model = type("Model", (Base,), {"forward": forward})()
        model.norm = nn.BatchNorm1d(4)
        before = {name: value.clone() for name, value in model.state_dict().items()}
        x = torch.zeros(2, 4)
        recorded = read(model, x, run=run)
        after = model.state_dict()
    assert recorded.error is None
    assert {"Linear", "BatchNorm1d"} <= {call.op for call in recorded.graph.calls}
    assert not x.any()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_the_whole_goes_through_every_write_into_a_part():
    graph = graph_of(halves)
    first = graph.calls[graph.calls_of["copy_#1"][0]]
    assert [s.shape for s in first.inputs] == [(2, 4), (2, 4), (4, 4)]
    assert [s.shape for s in first.outputs] == [(2, 4), (4, 4)]
    assert {("zeros#1", "copy_#1"), ("lin", "copy_#1"), ("copy_#1", "copy_#2"), ("copy_#2", "output#1")} <= edges(graph)


def test_what_nobody_reads_again_is_no_output_of_a_write():
    def forward(self, x):
        y = self.lin(x)
        return y[:, 0].mul_(2)

    (write,) = (call for call in graph_of(forward).calls if call.op == "mul_")
    assert (len(write.inputs), len(write.outputs)) == (1, 1)


def test_an_argument_beside_what_is_written_is_only_read():
    def forward(self, x):
        y = self.lin(x)
        y[:, 1].add_(y[:, 0])
        return y

    (write,) = (call for call in graph_of(forward).calls if call.op == "add_")
    assert [s.shape for s in write.outputs] == [(2,), (2, 4)]


def test_writes_beside_each_other_do_not_meet():
    def forward(self, x):
        a, b = self.lin(x).chunk(2, 1)
        a.add_(1)
        b.mul_(2)
        return a, b

    found = edges(graph_of(forward))
    assert ("add_#1", "mul_#1") not in found
    assert {("add_#1", "output#1"), ("mul_#1", "output#2")} <= found


def test_an_item_that_is_set_changes_no_other():
    def forward(self, x):
        y = self.lin(x)
        beside, same = y[:, :2], y[:, 1:3]
        y[:, 2:] = 0
        return beside * 2, same * 2, y

    found = edges(graph_of(forward))
    assert ("getitem#1", "mul#1") in found
    assert {("setitem#1", "mul#2"), ("getitem#2", "setitem#1"), ("setitem#1", "output#3")} <= found


def test_writes_inside_vmap_are_calls():
    def forward(self, x):
        def one(row):
            out = torch.zeros_like(row)
            out[:2].add_(row[:2])
            return out

        return torch.vmap(one)(self.lin(x))

    for run in False, True:
        assert {("getitem#2", "add_#1"), ("add_#1", "output#1")} <= edges(graph_of(forward, run=run))


def test_a_buffer_that_was_written_is_no_longer_the_one_that_an_equal_layer_read():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.other = nn.BatchNorm1d(4).eval(), nn.BatchNorm1d(4).eval()

        def forward(self, x):
            self.other.running_mean[:2].copy_(x[0, :2])
            return self.other(self.one(x))

    assert ("copy_#1", "other") in edges(read(Twice().eval(), torch.randn(2, 4)).graph)


@pytest.mark.parametrize("seed", range(20))
def test_regions_meet_where_tensors_have_an_element_in_common(seed):
    drawn = torch.Generator().manual_seed(seed)
    number = lambda low, high: int(torch.randint(low, high, (), generator=drawn))  # noqa: E731
    base = torch.arange(400)

    def view():
        sizes = [number(0, 5) for _ in range(number(0, 4))]
        return base.as_strided(sizes, [(0, 1, 2, 3, 4, 5, 12, 20)[number(0, 8)] for _ in sizes], number(0, 20))

    for _ in range(100):
        one, other = view(), view()
        meet = not set(one.flatten().tolist()).isdisjoint(other.flatten().tolist())
        assert share(region_of(one), region_of(other)) == share(region_of(other), region_of(one)) == meet


def graph_of(forward, *, run=False):
    model = type("Model", (Base,), {"forward": forward})()
    reading = read(model, torch.randn(2, 4), run=run)
    if reading.error is not None:
        raise reading.error
    assert list(violations(reading.graph)) == []
    return reading.graph


def edges(graph):
    paths = graph.calls.column("path")
    return {(paths[e.source], paths[e.target]) for e in graph.edges}


def out_of_nothing(model, x):
    out = torch.empty(0)
    torch.mul(x, model.lin(x), out=out)
    assert out.shape == (4, 4)
    torch.cat([x, model.lin(x)], out=out)  # again another size
    return out


def several_out_of_nothing(model, x):
    values, places = torch.empty(0), torch.empty(0, dtype=torch.long)
    torch.max(model.lin(x), 1, out=(values, places))
    return values + 1, places


@pytest.mark.parametrize("run", [False, True])
@pytest.mark.parametrize(("function", "sizes"), [(out_of_nothing, [(8, 4)]), (several_out_of_nothing, [(4,), (4,)])])
def test_out_resizes_what_it_writes_into(function, sizes, run):
    class Model(Base):
        def forward(self, x):
            with torch.no_grad():
                return function(self, x)

    reading = read(Model(), torch.ones(4, 4), run=run)
    assert reading.error is None
    found = [call.inputs[0] for call in reading.graph.calls if call.kind == "output"]
    assert [s.shape.dims for s in found] == sizes
