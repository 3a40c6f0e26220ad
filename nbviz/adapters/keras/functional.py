"""Expands a Functional graph: its nodes in Keras's order, once per call, with the shapes of that call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbviz.adapters.keras.calls import is_leaf, sharper
from nbviz.adapters.keras.kinds import functional_of, is_kind
from nbviz.adapters.keras.tensors import dims, flatten, fresh, is_symbolic, map_tensors, port, symbolic

if TYPE_CHECKING:
    from nbviz.adapters.keras.trace import Trace


def expand(trace: Trace, model: Any, args: Any, kwargs: Any, *, shown: bool = True) -> Any:
    """Run the graph of ``model`` on symbolic inputs and return its outputs.

    ``shown`` says whether its input layers are rows; those of a Sequential model are not.
    """
    given = args[0] if args else kwargs.get("inputs", next(iter(kwargs.values()), None))
    values = dict(zip((id(t) for t in model._inputs), _standardized(trace, model, given), strict=False))
    return _run(trace, model, values, shown=shown)


def expand_root(trace: Trace, model: Any, *, shown: bool = True) -> Any:
    """Run the graph on the inputs that it was made with."""
    values = {id(t): fresh(t) for t in model._inputs}
    return _run(trace, model, values, shown=shown)


def _standardized(trace: Trace, model: Any, given: Any) -> list[Any]:
    """Order the inputs as the model does, with Keras's own checks and messages."""
    flat = flatten(given)
    with trace.quietly():
        ordered = model._standardize_inputs(given)
    if isinstance(given, dict) and len(flat) == len(ordered):
        names = {id(v): v for v in given.values() if is_symbolic(v)}
        by_name = [given.get(t.name) for t in model._inputs]
        flat = by_name if all(id(v) in names for v in by_name) else flat
    for new, old in zip(ordered, flat, strict=False):
        if new is not old and is_symbolic(new):
            trace.builder.alias(new, old)
    return list(ordered)


def ordered_nodes(model: Any) -> list[Any]:
    """Return the graph's nodes in the order in which Keras runs them and its summary lists them.

    Calls of one layer at one depth come in the order in which the user's code made them, which Keras does not keep.
    """
    position = {id(operation): i for i, operation in enumerate(model._operations)}
    made = {id(node): i for operation in model._operations for i, node in enumerate(operation._inbound_nodes)}
    nodes: list[Any] = []
    for depth in sorted(model._nodes_by_depth, reverse=True):
        level = model._nodes_by_depth[depth]
        nodes.extend(sorted(level, key=lambda n: (position.get(id(n.operation), 0), made.get(id(n), 0))))
    return nodes


def _run(trace: Trace, model: Any, values: dict[int, Any], *, shown: bool) -> Any:
    for node in ordered_nodes(model):
        operation = node.operation
        if operation is None:
            continue
        if node.is_input:
            _input(trace, operation, node.outputs, values, shown=shown)
        elif all(id(t) in values for t in node.input_tensors):
            outputs = _apply(trace, node, values)
            values.update((id(t), x) for t, x in zip(node.outputs, flatten(outputs), strict=False))
    outputs = map_tensors(lambda t: values[id(t)], model._outputs_struct)
    return outputs[0] if isinstance(outputs, (list, tuple)) and len(outputs) == 1 else outputs


def _input(trace: Trace, layer: Any, references: list[Any], values: dict[int, Any], *, shown: bool) -> None:
    for reference in references:
        outer = values.get(id(reference))
        if outer is None:  # an optional input that was not given
            continue
        if not shown and trace.frame != 0:  # a Sequential model inside another has no input layer that anyone sees
            continue
        inputs = [port(outer)] if trace.builder.knows(outer) else []
        inner = fresh(outer)
        path = trace.builder.path_of(id(layer)) if shown else None
        kind = type(layer).__name__ if path is not None else "input"
        record = trace.builder.begin("input", kind, trace.frame, inputs, layer=path)
        trace.builder.end(record, [port(inner, reference.name)])
        values[id(reference)] = inner


