"""A host to look at the view in."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.hosts.host import Host


@pytest.fixture
def host(request, tmp_path, example_graph) -> Iterator[Host]:
    """Start the host that a test names, with a model graph beside its notebooks: no kernel needs a framework."""
    from tests.e2e.hosts.host import HOSTS, NEEDED, lacking

    needed = NEEDED.get(request.param)
    if needed and importlib.util.find_spec(needed) is None:
        lacking(f"{needed} is not installed: pip install 'nbviz[hosts]'")
    running = HOSTS[request.param](tmp_path)
    (running.work / "net.json").write_text(example_graph)
    yield running
    running.stop()
