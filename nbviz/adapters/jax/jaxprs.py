"""What equations of a jaxpr hold inside them, what they are called and where they were written."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

from nbviz.adapters.jax.arrays import is_array
from nbviz.adapters.places import place
from nbviz.adapters.simple import simple
from nbviz.adapters.text import plain
from nbviz.graph import Setting

_LIBRARIES = frozenset(
    {"jax", "jaxlib", "flax", "equinox", "haiku", "nbviz", "optax", "jaxtyping", "contextlib", "functools"}
    | {"numpy", "scipy", "opt_einsum", "einops"}  # what a model calls for a result, or JAX itself
)
_FRAMES = {"remat2": "checkpoint", "custom_vjp_call_jaxpr": "custom_vjp_call", "pjit": "jit", "core_call": "call"}
_NAMED = frozenset(
    {"jit", "pjit", "custom_jvp_call", "custom_vjp_call", "custom_vjp_call_jaxpr", "core_call", "closed_call"}
)
_NO_SETTINGS = frozenset(
    {"out_sharding", "sharding", "weak_type", "accuracy", "out_dtype", "preferred_element_type", "name", "num_consts"}
)
_LONGEST = 12


@final
@dataclass(frozen=True)
class Inner:
    """A jaxpr inside an equation.

    Attributes
    ----------
    name
        What it is there for, ``""`` where it is the only one.
    jaxpr, constants
        The jaxpr, and the values of its constants.
    operands
        For each of its inputs the operand that it gets; None where that is not an operand as it is.
    times
        How often it runs for one run of what holds it; None where that depends on values.
    """

    name: str
    jaxpr: Any
    constants: Sequence[Any]
    operands: Sequence[Any]
    times: tuple[int, ...] | None = ()


def inner_of(equation: Any) -> list[Inner]:
    """Return the jaxprs that run inside an equation, in the order in which they run."""
    name, params = equation.primitive.name, equation.params
    if name == "cond":
        operands = equation.invars[1:]
        return [_inner(f"branch[{i}]", branch, operands, None) for i, branch in enumerate(params["branches"])]
    if name == "while":
        tests, bodies = params["cond_nconsts"], params["body_nconsts"]
        carried = equation.invars[tests + bodies :]
        condition = _inner("cond", params["cond_jaxpr"], [*equation.invars[:tests], *carried], None)
        body = [*equation.invars[tests : tests + bodies], *carried]
        return [condition, _inner("body", params["body_jaxpr"], body, None)]
    if name == "scan":
        return [_inner("", params["jaxpr"], equation.invars, (params["length"],))]
    times = None if name == "shard_map" and params["mesh"].size > 1 else ()
    keys = ("jaxpr", "call_jaxpr", "fun_jaxpr", "call", "callee")
    found = [value for key in keys if hasattr(bare(value := params.get(key)), "eqns")]
    return [
        _inner("", value, equation.invars, times)
        for value in found[:1]
        if len(bare(value).invars) == len(equation.invars) and len(bare(value).outvars) == len(equation.outvars)
    ]


def bare(jaxpr: Any) -> Any:
    """Return a jaxpr without the values of its constants."""
    return getattr(jaxpr, "jaxpr", jaxpr)


def _inner(name: str, jaxpr: Any, operands: Sequence[Any], times: tuple[int, ...] | None) -> Inner:
    return Inner(name, bare(jaxpr), getattr(jaxpr, "consts", ()), operands, times)


def is_jitted(equation: Any) -> bool:
    """Tell whether an equation is a call of a function, as a whole."""
    return equation.primitive.name in _NAMED


def does_nothing(equation: Any) -> bool:
    """Tell whether an equation is a call of a function in which there is nothing, as the gradient of a loop leaves them behind."""
    return is_jitted(equation) and not equation.outvars and not any(one.jaxpr.eqns for one in inner_of(equation))


def written_by_jax(equation: Any) -> str:
    """Return the name of the function of JAX itself that an equation calls (``silu``), ``""`` for other equations."""
    if not is_jitted(equation):
        return ""
    for one in inner_of(equation):
        name, home = _function(one.jaxpr)
        if "/jax/_src/" in home or "/jax/numpy/" in home:
            calls = one.jaxpr.eqns
            deeper = written_by_jax(calls[0]) if len(calls) == 1 else ""
            return deeper or name.lstrip("_")
    return ""


def stands_twice(jaxpr: Any) -> bool:
    """Tell whether the jaxpr of a function that is not JAX's own is in this one twice: a later call was not traced, but known."""
    seen: set[int] = set()
    waiting = [jaxpr]
    while waiting:
        for equation in waiting.pop().eqns:
            for one in () if written_by_jax(equation) else inner_of(equation):
                if id(one.jaxpr) in seen:
                    return True
                seen.add(id(one.jaxpr))
                waiting.append(one.jaxpr)
    return False


