"""Print how fast nbviz shows PyTorch models, and whether its numbers are right, beside a forward and other tools.

From the root of the repository::

    python -m tests.bench.bench_torch                   everything
    python -m tests.bench.bench_torch --quick           few calls, other tools stopped after 20 seconds
    python -m tests.bench.bench_torch --only 'Llama*'   the models that fit a pattern
    python -m tests.bench.bench_torch --readme          everything, and the tables go into README.md

All times are CPU time of one thread. Every tool runs in fresh processes of its own, the tools in turn and backwards every
other time; what is compared is the median of all calls but the first of each process. The first call is shown beside it: it
imports the tool. ``nbviz.view`` is measured from the module to the payload for the browser, torchinfo to its text, torchview to
text for Graphviz. Memory is the peak of the resident memory above what it was before the call.

The other tools are installed into the cache and nowhere else; one that is not there is left out. The exit status tells whether
a hard target was missed: slower than a tool that gives a graph, or than torchinfo with inputs from a hundred modules on, a
reading of GPT-2 that takes longer than a forward, a tree less than 20 times as fast as torchinfo's at 41,477 modules, a wrong
number of parameters.
"""

from __future__ import annotations

import importlib.util
import platform
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tests.bench import readme
from tests.bench.command import Command, say, status
from tests.bench.figures import Figure, brief, markdown, plain
from tests.bench.machine import computer
from tests.bench.processes import Result, answer, in_turn
from tests.bench.torch_tools import TOOLS
from tests.bench.torch_zoo import SUBJECTS, Subject
from tests.bench.workshop import TORCH_PEERS, Workshop

SLOW = "torchview, SVG"
"""What Graphviz draws for minutes: it runs once, and only where it is asked for."""

MANY = 100
"""Modules from which torchinfo with inputs is a hard target."""

HUGE = 40_000
"""Modules from which a tree has to be read many times as fast as torchinfo reads it."""

TREE = 20.0


@dataclass(frozen=True)
class Runner:
    """Starts the processes.

    Attributes
    ----------
    folder
        Where the other tools are.
    runs
        Processes for each tool and model.
    calls, seconds
        Calls in a process after the first, and how long they may take together.
    cap
        Seconds after which another tool is stopped.
    """

    folder: Path
    runs: int
    calls: int
    seconds: float
    cap: int

    def collect(self, subject: Subject, tools: Sequence[str]) -> dict[str, Result]:
        """Measure all tools on one model in turn."""
        results = {tool: Result() for tool in tools}
        for turn, tool in in_turn(self.runs, tools):
            result = results[tool]
            if result.ended or (turn and tool == SLOW):
                continue
            possible = TOOLS[tool].ways if subject.needs else TOOLS[tool].ways[:1]  # ours have no cache
            ways = (result.way,) if turn else possible
            result.add(*self.first_that_works(subject, tool, ways), self.cap)
        return results

    def first_that_works(self, subject: Subject, tool: str, ways: Sequence[str]) -> tuple[str, dict[str, Any]]:
        """Return what the first way without an error gives, or the error of the very first."""
        failed = None
        for way in ways:
            found = self.process(subject, tool, way)
            if "failed" not in found:
                return way, found
            failed = failed or (way, found)
        if failed is None:
            raise ValueError(f"{tool} has no way to be called")
        return failed

    def process(self, subject: Subject, tool: str, way: str = "plain") -> dict[str, Any]:
        """Return what one process printed last; what it started goes with it."""
        numbers = (str(number) for number in (self.calls, self.seconds, self.cap))
        command = [sys.executable, "-m", "tests.bench.torch_tools", subject.name, tool, way, *numbers, str(self.folder)]
        ours = tool.startswith(("nbviz", "forward", "truth"))
        return answer(command, {"HF_HUB_OFFLINE": "1"}, ours=ours)


