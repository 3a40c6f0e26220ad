"""How much memory a page holds."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import CDPSession, Page

MEGA = 1e6


@dataclass(frozen=True)
class Memory:
    """Megabytes, after garbage has been collected.

    Attributes
    ----------
    heaps
        JavaScript objects, the document's own objects and array buffers, of the page and its workers: what the page
        keeps alive, and nothing of how the browser hands out memory. ``performance.measureUserAgentSpecificMemory`` would
        say the same, but only in pages that are isolated from others, which JupyterLab's are not.
    process
        What the operating system has given to the tab's process alone, with code, canvases and what the collector keeps
        for later; None where it does not say.
    """

    heaps: float
    process: float | None


def memory_of(page: Page) -> Memory:
    """Collect garbage and count."""
    session = page.context.new_cdp_session(page)
    workers = _Workers(session)
    heaps = 0.0
    session.send("HeapProfiler.enable")
    session.send("HeapProfiler.collectGarbage")
    heaps += _held(session.send("Runtime.getHeapUsage"))
    for worker in list(workers.attached):
        workers.ask(page, worker, "HeapProfiler.collectGarbage")
        heaps += _held(workers.ask(page, worker, "Runtime.getHeapUsage"))
    process = _process(page)
    session.detach()
    return Memory(heaps / MEGA, process)


def _held(usage: dict[str, float]) -> float:
    return usage["usedSize"] + usage["embedderHeapUsedSize"] + usage["backingStorageSize"]


class _Workers:
    """A page's workers, each asked through the page: Playwright gives them no sessions of their own."""

    def __init__(self, session: CDPSession) -> None:
        self.attached: list[str] = []
        self._answers: dict[int, dict[str, Any]] = {}
        self._session = session
        self._last = 0
        session.on("Target.attachedToTarget", lambda event: self.attached.append(event["sessionId"]))
        session.on("Target.receivedMessageFromTarget", self._answered)
        session.send("Target.setAutoAttach", {"autoAttach": True, "waitForDebuggerOnStart": False, "flatten": False})

    def _answered(self, event: dict[str, Any]) -> None:
        message = json.loads(event["message"])
        if "id" in message:
            self._answers[message["id"]] = message

    def ask(self, page: Page, worker: str, method: str) -> dict[str, Any]:
        """Send a command and wait for its answer."""
        self._last += 1
        message = json.dumps({"id": self._last, "method": method})
        self._session.send("Target.sendMessageToTarget", {"message": message, "sessionId": worker})
        while self._last not in self._answers:
            page.evaluate("0")  # lets events arrive
        return self._answers.pop(self._last)["result"]


def _process(page: Page) -> float | None:
    """The private memory of the largest page process: there is one page at a time."""
    session = page.context.browser.new_browser_cdp_session()
    found = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    sizes = [_private(process["id"]) for process in found if process["type"] == "renderer"]
    return max((size for size in sizes if size is not None), default=None)


def _private(process: int) -> float | None:
    file = Path(f"/proc/{process}/smaps_rollup")
    try:
        kilobytes = re.findall(r"^Private_\w+:\s+(\d+) kB", file.read_text(), re.MULTILINE)
    except OSError:
        return None
    return 1024 * sum(map(int, kilobytes)) / MEGA
