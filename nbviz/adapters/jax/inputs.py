"""The ``inputs`` argument as arguments of a call, with a shape and dtype for each array."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nbviz.adapters.jax.arrays import abstract, is_array, looks_like_array
from nbviz.adapters.jax.leaves import is_finite
from nbviz.adapters.specs import Arguments, Spec, are_dims, odd_dim, spec_of
from nbviz.adapters.text import plain, short
from nbviz.errors import InputsError, nearest, with_article

_HINT = (
    "Give a shape such as (None, 224, 224, 3), an example array, or a pair of shape and dtype such as ((None, 64), 'int32'); "
    "several inputs as a tuple of these, keyword arguments as a dict by name."
)


def arguments(function: Any, inputs: Any, what: str) -> Arguments:
    """Return what to call ``function`` with; ``what`` names it in messages.

    A tuple or list is one argument each. An argument that holds arrays is passed on as it is; elsewhere a tuple of numbers
    is a shape.

    Raises
    ------
    InputsError
        If ``inputs`` is not of a kind described in the message, or does not match the signature.
    """
    placed = placed_in(function, inputs)
    alone = is_alone(inputs, placed)
    if isinstance(inputs, (tuple, list)) and not alone:
        _check_one(function, inputs)
    args = tuple(_parse(item, "inputs" if alone else f"inputs[{i}]") for i, item in enumerate(placed.args))
    given = Arguments(args, {str(key): _parse(item, f"inputs[{key!r}]") for key, item in placed.kwargs.items()})
    check(function, given, what, misnamed(inputs, signature_of(function)))
    return given


def placed_in(function: Any, inputs: Any) -> Arguments:
    """Return inputs as they are, as arguments by position or by name."""
    if isinstance(inputs, Arguments):
        return inputs
    if isinstance(inputs, Mapping) and names_arguments(inputs, signature_of(function)):
        return Arguments((), inputs)
    return Arguments((inputs,) if _is_one_input(inputs) else tuple(inputs))


def is_alone(inputs: Any, placed: Arguments) -> bool:
    """Tell whether inputs are a single argument, and not several in a tuple, a list or a dict."""
    return bool(placed.args) and placed.args[0] is inputs


def _check_one(function: Any, inputs: Sequence[Any]) -> None:
    """Refuse a single shape with something in it that is no dimension, where it cannot be several arguments."""
    try:
        inspect.signature(function).bind(*inputs)
    except TypeError:
        check_dims(inputs, "inputs")
    except ValueError:
        return
    if any(value is None for value in inputs):
        check_dims(inputs, "inputs")


def misnamed(inputs: Any, parameters: list[inspect.Parameter]) -> str:
    """Return what to say of a mapping of which not all names are arguments, where it does not work as one."""
    names = [p.name for p in parameters]
    if not isinstance(inputs, Mapping) or names_arguments(inputs, parameters):
        return ""
    strange = [str(name) for name in inputs if name not in names]
    if not strange or len(inputs) == len(strange) > len(names):  # the second is one argument rather, such as a batch
        return ""
    meant = nearest(strange[0], names) or f" The arguments are: {short(', '.join(names))}."
    return f"inputs was taken as one argument, because no argument is named {strange[0]!r}.{meant}"


def unshaped(inputs: Any) -> str:
    """Return what to say of an argument that is numbers but no shape, where it does not work as these."""
    items = (
        inputs.items()
        if isinstance(inputs, Mapping)
        else enumerate(inputs)
        if isinstance(inputs, (list, tuple))
        else ()
    )
    for key, value in items:
        numbers = type(value) in (list, tuple) and bool(value) and all(isinstance(v, (int, float)) for v in value)
        if numbers and not _is_shape(value):
            return f"inputs[{key!r}] was taken as the numbers {short(repr(value), 80)}, which are not a shape."
    return ""


def signature_of(function: Any) -> list[inspect.Parameter]:
    """Return the parameters of a function, none where they are not known."""
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return []


def argument_names(function: Any, count: int) -> list[str]:
    """Return the names of the first positional arguments."""
    found: list[str] = []
    for parameter in signature_of(function):
        if parameter.kind is parameter.VAR_POSITIONAL:
            found += [f"{parameter.name}[{i}]" for i in range(count - len(found))]
        elif parameter.kind is not parameter.KEYWORD_ONLY:
            found.append(parameter.name)
    return (found + [f"input[{i}]" for i in range(len(found), count)])[:count]


def names_arguments(inputs: Mapping[Any, Any], parameters: list[inspect.Parameter]) -> bool:
    """Tell whether a mapping is arguments by name, and not one argument that is a mapping."""
    names = {p.name for p in parameters}
    open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters)
    return bool(inputs) and (set(inputs) <= names or (open_ended and (bool(names & set(inputs)) or len(names) == 1)))


def check(function: Any, given: Arguments, what: str, hint: str) -> None:
    """Refuse arguments that a function does not take.

    Raises
    ------
    InputsError
        If they do not match the signature.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(*given.args, **given.kwargs)
    except TypeError as error:
        names = list(_whole(function, signature).parameters)
        count = len(given.args) + len(given.kwargs) + len(names) - len(signature.parameters)
        msg = f"inputs ({count} given) does not match {what}({', '.join(names)}): {plain(error)}. {hint}"
        raise InputsError(msg.rstrip()) from error


