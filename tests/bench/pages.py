"""A Chromium without a GPU for the rows about pages: fresh pages of one size, and what they did in each of their frames."""

from __future__ import annotations

import bisect
import json
import statistics
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from playwright.sync_api import sync_playwright

from tests.e2e.browser import launch

if TYPE_CHECKING:
    from playwright.sync_api import Browser, CDPSession, Page

WINDOW = {"width": 1280, "height": 800}
PATIENCE = 120_000
"""Milliseconds that a page may take for anything."""

FRAME = "bench frame"
TICK = f"""
const tick = () => {{ performance.mark({FRAME!r}); requestAnimationFrame(tick); }};
requestAnimationFrame(tick);
"""
"""Marks every frame. It asks for the next one before the page's own code does, and so runs first in each."""

SCRIPT = {"EventDispatch", "FireAnimationFrame", "FunctionCall", "MajorGC", "MinorGC", "RunMicrotasks", "TimerFire"}
"""Events of a trace during which JavaScript runs, or tidies up behind it."""

MOVING = {"wheel", "pointermove"}


class Hand:
    """Drags and turns the wheel by the browser's own input: real events, one in each frame if the page keeps up."""

    def __init__(self, session: CDPSession) -> None:
        self._session = session

    def wheel(self, distance: float, notch: float) -> None:
        """Turn the wheel over the middle of the window, by ``notch`` pixels in a frame; away is positive."""
        middle = {"x": WINDOW["width"] / 2, "y": WINDOW["height"] / 2}
        turn = {"yDistance": distance, "speed": round(60 * notch), "preventFling": True, "gestureSourceType": "mouse"}
        self._session.send("Input.synthesizeScrollGesture", {**middle, **turn})

    def drag(self, start: tuple[float, float], steps: Iterable[tuple[float, float]], patience: float) -> None:
        """Press, move step by step for so many seconds at most, release."""
        x, y = start
        self._mouse("mousePressed", x, y)
        end = time.monotonic() + patience
        for dx, dy in steps:
            x, y = x + dx, y + dy
            self._mouse("mouseMoved", x, y)
            if time.monotonic() > end:
                break
        self._mouse("mouseReleased", x, y)

    def _mouse(self, what: str, x: float, y: float) -> None:
        event = {"type": what, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1}
        self._session.send("Input.dispatchMouseEvent", event)


class Pages:
    """One browser for all rows; every page has a context, and so a process, of its own."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self.browser: Browser = launch(self._open.enter_context(sync_playwright()))
        self._open.callback(self.browser.close)

    def close(self) -> None:
        """End the browser."""
        self._open.close()

    @contextmanager
    def fresh(self) -> Iterator[Page]:
        """Open an empty page whose frames are marked."""
        context = self.browser.new_context(viewport=WINDOW)
        context.set_default_timeout(PATIENCE)
        context.add_init_script(TICK)
        try:
            yield context.new_page()
        finally:
            context.close()

    @staticmethod
    def hand(page: Page) -> Hand:
        """Return what moves a page."""
        return Hand(page.context.new_cdp_session(page))

    @contextmanager
    def traced(self, page: Page) -> Iterator[list[Frames]]:
        """Record what a page does meanwhile; the list has it afterwards."""
        found: list[Frames] = []
        self.browser.start_tracing(page=page, categories=["devtools.timeline", "blink.user_timing"])
        try:
            yield found
        finally:
            found.append(Frames.of(json.loads(self.browser.stop_tracing())["traceEvents"]))


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
