"""Reads the values of a SavedModel's weights: variables from its checkpoint, constants from the graph."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from nbviz.adapters.files.opening import inside
from nbviz.adapters.savedmodel.protos import graph_of, parsed
from nbviz.adapters.savedmodel.types import values_of
from nbviz.adapters.weights import pieces

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_OBJECTS = "_CHECKPOINTABLE_OBJECT_GRAPH"


@final
@dataclass(frozen=True, slots=True)
class Saved:
    """A variable in the checkpoint beside a ``saved_model.pb``.

    Attributes
    ----------
    folder
        The SavedModel.
    tracked
        The names that lead to it from the root of the objects; of a model without objects its own name.
    has_objects
        Whether the checkpoint knows variables by objects.
    """

    folder: Path
    tracked: tuple[str, ...]
    has_objects: bool

    def pieces(self) -> Iterator[npt.NDArray[np.generic]]:
        """Yield the values as flat pieces."""
        import tensorflow as tf

        index = inside(self.folder, "variables/variables.index")
        if not index.is_file():
            raise ValueError(f"{str(index)!r} is missing")
        try:
            reader = tf.train.load_checkpoint(str(index.with_suffix("")))
            key = self._key(reader) if self.has_objects else "/".join(self.tracked)
            values = reader.get_tensor(key)
        except ValueError:
            raise
        except Exception as error:
            raise ValueError(f"{type(error).__name__}: {error}") from error
        yield from _cut(values)

    def _key(self, reader: Any) -> str:
        from tensorflow.core.protobuf.trackable_object_graph_pb2 import TrackableObjectGraph

        nodes = TrackableObjectGraph.FromString(reader.get_tensor(_OBJECTS)).nodes
        at = 0
        for name in self.tracked:
            children = {child.local_name: child.node_id for child in nodes[at].children}
            if name not in children:
                raise ValueError(f"the checkpoint has no {'/'.join(self.tracked)!r}")
            at = children[name]
        return str(next(attribute.checkpoint_key for attribute in nodes[at].attributes))


@final
@dataclass(frozen=True, slots=True)
class Written:
    """A constant in a graph or function.

    Attributes
    ----------
    path
        The file.
    function
        The function, ``""`` for the main graph.
    node
        The node that holds it.
    """

    path: Path
    function: str
    node: str

    def pieces(self) -> Iterator[npt.NDArray[np.generic]]:
        """Yield the values as flat pieces."""
        graph = graph_of(parsed(self.path)).graph_def
        functions = {function.signature.name: function.node_def for function in graph.library.function}
        nodes = functions.get(self.function, ()) if self.function else graph.node
        found = next((node for node in nodes if node.name == self.node), None)
        values = None if found is None else values_of(found.attr["value"].tensor)
        if values is None:
            raise ValueError(f"{self.node!r} does not exist, or has a different number of values than declared")
        yield from _cut(values)


def _cut(values: Any) -> Iterator[npt.NDArray[np.generic]]:
    flat = values.reshape(-1)
    if flat.dtype.kind in "OSU":
        raise ValueError("it holds text, not numbers")
    if flat.dtype.kind not in "biufc":  # a type that NumPy itself lacks
        flat = flat.astype("float32")
    return pieces(flat, lambda piece: piece)
