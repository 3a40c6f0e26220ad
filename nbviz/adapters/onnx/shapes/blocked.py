"""onnxruntime's operations on blocked channels, which replace convolutions in models optimized for CPUs.

What they make has the axes of what stands in the file otherwise, with as many channels as fill blocks; how long a block is
depends on the CPU.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nbviz.adapters.onnx.shapes.standing_in import Rule, Standard, attribute

NCHWC = "com.microsoft.nchwc"

_OF_STANDARD = 3
"""Inputs that these operations share with those of the standard; then comes what is added."""


def _as_standard(to: Standard, node: Any) -> bool:
    kept = [a for a in node.attribute if not a.name.startswith("activation")]
    to.add(node.op_type, *list(node.input)[:_OF_STANDARD], to=node.output[0], attributes=kept)
    return True


def _into_blocks(to: Standard, node: Any) -> bool:
    places = "n...c" if attribute(node, "channels_last") else "nc..."
    to.einsum(f"{places},rk->nk...", node.input[0], to.add("NonZero", node.input[0]), to=node.output[0])
    return True


def _out_of_blocks(to: Standard, node: Any) -> bool:
    places = "n...k" if attribute(node, "channels_last") else "nk..."
    channels = to.weight(attribute(node, "channels"))
    to.einsum(f"nc...,k->{places}", node.input[0], channels, to=node.output[0])
    return True


def _upsampled(to: Standard, node: Any) -> bool:
    scales = next((a.ints for a in node.attribute if a.name == "scales"), ())
    if scales:
        larger = to.add("Tile", node.input[0], to.numbers(*scales))  # which may lose the name of the batch
        to.einsum("ncij,mkab->ncab", node.input[0], larger, to=node.output[0])
    return bool(scales)


RULES: Mapping[str, Rule] = {
    **dict.fromkeys(("AveragePool", "Conv", "GlobalAveragePool", "GlobalMaxPool", "MaxPool"), _as_standard),
    "ReorderInput": _into_blocks,
    "ReorderOutput": _out_of_blocks,
    "Upsample": _upsampled,
}