def _apply(trace: Trace, node: Any, values: dict[int, Any]) -> Any:
    """Record one node and return its outputs."""
    operation = node.operation
    same = all(values[id(t)] is not None and values[id(t)].shape == t.shape for t in node.input_tensors)
    if not is_kind(operation, "Layer"):
        return _operation(trace, node, values, same=same)
    if same and is_leaf(operation):
        inputs = [port(values[id(t)]) for t in node.input_tensors]
        record = trace.builder.begin(
            "layer", type(operation).__name__, trace.frame, inputs, layer=trace.builder.path_of(id(operation))
        )
        trace.stack.append(record)
        outputs = (
            sharper(operation, dims(values[id(node.input_tensors[0])]), [fresh(t) for t in node.outputs])
            if inputs
            else []
        )
        return trace.close(operation, record, outputs, node.arguments.kwargs)
    args, kwargs = node.arguments.fill_in(values)
    inner = functional_of(operation)
    entering = _entering(inner, args) if inner is not None and same else None
    if entering is not None:
        record = trace.open(operation, (args, kwargs))
        try:
            outputs = _run(trace, inner, entering, shown=inner is operation)
        except Exception as error:
            trace.blame(error, record)
            raise
        return trace.close(operation, record, outputs, kwargs)
    return _layer(trace, node, args, kwargs, same=same)


def _entering(model: Any, args: Any) -> dict[int, Any] | None:
    """Match the inputs of a nested model to its input layers; None where Keras would have to adapt them."""
    if len(args) != 1:
        return None
    flat = flatten(args[0])
    if isinstance(args[0], dict) and not isinstance(model._inputs_struct, dict):
        flat = [args[0].get(t.name) for t in model._inputs]
    pairs = list(zip(model._inputs, flat, strict=False))
    if len(flat) != len(model._inputs) or any(x is None or len(x.shape) != len(t.shape) for t, x in pairs):
        return None
    return {id(t): x for t, x in pairs}


def _layer(trace: Trace, node: Any, args: Any, kwargs: Any, *, same: bool) -> Any:
    """Run a layer whose inside has to be traced; if that fails, show it as one box with the shapes Keras knows."""
    trace.start()
    layer = node.operation
    before = len(trace.builder.calls)
    depth = len(trace.stack)
    try:
        outputs = layer(*args, **kwargs)
        if len([x for x in flatten(outputs) if is_symbolic(x)]) == len(node.outputs):
            return _sharpened(trace, node, outputs) if same else outputs
    except Exception as error:
        if not same:
            raise
        reason = f"{type(error).__name__}: {error}"
    else:
        reason = "it returned different tensors than when the model was built"
    del trace.stack[depth:]
    return trace.opaque(trace.builder.calls[before], layer, [fresh(t) for t in node.outputs], reason)


def _sharpened(trace: Trace, node: Any, outputs: Any) -> Any:
    """Keep the sizes that Keras found when the model was made, where the trace has lost them."""
    known = iter(node.outputs)

    def one(x: Any) -> Any:
        reference = next(known) if is_symbolic(x) else None
        if reference is None or len(reference.shape) != len(x.shape) or None not in x.shape:
            return x
        if all(d is not None or r is None for d, r in zip(x.shape, reference.shape, strict=True)):
            return x
        shape = tuple(r if d is None else d for d, r in zip(x.shape, reference.shape, strict=True))
        new = symbolic(shape, x.dtype, like=x)
        trace.builder.alias(new, x)
        return new

    return map_tensors(one, outputs)


def _operation(trace: Trace, node: Any, values: dict[int, Any], *, same: bool) -> Any:
    args, kwargs = node.arguments.fill_in(values)
    if same:
        return trace.operation(node.operation, args, kwargs, [fresh(t) for t in node.outputs])
    trace.start()
    with trace.quietly():
        outputs = node.operation.compute_output_spec(*args, **kwargs)
    return trace.operation(node.operation, args, kwargs, outputs)
