"""Turns the ``inputs`` argument, or the inputs that Keras already knows, into the arguments of the model's call."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any

from nbviz.adapters.keras.kinds import functional_of, is_kind
from nbviz.adapters.keras.tensors import dtype_name, is_symbolic, symbolic
from nbviz.adapters.keras.text import plain, short
from nbviz.errors import InputsError, counted, nearest, with_article

Arguments = tuple[tuple[Any, ...], dict[str, Any]]

_HINT = (
    "Give a shape such as (None, 32), an example array, or a spec with shape and dtype such as "
    "keras.KerasTensor((None, 32), dtype='int32'); several inputs as a tuple of these or as a dict by name."
)
_CONTEXT = frozenset({"training", "mask"})


def arguments(model: Any, inputs: Any) -> Arguments:
    """Return positional and keyword arguments for the model's call, as symbolic tensors.

    Raises
    ------
    InputsError
        If ``inputs`` is not of a kind described in the message, or does not match the model's signature.
    """
    default = _default_dtype(model)
    given = _parse(inputs, default, "inputs")
    graph = functional_of(model) or (model if is_kind(model, "Functional") else None)
    if graph is not None:
        return (_for_functional(graph, given),), {}
    return _bind(model, given)


def _default_dtype(model: Any) -> str:
    try:
        dtype = str(model.input_dtype)
    except Exception:  # noqa: BLE001 - a model's own code may raise anything
        return "float32"
    return "float32" if dtype in ("float16", "bfloat16") else dtype


def _parse(value: Any, default: str, where: str) -> Any:
    if is_symbolic(value):
        return _tensor(tuple(value.shape), str(value.dtype), where)
    if isinstance(value, Mapping):
        if not value:
            msg = f"{where} is an empty dict. {_HINT}"
            raise InputsError(msg)
        return {key: _parse(item, default, f"{where}[{key!r}]") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        if value and all(_is_dim(item) for item in value):
            return _tensor(tuple(value), default, where)
        if not value:
            msg = f"{where} is empty. {_HINT}"
            raise InputsError(msg)
        return [_parse(item, default, f"{where}[{i}]") for i, item in enumerate(value)]
    if hasattr(value, "shape") and not isinstance(value, type):
        return _spec(value, default, where)
    msg = f"{where} is {short(repr(value), 80)}, {with_article(type(value).__name__)}. {_HINT}"
    raise InputsError(msg)


def _is_dim(value: Any) -> bool:
    return value is None or (
        hasattr(value, "__index__") and not isinstance(value, bool) and not hasattr(value, "dtype")
    )


def _spec(value: Any, default: str, where: str) -> Any:
    """Read anything that has a shape: arrays, tensors, ``InputSpec``, ``ShapeDtypeStruct``."""
    shape = value.shape
    if shape is None:
        rank = getattr(value, "ndim", None)
        if rank is None:
            msg = f"{where} has no shape. {_HINT}"
            raise InputsError(msg)
        axes = getattr(value, "axes", None) or {}
        shape = tuple(axes.get(i) for i in range(rank))
    dtype = dtype_name(value) if getattr(value, "dtype", None) is not None else default
    if dtype == "float64" and type(value).__module__.partition(".")[0] == "numpy":
        dtype = default if "float" in default else "float32"  # as Keras casts them
    if dtype is not None and dtype.startswith(("str", "object")):
        dtype = "string"
    return _tensor(tuple(shape), dtype, where)


def _tensor(shape: tuple[Any, ...], dtype: str | None, where: str) -> Any:
    try:
        dims = tuple(None if d is None or str(d) == "None" else int(d) for d in shape)
    except (TypeError, ValueError):
        msg = f"{where} has the shape {short(shape)}; its sizes must be integers or None. {_HINT}"
        raise InputsError(msg) from None
    if any(d is not None and d < 0 for d in dims):
        msg = f"{where} has the shape {dims}; a size cannot be negative. Write None for a free dimension."
        raise InputsError(msg)
    try:
        return symbolic(dims, dtype)
    except ValueError as error:
        msg = f"{where} has the dtype {dtype!r}, which Keras does not know: {plain(error)}"
        raise InputsError(msg) from error


def _for_functional(model: Any, given: Any) -> Any:
    """Arrange inputs as the Functional model wants them."""
    from keras.src import tree

    names = [t.name for t in model._inputs]
    if isinstance(given, Mapping):
        keys = list(model._inputs_struct) if isinstance(model._inputs_struct, Mapping) else names
        for key in given:
            if key not in keys and key not in names:
                close = nearest(str(key), keys)
                msg = f"inputs names {key!r}, but this model's inputs are {', '.join(map(repr, keys))}.{close}"
                raise InputsError(msg)
        missing = [key for key in keys if key not in given]
        if missing and not set(names) <= set(given):
            msg = (
                f"inputs is missing {', '.join(map(repr, missing))}; this model's inputs are "
                f"{', '.join(map(repr, keys))}."
            )
            raise InputsError(msg)
        flat = [given[k] for k in names] if set(names) <= set(given) else None
        return given if flat is None else tree.pack_sequence_as(model._inputs_struct, flat)
    flat = tree.flatten(given)
    if len(flat) != len(names):
        msg = f"inputs has {counted(len(flat), 'tensor')}, but this model takes {len(names)}: {', '.join(map(repr, names))}."
        raise InputsError(msg)
    return tree.pack_sequence_as(model._inputs_struct, flat)


def _bind(model: Any, given: Any) -> Arguments:
    """Arrange inputs as the model's own ``call`` wants them."""
    signature = inspect.signature(model.call)
    parameters = [p for p in signature.parameters.values() if p.name not in _CONTEXT]
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    needed = [p for p in places if p.default is p.empty]
    several = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    args: tuple[Any, ...] = (given,)
    kwargs: dict[str, Any] = {}
    if isinstance(given, Mapping) and set(given) <= {p.name for p in parameters}:
        args, kwargs = (), dict(given)
        first = places[0].name if places else ""
        if first in kwargs:  # Keras wants the first argument by position
            args = (kwargs.pop(first),)
    elif isinstance(given, list) and (len(needed) > 1 or (several and not needed)):
        args = tuple(given)
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        wanted = ", ".join(p.name for p in parameters)
        count = len(given) if isinstance(given, (list, Mapping)) else 1
        msg = f"inputs ({count} given) does not match {type(model).__name__}.call({wanted}): {plain(error)}."
        raise InputsError(msg) from error
    return args, kwargs


