"""Reads dicts of arrays, nested or not: PyTorch state dicts, JAX parameters, arrays by name."""

from __future__ import annotations

import math
import sys
import weakref
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, final

from nbviz.adapters.checkpoints.nested import Branch, Found, Left, Other, Scalar, Walk, listed
from nbviz.adapters.checkpoints.tree import Checkpoint, Entry, TooLargeError, graph_of
from nbviz.adapters.files.values import Weights, is_text_or_date
from nbviz.adapters.text import full_name, plain, short
from nbviz.adapters.weights import pieces
from nbviz.errors import UnsupportedModelError, with_article
from nbviz.graph import itemsize
from nbviz.reading import Reading, without_inputs

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_FRAMEWORKS = {
    "torch": "PyTorch",
    "jax": "JAX",
    "jaxlib": "JAX",
    "numpy": "NumPy",
    "mlx": "MLX",
    "tensorflow": "TensorFlow",
}
_ADVICE = (
    "Pass a dict of arrays, such as model.state_dict(). To view another object, pass it directly instead of inside a "
    "dict."
)


class MappingAdapter:
    """The adapter of dicts."""

    def reads(self, model_type: type) -> bool:
        """Tell whether ``model_type`` itself is a dict, or the base of what is like one; ordered ones and others derive from it."""
        return model_type in {dict, Mapping}

    def read(self, model: Any, inputs: Any) -> Reading:
        """Read a dict of arrays, to which ``inputs`` are of no use.

        Raises
        ------
        UnsupportedModelError
            If something in it is neither an array nor a plain value, or there is no array.
        """
        kind = full_name(type(model))
        checkpoint = Checkpoint(type(model).__name__, "")
        walk = Walk(checkpoint, _look)
        try:
            walk.run(model)
            if walk.others:
                where, found = walk.others[0]
                raise UnsupportedModelError(
                    f"nbviz cannot read {with_article(kind)} with {with_article(found.name)} in it (at {short(where, 200)!r}). {_ADVICE}"
                )
            if not checkpoint.entries and not checkpoint.optimizers:
                left = f" of numbers in it: {checkpoint.notes[0]}" if checkpoint.notes else " in it."
                raise UnsupportedModelError(f"nbviz cannot read {with_article(kind)} without arrays{left} {_ADVICE}")
            checkpoint.framework = _framework(checkpoint)
            graph, entries = graph_of(checkpoint)
        except TooLargeError as error:
            raise UnsupportedModelError(f"nbviz cannot read this {kind}: {error}.") from error
        return without_inputs(Reading(graph, Weights("a dict", [entry.values for entry in entries])), inputs)


def _look(value: Any) -> Found:
    """Say what a value in a dict is."""
    import numpy as np

    if isinstance(value, Mapping):
        return Branch(_items(value))
    if isinstance(value, list | tuple):
        fields = getattr(type(value), "_fields", None)
        return listed(value) if fields is None else Branch(list(zip(fields, value, strict=True)))
    if value is None or isinstance(value, bool | int | float | str):
        return Scalar(value)
    if isinstance(value, np.generic):
        return Scalar(value.item())
    if isinstance(value, Entry):
        return value
    if hasattr(type(value), "shape") and hasattr(type(value), "dtype"):
        try:
            return _torch(value) if hasattr(type(value), "untyped_storage") else _array(value)
        except (TypeError, ValueError, AttributeError, RuntimeError):  # no shape is known, or its file is closed
            pass
    return _of_torch(value) or _node(value) or Other(full_name(type(value)))


def _items(mapping: Mapping[Any, Any]) -> list[tuple[Any, Any]]:
    """Return what is in a dict, or in what is like one and may fail, as a file that is closed does."""
    try:
        return list(mapping.items())
    except Exception as error:
        kind, said = full_name(type(mapping)), short(" ".join(plain(error).split()), 200)
        msg = (
            f"nbviz cannot list the contents of this {kind} ({type(error).__name__}: {said}). If it is a file, keep "
            "it open while nbviz reads it."
        )
        raise UnsupportedModelError(msg) from error


def _of_torch(value: Any) -> Found | None:
    """Return what of PyTorch's own is in a state dict beside tensors: a dtype, or an object that a quantized layer packs its weights in."""
    if type(value).__module__ != "torch":
        return None
    from nbviz.adapters.torch.modules.packed import is_packed, unpacked

    if type(value).__name__ == "dtype":
        return Scalar(str(value))
    tensors = unpacked(value) if is_packed(value) else []
    # they are made when they are asked for, and known by the object that they are in
    made = [(name, replace(_torch(tensor), key=(id(value), name), values=_PACKED)) for name, tensor in tensors]
    return Branch([*made]) if made else None


