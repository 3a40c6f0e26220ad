"""What holds for every test: a backend for Keras, no traces in the home directory, marks by folder."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

from tests.architectures import write_table

# before anything imports Keras, which reads these once; it would also write its settings into the home directory
os.environ.setdefault("KERAS_BACKEND", "jax")
_keras_home = tempfile.TemporaryDirectory(prefix="nbviz-keras-")  # goes with the process
os.environ.setdefault("KERAS_HOME", _keras_home.name)
os.environ.setdefault("JAX_PLATFORMS", "cpu")

HERE = Path(__file__).parent
MARKED_FOLDERS = {
    HERE / "e2e" / "hosts": pytest.mark.host,
    HERE / "e2e": pytest.mark.e2e,
    HERE / "bench": pytest.mark.bench,
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        nearest = next((folder for folder in item.path.parents if folder in MARKED_FOLDERS), None)
        if nearest is not None:
            item.add_marker(MARKED_FOLDERS[nearest])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    write_table(terminalreporter)


# A busy machine is slow: how long an example takes says nothing.
settings.register_profile("nbviz", deadline=None)
settings.load_profile("nbviz")
