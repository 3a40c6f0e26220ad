"""Where a function has its parameters: among its arguments, bound by ``functools.partial``, or in variables around it."""

from __future__ import annotations

import dis
import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import CodeType
from typing import Any, final

from nbviz.adapters.jax.arrays import is_array, is_floating
from nbviz.adapters.jax.inputs import argument_names, is_one_input, names_arguments, signature_of
from nbviz.adapters.jax.nnx import is_nnx

_NAMES = ("params", "parameters", "variables", "weights", "theta", "p")
"""What parameters are called; else they are the first of several arguments."""


@final
@dataclass(frozen=True)
class Binding:
    """A function and its parameters.

    Attributes
    ----------
    tree
        The parameters.
    call
        Calls the function with another tree and the rest of the arguments.
    rest
        Has the signature of what is left.
    inputs
        What goes in beside the parameters.
    closed
        The names of the variables around the function that have the parameters, so that no others can go in.
    """

    tree: Any
    call: Callable[..., Any]
    rest: Any
    inputs: Any
    closed: tuple[str, ...] = ()


def binding_of(function: Any, inputs: Any) -> Binding | None:
    """Return the parameters of a function, None where it has none that can be told from its inputs."""
    return _given(function, inputs) or _bound(function, inputs) or _closed_over(function, inputs)


def _given(function: Any, inputs: Any) -> Binding | None:
    """Return the argument that is called as parameters are; else the first of several, if it is a tree and no array."""
    if isinstance(inputs, Mapping) and names_arguments(inputs, signature_of(function)):
        return _named(function, inputs)
    if type(inputs) not in (tuple, list) or is_one_input(inputs):
        return None
    names = argument_names(function, len(inputs))
    at = _chosen(names, inputs)
    if at is None:
        return None

    def call(tree: Any, *args: Any, **kwargs: Any) -> Any:
        return function(*args[:at], tree, *args[at:], **kwargs)

    others = tuple(value for i, value in enumerate(inputs) if i != at)
    return Binding(inputs[at], call, _without(function, names[at]), others)


def _named(function: Any, inputs: Mapping[str, Any]) -> Binding | None:
    names = [name for name in (p.name for p in signature_of(function)) if name in inputs]
    at = _chosen(names, [inputs[name] for name in names])
    if at is None:
        return None
    name = names[at]

    def call(tree: Any, *args: Any, **kwargs: Any) -> Any:
        return function(*args, **{**kwargs, name: tree})

    others = {other: value for other, value in inputs.items() if other != name}
    return Binding(inputs[name], call, _without(function, name), others or ())


def _chosen(names: list[str], values: Any) -> int | None:
    trees = [at for at, value in enumerate(values) if _is_tree(value)]
    called = [at for at in trees if names[at] in _NAMES]
    return next(iter([*called, *([0] if len(values) > 1 and 0 in trees else [])]), None)


def _bound(function: Any, inputs: Any) -> Binding | None:
    """Return the tree that ``functools.partial`` has bound."""
    if not isinstance(function, functools.partial):
        return None
    args, kwargs = function.args, function.keywords
    places: list[Any] = [at for at, value in enumerate(args) if _is_tree(value)]
    places += [name for name, value in kwargs.items() if _is_tree(value)]
    if not places:
        return None
    at = places[0]

    def call(tree: Any, *others: Any, **named: Any) -> Any:
        bound = tuple(tree if i == at else value for i, value in enumerate(args))
        given = {name: tree if name == at else value for name, value in kwargs.items()}
        return function.func(*bound, *others, **{**given, **named})

    return Binding(args[at] if isinstance(at, int) else kwargs[at], call, function, inputs)


def missed(inputs: Any) -> bool:
    """Tell whether there is a tree of arrays among inputs of which none are taken for parameters."""
    values = inputs.values() if isinstance(inputs, Mapping) else inputs if isinstance(inputs, (tuple, list)) else ()
    return any(map(_is_tree, values))


def _closed_over(function: Any, inputs: Any) -> Binding | None:
    """Return the arrays, and trees of arrays, in variables that a function reads and does not make."""
    held = {name: value for name, value in _variables(inspect.unwrap(function)) if _is_parameter(value)}
    if not held:
        return None
    alone = next(iter(held.values())) if len(held) == 1 else None
    tree = alone if alone is not None and _is_tree(alone) else held
    return Binding(tree, lambda _, *args, **kwargs: function(*args, **kwargs), function, inputs, tuple(held))


def _variables(function: Any) -> Iterator[tuple[str, Any]]:
    """Yield what a function reads besides its inputs: what is bound to it, defaults, closures, globals, and its own object's."""
    if isinstance(function, functools.partial):
        yield from ((f"argument {at}", value) for at, value in enumerate(function.args))
        yield from function.keywords.items()
        yield from _variables(function.func)
        return
    code = getattr(function, "__code__", None)
    if code is None:
        return
    if inspect.ismethod(function):
        read = set(code.co_names)
        yield from ((name, value) for name, value in inspect.getmembers_static(function.__self__) if name in read)
    yield from ((p.name, p.default) for p in signature_of(function) if p.default is not p.empty)
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=False):
        try:
            yield name, cell.cell_contents
        except ValueError:  # it is not assigned yet
            continue
    for name in dict.fromkeys(_globals_of(code)):
        if name in function.__globals__:
            yield name, function.__globals__[name]


def _globals_of(code: CodeType) -> Iterator[str]:
    for instruction in dis.get_instructions(code):
        if instruction.opname == "LOAD_GLOBAL":
            yield instruction.argval
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _globals_of(inner)


def _is_parameter(value: Any) -> bool:
    if isinstance(value, type) or is_nnx(value):  # its calls can be followed only where it is an argument
        return False
    return _is_tree(value) or (is_array(value) and bool(getattr(value, "ndim", 0)) and is_floating(value.dtype))


def _is_tree(value: Any) -> bool:
    import jax

    leaves = jax.tree.leaves(value)
    return any(leaf is not value for leaf in leaves) and any(map(is_array, leaves))


def _without(function: Any, name: str) -> Callable[..., Any]:
    """Return a stand-in with the signature of a function that has got one of its arguments."""

    def rest(*args: Any, **kwargs: Any) -> None: ...

    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return rest
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    kept = [p for p in signature.parameters.values() if p.name != name or p.kind in variable]
    rest.__signature__ = signature.replace(parameters=kept)  # type: ignore[attr-defined]
    return rest
