"""A Chromium without a GPU for the rows about pages: fresh pages of one size, a hand that moves them, and their traces."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from tests.bench.frames import FRAME, Frames
from tests.e2e.browser import launch

if TYPE_CHECKING:
    from playwright.sync_api import Browser, CDPSession, Page, ViewportSize

WINDOW: ViewportSize = {"width": 1280, "height": 800}
PATIENCE = 120_000
"""Milliseconds that a page may take for anything."""

TICK = f"""
const tick = () => {{ performance.mark({FRAME!r}); requestAnimationFrame(tick); }};
requestAnimationFrame(tick);
"""
"""Marks every frame. It asks for the next one before the page's own code does, and so runs first in each."""


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

    def __init__(self, *flags: str) -> None:
        self._open = ExitStack()
        self.browser: Browser = launch(self._open.enter_context(sync_playwright()), *flags)
        self._open.callback(self.browser.close)

    def close(self) -> None:
        """End the browser."""
        self._open.close()

    @contextmanager
    def fresh(self, window: ViewportSize = WINDOW, script: str = TICK) -> Iterator[Page]:
        """Open an empty page; what is loaded into it runs ``script`` first, which marks its frames by default."""
        context = self.browser.new_context(viewport=window)
        context.set_default_timeout(PATIENCE)
        context.add_init_script(script)
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
