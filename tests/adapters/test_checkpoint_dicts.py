"""Dicts of arrays are checkpoints in memory: the numbers of a state dict are those of its module."""

from __future__ import annotations

import collections
import gc
import weakref

import numpy as np
import pytest

import nbviz
from nbviz.adapters import read
from nbviz.errors import NbvizError, UnsupportedModelError
from nbviz.metrics import Metrics
from tests.adapters.checkpoint_reading import HOSTILE, graph_of, tensors, totals, values


def test_a_state_dict_has_the_numbers_of_its_module():
    torch = pytest.importorskip("torch")
    model = torch.nn.ModuleDict({"a": torch.nn.Linear(2, 3), "bn": torch.nn.BatchNorm1d(3), "b": torch.nn.Linear(2, 3)})
    model["b"].weight = model["a"].weight
    graph = graph_of(model.state_dict())
    assert graph.framework == "PyTorch"
    assert Metrics(graph).totals | {"macs": None} == Metrics(read(model).graph).totals | {"macs": None}
    assert [p.owners for p in graph.parameters if len(p.owners) > 1] == [("a", "b")]
    state = model.state_dict()
    assert np.array_equal(values(state)["a/bias"], state["a.bias"].numpy())
    frozen = dict(model.requires_grad_(requires_grad=False).named_parameters())
    assert totals(frozen)["trainable_params"] == 0


def test_a_whole_checkpoint_in_memory_is_read_as_its_file_would_be(tmp_path):
    torch = pytest.importorskip("torch")
    model = torch.nn.Linear(2, 2)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    whole = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "epoch": 3,
        "half": model.weight.detach()[:1],
    }
    torch.save(whole, tmp_path / "net.pt")
    here, file = graph_of(whole), graph_of(tmp_path / "net.pt")
    assert tensors(here) == tensors(file)
    assert here.optimizer == file.optimizer
    assert here.layers[0].settings == file.layers[0].settings == (("epoch", 3),)


def _train_state():
    linen, jax, optax = (pytest.importorskip(name) for name in ("flax.linen", "jax", "optax"))
    from flax.training.train_state import TrainState

    model = linen.Dense(3)
    params = model.init(jax.random.key(0), np.ones((1, 4)))["params"]
    return TrainState.create(apply_fn=model.apply, params=params, tx=optax.adam(1e-3))


def _as_dict():
    state = _train_state()
    return pytest.importorskip("flax.serialization").to_state_dict(state) | {"step": np.array(7, "int32")}


def _as_tuples():
    state = _train_state()
    return {"params": state.params, "optimizer": state.opt_state}


def _of_nnx():
    nnx, optax = pytest.importorskip("flax.nnx"), pytest.importorskip("optax")
    model = nnx.Linear(4, 3, rngs=nnx.Rngs(0))
    return nnx.to_pure_dict(nnx.state((model, nnx.Optimizer(model, optax.adam(1e-3), wrt=nnx.Param))))


@pytest.mark.parametrize(("make", "size"), [(_as_dict, 32), (_as_tuples, 31), (_of_nnx, 32)])
def test_the_state_of_an_optimizer_of_optax_is_part_of_no_total(make, size):
    state = make()
    graph = graph_of(state)
    assert sorted(p.name for p in graph.parameters) == ["bias", "kernel"]
    assert totals(state) | {"macs": None} == {
        "params": 15,
        "trainable_params": 15,
        "non_trainable_params": 0,
        "buffers": 0,
        "bytes": 60,
        "macs": None,
    }
    assert (graph.optimizer.size, graph.optimizer.bytes) == (size, 4 * size)


def test_the_state_of_optimizers_in_flat_names_is_part_of_no_total(tmp_path):
    torch = pytest.importorskip("torch")
    save_file = pytest.importorskip("safetensors.torch").save_file
    flax = pytest.importorskip("flax.traverse_util")
    model = torch.nn.Linear(4, 3)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(1, 4)).sum().backward()
    optimizer.step()
    state = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for name, parameter in model.named_parameters():
        state |= {f"optimizer.state.{name}.{what}": held for what, held in optimizer.state[parameter].items()}
    save_file(state, tmp_path / "net.safetensors")
    np.savez(tmp_path / "net.npz", **flax.flatten_dict(_as_dict(), sep="/"))
    for source in (state, tmp_path / "net.safetensors", tmp_path / "net.npz"):
        assert sum(p.size for p in graph_of(source).parameters) == 15
        assert graph_of(source).optimizer.size == 32