def _node(value: Any) -> Found | None:
    """Return what is in a node of a class that JAX knows, such as a variable of Flax; None for other objects."""
    if "jax" not in sys.modules:
        return None
    from nbviz.adapters.jax.trees import held_by, kind_of_state

    held = held_by(value)
    if held is None or held.keys() != {""}:
        return None if held is None else Branch(list(held.items()))
    found = _look(held[""])
    return replace(found, buffer=True) if isinstance(found, Entry) and kind_of_state(value) else found


def _torch(tensor: Any) -> Entry:
    """Return a tensor of PyTorch; packed and distributed ones are counted as in a module."""
    from nbviz.adapters.torch.modules.distributed import placement
    from nbviz.adapters.torch.modules.parameters import stored

    known = stored("", tensor, buffer=False)
    shape = tuple(int(size or 0) for size in known.shape)
    told = tensor.requires_grad or type(tensor).__name__ == "Parameter"  # a state dict has dropped what is trained
    trained = bool(tensor.requires_grad) if told else None
    where = placement(tensor)
    return Entry(
        (),
        shape,
        known.dtype,
        known.bytes,
        known.size,
        _storage_key(tensor),
        trained,
        _LiveTensor(weakref.ref(tensor)),
        settings=() if where is None else (("placement", where),),
    )


def _storage_key(tensor: Any) -> Hashable:
    """Return what is the same for tensors that are the same part of one storage."""
    try:
        start = tensor.untyped_storage().data_ptr()
        place = tuple(sorted(zip(tensor.shape, tensor.stride(), strict=True)))
        return (start, tensor.storage_offset(), place, str(tensor.dtype)) if start else id(tensor)
    except Exception:  # noqa: BLE001 - a subclass without a storage may raise anything
        return id(tensor)


def _array(array: Any) -> Entry | Left:
    if is_text_or_date(array.dtype):
        return Left(array.dtype)
    shape = tuple(int(size) for size in array.shape)
    dtype = str(getattr(array.dtype, "name", array.dtype))
    if getattr(array.dtype, "hasobject", False) or getattr(array.dtype, "names", None) is not None:
        raise TypeError
    size = math.prod(shape)
    width = getattr(array.dtype, "itemsize", itemsize(dtype))
    values: _LiveArray | str = "it has a shape but no values"
    if hasattr(array, "__array__"):
        try:
            values = _LiveArray(weakref.ref(array))
        except TypeError:
            values = f"nbviz cannot refer to {with_article(type(array).__name__)} without keeping it in memory"
    taken = None if width is None else int(size * width)
    return Entry((), shape, dtype, taken, size, _array_key(array), values=values, settings=_sharding(array))


def _sharding(array: Any) -> tuple[tuple[str, str], ...]:
    """Return how an array of JAX is spread over devices."""
    if not hasattr(array, "sharding"):
        return ()
    from nbviz.adapters.jax.arrays import placement

    where = placement(array)
    return (("sharding", where),) if where else ()


def _array_key(array: Any) -> Hashable:
    interface = getattr(array, "__array_interface__", None) if type(array).__module__ == "numpy" else None
    if interface is None or not interface["data"][0] or not array.size:
        return id(array)
    return interface["data"][0], tuple(sorted(zip(array.shape, array.strides, strict=True))), interface["typestr"]


def _framework(checkpoint: Checkpoint) -> str:
    """Return whose arrays the first one is."""
    for entry in checkpoint.entries:
        if isinstance(entry.values, _LiveTensor):
            return "PyTorch"
        if isinstance(entry.values, _LiveArray):
            return _FRAMEWORKS.get(entry.values.package, entry.values.package)
    return "dict"


_PACKED = "it is packed in a PyTorch object"
_GONE = "it no longer exists in this session; keep the dict in a variable, and run the cell again"


@final
@dataclass(frozen=True, slots=True)
class _LiveTensor:
    """The values of a tensor of PyTorch, while it lives."""

    reference: weakref.ref[Any]

    def pieces(self) -> Iterator[npt.NDArray[np.generic]]:
        from nbviz.adapters.torch.modules.weights import TorchWeightReader

        tensor = self.reference()
        if tensor is None:
            raise ValueError(_GONE)
        yield from TorchWeightReader([tensor]).chunks(0)


@final
@dataclass(frozen=True, slots=True)
class _LiveArray:
    """The values of an array, while it lives."""

    reference: weakref.ref[Any]

    @property
    def package(self) -> str:
        return type(self.reference()).__module__.partition(".")[0]

    def pieces(self) -> Iterator[npt.NDArray[np.generic]]:
        import numpy as np

        array = self.reference()
        if array is None:
            raise ValueError(_GONE)
        flat = np.asarray(array).reshape(-1)
        if flat.dtype.name in {"bfloat16", "float8_e4m3fn", "float8_e5m2"}:
            flat = flat.astype("float32")
        yield from pieces(flat, lambda piece: piece)
