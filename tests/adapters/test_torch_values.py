"""Where values decide what comes out, and none were computed: a reading stops and says so, it never makes some up."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from nbviz.adapters import read  # noqa: E402
from nbviz.adapters.torch.errors.failures import NeedsValuesError  # noqa: E402
from nbviz.adapters.torch.execution.refusals import asked_again  # noqa: E402

# kept: to torch.jit.script PyTorch knows an operation by its identity, also when it is gone and another object has that
LIBRARY = torch.library.Library("nbviz_tests", "FRAGMENT")
X = torch.randn(4, 8, generator=torch.Generator().manual_seed(0))
chosen = torch.jit.CompilationUnit("def chosen(x):\n    return x[x > 0.0]\n").chosen
branches = torch.jit.CompilationUnit("def branches(x):\n    return x[:1] if bool(x.sum() > 0.0) else x\n").branches


class Applies(nn.Module):
    """Applies a function to what a layer gives, and to all else that it gets."""

    def __init__(self, function):
        super().__init__()
        self.lin = nn.Linear(8, 8)
        self.function = function

    def forward(self, x, *others):
        return self.function(self.lin(x), *others)


class Experts(nn.Module):
    """The usual loop over experts."""

    def __init__(self):
        super().__init__()
        self.gate = nn.Linear(8, 4)
        self.experts = nn.ModuleList(nn.Linear(8, 8) for _ in range(4))

    def forward(self, x):
        weights, which = self.gate(x).softmax(-1).topk(2, -1)
        out = torch.zeros_like(x)
        for n, expert in enumerate(self.experts):
            rows, k = torch.where(which == n)
            if rows.numel():
                out.index_add_(0, rows, expert(x[rows]) * weights[rows, k, None])
        return out


def outputs(reading):
    if reading.error is not None:
        raise reading.error
    return [tuple(s.shape) for c in reading.graph.calls if c.kind == "output" for s in c.inputs]


def said(reading):
    return [d.message for d in reading.graph.diagnostics]


ASK = {
    "mask": (lambda x: x[x > 0], "getitem needs the values of gt(...), a bool tensor (4, 8)"),
    "rows": (lambda x: x[x.sum(-1) > 0], "getitem needs the values of gt(sum(...)), a bool tensor (4,)"),
    "where": (lambda x: torch.where(x.argmax(-1) >= 0)[0], "where needs the values of ge(argmax(...))"),
    "places in a mask": (lambda x: (x > 0).nonzero(), "nonzero needs"),
    "a list with a mask": (lambda x: x[:, x[0] > 0], "getitem needs"),
    "written and read": (lambda x: x[x > 0].mul_(2), "getitem needs"),
    "scripted mask": (chosen, "chosen needs the values of a float32 tensor (4, 8)"),
    "scripted branch": (branches, "branches needs"),
    "classes": (lambda x: nn.functional.one_hot(x.argmax(-1)), "one_hot needs"),
    "a size": (lambda x: torch.arange(x.argmax()), "arange needs the values of argmax(...)"),
    "numbers": (lambda x: x.tolist(), "tolist needs"),
}


@pytest.mark.parametrize("rows", [4, 1 << 18])
@pytest.mark.parametrize("name", ASK)
def test_a_size_that_values_decide_is_asked_for(name, rows):
    function, expected = ASK[name]
    reading = read(Applies(function), X if rows == 4 else (rows, 8))
    (message,) = said(reading)
    assert expected.replace("(4", f"({rows}") in message
    assert "run=True" in message
    assert type(reading.error).__name__ == "NeedsValuesError"


def test_experts_whose_rows_are_not_known_are_not_said_to_be_unused():
    reading = read(Experts(), X)
    assert "where needs the values of eq(topk(...)), a bool tensor (4, 2)" in said(reading)[0]
    used = {c.path for c in read(Experts(), X, run=True).graph.calls if c.op == "Linear"}
    assert len(used) > 1


SIZED = {
    "set where true": lambda x: x.masked_fill(x > 0, 1),
    "item set": lambda x: x.clone().__setitem__(x > 0, 0.0) or x,
    "chosen of two": lambda x: torch.where(x > 0, x, 0 * x),
    "positions": lambda x: x[:, x.argmax(0)],
    "put": lambda x: x.index_put((x > 0,), torch.tensor(0.0)),
    "same size": lambda x: x[:2] if torch.equal(x, x[:2]) else x,
    "likelihood": lambda x: nn.functional.gaussian_nll_loss(x, x, x.exp()),
    "covariance": torch.cov,
    "correlation": torch.corrcoef,
    "pairs": lambda x: torch.combinations(x[0]),
}


@pytest.mark.parametrize("name", SIZED)
def test_a_size_that_no_value_decides_is_known(name):
    model = Applies(SIZED[name])
    with torch.no_grad():
        assert outputs(read(model, X)) == [tuple(model(X).shape)]


def test_a_kernel_that_runs_on_zeros_tells_no_size_that_these_decide():
    unknown, mask, undecided = torch.empty(4, 8, device="meta"), X[:, 0] > 0, ValueError("undecided")

    def asked(function, *given):
        value = asked_again(function, (given, {}), RuntimeError("refused"), undecided)
        return value.device.type, tuple(value.shape)

    for function in lambda x: x[x > 0], lambda x: x[:1] if x.sum() > 0 else x, lambda x: (x + 1).max().long().nonzero():
        with pytest.raises(ValueError, match="undecided"):
            asked(function, unknown)
    assert asked(lambda x, mask: x[mask], unknown, mask) == ("meta", (int(mask.sum()), 8))
    assert asked(lambda x: x[:, x[0].long()], unknown) == ("meta", (4, 8))


@pytest.mark.parametrize("size", [100, 1200])
def test_a_mask_that_is_given_has_its_values(size):
    mask = torch.rand(size, size, generator=torch.Generator().manual_seed(0)) > 0.5
    reading = read(Applies(lambda _, x, mask: x[mask]), (X, torch.empty(size, size), mask))
    assert outputs(reading) == [(int(mask.sum()),)]


LIKE = {
    "expand_as": lambda h, mask: h[mask[..., None].expand_as(h)],
    "view_as": lambda h, mask: h.masked_select(mask[..., None].repeat(1, 8).view_as(h)),
    "type_as": lambda h, mask: h[mask.type_as(h).bool()],
}


@pytest.mark.parametrize("name", LIKE)
def test_a_mask_keeps_its_values_in_the_shape_of_what_has_none(name):
    model, mask = Applies(LIKE[name]), X[:, 0] > 0
    reading = read(model, (X, mask))
    assert outputs(reading) == [tuple(model(X, mask).shape)]
    made = next(call.id for call in reading.graph.calls if call.op == name)
    assert sum(edge.target == made for edge in reading.graph.edges) == 2


def test_an_operation_of_which_no_shapes_are_known_says_how_to_tell_them():
    LIBRARY.define("twice(Tensor x) -> Tensor")
    LIBRARY.impl("twice", lambda x: x * 2, "CPU")
    said = str(read(Applies(torch.ops.nbviz_tests.twice), X).error)
    assert 'torch.library.register_fake("nbviz_tests::twice")' in said


def packed(x, lengths):
    sequence = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
    return nn.utils.rnn.pad_packed_sequence(sequence, batch_first=True)[0]


WHOLE, TRUTH = ((2, 5), torch.int64), ((2, 5), torch.bool)
MADE_UP = {
    "classes": (lambda _, ids: nn.functional.one_hot(ids), WHOLE, "one_hot at test_torch_values.py:", [(2, 5, None)]),
    "others than one": (lambda _, ids: ids[ids != 1], WHOLE, "getitem at", [(None,)]),
    "different ones": (lambda _, ids: ids.unique(), WHOLE, "unique at", [(None,)]),
    "where true": (lambda x, mask: x[:2, :5][mask], TRUTH, "getitem at", [(None,)]),
    "lengths": (
        lambda x, n: packed(x[:2, :5, None], n),
        ((2,), torch.int64),
        "pack_padded_sequence at",
        [(2, None, 1)],
    ),
    "a number of rows": (lambda x, n: x[: n.max()], WHOLE, "getitem at", [(None, 8)]),
}


@pytest.mark.parametrize("name", MADE_UP)
def test_a_size_that_made_up_values_decide_is_left_open_and_told(name):
    function, given, asks, expected = MADE_UP[name]
    reading = read(Applies(function), (X, given))
    assert outputs(reading) == expected
    (message,) = said(reading)
    assert message.startswith(asks)
    assert "left open" in message


def test_a_branch_that_made_up_values_decide_is_told():
    reading = read(Applies(lambda x, mask: x if mask.all() else x + 1), (X, TRUTH))
    (message,) = said(reading)
    assert message.startswith("bool at test_torch_values.py:")
    assert "another path" in message
    assert said(read(Applies(lambda x, mask: x if mask.all() else x + 1), (X, torch.tensor([True])))) == []


ASKED = {
    "one of many": (lambda _, ids: ids[ids == 5], WHOLE),
    "what is no padding": (lambda x, ids: x[:2, :5][ids != 0], WHOLE),
    "the shortest": (lambda x, n: x[:, : n.min()], ((2,), torch.int64)),
    "the second length": (lambda x, n: x[1, : n[1]], ((2,), torch.int64)),
    "the second row": (lambda x, mask: x[1, :5][mask[1]], TRUTH),
    "the longest row": (lambda x, mask: x[:, : mask.sum(1).max()], TRUTH),
    "whether there is padding": (lambda x, mask: x if (mask == 0).any() else x + 1, WHOLE),
    "whether anything counts": (lambda x, mask: x if mask.any() else x + 1, TRUTH),
    "whether it is long": (lambda x, n: x if n.max() > 10 else x + 1, ((2,), torch.int64)),
    "a number": (lambda x, ids: x * ids.max().item(), WHOLE),
}


@pytest.mark.parametrize("name", ASKED)
def test_what_made_up_values_decide_is_never_told_as_a_fact(name):
    function, given = ASKED[name]
    (message,) = said(read(Applies(function), (X, given)))
    assert "needs the values of inputs that are given only as shapes" in message


HARMLESS = {
    "a lookup": (lambda x, ids: x[ids], WHOLE),
    "positions of the largest": (lambda x, ids: x[torch.arange(2), ids.argmax(-1)], WHOLE),
    "a mask that is added": (lambda x, mask: x[:2, :5].masked_fill(~mask, 0.0), TRUTH),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_a_harmless_question_for_made_up_values_is_no_note(name):
    function, given = HARMLESS[name]
    assert said(read(Applies(function), (X, given))) == []


@pytest.mark.parametrize("run", [False, True])
@pytest.mark.parametrize("function", [lambda x: x if x > 1 else 0, lambda x: x.item(), int])
def test_a_question_that_several_elements_do_not_answer_is_refused_at_once(function, run):
    model = Applies(function)
    with pytest.raises(Exception) as real:
        model(X)
    reading = read(model, X, run=run)
    assert (type(reading.error), str(reading.error)) == (type(real.value), str(real.value))


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested:UserWarning")
def test_nested_tensors_that_forward_makes():
    def padded(x, layout):
        return torch.nested.nested_tensor([x[:2], x], layout=layout).to_padded_tensor(0.0)

    class Padded(Applies):
        def forward(self, x):
            nested = torch.nested.nested_tensor([x[:2], x], layout=self.function)
            return self.lin(nested).to_padded_tensor(0.0)

    jagged = read(Padded(torch.jagged), X)
    assert said(jagged) == []
    assert outputs(jagged)[0][2] == 8
    for model in Padded(torch.strided), Applies(lambda x: padded(x, torch.strided)):
        (message,) = said(read(model, X))
        assert "nbviz.view(model, inputs, run=True)" in message
        assert "INTERNAL" not in message
        assert outputs(read(model, X, run=True)) == [(2, 4, 8)]


def test_an_exception_without_a_message_ends_in_its_name():
    class Ends(nn.Module):
        def forward(self, _):
            raise StopIteration

    assert said(read(Ends(), X))[0].endswith("float32. StopIteration.")


def test_what_a_lazy_layer_resets_is_not_the_models_own():
    model = nn.Sequential(nn.LazyBatchNorm1d())
    assert outputs(read(model, X)) == [(4, 8)]
    assert model[0].num_batches_tracked._version == 0


@pytest.mark.parametrize(
    "asks", [lambda a: a.item(), lambda a: 1.0 if a > 0 else -1.0, lambda a: a.exp().item(), float]
)
def test_a_learned_number_has_its_value(asks):
    class Scales(nn.Module):
        def __init__(self):
            super().__init__()
            self.lin, self.scale = nn.Linear(4, 2), nn.Parameter(torch.tensor(2.5))

        def forward(self, x):
            assert self.scale.requires_grad
            return self.lin(x) * asks(self.scale)

    model = Scales()
    one, other = (read(model, torch.randn(3, 4), run=run) for run in (False, True))
    assert one.error is None
    assert one.graph.calls.column("path") == other.graph.calls.column("path")
    assert model.scale.item() == 2.5


def row(y, i):
    return y[i]


def column_of_its_own(y, i):
    return y[:, i, None]


def set_row(y, i):
    z = torch.zeros(3, 4)
    z[i] = y[0]
    return z


def added_to(y, i):
    y[i] += 1
    return y


def put_together(y, i):
    return torch.tensor([y.mean(), 1.0, y.sum()]), torch.tensor([i, 2])


@pytest.mark.parametrize("uses", [row, column_of_its_own, set_row, added_to, put_together])
def test_one_number_that_nobody_knows_decides_no_shape(uses):
    class Uses(nn.Module):
        def __init__(self):
            super().__init__()
            self.lin = nn.Linear(4, 4)

        def forward(self, x):
            y = self.lin(x)
            return uses(y, y.sum(1).argmax())

    one, other = (read(Uses(), torch.randn(3, 4), run=run) for run in (False, True))
    assert one.error is None
    for column in ("path", "op", "inputs", "outputs"):
        assert one.graph.calls.column(column) == other.graph.calls.column(column)
    assert one.graph.edges == other.graph.edges


FACTORIES = [
    lambda: torch.arange(0, 4, out=torch.LongTensor(4)),
    lambda: torch.zeros(3, 4, out=torch.empty(3, 4)),
    lambda: torch.randn(3, 4, out=torch.empty(0)),
    lambda: torch.full((4,), 2.0, out=torch.empty(4)),
]


@pytest.mark.parametrize("make", FACTORIES)
def test_what_is_made_into_a_tensor_that_is_there(make):
    class Makes(nn.Module):
        def forward(self, x):
            return x * make()

    one, other = (read(Makes(), torch.randn(3, 4), run=run) for run in (False, True))
    assert (one.error, other.error) == (None, None)
    assert one.graph.calls.column("outputs") == other.graph.calls.column("outputs")


class Leaves(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(8, 8)

    def forward(self, x):
        return torch.from_numpy(x.detach().numpy() * 2)


def test_whole_numbers_that_are_guessed_since_fractions_have_no_values_are_told():
    notes = [note.message for note in read(Leaves(), (2, 8)).graph.diagnostics]
    assert any("With float32 the model needs their values, so it was read with int64" in note for note in notes)
    with pytest.raises(NeedsValuesError):
        raise read(Leaves(), ((2, 8), "float32")).error


def test_weights_that_are_partly_on_the_meta_device_are_told():
    model = nn.Sequential(nn.Linear(8, 8).to("meta"), nn.Linear(8, 8))
    notes = [note.message for note in read(model, (None, 8)).graph.diagnostics]
    assert any(note.startswith("Some weights or buffers are on the meta device") for note in notes)
    assert not read(model.to("meta"), (None, 8)).graph.diagnostics
