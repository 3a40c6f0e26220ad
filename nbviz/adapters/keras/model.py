"""Reads a Keras model object from start to finish."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from nbviz.adapters.keras import functional
from nbviz.adapters.keras.calls import raised_at
from nbviz.adapters.keras.inputs import Arguments, arguments, has_invented_batch, known_arguments, misfit
from nbviz.adapters.keras.kinds import definer, functional_of, is_kind
from nbviz.adapters.keras.tensors import port, symbolic
from nbviz.adapters.keras.text import is_automatic, plain, short
from nbviz.adapters.keras.trace import Trace
from nbviz.adapters.keras.tree import add_tree, child_name
from nbviz.adapters.keras.variables import KerasWeightReader, add_variables, optimizer_of
from nbviz.adapters.tracebacks import detach
from nbviz.builder import GraphBuilder
from nbviz.columns import Columns
from nbviz.graph import Diagnostic, Group
from nbviz.grouping import infer_groups
from nbviz.reading import Reading

_BUILDS_NOTHING = frozenset({"Layer", "Model", "Sequential", "Functional"})
"""Whose ``build`` adds no weights of its own: what such a layer holds is what its constructor gave it."""

Run = Callable[[Trace], None]
_GIVE_INPUTS = "Pass its inputs: inputs=(None, 32) for one input, or a tuple or dict of shapes or specs for several."


def read_model(model: Any, inputs: Any = None) -> Reading:
    """Read a Keras model or layer.

    Raises
    ------
    InputsError
        If ``inputs`` cannot be understood.
    """
    builder, _, error, variables = _recorded(model, inputs)
    builder.optimizer = optimizer_of(model)
    graph = builder.finish()
    automatic = {
        path
        for path, name, kind in zip(*map(graph.layers.column, ("path", "name", "type")), strict=True)
        if is_automatic(name.rpartition("/")[2], kind)
    }
    graph = replace(graph, groups=Columns(Group, infer_groups(graph, automatic)))
    held = [variables[key] for key in builder.parameter_keys()]
    reader = KerasWeightReader([None if getattr(v, "_value", None) is None else v for v in held])
    return Reading(graph, reader, error)


Recorded = tuple[GraphBuilder, dict[int, Any], Exception | None, dict[Any, Any]]


def _recorded(model: Any, inputs: Any) -> Recorded:
    """Record the model by the first way of running it that works."""
    ways = _ways(model, inputs)
    recorded = _record(model, ways[0] if ways else None)
    for way in ways[1:]:
        if recorded[2] is None:
            break
        again = _record(model, way)
        if again[2] is None:
            recorded = again
    if not ways:
        _explain_unbuilt(recorded[0], model)
    elif recorded[2] is not None and inputs is None and functional_of(model) is None:
        # What failed was a guess: Keras keeps the shapes of a model's inputs and not their dtypes.
        reason = f"{type(recorded[2]).__name__}: {short(recorded[2], 400)}"
        recorded = _record(model, None)
        recorded[0].note(f"The model could not be run on the shapes that it was built with ({reason}). {_GIVE_INPUTS}")
    elif recorded[2] is not None and inputs is not None and (text := misfit(model, inputs, recorded[2])):
        recorded[0].note(text)
    return recorded


def _ways(model: Any, inputs: Any) -> list[Run]:
    inner = functional_of(model)
    if inputs is not None:
        return [_calling(arguments(model, inputs))]
    if inner is not None and has_invented_batch(model):
        shape = inner._inputs[0].shape
        return [_calling(((symbolic((None, *shape[1:]), inner._inputs[0].dtype),), {}))]
    if inner is not None:
        return [lambda trace: _run_graph(trace, inner)]
    if is_kind(model, "Functional"):  # with a call of its own
        return [_calling(arguments(model, [tuple(t.shape) for t in model._inputs]))]
    return [_calling(given) for given in known_arguments(model)]


def _calling(given: Arguments) -> Run:
    def run(trace: Trace) -> None:
        trace.start()
        trace.model(*given[0], **given[1])

    return run


def _run_graph(trace: Trace, inner: Any) -> None:
    """Read a Functional or Sequential model from the graph that Keras keeps."""
    inputs = [port(t) for t in inner._inputs]
    record = trace.builder.begin("layer", type(trace.model).__name__, None, inputs, layer="")
    trace.stack.append(record)
    try:
        outputs = functional.expand_root(trace, inner, shown=inner is trace.model)
    except Exception as error:
        trace.blame(error, record)
        raise
    trace.leave_root(record, outputs)
    trace.close(trace.model, record, outputs, {})


def _record(model: Any, run: Run | None) -> Recorded:
    """Record the model by one way of running it."""
    builder = GraphBuilder(child_name(model), "Keras")
    layers = add_tree(builder, model)
    error: Exception | None = None
    with Trace(builder, layers, model) as trace:
        try:
            if run is not None:
                run(trace)
        except Exception as raised:  # noqa: BLE001 - whatever the model's code raises is the result
            error = raised
            _mark_failure(trace, raised)
        # A pass that was given up may have made layers, which were cut out of the graph with its calls.
        layers = {key: layer for key, layer in layers.items() if builder.path_of(key) is not None}
        variables = add_variables(builder, model, layers)
        if run is None or error is not None:
            _leave_unbuilt_open(builder, layers)
    detach(error)
    return builder, layers, error, variables


def _leave_unbuilt_open(builder: GraphBuilder, layers: dict[int, Any]) -> None:
    """Of layers that no pass has built, nobody knows what their own ``build`` will add; a whole pass would tell."""
    for key, layer in layers.items():
        if not getattr(layer, "built", False) and definer(layer, "build").__name__ not in _BUILDS_NOTHING:
            builder.leave_open(key)


def _mark_failure(trace: Trace, error: Exception) -> None:
    """Say which call failed, on which shapes, and why."""
    culprit = trace.culprit[1] if trace.culprit is not None and trace.culprit[0] is error else 0
    calls = trace.builder.calls
    if not calls:
        trace.builder.diagnostics.append(Diagnostic("error", f"The model could not be run: {short(error, 2000)}"))
        return
    record = calls[min(culprit, len(calls) - 1)]
    record.failed, record.compute = True, None
    met = ", ".join("unknown" if s.shape is None else str(s.shape) for s in record.inputs) or "no tensors"
    line, name = raised_at(error), record.path or "the model"
    where = f"{line} in {name}" if line else name
    message = (
        f"The forward pass stopped at {where} ({record.op}), which got {met}. {type(error).__name__}: {plain(error)}"
    )
    trace.builder.diagnostics.append(Diagnostic("error", message, record.path, record.id))


def _explain_unbuilt(builder: GraphBuilder, model: Any) -> None:
    """Say what is missing, and how to get it."""
    how = _GIVE_INPUTS
    if definer(model, "call").__name__ == "Model" or definer(model, "call").__name__ == "Layer":
        text = f"{type(model).__name__} does not define call(), so it has no graph as a whole."
        how = "Pass one of the models inside it to see a graph."
    elif getattr(model, "built", False):
        text = "Keras does not know this model's input shapes, so there are no calls and no output shapes."
    else:
        text = "This model is not built: its shapes, and the parameters of its unbuilt layers, are unknown."
    builder.note(f"{text} {how}")