@dataclass(frozen=True)
class Measured:
    """One model with all that was found."""

    subject: Subject
    truth: dict[str, int]
    results: dict[str, Result]

    def figures(self) -> Iterator[Figure]:
        """All lines of the table."""
        row = self.subject.name
        names = ("nbviz.view", "nbviz.read", "nbviz.read, tree")
        view, read, tree = (self.results[tool].needed(f"{tool} on {row}") for tool in names)
        gpt2 = 1.0 if row == "GPT-2" else None
        yield from self._beside("view", view, "forward", "a real forward")
        yield from self._beside("read with inputs", read, "forward", "a real forward", target=gpt2)
        target = 1.0 if self.truth["modules"] >= MANY else None
        yield from self._beside("view", view, "torchinfo, inputs", "torchinfo with inputs", target=target)
        target = TREE if self.truth["modules"] >= HUGE else None
        yield from self._beside("read the tree", tree, "torchinfo", "torchinfo without inputs", target=target)
        for tool in ("torchview", "torchvista", "torch.export"):
            yield from self._beside("view", view, tool, tool, target=1.0)
        yield from self._beside("view", view, "torchview, SVG", "torchview, three levels as SVG")
        if self.subject.name == "Llama, 6.7 B parameters":
            yield Figure(row, "view, from the module to the payload", view, "ms", "limit", target=1000)
        wrong = abs(self.results["nbviz.view"].says.get("params", 0) - self.truth["params"])
        yield Figure(row, "parameters too many or too few", wrong, "", "limit", target=0, hard=True)

    def _beside(self, what: str, ours: float, tool: str, peer: str, *, target: float | None = None) -> Iterator[Figure]:
        result = self.results.get(tool)
        if result is None or result.missing:
            return
        what = f"{what}, {peer}"
        if result.failed:
            yield Figure(self.subject.name, what, ours, "ms", "faster", failed=result.failed)
            return
        hard = target is not None
        yield Figure(
            self.subject.name, what, ours, "ms", "faster", result.time, target, hard=hard, capped=result.capped
        )

    def totals(self) -> tuple[str, ...]:
        """The numbers that tools say, beside the right ones."""
        right = [f"{self.truth[name]:,}" for name in ("modules", "params", "macs")]
        said = [self._said(tool, "params") for tool in ("nbviz.view", "torchinfo", "torchinfo, inputs")]
        macs = [self._said(tool, "macs") for tool in ("nbviz.view", "torchinfo, inputs")]
        return (self.subject.name, *right[:2], *said, right[2], *macs)

    def _said(self, tool: str, name: str) -> str:
        result = self.results.get(tool, Result())
        value, right = result.says.get(name), self.truth[name]
        if value is None:
            return brief(result.failed) if result.failed else result.cell() if result.capped else ""
        return f"{value:,.0f}" if value == right else f"**{value:,.0f}** ({_off(value / right)})"

    def costs(self, tools: Iterable[str]) -> tuple[str, ...]:
        """First calls and memory."""
        return (self.subject.name, *(self.results.get(tool, Result(missing=tool)).cell() for tool in tools))


def _off(share: float) -> str:
    """How far a number is from the right one."""
    if 0.5 < share < 2:
        return f"{100 * (share - 1):+.2g} %"
    return f"{share:.2g}x"


TOTALS = ("model", "modules", "parameters", "nbviz", "torchinfo", "torchinfo with inputs")
TOTALS += ("multiply-accumulates", "nbviz", "torchinfo with inputs")
COSTS = tuple(tool for tool in TOOLS if tool != SLOW)


