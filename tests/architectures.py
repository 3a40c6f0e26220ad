"""The table at the end of a run: which architectures were read, and what came of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest


def write_table(terminalreporter: pytest.TerminalReporter) -> None:
    """Write a line for each architecture, and how many they were."""
    found = sorted(architectures(terminalreporter))
    if not found:
        return
    failed = sum("test_torch_zoo" in report.nodeid for report in terminalreporter.stats.get("failed", []))
    terminalreporter.section("architectures")
    for family, name, params, calls, outcome in found:
        terminalreporter.write_line(f"{family:<20} {name:<28} {params:>16,} parameters {calls:>6,} calls  {outcome}")
    counted = Counter(outcome for *_, outcome in found)
    said = ", ".join(f"{count} {outcome}" for outcome, count in counted.items())
    families = len({family for family, *_ in found})
    terminalreporter.write_line(f"{len(found)} architectures of {families} families: {said}; {failed} failed")


def architectures(terminalreporter: pytest.TerminalReporter) -> Iterator[Any]:
    for report in terminalreporter.stats.get("passed", []):
        yield from (value for key, value in getattr(report, "user_properties", []) if key == "architecture")
