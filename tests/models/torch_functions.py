"""PyTorch models that use what is unusual: transforms, gradients, scripted and custom operations, sizes that are tensors."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own name for it
from torch import distributions as D  # noqa: N812 - as in PyTorch's own documentation
from torch import nn
from torch.nn.attention.flex_attention import flex_attention
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.utils.checkpoint import checkpoint

CASES: dict[str, tuple[Callable[[], nn.Module], tuple[Any, ...]]] = {}
"""Models by name, with inputs to try them on."""


def case(*inputs: Any, weights: dict[str, Any] | None = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a model of a ``forward`` function, with a Linear(4, 4) and further modules, and add it."""

    def add(forward: Callable[..., Any]) -> Callable[..., Any]:
        def make() -> nn.Module:
            model = type(forward.__name__, (nn.Module,), {"forward": forward})()
            model.lin = nn.Linear(4, 4)
            for name, value in copy.deepcopy(weights or {}).items():
                setattr(model, name, value)
            return model

        CASES[forward.__name__] = make, inputs
        return forward

    return add


ROWS = torch.randn(3, 4)


@case(ROWS)
def vmapped(self, x):
    return torch.vmap(lambda row: self.lin(row).softmax(-1))(x)


@case(ROWS, torch.tensor([0, 1, 2]))
def vmapped_indices(self, x, indices):
    return torch.vmap(lambda row, index: row[index] + row.gather(0, index[None]))(self.lin(x), indices)


@case(ROWS)
def vmapped_twice(self, x):
    return torch.vmap(torch.vmap(lambda a, b: (a * b).sum(), (0, None)), (None, 0))(self.lin(x), x)


@case(ROWS)
def functional_call(self, x):
    doubled = {name: weight * 2 for name, weight in self.lin.named_parameters()}
    return torch.func.functional_call(self.lin, doubled, (x,))


@case(ROWS)
def forces(self, x):
    with torch.enable_grad():
        x = x.requires_grad_(True)
        energy = torch.tanh(self.lin(x)).sum()
        (gradient,) = torch.autograd.grad(energy, x, create_graph=True)
    return {"energy": energy, "forces": -gradient}


@case(ROWS)
def forces_of_callers(self, x):
    x.requires_grad_(True)
    energy = torch.tanh(self.lin(x)).sum()
    return torch.autograd.grad(energy, x)[0]


@case(ROWS)
def jacobian(self, x):
    return torch.func.jacrev(lambda row: self.lin(row).tanh())(x[0])


@case(ROWS)
def learns(self, x):
    with torch.enable_grad():
        loss = self.lin(x).sum()
        loss.backward()
    return loss.detach()


class Squares(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, gradient):
        return 2 * ctx.saved_tensors[0] * gradient


@case(ROWS)
def own_gradient(self, x):
    return Squares.apply(self.lin(x))


@case(ROWS)
def checkpointed(self, x):
    return checkpoint(self.lin, x, use_reentrant=False)


@torch.jit.script
def scripted(x: torch.Tensor, scale: float) -> torch.Tensor:
    return torch.relu(x) * scale


@case(ROWS)
def calls_scripted(self, x):
    return scripted(self.lin(x), 2.0) + scripted(self.lin.bias, 0.5)


@torch.library.custom_op("nbviz_tests::doubled", mutates_args=())
def doubled(x: torch.Tensor) -> torch.Tensor:
    return x.clone() * 2


@doubled.register_fake
def _(x):
    return torch.empty_like(x)


@case(ROWS)
def calls_custom(self, x):
    return doubled(self.lin(x))


@case(ROWS)
def inference(self, x):
    with torch.inference_mode():
        y = self.lin(x)
    with torch.no_grad():
        return self.lin(y)


@case(ROWS)
def half(self, x):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return self.lin(x)


@case(ROWS)
def checks(self, x):
    y = self.lin(x)
    if torch.isnan(y).any() or not torch.isfinite(y).all():
        raise ValueError
    assert not torch.isinf(y).any().item()
    return y


@case(ROWS)
def prints(self, x):
    y = self.lin(x)
    return y if f"{y} {y.mean()}" else None


@case(ROWS)
def copies(self, x):
    return copy.deepcopy(self.lin)(x)


@case(ROWS)
def writes_weights(self, x):
    self.lin.weight.data.mul_(2)
    self.lin.weight.data = self.lin.weight.data * 3
    with torch.no_grad():
        self.lin.bias.add_(1)
        self.lin.bias.copy_(torch.zeros(4))
    return self.lin(x.data.detach_())


@case(ROWS)
def iterates(self, x):
    first, *others = [self.lin(row) for row in x]
    return torch.stack(others) + first


