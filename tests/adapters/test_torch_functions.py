"""What models do with PyTorch's functions besides calling layers: shapes, edges and numbers stay right, the model as it was."""

from __future__ import annotations

import copy
import random
import subprocess
import sys
from contextlib import nullcontext

import networkx as nx
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from nbviz.adapters import read  # noqa: E402
from nbviz.adapters.torch.tensors import named_tensors  # noqa: E402
from nbviz.invariants import violations  # noqa: E402
from nbviz.metrics import Metrics  # noqa: E402
from tests.models.torch_functions import CASES  # noqa: E402

# the counter stops at gradients that are taken inside and at functions that are run; a custom operation's inside is not known,
# and the counter knows neither the fused attention of CPUs nor jagged tensors, and takes sparse products for nothing
NOT_COUNTED = {
    "forces",
    "forces_of_callers",
    "learns",
    "jacobian",
    "branches",
    "flexible_attention",
    "calls_custom",
    "views_what_kernels_lay_out",
    "jagged",
    "sparse",
}  # fmt: skip | {"views_what_kernels_lay_out"}
NEED_GRADIENTS = {"forces_of_callers"}


@pytest.mark.parametrize("name", CASES)
def test_what_it_gives_is_what_it_really_gives(name):
    make, inputs = CASES[name]
    model = make().eval()
    graph = graph_of(model, inputs)
    counter = FlopCounterMode(display=False)
    with torch.set_grad_enabled(name in NEED_GRADIENTS), nullcontext() if name in NOT_COUNTED else counter:
        outputs = copy.deepcopy(model)(*copy.deepcopy(inputs))
    found = [(s.shape, s.dtype) for call in graph.calls if call.kind == "output" for s in call.inputs]
    assert found == [(tuple(t.shape), str(t.dtype)[6:]) for _, t in named_tensors(outputs)]
    if name not in NOT_COUNTED:
        assert Metrics(graph).totals["macs"] == counter.get_total_flops() / 2


@pytest.mark.parametrize("name", CASES)
def test_its_outputs_come_from_its_inputs(name):
    make, inputs = CASES[name]
    graph = graph_of(make().eval(), inputs)
    network = graph.to_networkx()
    assert nx.is_directed_acyclic_graph(nx.DiGraph(network))
    starts = {call.id for call in graph.calls if call.kind == "input"}
    for call in graph.calls:
        if call.kind == "output":
            assert nx.ancestors(network, call.id) & starts


@pytest.mark.parametrize("run", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_the_model_and_its_inputs_stay_as_they_were(name, run):
    make, inputs = CASES[name]
    model, given = make().train(), copy.deepcopy(inputs)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    identities = {key: (id(p), p.data_ptr()) for key, p in model.named_parameters()}
    calls = nn.Module.__call__, torch.jit.ScriptFunction.__call__
    random_states = random.getstate(), torch.get_rng_state()
    assert read(model, given, run=run).error is None
    for key, value in model.state_dict().items():
        assert torch.equal(value.to_dense(), before[key].to_dense())
    assert {key: (id(p), p.data_ptr()) for key, p in model.named_parameters()} == identities
    assert all(p.grad is None and p.requires_grad for p in model.parameters())
    for (_, now), (_, then) in zip(named_tensors(given), named_tensors(inputs), strict=True):
        assert torch.equal(now, then)
        assert not now.requires_grad
    assert (nn.Module.__call__, torch.jit.ScriptFunction.__call__) == calls
    assert random.getstate() == random_states[0]
    assert torch.equal(torch.get_rng_state(), random_states[1])


def test_attention_with_a_function_contracts_as_any_other():
    make, inputs = CASES["flexible_attention"]
    projected, attended = 4 * 128 * 16 * 16, 2 * 4 * 128 * 128 * 16
    for run in False, True:
        assert Metrics(read(make(), inputs, run=run).graph).totals["macs"] == projected + attended


def test_jagged_tensors_contract_for_the_rows_that_they_have():
    make, inputs = CASES["jagged"]
    for run in False, True:
        assert Metrics(read(make(), inputs, run=run).graph).totals["macs"] == (3 + 3 + 1) * 4 * 4


def test_what_only_computes_is_said_to_need_a_run():
    @torch.library.custom_op("nbviz_tests::without_shapes", mutates_args=())
    def without_shapes(x: torch.Tensor) -> torch.Tensor:
        return x.clone()

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.lin = nn.Linear(4, 4)

        def forward(self, x):
            return without_shapes(self.lin(x))

    reading = read(Model(), torch.randn(3, 4))
    said = next(d for d in reading.graph.diagnostics if d.level == "error")
    assert said.path == "without_shapes#1"
    assert "run=True" in said.message
    ran = read(Model(), torch.randn(3, 4), run=True)
    assert ran.error is None
    assert Metrics(ran.graph).totals["macs"] is None  # nobody knows what it computes


def test_a_mask_of_fractions_keeps_its_values():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.lin, self.other = nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x, mask):
            bias = torch.zeros(600, 600).masked_fill(mask == 0, float("-inf"))
            return self.lin(x) if bias.max() == 0 else self.other(x)

    ops = lambda mask: read(Model(), (torch.randn(3, 4), mask)).graph.calls_of  # noqa: E731
    assert "other" not in ops(torch.ones(600, 600, dtype=torch.int64))
    assert "other" in ops(torch.zeros(600, 600, dtype=torch.int64))


