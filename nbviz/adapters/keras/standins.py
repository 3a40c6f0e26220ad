"""Runs a layer's own ``call``: on symbolic tensors, then with numbers for free dimensions, then on the backend.

User code often needs whole numbers where a dimension is free (``ops.reshape(x, (x.shape[0], -1))``). Then the call runs
twice with two different numbers: what differs between the two runs is free. On TensorFlow nothing computes where that
is enough. Code that leaves ``keras.ops`` for the backend's own functions runs on the backend's abstract tensors, which
have shapes and no values.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nbviz.adapters.free import agreed
from nbviz.adapters.keras.kinds import definer, is_builtin
from nbviz.adapters.keras.tensors import dims, dtype_name, flatten, is_array, is_symbolic, map_tensors, symbolic
from nbviz.graph import Compute, TensorSpec
from nbviz.records import CallRecord, Cut
from nbviz.shape import Dim, Shape

if TYPE_CHECKING:
    from nbviz.adapters.keras.trace import Trace

NUMBERS = (83, 89)
"""Primes that are unlikely to be a size that the model means."""

SYMBOLIC, COUNTED, LOWERED = 0, 1, 2
"""How the calls around are being run: with free dimensions, with numbers for them, on the backend's tensors."""


_SYMBOLS = re.compile(r"KerasTensor|SymbolicTensor|[Ss]ymbolic `?tf\.Tensor|__jax_array__|eager execution")
"""What errors speak of that come from tensors without values alone."""

Way = Callable[["Trace", Any, Any, Any], Any]
Failure = tuple[Exception, Cut, Any]


def run(trace: Trace, layer: Any, args: Any, kwargs: Any) -> Any:
    """Run a layer's call by the first way that works, and return its symbolic outputs."""
    record = trace.stack[-1]
    depth, lowering, level = len(trace.stack), trace.lowering, trace.level
    failures: list[Failure] = []
    for way in _ways(level, args, kwargs):
        trace.lowering = None
        try:
            return way(trace, layer, args, kwargs)
        except Exception as error:  # noqa: BLE001 - the next way may do better
            del trace.stack[depth:]
            failures.append((error, trace.builder.cut(record), trace.culprit))
        finally:
            trace.lowering, trace.level = lowering, level
    return _without_inside(trace, layer, args, kwargs, failures)


def _ways(level: int, args: Any, kwargs: Any) -> list[Way]:
    """Return the ways to run a call from one that runs at a level already: those that compute least first."""
    ways: list[Way] = [_symbolically]
    if level == SYMBOLIC and _has_free(args, kwargs):
        ways.append(_with_numbers)
    if level < LOWERED:
        ways += [*([_eagerly(way) for way in ways] if _in_graph() else []), _on_backend]
    return ways


def _in_graph() -> bool:
    """Tell whether operations of TensorFlow have no values here (see ``session``)."""
    from keras.src import backend

    if backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return not tf.executing_eagerly()


def _eagerly(way: Way) -> Way:
    """Return a way for code that takes values out of TensorFlow, as a loop over ``ops.arange(3)`` does."""

    def eager(trace: Trace, layer: Any, args: Any, kwargs: Any) -> Any:
        import tensorflow as tf

        with tf.init_scope():
            return way(trace, layer, args, kwargs)

    return eager


def _without_inside(trace: Trace, layer: Any, args: Any, kwargs: Any, failures: list[Failure]) -> Any:
    """Ask the layer for its output shape alone; if it cannot tell either, it fails as it would in a real run."""
    record = trace.stack[-1]
    error, cut, culprit = _telling(failures)
    tells = [m for m in ("compute_output_spec", "compute_output_shape") if not is_builtin(definer(layer, m))]
    if tells or is_builtin(definer(layer, "call")):
        try:
            with trace.quietly():
                outputs = layer.compute_output_spec(*args, **kwargs)
        except Exception:  # noqa: BLE001, S110 - a model's own code may raise anything
            pass
        else:
            return trace.opaque(record, layer, outputs, f"{type(error).__name__}: {error}")
    trace.builder.paste(record, cut)
    trace.culprit = culprit
    raise error