@case(ROWS)
def scatters(self, x):
    y = torch.zeros(3, 4)
    y[:, 0] = self.lin(x)[:, 1]
    y.index_add_(0, torch.tensor([0, 1]), x[:2])
    y.scatter_(1, torch.tensor([[0], [1], [2]]), 1.0)
    y[torch.tensor([True, False, True])] = 0
    y[1, 2] += 1
    return y


@case(ROWS, torch.tensor([[0, 1, 2], [1, 2, 0]]))
def passes_messages(self, x, edges):
    summed = torch.zeros_like(x).index_add(0, edges[1], self.lin(x)[edges[0]])
    degree = torch.bincount(edges[1], minlength=3).float()
    return summed / degree.clamp(min=1)[:, None]


@case(ROWS)
def sizes_are_tensors(self, x):
    rows, twice = torch.tensor(x.shape[0]), torch.tensor(2)
    y = self.lin(x).view(rows, -1).repeat(twice, 1)
    return y[torch.arange(rows)] + torch.zeros(rows, 4).expand(rows, 4)[:rows] + torch.full((3, 4), twice)


@case(torch.randn(1, 4, 8), weights={"conv": nn.Conv1d(4, 4, 3)})
def padded_by_tensors(self, x):
    for pad in torch.tensor(2), torch.tensor(4):  # the same shapes, and other numbers
        x = F.pad(x, (pad, 0))
    return self.conv(x)


@case(torch.randn(3, 5, 4), torch.tensor([5, 3, 2]), weights={"rnn": nn.LSTM(4, 6, batch_first=True)})
def packed_sequences(self, x, lengths):
    packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    return pad_packed_sequence(self.rnn(packed)[0], batch_first=True)[0]


@case(torch.randn(4, 4), weights={"neighbours": nn.Buffer(torch.eye(4).to_sparse())})
def sparse(self, x):
    return torch.sparse.mm(self.neighbours, self.lin(x))


class Tagged(torch.Tensor):
    """A tensor of another class."""


@case(ROWS)
def subclassed(self, x):
    return (self.lin(x).as_subclass(Tagged) + 1).as_subclass(torch.Tensor)


@case(ROWS)
def forked(self, x):
    return torch.jit.wait(torch.jit.fork(self.lin, x))


@case(ROWS, ROWS)
def writes_out(self, x, y):
    out = torch.empty(3, 4)
    torch.add(self.lin(x), y, out=out)
    torch.mul(out, 2, out=out)
    return out


@case(torch.randn(2, 3, 8, 8), weights={"conv": nn.Conv2d(3, 6, 3)})
def with_numpy(self, x):
    positions = torch.from_numpy(np.arange(6.0)).float()
    return self.conv(x) + positions + x.new_tensor([1.0, 2.0]).sum() + float(np.prod(x.shape[1:]))


@case(torch.randn(2, 3, 32, 32), weights={"conv": nn.Conv2d(3, 8, 3)})
def resamples(self, x):
    y = F.interpolate(self.conv(x), scale_factor=2, mode="bilinear")
    grid = F.affine_grid(torch.eye(2, 3)[None].repeat(2, 1, 1), y.shape, align_corners=False)
    return F.grid_sample(y, grid, align_corners=False), F.unfold(y, 3), F.pixel_shuffle(y, 2)


@case(torch.randn(2, 64), weights={"wide": nn.Linear(64, 64)})
def spectra(self, x):
    window = torch.hann_window(16)
    return torch.stft(self.wide(x), 16, hop_length=8, window=window, return_complex=True).abs(), torch.fft.rfft(x).real


@case(torch.randn(4, 4))
def linear_algebra(self, x):
    y = self.lin(x)
    q, r = torch.linalg.qr(y)
    u, s, v = torch.linalg.svd(y)
    return torch.linalg.inv(y) + q @ r, (u * s) @ v, torch.einsum("ij,kj->ik", y, x), torch.cdist(y, y)


@case(torch.randn(2, 5, 4))
def sorts(self, x):
    y = self.lin(x)
    values, indices = y.sort(-1)
    top = y.topk(2, -1)
    return values.gather(-1, indices), top.values, torch.take_along_dim(y, top.indices, -1), y.max(-1).indices


@case(torch.randn(2, 10), weights={"wide": nn.Linear(10, 10), "embedding": nn.Embedding(10, 4)})
def samples(self, x):
    drawn = torch.multinomial(self.wide(x).softmax(-1), 3)
    y = self.embedding(drawn)
    return y + torch.rand_like(y) + torch.bernoulli(torch.full((2, 3, 4), 0.5))


