"""The frames of a page, taken out of a trace of the browser."""

from __future__ import annotations

import bisect
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

FRAME = "bench frame"
SCRIPT = {"EventDispatch", "FireAnimationFrame", "FunctionCall", "MajorGC", "MinorGC", "RunMicrotasks", "TimerFire"}
"""Events of a trace during which JavaScript runs, or tidies up behind it."""

MOVING = {"wheel", "pointermove"}


@dataclass(frozen=True)
class Frames:
    """The frames of a page that wheel or pointer move: intervals and time in script, in milliseconds.

    Both are from the browser's own trace. It knows all script, of whoever it is, and takes little time itself; a profile by
    samples would miss what is short, and marks in our own code would see only what we thought of. All
    frames count from the first movement to the one after the last; a frame's interval is that to the next.
    """

    intervals: tuple[float, ...]
    script: tuple[float, ...]

    @property
    def interval(self) -> float:
        """The median interval."""
        return statistics.median(self.intervals)

    @property
    def rare(self) -> float:
        """The interval that one frame in twenty reaches: what stutters."""
        return sorted(self.intervals)[len(self.intervals) * 19 // 20]

    @property
    def scripting(self) -> float:
        """The median time in script."""
        return statistics.median(self.script)

    @classmethod
    def of(cls, events: Iterable[dict[str, Any]]) -> Frames:
        """Take a trace apart."""
        events = sorted((event for event in events if "ts" in event), key=lambda event: event["ts"])
        marks = [event for event in events if event["name"] == FRAME]
        if len(marks) < 3:
            raise RuntimeError("the trace has no frames: the page stood still, or Chromium names its marks differently")
        thread = marks[0]["pid"], marks[0]["tid"]
        own = [event for event in events if (event["pid"], event.get("tid")) == thread and event["name"] in SCRIPT]
        begins = [mark["ts"] for mark in marks]
        script, moved = [0.0] * len(begins), [False] * len(begins)
        until = 0.0
        for event in own:
            at = bisect.bisect_right(begins, event["ts"]) - 1
            moved[at] |= event.get("args", {}).get("data", {}).get("type") in MOVING
            end = event["ts"] + event.get("dur", 0)
            script[at] += max(0.0, end - max(until, event["ts"]))  # what is inside another counts once
            until = max(until, end)
        if not any(moved):
            raise RuntimeError("the trace has no input: Chromium names its events differently")
        # to the frame in which the last movement shows
        kept = range(moved.index(True), min(len(moved) - moved[::-1].index(True) + 1, len(begins) - 1))
        intervals = tuple((begins[at + 1] - begins[at]) / 1000 for at in kept)
        return cls(intervals, tuple(script[at] / 1000 for at in kept))
