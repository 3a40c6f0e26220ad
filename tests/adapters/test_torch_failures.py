"""What a view says of a forward pass that fails: PyTorch's own exception, where, on which shapes, and what to try next."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from nbviz.adapters import read  # noqa: E402
from nbviz.errors import InputsError  # noqa: E402


class Places(nn.Module):
    def __init__(self):
        super().__init__()
        self.places = nn.Parameter(torch.zeros(1, 10, 4))

    def forward(self, x):
        return x + self.places


class LastStep(nn.Module):
    def forward(self, x):
        return x[:, -1, :]


class Positions(nn.Module):
    def __init__(self):
        super().__init__()
        self.places = nn.Embedding(10, 4)

    def forward(self, x):
        return x + self.places(torch.arange(x.shape[1]))


class Words(Positions):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(100, 4)

    def forward(self, ids):
        return super().forward(self.words(ids))


class Chosen(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(8, 8)

    def forward(self, x):
        return self.lin(x[x > 0])


class Rows(Chosen):
    def forward(self, x):
        return self.lin(x[x[:, 0] > 0])


CASES = {
    "wrong width after a flatten": (
        lambda: nn.Sequential(nn.Conv2d(1, 6, 5), nn.Flatten(), nn.Linear(400, 10)),
        (None, 1, 28, 28),
        "Linear(3456, 10)",
    ),
    "wrong width of an input": (
        lambda: nn.Linear(784, 10),
        (None, 100),
        "the input has 100: pass (..., 784), or change it to Linear(100, 10)",
    ),
    "wrong width of a sequence": (lambda: nn.Linear(8, 4), (None, 5, 6), "the input has 6: pass (..., 8)"),
    "wrong width between layers": (
        lambda: nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Linear(30, 5)),
        (4, 10),
        ": change it to Linear(20, 5), or make the layer before it 30 wide",
    ),
    "a table that is too short": (Places, (2, 12, 4), "(2, 12, 4) float32, its places (1, 10, 4) float32"),
    "axes of a table": (Places, (2, 12, 4), "12 and 10 in axis -2"),
    "not flattened": (lambda: nn.Linear(784, 10), (None, 28, 28), "in the last axis and got 28: flatten or permute"),
    "axes in another order": (lambda: nn.Linear(8, 4), (None, 8, 5), "in the last axis and got 5: flatten or permute"),
    "no batch dimension before a flatten": (
        lambda: nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.MaxPool2d(2), nn.Flatten(1), nn.Linear(2048, 10)),
        (3, 32, 32),
        "all that (8, 256) has. Is the batch dimension missing?",
    ),
    "channels come last": (lambda: nn.Conv2d(3, 6, 5), (None, 28, 28, 3), "permute(0, 3, 1, 2)"),
    "other channels": (lambda: nn.BatchNorm2d(3), (None, 4, 8, 8), "3 channels in the second axis and got 4"),
    "no axis of channels": (
        lambda: nn.Conv2d(1, 6, 5),
        (None, 28, 28),
        "For a batch, pass 4: (batch, channels, size, size)",
    ),
    "no batch dimension": (lambda: nn.BatchNorm2d(3), (3, 28, 28), "Is the batch dimension missing?"),
    "too few dimensions": (lambda: nn.Conv2d(3, 6, 5), (28, 28), "4 axes, and got 2"),
    "one axis": (
        lambda: nn.BatchNorm1d(8),
        (8,),
        "It expects (batch, channels) or (batch, channels, size): 2 or 3 axes, and got 1",
    ),
    "what a mask lets through": (
        Chosen,
        torch.arange(-8.0, 8).reshape(2, 8),
        "got 7, the number of values that a mask kept",
    ),
    "rows that a mask lets through": (Rows, torch.ones(3, 9), "the input has 9: pass (..., 8)"),
    "too many dimensions": (lambda: nn.Conv2d(3, 6, 5), (2, 3, 4, 16, 16), "got 5. Did you mean Conv3d?"),
    "more than any layer takes": (lambda: nn.Conv3d(3, 6, 5), (2, 2, 3, 4, 16, 16), "got 6. Perhaps flatten two"),
    "double weights": (lambda: nn.Linear(4, 4).double(), torch.zeros(2, 4), "for example x.double()"),
    "half weights": (lambda: nn.Conv1d(4, 4, 1).half(), torch.zeros(2, 4, 4), "for example x.half()"),
    "other dtype": (lambda: nn.Linear(4, 4), torch.randn(2, 4).double(), "the dtype float64"),
    "double into a convolution": (
        lambda: nn.Conv2d(3, 6, 5),
        torch.zeros(1, 3, 8, 8).double(),
        "for example x.float()",
    ),
    "bytes into a convolution": (lambda: nn.Conv2d(3, 6, 5), torch.zeros(1, 3, 8, 8).byte(), "x.float() / 255"),
    "whole numbers into a softmax": (
        lambda: nn.Softmax(-1),
        torch.ones(2, 4).long(),
        "it expects floating-point values, x.float()",
    ),
    "a tuple": (lambda: nn.Sequential(nn.LSTM(4, 5), nn.Linear(5, 2)), (None, 3, 4), "outputs, _ = layer(x)"),
    "an index that is none": (lambda: nn.Embedding(10, 4), torch.tensor([[11]]), "an index must be from 0 to 9"),
    "no forward": (type("Empty", (nn.Module,), {}), (2, 4), "Define forward(self, x) in the class Empty"),
    "a list that is called": (
        lambda: nn.ModuleList([nn.Linear(4, 4)]),
        (2, 4),
        "call each of them, or use an nn.Seq",
    ),
    "an axis too few": (
        LastStep,
        (5, 4),
        "It has 2 axes, (5, 4), but more are indexed. Is the batch dimension missing?",
    ),
    "a position too far behind": (Positions, (None, 12, 4), "Its table has 10 rows"),
    "a dtype that nobody has given": (Words, (None, 12), "An embedding expects integers"),
    "fractions as indices": (lambda: nn.Embedding(4, 4), torch.randn(2, 4), "An embedding expects integers"),
}


def failed(model, inputs, *, run=False):
    reading = read(model, inputs, run=run)
    assert [call.failed for call in reading.graph.calls].count(True) == 1
    return reading.error, next(d for d in reading.graph.diagnostics if d.level == "error")


@pytest.mark.parametrize("run", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_hint(case, run):
    make, inputs, expected = CASES[case]
    error, diagnostic = failed(nn.Sequential(make()), inputs, run=run)
    assert expected in diagnostic.message
    assert f"{type(error).__name__}: {error}"[:60] in diagnostic.message


@pytest.mark.parametrize("case", ["wrong width of a sequence", "channels come last", "too few dimensions"])
def test_hint_of_a_layer_that_is_the_model(case):
    make, inputs, expected = CASES[case]
    assert expected in failed(make(), inputs)[1].message


class Fails(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.lin = nn.Linear(4, 4)
        self.function = function

    def forward(self, x):
        return self.function(self.lin(x))


OPERATIONS = {
    "add": lambda x: x + torch.zeros(3, 5),
    "cat": lambda x: torch.cat([x, torch.zeros(3, 5)], 1),
    "matmul": lambda x: x @ x,
    "view": lambda x: x.view(3, 7),
    "view of permuted axes": lambda x: x.t().view(-1),
    "view of images whose channels lie last": lambda x: (
        x.view(2, 2, 2, 1).expand(2, 2, 2, 2).contiguous(memory_format=torch.channels_last).view(-1)
    ),
    "write into expanded elements": lambda x: x[:, :1].expand(2, 4).add_(1),
    "permute": lambda x: x.permute(0, 1, 2),
    "index": lambda x: x[:, 9],
    "split": lambda x: x.split([3, 3], 1),
    "einsum": lambda x: torch.einsum("ij,jk->ik", x, x),
    "gather": lambda x: x.gather(1, torch.zeros(9, 9, dtype=torch.int64)),
    "own": lambda x: [][len(x)],
    "index that is none": lambda x: x[torch.tensor([7])],
    "index from the end that is none": lambda x: x[..., None, [0, -5], :],
    "mask of another size": lambda x: x[:, torch.ones(3) > 0],
    "gather with a position that is none": lambda x: x.gather(1, torch.tensor([[7], [0]])),
    "scatter with a position that is none": lambda x: x.scatter(1, torch.tensor([[7], [0]]), 1.0),
    "row that is none": lambda x: nn.functional.embedding(torch.tensor([[11]]), x),
    "select with a position that is none": lambda x: x.index_select(0, torch.tensor([7])),
    "class that is none": lambda x: nn.functional.cross_entropy(x, torch.tensor([1, 9])),
    "targets of another dtype": lambda x: nn.functional.cross_entropy(x, torch.ones(2, dtype=torch.int32)),
    "targets as whole numbers": lambda x: nn.functional.binary_cross_entropy(x.sigmoid(), torch.ones(2, 4).long()),
    "softmax of whole numbers": lambda x: x.long().softmax(-1),
    "softmax along no axis": lambda x: x.softmax(3),
    "fractions into whole numbers": lambda x: torch.ones(2, 4).long().mul_(x),
    "more samples than there are": lambda x: torch.multinomial(x.softmax(-1), 9),
    "and of fractions": lambda x: x & x,
    "normalisation in another dtype": lambda x: nn.functional.layer_norm(x.double(), (4,), torch.ones(4)),
    "channels of a transposed convolution": lambda x: nn.ConvTranspose1d(3, 2, 3)(x[..., None]),
    "padding of a transposed convolution": lambda x: nn.ConvTranspose1d(4, 2, 3, output_padding=1)(x[..., None]),
    "bias of a convolution": lambda x: nn.functional.conv1d(x[..., None], torch.ones(3, 4, 1), torch.ones(5)),
    "another rank for interpolation": lambda x: nn.functional.interpolate(x[None], (4, 4), mode="bilinear"),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_exception_is_the_one_of_a_real_run(name):
    model, x = Fails(OPERATIONS[name]), torch.randn(2, 4)
    with pytest.raises(Exception) as real:
        model(x)
    error, diagnostic = failed(model, x)
    assert type(error) is type(real.value)
    assert str(error) == str(real.value)
    assert "test_torch_failures.py" in diagnostic.message


HINTS = {
    "cat": (
        lambda x: torch.cat([x, torch.zeros(3, 5)], 1),
        "The tensors differ in axis 0 (2 and 3): only the axis that they are joined along",
    ),
    "ranks": (lambda x: torch.cat([x, torch.zeros(2)], 1), "The tensors have 2 and 1 axes"),
    "stack": (
        lambda x: torch.stack([x, torch.zeros(2, 5)]),
        "The tensors differ in axis 1 (4 and 5): all sizes must be equal",
    ),
    "matmul": (
        lambda x: x @ torch.zeros(3, 5),
        "The last axis of the first tensor has size 4, and the second-to-last axis of the second has size 3",
    ),
    "transposed": (lambda x: x @ x, ".transpose(-1, -2)"),
    "transposed weight": (lambda x: x @ torch.zeros(2, 4), ".transpose(-1, -2)"),
    "batches": (
        lambda x: x.expand(3, 2, 4) @ x.expand(5, 2, 4).mT,
        "The axes before the last two must match: (3,) and (5,)",
    ),
    "add": (lambda x: x + torch.zeros(3, 5), "they are 4 and 5 in axis -1, 2 and 3 in axis -2"),
}


@pytest.mark.parametrize("name", HINTS)
def test_axes_that_differ_are_named(name):
    function, expected = HINTS[name]
    assert expected in failed(Fails(function), torch.randn(2, 4))[1].message


def test_a_place_is_one_of_the_models_code():
    model = Fails(None)
    model.function = model.forward
    _, diagnostic = failed(model, torch.randn(2, 4))
    assert "maximum recursion depth" in diagnostic.message
    assert "stopped at test_torch_failures.py" in diagnostic.message


def test_a_view_that_needs_a_copy_is_told_how_to_get_one():
    _, diagnostic = failed(Fails(lambda x: x.t().view(-1)), (None, 4))
    assert "use .reshape(...)" in diagnostic.message
    assert read(Fails(lambda x: x.t().reshape(-1)), (None, 4)).error is None
    assert read(Fails(lambda x: x[:, :1].expand(2, 4).fill_(1)), (2, 4)).error is None  # which is not refused


@pytest.mark.parametrize("run", [False, True])
def test_arguments_of_distributions_are_checked_where_they_have_values(monkeypatch, run):
    from torch.distributions import Normal

    # who compiles anything with PyTorch switches the checks off
    monkeypatch.setattr(torch.distributions.Distribution, "_validate_args", True)
    explicit = Fails(lambda x: Normal(x, x.exp(), validate_args=True).rsample())
    assert read(explicit, torch.randn(2, 4), run=run).error is None
    prior = Normal(0.0, 1.0).expand([4])  # which keeps for good that it checks
    assert read(Fails(prior.log_prob), torch.randn(2, 4), run=run).error is None
    wrong = Fails(lambda x: x + Normal(0.0, -1.0, validate_args=True).sample())
    assert "scale" in failed(wrong, torch.randn(2, 4), run=run)[1].message
    with pytest.raises(ValueError, match="scale"):
        Normal(0.0, torch.tensor(-1.0))


def test_positions_that_nobody_has_given_may_be_any():
    class One(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(1, 4)

        def forward(self, indices):
            return self.embedding(indices)

    assert read(One(), ((None, 3), torch.int64)).error is None
    assert read(One(), torch.zeros(2, 3, dtype=torch.int64)).error is None
    error, _ = failed(One(), torch.ones(2, 3, dtype=torch.int64))
    assert isinstance(error, IndexError)


def test_a_table_too_large_to_be_asked_is_checked_too():
    model = nn.Sequential(nn.Embedding(1 << 16, 128))
    error, _ = failed(model, torch.tensor([[1 << 16]]))
    assert "index 65536 is out of bounds for an axis of size 65536" in str(error)


def test_tensors_on_several_devices_are_noted():
    model = Fails(lambda x: x + torch.zeros(4, device="meta"))
    reading = read(model, torch.randn(2, 4))
    assert reading.error is None
    said = next(d for d in reading.graph.diagnostics if "one device" in d.message)
    assert (said.level, said.path) == ("note", "add#1")
    assert "cpu and meta" in said.message
    fine = Fails(lambda x: x + torch.tensor(1.0) + x[torch.arange(2)] + torch.zeros(4, device=x.device))
    assert read(fine, torch.randn(2, 4)).graph.diagnostics == ()


def test_a_meta_kernel_that_refuses_too_much_is_asked_again():
    offsets = torch.tensor([1, 2], dtype=torch.int32)

    class Experts(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.randn(2, 4, 8))

        def forward(self, x):
            return torch.nn.functional.grouped_mm(x, self.weight, offs=offsets)

    assert read(Experts(), torch.randn(2, 4)).graph.calls[0].outputs[0].shape == (2, 8)


@pytest.mark.parametrize("classes", [torch.int32, torch.float32])
def test_classes_are_whole_numbers_of_64_bits(classes):
    class Loss(nn.Module):
        def forward(self, x, y):
            return nn.functional.cross_entropy(x, y)

    assert "y.long()" in failed(Loss(), ((3, 8), ((3,), classes)))[1].message


def notes(model, inputs):
    reading = read(model, inputs)
    return reading.error, [d.message for d in reading.graph.diagnostics if d.level == "note"]


class Silent(nn.Module):
    """Has forgotten its return."""

    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(8, 8)

    def forward(self, x):
        self.lin(x)


def test_a_forgotten_return_is_named():
    error, [said] = notes(Silent(), (2, 8))
    assert error is None
    assert "forward returns None" in said
    error, [said] = notes(nn.Sequential(nn.Linear(8, 8), Silent(), nn.Linear(8, 8)), (2, 8))
    assert isinstance(error, TypeError)
    assert said.startswith("1 (Silent), which was called before, returned None.")


def test_arguments_that_were_not_given_are_named():
    class Two(nn.Module):
        def forward(self, image, text=None, scale=1.0):
            return image * scale + text

    assert notes(Two(), (2, 8))[1] == ["Not given, so None: text."]


def test_a_dict_or_list_that_is_one_argument_is_named():
    x = torch.ones(2, 8)
    [said] = notes(nn.Linear(8, 4), {"x": x})[1]
    assert "forward(input) got a dict as its argument input: the keys (x) are not argument names" in said
    [said] = notes(nn.Linear(8, 4), [x])[1]
    assert "forward(input) got a list as its argument input" in said


def test_what_a_model_was_tried_with_is_told_where_it_may_be_why():
    class Shifted(nn.Module):
        def forward(self, ids):
            return ids.gather(1, (ids != 1).sum(1, keepdim=True) - 1)  # 1 is padding here

    told = [d.message for d in read(Shifted(), ((2, 5), torch.int64)).graph.diagnostics]
    assert any("Integer inputs given only as a shape are filled with ones" in message for message in told)

    class Clips(nn.Module):
        def forward(self, x):
            return x.view(x.shape[0] // 8, 8, -1)

    told = [d.message for d in read(Clips(), (None, 8)).graph.diagnostics]
    assert any("was tried as 4" in message for message in told)


def test_a_name_that_no_argument_has_is_named():
    class Translator(nn.Module):
        def forward(self, src, tgt):
            return src + tgt

    with pytest.raises(
        InputsError, match=r"inputs names 'source', which is not an argument of Translator.forward\(src, tgt\)"
    ):
        read(Translator(), {"source": torch.ones(2), "tgt": torch.ones(2)})


def test_channels_that_come_last_are_put_second_whatever_the_rank():
    told = read(nn.Conv1d(8, 4, 3), (None, 100, 8)).graph.diagnostics[0].message
    assert "x.permute(0, 2, 1)." in told


def test_statistics_of_one_example_are_told_how_to_be_taken():
    said = read(nn.BatchNorm1d(4), torch.randn(1, 4)).graph.diagnostics[0].message
    assert "model.eval(), or pass a batch of more than one" in said


def test_a_model_that_asks_for_values_of_a_shape_is_told_of_examples_first():
    class Clips(nn.Module):
        def __init__(self):
            super().__init__()
            self.lin = nn.Linear(4, 3)

        def forward(self, x):
            return self.lin(x / 10 if x.abs().max() > 10 else x)

    said = str(read(Clips(), (None, 4)).error)
    assert said.index("pass example tensors instead of shapes") < said.index("run=True")
    assert read(Clips(), torch.zeros(2, 4)).error is None


def test_a_batch_of_four_that_nobody_has_given_is_told_of():
    class Two(nn.Module):
        def forward(self, x):
            return x @ x.mT + torch.eye(2)

    _, note = read(Two(), (None, 8)).graph.diagnostics[:2]
    assert "The batch size (None) was tried as 4" in note.message


class Wraps(nn.Module):
    """Makes its own error of another."""

    def __init__(self, make, handled=()):
        super().__init__()
        self.first, self.second = nn.Linear(5, 4), nn.Linear(6, 4)
        self.make, self.handled = make, handled

    def forward(self, x):
        try:
            return self.first(x)
        except self.handled:
            return self.second(x)
        except RuntimeError as error:
            if self.make is KeyError:
                raise self.make("bad")  # noqa: B904 - as many write it
            raise self.make("bad") from error


@pytest.mark.parametrize("make", [ValueError, KeyError])
@pytest.mark.parametrize("run", [False, True])
def test_an_error_that_the_model_makes_another_of_is_shown_where_it_came_up(make, run):
    reading = read(nn.Sequential(Wraps(make)), torch.randn(3, 4), run=run)
    assert type(reading.error) is make
    (said,) = (d for d in reading.graph.diagnostics if d.level == "error")
    assert said.path == "0/first"
    assert "RuntimeError: mat1 and mat2 shapes cannot be multiplied (3x4 and 5x4)" in said.message
    assert "the input has 4: pass (..., 5)" in said.message
    assert f"The model's own code turned it into a {make.__name__}: " in said.message


def test_what_fails_in_place_of_what_failed_is_shown():
    reading = read(nn.Sequential(Wraps(ValueError, RuntimeError)), torch.randn(3, 4))
    (said,) = (d for d in reading.graph.diagnostics if d.level == "error")
    assert said.path == "0/second"
    assert "turned it into" not in said.message
