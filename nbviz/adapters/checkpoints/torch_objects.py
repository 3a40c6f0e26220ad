"""Recognizes PyTorch objects in a parsed pickle: tensors, parameters, and dicts of them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple, final

from nbviz.adapters.checkpoints.nested import Branch, Found, Other, Scalar, listed
from nbviz.adapters.checkpoints.pickles import Global, Made, Outside, Pairs
from nbviz.adapters.checkpoints.tree import Entry
from nbviz.adapters.files.opening import extents, whole
from nbviz.adapters.files.values import Values
from nbviz.adapters.text import short
from nbviz.graph import itemsize

_STORAGES = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
    "QInt8Storage": "qint8",
    "QUInt8Storage": "quint8",
    "QInt32Storage": "qint32",
    "UntypedStorage": "uint8",
}
_WIDTHS = {"complex32": 4, "bits8": 1, "bits16": 2}
_DICTS = {"collections.OrderedDict", "builtins.dict", "collections.defaultdict", "__builtin__.dict"}
_LISTS = {"builtins.set", "builtins.frozenset", "builtins.list", "__builtin__.set", "torch.Size"}
_NDARRAY = re.compile(r"numpy\.(_?core)\.multiarray\._reconstruct")
_PICKLED = "it is an array inside a pickle"
_LOOKED_AT = 1_000_000
_WRAPPER = "torch._utils._rebuild_wrapper_subclass"
_DEEPEST = 8
_MOST_PARTS = 64
"""Tensors that one tensor is made of."""


class Storage(NamedTuple):
    """Where the elements of tensors are.

    Attributes
    ----------
    key
        Its name among the storages of the file.
    dtype
        Of its elements, unless a tensor says otherwise.
    length
        How many there are.
    """

    key: str
    dtype: str
    length: int


class Region(NamedTuple):
    """A tensor as part of a storage, counted in elements."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: str


