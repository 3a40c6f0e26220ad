"""Layers that run another layer in a special way: once per time step, or in both directions.

What such a wrapper does with one step is one call of the inner layer, with the shapes of one step and the work of all.
The steps are taken apart and put together by ``unstack`` and ``stack``, as in the wrapper's own definition.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nbviz.adapters.keras.kinds import definer, fused_cell, is_builtin, is_kind
from nbviz.adapters.keras.tensors import flatten, is_symbolic, port, symbolic
from nbviz.graph import Setting
from nbviz.shape import Dim

if TYPE_CHECKING:
    from nbviz.adapters.keras.trace import Trace

Recipe = Callable[["Trace", Any, Any, Any], Any]


def recipe_of(layer: Any) -> Recipe | None:
    """Return how to run a wrapper of Keras's own, None for any other layer."""
    if not is_builtin(definer(layer, "call")) or fused_cell(layer) is not None:
        return None
    if is_kind(layer, "TimeDistributed"):
        return time_distributed
    if is_kind(layer, "Bidirectional"):
        return bidirectional
    if is_kind(layer, "RNN") and is_kind(layer.cell, "Layer"):
        return recurrent
    return None


def _step(trace: Trace, op: str, tensor: Any, shape: tuple[Dim, ...], steps: Dim) -> Any:
    """Record one of the operations around the steps."""
    settings: tuple[tuple[str, Setting], ...] = (("axis", 1), ("steps", steps if isinstance(steps, int) else None))
    made = symbolic(shape, tensor.dtype)
    record = trace.builder.begin("operation", op, trace.frame, [port(tensor)])
    record.settings = settings
    trace.builder.end(record, [port(made)])
    return made


def _takes_mask(layer: Any) -> bool:
    return bool(getattr(layer, "_call_has_mask_arg", False))


def _batch_and_steps(shape: tuple[Dim, ...]) -> tuple[Dim, Dim, tuple[Dim, ...]]:
    return shape[0], shape[1], tuple(shape[2:])


def time_distributed(trace: Trace, layer: Any, args: Any, kwargs: Any) -> Any:
    """Apply the inner layer to every time step."""
    inputs = args[0] if args else kwargs["inputs"]
    batch, steps, rest = _batch_and_steps(inputs.shape)
    one = _step(trace, "unstack", inputs, (batch, *rest), steps)
    mask = kwargs.get("mask")
    # Taken apart also for a layer that does not look at it: what comes in has a line in.
    parts = None if mask is None else _step(trace, "unstack", mask, (mask.shape[0], *mask.shape[2:]), steps)
    masked = {"mask": parts} if parts is not None and _takes_mask(layer.layer) else {}
    with trace.repeating(steps):
        output = layer.layer(one, **masked)
    return _step(trace, "stack", output, (output.shape[0], steps, *output.shape[1:]), steps)


def bidirectional(_trace: Trace, layer: Any, args: Any, kwargs: Any) -> Any:
    """Run the forward and the backward layer and merge what they give."""
    from keras.src import ops

    sequences = args[0] if args else kwargs["sequences"]
    state = kwargs.get("initial_state", args[1] if len(args) > 1 else None)
    half = 0 if state is None else len(state) // 2
    given = ({}, {}) if state is None else ({"initial_state": state[:half]}, {"initial_state": state[half:]})
    mask = kwargs.get("mask")
    masked = {"mask": mask} if mask is not None and _takes_mask(layer.forward_layer) else {}
    forward = layer.forward_layer(sequences, **given[0], **masked)
    backward = layer.backward_layer(sequences, **given[1], **masked)
    states: tuple[Any, ...] = ()
    if layer.return_state:
        states = (*forward[1:], *backward[1:])
        forward, backward = forward[0], backward[0]
    if layer.return_sequences:
        backward = ops.flip(backward, axis=1)
    merged = _merge(layer.merge_mode, forward, backward)
    if layer.merge_mode is None:
        return (*merged, *states)
    return (merged, *states) if layer.return_state else merged


def _merge(mode: str | None, forward: Any, backward: Any) -> Any:
    from keras.src import ops

    if mode == "concat":
        return ops.concatenate([forward, backward], axis=-1)
    if mode == "sum":
        return ops.add(forward, backward)
    if mode == "ave":
        return ops.divide(ops.add(forward, backward), 2)
    if mode == "mul":
        return ops.multiply(forward, backward)
    return (forward, backward)


def recurrent(trace: Trace, layer: Any, args: Any, kwargs: Any) -> Any:
    """Run the cell on one time step; the work is that of all steps."""
    sequences = args[0] if args else kwargs["sequences"]
    with trace.quietly():
        outputs = layer.compute_output_spec(*args, **kwargs)
    batch, steps, rest = _batch_and_steps(sequences.shape)
    given = [x for x in flatten(kwargs.get("initial_state", args[1:])) if is_symbolic(x)]
    states = given or _states(layer.state_size, batch, layer.cell)
    one = _step(trace, "unstack", sequences, (batch, *rest), steps)
    with trace.repeating(steps):
        output, new_states = layer.cell(one, _nested(layer.state_size, states))
    mask = kwargs.get("mask")
    kept = None if mask is None else _step(trace, "unstack", mask, (batch,), steps)
    output = _where(trace, kept, output)
    if not layer.return_state:
        return _finished(trace, layer, output, outputs, steps)
    states = [_where(trace, kept, x) for x in flatten(new_states) if is_symbolic(x)]
    return (_finished(trace, layer, output, outputs[0], steps), *states)


def _where(trace: Trace, kept: Any, tensor: Any) -> Any:
    """Record that a masked step leaves what the step before gave."""
    if kept is None:
        return tensor
    made = symbolic(tuple(tensor.shape), tensor.dtype)
    record = trace.builder.begin("operation", "where", trace.frame, [port(kept), port(tensor)])
    trace.builder.end(record, [port(made)])
    return made


def _finished(trace: Trace, layer: Any, output: Any, expected: Any, steps: Dim) -> Any:
    if not layer.return_sequences:
        return output
    return _step(trace, "stack", output, tuple(expected.shape), steps)


def _states(sizes: Any, batch: Dim, cell: Any) -> list[Any]:
    found = []
    for size in flatten(sizes):
        rest = tuple(size) if isinstance(size, (list, tuple)) else (size,)
        found.append(symbolic((batch, *rest), cell.compute_dtype))
    return found


def _nested(sizes: Any, states: list[Any]) -> Any:
    """Give the flat states the structure that the cell expects (cells in a stack have lists of their own)."""
    waiting = iter(states)

    def shape_like(size: Any) -> Any:
        return [shape_like(s) for s in size] if isinstance(size, (list, tuple)) else next(waiting)

    return [shape_like(size) for size in (sizes if isinstance(sizes, (list, tuple)) else [sizes])]
