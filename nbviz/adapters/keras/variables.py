"""The variables of a Keras model, as parameters of the graph and as values while the model exists."""

from __future__ import annotations

import math
import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, final

from nbviz.adapters.keras.kinds import fused_cell, is_builtin, sublayers
from nbviz.adapters.keras.text import plain
from nbviz.adapters.weights import alive, of_parameter, pieces
from nbviz.builder import GraphBuilder
from nbviz.graph import OptimizerState
from nbviz.records import Stored
from nbviz.shape import Shape

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_BITS = {"bool": 1, "int4": 4, "uint4": 4}


def own_variables(layer: Any) -> list[Any]:
    """Return the weights that a layer holds itself, an LSTM's cell included, as Keras counts them."""
    found: dict[int, Any] = {}
    holders = [layer]
    cell = fused_cell(layer)
    if cell is not None:
        holders.append(cell)
    for holder in holders:
        for name in ("_trainable_variables", "_non_trainable_variables"):
            for variable in getattr(holder, name, None) or ():
                found.setdefault(id(variable), variable)
    return list(found.values())


def seeds(layer: Any) -> list[Any]:
    """Return the state of the random generators that a layer holds itself."""
    holders = [layer, fused_cell(layer)]
    return [
        state
        for holder in holders
        for generator in getattr(holder, "_seed_generators", None) or ()
        if (state := getattr(generator, "state", None)) is not None
    ]


def add_variables(builder: GraphBuilder, model: Any, layers: dict[int, Any]) -> dict[int, Any]:
    """Add every layer's variables; return them by identity."""
    trainable = {id(v) for v in _safe_list(model, "trainable_weights")}
    variables: dict[int, Any] = {}
    for key, layer in layers.items():
        for variable in _held(builder, key, layer):
            variables[id(variable)] = variable
            stored = _stored(variable, layer, trainable=id(variable) in trainable)
            builder.hold(key, id(variable), stored)
            if stored.size != math.prod(variable.shape):
                path = builder.path_of(key) or ""
                values, packed = f"{stored.size:,}", f"{math.prod(variable.shape):,}"
                text = (
                    f"{path} packs two {stored.name} values into each byte: nbviz counts {values} parameters, and "
                    f"Keras {packed}."
                )
                builder.note(text, path)
        for state in seeds(layer):
            variables[id(state)] = state
            builder.hold(key, id(state), _stored(state, layer, trainable=False, buffer=True))
    return variables


def _held(builder: GraphBuilder, key: int, layer: Any) -> Iterator[Any]:
    """Yield a layer's own weights, and those of layers that it shares with a layer outside itself.

    A shared layer has its row where it was found first. Whoever else holds it has its weights too, as Keras counts.
    """
    yield from own_variables(layer)
    if fused_cell(layer) is not None:
        return
    path = builder.path_of(key)
    for child in sublayers(layer):
        at = builder.path_of(id(child))
        if path and at is not None and not at.startswith(f"{path}/"):
            yield from _safe_list(child, "weights")


def _safe_list(layer: Any, name: str) -> list[Any]:
    try:
        return list(getattr(layer, name))
    except Exception:  # noqa: BLE001 - a model's own code may raise anything
        return []


def _stored(variable: Any, layer: Any, *, trainable: bool, buffer: bool = False) -> Stored:
    shape, dtype = Shape(variable.shape), str(variable.dtype)
    size = math.prod(variable.shape)
    packed = getattr(layer, "quantization_mode", None) == "int4" and is_builtin(type(layer))
    name = plain(variable.name)
    bits = bits_of(dtype)
    return Stored(
        name=name,
        kind="buffer" if buffer else "weight",
        shape=shape,
        dtype=dtype,
        trainable=trainable,
        bytes=None if bits is None else math.ceil(size * bits / 8),
        size=_unpacked(variable, layer, size) if packed else size,
    )


def _unpacked(variable: Any, layer: Any, size: int) -> int:
    """Return how many values an int4 kernel stands for: Keras packs two into one byte along one axis."""
    kernel = vars(layer).get("_kernel", vars(layer).get("_embeddings"))
    if kernel is not variable:
        return size
    for axis, names in _WHOLE.items():
        whole = next((value for name in names if isinstance(value := getattr(layer, name, None), int)), None)
        if whole is not None and variable.shape and variable.shape[axis] == math.ceil(whole / 2):
            return size // math.ceil(whole / 2) * whole
    return size * 2


_WHOLE = {-1: ("_orig_output_dim", "_int4_unpacked_column_size"), 0: ("_orig_input_dim",)}
"""Where a layer says how long a packed axis is, by the axis: the last one, and in earlier versions of Keras the first."""


def bits_of(dtype: str) -> int | None:
    """Return how many bits one element takes, as Keras counts; None for a dtype that has no size (strings)."""
    if dtype in _BITS:
        return _BITS[dtype]
    digits = "".join(c for c in dtype.replace("e4m3fn", "").replace("e5m2", "") if c.isdigit())
    return int("".join(digits).removeprefix("bfloat")) if digits else None


def optimizer_of(model: Any) -> OptimizerState | None:
    """Return the size of the optimizer's own variables, as Keras's summary prints it."""
    try:
        optimizer = model.optimizer if getattr(model, "compiled", False) else None
        if optimizer is None or not optimizer.built:
            return None
        variables = {id(v): v for v in optimizer.variables}.values()
        size = sum(math.prod(v.shape) for v in optimizer.variables)
        bits = sum(math.prod(v.shape) * (bits_of(str(v.dtype)) or 0) for v in variables)
    except Exception:  # noqa: BLE001 - a model's own code may raise anything
        return None
    return OptimizerState(plain(type(optimizer).__name__), size, math.ceil(bits / 8))


@final
class KerasWeightReader:
    """Reads variables in pieces while they still live; holds each of them weakly.

    Parameters
    ----------
    variables
        The variables by parameter id; None for those that never had values.
    """

    def __init__(self, variables: list[Any]) -> None:
        self._references = [None if v is None else weakref.ref(v) for v in variables]

    def chunks(self, parameter: int) -> Iterator[npt.NDArray[np.generic]]:
        """Yield the values of one parameter as flat pieces along its first axis.

        Raises
        ------
        LookupError
            If there is no such parameter, it has no values yet, or the model no longer exists.
        """
        reference = of_parameter(self._references, parameter)
        if reference is None:
            msg = f"Parameter {parameter} has no values yet: its layer is not built. Call the model on data, then refresh."
            raise LookupError(msg)
        return pieces(_raw(alive(reference)), _to_numpy)


def _raw(variable: Any) -> Any:
    value = getattr(variable, "_value", None)
    if value is None:
        msg = f"The variable {plain(variable.path)} has no values yet: its layer is not built."
        raise LookupError(msg)
    if getattr(value, "is_deleted", bool)():
        msg = f"The values of {plain(variable.path)} were donated to a computation. Run this again after training."
        raise LookupError(msg)
    return value.detach() if hasattr(value, "detach") else value


def _to_numpy(piece: Any) -> npt.NDArray[np.generic]:
    import numpy as np

    if hasattr(piece, "cpu"):  # torch and TensorFlow
        piece = piece.cpu()
    if str(getattr(piece, "dtype", "")).startswith(("torch.bfloat16", "torch.float8")):  # which NumPy does not know
        piece = piece.float()
    array = np.asarray(piece)
    if array.dtype.kind == "V" or array.dtype.name in ("bfloat16", "int4", "uint4") or "float8" in array.dtype.name:
        return array.astype(np.float32)
    return array
