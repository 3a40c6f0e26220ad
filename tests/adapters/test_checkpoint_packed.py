"""Packed weights count with the values that they stand for, where what is beside them tells, and as stored where it does not."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from tests.adapters.checkpoint_reading import graph_of, safetensors_bytes, totals


def entry(dtype, shape, offsets):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


@pytest.fixture
def write(tmp_path):
    def file(header, data):
        path = tmp_path / "net.safetensors"
        path.write_bytes(safetensors_bytes(header, data))
        return path

    return file


def header_of(**tensors):
    """A header of tensors by name, with ``__`` for a dot, that lie one behind the other."""
    made, at = {}, 0
    for name, (dtype, *shape) in tensors.items():
        end = at + math.prod(shape) * int(dtype.lstrip("IUFB").partition("_")[0]) // 8
        made[name.replace("__", ".")], at = entry(dtype, shape, (at, end)), end
    return made, bytes(at)


@pytest.mark.parametrize(
    ("packed", "beside", "size"),
    [
        ({"weight": ("U8", 32, 1)}, {"weight__absmax": ("F32", 1), "weight__quant_map": ("F32", 16)}, 64),
        ({"weight": ("U8", 32, 1)}, {"weight__absmax": ("F32", 1)}, 32),
        ({"qweight": ("I32", 8, 5)}, {"scales": ("F16", 2, 5), "g_idx": ("I32", 64)}, 320),
        ({"qweight": ("I32", 6, 5)}, {"scales": ("F16", 2, 5), "g_idx": ("I32", 64)}, 320),
        ({"qweight": ("I32", 8, 5)}, {"scales": ("F16", 2, 5)}, 40),
        ({"qweight": ("I32", 8, 16)}, {"scales": ("F16", 2, 16), "qzeros": ("I32", 2, 2)}, 1024),
        ({"qweight": ("I32", 6, 32)}, {"scales": ("F16", 1, 32), "qzeros": ("I32", 1, 3)}, 2048),
        ({"qweight": ("I32", 8, 16)}, {"scales": ("F16", 2, 16), "qzeros": ("I32", 1, 2)}, 128),
        ({"qweight": ("I32", 8, 15)}, {"scales": ("F16", 2, 15), "qzeros": ("I32", 2, 2)}, 120),
        ({"qweight": ("I32", 8, 16)}, {"scales": ("F16", 2, 16), "qzeros": ("I32", 2, 16)}, 128),
        ({"qweight": ("I32", 64, 2)}, {"scales": ("F16", 2, 16)}, 1024),
        ({"qweight": ("I32", 64, 2)}, {"scales": ("F16", 2, 16), "qzeros": ("I32", 2, 2)}, 1024),
        ({"qweight": ("I32", 64, 2)}, {"scales": ("F16", 2, 17)}, 128),
        ({"q_weight": ("I32", 10, 8)}, {"q_scale": ("I32", 4, 1), "q_invperm": ("I32", 64)}, 512),
        ({"q_weight": ("I32", 10, 8)}, {"q_scale": ("I32", 4, 1), "q_invperm": ("I32", 30)}, 80),
        ({"w_blocks": ("U8", 4, 3, 16)}, {"w_scales": ("U8", 4, 3)}, 384),
        ({"w_blocks": ("U8", 4, 3, 16)}, {"w_scales": ("U8", 4, 4)}, 192),
        ({"weight_packed": ("U8", 4, 16)}, {"weight_scale": ("F8_E4M3", 4, 2)}, 128),
        ({"weight_packed": ("U8", 4, 16)}, {"weight_scale": ("F8_E4M3", 4, 3)}, 64),
        ({"weight_packed": ("U8", 2, 4, 16)}, {"weight_scale": ("U8", 2, 4, 1)}, 256),
        ({"weight": ("U8", 64, 32)}, {"weight_scale": ("F8_E4M3", 64, 4), "weight_scale_2": ("F32",)}, 4096),
        ({"experts": ("U8", 2, 64, 32)}, {"experts_scale": ("F8_E4M3", 2, 64, 4)}, 8192),
        ({"weight": ("U8", 64, 32)}, {"weight_scale": ("U8", 64, 2)}, 4096),
        ({"weight": ("U8", 64, 32)}, {"weight_scale": ("F8_E4M3", 64, 2)}, 2048),
        ({"weight": ("U8", 64, 32)}, {"weight_scale": ("F32", 64, 4)}, 2048),
        ({"weight": ("U8", 64, 32)}, {"weight_scale": ("F8_E4M3",)}, 2048),
        ({"weight": ("U8", 32, 1)}, {}, 32),
        ({"_data___data": ("U8", 15, 100)}, {"_scale": ("F32", 30, 1), "_shift": ("F32", 30, 1)}, 3000),
        ({"_data___data": ("U8", 4, 96)}, {"_scale": ("F32", 7, 1), "_shift": ("F32", 7, 1)}, 672),
        ({"_data___data": ("U8", 8, 100)}, {"_scale": ("F32", 30, 1), "_shift": ("F32", 30, 1)}, 3000),
        ({"_data___data": ("U8", 3, 3, 3, 3)}, {"_scale": ("F32", 5, 1, 1, 1), "_shift": ("F32", 5, 1, 1, 1)}, 135),
        ({"_data___data": ("U8", 15, 100)}, {"_scale": ("F32", 31, 2)}, 1500),
        ({"_data___data": ("U8", 15, 100)}, {"_scale": ("F32", 15, 1)}, 1500),
        ({"weight": ("U32", 128, 8)}, {"scales": ("U8", 128, 2)}, 8192),  # MXFP4
        ({"weight": ("U32", 128, 8)}, {"scales": ("U8", 128, 4)}, 8192),  # NVFP4
        ({"weight": ("U32", 128, 16)}, {"scales": ("U8", 128, 2)}, 8192),  # MXFP8
        ({"weight": ("U32", 4, 128, 8)}, {"scales": ("U8", 4, 128, 2)}, 32768),
        ({"weight": ("U32", 128, 8)}, {"scales": ("U8", 128, 3)}, 1024),
        ({"weight": ("U32", 128, 8)}, {"scales": ("U8", 64, 4)}, 1024),
        ({"weight": ("U32", 128, 8)}, {"scales": ("U8", 128, 0)}, 1024),
        ({"weight": ("U32",)}, {"scales": ("U8",)}, 1),
        ({"weight": ("U32", 8)}, {"scales": ("U8",)}, 8),
        ({"qweight": ("U8", 64, 32)}, {"scales": ("U8", 64, 4)}, 4096),  # FP-Quant
        ({"qweight": ("U8", 64, 32)}, {"scales": ("U8", 64, 3)}, 2048),
        (
            {"codes": ("I16", 96, 8, 1)},
            {"codebooks": ("F16", 1, 65536, 1, 8), "scales": ("F16", 96, 1, 1, 1)},
            6144,
        ),  # AQLM
        ({"codes": ("I8", 96, 8, 2)}, {"codebooks": ("F16", 2, 256, 1, 8)}, 6144),
        ({"codes": ("I8", 96, 8, 2)}, {"codebooks": ("F16", 1, 256, 1, 8)}, 1536),
        ({"codes": ("I8", 96, 8, 2)}, {"codebooks": ("F16", 256, 8)}, 1536),
        ({"weight": ("I16", 24, 64)}, {"scales": ("F16", 96, 1), "tables": ("F16", 16)}, 6144),  # HIGGS
        ({"weight": ("I16", 18, 64)}, {"scales": ("F16", 96, 1), "tables": ("F16", 8)}, 6144),
        ({"weight": ("I16", 24, 64)}, {"scales": ("F16", 96, 1), "tables": ("F16", 8)}, 1536),
        ({"weight": ("I16", 24, 64)}, {"scales": ("F16", 96, 1)}, 1536),
        ({"qweight": ("I8", 128, 32)}, {"wscales": ("F16", 1, 128)}, 8192),  # SVDQuant
        ({"qweight": ("I8", 128, 32)}, {"wscales": ("F8_E4M3", 4, 128)}, 8192),
        ({"qweight": ("I32", 32, 32)}, {"wscales": ("F16", 1, 128), "wzeros": ("F16", 1, 128)}, 8192),
        ({"qweight": ("I8", 128, 32)}, {"wscales": ("F16", 1, 127)}, 4096),
        ({"qweight": ("I8", 128, 32)}, {"wscales": ("F16", 0, 128)}, 4096),
        ({"B": ("I32", 8, 256)}, {"s": ("F16", 1, 128)}, 16384),  # Marlin
        ({"B": ("I32", 8, 256)}, {"s": ("F16", 3, 128)}, 2048),
        ({"B": ("I32", 8, 256)}, {"s": ("F16", 1, 256)}, 2048),
    ],
)
def test_packed_weights_count_what_they_stand_for_where_the_tensors_beside_them_say_so(write, packed, beside, size):
    [(name, (_, *shape))] = packed.items()
    graph = graph_of(write(*header_of(**{f"layer__{n}": about for n, about in (packed | beside).items()})))
    [found] = [p for p in graph.parameters if p.name == name.replace("__", ".").rpartition(".")[2]]
    assert (tuple(found.shape), found.size) == (tuple(shape), size)
    assert found.bytes == math.prod(shape) * int(packed[name][0][1:]) // 8
    assert any("(1) are counted by" in d.message for d in graph.diagnostics) == (size != math.prod(shape))


def test_text_about_a_packed_weight_is_no_parameter(write):
    text = {"l.weight.quant_state.bitsandbytes__nf4": entry("U8", (80,), (8, 88))}
    found = totals(write({"l.weight": entry("U8", (8, 1), (0, 8))} | text, bytes(88)))
    assert (found["params"], found["buffers"]) == (8, 80)


@pytest.mark.parametrize(
    ("layer", "params", "buffers"),
    [
        ({"weight_packed": ("I32", 6, 16), "weight_shape": ("I64", 2), "weight_scale": ("F16", 6, 1)}, 96 + 6, 2),
        ({"W_q": ("U8", 4, 2), "shape": ("I64", 2), "nbits": ("I32", 1), "group_size": ("I32", 1)}, 8, 4),
        ({"weight": ("F16", 4, 2), "weight_shape": ("I64", 2), "shape": ("I64", 3)}, 8 + 5, 0),
    ],
)
def test_numbers_that_say_how_a_weight_is_packed_are_no_parameters(write, layer, params, buffers):
    found = totals(write(*header_of(**{f"layer__{name}": about for name, about in layer.items()})))
    assert (found["params"], found["buffers"]) == (params, buffers)


@pytest.mark.parametrize(
    "packed",
    [
        {"weight": ("U32", 4, 2), "scales": ("F16", 4, 1), "biases": ("F16", 4, 1)},
        {"weight": ("U8", 2, 8), "weight_scale": ("F16", 1)},
        {"qweight": ("I32", 2, 8), "scales": ("F16", 1, 8)},
        {"q_weight": ("I32", 2, 8), "q_scale": ("I32", 1, 1)},
        {"weight": ("U8", 2, 8), "weight_scale": ("F32", 2, 1)},
        {"embedding_quantized": ("U8", 2, 8), "embedding_scale": ("F32", 2, 1)},
        {"weight": ("I32", 2, 8), "weight_scale": ("F16", 2, 8)},
        {"indices": ("I32", 1, 8, 4), "centroids__weight": ("F16", 1, 64)},
        {"dense_weights": ("I64", 8), "row_offsets": ("I32", 8), "col_vals": ("I32", 8)},
    ],
)
def test_packed_weights_of_open_width_are_said_to_count_as_stored(write, packed):
    graph = graph_of(write(*header_of(**{f"layer__{name}": about for name, about in packed.items()})))
    assert sum(p.size for p in graph.parameters) == sum(math.prod(shape) for _, *shape in packed.values())
    assert any("(1, with scales beside them" in d.message for d in graph.diagnostics)


@pytest.mark.parametrize("where", ["", "meta__"])
def test_weights_of_hqq_are_said_to_count_as_stored(write, where):
    packed = {"W_q": ("U8", 4, 2), f"{where}scale": ("F16", 1, 2), f"{where}zero": ("F16", 1, 2)}
    graph = graph_of(write(*header_of(**{f"layer__{name}": about for name, about in packed.items()})))
    assert any("(1, with scales beside them" in d.message for d in graph.diagnostics)


@pytest.mark.parametrize(("shape", "size"), [((4, 4), 16), ((2, 4), 8), ((64, 2), 8), ((-4, -4), 8)])
def test_weights_of_hqq_count_as_the_shape_beside_them_says(write, shape, size):
    layer = {"shape": ("I64", 2), "W_q": ("U8", 4, 2), "scale": ("F16", 1, 2), "zero": ("F16", 1, 2)}
    header, data = header_of(**{f"layer__{name}": about for name, about in layer.items()})
    graph = graph_of(write(header, np.array(shape, "<i8").tobytes() + data[16:]))
    [found] = [p for p in graph.parameters if p.name == "W_q"]
    assert found.size == size
    said = "counted by the values" if min(shape) > 0 and shape != (64, 2) else "counted as stored"
    assert any(said in d.message for d in graph.diagnostics)


@pytest.mark.parametrize(
    ("stored", "shape", "size"),
    [
        ((6, 16), (6, 128), 768),  # 4 bits
        ((6, 16), (6, 123), 738),  # the last whole number of a row is not full
        ((6, 32), (6, 128), 768),  # 8 bits
        ((6, 13), (6, 128), 768),  # 3 bits, ten to a whole number
        ((2, 6, 16), (2, 6, 128), 1536),
        ((6, 16), (7, 128), 96),
        ((6, 16), (6, 1 << 40), 96),
        ((6, 16), (6, -128), 96),
        ((6, 16), (6, 16, 8), 96),
    ],
)
def test_whole_numbers_of_packed_values_count_as_the_shape_beside_them_says(write, stored, shape, size):
    layer = {"weight_shape": ("I64", len(shape)), "weight_packed": ("I32", *stored), "weight_scale": ("F16", 6, 1)}
    header, data = header_of(**{f"layer__{name}": about for name, about in layer.items()})
    graph = graph_of(write(header, np.array(shape, "<i8").tobytes() + data[8 * len(shape) :]))
    [found] = [p for p in graph.parameters if p.name == "weight_packed"]
    assert (tuple(found.shape), found.size, found.bytes) == (stored, size, 4 * math.prod(stored))
    said = "counted by the values" if size != math.prod(stored) else "counted as stored"
    assert any(said in d.message for d in graph.diagnostics)


AFFINE = {"weight": ("U32", 128, 8), "scales": ("F16", 128, 1), "biases": ("F16", 128, 1)}


@pytest.mark.parametrize(
    ("quantization", "size"),
    [
        ({"group_size": 64, "bits": 4}, 8192),
        ({"group_size": 128, "bits": 2}, 16384),
        ({"group_size": 32, "bits": 8, "net.layer": {"group_size": 64, "bits": 4}}, 8192),
        ({"group_size": 64, "bits": 4, "net.layer": True}, 8192),
        ({"group_size": 64, "bits": 4, "net.layer": False}, 1024),
        ({"group_size": 64, "bits": 4, "net.layer": {"group_size": 32, "bits": 4}}, 1024),
        ({"group_size": 64, "bits": 8}, 1024),
        ({"group_size": 0, "bits": 0}, 1024),
        ({"group_size": "64"}, 1024),
        ([64, 4], 1024),
        (None, 1024),
    ],
)
def test_affine_weights_of_mlx_count_as_the_config_of_their_folder_says(write, tmp_path, quantization, size):
    header, data = header_of(**{f"net__layer__{name}": about for name, about in AFFINE.items()})
    file = write(header, data)
    (tmp_path / "config.json").write_text(json.dumps({"quantization": quantization}))
    index = tmp_path / "model.safetensors.index.json"
    said = "counted as stored" if size == 1024 else "counted by the values"
    for source in (tmp_path, index, file):  # a folder of one file, one of shards, and the file
        graph = graph_of(source)
        assert sum(p.size for p in graph.parameters if p.name == "weight") == size
        assert any(said in d.message for d in graph.diagnostics)
        index.write_text(json.dumps({"weight_map": dict.fromkeys(header, file.name)}))
    file.rename(tmp_path / "model-00001-of-00001.safetensors")
    index.unlink()
    assert sum(p.size for p in graph_of(tmp_path).parameters if p.name == "weight") == size


def _bit_linear():
    from transformers.integrations.bitnet import BitLinear

    return BitLinear(64, 32, bias=False), {"quant_method": "bitnet"}


def _gemma_linear():
    from transformers.integrations.gemma_quant import QuantizedLinear

    return QuantizedLinear(64, 32, num_bits=4), {"quant_method": "gemma"}


def _gemma_linear_of_two_bits():
    from transformers.integrations.gemma_quant import QuantizedLinear

    return QuantizedLinear(64, 32, num_bits=2), {"quant_method": "gemma", "num_bits": 2, "module_quant_configs": {}}


def _gemma_embedding():
    import torch
    from transformers.integrations.gemma_quant import QuantizedEmbedding

    return QuantizedEmbedding(32, 64, torch.float32, num_bits=4), {"quant_method": "gemma", "num_bits": 4}


def _metal_linear():
    from transformers.integrations.metal_quantization import MetalLinear

    return MetalLinear(64, 32, bits=8, group_size=32), {"quant_method": "metal", "bits": 8, "group_size": 32}


@pytest.mark.parametrize(
    "made", [_bit_linear, _gemma_linear, _gemma_linear_of_two_bits, _gemma_embedding, _metal_linear]
)
def test_weights_that_transformers_packs_count_as_the_config_says(tmp_path, made):
    from safetensors.torch import save_model

    layer, config = made()
    save_model(layer, str(tmp_path / "model.safetensors"))
    held = {"weight", "embedding_quantized"}
    (tmp_path / "config.json").write_text(json.dumps({"quantization_config": config}))
    [packed] = [p for p in graph_of(tmp_path).parameters if p.name in held]
    assert packed.size == 64 * 32
    (tmp_path / "config.json").write_text(json.dumps({"quantization_config": {"quant_method": "other"}}))
    [stored] = [p for p in graph_of(tmp_path).parameters if p.name in held]
    assert stored.size < packed.size


@pytest.mark.parametrize(
    "config",
    [
        {"quant_method": "gemma", "module_quant_configs": {"(a+)+$": {"num_bits": 2}}},
        {"quant_method": "gemma", "num_bits": "4"},
        7,
    ],
)
def test_a_config_that_leaves_bits_open_says_so(write, tmp_path, config):
    write(*header_of(weight=("U8", 4, 8), weight_scale=("F32", 4, 1)))
    (tmp_path / "config.json").write_text(json.dumps({"quantization_config": config}))
    assert any("counted as stored" in d.message for d in graph_of(tmp_path).diagnostics)


def test_affine_weights_with_one_scale_for_all_count_as_stored(write, tmp_path):
    write(*header_of(layer__weight=("U32", 8), layer__scales=("F16",), layer__biases=("F16",)))
    (tmp_path / "config.json").write_text(json.dumps({"quantization": {"group_size": 64, "bits": 4}}))
    assert any("counted as stored" in d.message for d in graph_of(tmp_path).diagnostics)


@pytest.mark.parametrize("config", [b"", b"{", b"[]", b"[" * 100_000, b"\xff"])
def test_a_config_that_says_nothing_is_no_reason_to_fail(write, tmp_path, config):
    write(*header_of(**{f"layer__{name}": about for name, about in AFFINE.items()}))
    (tmp_path / "config.json").write_bytes(config)
    assert any("counted as stored" in d.message for d in graph_of(tmp_path).diagnostics)


def test_a_config_outside_the_folder_is_not_read(write, tmp_path, tmp_path_factory):
    write(*header_of(**{f"layer__{name}": about for name, about in AFFINE.items()}))
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "config.json"
    elsewhere.write_text(json.dumps({"quantization": {"group_size": 64, "bits": 4}}))
    (tmp_path / "config.json").symlink_to(elsewhere)
    assert any("counted as stored" in d.message for d in graph_of(tmp_path).diagnostics)
