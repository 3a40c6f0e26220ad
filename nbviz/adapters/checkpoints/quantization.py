"""Looks up in the ``config.json`` next to a checkpoint, and in its header, how weights were quantized, if their shapes do not tell."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, final

from nbviz.adapters.files.opening import inside, opened
from nbviz.errors import FileReadError

_CONFIG = "config.json"
_BESIDE_INDEX = "model.safetensors.index.json.meta.json"
"""What SINQ says of layers that is no tensor."""
_LONGEST = 16 << 20
"""The most bytes of a configuration: with a line for each layer it takes some hundred thousand."""
_LONGEST_OF_ONE = 1 << 12
"""The most characters about one tensor: it takes some hundred."""


class Subclass(NamedTuple):
    """A tensor of a class of its own, which is saved in parts: the name of the class, and what is not a tensor in it."""

    kind: str
    attributes: Mapping[str, Any]


class Vectors(NamedTuple):
    """How VPTQ looks a weight up: outputs lie together in vectors, and some inputs, the outliers, have a table of their own.

    Attributes
    ----------
    outputs
        How many there are.
    outliers, length_of_outliers
        The inputs that are outliers, and how many of their outputs are a vector.
    groups, group, length
        The groups of the other inputs, how many are in each, and how many of their outputs are a vector.
    bits
        What it takes to say which vector it is, and which is added to it.
    """

    outputs: int
    outliers: int
    length_of_outliers: int
    groups: int
    group: int
    length: int
    bits: int


class Packing(NamedTuple):
    """How values are packed: the bits that one takes, and how many have one scale, None where a row or all of them do."""

    bits: int
    group: int | None


@final
class Quantization:
    """How the weights of a checkpoint were quantized, as the folder says that it is in; it is read when it is first asked.

    MLX says it under ``quantization``, for all layers and for those that differ. Transformers says it under
    ``quantization_config``, with the name of the method. SINQ says it in a file of its own.

    Parameters
    ----------
    folder
        Where ``config.json`` may be.
    metadata
        What is in the headers of the files: torchao says there what it has taken apart.
    """

    def __init__(self, folder: Path, metadata: Mapping[str, Any]) -> None:
        self._folder = folder
        self._metadata = metadata

    def of(self, layer: tuple[str, ...]) -> Packing | None:
        """Return how the weight of a layer was packed, None where the folder does not say."""
        said = _dict(self._config.get("quantization"))
        if said is None:
            return _of_method(self._method)
        own = said.get(".".join(layer), True)  # a layer alone may differ, or not be quantized
        return _grouped(said if own is True else own)

    def subclass(self, tensor: tuple[str, ...]) -> Subclass | None:
        """Return of what class a tensor was that is saved in parts, None where no header says so."""
        text = self._metadata.get(".".join(tensor), "")
        if not isinstance(text, str) or len(text) > _LONGEST_OF_ONE:
            return None
        try:
            said = json.loads(text)
        except (ValueError, RecursionError):
            return None
        match said:
            case {"_type": str(kind), "_data": dict(attributes)}:
                return Subclass(kind, attributes)
        return None

    def shape(self, layer: tuple[str, ...]) -> list[int]:
        """Return the shape of the weight of a layer as SINQ says it, nothing where it does not."""
        match self._beside_index.get(".".join(layer)):
            case {"meta": {"shape": [int(rows), int(columns)]}} if bool not in {type(rows), type(columns)}:
                return [rows, columns]
        return []

    def vectors(self, layer: tuple[str, ...]) -> Vectors | None:
        """Return how VPTQ looks the weight of a layer up, None where the folder does not say: by its whole name or by its last."""
        if self._method.get("quant_method") != "vptq" or not layer:
            return None
        layers, shared = (_dict(self._method.get(n)) or {} for n in ("config_for_layers", "shared_layer_config"))
        return _vectors(layers.get(".".join(layer), shared.get(layer[-1])))

    @cached_property
    def weights(self) -> str | None:
        """The type of all quantized weights, None where the folder does not say, or some differ: Quark says it by patterns of names."""
        if self._method.get("quant_method") != "quark":
            return None
        layers = [self._method.get("global_quant_config")]
        for differing in ("layer_type_quant_config", "layer_quant_config", "kv_cache_quant_config"):
            layers += (_dict(self._method.get(differing)) or {}).values()
        types = {found for layer in layers for found in _types(layer)}
        return types.pop() if len(types) == 1 else None

    @cached_property
    def _method(self) -> Mapping[str, Any]:
        """What is said of a method, which of a model for several kinds of input may be beside what is said of text."""
        alone, text = (_dict(said) or {} for said in (self._config, self._config.get("text_config")))
        return _dict(alone.get("quantization_config")) or _dict(text.get("quantization_config")) or {}

    @cached_property
    def _config(self) -> Mapping[str, Any]:
        return self._read(_CONFIG)

    @cached_property
    def _beside_index(self) -> Mapping[str, Any]:
        return self._read(_BESIDE_INDEX)

    def _read(self, name: str) -> Mapping[str, Any]:
        try:
            with opened(inside(self._folder, name)) as file:
                return _dict(json.loads(file.read(_LONGEST))) or {}
        except (FileReadError, OSError, ValueError, RecursionError):  # a checkpoint can do without
            return {}


def _dict(said: Any) -> Mapping[str, Any] | None:
    return said if isinstance(said, dict) else None


def _vectors(said: Any) -> Vectors | None:
    match said:
        case {
            "in_features": int(inputs),
            "out_features": int(outputs),
            "vector_lens": [int(length_of_outliers), int(length)],
            "num_centroids": [_, int(first)],
            "num_res_centroids": [_, int(second)],
            "group_num": int(groups),
            "group_size": int(group),
            "outlier_size": int(outliers),
        } if min(outputs, length, first, groups, group) > 0 <= outliers and groups * group + outliers == inputs:
            bits = sum(count.bit_length() - 1 for count in (first, second) if count > 0)
            return Vectors(outputs, outliers, length_of_outliers, groups, group, length, bits)
    return None


def _types(layer: Any) -> Iterator[str]:
    """Yield the type of the weights of a layer in Quark; where their scales are quantized too, the types of those come after it."""
    weight = (_dict(layer) or {}).get("weight")
    for one in weight if isinstance(weight, list) else [weight]:
        said = _dict(one) or {}
        if isinstance(said.get("dtype"), str) and not said.get("is_scale_quant"):
            yield said["dtype"]


def _of_method(said: Mapping[str, Any]) -> Packing | None:
    """Return how one of the methods of Transformers packs, None for those whose tensors tell it themselves.

    Gemma's layers may differ by patterns that nothing bounds the time of; where there are some, it stays open.
    """
    match said.get("quant_method"):
        case "metal":
            return _grouped({"bits": 4, "group_size": 64, **said})
        case "bitnet":
            return Packing(2, None)
        case "gemma" if not said.get("module_quant_configs"):
            bits = _positive(said.get("num_bits", 4))
            return Packing(bits, None) if bits else None
    return None


def _grouped(said: Any) -> Packing | None:
    bits, group = (
        (_positive(said.get(name)) for name in ("bits", "group_size")) if isinstance(said, dict) else (None, None)
    )
    return Packing(bits, group) if bits and group else None


def _positive(number: Any) -> int | None:
    return number if type(number) is int and number > 0 else None
