"""Flax NNX: modules are objects that hold variables; a copy of them runs with traced values.

Each module of the copy carries its path among the notes that NNX keeps on the attributes of a module, which go wherever its
own transformations take the module apart and put it together again. The model's code, which may count or call all attributes,
sees no more of them than there are. The model itself is only looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy as shallow
from typing import Any, final

from nbviz.adapters.jax.arrays import is_array, is_floating, placement, stored
from nbviz.adapters.jax.recorder import ModuleCall, Recorder, called_through
from nbviz.adapters.jax.subject import Leaves, is_derived, is_of_library
from nbviz.adapters.jax.trees import held_by
from nbviz.adapters.kinds import is_kind_of
from nbviz.adapters.places import source_of
from nbviz.adapters.simple import simple
from nbviz.adapters.specs import Arguments
from nbviz.builder import GraphBuilder
from nbviz.graph import Setting
from nbviz.records import Stored

_NOTES = "_pytree__nodes"
"""NNX's own attribute that says for each of the others whether there are arrays in it."""

_PATH = "_nbviz_path"

_SHARDING = ("out_sharding", "sharding_names", "sharding")
"""What versions of Flax call the axes of devices that a variable is spread over."""

_DEEPEST = 8
"""Containers around a module in an attribute: a dict may hold itself."""

Path = tuple[Any, ...]


def is_nnx(value: Any) -> bool:
    """Tell whether a value is a module of Flax NNX."""
    return is_kind_of(value, "Module", "flax.nnx")


