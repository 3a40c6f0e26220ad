"""From a module or a function to a finished reading."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from types import FunctionType, MethodType
from typing import Any

from nbviz.adapters.free import free_dimensions
from nbviz.adapters.jax.arrays import abstract, is_array, is_floating, typed_sharding, without_sharding
from nbviz.adapters.jax.constants import Constants
from nbviz.adapters.jax.failures import mark
from nbviz.adapters.jax.inputs import argument_names, arguments, entered, misnamed, signature_of, traceable, unshaped
from nbviz.adapters.jax.program import Program
from nbviz.adapters.jax.subject import Subject, is_of_library
from nbviz.adapters.jax.subjects import subject_of
from nbviz.adapters.jax.trials import Trials
from nbviz.adapters.jax.walk import Walk
from nbviz.adapters.jax.weights import JaxWeightReader
from nbviz.adapters.specs import BATCH, Arguments
from nbviz.adapters.text import plain
from nbviz.builder import GraphBuilder
from nbviz.reading import Reading

_ADD_INPUTS = (
    "This is the tree of modules and their parameters. To see the graph, its shapes and its MACs, pass inputs: "
    "inputs=(None, 224, 224, 3), an example array, or a tuple or dict of these."
)
_NO_CALL = (
    "{name} has no __call__, so only its tree of modules and their parameters is shown. For the graph, view the "
    "method that runs it, such as nbviz.view(model.encode, inputs)."
)
_STRAYS = (
    "The function also reads arrays with {values} values in total that are not counted as its parameters: constants, "
    "or weights that nbviz cannot see. If they are weights, pass them as an argument."
)
_FUNCTIONS = (FunctionType, MethodType, functools.partial)
"""What has its parameters around it, where they are looked for by name."""


def read_model(model: Any, inputs: Any = None) -> Reading:
    """Read a module or a function: without inputs its tree, with inputs also the graph of its calls.

    Raises
    ------
    InputsError
        If ``inputs`` cannot be understood, or is missing for a function.
    MissingExtraError
        If JAX is not installed.
    """
    subject, given = subject_of(model, inputs)
    error = None
    if not callable(subject.function):
        builder = _tree(subject)
        builder.note(_NO_CALL.format(name=subject.name))
    elif given is None:
        builder = _tree(subject)
        builder.note(_ADD_INPUTS)
    else:
        arrived = arguments(subject.function, given, subject.name)
        subject.hint = misnamed(given, signature_of(subject.function)) or unshaped(inputs) or subject.hint
        builder, error = _traced(subject, arrived)
    values = dict([*subject.leaves, *subject.closed_over])
    return Reading(builder.finish(), JaxWeightReader([values.get(key) for key in builder.parameter_keys()]), error)


def _tree(subject: Subject) -> GraphBuilder:
    builder = GraphBuilder(subject.name, "JAX")
    subject.add_to(builder)
    return builder


def _traced(subject: Subject, given: Arguments) -> tuple[GraphBuilder, Exception | None]:
    """Record the model; where arrays as they are spread over devices do not go with inputs that are not, without that."""
    found = _tried(subject, given)
    if found[1] is None or not any(typed_sharding(leaf) is not None for leaf in _arrays(subject, given)):
        return found
    with without_sharding():
        again = _tried(subject, given)
    return found if again[1] is not None else again


def _arrays(subject: Subject, given: Arguments) -> list[Any]:
    import jax

    return [*(leaf for _, leaf in subject.leaves), *filter(is_array, jax.tree.leaves((given.args, given.kwargs)))]


def _tried(subject: Subject, given: Arguments) -> tuple[GraphBuilder, Exception | None]:
    """Record the model; where the dtype of an input is not given and fractions do not work, with whole numbers."""
    import jax

    trials = Trials(subject, given)
    default = _float_dtype(subject)
    builder, error = _record(trials, given, default)
    if error is not None and given.guesses():
        again = _record(trials, given, jax.numpy.int32)
        if again[1] is None:
            (builder, error), default = again, jax.numpy.int32
    builder.batch_axis = BATCH in given.free()
    vary = lambda name: _record(trials, given, default, varied=name)  # noqa: E731
    free_dimensions(builder, given.free(), vary, stopped=error is not None)
    return builder, error


def _float_dtype(subject: Subject) -> Any:
    import jax

    floats = (leaf.dtype for _, leaf in subject.leaves if jax.dtypes.issubdtype(leaf.dtype, jax.numpy.floating))
    return next(floats, jax.numpy.float32)


def _record(
    trials: Trials, given: Arguments, default: Any, varied: str | None = None
) -> tuple[GraphBuilder, Exception | None]:
    """Record the model once; ``varied`` names the free dimension that gets its other size."""
    subject = trials.subject
    if varied is None:
        trials.prepare(given, default)
    entering = entered(given, default, varied)
    fill, structs = traceable(entering)
    own = [*(abstract(leaf) for _, leaf in subject.leaves), *subject.extras]
    trial = trials.trace(fill, own, structs)
    builder = _tree(subject)
    inputs = [
        *(("", key) for key, _ in subject.leaves),
        *(("", ("extra", i)) for i, _ in enumerate(subject.extras)),  # what is read and shown nowhere
        *((name, None) for name in _names(subject, entering)),
    ]
    constants = Constants([*subject.leaves, *subject.closed_over])
    calls = trial.recorder.calls
    program = Program(trial.jaxpr, inputs, trial.names, calls, subject.layers, is_of_library, constants, subject.parts)
    walk = Walk(builder, program)
    walk.run()
    if isinstance(subject.function, _FUNCTIONS):
        _note_strays(builder, trial.jaxpr.consts, constants)
    if trial.empty:
        builder.note(trial.empty.format(name=subject.name))
    for error in trial.caught:
        mark(walk, trial.recorder.culprit, error, subject.hint)
    return builder, next(iter(trial.caught), None)


def _note_strays(builder: GraphBuilder, arrays: Iterable[Any], known: Constants) -> None:
    """Say of how many values a function reads arrays that were found nowhere around it, so that no total leaves them out silently."""
    strays = {
        id(array): array.size
        for array in arrays
        if getattr(array, "ndim", 0) and is_floating(array.dtype) and known.key_of(array) is None
    }
    if strays:
        builder.note(_STRAYS.format(values=f"{sum(strays.values()):,}"))


def _names(subject: Subject, entering: tuple[tuple[Any, ...], dict[str, Any]]) -> list[str]:
    """Return names for the arrays that go in: those of the arguments, and where in them they are."""
    import jax

    names = argument_names(subject.function, len(entering[0]))
    found = []
    for path, leaf in jax.tree_util.tree_leaves_with_path(entering):
        if is_array(leaf):
            first = names[path[1].idx] if path[0].idx == 0 else str(path[1].key)
            found.append(plain(first + jax.tree_util.keystr(path[2:])))
    return found
