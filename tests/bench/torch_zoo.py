"""The PyTorch models of ``bench_torch``: built from configurations, with random weights, on the processor or the meta device."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own name for it
from torch import Tensor, nn


@dataclass(frozen=True)
class Subject:
    """One model, and what goes into it.

    Attributes
    ----------
    make
        Builds the module; the device is set around it.
    feed
        Makes the example tensors by the names of the forward's arguments; the device is set around it.
    needs
        A package beside PyTorch, or nothing.
    """

    name: str
    make: Callable[[], nn.Module]
    feed: Callable[[], dict[str, Tensor]]
    device: Literal["cpu", "meta"] = "cpu"
    needs: str = ""

    def build(self) -> nn.Module:
        """Return the module, ready to predict."""
        torch.manual_seed(0)
        with torch.device(self.device):
            return self.make().eval()

    def inputs(self) -> dict[str, Tensor]:
        """Return what goes in."""
        with torch.device(self.device):
            return self.feed()


class Bottleneck(nn.Module):
    """Three convolutions beside a way round them; one ReLU, called three times."""

    def __init__(self, given: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(given, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, 4 * width, 1, bias=False), nn.BatchNorm2d(4 * width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if given != 4 * width:
            shortcut = nn.Conv2d(given, 4 * width, 1, stride, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(4 * width))

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet50(nn.Module):
    """The layout of the paper, with the stride in the middle convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        self.relu, self.maxpool = nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)
        self.layer1 = self._stage(64, 64, 3, stride=1)
        self.layer2 = self._stage(256, 128, 4, stride=2)
        self.layer3 = self._stage(512, 256, 6, stride=2)
        self.layer4 = self._stage(1024, 512, 3, stride=2)
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(2048, 1000)

    @staticmethod
    def _stage(given: int, width: int, blocks: int, *, stride: int) -> nn.Sequential:
        others = (Bottleneck(4 * width, width, 1) for _ in range(blocks - 1))
        return nn.Sequential(Bottleneck(given, width, stride), *others)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


class Expert(nn.Module):
    """A gated feed-forward network."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.gate, self.up = nn.Linear(width, hidden, bias=False), nn.Linear(width, hidden, bias=False)
        self.act, self.down = nn.SiLU(), nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(self.act(self.gate(x)) * self.up(x))


class Mixture(nn.Module):
    """All experts, weighted by a router: each runs, so that the path depends on no numbers and all tools can follow."""

    def __init__(self, width: int, hidden: int, experts: int) -> None:
        super().__init__()
        self.router = nn.Linear(width, experts, bias=False)
        self.experts = nn.ModuleList(Expert(width, hidden) for _ in range(experts))

    def forward(self, x: Tensor) -> Tensor:
        shares = self.router(x).softmax(-1)
        out = torch.zeros_like(x)
        for at, expert in enumerate(self.experts):
            out = out + shares[..., at : at + 1] * expert(x)
        return out


class Block(nn.Module):
    """Attention and a mixture of experts, each behind a norm and beside a way round."""

    def __init__(self, width: int, hidden: int, experts: int) -> None:
        super().__init__()
        self.heads = width // 16
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
        self.mixture = Mixture(width, hidden, experts)

    def forward(self, x: Tensor) -> Tensor:
        examples, tokens, width = x.shape
        parts = self.qkv(self.norm1(x)).view(examples, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(*parts.unbind(0), is_causal=True)
        x = x + self.proj(seen.transpose(1, 2).reshape(examples, tokens, width))
        return x + self.mixture(self.norm2(x))


class Experts(nn.Module):
    """A language model with a module for every expert: 8 modules a block, 5 an expert, and 5 more."""

    def __init__(self, blocks: int, experts: int, width: int, hidden: int, words: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(words, width)
        self.blocks = nn.ModuleList(Block(width, hidden, experts) for _ in range(blocks))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, words, bias=False)

    def forward(self, input_ids: Tensor) -> Tensor:
        x = self.embed(input_ids)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def pretrained(kind: str, config: str, settings: Mapping[str, Any] | None = None) -> nn.Module:
    """An architecture of ``transformers``, as its configuration has it; nothing is fetched."""
    import transformers

    return getattr(transformers, kind)(getattr(transformers, config)(**(settings or {})))


def words(**tokens: int) -> dict[str, Tensor]:
    """One text of so many tokens for each argument."""
    return {name: torch.ones(1, count, dtype=torch.long) for name, count in tokens.items()}


def image() -> dict[str, Tensor]:
    """One picture."""
    return {"x": torch.zeros(1, 3, 224, 224)}


_TEXT = functools.partial(words, input_ids=64)
_PAIR = functools.partial(words, input_ids=64, decoder_input_ids=16)
_NARROW = {"hidden_size": 256, "intermediate_size": 688, "num_attention_heads": 8, "num_key_value_heads": 8}

SUBJECTS = (
    Subject("ResNet-50", ResNet50, image),
    Subject("GPT-2", functools.partial(pretrained, "GPT2LMHeadModel", "GPT2Config"), _TEXT, needs="transformers"),
    Subject("BERT", functools.partial(pretrained, "BertForMaskedLM", "BertConfig"), _TEXT, needs="transformers"),
    Subject("T5", functools.partial(pretrained, "T5ForConditionalGeneration", "T5Config"), _PAIR, needs="transformers"),
    Subject(
        "Llama, narrow",
        functools.partial(pretrained, "LlamaForCausalLM", "LlamaConfig", _NARROW),
        _TEXT,
        needs="transformers",
    ),
    Subject(
        "Llama, 6.7 B parameters",
        functools.partial(pretrained, "LlamaForCausalLM", "LlamaConfig"),
        _TEXT,
        device="meta",
        needs="transformers",
    ),
    Subject("experts, 32 x 8", functools.partial(Experts, 32, 8, 32, 64, 1000), _TEXT),
    Subject("experts, 64 x 128", functools.partial(Experts, 64, 128, 2048, 1408, 32_000), _TEXT, device="meta"),
)