@pytest.mark.parametrize("transform", ["grad", "jacrev", "jacfwd", "hessian", "vjp"])
def test_what_is_differentiated_inside_comes_from_what_it_is_taken_of(transform):
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.lin = nn.Linear(4, 4)

        def forward(self, x):
            def function(v):
                y = self.lin(v).sin()
                return y.sum() if transform in ("grad", "hessian") else y

            if transform == "vjp":
                value, pull = torch.func.vjp(function, x)
                return pull(value)[0]
            return getattr(torch.func, transform)(function)(x)

    graph = graph_of(Model(), torch.randn(2, 4))
    network = graph.to_networkx()
    (end,) = (call.id for call in graph.calls if call.kind == "output")
    assert {"input", "Linear", "sin"} <= {graph.calls[i].op for i in nx.ancestors(network, end)}
    assert "constant" not in graph.calls.column("kind")


def test_weights_that_are_computed_are_inputs_of_the_layer_that_gets_them():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.base, self.hyper = nn.Linear(4, 5), nn.Linear(4, 25)

        def forward(self, x):
            made = self.hyper(x[0])
            weights = {"weight": made[:20].view(5, 4), "bias": made[20:]}
            return torch.func.functional_call(self.base, weights, x), self.base(x)

    graph = graph_of(Model(), torch.randn(2, 4))
    first, second = (graph.calls[i] for i in graph.calls_of["base"])
    assert [s.shape for s in first.inputs] == [(2, 4), (5, 4), (5,)]
    assert first.parameters == ()
    assert [s.shape for s in second.inputs] == [(2, 4)]
    assert [graph.parameters[i].name for i in second.parameters] == ["weight", "bias"]
    sources = {(graph.calls[e.source].path, e.target_port) for e in graph.edges if e.target == first.id}
    assert sources == {("input#1", 0), ("view#1", 1), ("getitem#3", 2)}


def graph_of(model, inputs):
    reading = read(model, inputs)
    if reading.error is not None:
        raise reading.error
    assert list(violations(reading.graph)) == []
    return reading.graph


