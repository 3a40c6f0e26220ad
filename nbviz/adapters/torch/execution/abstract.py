"""Runs PyTorch functions on stand-ins, which have shapes and dtypes as in a real pass but compute nothing large."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, final

from nbviz.adapters.torch.calls import custom_name, operation_name
from nbviz.adapters.torch.errors.failures import NeedsValuesError, asks_values
from nbviz.adapters.torch.execution.autocast import autocast
from nbviz.adapters.torch.execution.control_flow import without_functions
from nbviz.adapters.torch.execution.deciding import deciding
from nbviz.adapters.torch.execution.distributions import unchecked
from nbviz.adapters.torch.execution.indexing import SIZED_BY_VALUES, with_known_sizes, with_numbers
from nbviz.adapters.torch.execution.kernels import laid_out
from nbviz.adapters.torch.execution.memo import Memo, key_of
from nbviz.adapters.torch.execution.operations import Outcome, changed, counted, is_changed, targets
from nbviz.adapters.torch.execution.positions import indexes, misplaced
from nbviz.adapters.torch.execution.quantized import counterpart, is_quantized
from nbviz.adapters.torch.execution.questions import Questions
from nbviz.adapters.torch.execution.refusals import asked_again, check, overlap
from nbviz.adapters.torch.execution.scripted import holds_weights
from nbviz.adapters.torch.execution.standins import (
    MOST_GIVEN,
    StandIns,
    is_small,
    is_whole,
    keeps_values,
    same_tensor,
    to_meta,
)
from nbviz.adapters.torch.execution.steps import Steps
from nbviz.adapters.torch.execution.suspicions import is_suspicious
from nbviz.adapters.torch.execution.tensor_types import meant
from nbviz.adapters.torch.lines import caller
from nbviz.adapters.torch.modules.distributed import alone
from nbviz.adapters.torch.modules.lazy import still_lazy
from nbviz.adapters.torch.restoring.restore import in_their_places
from nbviz.adapters.torch.tensors import copied, is_strided_nested, leaves, mapped, version

_CHECKS = {
    "isnan": False, "isinf": False, "isposinf": False, "isneginf": False, "isfinite": True, "is_all_true": True,
}  # fmt: skip
"""Questions that models, and distributions of their arguments, ask to be safe, and what they expect to hear."""

_SHAPED_LIKE = frozenset({"expand_as", "reshape_as", "type_as", "view_as"})
"""Functions that ask the second tensor for nothing but its shape, or its dtype."""

_CONVERSIONS = frozenset({"to", "cuda", "cpu", "type"})
_FACTORIES = frozenset({
    "arange", "range", "linspace", "logspace", "zeros", "ones", "empty", "full", "eye", "rand", "randn", "randint", "randperm",
    "tril_indices", "triu_indices", "hann_window", "hamming_window", "blackman_window", "bartlett_window", "kaiser_window",
    "normal", "zeros_like", "ones_like", "full_like", "new_zeros", "new_ones", "new_full", "empty_like", "new_empty",
})  # fmt: skip
_FROM_DATA = frozenset({"tensor", "as_tensor", "asarray", "from_numpy", "new_tensor", "scalar_tensor"})
_READ_MEMORY = frozenset({"tolist", "numpy", "array", "dlpack"})
"""Functions that read values without asking an operation for them."""

_ONLY_CHECKS = frozenset({"combinations", "corrcoef", "cov", "gaussian_nll_loss", "istft", "linalg_lstsq"})
"""Functions that ask for values, but give something of the same shape for all that they do not refuse."""


@final
class AbstractOperations:
    """Runs functions on stand-ins (see ``Operations``).

    Parameters
    ----------
    home
        The device of the model's weights.
    other_values
        Whether whole numbers of which only a shape is given are not all ones, nor truth values all true.

    Attributes
    ----------
    decided_by
        The functions that have asked for such values: what the model does, or a size, may depend on them.
    """

    def __init__(self, home: Any, *, other_values: bool = False) -> None:
        self._standins = StandIns(home)
        self._questions = Questions(self._standins)
        self._memo = Memo()
        self.steps = Steps(self._standins)
        self.keeps = True
        self._other_values = other_values
        self.decided_by: dict[str, None] = {}

    @contextmanager
    def guarded(self, modules: list[Any], _tensors: list[Any]) -> Iterator[None]:
        """Keep lazy parameters lazy; of all others stand-ins are written. Distributions check no values: there are none."""
        with alone(modules), still_lazy(modules, "meta"), in_their_places(modules), unchecked():
            yield

    def stand_in(self, tensor: Any) -> Any:
        """Return what takes a tensor's place in operations."""
        return self._standins.of(tensor)

    def storage(self, tensor: Any) -> int:
        """Return what tells the storage of a stand-in from others."""
        return self._standins.storage(tensor)

    def token(self, tensor: Any) -> Any:
        """Return the tensor itself: it holds little or nothing."""
        return tensor

    def enter(self, value: Any, size: tuple[int, ...] | None, dtype: Any) -> Any:
        """Make an input: small examples keep their values, and whole numbers are ones without an example."""
        import torch

        if size is not None:
            made = torch.empty(size, dtype=dtype, device="meta")
            return self._made_up(made) if is_whole(made) and is_small(made) else self._standins.made(made)
        # A model without values takes any example: nobody has to move it there first.
        device = self._standins.home if self._standins.home.type == "meta" else value.device
        if value.device.type == "meta" and is_whole(value) and is_small(value):
            return self._made_up(value, device)
        if value.device.type == "meta" or value.requires_grad or not keeps_values(value, MOST_GIVEN):
            return self._standins.made(self._standins.without_values(value), device)
        return self._standins.made(copied(value, "cpu"), device)

    def _made_up(self, like: Any, device: Any = None) -> Any:
        """Return a tensor of ones, or of the other values: few of them, so that what is done with them stays cheap."""
        import torch

        made = torch.ones(like.shape, dtype=like.dtype)
        if self._other_values and made.numel():
            flat = made.view(-1)
            if made.dtype == torch.bool:
                flat[::2] = False
            elif made.dim() < 2:  # lengths, the longest first
                flat.fill_(2)[0] = 3
            else:
                flat[2::3], flat[0] = 0, 2
        return self._standins.make_up(self._standins.made(made, device))

    def placed(self, outputs: Any, given: list[Any]) -> Any:
        """Take tensors as made in this trace, where those that were given are."""
        device = self._device({}, given)
        for tensor in leaves(outputs):
            self._standins.made(tensor, device)
        return outputs

    def renewed(self, outputs: Any, same: set[int]) -> Any:
        """Return aliases of what came back as it was."""

        def one(tensor: Any) -> Any:
            if id(tensor) not in same:
                return tensor
            return self._standins.made(same_tensor(self._standins.of(tensor)), self._standins.device(tensor))

        return mapped(outputs, one)

    def answer(self, function: Any, args: Any, kwargs: Any) -> tuple[bool, Any]:
        """Answer what asks about a tensor."""
        return self._questions.answer(function, args, kwargs)

    # Functions

    def run(self, function: Any, args: Any, kwargs: Any, given: list[Any]) -> Outcome:
        """Run a function on stand-ins."""
        import torch

        name = operation_name(function)
        standins = [self._standins.of(t) for t in given]
        if torch.is_grad_enabled() and any(t.requires_grad for t in standins):
            standins = self._standins.reached(given, targets(function, args, kwargs))
        made_up = self._standins.made_up(standins)
        if not made_up:
            return self._run(function, name, args, kwargs, given, standins)
        seen = deciding(stop=False)
        seen.made_up(*made_up)
        try:
            with seen:
                outcome = self._run(function, name, args, kwargs, given, standins)
        finally:
            if seen.decided or name in _READ_MEMORY:
                self.decided_by[f"{name} at {place}" if (place := caller()) else name] = None
        for tensor in outcome.made:
            if tensor.device.type != "meta":
                self._standins.make_up(tensor)
        return outcome

    def _run(  # noqa: PLR0917
        self, function: Any, name: str, args: Any, kwargs: Any, given: list[Any], standins: list[Any]
    ) -> Outcome:
        import torch

        if name in _CONVERSIONS and given:
            return self._moved(name, args, kwargs)
        device = self._device(kwargs, given)
        if name in _SHAPED_LIKE and len(args) == 2 and standins[0].device.type != "meta":
            like = torch.zeros((), dtype=standins[-1].dtype).expand(standins[-1].shape)
            args, standins = (args[0], self._standins.made(like)), [standins[0], like][: len(given)]
        found, value = self._at_once(function, name, (args, kwargs), standins)
        if found:
            return self._outcome(value, given, standins, [False] * len(given), (), device)
        if not any(t.device.type == "meta" for t in standins) and not (
            is_quantized(function) or holds_weights(function)
        ):
            before = [version(t) for t in standins]
            args, kwargs = mapped((args, kwargs), self._standins.of)
            value, compute = counted(function, args, _placed(kwargs, "cpu"))
            wrote = changed(standins, before, targets(function, args, kwargs))
            return self._outcome(value, given, standins, wrote, compute, device)
        if indexes(name) and not (self._standins.made_up(standins) or self.decided_by):
            self._check_positions(function, name, mapped((args, kwargs), self._standins.of))
        by_values = name in SIZED_BY_VALUES and any(t.device.type != "meta" for t in standins)
        key = None if by_values else key_of(function, (args, kwargs), self._standins.of)
        known = self._memo.recall(key)
        if known is not None:
            return self._outcome(known[0], given, standins, [False] * len(given), known[1], device)
        value, compute, wrote, plain = self._abstractly(function, name, (args, kwargs), standins, device)
        if plain and not any(wrote):
            self._memo.keep(key, value, compute, standins)
        return self._outcome(value, given, standins, wrote, compute, device)

    def _at_once(self, function: Any, name: str, arguments: Any, standins: list[Any]) -> tuple[bool, Any]:
        """Return whether a function makes something of its own, or asks what models ask to be safe, and what it then gives."""
        import torch

        if name == "grad" and function.__name__ == "__get__":  # another tensor like it may have none
            return True, function(*standins)
        makes = name in _FACTORIES and arguments[1].get("out") is None and not (standins and name == "normal")
        if name in _FROM_DATA or makes:
            try:
                return True, self._created(function, name, *arguments)
            except RuntimeError as error:  # a size that was computed
                if asks_values(error):
                    raise NeedsValuesError(name, standins, self._standins.home) from error
                raise
        if name in _CHECKS and any(t.device.type == "meta" for t in standins):
            outline = function(*standins)
            return True, torch.full(outline.shape, _CHECKS[name]) if is_small(outline) else outline
        return False, None

    def _check_positions(self, function: Any, name: str, given: Any) -> None:
        """Refuse known positions that there are none of; those that were made up for a shape need not be any."""
        wrong = misplaced(name, *given)
        if wrong:
            check(function, given, self._standins.home, IndexError(wrong))

    def _abstractly(
        self, function: Any, name: str, arguments: Any, standins: list[Any], device: Any
    ) -> tuple[Any, Any, list[bool], bool]:
        """Run a function on the meta device; a real tensor that is written loses its values.

        Return what it gives, what it contracts, what it wrote, and whether no value had a part in that.
        """
        function, arguments = without_functions(function, mapped(arguments, self._standins.of))
        told = targets(function, *arguments)
        function, args, kwargs = counterpart(function, *arguments)
        args, kwargs = autocast(name, device.type, (args, kwargs))
        function, args, kwargs = with_known_sizes(function, name, args, kwargs)
        if any(is_strided_nested(t) for t in standins):
            raise NeedsValuesError(name, standins, self._standins.home)
        meta = {id(t): to_meta(t) for t in leaves(args, kwargs)}
        before = {key: version(t) for key, t in meta.items()}
        try:
            value, compute, plain = _shapes_only(function, (args, kwargs), meta)
            value = laid_out(name, next(iter(leaves(args, kwargs)), None), value)
        except (RuntimeError, TypeError, ValueError, IndexError, AssertionError, BufferError) as error:
            value, compute = self._despite(error, function, name, (args, kwargs), standins)
            plain = False
        told = {id(meta[key]) for key in told if key in meta}
        wrote = [id(t) in meta and is_changed(meta[id(t)], before[id(t)], told) for t in standins]
        written = [t for t, w in zip(standins, wrote, strict=True) if w]
        if is_suspicious(name, (args, kwargs)) or overlap(written):
            check(function, (args, kwargs), self._standins.home)
        back = {id(meta[id(t)]): t for t in standins if id(t) in meta}
        for tensor in written:
            if tensor.device.type != "meta":
                self._standins.lose(tensor, meta[id(tensor)])
        return mapped(value, lambda t: back.get(id(t), t)), compute, wrote, plain

    def _despite(
        self, error: Exception, function: Any, name: str, arguments: Any, standins: list[Any]
    ) -> tuple[Any, Any]:
        """Return what a function gives, and what it contracts, that kernels for shapes have refused; raise where it does too."""
        formats = name == "format" and standins[0].dim() == 0  # f"{loss:.3f}"; other tensors cannot be
        custom = custom_name(function)
        unknown = None if name in _ONLY_CHECKS else NeedsValuesError(name, standins, self._standins.home, custom)
        if unknown is not None and (formats or asks_values(error)):
            raise unknown from error
        if isinstance(error, (TypeError, ValueError, BufferError)):
            raise error
        value = asked_again(function, arguments, error, unknown)
        return value, () if unknown is None and name not in ("corrcoef", "cov") else None

    def _outcome(  # noqa: PLR0917
        self, value: Any, given: list[Any], standins: list[Any], wrote: list[bool], compute: Any, device: Any
    ) -> Outcome:
        seen = {id(s): t for s, t in zip(standins, given, strict=True)}
        new: list[Any] = []

        def one(tensor: Any) -> Any:
            if id(tensor) in seen:
                return seen[id(tensor)]
            tensor = tensor if tensor.device.type == "meta" or is_small(tensor) else to_meta(tensor)
            new.append(self._standins.made(tensor, device))
            return tensor

        value = mapped(value, one)
        written = [t for t, w in zip(given, wrote, strict=True) if w]
        for tensor in written:
            self._standins.resize(tensor)
        return Outcome(value, new + written, written, compute, self._devices(given))

    def _devices(self, given: list[Any]) -> tuple[str, ...]:
        """Return the devices of tensors of which there are several; a single number, or an index, may be on the CPU."""
        if self._standins.home.type == "meta":  # no real run, as the model is: it has no values
            return ()
        placed = (t for t in given if t.dim() and not (is_whole(t) or t.is_nested))  # jagged ones come with dummies
        found = dict.fromkeys(str(self._standins.device(t)) for t in placed)
        return tuple(found) if len(found) > 1 else ()

    def _device(self, kwargs: Any, given: list[Any]) -> Any:
        """Return where the model will believe a result to be."""
        import torch

        asked = kwargs.get("device")
        if asked is not None:
            return torch.device(asked)
        if given:
            shaped = next((t for t in given if t.dim()), given[0])
            return self._standins.device(shaped)
        return torch.get_default_device()

    def _created(self, function: Any, name: str, args: Any, kwargs: Any) -> Any:
        """Make a tensor out of nothing: a small one really, a large one without values."""
        args, kwargs = mapped((args, kwargs), self._standins.of)
        if name in _FROM_DATA:
            return _from_data(function, args, kwargs)
        outline = function(*args, **{**kwargs, "device": "meta"})
        real = is_small(outline) and not outline.requires_grad  # gradients only lead through what has no values
        return function(*args, **{**kwargs, "device": "cpu"}) if real else outline

    def _moved(self, name: str, args: Any, kwargs: Any) -> Outcome:
        """Convert a tensor's dtype, and let the model believe it on another device."""
        tensor, *rest = args
        device, dtype, options = _target(name, rest, kwargs, self._standins)
        found = self._standins.of(tensor)
        believed = self._standins.device(tensor)
        moves = device is not None and (device.type, device.index or 0) != (believed.type, believed.index or 0)
        if not moves and (dtype is None or dtype == found.dtype) and not options.get("copy"):
            return Outcome(tensor, [], [], ())
        value = same_tensor(found) if dtype is None or dtype == found.dtype else found.to(dtype)
        value = value.clone() if options.get("copy") else value
        value = self._standins.made(value, device if moves else believed)
        return Outcome(value, [value], [], ())