def _whole(function: Any, signature: inspect.Signature) -> inspect.Signature:
    """Return the signature that the user knows, where one of the arguments was taken for the parameters already."""
    try:
        return inspect.signature(function.__wrapped__)
    except (AttributeError, TypeError, ValueError):
        return signature


def _is_one_input(inputs: Any) -> bool:
    """Tell whether ``inputs`` that are no arguments by name are a single one: a shape, an array, a named tuple."""
    return _is_shape(inputs) or _is_pair(inputs) or not isinstance(inputs, (list, tuple)) or hasattr(inputs, "_fields")


def _is_shape(value: Any) -> bool:
    return type(value) in (list, tuple) and are_dims(value)


def _is_pair(value: Any) -> bool:
    if (
        type(value) is not tuple
        or len(value) != 2
        or not (_is_shape(value[0]) or (type(value[0]) is tuple and not value[0]))
    ):
        return False
    named = isinstance(value[1], (str, type)) or hasattr(type(value[1]), "itemsize")  # an object may answer to any name
    return named and not looks_like_array(value[1])


def _parse(value: Any, where: str) -> Any:
    if _holds_arrays(value, where):
        return value
    if _is_pair(value):
        return spec_of(value[0], _dtype(value[1], where), where)
    if _is_shape(value):
        return spec_of(tuple(value), None, where)
    if where == "inputs" and (value is None or isinstance(value, (str, bytes, int, float))):
        msg = f"inputs is {short(repr(value), 80)}, a {type(value).__name__}. {_HINT}"
        raise InputsError(msg)
    if type(value) in (list, tuple):
        check_dims(value, where)
        return type(value)(_parse(item, f"{where}[{at}]") for at, item in enumerate(value))
    if type(value) is dict:
        return {key: _parse(item, f"{where}[{key!r}]") for key, item in value.items()}
    return value  # a flag, a number, an object that the model's code understands


def check_dims(values: Sequence[Any], where: str) -> None:
    """Refuse what looks like a shape, with something in it that is no dimension.

    Raises
    ------
    InputsError
        If there is such an entry.
    """
    at = odd_dim(values)
    if at is not None:
        msg = (
            f"{where} is {short(repr(values), 80)}, which is not a shape: {values[at]!r} at [{at}] is "
            f"{with_article(type(values[at]).__name__)}. Each entry of a shape is an int, a name, or None for a free "
            "dimension; pass numbers that are no shape as an array."
        )
        raise InputsError(msg)


def arrays_of(value: Any, where: str) -> Any:
    """Return a shape, or a tree of them, as arrays without values; what is none, or has free dimensions, stays as it is."""
    import jax

    if type(value) not in (dict, list, tuple):
        return value
    given = Arguments((_parse(value, where),))
    if not given.specs() or given.free():
        return value
    return entered(given, jax.numpy.float32, None)[0][0]


def _holds_arrays(value: Any, where: str) -> bool:
    import jax

    if not is_finite(value):
        msg = (
            f"{where} is a {type(value).__name__} that contains itself, or is nested too deeply for JAX. Pass only "
            "its arrays."
        )
        raise InputsError(msg)
    leaves = jax.tree.leaves(value, is_leaf=_is_shape)
    found = [leaf for leaf in leaves if looks_like_array(leaf)]
    for leaf in found:
        try:
            abstract(leaf)
        except TypeError as error:
            msg = f"{where} holds a {type(leaf).__module__}.{type(leaf).__name__}, which JAX does not know. {_HINT}"
            raise InputsError(msg) from error
    return bool(found)


def _dtype(dtype: Any, where: str) -> Any:
    import jax

    try:
        return jax.numpy.dtype(dtype)
    except TypeError as error:
        msg = f"{where} has the dtype {short(dtype)}, which JAX does not know. {_HINT}"
        raise InputsError(msg) from error


def traceable(arguments: Any) -> tuple[Callable[[list[Any]], Any], list[Any]]:
    """Return what puts traced arrays into arguments, and the shapes and dtypes of those; the rest stays as it is."""
    import jax

    flat, structure = jax.tree.flatten(arguments)
    places = [i for i, leaf in enumerate(flat) if is_array(leaf)]

    def fill(traced: list[Any]) -> Any:
        filled = list(flat)
        for i, leaf in zip(places, traced, strict=True):
            filled[i] = leaf
        return jax.tree.unflatten(structure, filled)

    return fill, [flat[i] for i in places]


def entered(given: Arguments, default: Any, varied: str | None) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments with a shape and dtype for each array; ``varied`` names the dimension with its other size."""
    import jax

    def one(value: Any) -> Any:
        if isinstance(value, Spec):
            return jax.ShapeDtypeStruct(value.sized(varied), default if value.dtype is None else value.dtype)
        return abstract(value) if looks_like_array(value) else value

    args, kwargs = jax.tree.map(one, (given.args, dict(given.kwargs)), is_leaf=lambda v: isinstance(v, Spec))
    return args, kwargs
