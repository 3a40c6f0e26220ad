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
