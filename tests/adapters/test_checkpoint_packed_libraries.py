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


def torchao(kind, parts, attributes):
    """What ``flatten_tensor_state_dict`` of torchao gives ``save_file``, for a weight of one of its classes."""
    said = {"_type": kind, "_data": attributes, "_tensor_data_names": list(parts)}
    names = {"net.layer.weight": json.dumps(said), "net.layer.bias": json.dumps({"_type": "Tensor"})}
    tensors = {f"_weight_{name}": part for name, part in parts.items()} | {"bias": torch.zeros(3)}
    return tensors, names | {"tensor_names": json.dumps(list(names)), "format": "pt"}


def int4(outputs, inputs, group=64):
    """``Int4Tensor``: two values in each byte of a row, groups in columns of the scales."""
    scale = torch.zeros(inputs // group, outputs, dtype=torch.bfloat16)
    parts = {"qdata": torch.zeros(outputs, inputs // 2, dtype=torch.int8), "scale": scale, "zero_point": scale.clone()}
    return torchao("Int4Tensor", parts, {"block_size": [1, group], "shape": [outputs, inputs]})


def int4_tiles(outputs, inputs, group=64):
    """``Int4TilePackedTo4dTensor``: inputs padded to 1,024 and outputs to 8, in tiles as tinygemm takes them."""
    rows, columns = math.ceil(outputs / 8) * 8, math.ceil(inputs / 1024) * 1024
    qdata = torch.zeros(rows // 8, columns // (8 * 16), 32, 8 // 2, dtype=torch.int32)
    parts = {"qdata": qdata, "scale_and_zero": torch.zeros(columns // group, rows, 2, dtype=torch.bfloat16)}
    return torchao("Int4TilePackedTo4dTensor", parts, {"block_size": [1, group], "shape": [outputs, inputs]})


def int4_plain(outputs, inputs, group=64):
    """``Int4PlainInt32Tensor``: eight values in each whole number of a row."""
    scale = torch.zeros(inputs // group, outputs, dtype=torch.float16)
    qdata = torch.zeros(outputs, inputs // 8, dtype=torch.int32)
    parts = {"qdata": qdata, "scale": scale, "zero_point": scale.to(torch.int8)}
    return torchao("Int4PlainInt32Tensor", parts, {"block_size": [1, group], "shape": [outputs, inputs]})


def nvfp4(outputs, inputs):
    """``NVFP4Tensor``, whose scales are in blocks of 128 by 4 as the kernels take them."""
    qdata = torch.zeros(outputs, inputs // 2, dtype=torch.uint8)
    blocks = torch.zeros(math.ceil(outputs / 128) * 32, math.ceil(inputs / 64) * 16).to(torch.float8_e4m3fn)
    return torchao("NVFP4Tensor", {"qdata": qdata, "scale": blocks}, {"block_size": 16, "is_swizzled_scales": True})


def mx(outputs, inputs, dtype="float4_e2m1fn_x2"):
    """``MXTensor``, whose type of values is one of its attributes."""
    packed = dtype.endswith("_x2")
    qdata = torch.zeros(outputs, inputs // 2 if packed else inputs, dtype=torch.uint8)
    parts = {"qdata": qdata, "scale": torch.zeros(outputs, inputs // 32, dtype=torch.uint8)}
    return torchao("MXTensor", parts, {"elem_dtype": {"_type": "torch.dtype", "_data": dtype}, "block_size": 32})


@pytest.mark.parametrize("made", [int4, int4_tiles, int4_plain, nvfp4, mx])
@pytest.mark.parametrize("shape", [(64, 128), (128, 64), (64, 64), (1, 4096), (20, 1088)])
def test_the_header_of_torchao_says_what_its_parts_stand_for(counted, made, shape):
    tensors, metadata = made(*shape)
    assert counted("_weight_qdata", tensors, metadata=metadata) == math.prod(shape)


@pytest.mark.parametrize(
    "attributes",
    [
        {"shape": [1 << 20, 1 << 20]},
        {"shape": [-1, -1]},
        {"shape": [64.0, 2]},
        {"shape": [64] * 9},
        {"shape": "64"},
        {},
    ],
)
def test_parts_count_as_stored_where_the_header_says_nothing_that_fits(counted, attributes):
    tensors, metadata = int4(64, 128)
    stored = tensors["_weight_qdata"].numel()
    _, wrong = torchao("Int4Tensor", {}, attributes)
    for said in (None, {}, wrong, metadata | {"net.layer.weight": "["}, metadata | {"net.layer.weight": "[1]"}):
        assert counted("_weight_qdata", tensors, metadata=said) == stored


def test_classes_of_torchao_that_pack_nothing_count_as_stored(counted):
    whole = {"qdata": torch.zeros(64, 64, dtype=torch.int8), "scale": torch.zeros(64, 64)}
    for kind in ("Int8Tensor", "IntxUnpackedToInt8Tensor", "Float8Tensor"):
        tensors, metadata = torchao(kind, whole, {"block_size": [1, 1], "shape": [64, 128]})
        assert counted("_weight_qdata", tensors, metadata=metadata) == 64 * 64
    tensors, metadata = mx(64, 64, "float8_e4m3fn")
    assert counted("_weight_qdata", tensors, metadata=metadata) == 64 * 64


@pytest.mark.parametrize("indexed", [True, False])
def test_headers_of_all_shards_are_asked(tmp_path, indexed):
    places = {}
    for number, layer in enumerate(["net.layer", "net.other"], 1):
        tensors, metadata = int4_tiles(64, 128)
        file = f"model-0000{number}-of-00002.safetensors"
        named = {f"{layer}.{name}": tensor for name, tensor in tensors.items()}
        metadata = {name.replace("net.layer", layer): about for name, about in metadata.items()}
        save_file(named, tmp_path / file, metadata)
        places |= dict.fromkeys(named, file)
    if indexed:
        (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    assert [p.size for p in graph_of(tmp_path).parameters if p.name == "_weight_qdata"] == [64 * 128] * 2


def vptq_config(outputs, inputs, *, length=8, first=65536, second=-1, groups=1, outliers=0):
    """``init_args`` of ``VQuantLinear`` of VPTQ, which its ``pack_model`` puts into the config."""
    return {
        "in_features": inputs,
        "out_features": outputs,
        "vector_lens": [4 if outliers else -1, length],
        "num_centroids": [4096 if outliers else -1, first],
        "num_res_centroids": [-1, second],
        "group_num": groups,
        "group_size": (inputs - outliers) // groups,
        "outlier_size": outliers,
        "is_indice_packed": True,
    }


def vptq(config):
    """``VQuantLinear`` of VPTQ, with packed indices."""
    (length_of_outliers, length), (outlier_count, count) = config["vector_lens"], config["num_centroids"]
    second, outputs, groups = config["num_res_centroids"][1], config["out_features"], config["group_num"]
    bits = int(math.log2(count)) + (int(math.log2(second)) if second > 0 else 0)
    packed = math.ceil(config["group_size"] * bits / 32)
    layer = {
        "centroids.weight": torch.zeros(groups, count * length, dtype=torch.float16),
        "indices": torch.zeros(groups, math.ceil(outputs / length), packed, dtype=torch.int32),
        "perm": torch.zeros(config["in_features"], dtype=torch.int16),
    }
    if second > 0:
        layer["res_centroids.weight"] = torch.zeros(groups, second * length, dtype=torch.float16)
    if outlier_count > 0:
        layer["outlier_centroids.weight"] = torch.zeros(1, outlier_count * length_of_outliers, dtype=torch.float16)
        shape = (1, math.ceil(outputs / length_of_outliers), config["outlier_size"])
        layer["outlier_indices"] = torch.zeros(shape, dtype=torch.int16)
    return layer


VPTQ = [
    vptq_config(64, 128, first=256),
    vptq_config(66, 120, length=12, first=4096, second=256),
    vptq_config(64, 128, length=6, first=256, second=16, groups=4),
    vptq_config(62, 136, length=8, first=512, outliers=8),
]


@pytest.mark.parametrize("config", VPTQ)
@pytest.mark.parametrize("where", ["config_for_layers", "shared_layer_config"])
def test_vectors_of_vptq_count_as_the_config_says(counted, config, where):
    layer, outliers = vptq(config), config["outlier_size"]
    said = {"quant_method": "vptq", where: {"layer" if where.startswith("shared") else "net.layer": config}}
    assert counted("indices", layer, said) == config["out_features"] * (config["in_features"] - outliers)
    if outliers:
        assert counted("outlier_indices", layer, said) == config["out_features"] * outliers


@pytest.mark.parametrize(
    "change",
    [
        {"out_features": 65},
        {"in_features": 129},
        {"group_size": 64},
        {"vector_lens": [-1, 0]},
        {"vector_lens": [8]},
        {"num_centroids": [-1, 512]},
        {"group_num": "1"},
        {"out_features": 10**400, "in_features": 10**400, "group_size": 10**400},
    ],
)
def test_vectors_of_vptq_count_as_stored_where_the_config_does_not_fit(counted, change):
    config = vptq_config(64, 128, first=256)
    layer = vptq(config)
    stored = layer["indices"].numel()
    said = {"quant_method": "vptq", "config_for_layers": {"net.layer": config}}
    assert counted("indices", layer, said) > stored
    assert counted("indices", layer, said | {"config_for_layers": {"net.layer": config | change}}) == stored
    assert counted("indices", layer, said | {"config_for_layers": {"net.other": config}}) == stored
    assert counted("indices", layer, said | {"quant_method": "other"}) == stored
    assert counted("indices", {"indices": layer["indices"]}, said) == stored


def test_outliers_of_vptq_count_as_stored_where_the_config_has_none(counted):
    layer = vptq(VPTQ[3])
    said = {"quant_method": "vptq", "config_for_layers": {"net.layer": vptq_config(62, 128, first=512)}}
    assert counted("outlier_indices", layer, said) == layer["outlier_indices"].numel()


def test_what_is_said_of_text_alone_counts_too(tmp_path):
    config = vptq_config(64, 128, first=256)
    save_file({f"q.{name}": tensor for name, tensor in vptq(config).items()}, tmp_path / "model.safetensors")
    said = {"quant_method": "vptq", "config_for_layers": {"q": config}}
    (tmp_path / "config.json").write_text(json.dumps({"text_config": {"quantization_config": said}}))
    assert [p.size for p in graph_of(tmp_path).parameters if p.name == "indices"] == [64 * 128]


def quip(outputs, inputs, codesz, packsz, dtype):
    """``QuantizedLinear`` of QuIP#, with what a codebook says of its places."""
    return {
        "Qidxs": torch.zeros(outputs, int(inputs / (codesz * packsz)), dtype=dtype),
        "codebook_id": torch.tensor(7),
        "SU": torch.ones(inputs, dtype=torch.float16),
        "SV": torch.ones(outputs, dtype=torch.float16),
        "Wscale": torch.ones(()),
    }


CODEBOOKS = {
    "E8P12": (8, 4, torch.int64),
    "E8P12, not packed": (8, 1, torch.int16),
    "E8P12RVQ3B": (8, 8 / 3, torch.int64),
    "E8P12RVQ4B": (8, 2, torch.int64),
    "HI4B1C": (1, 8, torch.int32),
    "D4": (4, 1, torch.uint8),
}


@pytest.mark.parametrize("codebook", CODEBOOKS)
def test_lattices_of_quip_count_as_inputs_by_outputs(counted, codebook):
    layer = quip(64, 192, *CODEBOOKS[codebook])
    stored = layer["Qidxs"].numel()
    assert counted("Qidxs", layer) == 64 * 192
    assert counted("Qidxs", layer | {"SU": torch.ones(191)}) == stored
    assert counted("Qidxs", layer | {"ocs_dupe_inds": torch.arange(192)}) == stored
    assert counted("Qidxs", {name: tensor for name, tensor in layer.items() if name != "SV"}) == stored


def qtip(outputs, inputs, bits, tile=16):
    """``QuantizedLinear`` of QTIP."""
    tiles = (outputs // tile) * (inputs // tile)
    return {
        "trellis": torch.zeros(tiles, math.ceil(tile * tile * bits / 16), dtype=torch.int16),
        "SU": torch.ones(inputs, dtype=torch.float16),
        "SV": torch.ones(outputs),
    }


def exl3(outputs, inputs, bits, signs=("suh", "svh")):
    """``LinearEXL3`` of ExLlamaV3: half a bit more is possible, and older files have the signs of ``suh`` and ``svh`` in bits."""
    both = zip(signs, (inputs, outputs), strict=True)
    packed = {name: torch.zeros(n // 16, dtype=torch.int16) for name, n in both if len(name) == 2}
    both = zip(signs, (inputs, outputs), strict=True)
    plain = {name: torch.zeros(n, dtype=torch.float16) for name, n in both if len(name) == 3}
    return {"trellis": torch.zeros(inputs // 16, outputs // 16, int(16 * bits), dtype=torch.int16)} | packed | plain


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 2.5, 8])
@pytest.mark.parametrize("shape", [(128, 256), (256, 128), (64, 64)])
def test_trellises_count_as_inputs_by_outputs(counted, bits, shape):
    assert counted("trellis", exl3(*shape, bits)) == math.prod(shape)
    assert counted("trellis", exl3(*shape, bits, ("su", "sv"))) == math.prod(shape)
    if isinstance(bits, int):
        assert counted("trellis", qtip(*shape, bits)) == math.prod(shape)


@pytest.mark.parametrize("layer", [qtip(128, 256, 2), exl3(128, 256, 2)])
def test_a_trellis_whose_inputs_or_outputs_differ_counts_as_stored(counted, layer):
    stored = layer["trellis"].numel()
    inputs = next(name for name in layer if name.lower().startswith("su"))
    assert counted("trellis", layer | {inputs: layer[inputs][:-1]}) == stored
    assert counted("trellis", {"trellis": layer["trellis"]}) == stored
    assert counted("trellis", layer | {"trellis": layer["trellis"][..., None]}) == stored
    assert counted("trellis", layer | {"trellis": layer["trellis"][:0]}) == 0


def sinq(outputs, inputs, bits, group=64):
    """``Quantizer.quantize`` and ``BitPack`` of SINQ: rows are groups, and several lie on each other."""
    rows, (dtype, each) = (
        outputs * inputs // group,
        {
            2: (torch.uint8, 4),
            3: (torch.int32, 10),
            4: (torch.uint8, 2),
            6: (torch.int32, 5),
            8: (torch.uint8, 1),
        }[bits],
    )
    return {
        "W_q": torch.zeros(math.ceil(rows / each), group, dtype=dtype),
        "meta.scale": torch.zeros(rows, 1),
        "meta.scale2": torch.zeros(1, inputs),
        "meta.zero": torch.zeros(rows, 1),
    }


@pytest.mark.parametrize("bits", [2, 3, 4, 6, 8])
def test_sinq_says_the_shape_in_a_file_beside_the_index(counted, tmp_path, bits):
    layer = sinq(64, 192, bits)
    said = {"nbits": bits, "group_size": 64, "shape": [64, 192], "axis": 1}
    beside = tmp_path / "model.safetensors.index.json.meta.json"
    beside.write_text(json.dumps({"net.layer": {"meta": said}}))
    assert counted("W_q", layer) == 64 * 192
    for other in ({"shape": [64, 10**400]}, {"shape": [64]}, {"shape": "64"}, {}):
        beside.write_text(json.dumps({"net.layer": {"meta": other}}))
        assert counted("W_q", layer) == layer["W_q"].numel()
    beside.write_text(json.dumps({"net.other": {"meta": said}}))
    assert counted("W_q", layer) == layer["W_q"].numel()


def four_over_six(outputs, inputs, padded):
    """``FourOverSixLinear`` of Four Over Six, whose sides may be padded."""
    rows, columns = padded
    return {
        "quantized_weight_values": torch.zeros(rows, columns // 2, dtype=torch.uint8),
        "quantized_weight_scale_factors": torch.zeros(rows * columns // 16).to(torch.float8_e4m3fn),
        "quantized_weight_amax": torch.zeros(1),
        "quantized_weight_metadata": torch.tensor([outputs, inputs, *padded, 1, 0]),
    }


@pytest.mark.parametrize("padded", [(64, 128), (128, 128), (128, 192)])
def test_a_padded_weight_counts_as_the_numbers_beside_it_say(counted, padded):
    layer = four_over_six(64, 128, padded)
    values, about = layer["quantized_weight_values"], layer["quantized_weight_metadata"]
    assert counted("quantized_weight_values", layer) == 64 * 128
    for wrong in (about[:3], about + 1, about * 0, about.to(torch.float32), torch.tensor([999, 128, *padded])):
        assert counted("quantized_weight_values", layer | {"quantized_weight_metadata": wrong}) == values.numel()


@pytest.mark.parametrize(
    ("layer", "about"),
    [
        (four_over_six(64, 128, (64, 128)), 6),
        (quip(64, 128, 8, 4, torch.int64), 1),
        (qtip(64, 128, 2) | {"rcp": torch.tensor(0), "tp_rank": torch.tensor(8)}, 2),
        (exl3(64, 128, 2) | {"mul1": torch.tensor(1, dtype=torch.int32)}, 1),
        ({"trellis": torch.ones(3), "rcp": torch.tensor(0)}, 0),
    ],
)
def test_numbers_that_say_how_a_weight_is_looked_up_are_no_parameters(tmp_path, layer, about):
    save_file({f"layer.{name}": tensor for name, tensor in layer.items()}, tmp_path / "model.safetensors")
    assert sum(p.size for p in graph_of(tmp_path).parameters if p.kind == "buffer") == about


def test_methods_of_one_value_for_each_byte_count_as_stored(counted):
    """``EetqLinear`` and ``FbgemmFp8Linear`` of Transformers."""
    eetq = {"weight": torch.zeros(128, 64, dtype=torch.int8), "weight_scales": torch.zeros(64, dtype=torch.float16)}
    assert counted("weight", eetq, {"quant_method": "eetq"}) == 128 * 64
    fbgemm = {"weight": torch.zeros(64, 128).to(torch.float8_e4m3fn), "weight_scale": torch.zeros(64, 1)}
    assert counted("weight", fbgemm, {"quant_method": "fbgemm_fp8"}) == 64 * 128
