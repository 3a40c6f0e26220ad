"""Says why a trace stopped, in which module, on which shapes, and what to try next."""

from __future__ import annotations

import re
import traceback

from nbviz.adapters.jax.jaxprs import is_library
from nbviz.adapters.jax.recorder import ModuleCall
from nbviz.adapters.jax.walk import Walk
from nbviz.adapters.places import place
from nbviz.adapters.text import plain, short
from nbviz.builder import GraphBuilder
from nbviz.graph import Diagnostic, TensorSpec
from nbviz.records import CallRecord

_MOST_LINES = 8
_LONGEST_LINE = 400
"""Of an error's text in a note. The exception itself keeps all of it."""


def mark(walk: Walk, culprit: ModuleCall | None, error: Exception, hint: str) -> None:
    """Say which call failed, on which shapes, and why; ``hint`` is what to try where nothing else is known."""
    builder = walk.builder
    record = builder.calls[0] if culprit is None else _record_of(builder, walk, culprit)
    record.failed, record.compute = True, None
    met = ", ".join(_text(known) for known in record.inputs) or "no arrays"
    source = _raised_at(error)
    where = f" at {source}" if source else ""
    said = f"{type(error).__name__}: {_bounded(plain(error))}".rstrip(".: ")
    name = record.path or "the model"
    message = f"The trace stopped{where} in {name} ({record.op}), which got {met}. {said}. {_hint(error) or hint}"
    builder.diagnostics.append(Diagnostic("error", message.strip(), record.path, record.id))


def _record_of(builder: GraphBuilder, walk: Walk, call: ModuleCall) -> CallRecord:
    """Return the record of a call; made now where nothing had happened in it yet."""
    if call.parent is None:
        return builder.calls[0]
    if call.scope not in walk.records:
        around = _record_of(builder, walk, call.parent)
        path = walk.path_of(call, set(), around.layer or "")
        if path == "":  # what is read is itself called in a function around it
            return around
        kind = "operation" if path is None else "layer"
        record = builder.begin(kind, call.type.__name__, around.id, layer=path, source=call.source)  # type: ignore[arg-type]
        record.inputs, record.sources = call.inputs, walk.origins(call)
        walk.records[call.scope] = record
    return walk.records[call.scope]


def _bounded(text: str) -> str:
    """Return the first lines of a text, none of them long: errors of Flax print whole weights."""
    lines = text.splitlines()
    more = ["…"] if len(lines) > _MOST_LINES else []
    return "\n".join([short(line, _LONGEST_LINE) for line in lines[:_MOST_LINES]] + more)


def _text(known: TensorSpec) -> str:
    return f"{'an array' if known.shape is None else known.shape} {known.dtype or ''}".strip()


_TRACING = "/jax/_src/interpreters/partial_eval.py"
"""Where JAX traces what is jitted, a loop or a branch: what is recorded there is lost when it fails."""


def was_inside(error: Exception) -> bool:
    """Tell whether the model's code failed in a function that JAX was tracing apart."""
    tracing = False
    for frame, _ in traceback.walk_tb(error.__traceback__):
        file = frame.f_code.co_filename
        if tracing and not is_library(file):
            return True
        tracing = tracing or file.replace("\\", "/").endswith(_TRACING)
    return False


def _raised_at(error: Exception) -> str:
    """Return the last place in the model's code that an exception came through, ``""`` when there is none."""
    steps = ((frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__))
    places = [place(file, line) for file, line in steps if not is_library(file)]
    return places[-1] if places else ""


def _hint(error: Exception) -> str:
    """Return what to try next where JAX's own message does not say it."""
    name = type(error).__name__
    if name in {
        "ConcretizationTypeError",
        "TracerBoolConversionError",
        "TracerArrayConversionError",
        "TracerIntegerConversionError",
    }:
        return "A model is read without computing values, so control flow must not depend on them, as under jax.jit."
    if name == "TraceContextError":
        return (
            "nbviz can read a module that changes its state only if a copy can take its place: pass the module "
            "itself, or a function that uses only modules, each by its name."
        )
    said = plain(error)
    if "ShapeDtypeStruct" in said:
        return (
            "The function computes with an array that has no values: pass the array as an argument, inputs=(params, x)."
        )
    if name == "TypeError" and said.startswith("unhashable type") and re.search(r"Tracer|ArrayImpl", said):
        return (
            "JAX has to hash what it wraps, and a module of Equinox that holds arrays has no hash: wrap it by Equinox's "
            "own functions, such as eqx.filter_jit or eqx.filter_checkpoint."
        )
    axis = re.search(r"unbound axis name: (\w+)", said)
    if axis is not None:
        return (
            "View the function that maps over the axis and names it, such as jax.vmap(function, "
            f"axis_name={axis[1]!r})."
        )
    return ""
