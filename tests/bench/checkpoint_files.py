"""Checkpoints with headers as large as real ones and holes for tensors: they claim what no disk here holds."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path

SHARDS = 150
LAYERS, EXPERTS = 60, 48
WIDTH, HIDDEN, VOCABULARY = 8192, 4736, 128_256

MERGES = 280_147
BLOCKS, NARROW, INNER = 32, 4096, 14_336
"""Llama 3 with 8 B parameters."""

STRING, UINT32, ARRAY, INT32 = 8, 4, 9, 5
"""How GGUF numbers the kinds of metadata."""

BF16 = 30
"""How it numbers this type of a tensor."""

Tensor = tuple[str, tuple[int, ...]]


def experts(layers: int = LAYERS) -> Iterator[Tensor]:
    """Name and shape of about 9,000 tensors with 350 B parameters: a language model with experts."""
    yield "model.embed_tokens.weight", (VOCABULARY, WIDTH)
    for layer in range(layers):
        around = f"model.layers.{layer}"
        yield from ((f"{around}.self_attn.{part}_proj.weight", (WIDTH, WIDTH)) for part in "qkvo")
        yield from ((f"{around}.{norm}_layernorm.weight", (WIDTH,)) for norm in ("input", "post_attention"))
        for expert in range(EXPERTS):
            held = f"{around}.mlp.experts.{expert}"
            yield from ((f"{held}.{part}_proj.weight", (HIDDEN, WIDTH)) for part in ("gate", "up"))
            yield f"{held}.down_proj.weight", (WIDTH, HIDDEN)
    yield "model.norm.weight", (WIDTH,)
    yield "lm_head.weight", (VOCABULARY, WIDTH)


def sharded(folder: Path, layers: int = LAYERS, shards: int = SHARDS) -> None:
    """Write the shards and their index."""
    folder.mkdir()
    tensors = list(experts(layers))
    where: dict[str, str] = {}
    for number in range(shards):
        name = f"model-{number + 1:05}-of-{shards:05}.safetensors"
        held = tensors[len(tensors) * number // shards : len(tensors) * (number + 1) // shards]
        _safetensors(folder / name, held)
        where.update((tensor, name) for tensor, _ in held)
    index = folder / "model.safetensors.index.json"
    total = sum(_taken(shape) for _, shape in tensors)
    index.write_text(json.dumps({"metadata": {"total_size": total}, "weight_map": where}, indent=2))


def _safetensors(path: Path, tensors: list[Tensor]) -> None:
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, shape in tensors:
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [at, at + _taken(shape)]}
        at += _taken(shape)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    _with_hole(path, struct.pack("<Q", len(text)) + text, at)


def _taken(shape: tuple[int, ...]) -> int:
    """Bytes of a tensor."""
    size = 2
    for extent in shape:
        size *= extent
    return size


def _with_hole(path: Path, begins: bytes, hole: int) -> None:
    """Write a file whose end takes no room on the disk."""
    with path.open("wb") as file:
        file.write(begins)
        file.truncate(len(begins) + hole)


def llama() -> Iterator[Tensor]:
    """Name and shape of the tensors in a GGUF file of Llama."""
    yield "token_embd.weight", (NARROW, VOCABULARY)
    for block in range(BLOCKS):
        for norm in ("attn_norm", "ffn_norm"):
            yield f"blk.{block}.{norm}.weight", (NARROW,)
        for part, given in (("attn_q", NARROW), ("attn_k", 1024), ("attn_v", 1024), ("attn_output", NARROW)):
            yield f"blk.{block}.{part}.weight", (NARROW, given)
        for part in ("ffn_gate", "ffn_up"):
            yield f"blk.{block}.{part}.weight", (NARROW, INNER)
        yield f"blk.{block}.ffn_down.weight", (INNER, NARROW)
    yield "output_norm.weight", (NARROW,)
    yield "output.weight", (NARROW, VOCABULARY)


def gguf(path: Path, tokens: int = VOCABULARY, merges: int = MERGES) -> None:
    """Write a file with a vocabulary of this size."""
    pairs = (f"{first:x} {second:x}" for first, second in (divmod(number, 530) for number in range(merges)))
    metadata = [
        _key("general.architecture", STRING, _text("llama")),
        _key("general.name", STRING, _text("Llama")),
        _key("llama.block_count", UINT32, struct.pack("<I", BLOCKS)),
        _key("tokenizer.ggml.model", STRING, _text("gpt2")),
        _key("tokenizer.ggml.tokens", ARRAY, _array(STRING, [_text(f"tok{number:x}") for number in range(tokens)])),
        _key("tokenizer.ggml.token_type", ARRAY, _array(INT32, [struct.pack("<i", 1)] * tokens)),
        _key("tokenizer.ggml.merges", ARRAY, _array(STRING, [_text(pair) for pair in pairs])),
    ]
    infos, at = [], 0
    for name, shape in llama():
        infos.append(_text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, BF16, at))
        at += _taken(shape)
    header = struct.pack("<4sIQQ", b"GGUF", 3, len(infos), len(metadata)) + b"".join((*metadata, *infos))
    _with_hole(path, header + bytes(-len(header) % 32), at)


def _text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def _key(name: str, kind: int, value: bytes) -> bytes:
    return _text(name) + struct.pack("<I", kind) + value


def _array(kind: int, values: list[bytes]) -> bytes:
    return struct.pack("<IQ", kind, len(values)) + b"".join(values)
