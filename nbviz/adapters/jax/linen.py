"""Flax Linen: modules are settings; their arrays are a tree of variables, which ``init`` makes or a user gives.

Nothing is initialised: ``init`` is traced for shapes, and so is ``apply``. ``flax.linen.intercept_methods`` says which module
runs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, final

from nbviz.adapters.jax.arrays import abstract, is_floating, placement, stored
from nbviz.adapters.jax.inputs import entered, traceable
from nbviz.adapters.jax.linen_calls import Settings, described, flat, intercepted
from nbviz.adapters.jax.recorder import ModuleCall, Recorder, anew
from nbviz.adapters.jax.subject import Leaves, Path, is_of_library
from nbviz.adapters.places import source_of
from nbviz.adapters.simple import simple
from nbviz.adapters.specs import Arguments
from nbviz.builder import GraphBuilder
from nbviz.graph import ParameterKind, Setting

_STREAMS = ("params", "dropout")
"""The random streams that a model gets; Linen takes the first where it asks for another."""

_LIFTED = ("Scan", "Vmap")
"""How Linen calls modules inside which others see a part of their variables: those of one layer of several."""


@final
class LinenModel:
    """A module of Flax Linen with its variables, None where there are none yet; ``method`` names what is called of it."""

    def __init__(self, model: Any, variables: Any = None, method: str | None = None) -> None:
        if model.scope is not None and variables is None:
            model, variables = model.unbind()
        self.name = method or type(model).__name__
        self.function = getattr(model, method) if method else model
        self._method = method
        self.closed_over: Leaves = []
        self.parts: list[Path] = []
        self.hint = ""
        self.extras = list(_keys().values())
        self._model = model
        self._modules: dict[Path, tuple[type, Settings]] = {(): described(model)}
        self._variables: Any = None
        self._leaves: list[tuple[Path, Any]] = []
        self._made: dict[Path, Any] = {}
        self._done: set[Path] = set()
        self._met: list[Path] = []  # of the modules that run, while these are found out
        self._boxes: dict[Path, Any] = {}
        self._given = variables is not None
        if self._given:
            self._take(variables)

    @property
    def leaves(self) -> Leaves:
        """The variables."""
        return list(self._leaves)

    def _take(self, variables: Any) -> None:
        """Know the variables of the model."""
        import jax
        from flax.core import meta, unfreeze

        boxed = unfreeze(variables)
        self._boxes = dict(flat(boxed, lambda v: isinstance(v, meta.AxisMetadata)))
        self._variables = meta.unbox(boxed)
        self._leaves = list(flat(self._variables, None))
        self._structure = jax.tree.structure(self._variables)

    def prepare(self, given: Arguments, default: Any) -> None:
        """Find out the modules and the shapes of their variables, by tracing ``init`` (or ``apply``) on the inputs.

        Where that fails, the variables stay unknown, and the trace of ``init`` itself is what there is to see.
        """
        import jax

        if not self._given:
            self._modules, self._variables, self._leaves = {(): described(self._model)}, None, []
            self._made, self._done = {}, set()
        fill, structs = traceable(entered(given, default, None))

        def init(keys: Any, traced: list[Any]) -> Any:
            args, kwargs = fill(traced)
            return self._model.init(keys, *args, method=self._method, **kwargs)

        def apply(leaves: list[Any], traced: list[Any]) -> None:
            args, kwargs = fill(traced)
            self.call(leaves, args, kwargs)

        with intercepted(self._meet), anew(), contextlib.suppress(Exception):
            if self._given:
                jax.eval_shape(apply, [*(abstract(leaf) for _, leaf in self._leaves), *self.extras], structs)
            else:
                self._take(jax.eval_shape(init, _keys(), structs))

    def _meet(self, module: Any, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        if self._met[-1:] == [module.path]:  # a method that another of the module calls
            return function(*args, **kwargs)
        self._modules.setdefault(module.path, described(module))
        lifted = any(name.startswith(_LIFTED) for name in module.path)
        self._met.append(module.path)
        try:
            result = function(*args, **kwargs)
            if not lifted:
                self._done.add(module.path)
            return result
        finally:
            self._met.pop()
            if not self._given and not lifted:
                self._note(module)

    def _note(self, module: Any) -> None:
        """Know the variables that a module has made, for the case that those of the whole model never come to be."""
        from flax.core import meta, unfreeze

        for (collection, *inside), leaf in flat(meta.unbox(unfreeze(module.variables)), None):
            self._made[collection, *module.path, *inside] = abstract(leaf)

    # The tree

    def add_to(self, builder: GraphBuilder) -> None:
        """Add the tree of modules with their variables."""
        held: dict[Path, list[tuple[Path, Any]]] = {}
        for key, leaf in self._known():
            held.setdefault(key[1:-1], []).append((key, leaf))
        for path in self._rows():
            cls, settings = self._modules.get(path, (None, ()))
            own = held.get(path, [])
            builder.add_layer(
                path,
                path[:-1] if path else None,
                path[-1] if path else "",
                name="/".join(path),
                type="Module" if cls is None else cls.__name__,
                module="" if cls is None else cls.__module__,
                settings=(*settings, *self._spread(own)),
                source="" if cls is None or is_of_library(cls) else source_of(cls),
            )
            for key, leaf in own:
                kind: ParameterKind = "weight" if key[0] == "params" else "buffer"
                builder.hold(path, key, stored(key[-1], leaf, kind, trainable=is_floating(leaf.dtype)))
            if self._variables is None and path not in self._done:
                builder.leave_open(path)

    def _known(self) -> list[tuple[Path, Any]]:
        """Return the variables; where a trace of ``init`` fails, those that were made until then."""
        return list(self._made.items()) if self._variables is None else self._leaves

    def _rows(self) -> list[Path]:
        """Return the paths of modules, and of what holds variables without being known as one, holders first."""
        found: dict[Path, None] = {}
        for path in [*self._modules, *(key[1:-1] for key, _ in self._known())]:
            for end in range(len(path) + 1):
                found.setdefault(path[:end])
        return list(found)

    def _spread(self, own: list[tuple[Path, Any]]) -> Iterator[tuple[str, Setting]]:
        """Yield how variables are, or are to be, spread over devices."""
        for key, leaf in own:
            names = getattr(self._boxes.get(key), "names", None)
            found = placement(leaf)
            if found or names:
                yield f"{key[-1]} sharding", found or simple(names)

    def layers(self, call: ModuleCall) -> Sequence[Hashable]:
        """Return the key of the layer that a call is of."""
        return [call.key]

    # The call

    def call(self, leaves: list[Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Apply the module to variables; what it changes in them is let go."""
        import jax

        variables, keys = leaves[: len(self.leaves)], dict(zip(_STREAMS, leaves[len(self.leaves) :], strict=True))
        if self._variables is None:
            return self._model.init_with_output(keys, *args, method=self._method, **kwargs)[0]
        tree = jax.tree.unflatten(self._structure, variables)
        changes = [name for name in tree if name != "params"]
        return self._model.apply(tree, *args, rngs=keys, mutable=changes, method=self._method, **kwargs)[0]

    @contextmanager
    def watched(self, recorder: Recorder) -> Iterator[None]:
        """Let the recorder note the calls of this model's modules."""

        def through(module: Any, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
            if not module.path or not recorder.follows(module):
                return function(*args, **kwargs)
            return recorder.call(module.path, module, function, args, kwargs)

        with intercepted(through):
            yield


def _keys() -> dict[str, Any]:
    """Return the shapes of random keys."""
    import jax

    key = jax.eval_shape(lambda: jax.random.key(0))
    return dict.fromkeys(_STREAMS, key)
