"""Counts the multiply-accumulates that depend on the batch in ways that symbols cannot follow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, final

from nbviz.adapters.dataflow.findings import Findings
from nbviz.adapters.onnx.compute import Contractions, Step
from nbviz.adapters.onnx.inference import for_batch
from nbviz.adapters.onnx.nodes import Node
from nbviz.adapters.onnx.types import Types, shown
from nbviz.adapters.onnx.values import Value
from nbviz.metrics import macs
from nbviz.records import CallRecord
from nbviz.shape import Dim


@final
@dataclass(frozen=True, slots=True)
class Uncounted:
    """A call whose multiply-accumulates cannot be told from the sizes that are known."""

    record: CallRecord
    node: Node
    taken: Sequence[Value | None]
    made: Sequence[Value | None]
    where: str

    def step(self, types: Types) -> Step:
        """Return the call with other sizes."""

        def sized(name: str, value: Value | None) -> Value | None:
            stored = value is None or value.weight is not None or value.constant is not None
            return value if stored else Value(*types.of(name))

        inputs = list(map(sized, self.node.inputs, self.taken))
        return Step(self.node, inputs, list(map(sized, self.node.outputs, self.made)), None)

    def symbols(self, batch: Dim) -> Iterator[str]:
        """Yield the names of open sizes other than the batch."""
        for value in (*self.taken, *self.made):
            dims = () if value is None or value.dims is None else value.dims
            yield from (str(dim) for dim in shown(dims) if isinstance(dim, str) and dim != batch)


def count_for_one(model: Any, batch: Dim, calls: Sequence[Uncounted], findings: Findings) -> None:
    """Count calls with numbers for the batch, such as those of attention with the heads of all examples on one axis.

    What a batch of two does not do twice is none of an example's, and stays unknown; ``findings`` is told of what does.
    """
    waiting = [call for call in calls if not call.where] if batch is not None else []
    if waiting:
        graphs = (for_batch(model, batch, size) for size in (1, 2))
        one, two = (Types([*graph.value_info, *graph.output, *graph.input], {}) for graph in graphs)
        contractions = Contractions()
        for call in waiting:
            compute = contractions.of(call.step(one))
            count, twice = macs(compute), macs(contractions.of(call.step(two)))
            if count is not None and twice == 2 * count:
                call.record.compute = compute
    for call in calls:
        if call.record.compute is None:
            findings.uncounted += 1
            findings.open.update(dict.fromkeys(call.symbols(batch)))
    if findings.uncounted:
        findings.advice = _OPEN if _takes_any_size(model.graph, batch) else _LOST


_OPEN = "sizes can be given as inputs"
_LOST = "where a model computes sizes, onnxslim and onnxsim write a file that has them, and so does torch.onnx.export(..., dynamo=True)"


def _takes_any_size(graph: Any, batch: Dim) -> bool:
    """Tell whether sizes of the inputs other than the batch are open, so that giving these may be of use."""
    tensors = (info.type.tensor_type for info in graph.input if info.type.WhichOneof("value") == "tensor_type")
    return any(
        not tensor.HasField("shape") or not all(dim.dim_param == batch or _is_number(dim) for dim in tensor.shape.dim)
        for tensor in tensors
    )


def _is_number(dim: Any) -> bool:
    return bool(dim.WhichOneof("value") == "dim_value")