def _telling(failures: list[Failure]) -> Failure:
    """Return the failure that a real run would have too: the first that is not only about how a call was run."""
    of_model = [failure for failure in failures if not _SYMBOLS.search(str(failure[0]))] or failures
    first = of_model[0]
    if len(of_model) > 1 and _about_free_dimensions(first[0], of_model[1][0]):
        first = of_model[1]
    if first is not failures[0]:
        _free_numbers(first[1])
    return first


def _about_free_dimensions(first: Exception, second: Exception) -> bool:
    """Tell whether an error is only about the missing number of a free dimension, which a real run would not raise."""
    if type(first) is type(second) and str(first) == without_numbers(str(second)):
        return False
    return isinstance(first, TypeError) or "None" in str(first)


def without_numbers(message: str) -> str:
    """Return a message with the stand-in numbers written as the free dimensions that they stand for."""
    return re.sub(rf"\b({'|'.join(map(str, NUMBERS))})\b", "None", message)


def _call(layer: Any) -> Callable[..., Any]:
    return layer.call  # type: ignore[no-any-return]


def _symbolically(_trace: Trace, layer: Any, args: Any, kwargs: Any) -> Any:
    return _call(layer)(*args, **kwargs)


def _has_free(*structures: Any) -> bool:
    return any(None in x.shape for structure in structures for x in flatten(structure) if is_symbolic(x))


# Numbers for free dimensions


def _with_numbers(trace: Trace, layer: Any, args: Any, kwargs: Any) -> Any:
    def once(number: int) -> Any:
        def filled(x: Any) -> Any:
            if not is_symbolic(x):
                return x
            new = symbolic(tuple(number if d is None else d for d in x.shape), x.dtype, like=x)
            mask = getattr(x, "_keras_mask", None)
            if mask is not None:
                new._keras_mask = filled(mask)
            trace.builder.alias(new, x)
            return new

        trace.level = COUNTED
        return _call(layer)(*map_tensors(filled, args), **map_tensors(filled, kwargs))

    return _twice(trace, once)


def _twice(trace: Trace, once: Callable[[int], Any]) -> Any:
    """Run something with two different numbers, and let free what differs."""
    record = trace.stack[-1]
    outputs = once(NUMBERS[0])
    first = trace.builder.cut(record)
    again = once(NUMBERS[1])
    second = trace.builder.calls[record.id + 1 :]
    merge(first.calls, second)
    return _merged_outputs(trace, outputs, again)


def _merged_outputs(trace: Trace, first: Any, second: Any) -> Any:
    others = iter(flatten(first))

    def one(x: Any) -> Any:
        other = next(others, None)
        if not (is_symbolic(x) or is_array(x)):
            return x
        shape = _free(Shape(dims(other)), Shape(dims(x))) if hasattr(other, "shape") else None
        new = symbolic(dims(x) if shape is None else shape.dims, dtype_name(x))
        trace.builder.alias(new, x)
        return new

    return map_tensors(one, second)


def merge(first: list[CallRecord], second: list[CallRecord]) -> None:
    """Write into the calls of the second run which dimensions differ from the first."""
    if [r.path for r in first] != [r.path for r in second]:
        _free_numbers(Cut(second, [], [], {}))
        return
    for a, b in zip(first, second, strict=True):
        b.inputs = _merge_specs(a.inputs, b.inputs)
        b.outputs = _merge_specs(a.outputs, b.outputs)
        b.settings = tuple((key, agreed(dict(a.settings).get(key, value), value)) for key, value in b.settings)
        if a.compute and b.compute and len(a.compute) == len(b.compute):
            b.compute = tuple(_merge_compute(x, y) for x, y in zip(a.compute, b.compute, strict=True))


def _merge_specs(first: tuple[TensorSpec, ...], second: tuple[TensorSpec, ...]) -> tuple[TensorSpec, ...]:
    if len(first) != len(second):
        return second
    return tuple(TensorSpec(_free(a.shape, b.shape), b.dtype, b.name) for a, b in zip(first, second, strict=True))


