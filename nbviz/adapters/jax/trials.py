"""Traces a model: gives its jaxpr, the calls of its modules, and what stopped it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, final

from nbviz.adapters.jax.failures import was_inside
from nbviz.adapters.jax.jaxprs import stands_twice
from nbviz.adapters.jax.outside import Outside
from nbviz.adapters.jax.recorder import Recorder, anew
from nbviz.adapters.jax.results import arrays_given, named_as, why_empty
from nbviz.adapters.jax.subject import Subject
from nbviz.adapters.specs import Arguments
from nbviz.adapters.text import plain
from nbviz.adapters.tracebacks import detach

Fill = Callable[[list[Any]], Any]
"""Puts traced arrays into the arguments."""


class Trial(NamedTuple):
    """What one trace has given: the jaxpr, the names of its outputs, the calls of modules, what was raised, why nothing came."""

    jaxpr: Any
    names: list[str]
    recorder: Recorder
    caught: list[Exception]
    empty: str


@final
class Trials:
    """Traces a model as often as needed, each time as if it were the first.

    Parameters
    ----------
    subject
        The model.
    given
        What it is called with.
    """

    def __init__(self, subject: Subject, given: Arguments) -> None:
        self.subject = subject
        self._outside = Outside(subject.function, (*given.args, *given.kwargs.values()))

    def prepare(self, given: Arguments, default: Any) -> None:
        """Find out, before a trace, what depends on the inputs."""
        with self._outside.kept():
            self.subject.prepare(given, default)

    def trace(self, fill: Fill, own: list[Any], structs: list[Any]) -> Trial:
        """Trace the model on arrays of its own and on those that ``fill`` puts into the arguments.

        Where a call was not traced, but known from another, it is traced again with the two apart; where it failed inside a
        jitted function or a loop, with what these did before in its place.
        """
        import jax

        trial = self._once(fill, own, structs, apart=False)
        if stands_twice(trial.jaxpr.jaxpr):
            trial = self._once(fill, own, structs, apart=True)
        if any(map(was_inside, trial.caught)):
            with jax.disable_jit():
                again = self._once(fill, own, structs, apart=False)
            same, other = ([(type(error), plain(error)) for error in one.caught] for one in (again, trial))
            return again if same == other else trial
        return trial

    def _once(self, fill: Fill, own: list[Any], structs: list[Any], *, apart: bool) -> Trial:
        """Trace the model once; ``apart`` as for ``Recorder``."""
        with self._outside.kept():
            return _trace(self.subject, fill, own, structs, apart=apart)


def _trace(subject: Subject, fill: Fill, own: list[Any], structs: list[Any], *, apart: bool) -> Trial:
    import jax

    recorder = Recorder(apart=apart)
    caught: list[Exception] = []
    names: list[str] = []
    empty: list[str] = []

    def function(parameters: list[Any], inputs: list[Any]) -> list[Any]:
        args, kwargs = fill(inputs)
        try:
            result = recorder.call((), subject, lambda: subject.call(parameters, args, kwargs), (), {})
        except Exception as raised:  # noqa: BLE001 - whatever the model's code raises is the result
            detach(raised)  # its frames hold traced values, which must not live longer than the trace
            caught.append(raised)
            return []
        found = arrays_given(result)
        empty.extend([] if found else [why_empty(result)])
        names.extend(name for name, _ in found)
        return [leaf for _, leaf in found]

    named_as(function, subject.function)
    with subject.watched(recorder), anew():
        return Trial(jax.make_jaxpr(function)(own, structs), names, recorder, caught, "".join(empty))
