"""The benchmark of the graph engine can be trusted: what it counts, and how it judges."""

from __future__ import annotations

import subprocess

from tests.bench.figures import Figure, markdown, plain
from tests.bench.workshop import SCRIPTS


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