@case(ROWS, torch.tensor(3))
def branches(self, x, count):
    y = torch.cond(count > 2, self.lin, lambda x: x * 2, (x,))
    return torch.while_loop(lambda i, y: i < count, lambda i, y: (i + 1, self.lin(y)), (torch.tensor(0), y))[1]


@case(torch.randn(1, 4, 128, 16), weights={"wide": nn.Linear(16, 16)})
def flexible_attention(self, x):
    y = self.wide(x)
    return flex_attention(y, y[:, :2], y[:, :2], score_mod=lambda score, *_: score + 1, enable_gqa=True)


@case(ROWS)
def asks_devices(self, x):
    assert self.lin.weight.device == x.device
    assert next(self.parameters()).is_cpu
    assert not x.is_cuda
    ones = torch.ones(3, 4, device=x.device.type).to(x)
    return self.lin(x).to("cpu") + torch.arange(4, device=x.device, dtype=x.dtype) + ones


@case([ROWS, {"a": ROWS}])
def nested_inputs(self, both):
    return self.lin(both[0]) + both[1]["a"]


@case(ROWS)
def names_types(self, x):
    y = self.lin(x)
    assert y.type() == self.lin.weight.type() == "torch.FloatTensor"
    return y.type(torch.FloatTensor), y.type(x.type()), y.type(torch.float64), y.type("torch.LongTensor")


@case(ROWS)
def copies_tensors(self, x):
    return copy.copy(self.lin(x)) + copy.deepcopy(x)


@case(ROWS)
def normal_around(self, x):
    y = self.lin(x)
    return torch.normal(y, 1.0), torch.normal(y, y.exp()), torch.normal(0.0, y.exp())


@case(ROWS)
def normal_distributions(self, x):
    y = D.Normal(self.lin(x), self.lin(x).exp())
    many = D.MultivariateNormal(self.lin(x), torch.diag_embed(self.lin(x).exp()))
    return (
        y.rsample(),
        y.log_prob(x),
        D.kl_divergence(y, D.Normal(0.0, 1.0)),
        D.Independent(y, 1).entropy(),
        many.rsample(),
    )


@case(ROWS)
def other_distributions(self, x):
    y = self.lin(x)
    chosen = D.Categorical(logits=y)
    mixed = D.MixtureSameFamily(chosen, D.Normal(y, y.exp()))
    bounded = D.TransformedDistribution(D.Normal(y, 1.0), [D.TanhTransform()])
    drawn = D.Dirichlet(y.exp()).rsample(), D.Beta(y.exp(), y.exp()).sample(), bounded.rsample()
    return chosen.sample(), chosen.entropy(), mixed.log_prob(x[:, 0]), D.Bernoulli(logits=y).sample(), *drawn


@case(torch.randn(2, 5, 8), weights={"wide": nn.Linear(8, 8), "norm": nn.BatchNorm1d(8)})
def views_what_kernels_lay_out(self, x):
    y = self.wide(x).view(2, 5, 2, 4).transpose(1, 2)
    attended = F.scaled_dot_product_attention(y, y, y).transpose(1, 2).view(2, 5, 8)
    return self.norm(attended.transpose(1, 2)).view(2, -1)


@case(torch.randn(2, 4, 3, 3), weights={"norm": nn.GroupNorm(2, 4)})
def images_whose_channels_lie_last(self, x):
    y = self.norm(self.lin(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2))
    padded = F.pad(y, (1, 1, 1, 1), mode="reflect").permute(0, 2, 3, 1)
    return y.permute(0, 2, 3, 1).view(2, -1), padded.view(2, -1), F.logsigmoid(y.mT).view(2, -1)


@case(ROWS)
def jagged(self, x):
    y = self.lin(x)
    rows = torch.nested.as_nested_tensor([y, y[:1]], layout=torch.jagged)
    return (self.lin(rows).relu() * 2).to_padded_tensor(0.0)


@case(torch.randn(6, 2, 4))
def kernels_without_shapes(self, x):
    y = self.lin(x).log_softmax(-1)
    window = torch.hann_window(16)
    spectrum = torch.stft(y.flatten().repeat(4), 16, window=window, return_complex=True)
    loss = F.ctc_loss(y, torch.tensor([[1, 2], [2, 1]]), torch.tensor([6, 5]), torch.tensor([2, 1]))
    each = F.ctc_loss(y, torch.tensor([[1, 2], [2, 1]]), (6, 5), (2, 1), reduction="none")
    return loss, each, torch.istft(spectrum, 16, window=window), torch.linalg.lstsq(y[:, 0], x[:, 1]).solution
