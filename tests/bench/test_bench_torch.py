"""The benchmark of PyTorch models: its quick part holds, and it can be trusted."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytest.importorskip("torch")

from tests.bench import readme
from tests.bench.bench_torch import MANY, Measured, Runner, _off, document, record
from tests.bench.figures import Figure
from tests.bench.processes import Result
from tests.bench.torch_tools import TOOLS
from tests.bench.torch_zoo import SUBJECTS, Subject
from tests.bench.workshop import ROOT

TRUTH = {"modules": MANY, "params": 100, "macs": 50}


def took(milliseconds, **says):
    return Result(firsts=[3 * milliseconds], times=[milliseconds], memories=[1.0], says=says)


def measured(name="GPT-2", truth=TRUTH, **others):
    ours = {"nbviz.view": took(10, params=100, macs=50), "nbviz.read": took(8), "nbviz.read, tree": took(1)}
    return Measured(Subject(name, None, None), truth, {"forward": took(20), **ours, **others})


def missed(found):
    return [figure.what for figure in found.figures() if figure.hard and figure.met is False]


@pytest.mark.timeout(900)
def test_the_quick_part_meets_its_hard_targets(capsys, tmp_path):
    file = tmp_path / "figures.json"
    command = [sys.executable, "-m", "tests.bench.bench_torch", "--quick", "--json", file]
    command += ["--only", "ResNet-50", "--only", "GPT-2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    with capsys.disabled():
        print(f"\n{done.stdout}")  # noqa: T201 - the figures are what a benchmark is for
    assert done.returncode == 0, done.stdout + done.stderr
    models = json.loads(file.read_text())["models"]
    assert models["ResNet-50"]["truth"] == {"modules": 151, "params": 25_557_032, "macs": 4_089_184_256}
    assert models["ResNet-50"]["tools"]["nbviz.view"]["says"]["params"] == 25_557_032


def test_every_subject_has_a_name_of_its_own():
    names = [subject.name for subject in SUBJECTS]
    assert len(names) == len(set(names))


def test_slower_than_a_tool_with_a_graph_is_a_miss():
    assert missed(measured(torchview=took(11))) == []
    assert missed(measured(torchview=took(9))) == ["view, torchview"]


def test_torchinfo_with_inputs_counts_from_a_hundred_modules_on():
    faster = {"torchinfo, inputs": took(9)}
    assert missed(measured(**faster)) == ["view, torchinfo with inputs"]
    assert missed(measured(truth={**TRUTH, "modules": MANY - 1}, **faster)) == []


def test_reading_gpt2_has_to_take_less_than_a_forward():
    assert missed(measured(forward=took(7))) == ["read with inputs, a real forward"]
    assert missed(measured("BERT", forward=took(7))) == []


def test_a_huge_tree_has_to_be_read_twenty_times_as_fast():
    huge = {**TRUTH, "modules": 41_477}
    assert missed(measured(truth=huge, torchinfo=took(20))) == []
    assert missed(measured(truth=huge, torchinfo=took(19))) == ["read the tree, torchinfo without inputs"]


def test_a_wrong_number_of_parameters_is_a_miss():
    wrong = {"nbviz.view": took(10, params=101)}
    assert missed(measured(**wrong)) == ["parameters too many or too few"]


def test_a_tool_that_failed_or_is_not_there_is_shown_and_judged_by_nobody():
    failed = Result(failed="RecursionError: maximum recursion depth exceeded while calling a Python object | twice")
    found = measured(torchvista=failed, torchview=Result(missing="torchview"))
    assert missed(found) == []
    text = document([found], "here")
    assert "| view, torchvista | failed: RecursionError: maximum recursion depth exceeded" in text
    assert "view, torchview" not in text
    assert record([found], "here")["models"]["GPT-2"]["tools"]["torchvista"]["failed"] == failed.failed


def test_totals_stand_beside_the_right_ones():
    found = measured(torchinfo=took(1, params=131), **{"torchinfo, inputs": took(11, params=100, macs=1000)})
    right, told = found.totals()[:3], found.totals()[3:]
    assert right == ("GPT-2", "100", "100")
    assert told == ("100", "**131** (+31 %)", "100", "50", "50", "**1,000** (20x)")


def test_how_far_off_a_number_is_says_what_a_person_would():
    assert [_off(share) for share in (1.31, 0.9, 20.46, 0.0188)] == ["+31 %", "-10 %", "20x", "0.019x"]


def test_a_stopped_tool_is_a_lower_bound():
    result = Result()
    result.add("plain", {"capped": True}, 20)
    assert (result.time, result.capped, result.cell()) == (20_000, True, ">20 s")
    assert Figure("row", "view, slow", 30_000, "ms", "faster", result.time, 1.0, hard=True, capped=True).met is None


class Recorded(Runner):
    """Processes that print what they are told to."""

    answers: dict

    def process(self, subject, tool, way="plain"):
        return self.answers[tool, way]


def runner(tmp_path, answers, runs=2):
    made = Recorded(tmp_path, runs=runs, calls=1, seconds=1, cap=1)
    object.__setattr__(made, "answers", answers)
    return made


def test_the_first_way_that_works_counts(tmp_path):
    good = {"first": 30.0, "times": [10.0, 12.0], "memory": 1.0, "says": {}}
    answers = {("torch.export", "plain"): {"failed": "RuntimeError: cache"}, ("torch.export", "uncached"): good}
    subject = next(each for each in SUBJECTS if each.needs)
    result = runner(tmp_path, answers).collect(subject, ["torch.export"])["torch.export"]
    assert (result.way, result.failed, result.time, result.firsts) == ("uncached", "", 11, [30, 30])


def test_of_several_errors_the_first_is_shown(tmp_path):
    answers = {("torch.export", way): {"failed": way} for way in TOOLS["torch.export"].ways}
    assert runner(tmp_path, answers).collect(SUBJECTS[0], ["torch.export"])["torch.export"].failed == "plain"


def test_a_tool_that_takes_long_runs_once(tmp_path):
    answers = {("forward", "plain"): {"first": 9000.0, "times": [9000.0], "memory": None, "says": {}}}
    assert len(runner(tmp_path, answers).collect(SUBJECTS[0], ["forward"])["forward"].times) == 1


def test_the_readme_has_a_place_for_the_tables():
    before, behind = readme.parts(ROOT / "README.md", readme.TORCH)
    assert "python -m tests.bench.bench_torch" in before
    assert "## More" in behind
