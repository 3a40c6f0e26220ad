"""Models that nobody here wrote: each is read at its full size without weights, and small as it really runs.

The table at the end of the output says of each what came of it (see ``tests/architectures.py``).
"""

from __future__ import annotations

import networkx as nx
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from nbviz.adapters import read  # noqa: E402
from nbviz.adapters.torch.tensors import named_tensors, tensors  # noqa: E402
from nbviz.invariants import violations  # noqa: E402
from nbviz.metrics import Metrics  # noqa: E402
from tests.models import transformers_models as zoo  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # what the libraries warn about is not ours
NAMES = [pytest.param(n, marks=[] if a.quick else pytest.mark.zoo) for n, a in zoo.ARCHITECTURES.items()]


def really_run(model, inputs):
    """Run a model; return the shapes of what each call of each module gave, and of all that the model gave."""
    seen: dict[str, list[list[tuple[int, ...]]]] = {}
    names = {id(module): name for name, module in model.named_modules()}

    def hook(module, _, outputs):
        if id(module) in names:  # not one that the model makes while it runs
            seen.setdefault(names[id(module)], []).append([tuple(t.shape) for t in tensors(outputs)])

    handles = [module.register_forward_hook(hook) for module in model.modules()]
    with torch.no_grad():
        outputs = model(**inputs)
    for handle in handles:
        handle.remove()
    return seen, [tuple(t.shape) for _, t in named_tensors(outputs)]


def check(graph, model):
    """Check what has to hold for every graph of a whole forward pass."""
    assert list(violations(graph)) == []
    assert Metrics(graph).totals["params"] == sum(p.numel() for p in set(model.parameters()))
    network = graph.to_networkx()
    assert nx.is_directed_acyclic_graph(nx.DiGraph(network))
    starts = {call.id for call in graph.calls if call.kind == "input"}
    reached = set().union(*(nx.descendants(network, start) for start in starts))
    outputs = [call for call in graph.calls if call.kind == "output"]
    assert outputs[0].id in reached
    assert all(spec.shape is not None for call in outputs for spec in call.inputs)
    assert Metrics(graph).totals["macs"]


def check_against_real(model, inputs):
    graph = read(model, inputs).graph
    check(graph, model)
    seen, outputs = really_run(model, inputs)
    assert [tuple(s.shape) for c in graph.calls if c.kind == "output" for s in c.inputs] == outputs
    found = {
        layer.name: [[tuple(s.shape) for s in graph.calls[i].outputs] for i in graph.calls_of[layer.path]]
        for layer in graph.layers
        if layer.path in graph.calls_of and (layer.accessor or not layer.path)
    }
    assert {name: found.get(name) for name in seen} == seen
    return graph


@pytest.mark.parametrize("name", NAMES)
def test_architecture(name, record_property):
    family = zoo.ARCHITECTURES[name].family
    torch.manual_seed(0)
    model, inputs = zoo.build(name, "cpu" if name in zoo.NEED_VALUES else "meta", small=False)
    reading = read(model, inputs)
    calls, params = len(reading.graph.calls), sum(p.numel() for p in set(model.parameters()))
    if name in zoo.ASK_VALUES:
        record_property("architecture", (family, name, params, calls, "asks for values, and says so"))
        said = next(d.message for d in reading.graph.diagnostics if d.level == "error")
        assert "run=True" in said
        assert Metrics(reading.graph).totals["params"] == params
        return
    if reading.error is not None:
        raise reading.error
    check(reading.graph, model)
    check_against_real(*zoo.build(name, "cpu", small=True))
    record_property("architecture", (family, name, params, calls, "as it runs"))


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.zoo) for n in zoo.DIFFUSION])
def test_diffusion_model(name, record_property):
    pytest.importorskip("diffusers")
    model, inputs = zoo.DIFFUSION[name]()
    graph = check_against_real(model.eval(), inputs)
    params = sum(p.numel() for p in set(model.parameters()))
    record_property("architecture", ("diffusion", name, params, len(graph.calls), "as it runs"))
