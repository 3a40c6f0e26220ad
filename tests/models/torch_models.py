"""PyTorch models of all kinds, small: what the tests of the torch adapter read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own name for it
from torch import nn


def mlp():
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2), nn.Sigmoid())


class Residual(nn.Module):
    """A block with a shortcut, an activation that works in place and is used twice, and statistics."""

    def __init__(self, channels=8):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, groups=2)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x):
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += x
        return self.relu(out)


class Cnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.layer1 = nn.Sequential(Residual(), Residual())
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        x = self.layer1(self.stem(x))
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1))


class UNet(nn.Module):
    """Skips over one pooling module, concatenation, transposed convolution."""

    def __init__(self):
        super().__init__()
        self.inc, self.down = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 8, 3, padding=1)
        self.mid = nn.Conv2d(8, 16, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.up1, self.dec1 = nn.ConvTranspose2d(16, 8, 2, 2), nn.Conv2d(16, 8, 3, padding=1)
        self.up2, self.dec2 = nn.ConvTranspose2d(8, 4, 2, 2), nn.Conv2d(8, 4, 3, padding=1)
        self.out = nn.Conv2d(4, 2, 1)

    def forward(self, x):
        a = F.relu(self.inc(x))
        b = F.relu(self.down(self.pool(a)))
        y = F.relu(self.mid(self.pool(b)))
        y = self.dec1(torch.cat([b, self.up1(y)], 1))
        y = self.dec2(torch.cat([a, self.up2(y)], 1))
        return self.out(y)


class Recurrent(nn.Module):
    def __init__(self, cell=nn.LSTM):
        super().__init__()
        self.emb = nn.Embedding(50, 8)
        self.rnn = cell(8, 6, 2, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(12, 3)

    def forward(self, ids):
        y, _ = self.rnn(self.emb(ids))
        return self.fc(y[:, -1])


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x):
        x = self.encoder(x)
        return self.attention(x, x, x)[0]


class Attention(nn.Module):
    def __init__(self, width=16, heads=2):
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x, mask=None):
        batch, length, width = x.shape
        q, k, v = (
            part.view(batch, length, self.heads, width // self.heads).transpose(1, 2)
            for part in self.qkv(x).chunk(3, dim=-1)
        )
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.proj(y.transpose(1, 2).reshape(batch, length, width))


class GptBlock(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.ln_1, self.attn, self.ln_2 = nn.LayerNorm(width), Attention(width), nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x, mask):
        x = x + self.attn(self.ln_1(x), mask=mask)
        return x + self.mlp(self.ln_2(x))


class Gpt(nn.Module):
    """Tied weights, a causal mask from a buffer, and Python code that asks for values of a mask."""

    def __init__(self, layers=2, width=16, vocabulary=100, context=32):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
        self.h = nn.ModuleList(GptBlock(width) for _ in range(layers))
        self.ln_f = nn.LayerNorm(width)
        self.lm_head = nn.Linear(width, vocabulary, bias=False)
        self.lm_head.weight = self.wte.weight
        self.register_buffer("causal", torch.ones(context, context, dtype=torch.bool).tril(), persistent=False)

    def forward(self, input_ids, attention_mask=None):
        length = input_ids.shape[1]
        positions = torch.arange(length, device=input_ids.device)
        mask = self.causal[:length, :length]
        if attention_mask is not None and not bool(attention_mask.all()):
            mask = mask[None, None] & attention_mask[:, None, None].bool()
        x = self.wte(input_ids) + self.wpe(positions)
        for block in self.h:
            x = block(x, mask)
        return {"logits": self.lm_head(self.ln_f(x)), "hidden": x}


class Shared(nn.Module):
    """One Linear called three times under two names, a tied weight, a module that is never called, a frozen parameter."""

    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(100, 16)
        self.lin = nn.Linear(16, 16)
        self.alias = self.lin
        self.unused = nn.Linear(16, 7)
        self.scale = nn.Parameter(torch.ones(16), requires_grad=False)
        self.head = nn.Linear(16, 100, bias=False)
        self.head.weight = self.emb.weight

    def forward(self, ids):
        x = self.emb(ids)
        for _ in range(2):
            x = torch.relu(self.lin(x))
        return self.head(self.alias(x) * self.scale)


class TwoInputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.left, self.right, self.out = nn.Linear(4, 3), nn.Linear(6, 3), nn.Bilinear(3, 3, 2)

    def forward(self, image, text, scale=None, *, flip=False):
        a, b = self.left(image), self.right(text)
        if flip:
            a, b = b, a
        y = self.out(a, b)
        return y if scale is None else y * scale


@dataclass
class Result:
    logits: torch.Tensor
    states: tuple[torch.Tensor, ...]
    loss: torch.Tensor | None = None


class Pair(NamedTuple):
    first: torch.Tensor
    second: torch.Tensor


class Structured(nn.Module):
    """Dataclasses and named tuples between modules and as the result."""

    def __init__(self):
        super().__init__()
        self.split, self.join = Splits(), Joins()

    def forward(self, x):
        pair = self.split(x)
        return Result(self.join(pair), (pair.first, pair.second))


class Splits(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(6, 8)

    def forward(self, x):
        return Pair(*self.fc(x).split(4, dim=-1))


class Joins(nn.Module):
    def forward(self, pair):
        return pair.first @ pair.second.mT


class Writing(nn.Module):
    """Views, in-place changes, ``out=``, a buffer that is filled."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.register_buffer("cache", torch.zeros(2, 3, 4))
        self.register_buffer("steps", torch.tensor(0))

    def forward(self, x):
        self.steps += 1
        y = self.fc(x)
        y[:, 0].mul_(2)
        out = torch.empty_like(y)
        torch.add(y, 1, out=out)
        self.cache[:, 1:2] = out[:2, None]
        return self.cache.sum(1) + y[:2]


