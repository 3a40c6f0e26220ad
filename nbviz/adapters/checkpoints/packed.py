"""Tells how many values packed weights represent, if the tensors beside them leave no doubt.

Safetensors files have no types for what quantization libraries pack: four bits lie in pairs in bytes, or eight to a whole
number. Each library keeps scales beside a packed weight, under names of its own, whose shapes tell the rest; some say it in the
configuration of the folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, final

from nbviz.adapters.checkpoints import lookup_rules, packing_rules
from nbviz.adapters.checkpoints.packed_tensor import Tensor, Tensors
from nbviz.adapters.checkpoints.quantization import Quantization

if TYPE_CHECKING:
    from nbviz.adapters.checkpoints.tree import Entry


@final
class Counted(NamedTuple):
    """The tensors of a checkpoint, packed ones with the number of values that they stand for.

    Attributes
    ----------
    entries
        All of them.
    told
        How many are packed, and tell how many values they hold.
    untold
        How many are packed, and leave it open how many bits a value takes: they count as stored.
    """

    entries: list[Entry]
    told: int
    untold: int


def with_logical_sizes(entries: list[Entry], quantization: Quantization | None = None) -> Counted:
    """Return the tensors with the number of values that each stands for; what is said of their quantization may tell it too."""
    tensors = {entry.path: entry for entry in entries}
    found = [_logical(Tensor(entry, tensors, quantization)) for entry in entries]
    same = [entry for new, entry in zip(found, entries, strict=True) if new is entry]
    return Counted(found, len(entries) - len(same), sum(_is_open(entry, tensors) for entry in same))


def _logical(packed: Tensor) -> Entry:
    rules = packing_rules.RULES.get(packed.dtype, ()) + lookup_rules.RULES.get(packed.dtype, ())
    size = next((size for rule in rules if (size := rule(packed)) is not None), None)
    return packed.entry if size is None else replace(packed.entry, size=size, trainable=False)


_OPEN: Mapping[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "weight": (
        ("uint32", ("scales",)),
        ("uint8", ("weight_scale",)),
        ("int32", ("weight_scale",)),
        ("int16", ("scales",)),
    ),
    "weight_packed": (("int32", ("weight_shape",)), ("uint8", ("weight_scale",))),
    "embedding_quantized": (("uint8", ("embedding_scale",)),),
    "W_q": (("", ("scale", "zero")), ("", ("meta/scale", "meta/zero"))),
    "qweight": (
        ("int32", ("scales",)),
        ("int32", ("wscales",)),
        ("uint8", ("scales",)),
        ("int8", ("wscales",)),
        ("int16", ("scales",)),
    ),
    "q_weight": (("int32", ("q_scale",)),),
    "codes": (("", ("codebooks",)),),
    "indices": (("", ("centroids/weight",)),),
    "outlier_indices": (("", ("outlier_centroids/weight",)),),
    "Qidxs": (("", ("SU", "SV")),),
    "trellis": (("int16", ("SU", "SV")), ("int16", ("suh", "svh")), ("int16", ("su", "sv"))),
    "dense_weights": (("int64", ("row_offsets", "col_vals")),),
    "B": (("int32", ("s",)),),
    "_weight_qdata": (("int32", ("_weight_scale",)), ("int32", ("_weight_scale_and_zero",))),
}
"""Packed weights by name and dtype, which is empty where it may be any, and what is beside them.

The shapes of affine weights of MLX do not tell the bits of a value, and those of HQQ and of compressed-tensors do not where the
values of the tensor that holds them cannot be read; nor do the vectors of VPTQ, and the dense parts of SpQR without an order of
inputs. Bytes with one scale are four values each in BitNet, and one where eight bits of a float were stored as a byte.
"""


def _is_open(entry: Entry, tensors: Tensors) -> bool:
    """Tell whether an entry that none of the rules explains is packed all the same."""
    row = entry.path[:-1]
    return any(
        dtype in {"", entry.dtype} and all((*row, *name.split("/")) in tensors for name in beside)
        for dtype, beside in _OPEN.get(entry.path[-1], ())
    )
