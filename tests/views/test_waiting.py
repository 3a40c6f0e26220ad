"""What is shown while a model takes long to read, and that nothing of it stays."""

from __future__ import annotations

import io
import itertools
import sys
from types import SimpleNamespace

import pytest

from nbviz.progress import Step, report
from nbviz.views import waiting
from nbviz.views.waiting import PATIENCE, told_to_wait


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Cell:
    """A kernel's display, which keeps what was shown."""

    def __init__(self):
        self.shown = []

    def display(self, bundle, *, raw, display_id):
        self.shown.append(bundle)
        return SimpleNamespace(update=lambda bundle, raw: self.shown.append(bundle))


@pytest.fixture
def no_kernel(monkeypatch):
    monkeypatch.delitem(sys.modules, "IPython", raising=False)


def read(seconds):
    """Report once in each second."""
    now = 0.0
    with told_to_wait(clock=lambda: now):
        for second in range(seconds + 1):
            now = float(second)
            report(lambda second=second: Step(f"step {second}"))


def test_a_short_wait_is_silent(monkeypatch, no_kernel):
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    read(int(PATIENCE) - 1)
    assert terminal.getvalue() == ""


def test_a_terminal_has_one_line_that_goes(monkeypatch, no_kernel):
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    read(3)
    lines = terminal.getvalue().split("\r\x1b[K")
    assert lines == ["", "step 1", "step 2", "step 3", ""]


@pytest.mark.parametrize(("text", "shown"), [("step by step", "step by s"), ("層層層層層層", "層層層層")])
def test_a_line_is_never_as_wide_as_its_terminal(monkeypatch, no_kernel, text, shown):
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    monkeypatch.setattr(waiting, "_terminal_width", lambda: 10)
    with told_to_wait(clock=itertools.count().__next__):
        report(lambda: Step(text))
    assert terminal.getvalue().split("\r\x1b[K") == ["", shown, ""]


@pytest.mark.parametrize(
    ("share", "bar"), [(0.0, f"[{20 * '-'}]   0%"), (0.42, f"[{8 * '#'}{12 * '-'}]  42%"), (1.0, f"[{20 * '#'}] 100%")]
)
def test_a_known_share_is_a_bar(monkeypatch, no_kernel, share, bar):
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with told_to_wait(clock=itertools.count().__next__):
        report(lambda: Step("step", share))
    assert terminal.getvalue().split("\r\x1b[K") == ["", f"{bar} step", ""]


def test_a_file_and_a_pipe_hear_nothing(monkeypatch, no_kernel):
    monkeypatch.setattr(sys, "stderr", plain := io.StringIO())
    read(3)
    assert plain.getvalue() == ""


def test_a_cell_has_one_output_that_ends_empty(monkeypatch):
    display = pytest.importorskip("IPython.display")
    import IPython

    cell = Cell()
    monkeypatch.setattr(IPython, "get_ipython", lambda: SimpleNamespace(kernel=object()))
    monkeypatch.setattr(display, "display", cell.display)
    read(2)
    assert [bundle["text/plain"] for bundle in cell.shown] == ["step 1", "step 2", ""]


def interrupted():
    with told_to_wait():
        report(lambda: Step("step"))
        raise KeyboardInterrupt


def test_it_goes_when_reading_fails(monkeypatch, no_kernel):
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    monkeypatch.setattr("nbviz.views.waiting.PATIENCE", 0.0)
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert terminal.getvalue() == "\r\x1b[Kstep\r\x1b[K"
    report(lambda: pytest.fail("nobody listens"))
