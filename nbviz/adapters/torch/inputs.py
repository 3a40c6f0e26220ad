"""Turns the ``inputs`` argument into the arguments of ``forward``; a free dimension is tried with several sizes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from typing import Any

from nbviz.adapters.specs import Arguments, Spec, are_dims, spec_of
from nbviz.adapters.text import plain, short
from nbviz.adapters.torch.containers import is_container, rebuilt
from nbviz.adapters.torch.modules.walk import children
from nbviz.errors import InputsError, with_article

_HINT = (
    "Give a shape such as (None, 3, 224, 224), an example tensor, or a pair of shape and dtype such as "
    "((None, 64), torch.int64); several inputs as a tuple of these, keyword arguments as a dict by name."
)


def arguments(model: Any, inputs: Any) -> Arguments:
    """Return what to call the model with.

    Raises
    ------
    InputsError
        If ``inputs`` is not of a kind described in the message, or does not match the signature of ``forward``.
    """
    parameters = _parameters(model)
    by_name = isinstance(inputs, Mapping) and _names_arguments(inputs, model)
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    needed = [p for p in places if p.default is p.empty]
    bare = type(inputs) in (list, tuple)  # a named tuple goes in as such, where it can
    several = len(needed) > 1 or (bare and any(p.kind is p.VAR_POSITIONAL for p in parameters))
    given: Arguments
    if by_name:
        beside = _has_example(inputs.values())
        given = Arguments(
            (), {str(key): _parse(item, f"inputs[{key!r}]", beside=beside) for key, item in inputs.items()}
        )
    elif _is_shape(inputs) or _is_pair(inputs) or not isinstance(inputs, (list, tuple)):
        given = Arguments((_parse(inputs, "inputs"),))
    elif type(inputs) is tuple or several:
        beside = _has_example(inputs)
        given = Arguments(tuple(_parse(item, f"inputs[{i}]", beside=beside) for i, item in enumerate(inputs)))
    else:
        given = Arguments((_parse(inputs, "inputs"),))
    _check(model, given)
    return given


def _parameters(model: Any) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(model.forward).parameters.values())
    except (TypeError, ValueError):
        return []


def _names_arguments(inputs: Mapping[Any, Any], model: Any) -> bool:
    """Tell whether the keys of a dict are names of arguments: all that are needed are among them.

    What a module passes on as it is, as wrappers do, is asked of the modules that it may pass it on to.
    """
    parameters = _parameters(model)
    named = {p.name: p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters)
    if not named and open_ended and any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return any(_names_arguments(inputs, child) for _, child in children(model))
    needed = {name for name, p in named.items() if p.default is p.empty}
    if not named:
        return open_ended
    return bool(named.keys() & inputs.keys()) and (
        open_ended or needed <= inputs.keys() or inputs.keys() <= named.keys()
    )


def by_name(model: Any, given: Arguments) -> Arguments | None:
    """Return a dict that is one argument as arguments by name, where a signature leaves it open: that of a decorator, say."""
    alone = given.args[0] if len(given.args) == 1 and not given.kwargs else None
    open_ended = any(p.kind is p.VAR_KEYWORD for p in _parameters(model))
    if not open_ended or not isinstance(alone, Mapping) or not all(isinstance(key, str) for key in alone):
        return None
    named = Arguments((), dict(alone))
    try:
        inspect.signature(model.forward).bind(**named.kwargs)
    except TypeError:
        return None
    return named


def _unknown_names(given: Arguments, signature: inspect.Signature) -> str:
    """Return what a dict names that no argument has, where it names others; it has been taken for one argument."""
    alone = given.args[0] if len(given.args) == 1 and not given.kwargs else None
    if not isinstance(alone, Mapping) or not set(alone) & set(signature.parameters):
        return ""
    return ", ".join(repr(short(key)) for key in alone if key not in signature.parameters)


def _check(model: Any, given: Arguments) -> None:
    try:
        signature = inspect.signature(model.forward)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(*given.args, **given.kwargs)
    except TypeError as error:
        unknown = _unknown_names(given, signature)
        if unknown:
            msg = (
                f"inputs names {unknown}, which is not an argument of "
                f"{type(model).__name__}.forward({', '.join(signature.parameters)})."
            )
            raise InputsError(msg) from error
        count = len(given.args) + len(given.kwargs)
        wanted = ", ".join(signature.parameters)
        one = " If it is one argument that is a dict, pass (inputs,)." if given.kwargs else _no_shape(given)
        msg = f"inputs ({count} given) does not match {type(model).__name__}.forward({wanted}): {plain(error)}.{one}"
        raise InputsError(msg) from error


def _no_shape(given: Arguments) -> str:
    """Return what keeps arguments from being one shape, or one with its dtype, where they look so."""
    wrong = next((value for value in given.args if isinstance(value, float)), None)
    if wrong is not None and all(isinstance(value, (int, float)) for value in given.args):
        return f" If it is a shape, its sizes must be integers, which {wrong} is not."
    if len(given.args) == 2 and isinstance(given.args[0], Spec) and isinstance(given.args[1], str):
        return f" If it is a shape and a dtype, PyTorch does not know the dtype {short(repr(given.args[1]))}."
    return ""


def argument_names(model: Any, given: Arguments) -> list[str]:
    """Return the names of the positional arguments as ``forward`` calls them."""
    found: list[str] = []
    for parameter in _parameters(model):
        if parameter.kind is parameter.VAR_POSITIONAL:
            found += [f"{parameter.name}[{i}]" for i in range(len(given.args) - len(found))]
        elif parameter.kind is not parameter.KEYWORD_ONLY:
            found.append(parameter.name)
    return (found + [f"input[{i}]" for i in range(len(found), len(given.args))])[: len(given.args)]


def omitted(model: Any, given: Arguments) -> list[str]:
    """Return the names of the arguments that are None because they are not given."""
    there = {*argument_names(model, given), *given.kwargs}
    return [p.name for p in _parameters(model) if p.default is None and p.name not in there]


def misfit(model: Any, given: Arguments, error: Exception) -> str:
    """Return what to say where a model failed on a list or a dict that it got as one argument, ``""`` if it did not."""
    wanted = ", ".join(p.name for p in _parameters(model))
    for name, value in zip(argument_names(model, given), given.args, strict=True):
        kind = type(value).__name__
        if is_container(value) and re.search(rf"(not |'|got \(|, |!){kind}\b", str(error)):
            what = f"forward({wanted}) got a {kind} as its argument {name}"
            if not isinstance(value, Mapping):
                return f"{what}. Pass a tensor or a shape directly, and several arguments as a tuple."
            if by_name(model, given) is not None:
                return f"{what}."
            keys = short(", ".join(map(str, value)))
            return f"{what}: the keys ({keys}) are not argument names. To pass it by name, use {{{name!r}: ...}}."
    return ""


def _is_shape(value: Any) -> bool:
    import torch

    if isinstance(value, torch.Size):
        return True
    return isinstance(value, (list, tuple)) and are_dims(value)


def _is_pair(value: Any) -> bool:

    if not isinstance(value, tuple) or len(value) != 2:
        return False
    return _dtype_of(value[1]) is not None and (_is_shape(value[0]) or value[0] == ())


def is_array(value: Any) -> bool:
    """Tell whether a value is an array or a number of NumPy."""
    return type(value).__module__.partition(".")[0] == "numpy" and hasattr(value, "dtype")


def _has_example(values: Iterable[Any]) -> bool:
    import torch

    return any(isinstance(value, torch.Tensor) or is_array(value) for value in values)


def _parse(value: Any, where: str, *, beside: bool = False) -> Any:
    """Return an argument, or the spec of one; a list of whole numbers ``beside`` an example is what it seems, and no shape."""
    import torch

    if isinstance(value, torch.Tensor):
        return value
    if _is_pair(value):
        return spec_of(value[0], _dtype(value[1], where), where)
    if _is_shape(value) and not (beside and type(value) is list and all(type(item) is int for item in value)):
        return spec_of(tuple(value), None, where)
    if is_container(value):
        return rebuilt(value, lambda key, item: _parse(item, f"{where}[{key!r}]"))
    if is_array(value):
        try:
            torch.as_tensor(value)
        except (TypeError, ValueError) as error:
            msg = (
                f"{where} is an array of {value.dtype}, which PyTorch cannot convert to a tensor ({plain(error)}). "
                f"{_HINT}"
            )
            raise InputsError(msg) from error
        return value
    if hasattr(value, "shape") and hasattr(value, "dtype") and not isinstance(value, type):
        return spec_of(tuple(value.shape), _dtype(value.dtype, where), where)
    if where == "inputs" and (value is None or isinstance(value, (str, bytes, int, float))):
        msg = f"inputs is {short(repr(value), 80)}, {with_article(type(value).__name__)}. {_HINT}"
        raise InputsError(msg)
    return value  # a flag, a number, an object that the model's code understands


def _dtype_of(dtype: Any) -> Any:
    """Return what PyTorch calls a dtype, None for what is none."""
    import torch

    if isinstance(dtype, type) and dtype in (bool, int, float, complex):  # as torch.tensor makes of Python's numbers
        return torch.tensor(dtype()).dtype
    name = (
        dtype.__name__ if isinstance(dtype, type) else getattr(dtype, "name", dtype)
    )  # NumPy's are types, or have a name
    found = dtype if isinstance(dtype, torch.dtype) else getattr(torch, str(name).removeprefix("torch."), None)
    return found if isinstance(found, torch.dtype) else None


def _dtype(dtype: Any, where: str) -> Any:
    found = _dtype_of(dtype)
    if found is None:
        msg = f"{where} has the dtype {short(dtype)}, which PyTorch does not know. {_HINT}"
        raise InputsError(msg)
    return found
