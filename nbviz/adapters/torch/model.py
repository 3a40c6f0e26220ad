"""Reads a PyTorch module from start to finish."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, final

from nbviz.adapters.free import free_dimensions, same_path
from nbviz.adapters.specs import BATCH, BATCHES, FREE_SIZE, OTHER_FREE_SIZES, VALUES, Arguments, Spec
from nbviz.adapters.torch.containers import is_container, rebuilt
from nbviz.adapters.torch.errors.failures import NeedsValuesError, mark, note_handled
from nbviz.adapters.torch.errors.missing import about_none, note_uncounted
from nbviz.adapters.torch.execution.abstract import AbstractOperations
from nbviz.adapters.torch.execution.operations import Operations, RealOperations
from nbviz.adapters.torch.exported.program import read_exported, read_graph_module
from nbviz.adapters.torch.inputs import argument_names, arguments, by_name, is_array, misfit, omitted
from nbviz.adapters.torch.mode import has_compiler
from nbviz.adapters.torch.modules.kinds import examples_of, is_kind, type_name
from nbviz.adapters.torch.modules.layers import Added, add_tree
from nbviz.adapters.torch.modules.walk import modules_of, tensors_of
from nbviz.adapters.torch.modules.weights import TorchWeightReader
from nbviz.adapters.torch.trace import Trace
from nbviz.adapters.tracebacks import detach
from nbviz.builder import GraphBuilder
from nbviz.errors import InputsError
from nbviz.reading import Reading

_ADD_INPUTS = (
    "This is the tree of modules and their parameters. To see the graph, its shapes and its MACs, pass inputs: "
    "inputs=(None, 3, 224, 224), an example tensor, or a tuple or dict of these."
)
_SCRIPTED = (
    "This is the tree of modules and their parameters. A scripted module runs outside Python, where nbviz cannot "
    "follow its calls: for the graph, pass the module that it was made from, or torch.export.export(module, "
    "args)."
)

_NOTHING_TO_RUN = (
    "run=True runs the model, so it needs inputs: pass example tensors, such as inputs=torch.randn(1, 3, 224, 224)."
)

_BATCH_TRIED = (
    f"The batch size (None) was tried as {BATCHES[0]}, so sizes in the message may come from it. If the model "
    "needs a particular batch size, pass it."
)

_OF_BATCH = re.compile(rf"(?<![\dx]){BATCHES[0]}(?![\dx])|invalid for input of size")
"""What names the size that the batch was tried with, or a product of it; of matrices, ``4x3136``, it is seldom the one that is wrong."""

_MADE_UP = (
    "Integer inputs given only as a shape are filled with ones, which may be why an index does not exist: pass "
    "example tensors to see what the model does with real ones."
)

_DRAWN = (
    "The model ran on random numbers, and the sizes are those of this run: other numbers may take another path. "
    "Pass example tensors to see the path that they take."
)

_SIZES_TRIED = (
    f"A None other than the batch was tried as {FREE_SIZE}, which the shapes show, and as "
    f"{' and '.join(map(str, OTHER_FREE_SIZES))}. If the model needs particular sizes, pass them."
)
_GUESSED = (
    "The inputs have no dtype. With {float} the model needs their values, so it was read with int64; if that is "
    "wrong, pass the dtype, as in inputs=((2, 8), 'float32')."
)
_PARTLY_META = (
    "Some weights or buffers are on the meta device, without values, and others are not: a real forward pass "
    "needs all of them on one device."
)
_SHARDED = (
    "A model sharded by fully_shard gathers its weights from other processes when it runs, and keeps them, so "
    "nbviz reads it without running it."
)

_OF_GRADIENTS = re.compile(
    r"requires? grad|requires_grad|'NoneType' object has no attribute '(?:name|next_functions|metadata|register_\w*hook)'"
)
"""What is said where there are no gradients: of a tensor without them also ``grad_fn`` is None."""

Tried = tuple[GraphBuilder, Exception | None]


class Recorded(NamedTuple):
    """What one trial has given.

    Attributes
    ----------
    builder
        What was recorded.
    error
        What stopped the model.
    held
        The model's parameters and buffers.
    decided_by
        The functions that asked for values which nobody has given.
    """

    builder: GraphBuilder
    error: Exception | None
    held: dict[Hashable, Any]
    decided_by: Iterable[str] = ()


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
    if inputs is None or _untraceable(model, examples_of(modules_of(model)).values()):
        builder, error, held, _ = _bare(model)
    else:
        builder, error, held, _ = _traced(model, arguments(model, inputs), run=run)
    reader = TorchWeightReader(list(map(held.__getitem__, builder.parameter_keys())))
    return Reading(builder.finish(), reader, error)


def _unwrapped(model: Any) -> Any:
    """Return the module that ``torch.compile`` was given."""
    return model._orig_mod if is_kind(model, "OptimizedModule") else model


def _untraceable(model: Any, modules: Iterable[Any]) -> str:
    """Return why the calls of a model with these modules cannot be followed, ``""`` when they can."""
    if is_kind(model, "ScriptModule"):
        return _SCRIPTED
    if any(is_kind(module, "FullyShardedDataParallel") for module in modules):
        return (
            "FullyShardedDataParallel keeps the weights of all its layers in flat shards, and gathers them from "
            "other processes when it runs: for the graph, pass the module that it wraps."
        )
    return ""


@final
@dataclass(frozen=True)
class Trial:
    """How a model is recorded once.

    Attributes
    ----------
    dtype
        The dtype of inputs of which it is not given.
    run
        Whether it really runs.
    gradients
        Whether gradients can be taken inside.
    size
        What free dimensions other than the batch are.
    varied
        The free dimension that gets its other size; ``VALUES`` where values that are made up are others.
    arrays
        Whether the model is given NumPy's arrays as they are, not as tensors.
    """

    dtype: Any
    run: bool = False
    gradients: bool = False
    size: int = FREE_SIZE
    varied: str | None = None
    arrays: bool = False


def _traced(model: Any, given: Arguments, *, run: bool) -> Recorded:
    """Record the model, as far as it goes; with what it turns out to need."""
    sharded = run and any(is_kind(module, "FSDPModule") for module in modules_of(model))
    trial = Trial(_float_dtype(model), run and not sharded)
    recorded, given = _begun_with(model, given, trial)
    recorded, trial = _mended(model, given, recorded, trial)
    builder, error, _, decided_by = recorded
    if sharded:
        builder.note(_SHARDED)
    if error is not None:
        _note_trials(builder, error, given, trial)
    else:
        note_uncounted(builder)
    if trial.run and given.specs():  # where the path depends on numbers, what differs with a size differs by chance
        builder.note(_DRAWN)
    free = [] if trial.run else given.free()
    builder.batch_axis = BATCH in free
    varied: dict[str, Tried] = {}

    def again(name: str) -> Tried:
        return varied.get(name) or _record(model, given, replace(trial, varied=name))[:2]

    if decided_by:
        other = again(VALUES)
        if _is_comparable(recorded, *other):
            varied[VALUES] = other
    free_dimensions(builder, [*free, *varied], again, stopped=error is not None)
    return recorded


def _mended(model: Any, given: Arguments, recorded: Recorded, trial: Trial) -> tuple[Recorded, Trial]:
    """Return the trial of a model that fails with what it may need instead, if that works."""
    import torch

    if recorded.error is not None and given.guesses():  # fractions do not work, whole numbers may
        asked = isinstance(recorded.error, NeedsValuesError)
        floats = str(trial.dtype).removeprefix("torch.")
        recorded, trial = _better(model, given, recorded, trial, replace(trial, dtype=torch.int64))
        if asked and recorded.error is None:
            recorded.builder.note(_GUESSED.format(float=floats))
    if recorded.error is not None and given.any(is_array):  # as tensors they do not work, as what they are they may
        recorded, trial = _better(model, given, recorded, trial, replace(trial, arrays=True))
    if recorded.error is not None and _OF_GRADIENTS.search(str(recorded.error)):  # forces are gradients of an energy
        recorded, trial = _better(model, given, recorded, trial, replace(trial, gradients=True))
    for size in OTHER_FREE_SIZES if set(given.free()) - {BATCH} else ():
        if recorded.error is not None:
            recorded, trial = _better(model, given, recorded, trial, replace(trial, size=size))
    return recorded, trial


def _begun_with(model: Any, given: Arguments, trial: Trial) -> tuple[Recorded, Arguments]:
    """Record the model once, and again with its arguments by name where these may be meant; return what went further."""
    had_compiler = has_compiler()
    recorded, named = _record(model, given, trial), by_name(model, given)
    brought = has_compiler() and not had_compiler  # as torch.cond does, and then compiles the trace itself
    if recorded.error is not None and brought:
        recorded = _record(model, given, trial)
    if recorded.error is None or named is None:
        return recorded, given
    again = _record(model, named, trial)
    further = again.error is None or len(again.builder.calls) > len(recorded.builder.calls)
    return (again, named) if further else (recorded, given)


def _note_trials(builder: GraphBuilder, error: Exception, given: Arguments, trial: Trial) -> None:
    """Say which sizes and values a model that fails was tried with, where these may be why."""
    if set(given.free()) - {BATCH}:
        builder.note(_SIZES_TRIED)
    elif given.free() and _OF_BATCH.search(str(error)):
        builder.note(_BATCH_TRIED)
    made_up = not trial.run and any(not (spec.dtype or trial.dtype).is_floating_point for spec in given.specs())
    if made_up and (isinstance(error, IndexError) or "out of bounds" in str(error)):
        builder.note(_MADE_UP)


def _is_comparable(recorded: Recorded, other: GraphBuilder, error: Exception | None) -> bool:
    """Tell whether a model does the same with other values where nobody has given any; say so if these make a difference."""
    builder = recorded.builder
    first, *more = recorded.decided_by
    others = f" (and {len(more)} more)" if more else ""
    asks = f"{first}{others} needs the values of inputs that are given only as shapes. They are taken as ones, or true"
    if (error is None) != (recorded.error is None) or not same_path(builder, other):
        went = "fails" if error is not None else "takes another path"
        builder.note(
            f"{asks}, but with other values the model {went}: pass example tensors to see what it does with them."
        )
        return False
    if [(c.inputs, c.outputs) for c in builder.calls] != [(c.inputs, c.outputs) for c in other.calls]:
        builder.note(f"{asks}, and sizes that depend on them are left open: pass example tensors to see these sizes.")
    else:  # with the others that were tried it makes no difference, with what somebody gives it may
        builder.note(f"{asks}: pass example tensors to see what the model does with them.")
    return True


def _better(model: Any, given: Arguments, recorded: Recorded, trial: Trial, other: Trial) -> tuple[Recorded, Trial]:
    """Return another trial if the model does not fail in it, or on the same inputs goes further."""
    again = _record(model, given, other)
    same = (other.size, other.dtype) == (trial.size, trial.dtype)
    further = same and len(again.builder.calls) > len(recorded.builder.calls)
    return (again, other) if again.error is None or further else (recorded, trial)


def _float_dtype(model: Any) -> Any:
    import torch

    floats = (p.dtype for p in tensors_of(modules_of(model)) if p.dtype.is_floating_point)
    return next(floats, torch.get_default_dtype())


def _devices(held: Iterable[Any]) -> list[Any]:
    """Return the devices where the model that holds these tensors believes them to be, that of most of them first."""
    import torch

    devices = Counter(t.device for t in held if isinstance(t, torch.Tensor))
    return [device for device, _ in devices.most_common()] or [torch.get_default_device()]


def _begun(model: Any) -> tuple[GraphBuilder, Added]:
    """Return a builder that has the model's tree, and what the model consists of."""
    builder = GraphBuilder(type_name(model), "PyTorch")
    return builder, add_tree(builder, model)


