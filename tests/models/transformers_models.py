"""Architectures of ``transformers`` and ``diffusers``: from their default configurations, and small ones of the same kind.

Nobody here wrote them, so they tell whether the trace is right in general.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # configurations and random weights: nothing to fetch

_LAYERS = re.compile(r"(num_|n_)?((hidden|encoder|decoder|text|vision|audio|local|global)_)*(layers?|blocks?|depth)")
_EXPERTS = re.compile(r"(n_routed|num|num_local|moe_num)_experts")
_CHOSEN = re.compile(r"(num_)?experts_per_tok(en)?|moe_(top_?)?k|top_k_experts")
_MOST_WORDS = 1024


@dataclass(frozen=True)
class Architecture:
    """One kind of model.

    Attributes
    ----------
    family
        What it is for.
    inputs
        Makes keyword arguments for a configuration.
    layers
        How many layers a small one needs to have one of each kind.
    quick
        Whether it is read on every run of the tests.
    """

    family: str
    inputs: Callable[[Any], dict[str, torch.Tensor]]
    layers: int = 2
    quick: bool = False


def find(config: Any, *names: str, default: Any = None) -> Any:
    """Return the first number of that name in a configuration, or in one inside it."""
    for known in configurations(config):
        for name in names:
            value = getattr(known, name, None)
            if isinstance(value, (list, tuple)) and value and all(isinstance(v, int) for v in value):
                return tuple(value)
            if isinstance(value, int) and not isinstance(value, bool):
                return value
    return default


def configurations(config: Any) -> Iterator[Any]:
    """Yield a configuration and those inside it."""
    from transformers import PretrainedConfig

    yield config
    for value in vars(config).values():
        if isinstance(value, PretrainedConfig):
            yield from configurations(value)


def ids(config: Any, *shape: int) -> torch.Tensor:
    """Return token ids, none of which is special."""
    words = min(find(config, "vocab_size", default=100), 900)
    return torch.arange(math.prod(shape)).reshape(shape) % (max(words, 8) - 6) + 4


def text(config):
    return {"input_ids": ids(config, 1, 32)}


def translation(config):
    return {"input_ids": ids(config, 1, 32), "decoder_input_ids": ids(config, 1, 8)}


def image(config):
    size = find(config, "image_size", "img_size", "input_size", default=224)
    height, width = size[-2:] if isinstance(size, tuple) else (size, size)
    channels = find(config, "num_channels", "in_channels", "in_chans", default=3)
    return {"pixel_values": torch.randn(1, channels if isinstance(channels, int) else 3, height, width)}


def video(config):
    frames = find(config, "num_frames", default=8)
    return {"pixel_values": image(config)["pixel_values"].expand(frames, -1, -1, -1)[None]}


def text_and_image(config):
    return {**text(config), **image(config)}


def wave(config):
    return {"input_values": torch.randn(1, 16000)}


def mono_wave(config):
    return {"input_values": torch.randn(1, 1, 16000)}


def spectrogram(config):
    return {"input_values": torch.randn(1, find(config, "max_length"), find(config, "num_mel_bins"))}


def mel(config):
    return {"input_features": torch.randn(1, find(config, "num_mel_bins", default=80), 3000)}


def mel_and_text(config):
    return {**mel(config), "decoder_input_ids": ids(config, 1, 8)}


def frames_and_text(config):
    return {"input_features": torch.randn(1, 300, 80), "decoder_input_ids": ids(config, 1, 8)}


def series(config):
    length, channels = find(config, "context_length", default=32), find(config, "num_input_channels", default=1)
    return {"past_values": torch.randn(1, length, channels)}


_QUICK = {"gpt2", "bert", "t5", "vit", "wav2vec2", "clip", "qwen2_moe", "mamba", "yolos", "longformer"}
_LAYERS_NEEDED = {"jamba": 8, "qwen3_next": 4, "gpt_neo": 2}
_NARROW = {"jamba": {"hidden_size": 1024, "intermediate_size": 2048}}
"""Widths of small models that would take many gigabytes otherwise."""

_FAMILIES: list[tuple[str, Callable[[Any], dict[str, torch.Tensor]], str]] = [
    ("decoder", text, """gpt2 gptj gpt_neo gpt_neox llama mistral qwen2 qwen3 gemma2 gemma3_text phi phi3 olmo2 glm4 bloom opt
     falcon mpt stablelm starcoder2 helium smollm3 xglm openai-gpt ctrl biogpt granite nanochat"""),
    ("encoder", text, """bert roberta albert electra distilbert deberta-v2 mpnet xlnet longformer big_bird funnel modernbert
     squeezebert fnet canine convbert mobilebert nystromformer rembert luke tapas markuplm reformer ibert esmc"""),
    ("encoder-decoder", translation, """t5 mt5 bart mbart pegasus marian led longt5 m2m_100 prophetnet fsmt plbart switch_transformers"""),
    ("vision", image, """vit deit beit swin swinv2 convnext convnextv2 resnet regnet bit efficientnet mobilenet_v2 mobilevit
     segformer dinov2 pvt_v2 poolformer focalnet levit cvt hiera dpt vit_mae"""),
    ("video", video, """videomae vivit timesformer"""),
    ("audio", wave, """wav2vec2 hubert wavlm data2vec-audio unispeech"""),
    ("audio", mono_wave, """encodec dac mimi"""),
    ("audio", spectrogram, """audio-spectrogram-transformer"""),
    ("audio", mel_and_text, """whisper"""),
    ("audio", frames_and_text, """speech_to_text"""),
    ("multimodal", text_and_image, """clip siglip blip align bridgetower vilt groupvit altclip"""),
    ("multimodal", text, """paligemma idefics3 lfm2_vl smolvlm"""),
    ("mixture of experts", text, """mixtral qwen2_moe qwen3_moe olmoe gpt_oss phimoe ernie4_5_moe jetmoe"""),
    ("state space", text, """mamba mamba2 falcon_mamba xlstm jamba qwen3_next"""),
    ("detection", image, """yolos rt_detr d_fine mask2former maskformer"""),
    ("image to image", image, """swin2sr glpn"""),
    ("time series", series, """patchtst patchtsmixer"""),
]  # fmt: skip

ARCHITECTURES = {
    name: Architecture(family, inputs, _LAYERS_NEEDED.get(name, 2), name in _QUICK)
    for family, inputs, names in _FAMILIES
    for name in names.split()
}
"""The architectures of ``transformers`` that are read, by their names there."""

NEED_VALUES = {"encodec", "mimi"}
"""Those that keep sizes in buffers, which are lost on the meta device."""

ASK_VALUES = {"switch_transformers", "jetmoe"}
"""Those whose path depends on numbers: where a router sends each token."""


def configuration(name: str, *, small: bool) -> Any:
    """Return the default configuration of an architecture; a small one has the same widths, and fewer layers and words."""
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    config = CONFIG_MAPPING[name]()
    if small:
        for known in configurations(config):
            _shrink(known, ARCHITECTURES[name].layers)
        for key, width in _NARROW.get(name, {}).items():
            setattr(config, key, width)
    return config


def _shrink(config: Any, layers: int) -> None:
    before = set()
    for key, value in list(vars(config).items()):
        if isinstance(value, list) and key == "depths":
            setattr(config, key, [min(n, 2) for n in value])
        elif isinstance(value, int) and not isinstance(value, bool):
            most = layers if _LAYERS.fullmatch(key) else 4 if _EXPERTS.fullmatch(key) else value
            most = 2 if _CHOSEN.fullmatch(key) else most
            most = _MOST_WORDS if key.endswith("vocab_size") else most
            most = 3 if key.endswith("token_id") and value >= _MOST_WORDS else most
            if value > most:
                before.add(value)
                setattr(config, key, most)
    for key, value in list(vars(config).items()):
        if isinstance(value, list) and "layer" in key and len(value) in before:
            setattr(config, key, value[:layers])


def build(name: str, device: str, *, small: bool) -> tuple[torch.nn.Module, dict[str, torch.Tensor]]:
    """Return a model with random weights, in eval mode, and example inputs."""
    from transformers.models.auto.modeling_auto import MODEL_MAPPING

    config = configuration(name, small=small)
    kind = MODEL_MAPPING[type(config)]
    with torch.device(device):
        model = (kind[0] if isinstance(kind, tuple) else kind)(config)
    return model.eval(), ARCHITECTURES[name].inputs(config)


def unet():
    from diffusers import UNet2DModel

    blocks = ("DownBlock2D", "AttnDownBlock2D"), ("AttnUpBlock2D", "UpBlock2D")
    model = UNet2DModel(16, block_out_channels=(32, 64), down_block_types=blocks[0], up_block_types=blocks[1])
    return model, {"sample": torch.randn(1, 3, 16, 16), "timestep": torch.tensor([3])}


def conditioned_unet():
    from diffusers import UNet2DConditionModel

    model = UNet2DConditionModel(cross_attention_dim=64, block_out_channels=(32, 64, 64, 64))
    text = torch.randn(1, 7, 64)
    return model, {"sample": torch.randn(1, 4, 16, 16), "timestep": torch.tensor([3]), "encoder_hidden_states": text}


def autoencoder():
    from diffusers import AutoencoderKL

    blocks = ("DownEncoderBlock2D",) * 2, ("UpDecoderBlock2D",) * 2
    model = AutoencoderKL(block_out_channels=(32, 64), down_block_types=blocks[0], up_block_types=blocks[1])
    return model, {"sample": torch.randn(1, 3, 32, 32)}


def diffusion_transformer():
    from diffusers import DiTTransformer2DModel

    model = DiTTransformer2DModel(num_layers=2, num_attention_heads=4, attention_head_dim=16, sample_size=16)
    noise = torch.randn(1, 4, 16, 16)
    return model, {"hidden_states": noise, "timestep": torch.tensor([3]), "class_labels": torch.tensor([1])}


DIFFUSION = {f.__name__: f for f in (unet, conditioned_unet, autoencoder, diffusion_transformer)}
"""Diffusion models, small."""
