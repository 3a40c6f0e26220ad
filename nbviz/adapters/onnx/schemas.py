"""The operations of the ONNX standard, and the names of their inputs."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

_WITHDRAWN = frozenset({
    "Affine", "ConstantFill", "Crop", "DynamicSlice", "ExpandDims", "GivenTensorFill", "ImageScaler", "ParametricSoftplus",
    "Scale", "ScaledTanh",
})  # fmt: skip
"""Experimental operations of the first versions which contract nothing; of ``GRUUnit`` and ``ATen`` that is not known."""

WITHOUT_DOMAIN = frozenset({"SimplifiedLayerNormalization", "SkipSimplifiedLayerNormalization"})
"""Norms of onnxruntime's own that it takes in the standard's domain, where its exporters write them; they contract nothing."""


def standard_domain(domain: str) -> str:
    """Return a domain by its short name: the standard's own, which has two, is ``""``."""
    return "" if domain == "ai.onnx" else domain


def domain_of(named: Any) -> str:
    """Return the domain of a node, a function or an operation set; the standard's own, which has two names, is ``""``."""
    return standard_domain(str(named.domain))


@functools.cache
def is_operation(op: str, domain: str) -> bool:
    """Tell whether the package ``onnx`` knows an operation, of any domain."""
    from onnx import defs

    return bool(defs.has(op, standard_domain(domain)))


def is_standard(op: str) -> bool:
    """Tell whether an operation is one of the standard's own domain, or was."""
    return op in WITHOUT_DOMAIN or op in _WITHDRAWN or is_operation(op, "")


@functools.cache
def input_names(op: str, domain: str, version: int) -> tuple[str, ...]:
    """Return the names of an operation's inputs, none where the operation is not known."""
    from onnx import defs

    try:
        schema = defs.get_schema(op, version, domain) if version > 0 else defs.get_schema(op, domain)
    except Exception:  # noqa: BLE001 - the class of its error is not public
        return ()
    return tuple(parameter.name for parameter in schema.inputs)


def versions(opsets: Iterable[Any]) -> dict[str, int]:
    """Return the versions of operation sets by domain; the standard's own is ``""``."""
    return {domain_of(opset): opset.version for opset in opsets}
