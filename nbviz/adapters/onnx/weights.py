"""Reads the values of a model's weights, from the file or from external files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from nbviz.adapters.onnx.external import bytes_of, place_of
from nbviz.adapters.onnx.nodes import DEEPEST, graphs_in
from nbviz.adapters.onnx.values import Key, stored_tensors
from nbviz.adapters.text import label, plain, short
from nbviz.adapters.weights import of_parameter, pieces
from nbviz.errors import NbvizError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@final
class OnnxWeightReader:
    """Reads weights by looking them up in the model again.

    Parameters
    ----------
    model
        Returns the model: a path is opened again, so that a view holds no weights; an object that was given in memory
        cannot be referred to weakly and stays.
    keys
        The weights by id.
    folder
        Where the model's file is, and with it what lies beside it; None for a model in memory.
    """

    def __init__(self, model: Callable[[], Any], keys: list[Key], folder: Path | None) -> None:
        self._model = model
        self._keys = keys
        self._folder = folder

    def chunks(self, parameter: int) -> Iterator[npt.NDArray[np.generic]]:
        """Yield the values of one parameter as flat pieces.

        Raises
        ------
        LookupError
            If there is no such parameter, its file is gone, or its values are not where they should be.
        """
        where, name = of_parameter(self._keys, parameter)
        try:
            model = self._model()
        except (NbvizError, OSError) as error:
            msg = f"The file with the weights can no longer be opened: {plain(error)}"
            raise LookupError(msg) from error
        found = next((tensor for key, tensor in stored_in(model) if key == (where, name)), None)
        if found is None:
            msg = f"The model no longer holds {label(name)!r}."
            raise LookupError(msg)
        flat = self._values(found, label(name))
        return pieces(flat, lambda piece: piece)

    def _values(self, tensor: Any, name: str) -> npt.NDArray[np.generic]:
        from onnx import TensorProto, numpy_helper

        dense = tensor.values if hasattr(tensor, "indices") else tensor
        try:
            if dense.data_location == TensorProto.EXTERNAL:
                dense = self._loaded(dense, name)
            values: npt.NDArray[np.generic] = _plain(numpy_helper.to_array(dense).reshape(-1))
        except LookupError:
            raise
        except Exception as error:
            msg = f"The values of {name!r} cannot be read: {short(plain(error), 300)}"
            raise LookupError(msg) from error
        return values

    def _loaded(self, tensor: Any, name: str) -> Any:
        """Return a tensor with the values that lie in another file."""
        from onnx import TensorProto

        place, expected = place_of(tensor), bytes_of(tensor)
        path = self._beside(place.location, name)
        offset, length = place.offset, place.length
        if offset is None or length is None or length != expected or offset + length > path.stat().st_size:
            msg = f"{path.name!r} has fewer bytes than {name!r} needs."
            raise LookupError(msg)
        with path.open("rb") as opened:
            opened.seek(offset)
            return TensorProto(dims=tensor.dims, data_type=tensor.data_type, raw_data=opened.read(length))

    def _beside(self, location: str, name: str) -> Path:
        """Return the path of a file with weights, which has to lie in the model's folder."""
        if self._folder is None:
            msg = f"The values of {name!r} are in another file: pass the path of the model, so that nbviz can find it."
            raise LookupError(msg)
        folder = self._folder.resolve()
        try:
            path = (folder / location).resolve()
            present = path.is_file()
        except (OSError, ValueError):  # no name of a file
            path, present = folder, False
        if path == folder or not path.is_relative_to(folder):
            msg = (
                f"The values of {name!r} are in {label(location)!r}, outside the model's folder; nbviz does not read "
                "files there."
            )
            raise LookupError(msg)
        if not present:
            msg = f"The values of {name!r} are in {label(location)!r}, which does not exist in {str(folder)!r}."
            raise LookupError(msg)
        return path


def _plain(values: Any) -> Any:
    """Return numbers of a type that NumPy itself lacks (``bfloat16``, ``int4``) as those it has."""
    if values.dtype.kind == "V" or values.dtype.name not in _NUMPY:
        return values.astype("float32")
    return values


_NUMPY = frozenset({
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64",
    "complex64", "complex128",
})  # fmt: skip


def stored_in(model: Any) -> Iterator[tuple[Key, Any]]:
    """Yield what a model stores, each with its key: the graph that holds it, and its name there.

    The graphs inside a node are told apart by the node's first output and the attribute, functions by their full name (see ``function_name``).
    """
    yield from _in_graph(model.graph, "", 0)
    for function in model.functions:
        yield from _in_nodes(function.node, function_name(function), 1)


def function_name(function: Any) -> str:
    """Return what tells a function from others: its domain, its name, and its overload where it has one."""
    name = f"{function.domain}::{function.name}"
    return f"{name}:{function.overload}" if function.overload else name


def _in_graph(graph: Any, where: str, depth: int) -> Iterator[tuple[Key, Any]]:
    for name, tensor in stored_tensors(graph).items():
        yield (where, name), tensor
    yield from _in_nodes(graph.node, where, depth)


def _in_nodes(nodes: Any, where: str, depth: int) -> Iterator[tuple[Key, Any]]:
    for node in nodes:
        if node.op_type == "Constant" and node.output:
            for attribute in node.attribute:
                if attribute.HasField("t"):
                    yield (where, node.output[0]), attribute.t
                elif attribute.HasField("sparse_tensor"):
                    yield (where, node.output[0]), attribute.sparse_tensor
        elif node.attribute and depth < DEEPEST:
            first = f"{where}/{node.output[0] if node.output else node.name}"
            for name, graph in graphs_in(node.attribute):
                yield from _in_graph(graph, f"{first}.{label(name)}", depth + 1)