def table(columns: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A Markdown table of numbers with names in front."""
    head = (columns, ("---", *["---:"] * (len(columns) - 1)))
    return "".join(f"| {' | '.join(line)} |\n" for line in (*head, *lines))


def document(found: Sequence[Measured], about: str) -> str:
    """All tables, as they stand in README.md."""
    return "\n".join(
        (
            markdown([figure for each in found for figure in each.figures()]),
            "What each says, beside the sum over the set of parameters and PyTorch's `FlopCounterMode` on the meta device:\n",
            table(TOTALS, (each.totals() for each in found)),
            "The first call in a process, with what it imports, and the memory of a later one:\n",
            table(("model", *COSTS), (each.costs(COSTS) for each in found)),
            f"{about}\n",
        )
    )


def about(runner: Runner) -> str:
    """How often and on what was measured, and with which versions."""
    known = [f"Python {platform.python_version()}"]
    for name in ("torch", "transformers"):
        with suppress(PackageNotFoundError):
            known.append(f"{name} {version(name)}")
    peers = [pin.replace("==", " ") for pin in TORCH_PEERS if (runner.folder / pin.split("==")[0]).is_dir()]
    processes = "one process" if runner.runs == 1 else f"{runner.runs} processes"
    return (
        f"Medians of up to {runner.calls} calls in {processes} on {computer()}. {', '.join(known)}; "
        f"{', '.join(peers) or 'no other tools'}."
    )


COMMAND = Command(
    "tests.bench.bench_torch",
    __doc__,
    readme.TORCH,
    "models",
    quick="one process, few calls, others stopped after 20 seconds",
    runs=2,
)


def main() -> int:
    """Measure and print; return the exit status."""
    parser = COMMAND.parser()
    parser.add_argument("--svg", action="store_true", help="have Graphviz draw torchview's graphs too")
    parser.add_argument("--cap", type=int, default=60, help="seconds after which another tool is stopped (60)")
    wish = parser.parse_args()
    chosen = COMMAND.chosen(wish, SUBJECTS)
    folder = peers(wish.cache)
    runs, calls, cap = (1, 3, 20) if wish.quick else (wish.runs, 5, wish.cap)
    runner = Runner(folder, runs, calls, seconds=6, cap=cap)
    found = list(measure(chosen, runner, svg=wish.svg))
    figures = [figure for each in found for figure in each.figures()]
    sentence = about(runner)
    sys.stdout.write(f"\n{plain(figures)}\n{table(TOTALS, (each.totals() for each in found))}\n")
    sys.stdout.write(f"{table(('model', *COSTS), (each.costs(COSTS) for each in found))}\n{sentence}\n")
    COMMAND.write(wish, document(found, sentence), record(found, sentence))
    return status(figures)


def peers(cache: Path) -> Path:
    """Install the other tools; say so if that does not work, as the rest can be measured all the same."""
    try:
        return Workshop(cache).torch()
    except subprocess.CalledProcessError:
        sys.stderr.write(f"pip cannot install {', '.join(TORCH_PEERS)}: what is not there is left out.\n")
        return cache / "torch"


def measure(chosen: Iterable[Subject], runner: Runner, *, svg: bool) -> Iterator[Measured]:
    """Measure all models, and say on the error stream how far it is."""
    absent: set[str] = set()
    for subject in chosen:
        if subject.needs and importlib.util.find_spec(subject.needs) is None:
            sys.stderr.write(f"{subject.name} is left out: {subject.needs} is not installed.\n")
            continue
        say(subject.name)
        tools = [tool for tool in TOOLS if tool != SLOW or svg]
        found = Measured(subject, runner.process(subject, "truth"), runner.collect(subject, tools))
        for tool, result in found.results.items():
            if result.missing and tool not in absent:
                absent.add(tool)
                sys.stderr.write(f"{tool} is left out: {result.missing} is not installed.\n")
        yield found


def record(found: Iterable[Measured], sentence: str) -> dict[str, Any]:
    """All of it, for JSON."""
    models = {
        each.subject.name: {
            "truth": each.truth,
            "tools": {tool: asdict(result) for tool, result in each.results.items()},
            "figures": [figure.record() for figure in each.figures()],
        }
        for each in found
    }
    return {"machine": sentence, "models": models}


if __name__ == "__main__":
    sys.exit(main())
