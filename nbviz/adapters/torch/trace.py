"""Runs a module's own ``forward`` on stand-ins and records every call with its shapes."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

from nbviz.adapters.torch.calls import operation_name, operation_settings
from nbviz.adapters.torch.errors.blame import Blame
from nbviz.adapters.torch.errors.failures import NeedsValuesError
from nbviz.adapters.torch.errors.hints import ONE_DEVICE
from nbviz.adapters.torch.errors.missing import ELSEWHERE, without_tensors
from nbviz.adapters.torch.execution.arrays import Arrays
from nbviz.adapters.torch.execution.compute import summed
from nbviz.adapters.torch.execution.control_flow import as_python
from nbviz.adapters.torch.execution.operations import Operations, Outcome
from nbviz.adapters.torch.execution.quantized import reads
from nbviz.adapters.torch.execution.steps import Step
from nbviz.adapters.torch.execution.storages import Storages
from nbviz.adapters.torch.lines import caller
from nbviz.adapters.torch.mode import calls, functions, not_compiled
from nbviz.adapters.torch.modules.discovered import Discovered
from nbviz.adapters.torch.modules.kinds import definer, is_builtin, is_kind, type_name
from nbviz.adapters.torch.modules.lazy import is_uninitialized, take_shape
from nbviz.adapters.torch.restoring.imports import Imports
from nbviz.adapters.torch.restoring.session import Memory, untouched
from nbviz.adapters.torch.running import Running
from nbviz.adapters.torch.tensors import found_in, innermost, leaves, spec, tensors
from nbviz.builder import GraphBuilder
from nbviz.records import CallRecord, Port


class Trace:
    """One run of a model; the handler of what ``mode`` intercepts.

    Parameters
    ----------
    builder
        Takes what is recorded.
    modules
        The model's modules by identity; those that the model makes while it runs are added.
    model
        The model.
    held
        Its parameters and buffers by identity.
    operations
        Runs PyTorch's functions: on stand-ins, or really.
    """

    def __init__(
        self,
        builder: GraphBuilder,
        modules: dict[int, Any],
        model: Any,
        held: dict[Hashable, Any],
        operations: Operations,
    ) -> None:
        self.builder = builder
        self.model = model
        self.held = held
        self.operations = operations
        self.blame = Blame()
        self.silent: CallRecord | None = None
        self.asked: list[tuple[NeedsValuesError, CallRecord]] = []
        self._modules = modules
        self._discovered = Discovered(builder, modules, held)
        self._running = Running()
        self._storages = Storages(builder, operations, held)
        self._arrays = Arrays()
        self._imports = Imports(Trace.run.__code__)
        self._losses: list[Any] = []
        self._packs = any(isinstance(key, tuple) for key in held)
        self._awaited: Any = None
        self._warned = False
        self._elsewhere: CallRecord | None = None
        self._memory: Memory | None = None

    @contextmanager
    def hooked(self, given: Any) -> Iterator[None]:
        """Guard the session, and intercept what this thread calls; ``given`` is what the model is called with."""
        with ExitStack() as stack:
            self._memory = stack.enter_context(untouched(self.model, given))
            stack.enter_context(not_compiled())
            stack.enter_context(self.operations.guarded(self._memory.modules, self._memory.tensors))
            stack.enter_context(calls(self, self._modules.values()))
            stack.enter_context(functions(self))
            yield

    # Modules

    def run(self, args: Any, kwargs: Any, names: list[str]) -> None:
        """Run the model; ``names`` are those of its positional arguments."""
        with _bookkeeping():
            record = self.builder.begin("layer", type_name(self.model), None, layer="")
            given = {**dict(zip(names, args, strict=True)), **kwargs}
            named = [found for name, value in given.items() for found in found_in(value, name)]
            named += [found for name, value in given.items() for found in self._arrays.take(value, name)]
            found = [(self.operations.token(tensor), spec(tensor, name)) for name, tensor in named]
            for known in found:
                self.builder.end(self.builder.begin("input", "input", 0), [known])
            for _, tensor in named:
                self._storages.made(tensor)
            record.inputs = tuple(known for _, known in found)
            self.builder.mark(record)
        self._awaited = self.model
        try:
            with self._running.within(record, self.model):
                outputs = self.model(*args, **kwargs)
        except Exception as error:
            self._blame(error, record)
            raise
        finally:
            self._tell_elsewhere()
        with _bookkeeping():
            self._leave(outputs)

    def call_module(self, module: Any, call: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Record a call of a module around all that it does, its hooks too."""
        if module is self._awaited:  # whose call is recorded: it may do more than to call its forward
            self._awaited = None
            return self._call(module, call, args, kwargs, tensors(args, kwargs))
        if self._imports.running:
            return call(module, *args, **kwargs)
        with _bookkeeping():
            given = tensors(args, kwargs)
            record = self._open(module, given)
            weights = self._read_from(given)
            steps = self.operations.steps
            follow = steps is None or bool(weights) or self._has_computed(module)
            key = None if steps is None or follow else steps.key(module, args, kwargs, given)
            known = None if steps is None or key is None else steps.recall(key)
            if known is not None:
                return self._repeat(module, record, known, given)
        try:
            with self._running.within(record, module):
                outputs = self._call(module, call, args, kwargs, given)
        except Exception as error:
            self._blame(error, record)
            if self._is_one_step(module, record):
                self._storages.take_back(record)
                self.builder.cut(record)
                self.blame.move(error, record)
            raise
        with _bookkeeping():
            self.blame.forget_inside(record)
            record.reads = self._passed_on(weights, outputs)
            return self._close(module, record, outputs, given, key)

    def call_forward(self, module: Any, forward: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Record a ``forward`` as the call of its module, unless it is part of one."""
        if module is self._running.modules[-1]:
            return forward(module, *args, **kwargs)
        return self.call_module(module, forward, args, kwargs)

    def _call(self, module: Any, call: Callable[..., Any], args: Any, kwargs: Any, given: list[Any]) -> Any:
        with _bookkeeping():
            self._hold(take_shape(module, args, kwargs), given)
        return module.module(*args, **kwargs) if _wraps(module) else call(module, *args, **kwargs)

    def _hold(self, weights: list[Any], given: list[Any]) -> None:
        """Take tensors as weights that a module has got when it was called."""
        if weights:
            self.held.update((id(weight), weight) for weight in self.operations.placed(weights, given))

    def _repeat(self, module: Any, record: CallRecord, known: Step, given: list[Any]) -> Any:
        """Record a call that does what an equal one did."""
        outputs = self.operations.placed(known.outputs(), given)
        held = {**module._parameters, **module._buffers}
        record.compute, record.reads = known.compute, tuple(id(held[name]) for name in known.reads)
        made = tensors(outputs)
        self._end(record, made)
        return outputs

    def _open(self, module: Any, given: list[Any]) -> CallRecord:
        path = self.builder.path_of(id(module))
        if path is None:
            if self._memory is not None:
                self._memory.note(module)
            path = self._discovered.add(module, self._running.modules)
        op = self.builder.layer(id(module)).type
        return self.builder.begin(
            "layer", op, self._running.frame, self._ports(given), layer=path, source=caller(self._running.package)
        )

    def _close(self, module: Any, record: CallRecord, outputs: Any, given: list[Any], key: Hashable) -> Any:
        if outputs is None:
            self.silent = record
        if not self._is_one_step(module, record):
            self.builder.end(record, self._ports(tensors(outputs)))
            return outputs
        inside = self.builder.calls[record.id + 1 :]
        known = all(call.compute is not None for call in inside)
        record.compute = summed(p for call in inside for p in call.compute or ()) if known else None
        record.reads = tuple(dict.fromkeys(key for call in (*inside, record) for key in call.reads))
        written = self._storages.take_back(record)
        more = self.builder.take_outer(record)
        self.builder.cut(record)
        if key is not None and not written and not more and self.operations.steps is not None:
            names: dict[Hashable, str] = {id(t): name for name, t in {**module._parameters, **module._buffers}.items()}
            reads = [names.get(read) for read in record.reads]
            if None not in reads:
                self.operations.steps.keep(key, outputs, given, record.compute, reads)
        # what comes back as it was: the step still has its place
        same = {id(t) for t in given} - {key for write in written for key, _, _ in write.tensors}
        outputs = self.operations.renewed(outputs, same)
        made = tensors(outputs)
        self._end(record, made)
        self._storages.hand_over(written, made, record)
        return outputs

    def called_elsewhere(self, module: Any) -> None:
        """Remember in which call another thread was first seen to run a part of the model."""
        if self._elsewhere is None and id(module) in self._modules:
            self._elsewhere = self._running.call or self.builder.calls[0]

    def _tell_elsewhere(self) -> None:
        """Say what is missing where other threads ran a part of the model: nobody knows what they contracted."""
        if self._elsewhere is not None:
            calls, at = self.builder.calls, self._elsewhere.id
            record = self._elsewhere if at < len(calls) and calls[at] is self._elsewhere else calls[0]
            record.compute = None
            self.builder.note(ELSEWHERE, record.path)

    def _has_computed(self, module: Any) -> bool:
        """Tell whether calls have made or changed what a module holds, as ``functional_call`` and in-place changes do."""
        for tensor in (*module._parameters.values(), *module._buffers.values()):
            if tensor is not None and not is_uninitialized(tensor):
                self._storages.follow(tensor)
                if self.builder.knows(self.operations.token(tensor)):
                    return True
        return False

    def _is_one_step(self, module: Any, record: CallRecord) -> bool:
        """Tell whether a call is one step of PyTorch's own, in which nobody would look: no module ran inside, and no hook computed."""
        if not is_builtin(definer(module, "forward")):
            return False
        lines = ("", record.source)  # a hook has lines of its own
        return all(call.layer is None and call.source in lines for call in self.builder.calls[record.id + 1 :])

    def _leave(self, outputs: Any) -> None:
        """Record where the model's outputs go out: one exit for each part of what it gives, a cache of many tensors too."""
        found = found_in(outputs)
        if not found:
            self.builder.note(without_tensors(outputs))
        leaving = [tensor for _, tensor in found]
        self._ports(leaving)
        self.builder.end(
            self.builder.calls[0], [(self._token(t), spec(t)) for t in tensors(outputs) or leaves(leaving)]
        )
        parts: dict[str, list[tuple[str, Any]]] = {}
        for name, tensor in found:
            parts.setdefault(name.partition(".")[0], []).append((name, tensor))
        for part in parts.values():
            exit_ = self.builder.begin("output", "output", 0, self._ports([tensor for _, tensor in part]))
            exit_.inputs = tuple(replace(s, name=name) for s, (name, _) in zip(exit_.inputs, part, strict=True))
            self.builder.end(exit_, [])

    def _blame(self, error: BaseException, record: CallRecord) -> None:
        """Remember where an error came up first."""
        if isinstance(error, NeedsValuesError) and all(error is not known for known, _ in self.asked):
            error.tell_maker(self.builder, record)
            self.asked.append((error, record))
        self.blame.add(error, record)

    # Functions

    def function(self, function: Any, args: Any, kwargs: Any) -> Any:
        """Run one of PyTorch's functions, and record it if it makes or changes tensors."""
        if self._imports.running:
            return function(*args, **kwargs)
        python = as_python(function)
        if python is not None:
            with functions(self):  # what it runs is the model's
                return python(*args, **kwargs)
        args = self._arrays.instead(function, args)
        answered, answer = self.operations.answer(function, args, kwargs)
        if answered:
            self._follow_data(function, args, kwargs)
            return answer
        given = leaves(args, kwargs)
        try:
            outcome = self.operations.run(function, args, kwargs, given)
        except Exception as error:
            self._blame(error, self._begin(function, given, args, kwargs))
            raise
        made, written = self._changes(outcome, kwargs)
        if not made and operation_name(function) == "backward":
            self._losses = given
        if made or outcome.compute:  # a backward pass makes nothing that it gives
            record = self._begin(function, self._with_losses(function, given), args, kwargs)
            record.compute = outcome.compute
            self._warn(record, outcome)
            self._end(record, made)
            if written:
                self._storages.note(written, made, record, args[1] if record.op == "setitem" else ...)
        return outcome.value

    def _with_losses(self, function: Any, given: list[Any]) -> list[Any]:
        """Return what a function is given; a gradient that a backward pass has left comes also from what was differentiated."""
        is_gradient = self._losses and operation_name(function) == "grad" and function.__name__ == "__get__"
        return [*given, *self._losses] if is_gradient else given

    def _follow_data(self, function: Any, args: Any, kwargs: Any) -> None:
        """Let a tensor that is given the data of another come from where that does; what no call has made is read."""
        if getattr(function, "__name__", "") != "__set__" or operation_name(function) != "data":
            return
        tensor, value = args
        if self.builder.knows(self._token(value)):
            self.builder.alias(self._token(tensor), self._token(value))
        else:
            self._end(self._begin(function, [value], args, kwargs), [tensor])

    def _changes(self, outcome: Outcome, kwargs: Any) -> tuple[list[Any], list[Any]]:
        """Return the tensors that a function has made or changed, and those that it has changed."""
        if not outcome.written:
            return outcome.made, []
        written = self._storages.written(outcome.written, outcome.value, kwargs)
        only_read = {id(t) for t in outcome.written} - {id(t) for t in written}
        changed = [t for t in outcome.made if id(t) not in only_read]
        # that a normalisation updates its statistics is no part of the path of the data
        made = [t for t in changed if id(t) not in self.held] or changed
        return made, [t for t in written if any(t is m for m in made)]

    def _warn(self, record: CallRecord, outcome: Outcome) -> None:
        """Say once that tensors on several devices meet: without values that does not matter, for a real run it does."""
        if outcome.devices and not self._warned:
            self._warned = True
            met = " and ".join(outcome.devices)
            where = (
                f"at {record.source}" if record.source else f"in {record.path.rpartition('/')[0] or self.builder.name}"
            )
            self.builder.note(
                f"{record.op} {where} gets tensors on {met}, which fails in a real run. {ONE_DEVICE}",
                record.path,
            )

    def _begin(self, function: Any, given: list[Any], args: Any, kwargs: Any) -> CallRecord:
        for tensor in given:
            self._storages.follow(tensor)
        read = self._read_from(given)
        ports = self._ports([t for t in given if all(t is not r for r in read)])
        record = self.builder.begin(
            "operation", operation_name(function), self._running.frame, ports, source=caller(self._running.package)
        )
        record.reads = tuple([id(innermost(t)) for t in read])
        if self._packs:
            packed = set(reads((args, tuple(kwargs.values()))))
            record.reads += tuple(key for key in self.held if isinstance(key, tuple) and key[0] in packed)
        record.settings = operation_settings(function, args, kwargs)
        return record

    def _read_from(self, given: list[Any]) -> list[Any]:
        """Return the weights among tensors, as the model holds them or as vmap has made them others."""
        return [t for t in given if self._is_weight(t)]

    def _is_weight(self, tensor: Any) -> bool:
        inner = innermost(tensor)
        return id(inner) in self.held and not any(self.builder.knows(self._token(t)) for t in (tensor, inner))

    @staticmethod
    def _passed_on(weights: list[Any], outputs: Any) -> tuple[int, ...]:
        """Return the keys of the weights that a module gives as it got them: a dropout that drops nothing reads them too."""
        made = {id(t) for t in tensors(outputs)} if weights else set()
        return tuple(id(innermost(t)) for t in weights if id(t) in made)

    def _end(self, record: CallRecord, made: list[Any]) -> None:
        """Finish a call that has made tensors."""
        self.builder.end(record, [(self._token(t), spec(t)) for t in made])
        for tensor in made:
            self._storages.made(tensor)

    def _ports(self, found: list[Any]) -> list[Port]:
        """Return tensors as ports; one from outside is a constant that stands where it is first used."""
        ports: list[Port] = []
        for tensor in found:
            token = self._token(tensor)
            known = spec(tensor)
            if not self.builder.knows(token) and not self._is_weight(tensor) and not self._is_another(tensor):
                constant = self.builder.begin("constant", "constant", self._running.frame)
                self.builder.end(constant, [(token, known)])
            self._storages.follow(tensor)
            ports.append((token, known))
        return ports

    def _is_another(self, tensor: Any) -> bool:
        """Tell whether a tensor is another form of one that is known, and take it as such."""
        array = self._arrays.behind(tensor)
        if array is None:
            return self._storages.adopt(tensor)
        self.builder.alias(self._token(tensor), self._token(array))
        return True

    def _token(self, tensor: Any) -> Any:
        return self.operations.token(tensor)


def _bookkeeping() -> Any:
    """Return a context in which PyTorch's functions are our own, and no part of the model."""
    import torch

    return torch._C.DisableTorchFunction()


def _wraps(module: Any) -> bool:
    """Tell whether a module only sends parts of the batch to devices, on which another computes."""
    return is_kind(module, "DataParallel", "DistributedDataParallel")
