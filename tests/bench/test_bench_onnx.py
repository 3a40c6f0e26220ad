"""The benchmark of model files: its quick part holds, and it can be trusted."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

pytest.importorskip("onnx")

from nbviz.adapters import read
from tests.bench import checkpoint_files, readme
from tests.bench.bench_onnx import installed, rows
from tests.bench.opening import Opened, OpeningRow, Openings
from tests.bench.processes import Result
from tests.bench.reading import READ, VIEW, Beside
from tests.bench.workshop import ROOT


def took(milliseconds, **says):
    return Result(firsts=[3 * milliseconds], times=[milliseconds], memories=[1.0], says=says)


def beside(peer, *, nodes=100, **limits):
    results = {VIEW: took(30, nodes=100), READ: took(20), "onnx": peer}
    return {figure.what: figure for figure in Beside("onnx", ("nodes",), **limits).figures("row", results)}


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """What the quick form finds without other viewers, by row and by what was measured."""
    file = tmp_path_factory.mktemp("bench") / "figures.json"
    command = [sys.executable, "-m", "tests.bench.bench_onnx", "--quick", "--alone", "--json", file]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = {}
    for figure in json.loads(file.read_text())["figures"]:
        found.setdefault(figure["row"], {})[figure["what"]] = figure
    return found


@pytest.mark.timeout(900)
def test_the_quick_part_measures_every_row(quick):
    assert set(quick) == {row.name for row in installed(rows(alone=True))}
    assert all(figure["ours"] >= 0 and not figure["failed"] for row in quick.values() for figure in row.values())


@pytest.mark.timeout(900)
def test_files_take_no_longer_than_they_may(quick):
    """Several times what was seen: this is no place to judge a busy machine."""
    slowest = {"onnx.load and infer_shapes": 0.02, "safe_open of all files": 0.01, "GGUFReader": 10}
    compared = [figure for row in quick.values() for figure in row.values() if "view, " in figure["what"]]
    for peer, least in slowest.items():
        ratios = [figure["ratio"] for figure in compared if figure["what"].endswith(f"view, {peer}")]
        assert all(ratio > least for ratio in ratios), (peer, ratios)


@pytest.mark.timeout(900)
def test_a_graph_fifty_times_as_large_opens_in_less_than_a_hundred_times_the_time(quick):
    small, large = (quick[f"browser, {count},000 nodes"]["from the path to a graph"]["ours"] for count in (1, 50))
    assert large < 100 * small


def test_every_row_has_a_name_of_its_own():
    names = [row.name for row in rows(alone=True)]
    assert len(names) == len(set(names))


def test_what_may_take_so_many_times_as_long_as_its_peer_is_judged_by_that():
    target = "view, onnx.load and infer_shapes"
    assert beside(took(20, nodes=100), longer=1.5)[target].met
    assert not beside(took(19, nodes=100), longer=1.5)[target].met
    assert beside(took(19, nodes=100))[target].met is None


def test_what_any_reader_has_to_do_is_shown_and_judges_nobody():
    results = {VIEW: took(30, nodes=1), READ: took(20), "onnx": took(9, nodes=1), "onnx fields": took(15, nodes=1)}
    figures = {
        figure.what: figure for figure in Beside("onnx", (), longer=1.5, bound="onnx fields").figures("row", results)
    }
    bound = figures["view, onnx.load, infer_shapes and each field once"]
    assert (bound.ratio, bound.met) == (0.5, None)


def test_another_number_of_nodes_is_a_miss():
    wrong = beside(took(20, nodes=99))["nodes too many or too few"]
    assert (wrong.hard, wrong.met) == (True, False)


def test_a_library_that_is_missing_or_failed_is_shown_and_judged_by_nobody():
    missing = beside(Result(missing="onnx"), longer=1.5)
    assert missing["view, onnx.load and infer_shapes"].failed == "onnx is not installed"
    assert all(figure.met is not False for figure in missing.values())


def test_phases_of_an_opening_add_up_and_are_medians():
    runs = Openings([Opened(9, 1, 2), Opened(1, 1, 3), Opened(2, 4, 8)])
    assert runs.median("call") == 1000
    assert runs.median("call", "page") == 4000
    assert runs.median("start", "call", "page") == 12_000


def test_a_viewer_that_was_stopped_or_failed_does_not_run_again():
    assert not Openings([Opened(1, 1, 1)]).ended
    assert Openings([Opened(1, 1, 100)]).ended
    assert Openings(capped=150).ended
    assert Openings(failed="RangeError").ended


def test_viewers_are_compared_from_the_path_and_from_the_start():
    row = OpeningRow("browser", "blocks_1k", alone=False)
    ours, peers = (
        Openings([Opened(1, 1, 1)]),
        {"netron": Openings([Opened(0, 0, 12)]), "model_explorer": Openings(capped=9)},
    )
    sooner, bound, *others = row.beside(ours, peers)
    assert (sooner.ratio, sooner.met) == (6, True)
    assert (bound.ratio, bound.capped, bound.met) == (4.5, True, None)
    assert [figure.ratio for figure in others] == [4, 3]


def test_the_checkpoint_is_as_large_as_it_says_and_takes_no_room(tmp_path):
    checkpoint_files.sharded(tmp_path / "model")
    shards = [file.stat() for file in (tmp_path / "model").glob("*.safetensors")]
    assert len(shards) == checkpoint_files.SHARDS
    assert 690e9 < sum(shard.st_size for shard in shards) < 730e9
    if hasattr(os.stat_result, "st_blocks"):
        assert sum(512 * shard.st_blocks for shard in shards) < 20e6
    assert len(read(tmp_path / "model").graph.parameters) == len(list(checkpoint_files.experts()))


def test_the_readme_has_a_place_for_the_table():
    before, behind = readme.parts(ROOT / "README.md", readme.ONNX)
    assert "python -m tests.bench.bench_onnx" in before
    assert "## More" in behind