def test_optimizers_in_a_list_are_counted_as_one():
    torch = pytest.importorskip("torch")
    model = torch.nn.Linear(4, 3)
    optimizers = [torch.optim.Adam(model.parameters()) for _ in range(2)]
    model(torch.ones(1, 4)).sum().backward()
    for optimizer in optimizers:
        optimizer.step()
    graph = graph_of({"model": model.state_dict(), "optimizers": [o.state_dict() for o in optimizers]})
    assert (graph.optimizer.name, graph.optimizer.size) == ("optimizers", 64)


def test_a_layer_may_be_called_as_an_optimizer_is():
    made = {"opt.decoder.weight": np.ones(3), "optimizer.lstm.weight": np.ones(4), "state.mu.weight": np.ones(5)}
    assert totals(made)["params"] == 12
    assert graph_of(made | {"step": np.ones(())}).optimizer is None


def test_an_open_file_makes_its_arrays_anew_and_none_is_another(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "net.h5", "w") as file:
        for i in range(60):
            file[f"block/{i}/w"] = np.ones(i + 1)
        assert totals(file)["params"] == 60 * 61 // 2
        assert all(len(p.owners) == 1 for p in graph_of(file).parameters)


def test_a_closed_file_is_one_clear_error(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "net.h5", "w") as file:
        file["w"] = np.ones(2)
        inside = file["w"]
    with pytest.raises(UnsupportedModelError, match="keep it open"):
        read(file)
    with pytest.raises(UnsupportedModelError, match=r"Dataset in it"):
        read({"a": np.ones(2), "w": inside})


def test_quantized_and_meta_tensors_have_their_sizes():
    torch = pytest.importorskip("torch")
    found = tensors(
        graph_of(
            {"meta": torch.empty(3, 4, device="meta", dtype=torch.bfloat16), "other": torch.empty(5, device="meta")}
        )
    )
    assert found == {"meta": ((3, 4), "bfloat16", 24, 12), "other": ((5,), "float32", 20, 5)}


def test_parameters_of_jax_nest():
    jax = pytest.importorskip("jax")
    params = {
        "params": {
            "dense": {"kernel": jax.numpy.ones((2, 3), "bfloat16"), "bias": jax.numpy.ones(3)},
            "list": [jax.numpy.ones(2)],
        }
    }
    graph = graph_of(params)
    assert graph.framework == "JAX"
    assert tensors(graph)["params/dense/kernel"] == ((2, 3), "bfloat16", 12, 6)
    assert list(values(params)["params/dense/kernel"]) == [1] * 6
    spec = {"w": jax.ShapeDtypeStruct((2, 3), "float32")}
    assert tensors(graph_of(spec)) == {"w": ((2, 3), "float32", 24, 6)}
    with pytest.raises(LookupError, match="no values"):
        list(read(spec).weights.chunks(0))


def test_collections_of_flax_beside_the_parameters_are_buffers():
    kept = {"params": {"a": {"k": np.zeros((3, 4))}}, "batch_stats": {"a": {"mean": np.zeros(4)}}}
    assert {p.name: p.kind for p in graph_of(kept).parameters} == {"k": "weight", "mean": "buffer"}
    averaged = {"params": {"k": np.zeros(3)}, "params_ema": {"k": np.zeros(3)}}
    assert {p.kind for p in graph_of(averaged).parameters} == {"weight"}
    assert {p.kind for p in graph_of({"cache": {"k": np.zeros(3)}}).parameters} == {"weight"}


def test_arrays_of_numpy_are_shared_by_their_memory():
    array = np.arange(6.0)
    graph = graph_of(collections.OrderedDict(a=array, b=array.reshape(6), c=array[:3], step=np.int64(3), name="x"))
    assert len(graph.parameters) == 2
    assert graph.framework == "NumPy"
    assert dict(graph.layers[0].settings) == {"step": 3, "name": "x"}
    assert graph.name == "OrderedDict"


def test_a_transposed_view_says_whose_it_is_and_its_shape(tmp_path):
    torch = pytest.importorskip("torch")
    tensor = torch.arange(200.0).reshape(10, 20)
    made = {"net.a": tensor, "net.same": tensor, "t": tensor.t()}
    torch.save(made, tmp_path / "net.pt")
    for source in (made, tmp_path / "net.pt", {name: one.numpy() for name, one in made.items()}):
        graph = graph_of(source)
        assert [(p.shape, p.owners) for p in graph.parameters] == [((10, 20), ("net", "t"))]
        settings = {row.path: dict(row.settings) for row in graph.layers}
        assert settings == {"": {}, "net": {}, "t": {"t": "same as net.a, transposed to (20, 10)"}}


