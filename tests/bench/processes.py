"""Fresh processes for the tools that are compared, in turn, and what they print as JSON."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tests.bench.figures import amount
from tests.bench.workshop import ROOT

LONG = 8000.0
"""Milliseconds of a first call from which one process is enough."""


@dataclass
class Result:
    """What a tool took and said in all its processes.

    Attributes
    ----------
    way
        How it was called.
    firsts, times, memories
        First and later calls in milliseconds, and peaks in MB, of all processes.
    says
        What it says of the model: parameters, multiply-accumulates.
    failed
        The first line of its error, of the first way of calling it if none worked.
    capped
        Whether it was stopped: the only time is then a lower bound.
    missing
        The package that is not installed.
    """

    way: str = "plain"
    firsts: list[float] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    memories: list[float] = field(default_factory=list)
    says: dict[str, float] = field(default_factory=dict)
    failed: str = ""
    capped: bool = False
    missing: str = ""

    @property
    def time(self) -> float | None:
        """The median of later calls."""
        return statistics.median(self.times) if self.times else None

    @property
    def memory(self) -> float | None:
        """The median of the peaks."""
        return max(statistics.median(self.memories), 0.0) if self.memories else None

    @property
    def ended(self) -> bool:
        """Whether another process would tell nothing new, or too late."""
        return bool(self.failed or self.missing or self.capped or (self.firsts and self.firsts[0] > LONG))

    def add(self, way: str, found: Mapping[str, Any], cap: int) -> None:
        """Take in what one process printed."""
        self.way, self.says = way, found.get("says", self.says)
        self.failed, self.missing = found.get("failed", ""), found.get("missing", "")
        self.capped = found.get("capped", False)
        if self.capped:
            self.times = [1000.0 * cap]
        if "first" in found:
            self.firsts.append(found["first"])
            self.times += found["times"]
        if found.get("memory") is not None:
            self.memories.append(found["memory"])

    def needed(self, what: str) -> float:
        """The time of a tool that has to work."""
        if self.time is None or self.failed or self.missing:
            raise RuntimeError(f"{what}: {self.failed or self.missing or 'no call ended'}")
        return self.time

    def cell(self) -> str:
        """The first call and the memory, for a table."""
        if self.missing:
            return ""
        if self.failed:
            return "failed"
        if self.capped:
            return f">{amount(self.times[0], 'ms')}"
        first = amount(statistics.median(self.firsts), "ms")
        return first if self.memory is None else f"{first}, {amount(self.memory, 'MB')}"


def in_turn(runs: int, tools: Sequence[str]) -> Iterator[tuple[int, str]]:
    """All tools so many times, backwards every other time, so that a busy moment meets all of them."""
    for turn in range(runs):
        for tool in tools if turn % 2 == 0 else tools[::-1]:
            yield turn, tool


def answer(command: Sequence[str], environment: Mapping[str, str], *, ours: bool) -> dict[str, Any]:
    """Return what a process printed last; what it started goes with it. One of ours may not fail."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        started = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **environment}, stdout=out, stderr=errors, start_new_session=True
        )
        try:
            code = started.wait()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(started.pid, signal.SIGKILL)  # Graphviz, if it still draws
        out.seek(0)
        lines = out.read().splitlines()
        errors.seek(0)
        complaint = errors.read()
    worked = code in {0, -signal.SIGALRM}
    if not worked and ours:
        raise RuntimeError(f"{' '.join(command)}\n{complaint[-2000:]}")
    return json.loads(lines[-1]) if worked else {"failed": f"the process ended with status {code}"}