@final
class NnxModel:
    """A module of Flax NNX.

    Parameters
    ----------
    model
        The module.
    call
        Calls a copy of the module with the arguments; None for the module's own ``__call__``.
    function
        What ``inputs`` are the arguments of, where that is not the module.
    name
        The name of the function.
    note
        What to say of the parameters.
    """

    def __init__(
        self,
        model: Any,
        call: Callable[..., Any] | None = None,
        function: Any = None,
        name: str = "",
        note: str = "",
    ) -> None:
        from flax import nnx

        self.name = name or type(model).__name__
        self.function = function or model
        self._call = call or (lambda copy, *args, **kwargs: copy(*args, **kwargs))
        self._definition, self._state = nnx.split(model)
        self._nodes: dict[Path, Any] = {}
        self._paths: dict[int, Path] = {}
        self._variables: dict[Path, Any] = {}
        for path, node in nnx.iter_graph(model):
            if isinstance(node, nnx.Module):
                self._nodes[path] = node
                self._paths[id(node)] = path
            elif isinstance(node, nnx.Variable) or is_array(node):
                self._variables[path] = node
        self.leaves: Leaves = list(self._leaves())
        self.extras: list[Any] = []
        self.closed_over: Leaves = []
        self.parts: list[Path] = []
        self.hint = ""
        self._note = note

    def prepare(self, given: Arguments, default: Any) -> None:
        """Find out nothing more: the model has its arrays already."""

    def _leaves(self) -> Iterator[tuple[Hashable, Any]]:
        """Yield the arrays of the state in the order in which JAX has them."""
        import jax
        from flax import nnx

        flat = dict(nnx.to_flat_state(self._state))
        places = {id(leaf): (path, i) for path, held in flat.items() for i, leaf in enumerate(jax.tree.leaves(held))}
        for leaf in jax.tree.leaves(self._state):
            path, i = places[id(leaf)]
            yield (id(self._variables[path]), i), leaf

    # The tree

    def add_to(self, builder: GraphBuilder) -> None:
        """Add the tree of modules with their variables."""
        for path in sorted(self._nodes, key=self._order):
            node, around = self._nodes[path], self._around(path)
            segment = ".".join(map(str, path[len(around) :])) if path else ""
            name = ".".join(map(str, path))
            kept = list(_kept(node))
            builder.add_layer(
                id(node),
                id(self._nodes[around]) if path else None,
                segment,
                name=name,
                type=type(node).__name__,
                module=type(node).__module__,
                settings=(*settings_of(node), *_spread(kept)),
                accessor="".join(map(_step, path)),
                source="" if is_of_library(type(node)) else source_of(type(node)),
            )
            for parameter, variable in kept:
                for key, known in _stored(parameter, variable):
                    builder.hold(id(node), key, known)
        if self._note:
            builder.note(self._note)

    def _order(self, path: Path) -> tuple[tuple[int, str], ...]:
        """Return what sorts modules as their holders' attributes were set."""
        found = []
        for i, part in enumerate(path):
            holder = self._nodes.get(path[:i])
            attributes = [] if holder is None else list(vars(holder))
            at = attributes.index(part) if part in attributes else part if isinstance(part, int) else 0
            found.append((at, str(part)))
        return tuple(found)

    def _around(self, path: Path) -> Path:
        """Return the path of the module that holds the one with this path."""
        return next((path[:i] for i in range(len(path) - 1, -1, -1) if path[:i] in self._nodes), ())

    def layers(self, call: ModuleCall) -> Sequence[Hashable]:
        """Return the key of the layer that a call is of."""
        return [id(self._nodes[call.key])] if call.key in self._nodes else []

    # The call

    def call(self, leaves: list[Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a copy of the model."""
        import jax
        from flax import nnx

        state = jax.tree.unflatten(jax.tree.structure(self._state), leaves)
        copy = nnx.merge(self._definition, state)
        for path, node in nnx.iter_graph(copy):
            if isinstance(node, nnx.Module):
                held = vars(node)
                held[_NOTES] = held[_NOTES].update({_PATH: path})
                for name in vars(self._nodes[path]):  # NNX has sorted them, and code may go through them in their order
                    value = held.pop(name)
                    held[name] = shallow(value) if type(value) in (dict, list, set) else value
        return self._call(copy, *args, **kwargs)

    @contextmanager
    def watched(self, recorder: Recorder) -> Iterator[None]:
        """Let the recorder note the calls of this model's modules."""

        def through(module: Any, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
            path = vars(module).get(_NOTES, {}).get(_PATH)
            if not path or not recorder.follows(module):
                return function(*args, **kwargs)
            return recorder.call(path, module, function, args, kwargs)

        with called_through({type(node): None for node in self._nodes.values()}, is_derived, through):
            yield


def _kept(node: Any) -> Iterator[tuple[str, Any]]:
    """Yield what a module keeps itself, with names: not what is in a module inside it."""
    from flax import nnx

    waiting = [(name, value) for name, value in vars(node).items() if not name.startswith("_pytree__")]
    seen: set[int] = set()
    while waiting:
        name, value = waiting.pop(0)
        if isinstance(value, (dict, list, tuple)):
            if id(value) in seen:  # a dict may hold itself
                continue
            seen.add(id(value))
        if isinstance(value, nnx.Variable) or is_array(value):
            yield name, value
        elif isinstance(value, nnx.Module):
            continue
        elif isinstance(value, dict):
            waiting[:0] = [(f"{name}.{key}", item) for key, item in value.items()]
        elif isinstance(value, (list, tuple)):
            waiting[:0] = [(f"{name}.{i}", item) for i, item in enumerate(value)]
        elif isinstance(value, nnx.Pytree):  # random streams, say
            own = vars(value).items()
            waiting[:0] = [(f"{name}.{key}", item) for key, item in own if not key.startswith("_pytree__")]
        else:  # a quantized weight, say, in a class of its own
            waiting[:0] = [(f"{name}.{key}".rstrip("."), item) for key, item in _node(value).items()]


def _node(value: Any) -> dict[str, Any]:
    """Return what a node of a class that JAX knows holds, by name; nothing for what is no node."""
    import jax

    return {} if jax.tree_util.all_leaves((value,)) else held_by(value) or {}


def _stored(name: str, variable: Any) -> Iterator[tuple[Hashable, Stored]]:
    """Yield the arrays of a variable; those of a ``Param`` are parameters, others state."""
    import jax
    from flax import nnx

    is_parameter = isinstance(variable, nnx.Param)
    arrays = [leaf for leaf in jax.tree.leaves(variable) if is_array(leaf)]
    for i, array in enumerate(arrays):
        part = name if len(arrays) == 1 else f"{name}.{i}"
        kind = "weight" if is_parameter else "buffer"
        yield (id(variable), i), stored(part, array, kind, trainable=is_parameter and is_floating(array.dtype))  # type: ignore[arg-type]


def settings_of(node: Any) -> tuple[tuple[str, Setting], ...]:
    """Return the attributes of a module that are neither modules nor variables."""
    from flax import nnx

    return tuple(
        (name, simple(value))
        for name, value in vars(node).items()
        if not name.startswith("_") and value is not None and not is_array(value) and not _holds(value, nnx)
    )


def _holds(value: Any, nnx: Any, depth: int = 0) -> bool:
    if isinstance(value, (list, tuple, dict)):
        items = value.values() if isinstance(value, dict) else value
        return depth < _DEEPEST and any(_holds(item, nnx, depth + 1) for item in items)
    if isinstance(value, (nnx.Variable, nnx.Pytree)):
        return True
    return depth < _DEEPEST and any(is_array(item) or _holds(item, nnx, depth + 1) for item in _node(value).values())


def _spread(kept: list[tuple[str, Any]]) -> Iterator[tuple[str, Setting]]:
    """Yield how variables are, or are to be, spread over devices."""
    import jax
    from flax import nnx

    for name, variable in kept:
        found = next(filter(None, map(placement, jax.tree.leaves(variable))), "")
        told = variable.get_metadata() if isinstance(variable, nnx.Variable) else {}
        names = next((told[name] for name in _SHARDING if told.get(name)), None)
        if found or names:
            yield f"{name} sharding", found or simple(names)


def _step(part: Any) -> str:
    return f".{part}" if isinstance(part, str) and part.isidentifier() else f"[{part!r}]"