class Whole(nn.Module):
    """Control flow, sizes and masks that depend on whole numbers alone."""

    def __init__(self):
        super().__init__()
        self.emb, self.fc = nn.Embedding(10, 4), nn.Linear(4, 4)

    def forward(self, ids, lengths):
        x = self.emb(ids)
        longest = int(lengths.max())
        x = x[:, :longest]
        keep = torch.arange(longest)[None] < lengths[:, None]
        if keep.all().item():
            return self.fc(x)
        return self.fc(x[keep])


class Branch(nn.Module):
    """Control flow that depends on fractions."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(8, 8), nn.Linear(8, 8)
        self.bn = nn.BatchNorm1d(8)

    def forward(self, x):
        x = self.bn(x)
        return {"y": self.a(x) if x.sum() > 0 else self.b(x), "n": int(x.shape[0])}


class Remembers(nn.Module):
    """Keeps things on itself, draws random numbers, counts in a list."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.seen, self.options = [], {"calls": 0}
        self.last = None

    def forward(self, x):
        self.last = self.fc(x)
        self.seen.append(x.shape)
        self.options["calls"] += 1
        self.fresh = torch.rand(3)
        self.more = nn.Linear(4, 4)
        return self.more(F.dropout(self.last, 0.5))


class WrongWidth(nn.Module):
    """A Linear that does not fit what is flattened before it."""

    def __init__(self):
        super().__init__()
        self.conv, self.pool = nn.Conv2d(3, 4, 3), nn.MaxPool2d(2)
        self.fc = nn.Linear(100, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv(x)))
        return self.fc(x.flatten(1))


def lazy():
    return nn.Sequential(nn.LazyConv2d(4, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(5))


CASES = {
    "mlp": lambda: (mlp(), (torch.randn(2, 4),)),
    "cnn": lambda: (Cnn(), (torch.randn(2, 3, 16, 16),)),
    "unet": lambda: (UNet(), (torch.randn(2, 3, 16, 16),)),
    "lstm": lambda: (Recurrent(), (torch.ones(2, 7, dtype=torch.int64),)),
    "gru": lambda: (Recurrent(nn.GRU), (torch.ones(2, 7, dtype=torch.int64),)),
    "rnn": lambda: (Recurrent(nn.RNN), (torch.ones(2, 7, dtype=torch.int64),)),
    "encoder": lambda: (Encoder(), (torch.randn(2, 5, 8),)),
    "gpt": lambda: (Gpt(), (torch.ones(2, 9, dtype=torch.int64),)),
    "shared": lambda: (Shared(), (torch.ones(2, 5, dtype=torch.int64),)),
    "two_inputs": lambda: (TwoInputs(), (torch.randn(2, 4), torch.randn(2, 6))),
    "structured": lambda: (Structured(), (torch.randn(2, 3, 6),)),
    "writing": lambda: (Writing(), (torch.randn(2, 4),)),
    "whole": lambda: (Whole(), (torch.ones(2, 5, dtype=torch.int64), torch.tensor([3, 4]))),
    "remembers": lambda: (Remembers(), (torch.randn(2, 4),)),
}
"""A model and arguments that it takes, by name."""


class Routed(nn.Module):
    """Sends each row to one of its experts, in a loop that asks where the rows go."""

    def __init__(self):
        super().__init__()
        self.router = nn.Linear(4, 3)
        self.experts = nn.ModuleList(nn.Linear(4, 4) for _ in range(3))

    def forward(self, x):
        chosen = self.router(x).argmax(-1)
        out = torch.zeros_like(x)
        for i, expert in enumerate(self.experts):
            rows = (chosen == i).nonzero().squeeze(-1)
            if len(rows):
                out[rows] = expert(x[rows])
        return out
