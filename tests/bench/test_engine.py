"""The benchmark of the graph engine can be trusted: what it counts, and how it judges."""

from __future__ import annotations

import platform
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from nbviz import wire
from nbviz.metrics import Metrics
from tests.bench import payloads, readme
from tests.bench.command import measure
from tests.bench.engine import rows
from tests.bench.figures import Figure, markdown, plain
from tests.bench.frames import FRAME, Frames
from tests.bench.machine import machine
from tests.bench.models import model_graph
from tests.bench.onnx_graph import converted
from tests.bench.real import drawn
from tests.bench.workshop import ROOT, SCRIPTS, Workshop


def test_drawings_are_judged_right():
    tests = sorted(SCRIPTS.glob("*.test.mjs"))
    done = subprocess.run(["node", "--test", *tests], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_ratio_says_how_many_times_slower_the_other_is():
    reached = Figure("flat", "CPU time", 10, "ms", "faster", peer=1500, target=150)
    assert reached.met
    assert reached.ratio == 150
    assert not Figure("flat", "CPU time", 10.1, "ms", "faster", peer=1500, target=150).met


def test_a_stopped_peer_can_reach_a_target_but_not_miss_it():
    assert Figure("flat", "CPU time", 10, "ms", "faster", peer=2000, target=150, capped=True).met
    assert Figure("flat", "CPU time", 100, "ms", "faster", peer=2000, target=150, capped=True).met is None


def test_a_share_may_be_nothing_of_nothing():
    assert Figure("flat", "crossings", 0, "", "share", peer=0, target=1).met
    assert not Figure("flat", "crossings", 1, "", "share", peer=0, target=1).met


def test_a_limit_is_a_figure_that_may_be_reached():
    assert Figure("flat", "overlaps", 0, "", "limit", target=0).met
    assert not Figure("flat", "overlaps", 1, "", "limit", target=0).met


def test_tables_show_every_figure():
    figures = [
        Figure("flat", "CPU time", 164, "ms", "faster", peer=14_975, target=100),
        Figure("flat", "edges through boxes", 77, "", "limit", target=0, hard=True),
    ]
    assert markdown(figures).splitlines()[2:] == [
        "| flat | CPU time | 15 s | 164 ms | 91x | 100x | no |",
        "| flat | edges through boxes |  | 77 |  | 0 | **no** |",
    ]
    assert len(plain(figures).splitlines()) == 3


def test_every_row_has_a_name_of_its_own():
    names = [row.name for row in rows()]
    assert len(names) == len(set(names))


@dataclass(frozen=True)
class Silent:
    name: str = "silent"

    def figures(self, _workshop):
        return iter(())


def test_a_row_without_figures_is_no_success(tmp_path):
    with pytest.raises(RuntimeError, match="silent"):
        measure([Silent()], Workshop(tmp_path))


def test_the_table_replaces_what_stands_between_the_marks(tmp_path):
    document = tmp_path / "net.md"
    document.write_text("before\n<!-- bench -->\nold\n<!-- /bench -->\nbehind\n")
    for table in ("| longer |\n| table |\n", "| new |\n"):
        readme.fill(document, table)
    assert document.read_text() == "before\n<!-- bench -->\n| new |\n<!-- /bench -->\nbehind\n"


@pytest.mark.parametrize(
    "text", ["", "<!-- bench -->", "<!-- /bench --> <!-- bench -->", 2 * "<!-- bench --><!-- /bench -->"]
)
def test_a_document_without_both_marks_stays_as_it_is(tmp_path, text):
    document = tmp_path / "net.md"
    document.write_text(text)
    with pytest.raises(readme.MarksError, match=r"net\.md"):
        readme.fill(document, "| new |\n")
    assert document.read_text() == text


def test_missing_marks_are_said_before_anything_is_measured(tmp_path):
    document = tmp_path / "net.md"
    document.write_text("no marks")
    command = [sys.executable, "-m", "tests.bench.engine", "--readme", document, "--cache", tmp_path / "cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, (tmp_path / "cache").exists()) == (2, False)
    assert "<!-- bench -->" in done.stderr


def test_the_readme_has_a_place_for_the_table():
    before, behind = readme.parts(ROOT / "README.md")
    assert "python -m tests.bench.engine" in before
    assert "## More" in behind


def test_the_machine_is_described_without_its_name_and_paths(tmp_path):
    about = machine(Workshop(tmp_path))
    assert platform.python_version() in about
    assert platform.node() not in about
    assert str(Path.home()) not in about


def event(name, at, duration=0, kind=None, thread=1):
    data = {"args": {"data": {"type": kind}}} if kind else {}
    return {"name": name, "ts": 1000 * at, "dur": 1000 * duration, "pid": 1, "tid": thread, **data}


def test_frames_count_from_the_first_movement_and_script_in_script_once():
    trace = [
        *(event(FRAME, at) for at in (0, 10, 20, 40, 50, 60, 70)),
        event("FunctionCall", 1, 5),  # before anything moves
        event("EventDispatch", 12, 4, "wheel"),
        event("FunctionCall", 13, 2),
        event("FireAnimationFrame", 21, 8),
        event("FireAnimationFrame", 22, 8, thread=2),  # another page's
        event("EventDispatch", 32, 1, "pointermove"),
        event("EventDispatch", 65, 1, "mouseup"),
    ]
    frames = Frames.of(trace)
    assert frames.intervals == (10, 20, 10)
    assert frames.script == (4, 9, 0)


@pytest.mark.parametrize("trace", [[], [event(FRAME, 0)], [event(FRAME, at) for at in range(9)]])
def test_a_trace_without_frames_or_input_is_no_figure(trace):
    with pytest.raises(RuntimeError, match="the trace has no"):
        Frames.of(trace)


def test_the_payload_with_names_keeps_every_row_and_leaves_out_the_rest():
    whole = Metrics(model_graph("tf_plain_1k"))
    named = payloads._named(whole)
    assert len(named.tree) == len(whole.tree)
    assert b"net.py:1" not in wire.encode(named)
    assert len(wire.encode(named)) < len(wire.encode(whole))
    assert len(payloads._objects(whole)["nodes"]) == 1094
    assert len(payloads._objects(whole)["edges"]) == 1303


def test_a_read_model_is_drawn_as_the_graph_that_it_was_made_of():
    graph = drawn(model_graph("tf_plain_1k"))
    assert (len(graph["nodes"]), len(graph["edges"]), len(graph["groups"])) == (1094, 1303, 270)
    assert all(source < target < len(graph["nodes"]) for source, target in graph["edges"])
    assert all(group["parent"] < at for at, group in enumerate(graph["groups"]))
    assert {node["group"] for node in graph["nodes"]} <= set(range(-1, 270))


def test_weights_and_constants_of_onnx_files_are_no_nodes():
    def named(*names):
        return [SimpleNamespace(name=name) for name in names]

    def node(op, inputs, output):
        return SimpleNamespace(op_type=op, input=inputs, output=[output])

    nodes = [node("Constant", [], "c"), node("Conv", ["x", "w"], "a"), node("Add", ["a", "a", "c"], "y")]
    graph = SimpleNamespace(initializer=named("w"), input=named("x", "w"), node=nodes, output=named("y"))
    found = converted(graph)
    assert [each["label"] for each in found["nodes"]] == ["x", "Conv", "Add", "y"]
    assert found["edges"] == [(0, 1), (1, 2), (2, 3)]
