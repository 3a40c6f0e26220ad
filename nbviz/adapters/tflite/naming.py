"""Derives names of operators from the names of their tensors: ``model/block1/conv/Relu;model/block1/conv/Conv2D``.

A converter names what it has fused by the names of all parts. The scopes are those of the part that holds the weights, as
a layer does; where what an operator makes has a name without scopes (it is the model's output), they are its weight's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_CORE = re.compile(r"conv|depthwise|einsum|lookup|matmul|tensordot", re.IGNORECASE)
_PORT = re.compile(r":\d+$")


def name_of(made: Iterable[str], weights: Iterable[str]) -> str:
    """Return the name of an operator with its scopes.

    Parameters
    ----------
    made
        Names of the tensors that it makes.
    weights
        Names of the weights that it reads.
    """
    made, weights = list(made), list(weights)
    parts = next((parts for name in (*made, *weights) if (parts := _parts(name))), [])
    homes = [_scope(core) for name in weights if (core := _core(_parts(name)))]
    found = next((part for home in homes for part in parts if _scope(part) == home), None)
    found = found or _core(parts) or next(iter(parts), None) or next(iter((*made, *weights)), "")
    return _PORT.sub("", found)


def _parts(name: str) -> list[str]:
    """Return the names of the parts that are in scopes."""
    return [part for part in name.split(";") if "/" in part.strip("/")]


def _core(parts: Iterable[str]) -> str | None:
    """Return the part that computes with weights."""
    return next((part for part in parts if _CORE.search(part.rpartition("/")[2])), None)


def _scope(part: str) -> str:
    return part.rpartition("/")[0]
