"""Measured figures beside what was to be reached, and the tables made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Kind = Literal["faster", "share", "limit", "report"]


@dataclass(frozen=True)
class Figure:
    """One line of the table.

    Attributes
    ----------
    row
        The row of the table that it belongs to.
    what
        What was measured, against whom.
    ours, peer
        The figures, in ``unit``; the peer's is None where there is none to compare with.
    target
        For ``faster``, how many times ours the peer's figure has to be; for ``share``, the largest part of the peer's
        figure that ours may be; for ``limit``, the largest figure. None reports without judging.
    hard
        Whether missing the target fails the benchmark.
    capped
        Whether the peer was stopped before it ended: its figure is then a lower bound.
    failed
        What the peer said instead of giving a figure.
    """

    row: str
    what: str
    ours: float
    unit: str
    kind: Kind
    peer: float | None = None
    target: float | None = None
    hard: bool = False
    capped: bool = False
    failed: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times ours the peer's figure is, or ours as part of the peer's; None without a peer."""
        if self.peer is None:
            return None
        over, under = (self.ours, self.peer) if self.kind == "share" else (self.peer, self.ours)
        return over / under if under else (1.0 if over == under else float("inf"))

    @property
    def met(self) -> bool | None:
        """Whether the target is reached; None where there is none, or where a stopped peer leaves it open."""
        if self.target is None:
            return None
        if self.kind == "limit":
            return self.ours <= self.target
        if self.kind == "share":
            return self.ours <= self.target * (self.peer or 0)
        reached = (self.ratio or 0) >= self.target
        return None if self.capped and not reached else reached

    def record(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {**asdict(self), "ratio": self.ratio, "met": self.met}

    def cells(self) -> tuple[str, ...]:
        """What the columns of the table show."""
        bound = ">" if self.capped else ""
        ratio, target = self.ratio, self.target
        met = self.met
        return (
            self.row,
            self.what,
            f"failed: {brief(self.failed)}"
            if self.failed
            else ("" if self.peer is None else f"{bound}{amount(self.peer, self.unit)}"),
            amount(self.ours, self.unit),
            "" if ratio is None or self.kind == "limit" else f"{bound}{times(ratio)}",
            "" if target is None else (amount(target, self.unit) if self.kind == "limit" else times(target)),
            {None: "open" if target is not None else "", True: "yes", False: "**no**" if self.hard else "no"}[met],
        )


COLUMNS = ("row", "what", "peer", "nbviz", "ratio", "target", "met")


def brief(message: str, most: int = 60) -> str:
    """A message short enough for a cell, with nothing that ends the cell."""
    plain_text = message.replace("|", "/")
    return plain_text if len(plain_text) <= most else f"{plain_text[: most - 1].rstrip()}…"


def times(ratio: float) -> str:
    """A ratio, with as many digits as say something."""
    return f"{ratio:.0f}x" if ratio >= 10 else f"{ratio:.2g}x"


def amount(value: float, unit: str) -> str:
    """A figure with its unit, as a person reads it."""
    if unit == "ms" and value >= 1000:
        return f"{value / 1000:.3g} s"
    if unit in {"ms", "MB", "kB"}:
        return f"{value:.3g} {unit}" if value < 100 else f"{value:,.0f} {unit}"
    return f"{value:,.0f}{' ' + unit if unit else ''}"


def markdown(figures: Iterable[Figure]) -> str:
    """A table to paste into a Markdown document."""
    lines = [COLUMNS, ("---", "---", "---:", "---:", "---:", "---:", "---"), *(figure.cells() for figure in figures)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def plain(figures: Sequence[Figure]) -> str:
    """The same for a terminal."""
    lines = [COLUMNS, *(tuple(cell.strip("*") for cell in figure.cells()) for figure in figures)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    pad: list[Callable[[str, int], str]] = [str.ljust, str.ljust, *[str.rjust] * 4, str.ljust]
    return "".join(
        "  ".join(put(cell, width) for put, cell, width in zip(pad, line, widths, strict=True)).rstrip() + "\n"
        for line in lines
    )
