"""Restores the model's tensors after a real forward pass."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple, final

from nbviz.adapters.torch.calls import operation_name
from nbviz.adapters.torch.modules.lazy import still_lazy
from nbviz.adapters.torch.modules.walk import tensors_of
from nbviz.adapters.torch.tensors import leaves, storage_key, version


def writes(function: Any, kwargs: Any) -> bool:
    """Tell whether a function may write into what it is given, as far as its name tells."""
    if getattr(function, "__name__", "") == "__set__" or kwargs.get("out") is not None:
        return True
    schema = getattr(getattr(function, "default", function), "_schema", None)
    if schema is not None:  # a registered operation says so itself
        return bool(schema.is_mutable)
    name = operation_name(function)
    return name.endswith("_") or name == "setitem"


_GIVE_MEMORY = frozenset(
    {"numpy", "array", "dlpack", "storage", "untyped_storage", "typed_storage", "data_ptr", "to_dlpack"}
)


def gives_memory(function: Any) -> bool:
    """Tell whether a function gives away the memory of a tensor: what is written there no function of PyTorch sees."""
    return operation_name(function) in _GIVE_MEMORY


@functools.cache
def _writing_mode() -> Any:
    # made once: a class is freed late, and all that it knows with it
    from torch.utils._python_dispatch import TorchDispatchMode

    class Writing(TorchDispatchMode):  # type: ignore[misc]
        supports_higher_order_operators = True

        def __init__(self, values: Values) -> None:
            super().__init__()
            self._values = values

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            schema = getattr(func, "_schema", None)  # which operators of higher order do not have
            if schema is not None and schema.is_mutable:
                self._values.keep(leaves(args, kwargs or {}))
            return func(*args, **(kwargs or {}))

    return Writing


class _Kept(NamedTuple):
    """A tensor with its place in memory, its values, and how often it had been written."""

    tensor: Any
    data: Any
    values: Any
    version: int

    def put_back(self) -> None:
        """Put the values back; the tensor then counts as never written, for a backward pass may still wait for it."""
        import torch

        if _place(self.tensor) != _place(self.data):  # it was resized or transposed, or something assigned to its .data
            self.tensor.data = self.data
        inference = self.tensor.is_inference()
        if not torch.equal(self.tensor, self.values):  # its version does not tell: normalisations do not raise it
            with (
                torch.inference_mode(mode=inference),
                torch.no_grad(),
            ):  # outside that mode, what was made in it is not written
                self.tensor.copy_(self.values)
        if not inference:
            torch._C._autograd._unsafe_set_version_counter((self.tensor,), (self.version,))


_LARGEST = 1 << 20
"""Elements of a buffer that may be statistics: one for each channel."""

_HOOKS = ("_backward_hooks", "_post_accumulate_grad_hooks")


class _Hooks:
    """What is called with the gradients of a weight."""

    def __init__(self, weight: Any, name: str) -> None:
        self._weight, self._name = weight, name
        self._held: dict[Any, Any] | None = getattr(weight, name)
        self._before = dict(self._held or {})

    def put_back(self) -> None:
        """Take away what has come, and put back what has gone."""
        now = getattr(self._weight, self._name)
        if (now or {}) == self._before:
            return
        if self._held is not None:
            self._held.clear()
            self._held.update(self._before)
        setattr(self._weight, self._name, self._held)


def _place(tensor: Any) -> tuple[Any, ...]:
    return tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype


@contextmanager
def in_their_places(modules: Iterable[Any]) -> Iterator[None]:
    """Put the tensors of modules back where they lie in memory: of ``set_`` nobody is told."""
    places = [(tensor, tensor.data) for tensor in tensors_of(modules) if _has_values(tensor)]
    try:
        yield
    finally:
        for tensor, data in places:
            if _place(tensor) != _place(data):
                tensor.data = data


@final
class Values:
    """The values of a model's tensors, and of others that it can reach, before it runs.

    Buffers are copied at once, as far as they are no larger than statistics: normalisations write theirs in ways of their own.
    All else is copied when something is about to write into it: an operation inside a function too, as an embedding that
    keeps its vectors short.

    Parameters
    ----------
    modules
        The modules of a model that is going to run, and others that it can reach.
    others
        Tensors that it can reach besides their weights and buffers.
    """

    def __init__(self, modules: list[Any], others: Iterable[Any] = ()) -> None:
        self._modules = modules
        self._waiting: dict[int, list[Any]] = {}
        self._kept: list[_Kept] = []
        held = {id(buffer): buffer for buffer in tensors_of(modules, parameters=False)}
        buffers = {key: buffer for key, buffer in held.items() if not _has_values(buffer) or buffer.numel() <= _LARGEST}
        for buffer in filter(_has_values, buffers.values()):
            self._keep(buffer)
        found = {id(tensor): tensor for tensor in (*tensors_of(modules, buffers=False), *held.values(), *others)}
        for tensor in found.values():
            if id(tensor) not in buffers and _has_values(tensor):
                self._waiting.setdefault(storage_key(tensor), []).append(tensor)
        self._asked = [(tensor, tensor.requires_grad) for tensor in {**buffers, **found}.values()]
        self._gradients = [(weight, weight.grad) for weight in tensors_of(modules, buffers=False)]
        self._hooks = [_Hooks(weight, name) for weight, _ in self._gradients for name in _HOOKS]
        for _, gradient in self._gradients:
            if gradient is not None:
                self._keep(gradient)

    def _keep(self, tensor: Any) -> None:
        self._kept.append(_Kept(tensor, tensor.data, tensor.detach().clone(), version(tensor)))

    def keep(self, given: list[Any]) -> None:
        """Copy those among tensors that may be written, and what shares their storage, unless the model itself has made them."""
        for tensor in given:
            for shared in self._waiting.pop(storage_key(tensor), ()):
                self._keep(shared)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Put values back that have changed meanwhile."""
        import torch

        try:
            with still_lazy(self._modules), _writing_mode()(self):
                yield
        finally:
            with torch.no_grad():
                for tensor, asked in self._asked:
                    if tensor.requires_grad != asked:
                        _ask(tensor, asked)
                for weight, gradient in self._gradients:
                    weight.grad = gradient
                for hooks in self._hooks:
                    hooks.put_back()
                for kept in self._kept:
                    kept.put_back()


def _ask(tensor: Any, gradients: bool) -> None:  # noqa: FBT001 - it is a value, not a choice
    """Let a tensor ask for gradients or not; one that has become a part of what is differentiated leaves it."""
    with suppress(RuntimeError):  # of a view PyTorch does not say when it may
        if not tensor.is_leaf:
            tensor.detach_()
        tensor.requires_grad_(gradients)


def _has_values(tensor: Any) -> bool:
    import torch

    if isinstance(tensor, torch.nn.parameter.UninitializedTensorMixin):
        return False
    return bool(tensor.device.type != "meta" and tensor.layout is torch.strided and not tensor.is_nested)
