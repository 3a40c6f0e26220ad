"""A program that serves pages on this machine for as long as tests look at them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.e2e.waiting import PATIENCE


class Served:
    """Runs a command, which gets `--port`, in a folder; it is ready once it answers what is asked for at `probe`."""

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str], probe: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.environment = {**os.environ, **environment}
        self._log = folder.with_suffix(".log")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, f"--port={port}"],
                cwd=folder,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._wait(probe)

    def _wait(self, probe: str) -> None:
        end = time.monotonic() + PATIENCE
        while not self._answers(probe):
            if self._process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise RuntimeError(f"{self._process.args} did not start:\n{self._log.read_text()[-3000:]}")
            time.sleep(0.2)

    def _answers(self, probe: str) -> bool:
        try:
            urllib.request.urlopen(f"{self.url}/{probe}", timeout=10).close()  # noqa: S310
        except urllib.error.HTTPError as refusal:
            return refusal.code == 403  # it is there, and wants a token
        except OSError:
            return False
        return True

    def stop(self) -> None:
        """End the program and what it has started."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait(15)
