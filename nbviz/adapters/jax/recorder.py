"""Notes which module runs while JAX traces: each call gets a name scope of its own, which its equations then carry.

What JAX traces meanwhile is cached apart from what it traced before, so that neither is ever taken for the other. Where a
jitted function inside a model is called by several modules, each call has to be traced anew: a trace that is kept ``apart``
does that, at several times the cost.
"""

from __future__ import annotations

import itertools
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import update_wrapper
from inspect import isfunction
from typing import Any, final

from nbviz.adapters.jax.arrays import spec
from nbviz.adapters.jax.jaxprs import is_library
from nbviz.adapters.jax.leaves import leaves_of
from nbviz.adapters.jax.nesting import PREFIX
from nbviz.adapters.places import place
from nbviz.graph import TensorSpec

_tokens = itertools.count(1)


@final
@dataclass(slots=True)
class ModuleCall:
    """One call of a module during a trace.

    Attributes
    ----------
    token
        Its number, unique in this process.
    key
        What the subject knows the module by, or who it may be where the weights that it reads have to decide.
    type
        The class of what was called.
    parent
        The call around it.
    inputs, variables
        The arrays that it got, and the variables of the jaxpr that they are.
    results
        The variables that it returned.
    source
        Where it was called.
    passes
        Whether it gives back an input as it is, so that an equation of ours stands for it.
    """

    token: int
    key: Any
    type: type
    parent: ModuleCall | None
    inputs: tuple[TensorSpec, ...]
    variables: tuple[Any, ...]
    source: str
    results: tuple[Any, ...] = ()
    passes: bool = False

    @property
    def scope(self) -> str:
        """The name of its scope."""
        return f"{PREFIX}{self.token}"

    @property
    def is_trial(self) -> bool:
        """Whether nothing that it returned is in the program: Flax traces the body of a loop once to see what it holds."""
        return bool(self.results) and all(variable is None for variable in self.results)


@final
class Recorder:
    """Notes the calls of modules of one trace, in the thread that made it.

    The first is that of the whole model: what is in no scope happens in it.

    Parameters
    ----------
    apart
        Whether what is traced in one call of a module is kept apart from what is traced in another.
    """

    def __init__(self, *, apart: bool) -> None:
        self._apart = apart
        self.calls: dict[str, ModuleCall] = {}
        self._open: list[tuple[ModuleCall, object]] = []
        self.culprit: ModuleCall | None = None
        self._raised: Exception | None = None
        self._thread = threading.get_ident()

    def follows(self, module: object) -> bool:
        """Tell whether a call of this module is to be noted: in this trace, and from outside the module itself."""
        mine = self._thread == threading.get_ident()
        return mine and bool(self._open) and self._open[-1][1] is not module

    def innermost(self) -> tuple[object, Any]:
        """Return the module that is running, and its key."""
        call, module = self._open[-1]
        return module, call.key

    def call(self, key: Any, module: object, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Call a function of a module in a scope of its own."""
        import jax

        given = [leaf for leaf in leaves_of((args, kwargs)) if isinstance(leaf, jax.core.Tracer)]
        around = self._open[-1][0] if self._open else None
        inputs = tuple(spec(leaf.aval) for leaf in given)
        variables = tuple(map(_variable, given))
        call = ModuleCall(next(_tokens), key, type(module), around, inputs, variables, _caller())
        self.calls[call.scope] = call
        self._open.append((call, module))
        try:
            named = jax.named_scope(call.scope) if around is not None else nullcontext()
            with named, separate_caches(call.scope) if self._apart else nullcontext():
                result = self._passed(call, function(*args, **kwargs), given)
                call.results = tuple(map(_variable, leaves_of(result)))
                return result
        except Exception as error:
            if self._raised is not error:
                self._raised, self.culprit = error, call
            raise
        finally:
            self._open.pop()
            if not self._open:
                self._raised = None  # it holds what was traced

    def _passed(self, call: ModuleCall, result: Any, given: list[Any]) -> Any:
        """Return a result with copies of the inputs in it, so that an equation stands where it was passed on."""
        import jax

        inputs = {id(leaf) for leaf in given}
        if not any(id(leaf) in inputs for leaf in leaves_of(result)):
            return result
        call.passes = True
        return jax.tree.map(lambda leaf: jax.numpy.array(leaf, copy=True) if id(leaf) in inputs else leaf, result)


def _caller() -> str:
    """Return the place in the user's code that makes this call, ``""`` when there is none."""
    frame: Any = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__") != "nbviz.adapters.jax.trials":
        if not is_library(frame.f_code.co_filename):
            return place(frame.f_code.co_filename, frame.f_lineno)
        frame = frame.f_back
    return ""


def _variable(tracer: Any) -> Any:
    """Return the variable of a jaxpr that an array under a trace stands for, also inside ``vmap`` and ``grad``.

    None where a part of the model is evaluated on its own, and the array is unknown there.
    """
    import jax

    while isinstance(tracer, jax.core.Tracer):
        tracer = getattr(tracer, "val", getattr(tracer, "primal", None))
    return tracer


def separate_caches(name: str) -> Any:
    """Return a context in which what JAX traces is cached apart from what it traced outside."""
    from jax.experimental.xla_metadata import set_xla_metadata

    return set_xla_metadata(nbviz=name)


def anew() -> Any:
    """Return a context in which nothing counts as traced before."""
    return separate_caches(f"reading {next(_tokens)}")


Wrapper = Callable[[Any, Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any]


@contextmanager
def called_through(classes: Iterable[type], is_derived: Callable[[type], bool], wrapper: Wrapper) -> Iterator[None]:
    """Let calls of these classes' instances go through ``wrapper(module, function, args, kwargs)`` meanwhile.

    Those of other public methods go through it too, where a class is derived from a library's own: these have some that do not compute.
    """
    originals: dict[tuple[type, str], Any] = {}
    for cls in classes:
        for name in ("__call__", *_methods(cls, is_derived)):
            definer = next((c for c in cls.__mro__ if name in vars(c)), object)
            if definer is not object and definer.__module__ != "builtins":
                originals[definer, name] = vars(definer)[name]
    try:
        for (cls, name), original in originals.items():
            type.__setattr__(cls, name, _through(original, wrapper))
        yield
    finally:
        for (cls, name), original in originals.items():
            type.__setattr__(cls, name, original)


def _methods(cls: type, is_derived: Callable[[type], bool]) -> Iterator[str]:
    """Yield the names of public methods that are not the library's."""
    for definer in filter(is_derived, cls.__mro__):
        for name, value in vars(definer).items():
            if name.startswith("_") or isinstance(value, (staticmethod, classmethod)):
                continue
            if isfunction(value) or isfunction(getattr(value, "__wrapped__", None)):  # the second is jitted, say
                yield name


def _through(original: Any, wrapper: Wrapper) -> Callable[..., Any]:
    def call(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        return wrapper(self, original.__get__(self, type(self)), args, kwargs)

    return update_wrapper(call, original)
