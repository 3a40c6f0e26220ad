"""Sizes that a model leaves open: their names during shape inference, and their values from ``inputs``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any

from nbviz.adapters.onnx.nodes import bodies
from nbviz.adapters.onnx.shapes.expressions import size_of
from nbviz.adapters.onnx.types import BATCH, FREE, described, is_credible, is_made_up
from nbviz.adapters.specs import is_dim, is_size, spec_of
from nbviz.adapters.text import label, short
from nbviz.errors import InputsError, counted, nearest, with_article
from nbviz.shape import Dim

_HINT = (
    "Give a shape such as (1, 128) or an example array; several inputs as a tuple or as a dict by name. None "
    "leaves a size open."
)


def name_sizes(graph: Any) -> None:
    """Give sizes without a name symbols, so that they can be followed: first axes are the batch of every input."""
    batches: dict[str, Dim] = {}
    for number, info in enumerate(graph.input):
        for axis, dim in enumerate(_dims(info)):
            if dim.dim_value < 0 or not dim.WhichOneof("value") or (dim.HasField("dim_param") and not dim.dim_param):
                dim.dim_param = f"{FREE}{number}_{axis}" if axis else BATCH
            elif not axis and is_made_up(dim.dim_param):
                batches[dim.dim_param] = BATCH
    replace_symbols(graph, batches)


def fix_sizes(graph: Any, inputs: Any) -> None:
    """Write the sizes that are given into the inputs of a graph, and in the place of symbols wherever these stand.

    First axes that stay open, of the inputs that are given, are one batch, unless another input has a number in their place.

    Raises
    ------
    InputsError
        If ``inputs`` is not of a kind described in the message, or does not fit what the model takes.
    """
    stored = {tensor.name for tensor in graph.initializer} | {t.values.name for t in graph.sparse_initializer}
    taken = {info.name: info for info in graph.input if info.name not in stored}
    known: dict[str, Dim] = {}
    opened: list[str] = []
    for name, where, given in _by_name(inputs, list(taken)):
        shape = _shape(given, where)
        dims = _fitting(taken[name], where, shape)
        _require_dtype(taken[name], where, given)
        for axis, (dim, size) in enumerate(zip(dims, shape, strict=True)):
            symbol = dim.dim_param
            if isinstance(size, int):
                if symbol and known.setdefault(symbol, size) != size and not symbol.startswith(FREE):
                    msg = f"inputs gives {label(symbol)!r} two different sizes: {known[symbol]} and {size}."
                    raise InputsError(msg)
                dim.dim_value = size
            elif symbol and not axis:
                opened.append(symbol)
    opened = [symbol for symbol in opened if symbol not in known]
    replace_symbols(graph, {**known, **dict.fromkeys(opened, next(iter(opened), None))})


def open_sizes(graph: Any) -> list[str]:
    """Return the symbols of the sizes of inputs that are open, ``""`` for those of an input without a shape."""
    tensors = [info.type.tensor_type for info in graph.input if info.type.WhichOneof("value") == "tensor_type"]
    dims = [dim for tensor in tensors for dim in tensor.shape.dim]
    found = dict.fromkeys(dim.dim_param for dim in dims if dim.WhichOneof("value") != "dim_value")
    if not all(tensor.HasField("shape") for tensor in tensors):
        found[""] = None
    return list(found)


def _dims(info: Any) -> Sequence[Any]:
    return info.type.tensor_type.shape.dim if info.type.WhichOneof("value") == "tensor_type" else ()


def replace_symbols(graph: Any, known: Mapping[str, Dim]) -> None:
    """Write sizes in the place of symbols, and of expressions that can be worked out with them."""
    infos = (info for one in (graph, *bodies(graph)) for info in (*one.input, *one.value_info, *one.output))
    numbers = {symbol: size for symbol, size in known.items() if isinstance(size, int)}
    sizes = dict(known)
    for info in infos if known else ():
        for dim in _dims(info):
            symbol = dim.dim_param
            if symbol and symbol not in sizes:
                sizes[symbol] = size_of(symbol, numbers)
            found = sizes.get(symbol)
            if isinstance(found, int):
                dim.dim_value = found
            elif found is not None:
                dim.dim_param = found


def _fitting(info: Any, where: str, shape: Sequence[Dim]) -> Sequence[Any]:
    """Return the sizes of an input, which is as the model says or, where it does not say, as it is given."""
    kind = info.type.WhichOneof("value")
    if kind not in (None, "tensor_type"):
        msg = f"{where} is a shape, but the model takes {with_article(described(info.type)[0].dtype or kind)} there."
        raise InputsError(msg)
    if not info.type.tensor_type.HasField("shape"):
        for axis, _ in enumerate(shape):
            info.type.tensor_type.shape.dim.add(dim_param=f"{FREE}{info.name}_{axis}" if axis else BATCH)
        info.type.tensor_type.shape.SetInParent()
    dims: Sequence[Any] = info.type.tensor_type.shape.dim
    if len(dims) != len(shape) or any(
        isinstance(size, int) and dim.HasField("dim_value") and dim.dim_value != size
        for dim, size in zip(dims, shape, strict=True)
    ):
        msg = f"{where} has the shape {_text(shape)}, but the model takes {described(info.type)[0].shape}."
        raise InputsError(msg)
    return dims


def _require_dtype(info: Any, where: str, given: Any) -> None:
    """Refuse a dtype that is given with a shape and is not the model's; an array is an example of a shape alone."""
    wanted = described(info.type)[0].dtype
    if not _names_dtype(given) or given[1] is None or wanted is None:
        return
    dtype = _dtype(given[1])
    if dtype not in (wanted, _KINDS.get(wanted)):
        msg = (
            f"{where} has the dtype {short(dtype, 60)}, but the model takes {wanted}: pass that dtype, or only the "
            "shape."
        )
        raise InputsError(msg)


