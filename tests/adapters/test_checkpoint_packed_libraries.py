"""Layers with the tensors that a library saves, made by the formulas of its own code, count as the weight that they stand for."""

from __future__ import annotations

import json
import math

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import save_file  # noqa: E402

from tests.adapters.checkpoint_reading import graph_of  # noqa: E402


@pytest.fixture
def counted(tmp_path):
    """Save a layer, with what config and header say of it, and return how many values one of its tensors counts."""

    def count(name, layer, config=None, metadata=None):
        file = tmp_path / "model.safetensors"
        save_file({f"net.layer.{own}": tensor for own, tensor in layer.items()}, file, metadata)
        if config is not None:
            (tmp_path / "config.json").write_text(json.dumps({"quantization_config": config}))
        graph = graph_of(tmp_path)
        [found] = [p for p in graph.parameters if p.name == name]
        assert tuple(found.shape) == tuple(layer[name].shape)
        assert found.bytes == layer[name].nbytes
        return found.size

    return count


def awq_width(inputs, group):
    """``calculate_zeros_width`` of AutoAWQ."""
    multiple = {64: 2, 32: 4}.get(group, 1)
    width = math.ceil(inputs // group / 8)
    return math.ceil(width / multiple) * multiple


def awq_gemv(outputs, inputs, group=128):
    """``WQLinear_GEMV`` of AutoAWQ."""
    width = awq_width(inputs, group)
    return {
        "qweight": torch.zeros(outputs, inputs // 8, dtype=torch.int32),
        "qzeros": torch.zeros(outputs, width, dtype=torch.int32),
        "scales": torch.zeros(outputs, width * 8, dtype=torch.float16),
    }


def awq_fast(outputs, inputs, group=128, zeros="qzeros"):
    """``WQLinear_GEMVFast`` of AutoAWQ; ``WQLinear`` of LLM-AWQ has another name for its zeros."""
    width = awq_width(inputs, group)
    return {
        "qweight": torch.zeros(outputs // 4, inputs // 4 * 4, dtype=torch.int16),
        "scales": torch.zeros(width * 8, outputs, dtype=torch.float16),
        zeros: torch.zeros(width * 8, outputs, dtype=torch.float16),
    }


def awq_marlin(outputs, inputs, group=128):
    """``WQLinear_Marlin`` of AutoAWQ."""
    return {
        "qweight": torch.zeros(inputs // 16, outputs * 16 // 8, dtype=torch.int32),
        "scales": torch.zeros(inputs // group, outputs, dtype=torch.float16),
    }


@pytest.mark.parametrize("shape", [(256, 1024), (1024, 256), (64, 64), (8, 4096), (4096, 512)])
@pytest.mark.parametrize("group", [32, 64, 128])
def test_kernels_of_awq_have_layouts_of_their_own(counted, shape, group):
    group = min(group, shape[1])
    assert counted("qweight", awq_gemv(*shape, group)) == math.prod(shape)
    assert counted("qweight", awq_fast(*shape, group)) == math.prod(shape)
    assert counted("qweight", awq_fast(*shape, group, "scaled_zeros")) == math.prod(shape)
    assert counted("qweight", awq_marlin(*shape, group)) == math.prod(shape)


@pytest.mark.parametrize("made", [awq_gemv, awq_fast])
@pytest.mark.parametrize("lost", ["scales", "qzeros"])
def test_layers_that_only_resemble_those_of_awq_count_as_stored(counted, made, lost):
    layer = made(256, 1024)
    assert counted("qweight", layer | {lost: layer[lost][:-1]}) == layer["qweight"].numel()
    assert (
        counted("qweight", {name: tensor for name, tensor in layer.items() if name != lost}) == layer["qweight"].numel()
    )


def spqr(outputs, inputs, *, rows_together=False, outliers=40):
    """``QuantizedLinear`` of SpQR, with tiles of 16 by 16, and either of its sparse layouts."""
    tiles = math.ceil(outputs / 16) * math.ceil(inputs / 16)
    return {
        "dense_weights": torch.zeros(16 * tiles, dtype=torch.int64),
        "row_offsets": torch.zeros((outputs // 16 if rows_together else outputs) + 1, dtype=torch.int32),
        "col_vals": torch.zeros(outliers, dtype=torch.int32),
        "in_perm": torch.zeros(inputs // 2, dtype=torch.int32),
    }


@pytest.mark.parametrize("shape", [(64, 128), (256, 48), (16, 4096), (48, 40), (4096, 16)])
@pytest.mark.parametrize("rows_together", [False, True])
def test_the_dense_part_of_spqr_counts_as_the_whole_weight(counted, shape, rows_together):
    assert counted("dense_weights", spqr(*shape, rows_together=rows_together)) == math.prod(shape)


@pytest.mark.parametrize("lost", ["row_offsets", "col_vals", "in_perm"])
def test_a_dense_part_whose_rows_or_inputs_are_not_known_counts_as_stored(counted, lost):
    layer = spqr(64, 128)
    assert counted("dense_weights", {n: tensor for n, tensor in layer.items() if n != lost}) == 64 * 8
    if lost != "col_vals":
        assert counted("dense_weights", layer | {lost: layer[lost][:-9]}) == 64 * 8
        assert counted("dense_weights", layer | {lost: layer[lost][:0]}) == 64 * 8


def quark(outputs, inputs, dtype, scheme="per_group", group=32):
    """``QParamsLinear`` of Quark: ``infer_packed_shape`` of the pack method of a type says the shapes of weight and scale."""
    transposed = scheme == "per_group" and dtype in {"int2", "uint2", "int3", "int4", "uint4", "int8", "uint8"}
    shape = [inputs, outputs] if transposed and dtype != "int3" else [outputs, inputs]
    held, each, bytes_each = {
        **dict.fromkeys(("int4", "uint4"), (torch.int32, 8, 1)),
        **dict.fromkeys(("fp6_e2m3", "fp6_e3m2"), (torch.uint8, 4, 3)),
        "fp4": (torch.uint8, 2, 1),
        "int3": (torch.uint8, 8, 3),
        "uint2": (torch.uint8, 4, 1),
        "int2": (torch.int32, 1, 1),
        "int8": (torch.int8, 1, 1),
        "uint8": (torch.uint8, 1, 1),
    }[dtype]
    shape[1] = shape[1] // each * bytes_each
    groups = (inputs // group, outputs) if transposed else (outputs, inputs // group)
    scale = {"per_group": groups, "per_channel": (outputs,), "per_tensor": ()}[scheme]
    shared_exponent = scheme == "per_group" and dtype.startswith("fp")
    return {
        "weight": torch.zeros(shape, dtype=held),
        "weight_scale": torch.zeros(scale, dtype=torch.uint8 if shared_exponent else torch.float32),
    }


def quark_config(dtype, *others):
    """``QConfig.to_dict`` of Quark, as far as it is of weights."""
    weight, *more = ({"weight": [{"dtype": t, "is_scale_quant": False}], "bias": None} for t in (dtype, *others))
    scales = {"dtype": "fp8_e4m3", "is_scale_quant": True}
    return {
        "quant_method": "quark",
        "global_quant_config": weight | {"weight": [*weight["weight"], scales]},
        "layer_type_quant_config": {},
        "layer_quant_config": {f"*.{place}": layer for place, layer in enumerate(more)} | {"lm_head": {"weight": None}},
    }


@pytest.mark.parametrize("dtype", ["int4", "uint4", "fp4", "fp6_e2m3", "fp6_e3m2"])
@pytest.mark.parametrize("shape", [(64, 128), (128, 64), (64, 64)])
def test_groups_of_quark_tell_how_many_values_it_packs(counted, dtype, shape):
    assert counted("weight", quark(*shape, dtype)) == math.prod(shape)
    assert counted("weight", quark(*shape, dtype), quark_config("int8")) == math.prod(shape)


@pytest.mark.parametrize("dtype", ["int4", "uint4", "fp4", "fp6_e2m3", "fp6_e3m2", "int3", "uint2"])
@pytest.mark.parametrize("scheme", ["per_group", "per_channel", "per_tensor"])
def test_the_config_of_quark_tells_the_type_of_all_weights(counted, dtype, scheme):
    layer = quark(64, 128, dtype, scheme)
    assert counted("weight", layer, quark_config(dtype)) == 64 * 128
    assert counted("weight", layer, quark_config(dtype, dtype)) == 64 * 128
    if scheme != "per_group":
        for config in (quark_config(dtype, "int8"), {"quant_method": "other"}, {"quant_method": "quark"}, 7):
            assert counted("weight", layer, config) == layer["weight"].numel()


@pytest.mark.parametrize("dtype", ["int2", "int8", "uint8"])
@pytest.mark.parametrize("scheme", ["per_group", "per_channel", "per_tensor"])
def test_weights_that_quark_does_not_pack_count_as_stored(counted, dtype, scheme):
    assert counted("weight", quark(64, 128, dtype, scheme), quark_config(dtype)) == 64 * 128
    assert counted("weight", quark(64, 128, dtype, scheme)) == 64 * 128


def test_a_weight_without_scales_is_not_one_of_quark(counted):
    weight = torch.zeros(128, 8, dtype=torch.int32)
    for scale in ({}, {"weight_scale": torch.zeros(4, 72)}, {"weight_scale": torch.zeros(3, 64)}):
        assert counted("weight", {"weight": weight} | scale) == 128 * 8
    assert counted("weight", {"weight": weight}, quark_config("int4")) == 128 * 8