A, B = torch.randn(2, 4, 8), torch.randn(2, 8, 4)
PRODUCTS = {
    "addbmm": (lambda a, b: torch.addbmm(torch.zeros(4, 4), a, b), 2 * 4 * 8 * 4),
    "addbmm_": (lambda a, b: torch.zeros(4, 4).addbmm_(a, b), 2 * 4 * 8 * 4),
    "baddbmm_": (lambda a, b: torch.zeros(2, 4, 4).baddbmm_(a, b), 2 * 4 * 8 * 4),
    "addmm_": (lambda a, b: torch.zeros(4, 4).addmm_(a[0], b[0]), 4 * 8 * 4),
    "addmv_": (lambda a, b: torch.zeros(4).addmv_(a[0], b[0, :, 0]), 4 * 8),
    "vdot": (lambda a, b: torch.vdot(a[0, 0], b[0, :, 0]), 8),
    "attention by keyword": (
        lambda a, b: nn.functional.scaled_dot_product_attention(query=a, key=a, value=a),
        2 * 2 * 4 * 4 * 8,
    ),
    "linear by keyword": (lambda a, b: nn.functional.linear(weight=b[0].T, input=a), 2 * 4 * 8 * 4),
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_products_are_counted_however_they_are_written(name):
    function, macs = PRODUCTS[name]

    class Products(nn.Module):
        def forward(self, a, b):
            return function(a * 1, b * 1)

    assert Metrics(graph_of(Products(), (A, B))).totals["macs"] == macs


@pytest.mark.parametrize("run", [False, True])
def test_a_bilinear_layer_counts_as_the_two_contractions_that_it_is(run):
    class Contracts(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(3, 5, 7))

        def forward(self, x, y):
            return torch.einsum("noj,nj->no", torch.einsum("ni,oij->noj", x, self.weight), y)

    given = (torch.zeros(4, 5), torch.zeros(4, 7))
    bilinear, steps = (
        Metrics(read(model, given, run=run).graph).totals["macs"] for model in (nn.Bilinear(5, 7, 3), Contracts())
    )
    assert bilinear == steps == 4 * 3 * 5 * 7 + 4 * 3 * 7


@pytest.mark.parametrize("run", [False, True])
def test_a_product_of_sparse_matrices_is_not_counted_as_none(run):
    class Sparse(nn.Module):
        def forward(self, x):
            return torch.sparse.mm(torch.eye(4).to_sparse(), x)

    assert Metrics(read(Sparse(), torch.zeros(4, 8), run=run).graph).totals["macs"] is None


FIRST = """
import sys
import torch
from nbviz.adapters import read


class Branches(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = torch.nn.Linear(4, 4), torch.nn.Linear(4, 4)

    def forward(self, x):
        return torch.cond(x.sum() > 0, self.a, self.b, (x,))


assert "torch._dynamo" not in sys.modules
reading = read(Branches(), torch.ones(2, 4))
print(reading.error, len(reading.graph.calls_of["a"]))
"""


def test_what_compiles_itself_is_read_in_a_fresh_process_too():
    """Nothing else has imported PyTorch's compiler there."""
    done = subprocess.run([sys.executable, "-c", FIRST], capture_output=True, text=True, check=True)
    assert done.stdout == "None 1\n"


class Ensemble(nn.Module):
    def __init__(self, *, writes):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.randn(3, 4, 8)), nn.Parameter(torch.randn(3, 4))
        self.one = nn.Linear(8, 4, device="meta")
        self.writes = writes

    def forward(self, x):
        if self.writes:
            with torch.no_grad():
                self.bias.clamp_(max=1)
        called = torch.vmap(lambda w, b: torch.func.functional_call(self.one, {"weight": w, "bias": b}, x))
        return called(self.weight, self.bias) * torch.vmap(torch.linalg.norm)(self.weight)[:, None, None]


@pytest.mark.parametrize("run", [False, True])
def test_weights_are_read_inside_vmap(run):
    graph = read(Ensemble(writes=False), torch.randn(2, 8), run=run).graph
    read_by = {call.op: [graph.parameters[key].name for key in call.parameters] for call in graph.calls}
    assert read_by["Linear"] == ["weight", "bias"]
    assert read_by["linalg_norm"] == ["weight"]
    assert "constant" not in read_by
    assert Metrics(graph).totals["macs"] == 3 * 2 * 8 * 4


@pytest.mark.parametrize("run", [False, True])
def test_a_weight_inside_vmap_comes_from_what_wrote_it(run):
    graph = read(Ensemble(writes=True), torch.randn(2, 8), run=run).graph
    found = {(graph.calls[edge.source].op, graph.calls[edge.target].op) for edge in graph.edges}
    assert ("clamp_", "Linear") in found