@final
class TorchObjects:
    """Says what a part of a pickle is.

    Parameters
    ----------
    values
        Gives access to the values of a tensor, or says why there is none.
    """

    def __init__(self, values: Callable[[Region], Values | str]) -> None:
        self._values = values

    def look(self, value: Any) -> Found:
        """Say what a value is.

        Raises
        ------
        ValueError
            If it is a tensor that does not fit its storage, or a dict with a key twice.
        """
        if isinstance(value, Pairs):
            return _branch(value.items)
        if isinstance(value, list | tuple):
            return listed(value)
        if isinstance(value, Made):
            return self._made(value)
        if isinstance(value, Outside):
            return self._bare_storage(value)
        if isinstance(value, Global):
            return Scalar(str(value))
        if isinstance(value, bytes | bytearray):
            return Scalar(f"{len(value):,} bytes")
        return Scalar(value)

    def _made(self, made: Made) -> Found:
        name = _named(made.of)
        if name in _DICTS:
            return _branch(made.items)
        if name in _LISTS:
            return listed(made.members or (made.args[0] if made.args else ()))
        if _NDARRAY.fullmatch(name):
            return _ndarray(made)
        rebuild = _REBUILDERS.get(name)
        if rebuild is None:
            packed = _packed(made) if name == "torch.ScriptObject" else []
            return Branch(packed) if packed else Other(short(name, 200))
        try:
            return rebuild(self, *made.args)
        except (TypeError, AttributeError, IndexError) as error:
            raise ValueError(f"a tensor is not in PyTorch's format ({name})") from error

    def _bare_storage(self, outside: Outside) -> Found:
        """Return a storage that was saved by itself: its elements in a row, bytes if it has no type."""
        if not isinstance(outside.what, tuple) or outside.what[:1] != ("storage",):
            return Other("class outside the pickle")
        return self._tensor(outside, 0, (_storage(outside).length,), (1,))

    def _tensor(
        self, outside: Any, offset: Any, size: Any, stride: Any, *, dtype: Any = None, trained: bool | None = None
    ) -> Entry:
        storage = _storage(outside)
        named = storage.dtype if dtype is None else _dtype(dtype)
        width, stored = _width(named), storage.length * (_width(storage.dtype) or 1)
        shape, strides = extents(_plain(size), "a tensor"), extents(_plain(stride), "a tensor")
        first = whole(offset, lambda: "the offset of a tensor")
        last = first + sum((n - 1) * step for n, step in zip(shape, strides, strict=True)) if all(shape) else first - 1
        if width is not None and (last + 1) * width > stored:
            raise ValueError(f"a tensor of shape {shape} reaches beyond its storage {short(storage.key, 40)!r}")
        count = math.prod(shape)
        region = Region(storage, first, shape, strides, named)
        return Entry(
            path=(),
            shape=shape,
            dtype=named,
            bytes=None if width is None else min(count * width, stored),
            size=count,
            # a transposed view is the same tensor; two parts of one storage are not
            key=(storage.key, first, tuple(sorted(zip(shape, strides, strict=True))), named),
            trainable=trained,
            values=self._values(region),
        )

    def _plain_tensor(self, outside: Any, offset: Any, size: Any, stride: Any, *_: Any) -> Entry:
        return self._tensor(outside, offset, size, stride)

    def _typed_tensor(
        self, outside: Any, offset: Any, size: Any, stride: Any, _g: Any, _h: Any, dtype: Any, *_: Any
    ) -> Entry:
        return self._tensor(outside, offset, size, stride, dtype=dtype)

    def _quantized(self, outside: Any, offset: Any, size: Any, stride: Any, scaling: Any = (), *_: Any) -> Entry:
        found = self._tensor(outside, offset, size, stride, trained=False)
        return replace(found, bytes=_sum([found, *self._inside(scaling)]))  # each channel may have a scale of its own

    def _meta(self, dtype: Any, size: Any, *_: Any) -> Entry:
        shape, named = extents(_plain(size), "a tensor"), _dtype(dtype)
        count, width = math.prod(shape), _width(named)
        taken = None if width is None else count * width
        return Entry((), shape, named, taken, count, values="it was saved from the meta device, without values")

    def _parameter(self, tensor: Any, *_: Any) -> Found:
        return self.look(tensor)

    def _subclass(self, rebuild: Any, kind: Any, args: Any, state: Any = None, *_: Any) -> Found:
        if (
            _named(rebuild) == _WRAPPER
        ):  # quantized and distributed tensors: what they stand for, and what they are made of
            return self._compound(args[2], args[1], state, f"it is stored as a {kind}")
        if not str(kind).startswith("torch.nn.parameter.") and str(kind) != "torch.Tensor":
            return Other(short(kind, 200))
        return self.look(Made(rebuild, args))

    def _sparse(self, layout: Any, data: Any) -> Entry:
        at = (
            1 if layout.args[0] == "torch.sparse_coo" else 2
        )  # behind one tensor of places, or two; the size comes next
        values = self.look(data[at])
        if not isinstance(values, Entry):
            raise TypeError
        return self._compound(data[at + 1], values.dtype, data, "it is stored as a sparse tensor")

    def _nested(self, buffer: Any, *others: Any) -> Found:
        found = self.look(buffer)
        return replace(found, bytes=_sum([found, *self._inside(others)])) if isinstance(found, Entry) else found

    def _compound(self, size: Any, dtype: Any, parts: Any, why: str) -> Entry:
        """Return a tensor that is stored as several others."""
        shape, named = extents(_plain(size), "a tensor"), dtype if isinstance(dtype, str) else _dtype(dtype)
        return Entry((), shape, named, _sum(self._inside(parts)), math.prod(shape), values=why)

    def _inside(self, value: Any) -> list[Entry]:
        """Return the tensors that something is made of."""
        found: list[Entry] = []
        waiting = [(value, 0)]
        while waiting:
            here, depth = waiting.pop()
            seen = self.look(here)
            if isinstance(seen, Entry):
                found.append(seen)
            elif isinstance(seen, Branch) and depth < _DEEPEST and len(found) < _MOST_PARTS:
                waiting += [(item, depth + 1) for _, item in seen.items]
        return found


_REBUILDERS: dict[str, Callable[..., Found]] = {
    "torch._utils._rebuild_tensor": TorchObjects._plain_tensor,
    "torch._utils._rebuild_tensor_v2": TorchObjects._plain_tensor,
    "torch._utils._rebuild_tensor_v3": TorchObjects._typed_tensor,
    "torch._utils._rebuild_qtensor": TorchObjects._quantized,
    "torch._utils._rebuild_meta_tensor_no_storage": TorchObjects._meta,
    "torch._utils._rebuild_sparse_tensor": TorchObjects._sparse,
    "torch._utils._rebuild_nested_tensor": TorchObjects._nested,
    "torch._utils._rebuild_device_tensor_from_cpu_tensor": TorchObjects._parameter,
    "torch._utils._rebuild_parameter": TorchObjects._parameter,
    "torch._utils._rebuild_parameter_with_state": TorchObjects._parameter,
    "torch._tensor._rebuild_from_type_v2": TorchObjects._subclass,
}