def _free(first: Shape | None, second: Shape | None) -> Shape | None:
    if first is None or second is None or len(first) != len(second):
        return None
    return Shape(b if a == b else None for a, b in zip(first, second, strict=True))


def _merge_compute(first: Compute, second: Compute) -> Compute:
    if [n for n, _ in first.shapes] != [n for n, _ in second.shapes]:
        return second
    shapes = []
    for (name, a), (_, b) in zip(first.shapes, second.shapes, strict=True):
        shapes.append((name, _free(a, b) or b))
    return Compute(second.op, tuple(shapes))


def _free_numbers(cut: Cut) -> None:
    """Let free every dimension that is one of the stand-in numbers, where there is nothing to compare with."""

    def one(dim: Dim) -> Dim:
        return None if dim in NUMBERS else dim

    def spec(given: TensorSpec) -> TensorSpec:
        return given if given.shape is None else TensorSpec(Shape(map(one, given.shape)), given.dtype, given.name)

    for record in cut.calls:
        record.inputs, record.outputs = tuple(map(spec, record.inputs)), tuple(map(spec, record.outputs))
        if record.compute:
            record.compute = tuple(
                Compute(c.op, tuple((name, Shape(map(one, s))) for name, s in c.shapes)) for c in record.compute
            )


# The backend's abstract tensors


def _on_backend(trace: Trace, layer: Any, args: Any, kwargs: Any) -> Any:
    from keras.src import backend

    runner = {"torch": _on_torch, "jax": _on_jax, "tensorflow": _on_tensorflow}.get(backend.backend())
    if runner is None:
        msg = f"nbviz does not support tensors without values on the {backend.backend()} backend"
        raise NotImplementedError(msg)

    def once(number: int) -> Any:
        trace.level = LOWERED
        return runner(trace, layer, args, kwargs, number)

    return _twice(trace, once) if _has_free(args, kwargs) else once(NUMBERS[0])


def _on_torch(trace: Trace, layer: Any, args: Any, kwargs: Any, number: int) -> Any:
    import torch
    from keras.src.backend.torch.core import device_scope, to_torch_dtype

    def lower(x: Any) -> Any:
        if not is_symbolic(x):
            return x
        size = [number if d is None else d for d in x.shape]
        made = torch.empty(size, dtype=to_torch_dtype(x.dtype), device="meta")
        trace.builder.alias(made, x)
        return made

    trace.lowering = lambda outputs: map_tensors(lower, outputs)
    with device_scope("meta"):
        outputs = _call(layer)(*map_tensors(lower, args), **map_tensors(lower, kwargs))
    return _origins(trace, outputs)


def _on_jax(trace: Trace, layer: Any, args: Any, kwargs: Any, number: int) -> Any:
    import jax
    import jax.numpy as jnp

    def lower(x: Any) -> Any:
        if not is_symbolic(x):
            return x
        made = jnp.zeros([number if d is None else d for d in x.shape], dtype=x.dtype)
        trace.builder.alias(made, x)
        return made

    result: list[Any] = []

    def staged() -> int:
        # Inside eval_shape every jax function is only traced: the zeros take no memory.
        trace.lowering = lambda outputs: map_tensors(lower, outputs)
        outputs = _call(layer)(*map_tensors(lower, args), **map_tensors(lower, kwargs))
        result.append(_origins(trace, outputs))
        return 0

    jax.eval_shape(staged)
    return result[0]


def _on_tensorflow(trace: Trace, layer: Any, args: Any, kwargs: Any, number: int) -> Any:
    import tensorflow as tf

    def lower(x: Any) -> Any:
        if not is_symbolic(x):
            return x
        made = tf.compat.v1.placeholder(x.dtype, [number if d is None else d for d in x.shape])
        trace.builder.alias(made, x)
        return made

    with tf.__internal__.FuncGraph("nbviz").as_default():
        trace.lowering = lambda outputs: map_tensors(lower, outputs)
        outputs = _call(layer)(*map_tensors(lower, args), **map_tensors(lower, kwargs))
        return _origins(trace, outputs)


def _origins(trace: Trace, outputs: Any) -> Any:
    """Turn the backend's tensors into symbolic ones."""
    return trace.lift(outputs)
