"""What modules change and do not return, as the statistics of a batch: who reads it later, and which outputs it is."""

from __future__ import annotations

import pytest

jax = pytest.importorskip("jax")
nn = pytest.importorskip("flax.linen")

from flax import nnx  # noqa: E402

from tests.adapters.jax_reading import from_nowhere, graph_of  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:scatter inputs:FutureWarning")  # NNX, of statistics that are cast

KEY = jax.random.key(0)
X = (4, 8)

CHANGES = {
    "cast": lambda tree: jax.tree.map(lambda leaf: leaf.astype("bfloat16"), tree),
    "as they are": lambda tree: tree,
}


class Net(nn.Module):
    times: int

    @nn.compact
    def __call__(self, x):
        dense, norm = nn.Dense(8), nn.BatchNorm(use_running_average=False)
        for _ in range(self.times):
            x = norm(dense(x))
        return nn.Dropout(0.1, deterministic=False)(x)


class Own(nnx.Module):
    def __init__(self):
        self.dense, self.norm = nnx.Linear(8, 8, rngs=nnx.Rngs(0)), nnx.BatchNorm(8, rngs=nnx.Rngs(0))

    def __call__(self, x):
        return self.norm(self.dense(x))


def of_linen(times, *, apart):
    model = Net(times)
    variables = model.init({"params": KEY, "dropout": KEY}, jax.numpy.ones(X))

    def run(variables, x):
        given, changed = model.apply(variables, x, rngs={"dropout": KEY}, mutable=["batch_stats"])
        return given, changed["batch_stats"]

    if not apart:
        return lambda change: lambda variables, x: run(change(variables), x), (variables, X)
    trees = variables["params"], variables["batch_stats"]
    return lambda change: lambda params, stats, x: run({"params": change(params), "batch_stats": stats}, x), (*trees, X)


def of_nnx(times):
    definition, state = nnx.split(Own())

    def run(state, x):
        model = nnx.merge(definition, state)
        for _ in range(times):
            x = model(x)
        return x, nnx.state(model, nnx.BatchStat)

    return lambda change: lambda state, x: run(change(state), x), (state, X)


MODELS = {
    f"{what}, {times}": (make, times)
    for times in (1, 2)
    for what, make in {
        "Linen with its statistics apart": lambda times: of_linen(times, apart=True),
        "Linen": lambda times: of_linen(times, apart=False),
        "NNX": of_nnx,
    }.items()
}


def sources(graph):
    """What each output of the program is: an output of a call, or parameters that it reads."""
    ops = graph.calls.column("op")
    edges = {edge.target: (ops[edge.source], edge.source_port) for edge in graph.edges}
    outputs = (call for call in graph.calls if call.kind == "output")
    return [edges.get(call.id, [graph.parameters[i].name for i in call.parameters]) for call in outputs]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("what", MODELS)
def test_new_statistics_are_those_that_were_read_or_come_from_the_call(what, change):
    make, times = MODELS[what]
    function, inputs = make(times)
    graph = graph_of(function(CHANGES[change]), inputs)
    kept = change == "as they are" and "apart" not in what
    assert from_nowhere(graph) == []
    assert sources(graph)[1:] == ([["mean"], ["var"]] if kept else [("BatchNorm", 1), ("BatchNorm", 2)])


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("what", [what for what in MODELS if what.endswith("2")])
def test_a_second_call_has_all_statistics_of_the_first(what, change):
    make, times = MODELS[what]
    function, inputs = make(times)
    graph = graph_of(function(CHANGES[change]), inputs)
    first, second = (call for call in graph.calls if call.op == "BatchNorm")
    read = {graph.parameters[i].name for i in second.parameters} & {"mean", "var"}
    given = {edge.source_port for edge in graph.edges if (edge.source, edge.target) == (first.id, second.id)}
    assert (read, given) in [({"mean", "var"}, set()), (set(), {1, 2})]


class Swapped(nn.Module):
    """Changes its second state first, and keeps what it was given; shown as one call, as a library's own."""

    __module__ = "flax.linen"

    @nn.compact
    def __call__(self, x):
        one, two, last = (self.variable("state", name, jax.numpy.zeros, 8) for name in ("one", "two", "last"))
        weight = self.param("weight", nn.initializers.ones, (8,))
        given = x * one.value + two.value + weight
        two.value = two.value + x.mean(0)
        one.value = one.value + x.mean(0)
        last.value = x[0]
        return given


class Stack(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.Dense(2)(Swapped()(x))


def test_state_is_told_by_what_it_is_made_of():
    model = Stack()
    variables = model.init(KEY, jax.numpy.ones(X))
    graph = graph_of(lambda variables, x: model.apply(variables, x, mutable=["state"]), (variables, X))
    names = [call.inputs[0].name for call in graph.calls if call.kind == "output"]
    assert [name.rpartition("[")[2] for name in names] == ["0]", "'last']", "'one']", "'two']"]
    assert sources(graph)[1:] == [("Swapped", 1), ["one"], ["two"]]


def test_gradients_get_from_a_layer_what_it_kept_for_them_but_no_weight():
    model = nn.Sequential([nn.LayerNorm(), nn.Dense(2)])
    params = model.init(KEY, jax.numpy.ones(X))
    graph = graph_of(jax.grad(lambda params, x: model.apply(CHANGES["cast"](params), x).sum()), (params, X))
    norm, dense = (next(c for c in graph.calls if c.op == op) for op in ("LayerNorm", "Dense"))
    paths = graph.calls.column("path")
    assert any("gradient of LayerNorm" in paths[e.target] for e in graph.edges if e.source == norm.id)
    assert (norm.outputs[0].shape, [made.shape for made in dense.outputs]) == (X, [(4, 2)])