def _named(of: Any) -> str:
    """Return the name of what would be called; an old file has the class of a module outside the pickle, with its source."""
    if isinstance(of, Outside) and isinstance(of.what, tuple) and len(of.what) > 1 and of.what[0] == "module":
        of = of.what[1]
    return str(of) if isinstance(of, Global) else type(of).__name__


def _sum(parts: list[Entry]) -> int | None:
    sizes = [part.bytes for part in parts]
    return None if None in sizes else sum(size for size in sizes if size is not None)


def _branch(items: list[tuple[Any, Any]]) -> Branch:
    names = [key for key, _ in items if isinstance(key, str)]
    if len(set(names)) < len(names):
        twice = next(name for at, name in enumerate(names) if name in set(names[:at]))
        raise ValueError(f"the name {short(twice, 100)!r} appears twice")
    return Branch(items)


def _storage(outside: Any) -> Storage:
    """Return the storage that a tensor names: ``("storage", its class, its key, a device, its length)``."""
    parts = outside.what if isinstance(outside, Outside) else ()
    if not isinstance(parts, tuple) or len(parts) < 5 or parts[0] != "storage" or not isinstance(parts[1], Global):
        raise ValueError("a tensor names no storage")
    dtype = _STORAGES.get(parts[1].name)
    if dtype is None or not parts[1].module.startswith("torch"):
        raise ValueError(
            f"a tensor has a storage of class {short(parts[1], 100)}, which this version of nbviz does not know"
        )
    return Storage(str(parts[2]), dtype, whole(parts[4], lambda: "the length of a storage"))


def _dtype(dtype: Any) -> str:
    if not isinstance(dtype, Global) or dtype.module != "torch":
        raise ValueError("a tensor has no dtype")
    return short(dtype.name, 40)


def _width(dtype: str) -> int | None:
    width = _WIDTHS.get(dtype, itemsize(re.sub(r"_e\d.*", "", dtype)))
    return int(width) if width is not None and width == int(width) else None


def _plain(size: Any) -> Any:
    """Return a size as a tuple, which it may be inside a ``torch.Size``."""
    return size.args[0] if isinstance(size, Made) and str(size.of) == "torch.Size" and size.args else size


def _packed(made: Made) -> list[tuple[str, Any]]:
    """Return what a quantized layer has packed in an object of PyTorch, by the names of its module; nothing of other objects."""
    match made.state:
        case ((weight, bias), str(kind)) if kind.endswith(".LinearPackedParamsBase"):
            return [("weight", weight), ("bias", bias)]
        case ((*_, [Made(state=[ih, _]), Made(state=[hh, _])]), str(kind)) if kind.endswith(".CellParamsBase"):
            ends = (("_ih", ih), ("_hh", hh))
            return [(n + end, value) for end, pair in ends for n, value in zip(("weight", "bias"), pair, strict=True)]
    return []


def _ndarray(made: Made) -> Found:
    """Return a NumPy array among the tensors: its state is version, shape, dtype, order and bytes."""
    try:
        _, shape, dtype, _, _ = made.state
        code = re.fullmatch(r"[<>|=]?([biufc])(\d+)", str(dtype.args[0]))
    except (TypeError, ValueError, AttributeError, IndexError):
        code, shape = None, ()
    if code is None:
        return Other("numpy.ndarray")
    kind = {"b": "bool", "i": "int", "u": "uint", "f": "float", "c": "complex"}[code[1]]
    name, dims = kind if kind == "bool" else f"{kind}{int(code[2][:3]) * 8}", extents(shape, "an array")
    count = math.prod(dims)
    return Entry((), dims, name, count * int(code[2][:3]), count, id(made), values=_PICKLED)


def holds_tensors(value: Any) -> bool:
    """Tell whether there is a tensor anywhere in what was pickled of an object."""
    waiting, seen = [value], set[int]()
    while waiting and len(seen) < _LOOKED_AT:
        here = waiting.pop()
        if isinstance(here, Outside):
            return True
        if id(here) in seen or not isinstance(here, Made | Pairs | list | tuple):
            continue
        seen.add(id(here))
        if isinstance(here, Made):
            waiting += [here.args, here.state, here.items, here.members]
        else:
            waiting += here.items if isinstance(here, Pairs) else here
    return False
