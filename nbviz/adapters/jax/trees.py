"""Trees of arrays, with the modules of Equinox among their nodes: each node that holds arrays or modules is a row."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, final

from nbviz.adapters.jax.arrays import is_array, of_leaf, placement
from nbviz.adapters.jax.copies import Copies
from nbviz.adapters.jax.leaves import is_finite, leaves_of
from nbviz.adapters.jax.linen_bound import TRAINED, are_variables
from nbviz.adapters.jax.named_nodes import NamedNodes
from nbviz.adapters.jax.recorder import ModuleCall, Recorder, called_through
from nbviz.adapters.jax.subject import Leaves, Path, is_derived
from nbviz.adapters.kinds import is_kind_of
from nbviz.adapters.places import source_of
from nbviz.adapters.simple import simple
from nbviz.builder import GraphBuilder
from nbviz.errors import UnsupportedModelError
from nbviz.graph import Setting

_OPTIMIZER = "opt_state"
"""What a ``TrainState``, or a dict of a user's in its place, has for the optimizer."""


def is_module(value: Any) -> bool:
    """Tell whether a node is a module of Equinox."""
    return is_kind_of(value, "Module", "equinox")


@final
@dataclass(frozen=True, slots=True)
class Node:
    """A node of a tree.

    Attributes
    ----------
    path
        Where it is, without the collection.
    value
        The node.
    accessor
        How it is reached from the root.
    collection
        Which of Flax's collections of variables it is in, or of which kind of NNX's; ``""`` where the tree has none.
    is_array
        Whether it is an array of the tree. A node may have a shape too, as sparse ones do, and hold several.
    """

    path: Path
    value: Any
    accessor: str
    collection: str = ""
    is_array: bool = False

    @property
    def trains(self) -> bool:
        """Whether it is, or holds, what is trained: not the statistics of a batch, or a cache."""
        return self.collection in {"", TRAINED}