def _from_data(function: Any, args: Any, kwargs: Any) -> Any:
    """Make a tensor of numbers, arrays or tensors; what is made of unknown ones is not known."""
    import torch

    if not any(t.device.type == "meta" for t in leaves(args, kwargs)):
        value = function(*args, **_placed(kwargs, "cpu"))
        return to_meta(value).requires_grad_() if value.requires_grad else value
    if args and isinstance(args[0], (list, tuple)):  # how many numbers there are tells the shape
        numbers = mapped(args, lambda t: t if t.dim() else torch.zeros_like(t, device="cpu"))
        return to_meta(function(*numbers, **_placed(kwargs, "cpu")))
    args, kwargs = mapped((args, kwargs), to_meta)
    return function(*args, **_placed(kwargs, "meta"))


def _shapes_only(function: Any, given: tuple[Any, Any], meta: dict[int, Any]) -> tuple[Any, Any, bool]:
    """Run a function on tensors without values; if it asks for some that are known, on these.

    It may take a tensor for a number (a size, a fill), or whole numbers on the CPU beside tensors on another device (the
    lengths of packed sequences).
    """

    def run(args: Any, kwargs: Any) -> tuple[Any, Any]:
        return counted(function, args, _placed(kwargs, "meta"))

    try:
        return *run(*mapped(given, lambda t: meta[id(t)])), True
    except RuntimeError as error:
        if not asks_values(error):
            raise
        refused = error
    numbers = mapped(with_numbers(given), lambda t: meta[id(t)])
    whole = mapped(given, lambda t: t if is_whole(t) else meta[id(t)])
    for known in numbers, whole:
        try:
            return *run(*known), False
        except (RuntimeError, TypeError):
            continue
    raise refused


def _target(name: str, rest: list[Any], kwargs: Any, standins: StandIns) -> tuple[Any, Any, dict[str, Any]]:
    """Return the device and dtype that a conversion asks for."""
    import torch

    if name == "type":
        return *meant(rest[0] if rest else kwargs["dtype"]), {}
    if name != "to":
        asked = rest[0] if rest else kwargs.get("device")
        index = asked if isinstance(asked, int) else None
        return torch.device(name if asked is None or index is not None else asked), None, {}
    other = rest[0] if rest and isinstance(rest[0], torch.Tensor) else kwargs.get("other")
    if other is not None:
        return standins.device(other), other.dtype, dict(kwargs)
    options = {key: value for key, value in kwargs.items() if key in ("copy", "memory_format", "non_blocking")}
    asked = {key: value for key, value in kwargs.items() if key in ("device", "dtype")}
    device, dtype, *_ = torch._C._nn._parse_to(*rest[:2], **asked)
    return device, dtype, options


def _placed(kwargs: dict[str, Any], device: str) -> dict[str, Any]:
    return {**kwargs, "device": device} if kwargs.get("device") is not None else kwargs
