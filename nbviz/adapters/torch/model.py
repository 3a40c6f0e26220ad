"""From a module to a finished reading."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from nbviz.adapters.free import free_dimensions
from nbviz.adapters.specs import Arguments, Spec
from nbviz.adapters.torch.abstract import AbstractOperations
from nbviz.adapters.torch.exported.program import read_exported, read_graph_module
from nbviz.adapters.torch.failures import mark
from nbviz.adapters.torch.inputs import argument_names, arguments
from nbviz.adapters.torch.kinds import is_kind, type_name
from nbviz.adapters.torch.operations import Operations, RealOperations
from nbviz.adapters.torch.parameters import add_parameters
from nbviz.adapters.torch.trace import Trace
from nbviz.adapters.torch.tree import add_tree
from nbviz.adapters.torch.walk import modules_of, tensors_of
from nbviz.adapters.torch.weights import TorchWeightReader
from nbviz.adapters.tracebacks import detach
from nbviz.builder import GraphBuilder
from nbviz.errors import InputsError
from nbviz.reading import Reading

_ADD_INPUTS = (
    "This is the tree of modules and their parameters. For the graph, its shapes and its multiply-accumulates, say what goes "
    "in: inputs=(None, 3, 224, 224), an example tensor, or a tuple or dict of them."
)
_SCRIPTED = (
    "This is the tree of modules and their parameters. A scripted module runs outside Python, where its calls cannot be "
    "followed: for the graph, pass the module it was made from, or torch.export.export(module, args)."
)

_NOTHING_TO_RUN = "run=True runs the model on inputs, and none are given: pass example tensors, such as inputs=torch.randn(1, 3, 224, 224)."

Recorded = tuple[GraphBuilder, Exception | None, dict[Hashable, Any]]


def read_model(model: Any, inputs: Any = None, *, run: bool = False) -> Reading:
    """Read a module: without inputs its tree, with inputs also the graph of its calls. A program has its graph with it.

    Raises
    ------
    InputsError
        If ``inputs`` cannot be understood, or is missing where the model is to be run.
    """
    model = _unwrapped(model)
    if type(model).__name__ == "ExportedProgram":
        return read_exported(model, inputs)
    if run and inputs is None:
        raise InputsError(_NOTHING_TO_RUN)
    if inputs is None and is_kind(model, "GraphModule"):
        return read_graph_module(model)
    why_not = _untraceable(model) or (_ADD_INPUTS if inputs is None else "")
    if why_not:
        builder, error, held = _record(model, None, None)
        builder.note(why_not)
    else:
        builder, error, held = _traced(model, arguments(model, inputs), run=run)
    reader = TorchWeightReader([held[key] for key in builder.parameter_keys()])
    return Reading(builder.finish(), reader, error)


def _unwrapped(model: Any) -> Any:
    """Return the module that ``torch.compile`` was given."""
    return model._orig_mod if is_kind(model, "OptimizedModule") else model


def _untraceable(model: Any) -> str:
    """Return why the calls of a model cannot be followed, ``""`` when they can."""
    if is_kind(model, "ScriptModule"):
        return _SCRIPTED
    if any(is_kind(module, "FullyShardedDataParallel") for module in modules_of(model)):
        return (
            "FullyShardedDataParallel keeps the weights of all its layers in flat pieces, and gathers them from other processes "
            "when it runs: for the graph, pass the module that it was given."
        )
    return ""


def _traced(model: Any, given: Arguments, *, run: bool) -> Recorded:
    """Record the model; where the dtype of an input is not given and fractions do not work, with whole numbers."""
    import torch

    default = _float_dtype(model)
    recorded = _record(model, given, default, run=run)
    if recorded[1] is not None and given.guesses():
        again = _record(model, given, torch.int64, run=run)
        if again[1] is None:
            recorded, default = again, torch.int64
    builder, error, _ = recorded
    builder.batch_axis = "batch" in given.free()
    if error is None:
        free_dimensions(builder, given.free(), lambda name: _record(model, given, default, run=run, varied=name)[:2])
    return recorded


def _float_dtype(model: Any) -> Any:
    import torch

    floats = (p.dtype for p in tensors_of(model) if p.dtype.is_floating_point)
    return next(floats, torch.get_default_dtype())


def _home(model: Any) -> Any:
    """Return the device where the model believes its tensors to be."""
    import torch

    return next((t.device for t in tensors_of(model)), torch.get_default_device())


def _record(
    model: Any, given: Arguments | None, dtype: Any, *, run: bool = False, varied: str | None = None
) -> Recorded:
    """Record the model once; ``varied`` names the free dimension that gets its other size."""
    builder = GraphBuilder(type_name(model), "PyTorch")
    modules = add_tree(builder, model)
    held = add_parameters(builder, modules)
    if given is None:
        return builder, None, held
    operations: Operations = (RealOperations if run else AbstractOperations)(_home(model))
    trace = Trace(builder, modules, model, held, operations)
    error: Exception | None = None
    try:
        args, kwargs = (
            _entered(given.args, operations, dtype, varied),
            _entered(given.kwargs, operations, dtype, varied),
        )
        with trace.hooked():
            trace.run(args, kwargs, argument_names(model, given))
    except Exception as raised:  # noqa: BLE001 - whatever the model's code raises is the result
        error = raised
        mark(builder, raised, trace.culprit[1] if trace.culprit and trace.culprit[0] is raised else None)
    detach(error)
    return builder, error, held


def _entered(value: Any, operations: Operations, dtype: Any, varied: str | None) -> Any:
    """Return arguments with a tensor made for each spec and each example."""
    import torch

    if isinstance(value, Spec):
        return operations.enter(None, value.sized(varied), value.dtype or dtype)
    if isinstance(value, torch.Tensor):
        return operations.enter(value, None, None)
    if isinstance(value, Mapping):
        return {key: _entered(item, operations, dtype, varied) for key, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_entered(item, operations, dtype, varied) for item in value))
    if type(value) in (list, tuple):
        return type(value)([_entered(item, operations, dtype, varied) for item in value])
    return value