def _function(jaxpr: Any) -> tuple[str, str]:
    """Return the name of the function that a jaxpr was traced from, and the file where it is written."""
    info = str(getattr(getattr(jaxpr, "debug_info", None), "func_src_info", "") or "")
    found = re.match(r"(\S+) at (.*):\d+$", info)
    return (found[1], found[2].replace("\\", "/")) if found else ("", "")


def name_of(equation: Any) -> str:
    """Return what an equation is called: its primitive, the jitted function, JAX's own function."""
    name = equation.primitive.name
    if is_jitted(equation):
        own = written_by_jax(equation) or equation.params.get("name") or next(iter(map(_named, inner_of(equation))), "")
        return plain(own if own and own != "<lambda>" else _FRAMES.get(name, name))
    return plain(_FRAMES.get(name, name))


def _named(inner: Inner) -> str:
    return _function(inner.jaxpr)[0]


def settings_of(equation: Any) -> tuple[tuple[str, Setting], ...]:
    """Return the parameters of an equation that are plain values, and the numbers among its operands."""
    params: Mapping[str, Any] = {} if is_jitted(equation) else equation.params
    found = {key: value for key, value in params.items() if key not in _NO_SETTINGS and _is_plain(value)}
    literals = tuple(
        operand.val for operand in equation.invars if is_literal(operand) and not equation.params.get("jaxpr")
    )
    if literals and not is_jitted(equation):
        found["operand"] = literals[0] if len(literals) == 1 else literals
    return tuple((plain(key), simple(_number(value))) for key, value in list(found.items())[:_LONGEST])


def _is_plain(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return all(map(_is_plain, value))
    return value is not None and not hasattr(value, "eqns") and not hasattr(value, "jaxpr") and not callable(value)


def _number(value: Any) -> Any:
    """Return a number of NumPy's or JAX's as Python's."""
    if isinstance(value, tuple):
        return tuple(map(_number, value)) if not hasattr(value, "_fields") else str(value)
    for kind in bool, int, float:
        if isinstance(value, kind):
            return kind(value)  # JAX has its own, which know a dtype
    return value.item() if is_array(value) and hasattr(value, "item") and value.shape == () else value


def is_literal(operand: Any) -> bool:
    """Tell whether an operand is a number that stands in the jaxpr itself."""
    return hasattr(operand, "val")


def stack_of(equation: Any) -> list[Any]:
    """Return the frames in which an equation was made, the innermost first."""
    traceback = equation.source_info.traceback
    return [] if traceback is None else list(traceback.frames)


def source_of(equation: Any) -> str:
    """Return the place in the user's code where an equation was made, ``""`` when there is none."""
    for frame in stack_of(equation):
        if not is_library(frame.file_name):
            return place(frame.file_name, frame.line_num)
    return ""


@functools.lru_cache(maxsize=4096)
def is_library(file: str) -> bool:
    """Tell whether a file belongs to JAX, to a library of modules, to Python or to us."""
    parts = file.replace("\\", "/").split("/")
    if "site-packages" in parts:
        return parts[len(parts) - parts[::-1].index("site-packages")].removesuffix(".py") in _LIBRARIES
    return file.startswith("<frozen") or _ours(file) or (parts[-2:-1] and parts[-2].startswith("python3.")) is True


def _ours(file: str) -> bool:
    return file.startswith(__file__.rpartition("adapters")[0] + "adapters")
