"""Answers the browser's requests to a live kernel: statistics of a weight, and a PDF."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, final

from nbviz.errors import NbvizError
from nbviz.reading import Reading
from nbviz.views.looks import Theme
from nbviz.views.statistics import WeightStatistics, weight_statistics

Send = Callable[[Mapping[str, Any], list[bytes]], None]
"""Sends a message, and bytes with it, to all displays of a view."""


@final
class Requests:
    """Answers requests by their number; each may be cancelled.

    Parameters
    ----------
    send
        Sends an answer.
    reading
        Returns what is known of the model now.
    pdf
        Returns the graph as shown, as a PDF.
    """

    def __init__(self, send: Send, reading: Callable[[], Reading], pdf: Callable[[Theme], bytes]) -> None:
        self._send = send
        self._reading = reading
        self._pdf = pdf
        self.running: Final[dict[int, asyncio.Task[None]]] = {}

    def answer(self, message: Mapping[str, Any]) -> None:
        """Begin to answer; what is no request is not answered."""
        request = message.get("request")
        if not isinstance(request, int):
            return
        if message.get("type") == "cancel":
            task = self.running.pop(request, None)
            if task is not None:
                task.cancel()
        elif message.get("type") == "weight_statistics":
            work = self._send_statistics(request, message.get("parameter"))
            try:
                self.running[request] = asyncio.get_running_loop().create_task(work)
            except RuntimeError:  # a host without an event loop: nothing could interrupt it anyway
                asyncio.run(work)
        elif message.get("type") == "pdf":
            self._send_pdf(request, "dark" if message.get("theme") == "dark" else "light")

    def _send_pdf(self, request: int, theme: Theme) -> None:
        answer = {"type": "pdf", "request": request}
        try:
            self._send({**answer, "result": True}, [self._pdf(theme)])
        except Exception as error:  # noqa: BLE001 - whatever it is, the view says it
            self._send({**answer, "error": f"{error}"}, [])

    async def _send_statistics(self, request: int, parameter: object) -> None:
        answer = {"type": "weight_statistics", "request": request}
        try:
            for step in self._statistics(parameter):
                said = {"progress": step} if isinstance(step, float) else {"result": step}
                self._send({**answer, **said}, [])
                await asyncio.sleep(0)  # lets a cancel, or the next cell, in between two pieces
        except Exception as error:  # noqa: BLE001 - whatever the framework raised is shown in the inspector
            self._send({**answer, "error": f"{error}"}, [])
        finally:
            self.running.pop(request, None)

    def _statistics(self, parameter: object) -> Iterable[float | WeightStatistics]:
        reading = self._reading()
        weights = reading.weights
        if not isinstance(parameter, int) or not 0 <= parameter < len(reading.graph.parameters):
            msg = f"This model has no weight number {parameter!r}."
            raise NbvizError(msg)
        if weights is None:
            msg = "This view cannot access the weights because it was made from a saved graph."
            raise NbvizError(msg)
        found = reading.graph.parameters[parameter]
        return weight_statistics(parameter, found.size, lambda: weights.chunks(parameter))