def _bare(model: Any) -> Recorded:
    """Record the model's modules, none of its calls, and why."""
    builder, added = _begun(model)
    builder.note(_untraceable(model, added.examples) or _ADD_INPUTS)
    return Recorded(builder, None, added.held)


def _record(model: Any, given: Arguments, trial: Trial) -> Recorded:
    """Record the model once."""
    builder, (modules, held, _) = _begun(model)
    devices = _devices(held.values())
    home = devices[0]
    if len({device.type == "meta" for device in devices}) > 1:
        builder.note(_PARTLY_META)
    abstract = None if trial.run else AbstractOperations(home, other_values=trial.varied == VALUES)
    operations: Operations = abstract or RealOperations(home)
    trace = Trace(builder, modules, model, held, operations)
    error: Exception | None = None
    first: BaseException | None = None
    try:
        with _modes(trial, held.values()):
            args, kwargs = (_entered(arguments, operations, trial) for arguments in (given.args, given.kwargs))
            with trace.hooked((args, kwargs)):
                # what the model's code keeps in context variables stays in a context of its own
                copy_context().run(trace.run, args, kwargs, argument_names(model, given))
    except Exception as raised:  # noqa: BLE001 - whatever the model's code raises is the result
        error = raised
        for refusal, _ in trace.asked if given.specs() else ():
            refusal.tell_shapes()
        first = mark(builder, raised, trace.blame)
        for said in (misfit(model, given, raised), about_none(raised, trace.silent, omitted(model, given))):
            if said:
                builder.note(said)
    note_handled(builder, trace.asked, first)
    detach(error)
    return Recorded(builder, error, held, () if abstract is None else abstract.decided_by)


@contextmanager
def _modes(trial: Trial, held: Iterable[Any]) -> Iterator[None]:
    """Run a trial with or without gradients, and outside the inference mode, whose tensors do not count what is written into them.

    Weights that were made in that mode can only be written in it: where somebody is in it and runs such a model, it stays.
    """
    import torch

    stays = trial.run and torch.is_inference_mode_enabled() and not trial.gradients
    stays = stays and any(isinstance(t, torch.Tensor) and t.is_inference() for t in held)
    with torch.inference_mode(mode=stays), torch.set_grad_enabled(trial.gradients):
        yield


def _entered(value: Any, operations: Operations, trial: Trial) -> Any:
    """Return arguments with a tensor made for each spec and each example."""
    import torch

    if is_array(value) and not trial.arrays:
        value = torch.as_tensor(value)
    if isinstance(value, Spec):
        return operations.enter(None, value.sized(trial.varied, trial.size), value.dtype or trial.dtype)
    if isinstance(value, torch.Tensor):
        made = operations.enter(value, None, None)
        made.__dict__.update(value.__dict__)  # what somebody has hung onto an example
        return made
    if is_container(value):
        return rebuilt(value, lambda _, item: _entered(item, operations, trial))
    return value
