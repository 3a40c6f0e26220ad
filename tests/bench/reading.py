"""The rows about files: from the path to the payload for the browser, beside the library that the format comes from."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.bench import checkpoint_files
from tests.bench.figures import Figure
from tests.bench.onnx_files import onnx_file
from tests.bench.processes import Result, answer, in_turn
from tests.bench.workshop import Workshop

VIEW, READ = "nbviz.view", "nbviz.read"

CALLS, SECONDS = 5, 10
"""How often a process reads the file after the first time, and for how many seconds together."""


def collect(workshop: Workshop, path: Path, tiny: Path, *peers: str) -> dict[str, Result]:
    """Have nbviz and libraries read a file in turn."""
    results = {tool: Result() for tool in (VIEW, READ, *peers)}
    numbers = [str(number) for number in (CALLS, SECONDS, workshop.cap)]
    for _, tool in in_turn(workshop.runs, list(results)):
        if not results[tool].ended:
            command = [sys.executable, "-m", "tests.bench.file_tools", tool, str(path), str(tiny), *numbers]
            results[tool].add("plain", answer(command, {}, ours=tool not in peers), workshop.cap)
    return results


@dataclass(frozen=True)
class Beside:
    """What one file takes in nbviz and in the library of its format.

    Attributes
    ----------
    peer
        Its tool, see ``file_tools.py``.
    counts
        What both have to find equally many of.
    longer
        How many times as long as the peer nbviz may take.
    seconds, megabytes
        The longest time and the most memory.
    bound
        A tool that does no more than anybody has to in Python; beside it nothing is judged.
    """

    peer: str
    counts: tuple[str, ...]
    longer: float | None = None
    seconds: float | None = None
    megabytes: float | None = None
    bound: str | None = None

    @property
    def peers(self) -> tuple[str, ...]:
        """All tools."""
        return (self.peer,) if self.bound is None else (self.peer, self.bound)

    def figures(self, row: str, results: Mapping[str, Result], *, what: str = "") -> Iterator[Figure]:
        """All lines of the table."""
        peer, library = results[self.peer], LIBRARIES[self.peer]
        view, read = (results[tool].needed(f"{tool}, {row}") for tool in (VIEW, READ))
        memory = results[VIEW].memory
        target = None if self.longer is None else 1 / self.longer
        yield _beside(row, f"{what}view, {library}", view, peer, target)
        if self.bound is not None:
            yield _beside(row, f"{what}view, {LIBRARIES[self.bound]}", view, results[self.bound], None)
        yield Figure(row, f"{what}of that, read", read, "ms", "report")
        if memory is not None and peer.memory is not None:
            yield Figure(row, f"{what}memory of view, {library}", memory, "MB", "faster", peer.memory)
        if self.seconds is not None:
            yield Figure(row, f"{what}view", view, "ms", "limit", target=1000 * self.seconds)
        if memory is not None and self.megabytes is not None:
            yield Figure(row, f"{what}memory of view", memory, "MB", "limit", target=self.megabytes)
        for count in self.counts if peer.says else ():
            off = abs(results[VIEW].says[count] - peer.says[count])
            yield Figure(row, f"{what}{count} too many or too few", off, "", "limit", target=0, hard=True)


def _beside(row: str, what: str, ours: float, peer: Result, target: float | None) -> Figure:
    failed = peer.failed or (f"{peer.missing} is not installed" if peer.missing else "")
    if failed:
        return Figure(row, what, ours, "ms", "faster", failed=failed)
    return Figure(row, what, ours, "ms", "faster", peer.time, target, capped=peer.capped)


LIBRARIES = {
    "onnx": "onnx.load and infer_shapes",
    "onnx fields": "onnx.load, infer_shapes and each field once",
    "safetensors": "safe_open of all files",
    "gguf": "GGUFReader",
}


@dataclass(frozen=True)
class OnnxRow:
    """One ONNX file."""

    name: str
    file: str
    beside: Beside
    needs: tuple[str, ...] = ("onnx",)

    def figures(self, workshop: Workshop) -> Iterator[Figure]:
        """Measure."""
        path, tiny = (onnx_file(workshop.cache / "onnx", name) for name in (self.file, "tiny"))
        yield from self.beside.figures(self.name, collect(workshop, path, tiny, *self.beside.peers))


@dataclass(frozen=True)
class CheckpointRow:
    """A checkpoint that is made for the row, and read by each of the paths that a person would give.

    ``make`` writes it into a folder; ``paths`` says for each path how the table calls it.
    """

    name: str
    make: Callable[[Path], None]
    paths: Mapping[str, str]
    tiny: str
    beside: Beside
    needs: tuple[str, ...]

    def figures(self, workshop: Workshop) -> Iterator[Figure]:
        """Measure."""
        with tempfile.TemporaryDirectory(prefix="nbviz-checkpoint-") as made:
            folder = Path(made)
            self.make(folder)
            for path, what in self.paths.items():
                results = collect(workshop, folder / path, folder / self.tiny, *self.beside.peers)
                yield from self.beside.figures(self.name, results, what=what)


def _sharded(folder: Path) -> None:
    checkpoint_files.sharded(folder / "model")
    checkpoint_files.sharded(folder / "tiny", layers=1, shards=2)


def _gguf(folder: Path) -> None:
    checkpoint_files.gguf(folder / "model.gguf")
    checkpoint_files.gguf(folder / "tiny.gguf", tokens=2, merges=2)


_ONNX = ("nodes",)
_TENSORS = ("tensors", "params")
READINGS = (
    OnnxRow("ONNX, 1,000 nodes", "blocks_1k", Beside("onnx", _ONNX)),
    OnnxRow("ONNX, 10,000 nodes", "blocks_10k", Beside("onnx", _ONNX)),
    OnnxRow("ONNX, 50,000 nodes", "blocks_50k", Beside("onnx", _ONNX, longer=1.5, bound="onnx fields")),
    OnnxRow("ONNX, 10,000 nodes in modules", "transformer_10k", Beside("onnx", ("nodes", *_TENSORS))),
    OnnxRow(
        "ONNX, GPT-2 exported by PyTorch",
        "gpt2",
        Beside("onnx", _ONNX),
        needs=("onnx", "onnxscript", "torch", "transformers"),
    ),
)
CHECKPOINTS = (
    CheckpointRow(
        "safetensors, 700 GB in 150 files",
        _sharded,
        {"model": "folder: ", "model/model.safetensors.index.json": "index: "},
        "tiny",
        Beside("safetensors", _TENSORS, seconds=1.0, megabytes=30),
        needs=("safetensors",),
    ),
    CheckpointRow(
        "GGUF, 128,256 tokens",
        _gguf,
        {"model.gguf": ""},
        "tiny.gguf",
        Beside("gguf", _TENSORS, seconds=1.0, megabytes=30),
        needs=("gguf",),
    ),
)
