"""Values in a recorded program: tensors without data, and integers that depend on sizes."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, final

from nbviz.adapters.torch.exported.symbols import dim_of
from nbviz.adapters.torch.tensors import dtype_name
from nbviz.graph import TensorSpec
from nbviz.shape import Dim, Shape

UNKNOWN = TensorSpec(None)
"""What is known of a result that a program says nothing about."""


@final
@dataclass(frozen=True, eq=False, slots=True)
class Value:
    """A tensor of a program, known by its identity.

    Attributes
    ----------
    spec
        What is known of it.
    key
        The key of the parameter that it is, None if it is none.
    """

    spec: TensorSpec
    key: Hashable | None = None


@final
@dataclass(frozen=True, slots=True)
class Number:
    """A number that a program computes from sizes: ``s0``, ``2*s0``; None where nobody knows which."""

    dim: Dim


Described = TensorSpec | Number | tuple["Described", ...] | None
"""What a node gives: tensors, numbers, tuples of them; None for nothing."""


def described(meta: Mapping[str, Any], names: Mapping[str, str]) -> Described:
    """Return what a node of an fx graph gives, ``UNKNOWN`` where it does not say; ``names`` renames symbols."""
    for key in ("val", "example_value", "tensor_meta"):
        if key in meta and (key == "val" or meta[key] is not None):
            return _described(meta[key], names)
    return UNKNOWN


def _described(value: Any, names: Mapping[str, str]) -> Described:
    if value is None or isinstance(value, (TensorSpec, Number)):
        return value
    if hasattr(value, "shape") and hasattr(value, "dtype"):  # a fake tensor, or a TensorMetadata, which is a tuple
        return TensorSpec(Shape(dim_of(d, names) for d in value.shape), dtype_name(value))
    if isinstance(value, (tuple, list)):
        return tuple(_described(item, names) for item in value)
    if isinstance(value, int) or type(value).__name__ == "SymInt":
        return Number(dim_of(value, names))
    return Number(None)


def made(description: Described) -> Any:
    """Return new values for what a node gives."""
    if isinstance(description, TensorSpec):
        return Value(description)
    if isinstance(description, tuple):
        return tuple(made(item) for item in description)
    return description


def gives_tensors(description: Described) -> bool:
    """Tell whether there is a tensor in what a node gives."""
    if isinstance(description, tuple):
        return any(gives_tensors(item) for item in description)
    return isinstance(description, TensorSpec)


def flat(value: Any) -> Iterator[Any]:
    """Yield what is inside lists, tuples, dicts and slices."""
    if isinstance(value, (tuple, list)):
        for item in value:
            yield from flat(item)
    elif isinstance(value, Mapping):
        yield from flat(tuple(value.values()))
    elif isinstance(value, slice):
        yield from flat((value.start, value.stop, value.step))
    else:
        yield value


def values_in(*structures: Any) -> list[Value]:
    """Return the tensors in structures, each once."""
    return list({id(v): v for v in flat(structures) if isinstance(v, Value)}.values())