_KINDS = {"string": "str"}
"""What others call the element types of ONNX, where it is not the same."""


def _dtype(value: Any) -> str:
    """Return the name of a dtype, of NumPy or another library, or as text."""
    import numpy as np

    try:
        return str(np.dtype(value).name)
    except TypeError:  # of another library, or a type that NumPy lacks
        return str(value).rpartition(".")[2]


def _text(shape: Sequence[Dim]) -> str:
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


# The inputs argument


def _by_name(inputs: Any, names: Sequence[str]) -> list[tuple[str, str, Any]]:
    """Return for each input that is given its name, what to call it in messages, and what is given; None stands for any."""
    if not names:
        if isinstance(inputs, list | tuple | Mapping) and not inputs:
            return []
        raise InputsError("This model takes no inputs, so inputs cannot be used: remove it.")
    listed = ", ".join(repr(label(name)) for name in names)
    if isinstance(inputs, Mapping):
        for key in inputs:
            if key not in names:
                close = nearest(str(key), names)
                msg = f"inputs names {short(repr(key), 80)}, but this model's inputs are {listed}.{close}"
                raise InputsError(msg)
        told = {name: f"inputs[{label(name)!r}]" for name in inputs}
        return [(name, told[name], value) for name, value in inputs.items() if value is not None]
    several = [] if _is_one(inputs) else inputs
    given = [(f"inputs[{i}]", value) for i, value in enumerate(several)] or [("inputs", inputs)]
    if len(given) != len(names):
        for _, value in given:
            if isinstance(value, float):
                msg = f"inputs has the size {value}, which is not an integer. {_HINT}"
                raise InputsError(msg)
        msg = f"inputs has {counted(len(given), 'shape')}, but this model takes {len(names)}: {listed}."
        raise InputsError(msg)
    pairs = zip(names, given, strict=True)
    return [(name, where, value) for name, (where, value) in pairs if value is not None]


def _is_dim(value: Any) -> bool:
    """Tell whether a value can be a dimension: a size of NumPy's is a number too, and never an example as where code is called."""
    return is_dim(value) or is_size(value)


def _is_shape(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(map(_is_dim, value)) and not (value and isinstance(value[0], str))


def _is_pair(value: Any) -> bool:
    return (
        isinstance(value, tuple) and len(value) == 2 and _is_shape(value[0]) and not isinstance(value[1], list | tuple)
    )


def _names_dtype(value: Any) -> bool:
    """Tell whether a value is a shape with its dtype; NumPy's classes of numbers have a shape too."""
    return _is_pair(value) and (isinstance(value[1], type) or not hasattr(value[1], "shape"))


def _is_one(inputs: Any) -> bool:
    return not isinstance(inputs, list | tuple) or _is_shape(inputs) or _is_pair(inputs)


def _shape(value: Any, where: str) -> tuple[Dim, ...]:
    """Return the shape of an input."""
    if _names_dtype(value):
        value = value[0]
    shape = value if _is_shape(value) else getattr(value, "shape", None)
    if isinstance(value, type) or shape is None or not all(map(_is_dim, shape)):
        msg = f"{where} is {short(repr(value), 80)}, {with_article(type(value).__name__)}. {_HINT}"
        raise InputsError(msg)
    sizes = tuple(int(size) if isinstance(size, Integral) else size for size in shape)
    spec_of(sizes, None, where)
    if not is_credible(sizes):
        raise InputsError(f"{where} has the shape {short(_text(sizes), 200)}, which is too large for any memory.")
    return sizes
