"""Numbers that a model computes from what it stores and from sizes that are known, where sizes follow from them.

The inference of ``onnx`` follows values through few operations, and exporters compute sizes with many: TorchScript's fills,
turns, joins and compares lists that are all in the file, to pad by nothing.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, final

from nbviz.adapters.onnx.types import described, dtype_of, is_sized, type_proto

_MOST = 64
"""Values of a tensor that is followed: shapes, and what cuts and pads, are short."""

_ROUNDS = 16
_NODES = 1 << 16
"""Nodes that are walked through in all rounds, about."""

_FILLING = {"ConstantOfShape": 0, "Expand": 1, "Tile": 1}
"""Operations that make as many values as one of their inputs says."""


def inferred_with_values(model: Any, infer: Callable[[Any], Any]) -> Any:
    """Return a model with the shapes that ``infer`` finds, also those that follow from numbers it does not.

    Each round knows more sizes, which numbers may be computed from.
    """
    stored, said = len(model.graph.initializer), len(model.graph.value_info)
    shaped = infer(model)
    known = {info.name for info in model.graph.output}
    for _ in range(max(1, min(_ROUNDS, _NODES // max(1, len(model.graph.node))))):
        sizes = _sizes(shaped.graph)
        wanted = {name for node in shaped.graph.node if _is_lost(node, sizes) for name in node.input}.difference(known)
        found = _values(shaped, sizes, wanted) if wanted else {}
        if not found:
            break
        known.update(found)
        _store(model.graph, found.values())
        shaped = infer(model)
    for graph in (model.graph, shaped.graph):
        del graph.initializer[stored:]
    if shaped is not model:
        del model.graph.value_info[said:]
    return shaped


def _store(graph: Any, tensors: Iterable[Any]) -> None:
    """Store what nodes make, with its types: the inference says none of what is stored."""
    said = {info.name for info in graph.value_info}
    for tensor in tensors:
        graph.initializer.append(tensor)
        if tensor.name not in said:
            info = graph.value_info.add(name=tensor.name)
            info.type.CopyFrom(type_proto(dtype_of(tensor.data_type), tensor.dims))


_Dims = Mapping[str, tuple[Any, ...] | None]


def _sizes(graph: Any) -> _Dims:
    return {info.name: described(info.type)[1] for info in (*graph.value_info, *graph.output, *graph.input)}


def _is_lost(node: Any, sizes: _Dims) -> bool:
    """Tell whether a size of what a node makes is not known."""
    return any(name and not is_sized(sizes.get(name)) for name in node.output)


def _values(model: Any, sizes: _Dims, wanted: Iterable[str]) -> dict[str, Any]:
    """Return those of the wanted tensors that nodes make and whose values are known, as stored ones."""
    from onnx import numpy_helper

    graph = model.graph
    given = {info.name for info in graph.input} if model.ir_version > 3 else set()  # callers may replace these
    known = {t.name: value for t in graph.initializer if t.name not in given and (value := _stored(t)) is not None}
    before = set(known)
    for node in graph.node:
        if node.op_type in _RULES and node.domain in ("", "ai.onnx") and len(node.output) == 1:
            value = _made(node, known, sizes)
            if value is not None:
                known[node.output[0]] = value
    made = (name for name in wanted if name in known and name not in before)
    return {name: numpy_helper.from_array(known[name], name) for name in made}


def _stored(tensor: Any) -> Any:
    from onnx import numpy_helper

    if tensor.data_location or min(tensor.dims, default=0) < 0 or math.prod(tensor.dims) > _MOST:
        return None
    try:
        return numpy_helper.to_array(tensor)
    except Exception:  # noqa: BLE001 - the values are not as many, or not of a kind, as the file says
        return None


@final
class _Call(NamedTuple):
    """What a node works with: the values of its inputs, None for one that is left out, and its attributes."""

    inputs: Sequence[Any]
    attributes: Mapping[str, Any]

    def listed(self, at: int, name: str) -> Any:
        """Return whole numbers of an input or, before these were inputs, an attribute; None where there are none."""
        if len(self.inputs) > at and self.inputs[at] is not None:
            return tuple(self.inputs[at].reshape(-1).tolist())
        return self.attributes.get(name)


def _made(node: Any, known: Mapping[str, Any], sizes: _Dims) -> Any:
    """Return what a node makes, None where that is not known, or long."""
    import numpy as np
    from onnx import helper

    inputs: list[Any] = [known.get(name) for name in node.input]
    if node.op_type in ("Shape", "Size"):
        inputs = [_counted(sizes.get(name)) for name in node.input]
    if any(value is None and name for name, value in zip(node.input, inputs, strict=True)):
        return None
    try:
        call = _Call(inputs, {a.name: helper.get_attribute_value(a) for a in node.attribute})
        filled = _FILLING.get(node.op_type)
        if filled is not None and math.prod(max(1, size) for size in inputs[filled].tolist()) > _MOST:
            return None
        with np.errstate(all="ignore"):
            value = np.asarray(_RULES[node.op_type](call))
    except Exception:  # noqa: BLE001 - the node is not as the standard says
        return None
    return value if value.size <= _MOST and value.dtype.kind in "biuf" else None


def _counted(dims: Sequence[Any] | None) -> Any:
    """Return sizes that are all known as numbers, None for others."""
    import numpy as np

    return None if dims is None or not all(isinstance(dim, int) for dim in dims) else np.array(dims, "int64")


_Rule = Callable[[_Call], Any]


def _by_numpy(name: str) -> _Rule:
    def rule(call: _Call) -> Any:
        import numpy as np

        return getattr(np, name)(*call.inputs)

    return rule


def _of_all(name: str) -> _Rule:
    def rule(call: _Call) -> Any:
        import numpy as np

        return functools.reduce(getattr(np, name), call.inputs)

    return rule


def _reduced(name: str) -> _Rule:
    def rule(call: _Call) -> Any:
        import numpy as np

        value, axes = call.inputs[0], call.listed(1, "axes")
        if not axes and call.attributes.get("noop_with_empty_axes", 0):
            return value
        keeps = bool(call.attributes.get("keepdims", 1))
        return getattr(np, name)(value, axis=tuple(axes) if axes else None, keepdims=keeps).astype(value.dtype)

    return rule


def _divided(call: _Call) -> Any:
    """Divide; whole numbers towards zero, as all runtimes do."""
    import numpy as np

    a, b = call.inputs
    if a.dtype.kind == "f":
        return a / b
    quotient = a // b
    return np.where((a % b != 0) & ((a < 0) != (b < 0)), quotient + 1, quotient).astype(a.dtype)


def _remainder(call: _Call) -> Any:
    import numpy as np

    return (np.fmod if call.attributes.get("fmod", 0) else np.mod)(*call.inputs)


def _cast(call: _Call) -> Any:
    from onnx import helper

    return call.inputs[0].astype(helper.tensor_dtype_to_np_dtype(call.attributes["to"]))


def _constant(call: _Call) -> Any:
    import numpy as np

    (name, value), *_ = call.attributes.items()
    if name == "value":
        return _stored(value)
    return np.array(value, {"i": "int64", "f": "float32"}[name.removeprefix("value_")[0]])


def _filled(call: _Call) -> Any:
    import numpy as np

    value = _stored(call.attributes["value"]) if "value" in call.attributes else np.zeros(1, "float32")
    return np.full(call.inputs[0].tolist(), value.reshape(-1)[0], value.dtype)


def _expanded(call: _Call) -> Any:
    import numpy as np

    value, shape = call.inputs
    return np.broadcast_to(value, np.broadcast_shapes(value.shape, tuple(shape.tolist())))


def _range(call: _Call) -> Any:
    import numpy as np

    start, limit, step = (value.item() for value in call.inputs)
    if not 0 <= (limit - start) / step <= _MOST:
        return None
    return np.arange(start, limit, step, dtype=call.inputs[0].dtype)


def _reshaped(call: _Call) -> Any:
    value, shape = call.inputs[0], call.inputs[1].tolist()
    if not call.attributes.get("allowzero", 0):
        shape = [value.shape[at] if size == 0 else size for at, size in enumerate(shape)]
    return value.reshape(shape)


def _sliced(call: _Call) -> Any:
    value = call.inputs[0]
    starts, ends = call.listed(1, "starts"), call.listed(2, "ends")
    axes = call.listed(3, "axes") or range(len(starts))
    cut = [slice(None)] * value.ndim
    for start, end, axis, step in zip(starts, ends, axes, call.listed(4, "") or [1] * len(starts), strict=True):
        stop = None if step < 0 and end < -value.shape[axis] else end  # past the first, not the last but so many
        cut[axis] = slice(start, stop, step)
    return value[tuple(cut)]


def _squeezed(call: _Call) -> Any:
    axes = call.listed(1, "axes")
    return call.inputs[0].squeeze(None if axes is None else tuple(axes))


def _unsqueezed(call: _Call) -> Any:
    import numpy as np

    return np.expand_dims(call.inputs[0], tuple(call.listed(1, "axes")))


def _shape(call: _Call) -> Any:
    return call.inputs[0][slice(call.attributes.get("start"), call.attributes.get("end"))]


def _joined(call: _Call) -> Any:
    import numpy as np

    return np.concatenate(call.inputs, axis=call.attributes["axis"])


def _gathered(call: _Call) -> Any:
    import numpy as np

    return np.take(call.inputs[0], call.inputs[1], axis=call.attributes.get("axis", 0))


def _turned(call: _Call) -> Any:
    return call.inputs[0].transpose(call.attributes.get("perm"))


def _places(call: _Call) -> Any:
    import numpy as np

    return np.array(np.nonzero(call.inputs[0]), "int64")


_RULES: Mapping[str, _Rule] = {
    "Abs": lambda call: abs(call.inputs[0]),
    "Add": lambda call: call.inputs[0] + call.inputs[1],
    "And": _by_numpy("logical_and"),
    "Cast": _cast,
    "Ceil": _by_numpy("ceil"),
    "Concat": _joined,
    "Constant": _constant,
    "ConstantOfShape": _filled,
    "Div": _divided,
    "Equal": _by_numpy("equal"),
    "Expand": _expanded,
    "Floor": _by_numpy("floor"),
    "Gather": _gathered,
    "Greater": _by_numpy("greater"),
    "GreaterOrEqual": _by_numpy("greater_equal"),
    "Identity": lambda call: call.inputs[0],
    "Less": _by_numpy("less"),
    "LessOrEqual": _by_numpy("less_equal"),
    "Max": _of_all("maximum"),
    "Min": _of_all("minimum"),
    "Mod": _remainder,
    "Mul": lambda call: call.inputs[0] * call.inputs[1],
    "Neg": lambda call: -call.inputs[0],
    "NonZero": _places,
    "Not": _by_numpy("logical_not"),
    "Or": _by_numpy("logical_or"),
    "Range": _range,
    "ReduceMax": _reduced("max"),
    "ReduceMin": _reduced("min"),
    "ReduceProd": _reduced("prod"),
    "ReduceSum": _reduced("sum"),
    "Reshape": _reshaped,
    "Shape": _shape,
    "Size": lambda call: call.inputs[0].prod(),
    "Slice": _sliced,
    "Sqrt": _by_numpy("sqrt"),
    "Squeeze": _squeezed,
    "Sub": lambda call: call.inputs[0] - call.inputs[1],
    "Tile": _by_numpy("tile"),
    "Transpose": _turned,
    "Unsqueeze": _unsqueezed,
    "Where": _by_numpy("where"),
}
