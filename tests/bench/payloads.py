"""The rows about what crosses to the browser: its size and time against the same graph as plain JSON."""

from __future__ import annotations

import gzip
import json
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from nbviz import wire
from nbviz.columns import Columns
from nbviz.graph import Call, Layer, ModelGraph, Parameter
from nbviz.metrics import Metrics
from tests.bench.figures import Figure
from tests.bench.models import model_graph
from tests.bench.workshop import SCRIPTS, Workshop

LEVEL = 6
"""gzip's level on both sides."""

SHARE = 0.2


@dataclass(frozen=True)
class PayloadRow:
    """One graph, as nbviz sends it and as JSON objects.

    The JSON is what one would write without a second thought: per node an object with name, operation, the group around it,
    shape and parameters, and edges as pairs. Against it stands the payload of the same facts; with settings, weights and
    source lines, which the JSON does not have, it is reported beside.
    """

    name: str
    graph: str

    def figures(self, workshop: Workshop) -> Iterator[Figure]:
        """Measure."""
        whole = Metrics(model_graph(self.graph))
        named = _named(whole)
        folder = workshop.cache / "graphs"
        files = {key: folder / f"{self.graph}.{key}.gz" for key in ("json", "named", "whole")}
        writers: dict[str, Callable[[], bytes]] = {
            "json": lambda: gzip.compress(json.dumps(_objects(whole), separators=(",", ":")).encode(), LEVEL, mtime=0),
            "named": lambda: wire.pack(named),
            "whole": lambda: wire.pack(whole),
        }
        took = {key: _milliseconds(write, workshop.runs) for key, write in writers.items()}
        size = {}
        for key, write in writers.items():
            files[key].write_bytes(write())
            size[key] = files[key].stat().st_size / 1000
        what = "payload with names, gzipped JSON objects"
        yield Figure(self.name, what, size["named"], "kB", "share", size["json"], SHARE)
        yield Figure(self.name, "payload with everything", size["whole"], "kB", "share", size["json"])
        yield Figure(self.name, "encode everything, JSON", took["whole"], "ms", "faster", took["json"])
        decoded = {key: self._decode(workshop, files[key]) for key in ("whole", "json")}
        yield Figure(self.name, "decode everything, JSON", decoded["whole"], "ms", "faster", decoded["json"])

    @staticmethod
    def _decode(workshop: Workshop, file: Any) -> float:
        bundle = workshop.bundle(SCRIPTS / "view.ts", "view.mjs")
        runs = [
            workshop.node([SCRIPTS / "decode.mjs", bundle, file], cap=workshop.cap)[0] for _ in range(workshop.runs)
        ]
        return statistics.median(run["ms"] for run in runs)


def _named(whole: Metrics) -> wire.Measured:
    """What the JSON says too: the numbers of every row stay, what the inspector shows beside them goes."""
    graph = whole.graph
    bare = replace(
        graph,
        layers=Columns(Layer, (replace(layer, settings=(), parameters=(), source="") for layer in graph.layers)),
        calls=Columns(Call, (replace(call, settings=(), parameters=(), source="") for call in graph.calls)),
        parameters=Columns(Parameter),
    )
    return _Measured(bare, whole)


class _Measured:
    """A graph with the numbers of another."""

    def __init__(self, graph: ModelGraph, whole: Metrics) -> None:
        self.graph = graph
        self.tree, self.columns, self.totals = whole.tree, whole.columns, whole.totals
        self.macs_basis, self.call_macs = whole.macs_basis, whole.call_macs
        self.inputs, self.outputs, self.upstream = whole.inputs, whole.outputs, whole.upstream


def _objects(whole: Metrics) -> dict[str, Any]:
    """Nodes are the calls that contain no call; what contains them is the text of their group."""
    graph, params = whole.graph, whole.columns["params"]
    holders = set(graph.calls.column("parent"))
    edges = zip(graph.edges.column("source"), graph.edges.column("target"), strict=True)
    nodes = [
        {
            "name": call.path,
            "op": call.op,
            "group": None if call.parent is None else graph.calls[call.parent].path,
            "shape": None if not call.outputs or call.outputs[0].shape is None else call.outputs[0].shape.dims,
            "params": None if row < 0 else params[row],
        }
        for call, row in zip(graph.calls, whole.tree.row_of_call, strict=True)
        if call.id not in holders
    ]
    return {"nodes": nodes, "edges": list(edges)}


def _milliseconds(work: Callable[[], object], runs: int) -> float:
    """Median CPU time of some runs, the first apart."""
    times = []
    for _ in range(runs + 1):
        start = time.process_time()
        work()
        times.append(1000 * (time.process_time() - start))
    return statistics.median(times[1:])


PAYLOADS = (PayloadRow("payload, 10,000 nodes", "tf_plain_10k"),)