def misfit(model: Any, inputs: Any, error: Exception) -> str:
    """Return what to say where a model failed on a list or a dict that it got as one argument, ``""`` if it did not."""
    if functional_of(model) is not None or is_kind(model, "Functional"):
        return ""
    args, kwargs = arguments(model, inputs)
    wanted = [name for name in inspect.signature(model.call).parameters if name not in _CONTEXT]
    if kwargs or not wanted or len(args) != 1 or not isinstance(args[0], (list, dict)):
        return ""
    (given,), kind = args, type(args[0]).__name__
    if not re.search(rf"\b{kind}\b", str(error)):  # a model that takes one may fail for other reasons
        return ""
    what = f"call({', '.join(wanted)}) got a {kind} as its argument {wanted[0]}"
    if isinstance(given, dict):
        keys = short(", ".join(map(str, given)))
        return f"{what}: the keys ({keys}) are not argument names. To pass it by name, use {{{wanted[0]!r}: ...}}."
    return f"{what}, with the {counted(len(given), 'input')} in it. Pass one shape for one argument."


def known_arguments(model: Any) -> list[Arguments]:
    """Return what Keras knows of a built model's inputs, as arguments to try one after the other.

    Keras keeps the shapes that the model was built with, the first batch's size among them: that one is freed.
    """
    shapes = getattr(model, "_build_shapes_dict", None)
    if not shapes or not getattr(model, "built", False):
        return []
    default = _default_dtype(model)
    found = []
    for dtype in dict.fromkeys((default, "int32")):
        try:
            tensors = {name.removesuffix("_shape"): _shaped(shape, dtype) for name, shape in shapes.items()}
        except (TypeError, ValueError, InputsError):
            return []
        try:
            if len(tensors) == 1:
                found.append(_bind(model, next(iter(tensors.values()))))
            else:
                found.append(_bind(model, tensors))
        except InputsError:
            return []
    return found


def _shaped(shape: Any, dtype: str) -> Any:
    if isinstance(shape, Mapping):
        return {key: _shaped(item, dtype) for key, item in shape.items()}
    if not isinstance(shape, (list, tuple)):
        msg = f"not a shape: {shape!r}"
        raise TypeError(msg)
    if all(_is_dim(item) for item in shape):
        return symbolic((None, *shape[1:]), dtype)
    return [_shaped(item, dtype) for item in shape]


def has_invented_batch(model: Any) -> bool:
    """Tell whether a Sequential model has its batch size from the first data that it saw.

    ``Sequential.build`` then makes an input layer from a whole batch shape and a dtype; whoever writes ``keras.Input``
    with a batch size gives a ``shape``, or a batch shape alone.
    """
    layers = getattr(model, "_layers", None) or ()
    if not is_kind(model, "Sequential") or not layers or not is_kind(layers[0], "InputLayer"):
        return False
    given = getattr(getattr(layers[0], "_auto_config", None), "config", None) or {}
    shape = layers[0].batch_shape
    made_by_keras = given.get("shape") is None and given.get("dtype") is not None
    stateful = any(getattr(layer, "stateful", False) for layer in layers)
    return made_by_keras and bool(shape) and shape[0] is not None and not stateful
