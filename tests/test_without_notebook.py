"""Views where there is no notebook: a plain script, and IPython in a terminal."""

from __future__ import annotations

import subprocess
import sys

import pytest

from nbviz import wire
from tests.fixtures.graphs import tutorial

MAKE = "import nbviz; view = nbviz.view(nbviz.read('net.json'))"


@pytest.fixture
def run(tmp_path):
    """Run Python in a folder with a model graph, and return what it prints; it must have nothing to complain about."""
    (tmp_path / "net.json").write_text(wire.to_json(tutorial()))

    def run_(*arguments, **keys):
        environment = {"IPYTHONDIR": str(tmp_path / "ipython"), "PYTHONWARNINGS": "error:::nbviz", "NO_COLOR": "1"}
        command = [sys.executable, *arguments]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=120, **keys
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    return run_


def test_script_saves_a_page_and_prints_the_summary(run, tmp_path):
    printed = run("-c", f"{MAKE}; view.save('net.html'); print(view)")
    assert 'Model: "sequential"' in printed
    assert "Total params: 7" in printed
    assert 'id="nbviz-state"' in (tmp_path / "net.html").read_text()


def test_terminal_shows_what_a_view_is_and_prints_the_summary(run):
    session = f"{MAKE}\nview\nprint(view)\n"
    printed = run("-m", "IPython", "--simple-prompt", "--no-banner", "--colors=nocolor", input=session)
    assert "<nbviz.ModelView of 'sequential': 3 layers, 7 parameters>" in printed
    assert "Total params: 7" in printed
    assert "<table" not in printed
