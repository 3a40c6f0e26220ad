"""What ``inputs`` means for a module: one argument, several, or arguments by name."""

from __future__ import annotations

import abc

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from nbviz.adapters import read  # noqa: E402
from nbviz.errors import InputsError  # noqa: E402

IDS = torch.ones(2, 3, dtype=torch.long)


class Named(nn.Module):
    """Takes arguments by name."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(10, 4)

    def forward(self, ids, mask=None):
        found = self.table(ids)
        return found if mask is None else found * mask


class Batch(nn.Module):
    """Takes one argument that is a dict."""

    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(4, 4)

    def forward(self, batch):
        return self.lin(batch["x"])


class Wrapper(nn.Module):
    """Passes on what it gets."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, *args, **kwargs):
        return self.inner(*args, **kwargs)


@pytest.mark.parametrize("around", [lambda m: m, Wrapper, lambda m: Wrapper(Wrapper(m)), nn.DataParallel])
@pytest.mark.parametrize("given", [{"ids": IDS}, {"ids": IDS, "mask": (2, 3, 1)}])
def test_keys_are_arguments_also_of_what_is_wrapped(around, given):
    reading = read(around(Named()), given)
    assert reading.error is None
    assert len([c for c in reading.graph.calls if c.kind == "input"]) == len(given)


@pytest.mark.parametrize("around", [lambda m: m, Wrapper])
@pytest.mark.parametrize("given", [{"x": (2, 4)}, {"batch": {"x": (2, 4)}}])
def test_a_dict_is_one_argument_where_its_keys_name_none(around, given):
    assert read(around(Batch()), given).error is None


@pytest.mark.parametrize("given", [{"ids": IDS, "masks": IDS}, {"mask": IDS}])
def test_keys_that_nearly_fit_are_named(given):
    with pytest.raises(
        InputsError, match=r"does not match Named.forward\(ids, mask\).*('masks'|'ids').*pass \(inputs,\)"
    ):
        read(Named(), given)


class Places(nn.Module):
    """Has a table of so many positions."""

    def __init__(self, count):
        super().__init__()
        self.places = nn.Parameter(torch.zeros(count, 4))

    def forward(self, x):
        return x + self.places[: x.shape[1]]


@pytest.mark.parametrize("count", [1000, 16])
def test_a_free_size_is_tried_with_less_where_a_model_ends(count):
    reading = read(Places(count), (None, None, 4))
    assert (reading.error, reading.graph.diagnostics) == (None, ())
    assert reading.graph.calls[0].outputs[0].shape == (None, None, 4)


def test_a_free_size_that_never_fits_is_said_to_be_a_choice():
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 28 * 28, 10))
    reading = read(model, (None, 3, None, None))
    assert isinstance(reading.error, RuntimeError)
    assert "tried as 64" in reading.graph.diagnostics[-1].message
    assert read(model, (None, 3, 28, 28)).graph.diagnostics == ()


def undeclared(function):
    def around(*args, **kwargs):
        return function(*args, **kwargs)

    return around


class Decorated(Named):
    forward = undeclared(Named.forward)


class DecoratedBatch(Batch):
    forward = undeclared(Batch.forward)


@pytest.mark.parametrize("model", [Decorated, DecoratedBatch])
def test_a_signature_that_a_decorator_hides_is_tried_both_ways(model):
    given = {"ids": IDS, "mask": (2, 3, 1)} if model is Decorated else {"x": (2, 4)}
    assert read(model(), given).error is None
    assert read(model(), {"nothing": IDS}).error is not None


class Fields(nn.Linear):
    def forward(self, batch=None, **fields):
        return super().forward((batch or fields)["x"])


class FieldsAlone(nn.Linear):
    def forward(self, batch=None, **fields):
        return super().forward(fields["x"] if batch is None else batch)


@pytest.mark.parametrize("model", [Fields, FieldsAlone])
def test_names_that_a_signature_only_leaves_room_for_are_tried_both_ways(model):
    reading = read(model(4, 2), {"x": (2, 4)})
    assert (reading.error, reading.graph.diagnostics) == (None, ())
    assert read(model(4, 2), {"y": (2, 4)}).error is not None


@pytest.mark.parametrize("dtype", ["float64", "torch.float64", torch.float64, np.float64, np.dtype("float64")])
def test_a_dtype_is_named_as_one_writes_it(dtype):
    assert read(nn.Linear(4, 2).double(), ((2, 4), dtype)).graph.calls[0].inputs[0].dtype == "float64"


@pytest.mark.parametrize("dtype", [int, np.int64, np.dtype("int64"), "long"])
def test_whole_numbers_of_python_have_64_bits(dtype):
    assert read(nn.Embedding(4, 2), ((2, 4), dtype)).graph.calls[0].inputs[0].dtype == "int64"


@pytest.mark.parametrize("dtype", [str, np.str_, list])
def test_what_is_no_dtype_is_one_clear_error(dtype):
    with pytest.raises(InputsError, match="2 given"):
        read(nn.Embedding(4, 2), ((2, 4), dtype))


