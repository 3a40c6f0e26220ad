"""Ends a run with a table of the architectures that were read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    found = sorted(architectures(terminalreporter, "passed"))
    if not found:
        return
    failed = {name for _, name, *_ in architectures(terminalreporter, "failed")}
    terminalreporter.section("architectures")
    for family, name, params, calls, outcome in found:
        terminalreporter.write_line(f"{family:<20} {name:<28} {params:>16,} parameters {calls:>6,} calls  {outcome}")
    counted = Counter(outcome for *_, outcome in found)
    said = ", ".join(f"{count} {outcome}" for outcome, count in counted.items())
    families = len({family for family, *_ in found})
    terminalreporter.write_line(f"{len(found)} architectures of {families} families: {said}; {len(failed)} failed")


def architectures(terminalreporter: pytest.TerminalReporter, outcome: str) -> Iterator[Any]:
    for report in terminalreporter.stats.get(outcome, []):
        yield from (value for key, value in getattr(report, "user_properties", []) if key == "architecture")
