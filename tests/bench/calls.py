"""What one call takes: CPU time, and memory above what there was before. For processes that run one tool each."""

from __future__ import annotations

import ctypes
import gc
import resource
import signal
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Limits:
    """How often to call after the first time and for how many seconds together, and how long the first may take."""

    calls: int
    seconds: float
    cap: int


def once(show: Callable[[], Any]) -> tuple[float, float | None, Any]:
    """Return milliseconds of CPU time, the peak of the resident memory above where it began in MB, and what came out."""
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)  # or what an earlier call has freed hides what this one takes
    before = _resident(reset=True)
    start = _spent()
    result = show()
    took = _spent() - start
    peak = _resident(reset=False)
    return 1000 * took, None if before is None or peak is None else peak - before, result


def _spent() -> float:
    """Seconds of CPU time of this process and of those that it has waited for: Graphviz, say."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _resident(*, reset: bool) -> float | None:
    """Resident memory in MB: now, with the peak forgotten, or the peak since; None where the system does not tell."""
    try:
        if reset:
            Path("/proc/self/clear_refs").write_text("5")
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    wanted = "VmRSS:" if reset else "VmHWM:"
    return next(int(line.split()[1]) / 1000 for line in lines if line.startswith(wanted))


def several(show: Callable[[], Any], says: Callable[[Any], dict[str, float]], limits: Limits) -> dict[str, Any]:
    """Call the tool several times; the process ends itself when the first call takes too long."""
    sys.stdout.write('{"capped": true}\n')  # what stands then
    sys.stdout.flush()
    signal.alarm(limits.cap)
    first, memory, result = once(show)
    signal.alarm(0)
    said = says(result)
    times: list[float] = []
    peaks: list[float | None] = []
    while len(times) < limits.calls and first + sum(times) < 1000 * limits.seconds:
        del result
        took, peak, result = once(show)
        says(result)
        times.append(took)
        peaks.append(peak)
    known = [peak for peak in peaks or [memory] if peak is not None]
    found = {"first": first, "times": times or [first], "first_memory": memory, "says": said}
    return {**found, "memory": statistics.median(known) if known else None}


def attempt(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what a tool gives, or in a word why it does not: the benchmark goes on."""
    try:
        return work()
    except ModuleNotFoundError as error:
        return {"missing": error.name}
    except Exception as error:  # noqa: BLE001 - a tool may fail in any way
        lines = str(error).strip().splitlines()
        return {"failed": f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__}