def test_a_dict_whose_keys_are_no_names_says_so_also_beside_optional_arguments():
    class Masked(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 3)

        def forward(self, x, mask=None):
            return self.conv(x)

    error, note = [d.message for d in read(Masked(), {"image": torch.randn(2, 3, 8, 8)}).graph.diagnostics]
    assert not error.endswith("\n.")
    assert "the keys (image) are not argument names" in note


@pytest.mark.parametrize(
    ("given", "said"), [(((2, 4), "flot32"), "does not know the dtype 'flot32'"), ((2.0, 4), "2.0 is not")]
)
def test_what_is_nearly_a_shape_is_told_what_it_lacks(given, said):
    with pytest.raises(InputsError, match=said):
        read(nn.Linear(4, 2), given)


def from_numpy(obs):
    return torch.from_numpy(obs).float()


def as_tensor(obs):
    return torch.as_tensor(obs, dtype=torch.float32) if isinstance(obs, np.ndarray) else obs


def in_a_dict(obs):
    return torch.tensor(obs["image"][0], dtype=torch.float32)


def in_place(obs):
    obs += 1
    return from_numpy(obs)


@pytest.mark.parametrize("run", [False, True])
@pytest.mark.parametrize("makes", [from_numpy, as_tensor, in_a_dict, in_place])
def test_arrays_come_as_arrays_where_a_model_wants_them(makes, run):
    class Acts(nn.Module):
        def __init__(self):
            super().__init__()
            self.lin = nn.Linear(4, 2)

        def forward(self, obs):
            return self.lin(makes(obs))

    array = np.zeros((3, 4))
    reading = read(Acts(), ({"image": [array]},) if makes is in_a_dict else array, run=run)
    assert reading.error is None
    graph = reading.graph
    assert [call.kind for call in graph.calls] == ["layer", "input", "operation", "layer", "output"]
    assert [(edge.source, edge.target) for edge in graph.edges] == [(1, 2), (2, 3), (3, 4)]
    assert not array.any()


def test_an_array_that_is_none_of_numbers_is_one_clear_error():
    with pytest.raises(InputsError, match="inputs is an array of <U1, which PyTorch cannot convert to a tensor"):
        read(nn.Linear(4, 2), np.array(["a"]))


@pytest.mark.parametrize("run", [False, True])
def test_attributes_of_an_example_come_with_it(run):
    class Scales(nn.Module):
        def __init__(self):
            super().__init__()
            self.lin = nn.Linear(4, 2)

        def forward(self, x):
            x.seen = True
            return self.lin(x) * x.scale

    x = torch.randn(3, 4)
    x.scale = 2.0
    assert read(Scales(), x, run=run).error is None
    assert vars(x) == {"scale": 2.0}


def made_at_run_time(held):
    """An object of a class as PyTorch Geometric makes those of its batches: its module is that of the metaclass."""

    class Base:
        def __init__(self, x):
            self._x = x

        @property
        def x(self):
            return self._x

    return abc.ABCMeta("Batch", (Base,), {})(held)


@pytest.mark.parametrize("run", [False, True])
def test_a_class_that_is_made_at_run_time_has_inputs_too(run):
    class Takes(nn.Module):
        def __init__(self):
            super().__init__()
            self.lin = nn.Linear(4, 2)

        def forward(self, batch):
            batch.h = self.lin(batch.x)
            return batch.h

    batch = made_at_run_time(torch.randn(3, 4))
    graph = read(Takes(), batch, run=run).graph
    assert [call.kind for call in graph.calls] == ["layer", "input", "layer", "output"]
    assert list(vars(batch)) == ["_x"]


@pytest.mark.parametrize("by_name", [False, True])
def test_a_list_of_numbers_beside_an_example_is_no_shape(by_name):
    class Picks(nn.Module):
        def forward(self, ids, layers):
            return [ids * layer for layer in layers]

    ids, layers = torch.tensor([1, 2]), [0, 2]
    graph = read(Picks(), {"ids": ids, "layers": layers} if by_name else (ids, layers)).graph
    assert [call.op for call in graph.calls] == ["Picks", "input", "mul", "mul", "output", "output"]
    graph = read(Picks(), {"ids": ids, "layers": (3, 2)} if by_name else (ids, (3, 2))).graph
    assert [call.kind for call in graph.calls].count("input") == 2


@pytest.mark.parametrize("run", [False, True])
def test_an_array_beside_tensors_that_lie_nowhere(run):
    class Spreads(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("sparse", torch.eye(3).to_sparse())

        def forward(self, first, other):
            return torch.sparse.mm(self.sparse, torch.from_numpy(first)) + torch.from_numpy(other).sum()

    array = np.zeros((3, 4), dtype="float32")
    reading = read(Spreads(), (array, array[:2]), run=run)
    assert reading.error is None
    assert [call.kind for call in reading.graph.calls].count("constant") == 0