@final
class ParameterTree:
    """A tree of arrays, such as a module of Equinox or a dict of weights.

    Attributes
    ----------
    named
        Its nodes by the names of their arrays, for the modules of other libraries that a function makes of them.
    """

    def __init__(self, root: Any) -> None:
        import jax

        if not is_finite(root):
            msg = (
                f"{type(root).__name__} contains something that contains itself, or is nested too deeply for JAX: "
                "make it a static field."
            )
            raise UnsupportedModelError(msg)
        self._root = root
        self._found = list(_merged(root))
        flat, self._structure = jax.tree.flatten(root)
        self._flat = flat
        self._places = [i for i, leaf in enumerate(flat) if is_array(leaf)]
        arrays = [node for node in self._found if node.is_array]
        self.leaves: Leaves = [(node.path, node.value) for node in arrays]
        self._rows: dict[Path, Node] = {}
        for node in filter(self._is_row, self._found):
            if node.trains or node.path not in self._rows:  # of several, that with what is trained says where it is
                self._rows[node.path] = node
        self._modules = {path: node.value for path, node in self._rows.items() if is_module(node.value)}
        trained = (node.path for node in arrays if node.trains)
        self.named = NamedNodes((path for path in self._rows if path not in self._modules), trained)

    def _is_row(self, node: Node) -> bool:
        import jax

        if node.is_array:
            return False
        leaves = jax.tree.leaves(node.value, is_leaf=is_module)
        return not node.path or any(is_module(leaf) or is_array(leaf) for leaf in leaves)

    def add_to(self, builder: GraphBuilder, root: type | str, settings: tuple[tuple[str, Setting], ...] = ()) -> None:
        """Add a row for each node and its arrays; ``root`` is the class of the root or the name of a function."""
        held: dict[Path, list[Node]] = {}
        for node in self._found:
            if node.is_array:
                held.setdefault(node.path[:-1], []).append(node)
        for path in self._with_holders((*self._rows, *self.named.modules)):
            node = self._rows.get(path) or Node(path, None, "")
            cls, known = self.named.modules.get(path) or (type(node.value), _settings(node.value))
            named = not path and isinstance(root, str)
            own = held.get(path, [])
            builder.add_layer(
                path,
                path[:-1] if path else None,
                path[-1] if path else "",
                name=".".join(path),
                type=str(root) if named else cls.__name__,
                module="" if named else cls.__module__,
                settings=(*settings, *known, *_spread(own)),
                accessor=node.accessor,
                source=source_of(cls) if is_derived(cls) else "",
            )
            for array in own:
                builder.hold(path, array.path, of_leaf(array.path[-1], array.value, trained=array.trains))

    @staticmethod
    def _with_holders(paths: Iterable[Path]) -> list[Path]:
        """Return paths, each once and behind those of what holds it."""
        return list({path[:end]: None for path in paths for end in range(len(path) + 1)})

    def filled(self, leaves: list[Any]) -> Any:
        """Return the tree with other arrays in it."""
        import jax

        flat = list(self._flat)
        for i, leaf in zip(self._places, leaves, strict=True):
            flat[i] = leaf
        return jax.tree.unflatten(self._structure, flat)

    @contextmanager
    def watched(self, recorder: Recorder, known: dict[int, Path]) -> Iterator[None]:
        """Let the recorder note the calls of modules; ``known`` says where those are that the trace started with."""
        copies = Copies(self._modules, self.places, is_module)

        def through(module: Any, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
            if not recorder.follows(module):
                return function(*args, **kwargs)
            found = [known[id(module)]] if id(module) in known else copies.of(module)
            if not found:
                return function(*args, **kwargs)
            return recorder.call(found, module, function, args, kwargs)

        classes = {type(module): None for module in self._modules.values()}
        with called_through(classes, is_derived, through):
            yield

    def values(self) -> list[Any]:
        """Return the nodes that are rows."""
        return [node.value for node in self._rows.values()]

    def parts(self) -> list[Path]:
        """Return the rows of which no calls are noted: lists, dicts, named tuples and the like, not those of modules."""
        return [path for path in self._rows if path not in self._modules and path not in self.named.modules]

    @staticmethod
    def places(root: Any) -> dict[int, Path]:
        """Return the places of the modules in a copy of the tree, or in one of its modules, by identity."""
        return {id(node.value): node.path for node in _merged(root) if is_module(node.value)}

    @staticmethod
    def layers(call: ModuleCall) -> Sequence[Hashable]:
        """Return the keys of the layers that a call may be of."""
        return list(call.key)


def _merged(root: Any) -> Iterator[Node]:
    """Yield the nodes and leaves of a tree; the variables of one module in Flax's collections stand together.

    In ``{"params": {"norm": {"scale": ...}}, "batch_stats": {"norm": {"mean": ...}}}`` the module ``norm`` has both.
    """
    nodes = list(_nodes(root))
    aside = _not_trained(root, {node.path[0] for node in nodes if node.path})
    nodes = [replace(node, collection=node.path[0]) if node.path and node.path[0] in aside else node for node in nodes]
    holders = _holders_of_collections(nodes)
    if not holders:
        yield from nodes
        return
    found = [_without_collections(node, holders) for node in nodes if node.path[:-1] not in holders or not node.path]
    taken = {node.path for node in found if node.is_array and node.trains}
    for node in found:
        if node.is_array and not node.trains:
            path = node.path
            if path in taken:
                path = (*path[:-1], f"{node.collection}.{path[-1]}")
            taken.add(path)
            yield replace(node, path=path)
        else:
            yield node


def _holders_of_collections(nodes: Iterable[Node]) -> set[Path]:
    """Return the paths of the variables of modules of Flax; in what is not trained of one, as an average of all of them, are no others."""
    found: set[Path] = set()
    for node in nodes:  # holders first
        around = (node.path[at] for at in range(len(node.path)) if node.path[:at] in found)
        if are_variables(node.value) and all(collection == TRAINED for collection in around):
            found.add(node.path)
    return found


def _without_collections(node: Node, holders: AbstractSet[Path]) -> Node:
    """Return a node without the names of collections on its path, and in the innermost of them."""
    inside = [at for at in range(len(node.path)) if node.path[:at] in holders]
    if not inside:
        return node
    path = tuple(part for at, part in enumerate(node.path) if at not in inside)
    return replace(node, path=path, collection=node.collection or node.path[inside[-1]])


def _not_trained(root: Any, names: set[str]) -> set[str]:
    """Return what of a tree with the state of an optimizer is not trained: where it says which its parameters are, all the rest.

    That is the number of steps, statistics, random keys, an average of the parameters, those of a target network.
    """
    held = [
        name for name in (TRAINED, _OPTIMIZER) if (name in root if isinstance(root, Mapping) else hasattr(root, name))
    ]
    if _OPTIMIZER not in held:
        return set()
    return names - {TRAINED} if TRAINED in held else {_OPTIMIZER}


def _nodes(root: Any) -> Iterator[Node]:
    """Yield the nodes and leaves of a tree, holders first, in the order in which JAX has them."""
    waiting = [Node((), root, "")]
    while waiting:
        node = waiting.pop()
        if is_of_optax(node.value):
            node = replace(node, collection=node.collection or _OPTIMIZER)
        children = _children(node.value)
        if _is_box(node.value, children):
            collection = kind_of_state(node.value) or node.collection
            waiting.append(Node(node.path, children[0][1], node.accessor + _access(children[0][0]), collection))
            continue
        leaf = len(children) == 1 and children[0][1] is node.value
        yield replace(node, is_array=leaf and is_array(node.value))
        inside: dict[Path, Node] = {}
        for keys, child in children:
            path = (*node.path, *map(_segment, keys))
            while path in inside:  # 1 and "1"
                path = (*path[:-1], f"{path[-1]}'")
            if keys:
                inside[path] = Node(path, child, node.accessor + _access(keys), node.collection)
        waiting.extend(reversed(inside.values()))


def _children(value: Any) -> list[tuple[Any, Any]]:
    """Return what a node holds with the keys to it; what is no node holds itself."""
    import jax

    return list(jax.tree_util.tree_flatten_with_path(value, is_leaf=lambda inner: inner is not value)[0])


def _is_box(value: Any, children: list[tuple[Any, Any]]) -> bool:
    """Tell whether a node is a box around one value: a variable of Flax's, or one with the names of its axes."""
    if len(children) != 1 or children[0][1] is value or is_module(value):
        return False
    keys = children[0][0]
    return not keys or (len(keys) == 1 and getattr(keys[0], "name", "") == "value")


def is_of_optax(value: Any) -> bool:
    """Tell whether a value is what Optax keeps for the parameters, in trees like theirs."""
    return f"{type(value).__module__}.".startswith("optax.")


def kind_of_state(value: Any) -> str:
    """Return what kind of variable of NNX a box is, if it is none that is trained: statistics, say, or random keys."""
    kinds = [cls.__name__ for cls in type(value).__mro__ if cls.__module__.startswith("flax.nnx.")]
    return type(value).__name__ if "Variable" in kinds and "Param" not in kinds else ""


def held_by(value: Any) -> dict[str, Any] | None:
    """Return what a node of any class that JAX knows holds, by name; ``""`` is the name in a box. None for what is no node."""
    children = _children(value)
    if any(child is value for _, child in children):
        return None
    if _is_box(value, children):
        return {"": children[0][1]}
    return {".".join(map(_segment, keys)): child for keys, child in children}


def _segment(key: Any) -> str:
    found = next((getattr(key, name) for name in ("name", "key", "idx") if hasattr(key, name)), key)
    return str(found)


def _access(keys: Any) -> str:
    import jax

    return str(jax.tree_util.keystr(keys))


def _settings(value: Any) -> tuple[tuple[str, Setting], ...]:
    """Return the fields of a module that hold neither arrays nor modules."""
    if not is_module(value):
        return ()
    found = ((field.name, getattr(value, field.name, None)) for field in dataclasses.fields(value))
    return tuple((name, simple(item)) for name, item in found if item is not None and not _holds_rows(item))


def _holds_rows(value: Any) -> bool:
    items = value if isinstance(value, (list, tuple)) else [value]
    return any(map(is_array, leaves_of(value))) or any(map(is_module, items))


def _spread(own: list[Node]) -> Iterator[tuple[str, Setting]]:
    for node in own:
        if placement(node.value):
            yield f"{node.path[-1]} sharding", placement(node.value)
