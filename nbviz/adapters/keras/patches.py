"""Hooks into Keras during one trace to see which layers and operations are called on which symbolic tensors."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from nbviz.adapters.keras.tensors import is_symbolic

_LOCK = threading.RLock()
"""One trace at a time: the hooks sit on classes that all threads share."""

_MISSING = object()
_OPERATORS = {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "true_divide", "floordiv": "floor_divide",
    "mod": "mod", "pow": "power", "matmul": "matmul",
}  # fmt: skip


class Handler(Protocol):
    """What a trace does at each hook."""

    def recording(self) -> bool:
        """Tell whether the calls of this moment are the model's own, and not Keras's bookkeeping."""
        ...

    def call_layer(self, layer: Any, original: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Stand in for ``Layer.__call__``."""
        ...

    def run_layer(self, layer: Any, args: Any, kwargs: Any) -> Any:
        """Stand in for what ``Layer.__call__`` does with its checked arguments."""
        ...

    def run_operation(self, operation: Any, original: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Stand in for ``Operation.symbolic_call``."""
        ...

    def build_layer(self, layer: Any, original: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Stand in for ``Layer._maybe_build``."""
        ...

    def aside(self, original: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Run a piece of Keras's bookkeeping without recording it."""
        ...

    def is_symbolic(self, value: Any) -> bool:
        """Tell whether an operation on this value is symbolic although the value is no ``KerasTensor``."""
        ...

    def assign(self, variable: Any, value: Any) -> Any:
        """Stand in for ``Variable.assign`` with a symbolic value."""
        ...

    def cast(self, original: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Run an automatic cast of an argument without recording it."""
        ...

    def wants_numbers(self) -> bool:
        """Tell whether a call that asks for the size of a free dimension can be run again with a number for it."""
        ...


class AskedShape(tuple[Any, ...]):
    """A shape in the hands of the model's code, which must not take a free dimension other than the batch for a size.

    Python and Keras read ``None`` in a slice or in ``ops.arange(0, None)`` as no bound at all: a wrong shape, no error.
    """

    __slots__ = ()

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, key: Any) -> Any:
        taken = super().__getitem__(key)
        first = not isinstance(key, slice) and key in (0, -len(self))
        if taken is None and not first:
            msg = "The size of a free dimension (None) is unknown."
            raise TypeError(msg)
        return AskedShape(taken) if isinstance(key, slice) and key.start in (None, 0) else taken


def _asked_by_model() -> bool:
    """Tell whether the attribute two frames up, or the ``ops.shape`` that reads it, is the model's code."""
    frame = sys._getframe(2)
    if frame.f_code.co_name == "shape" and frame.f_back is not None:
        frame = frame.f_back
    library = ("keras.", "nbviz.", "optree", "torch.", "jax.", "tensorflow.")
    return not frame.f_globals.get("__name__", "").startswith(library)


@contextmanager
def hooked(handler: Handler) -> Iterator[None]:
    """Route Keras's calls of this thread to a handler; every hook is removed again, whatever happens."""
    with _LOCK:
        undo: list[tuple[Any, str, Any]] = []
        try:
            for owner, name, hook in _hooks(handler, threading.get_ident()):
                undo.append((owner, name, vars(owner).get(name, _MISSING)))
                setattr(owner, name, hook)
            yield
        finally:
            for owner, name, value in reversed(undo):
                if value is _MISSING:
                    delattr(owner, name)
                else:
                    setattr(owner, name, value)


@contextmanager
def variables_made(take: Callable[[Any, Any], None]) -> Iterator[None]:
    """Tell of the shape and dtype of each variable before it is made, in whichever thread."""
    from keras.src.backend.common.variables import Variable

    with _LOCK:
        make = Variable.__init__

        def __init__(  # noqa: N807
            self: Any, initializer: Any, shape: Any = None, dtype: Any = None, *args: Any, **kwargs: Any
        ) -> None:
            take(shape, dtype)
            make(self, initializer, shape, dtype, *args, **kwargs)

        Variable.__init__ = __init__
        try:
            yield
        finally:
            Variable.__init__ = make


def _hooks(handler: Handler, thread: int) -> Iterator[tuple[Any, str, Any]]:
    from keras.src.backend.common.keras_tensor import KerasTensor
    from keras.src.dtype_policies.dtype_policy import DTypePolicy
    from keras.src.layers import layer as layer_module
    from keras.src.ops.operation import Operation

    def active() -> bool:
        return threading.get_ident() == thread and handler.recording()

    yield from _layer_hooks(handler, active, layer_module, Operation)
    symbolic, convert = Operation.symbolic_call, DTypePolicy.convert_input

    def symbolic_call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if active():
            return handler.run_operation(self, symbolic, args, kwargs)
        return symbolic(self, *args, **kwargs)

    def convert_input(self: Any, *args: Any, **kwargs: Any) -> Any:
        if active():
            return handler.cast(convert, (self, *args), kwargs)
        return convert(self, *args, **kwargs)

    plain_shape: Any = KerasTensor.shape

    def shape(self: Any) -> Any:
        dims = plain_shape.fget(self)
        asked = None in dims[1:] and active() and handler.wants_numbers() and _asked_by_model()
        return AskedShape(dims) if asked else dims

    yield KerasTensor, "shape", property(shape, plain_shape.fset)
    yield Operation, "symbolic_call", symbolic_call
    yield DTypePolicy, "convert_input", convert_input
    yield from _variable_hooks(handler, active, lambda: threading.get_ident() == thread)


def _layer_hooks(
    handler: Handler,
    active: Callable[[], bool],
    module: Any,
    operation: type,
) -> Iterator[tuple[Any, str, Any]]:
    layer_class, backend_layer = module.Layer, module.BackendLayer
    call, build, mask = layer_class.__call__, layer_class._maybe_build, layer_class._set_mask_metadata
    bases = backend_layer.__mro__  # not getattr: every class is callable itself
    plain_call = next((vars(base)["__call__"] for base in bases if "__call__" in vars(base)), operation.__call__)

    def __call__(self: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N807
        return handler.call_layer(self, call, args, kwargs) if active() else call(self, *args, **kwargs)

    def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        # Runs in place of the backend's own call: no hooks of torch, and never a layer's real computation.
        return handler.run_layer(self, args, kwargs) if active() else plain_call(self, *args, **kwargs)

    def _maybe_build(self: Any, *args: Any, **kwargs: Any) -> Any:
        return handler.build_layer(self, build, args, kwargs) if active() else build(self, *args, **kwargs)

    def _set_mask_metadata(self: Any, *args: Any, **kwargs: Any) -> Any:
        return handler.aside(mask, (self, *args), kwargs) if active() else mask(self, *args, **kwargs)

    add_loss = layer_class.add_loss

    def add_loss_hook(self: Any, loss: Any) -> None:
        if not active():  # a loss is no part of the graph, and Keras takes none that is symbolic
            add_loss(self, loss)

    node = getattr(module, "Node", None)  # older Keras makes nodes inside the call that ``run`` replaces

    def make_node(*args: Any, **kwargs: Any) -> Any:
        return None if active() or node is None else node(*args, **kwargs)

    yield layer_class, "__call__", __call__
    if backend_layer is not object:
        yield backend_layer, "__call__", run
    yield layer_class, "_maybe_build", _maybe_build
    yield layer_class, "_set_mask_metadata", _set_mask_metadata
    yield layer_class, "add_loss", add_loss_hook
    if node is not None:
        yield module, "Node", make_node


def _variable_hooks(
    handler: Handler,
    active: Callable[[], bool],
    ours: Callable[[], bool],
) -> Iterator[tuple[Any, str, Any]]:
    """Make operations on variables symbolic: they are then seen, and cost neither time nor memory."""
    from keras.src import ops
    from keras.src.backend.common import keras_tensor
    from keras.src.backend.common.variables import Variable

    for name, function in _OPERATORS.items():
        yield from _operator_hooks(active, Variable, name, getattr(ops, function))
    get_item, make, assign = Variable.__getitem__, Variable.__init__, Variable.assign

    def __init__(self: Any, initializer: Any, shape: Any = None, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        if ours() and not callable(initializer) and not isinstance(initializer, str) and hasattr(initializer, "shape"):
            # Keras refuses to make a variable from values in a trace (the states of a stateful RNN).
            values, shape = initializer, tuple(initializer.shape)
            kwargs["dtype"] = kwargs.get("dtype") or values.dtype
            make(self, lambda *_args, **_kwargs: values, shape, *args, **kwargs)
        else:
            make(self, initializer, shape, *args, **kwargs)

    def assign_hook(self: Any, value: Any) -> Any:
        return handler.assign(self, value) if active() and is_symbolic(value) else assign(self, value)

    yield Variable, "__init__", __init__
    yield Variable, "assign", assign_hook

    def __getitem__(self: Any, key: Any) -> Any:  # noqa: N807
        return ops.get_item(self, key) if active() else get_item(self, key)

    yield Variable, "__getitem__", __getitem__
    original = keras_tensor.any_symbolic_tensors

    def any_symbolic_tensors(args: Any = None, kwargs: Any = None) -> bool:
        if original(args, kwargs):
            return True
        return active() and any(
            handler.is_symbolic(item)
            or (isinstance(item, (list, tuple)) and any(handler.is_symbolic(inner) for inner in item))
            for items in (args or (), (kwargs or {}).values())
            for item in items
        )

    for module_name, module in list(sys.modules.items()):
        if module_name.startswith("keras.src.ops.") and vars(module).get("any_symbolic_tensors") is original:
            yield module, "any_symbolic_tensors", any_symbolic_tensors


def _operator_hooks(
    active: Callable[[], bool],
    variable: type,
    name: str,
    function: Callable[..., Any],
) -> Iterator[tuple[Any, str, Any]]:
    forward, backward = getattr(variable, f"__{name}__"), getattr(variable, f"__r{name}__")

    def left(self: Any, other: Any) -> Any:
        return function(self, other) if active() else forward(self, other)

    def right(self: Any, other: Any) -> Any:
        return function(other, self) if active() else backward(self, other)

    yield variable, f"__{name}__", left
    yield variable, f"__r{name}__", right