def test_a_view_does_not_keep_the_arrays():
    made = {"w": np.ones(3)}
    alive = weakref.ref(made["w"])
    view = nbviz.view(made)
    reading = read(made)
    del made
    gc.collect()
    assert alive() is None
    with pytest.raises(LookupError, match="no longer exists"):
        list(reading.weights.chunks(0))
    with pytest.raises(NbvizError, match="on the dict again"):
        view.refresh()


def test_text_and_dates_are_noted_and_do_not_count(tmp_path):
    made = {"w": np.ones(3), "words": np.array(["a"] * 9), "raw": np.array([b"a"]), "days": np.array(["2020"], "M8[D]")}
    made["spans"] = np.array([1], "m8[s]")
    np.savez(tmp_path / "net.npz", **made)
    here, file = graph_of(made), graph_of(tmp_path / "net.npz")
    assert totals(made)["params"] == totals(tmp_path / "net.npz")["params"] == 3
    said = [d.message for d in here.diagnostics]
    assert "words holds values of the type <U1, so it is not read." in said
    assert said == [d.message.replace(".npy", "") for d in file.diagnostics]
    assert {d.level for d in here.diagnostics} == {"note"}


def test_keys_are_text():
    graph = graph_of(
        {name: np.ones(i + 1) for i, name in enumerate(HOSTILE)} | {3: np.ones(20), (1, 2): {"x": np.ones(30)}}
    )
    assert len(graph.parameters) == len(HOSTILE) + 2
    assert not any("\x1b" in path for path in graph.layers.column("path"))


ITSELF = {"w": np.ones(2)}
ITSELF["again"] = ITSELF


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ({}, "a dict without arrays"),
        ({"a": 1, "b": {"c": "text"}}, "without arrays"),
        ({"a": np.ones(2), "b": {"c": object()}}, r"an object in it \(at 'b\.c'\)"),
        ({"a": np.array(["text"])}, "without arrays of numbers in it: a holds values of the type <U4"),
        ({"a": np.array([object()])}, r"numpy\.ndarray in it"),
        ({"a": np.zeros(2, [("x", "f4")])}, r"numpy\.ndarray in it"),
        (ITSELF, "nested too deeply"),
    ],
)
def test_other_dicts_are_refused(made, words):
    with pytest.raises(UnsupportedModelError, match=words):
        read(made)


def _frozen():
    return pytest.importorskip("flax.core").freeze({"dense": {"kernel": np.ones((3, 4)), "bias": np.ones(4)}})


def _state():
    nnx = pytest.importorskip("flax.nnx")
    return nnx.state(_layer(nnx))


def _layer(nnx):
    class Model(nnx.Module):
        def __init__(self):
            self.dense = nnx.Linear(3, 4, rngs=nnx.Rngs(0))

    return Model()


def _partitioned():
    linen, jax = pytest.importorskip("flax.linen"), pytest.importorskip("jax")

    class Model(linen.Module):
        @linen.compact
        def __call__(self, x):
            names = linen.with_partitioning(linen.initializers.ones, ("in", "out"))
            return linen.Dense(4, kernel_init=names, name="dense")(x)

    return Model().init(jax.random.key(0), np.ones((1, 3)))["params"]


def _like_a_dict():
    return collections.UserDict(dense=collections.OrderedDict(kernel=np.ones((3, 4)), bias=np.ones(4)))


@pytest.mark.parametrize("make", [_frozen, _state, _partitioned, _like_a_dict])
def test_what_is_like_a_dict_is_read_as_one(make):
    graph = read(make()).graph
    assert sorted((p.name, p.shape, p.owners) for p in graph.parameters) == [
        ("bias", (4,), ("dense",)),
        ("kernel", (3, 4), ("dense",)),
    ]


def test_variables_of_nnx_that_are_no_parameters_are_buffers_in_a_state_too():
    nnx = pytest.importorskip("flax.nnx")

    class Model(nnx.Module):
        def __init__(self):
            self.norm = nnx.BatchNorm(3, rngs=nnx.Rngs(0))
            self.count, self.cache = nnx.Variable(np.ones(7)), nnx.Cache(np.ones((2, 2)))
            self.adapter = nnx.LoRAParam(np.ones(5))

    model = Model()
    whole, state = (Metrics(read(source).graph).totals for source in (model, nnx.state(model)))
    assert (state["params"], state["trainable_params"], state["buffers"]) == (11, 11, 17)
    assert {name: state[name] for name in ("params", "buffers")} == {
        name: whole[name] for name in ("params", "buffers")
    }
