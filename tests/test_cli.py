"""The command line, as a process on real files."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

import nbviz
from nbviz.adapters import FILES
from nbviz.views.looks import COLOR_BY
from tests.adapters.checkpoint_reading import safetensors_bytes
from tests.fixtures.graphs import adam, tutorial

MODELS = """
from torch import nn

net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(7200, 10))
words = nn.Sequential(nn.Embedding(100, 4), nn.Linear(4, 2))
broken = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Linear(5, 5))


class Net(nn.Linear):
    pass


def make():
    return net


def fails():
    raise RuntimeError("no weights here")


def tells():
    raise RuntimeError("no weights\\n\\x1b[31mhere")


def ends():
    raise SystemExit


async def waits():
    return net


def interrupted():
    raise KeyboardInterrupt
"""


@pytest.fixture
def folder(tmp_path):
    nbviz.view(tutorial()).save(tmp_path / "net.json")
    (tmp_path / "mymodels.py").write_text(MODELS)
    return tmp_path


def run(folder, *arguments, **variables):
    """Run the command; return its exit status, what it printed, and what it complained of."""
    environment = {**os.environ, "COLUMNS": "80", "PYTHONPATH": os.pathsep.join(sys.path)} | variables
    command = [sys.executable, "-m", "nbviz", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_a_file_is_summed_up(folder, capsys):
    nbviz.print_summary(str(folder / "net.json"), line_length=80)
    status, printed, complaint = run(folder, "net.json")
    assert (status, complaint) == (0, "")
    assert printed.splitlines()[0] == capsys.readouterr().out.splitlines()[0]
    assert "Total params" in printed


def table_of(printed):
    """The rows of a sorted table: what comes behind its headings, and before the notes."""
    return printed.partition("\n\n")[0].splitlines()[2:]


def test_a_checkpoint_shows_shapes_and_sizes_of_its_parameters(folder):
    np = pytest.importorskip("numpy")
    arrays = {f"block.{i}.fc.{name}": np.zeros((4, i + 1), "float16") for i in range(9) for name in ("weight", "bias")}
    np.savez(folder / "net.npz", **arrays)
    status, printed, complaint = run(folder, "net.npz")
    assert (status, complaint) == (0, "")
    assert "Param Shape" in printed
    assert "└ 8" in printed
    assert "└ fc" in printed
    assert "└ 8" not in run(folder, "net.npz", "--depth", "1")[1]
    _, printed, _ = run(folder, "net.npz", "--sort", "own_params")
    assert printed.split("\n")[0].split() == ["param_shape", "param_dtype", "params", "bytes", "own_params"]
    assert "(4, 9), (4, 9)" in printed.split("\n")[2]
    _, printed, _ = run(folder, "net.npz", "--sort", "params", "--depth", "2")
    assert [line.split()[0] for line in table_of(printed)] == [
        "block",
        *(f"block/{i}" for i in range(8, -1, -1)),
    ]


def test_an_onnx_file_is_summed_up_and_saved(folder):
    onnx = pytest.importorskip("onnx")
    onnx.save(pytest.importorskip("tests.models.onnx_models").mlp(), folder / "net.onnx")
    status, printed, complaint = run(folder, "net.onnx")
    assert (status, complaint) == (0, "")
    assert "encoder" in printed
    assert "Total params: 56 (224.00 B)" in printed
    assert run(folder, "net.onnx", "-o", "net.html") == (0, "net.html\n", "")
    assert "(3, 2)" in run(folder, "net.onnx", "--inputs", "3,4")[1]
    assert "but the model takes (batch, 4)" in run(folder, "net.onnx", "--inputs", "3,5")[2]


def test_tensors_without_rows_around_them_are_rows(folder):
    np = pytest.importorskip("numpy")
    np.savez(folder / "flat.npz", np.ones((3, 4)), np.ones(5))
    status, printed, complaint = run(folder, "flat.npz")
    assert (status, complaint) == (0, "")
    assert re.search(r"arr_0 \(Tensor\) +│ \(3, 4\) +│ +12 ", printed)
    _, printed, _ = run(folder, "flat.npz", "--sort", "params", "--depth", "1")
    assert [line.split()[0] for line in table_of(printed)] == ["arr_0", "arr_1"]
    assert " Note: A checkpoint has tensors" in printed


def test_rows_that_are_alike_stay_in_the_order_of_the_model(folder):
    np = pytest.importorskip("numpy")
    np.savez(folder / "alike.npz", **{f"arr_{i:02}": np.ones(3 + (i == 20)) for i in range(40)})
    _, printed, _ = run(folder, "alike.npz", "--sort", "params", "--depth", "1")
    names = [line.split()[0] for line in table_of(printed)]
    assert names == ["arr_20", *(f"arr_{i:02}" for i in range(40) if i != 20)]


def test_what_of_a_file_is_not_read_is_told_by_the_exit_status(folder):
    np = pytest.importorskip("numpy")
    np.savez(folder / "parts.npz", w=np.ones(3), record=np.zeros(3, [("a", "f4")]))
    np.savez(folder / "text.npz", w=np.ones(3), names=np.array(["a"]))
    for how in ([], ["--sort", "params"], ["-o", "out.csv"]):
        status, _, complaint = run(folder, "parts.npz", *how)
        assert (status, len(complaint.splitlines())) == (1, 1)
        assert "record.npy holds values" in complaint
        assert run(folder, "text.npz", *how)[::2] == (0, "")


def test_several_files_are_told_apart(folder):
    (folder / "other.json").write_bytes((folder / "net.json").read_bytes())
    status, printed, _ = run(folder, "net.json", "other.json")
    assert status == 0
    assert printed.startswith("net.json\n")
    assert "\n\nother.json\n" in printed


@pytest.mark.parametrize("suffix", [".html", ".csv", ".md", ".json", ".dot"])
def test_a_view_is_saved(folder, suffix):
    assert run(folder, "net.json", "-o", f"out{suffix}") == (0, f"out{suffix}\n", "")
    assert (folder / f"out{suffix}").stat().st_size > 100


def test_a_suffix_alone_names_files_after_their_sources(folder):
    (folder / "other.json").write_bytes((folder / "net.json").read_bytes())
    status, printed, _ = run(folder, "net.json", "other.json", "-o", ".csv", "--sort", "params")
    assert (status, printed) == (0, "net.csv\nother.csv\n")
    assert (folder / "net.csv").read_text() == (folder / "other.csv").read_text()
    (folder / "later").mkdir()
    for name in ("net.json", "net.v2.json"):
        (folder / "later" / name).write_bytes((folder / "net.json").read_bytes())
    status, printed, _ = run(folder, "net.json", "later/net.json", "later/net.v2.json", "-o", ".md")
    assert (status, printed) == (0, "net.md\nnet-2.md\nnet.v2.md\n")
    status, printed, _ = run(folder, "net.json", "other.json", "-o", "later/.md")
    assert (status, printed) == (0, "later/net.md\nlater/other.md\n")
    status, _, complaint = run(folder, "net.json", "other.json", "-o", "both.html")
    assert status == 2
    assert ".html" in complaint


def test_an_async_function_is_refused_in_one_line(folder):
    pytest.importorskip("torch")
    status, printed, complaint = run(folder, "mymodels:waits()")
    assert (status, printed, complaint.count("\n")) == (1, "", 1)
    assert "'mymodels:waits()' is an async function" in complaint


def test_several_outputs_are_written_of_each_source(folder):
    assert run(folder, "net.json", "-o", "one.svg", "-o", "two.csv") == (0, "one.svg\ntwo.csv\n", "")
    assert all((folder / name).stat().st_size > 100 for name in ("one.svg", "two.csv"))
    (folder / "other.json").write_bytes((folder / "net.json").read_bytes())
    status, printed, _ = run(folder, "net.json", "other.json", "-o", ".md", "-o", ".csv")
    assert (status, printed) == (0, "net.md\nnet.csv\nother.md\nother.csv\n")
    status, _, complaint = run(folder, "net.json", "other.json", "-o", ".md", "-o", "both.csv")
    assert (status, "'both.csv'" in complaint) == (2, True)
    status, printed, complaint = run(folder, "net.json", "-o", "three.md", "-o", "nofolder/four.md", "-o", "five.md")
    assert (status, printed) == (1, "three.md\nfive.md\n")
    assert "'nofolder/four.md' cannot be written" in complaint


def test_a_model_in_python_code_is_imported_when_asked_for(folder):
    pytest.importorskip("torch")
    status, printed, complaint = run(folder, "mymodels:make()", "--inputs", "None,3,32,32", "--sort", "macs")
    assert (status, complaint) == (0, "")
    assert [line.split()[:2] for line in printed.splitlines()[2:4]] == [["0", "Conv2d"], ["3", "Linear"]]
    assert "194400" in printed
    status, printed, _ = run(folder, "mymodels:words", "--inputs", '((None, 7), "int64")')
    assert status == 0
    assert "(None, 7, 4)" in printed


def test_a_failed_forward_pass_shows_what_was_reached(folder):
    pytest.importorskip("torch")
    status, printed, complaint = run(folder, "mymodels:broken", "--inputs", "None,3,32,32")
    assert status == 1
    assert "Conv2d" in printed
    assert "cannot be multiplied" in complaint


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothere.json"], "no file 'nothere.json'"),
        (["net.unknown"], ".unknown"),
        (["net.jso"], "no file 'net.jso'. Did you mean 'net.json'?"),
        (["net.json", "--run"], "The option run is not supported for files; remove it."),
        (
            ["net.json", "-o", "nofolder/out.html"],
            "'nofolder/out.html' cannot be written: there is no folder 'nofolder'.",
        ),
        (["net.json", "-o", "nofolder/.html"], "'nofolder/net.html' cannot be written"),
        (
            ["mymodels:make(5)"],
            "to call a function without arguments. Write a function that builds this model, and pass 'mymodels:FUNCTION()'.",
        ),
        (["mymodels:nets['a']"], "MODULE:NAME() to call a function without arguments"),
        ([""], "empty"),
        (["a" * 300 + ".onnx"], "a…' cannot be opened: File name too long."),
        (["a" * 254], "without a suffix"),
        (["nofolder/model"], "no file or folder 'nofolder/model': the folder"),
        (["./empty"], "no file or folder './empty'. Did you mean 'empty.keras'?"),
        (["/nonexistent"], "no file or folder '/nonexistent'."),
        (["-"], "standard input, which nbviz does not read"),
        (["folder/" * 1000 + "net.onnx"], "cannot be opened: File name too long."),
        (["a" * 300 + ".onnx", "-o", ".html"], "cannot be opened: File name too long."),
        (["net.json", "-o", "a" * 300 + ".html"], "cannot be written: File name too long."),
        (["dangling.json"], "'dangling.json' is a link to 'gone.json'"),
        (["pipe.onnx"], "not a regular file"),
        (["empty.keras"], "is empty"),
        (["mymodels:nett"], "Did you mean 'net'?"),
        (["mymodels:fails()"], "'mymodels:fails()' was imported, but its call failed: RuntimeError: no weights here"),
        (["mymodels:tells()"], "its call failed: RuntimeError: no weights [31mhere."),
        (["nomodule:net"], "'nomodule:net' could not be imported: ModuleNotFoundError"),
        (
            ["mymodels:make"],
            "make is a function and needs inputs. If it builds the model, pass its result: make(), or on the",
        ),
        (["mymodels:make"], "mymodels:make()."),
        (["mymodels:Net"], "On the command line, name a model in the module"),
        (["mymodels:ends()"], "its call failed: SystemExit."),
        (["./mymodels.py:net"], "pass 'mymodels:net'"),
        (["mymodels.py:make()"], "pass 'mymodels:make()'"),
        (["mymodels.py"], "pass 'mymodels:NAME'"),
        (["mymodels"], "pass 'mymodels:NAME'"),
        (["mymodels:"], "To show a model in Python code, name both: MODULE:NAME."),
    ],
)
def test_bad_input_is_one_clear_line(folder, arguments, said):
    if any("mymodels" in argument for argument in arguments):
        pytest.importorskip("torch")
    (folder / "net.unknown").write_text("?")
    (folder / "dangling.json").symlink_to("gone.json")
    (folder / "empty.keras").write_text("")
    os.mkfifo(folder / "pipe.onnx")
    status, printed, complaint = run(folder, *arguments)
    assert (status, printed) == (1, "")
    assert said in complaint
    assert complaint.startswith("nbviz: ")
    assert len(complaint.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["net.json", "--sort", "parms"], "Did you mean 'params'?"),
        (["net.json", "--color-by", "color", "-o", ".html"], "--color-by must be one of 'params'"),
        (
            ["net.json", "--depth", "deep", "-o", ".html"],
            "--depth must be a whole number from 1, or 'auto'; found 'deep'",
        ),
        (["net.json", "-o", "out.xyz"], ".xyz"),
        (["net.json", "-o", "."], "'.' is a folder; name a file in it, such as 'net.html'"),
        (["net.json", "-o", "html"], "'html' is a suffix without a file name; pass 'net.html'"),
        (["net.json", "--color-by", "macs"], "-o FILE"),
        (["net.json", "--inputs", "__import__('os')"], "--inputs"),
        (["net.json", "--inputs", "{[1]: 2}"], "--inputs is '{[1]: 2}', which is not a shape"),
        (["net.json", "--inputs", "{{}}"], "not a shape"),
        (["net.json", "--inputs", "1+" * 3000 + "1j"], "1…', which is not a shape"),
        (["net.json", "--inputs", "-" * 50000 + "1"], "-…', which is not a shape"),
        (["net.json", "--depth", "0"], "--depth must be a whole number from 1, or 'auto'; found 0."),
        (["net.json", "--depth", "9" * 5000], "--depth must be a whole number from 1"),
        (["net.json", "-o", ""], "--output: the value is empty; name a file such as net.html"),
        (["net.json", "net.json", "-o", "one.svg"], "give only a suffix, such as .svg."),
    ],
)
def test_options_that_no_source_fits_are_refused_once_and_before_any_is_read(folder, arguments, said):
    status, printed, complaint = run(folder, *arguments, "nothere.onnx", "nothere.onnx")
    assert (status, printed) == (2, "")
    assert said in complaint
    assert complaint.startswith("nbviz: ")
    assert len(complaint.splitlines()) == 1


def test_each_output_is_written_though_another_cannot_be(folder):
    np.savez(folder / "weights.npz", kernel=np.zeros((3, 4), "f"))
    outputs = ["nofolder/a.csv", "a.svg", "a.dot", "a.csv"]
    status, printed, complaint = run(folder, "weights.npz", *(word for output in outputs for word in ("-o", output)))
    assert (status, printed) == (1, "a.csv\n")
    assert [line[:35] for line in complaint.splitlines()] == [
        "nbviz: 'nofolder/a.csv' cannot be w",
        *2 * ["nbviz: There is no graph of 'weight"],
    ]


def test_a_source_is_not_overwritten_and_neither_is_json_of_others(folder):
    before = (folder / "net.json").read_bytes()
    status, printed, complaint = run(folder, "net.json", "-o", "./net.json", "-o", ".csv")
    assert (status, printed) == (1, "net.csv\n")
    assert complaint == "nbviz: 'net.json' is the source itself and stays as it is; save to another file.\n"
    assert (folder / "net.json").read_bytes() == before
    np.savez(folder / "part.npz", w=np.zeros(2))
    (folder / "config.json").write_text("{}")
    (folder / "empty.json").write_text("")
    outputs = ["-o", "config.json", "-o", "empty.json", "-o", "empty.json"]
    assert run(folder, "part.npz", *outputs) == (
        1,
        "empty.json\nempty.json\n",
        "nbviz: 'config.json' is no model graph and stays as it is; save to another file.\n",
    )


def test_a_file_whose_name_is_not_utf8_is_shown(folder):
    onnx = pytest.importorskip("onnx")
    made = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["": 17]> net (float[2] x) => (float[2] y) {y = Relu(x)}'
    )
    name = os.fsdecode(b"caf\xe9.onnx")
    (folder / name).write_bytes(made.SerializeToString())
    status, printed, complaint = run(folder, name, "-o", "net.html", "-o", "net.svg", "-o", "net.md")
    assert (status, printed, complaint) == (0, "net.html\nnet.svg\nnet.md\n", "")
    assert "<title>caf\ufffd</title>" in (folder / "net.html").read_text("utf-8")


def test_what_a_model_raises_where_it_is_asked_for_its_graph_is_one_clear_line(folder):
    (folder / "own.py").write_text(
        "class Own:\n    def __nbviz_graph__(self):\n        raise RuntimeError('mine\\n\\x1b[31mred')\n\nmade = Own()\n"
    )
    status, printed, complaint = run(folder, "own:made", "net.json")
    assert (status, complaint) == (1, "nbviz: Own.__nbviz_graph__() raised RuntimeError: mine [31mred\n")
    assert "Total params" in printed


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            (
                "class Acme:\n    reads = staticmethod(lambda kind: kind.__name__ == 'Own')\n"
                "    def read(self, model, inputs):\n        return model.tables\n"
            ),
            ["Acme.read() raised AttributeError: 'Own' object has no attribute 'tables'"],
        ),
        (
            "import nothing_here",
            [
                "The adapter 'acme' (acme_nbviz:Acme) of the package 'acme' failed and was skipped: ModuleNotFoundError:",
                "nbviz cannot read an own.Own.",
            ],
        ),
    ],
)
def test_what_fails_in_an_adapter_of_a_package_is_named(folder, code, said):
    (folder / "own.py").write_text("class Own:\n    pass\n\nmade = Own()\n")
    (folder / "acme_nbviz.py").write_text(code)
    (folder / "acme-1.dist-info").mkdir()
    (folder / "acme-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1\n")
    (folder / "acme-1.dist-info" / "entry_points.txt").write_text("[nbviz.adapters]\nacme = acme_nbviz:Acme\n")
    status, printed, complaint = run(folder, "own:made")
    assert (status, printed) == (1, "")
    lines = complaint.splitlines()
    assert [line[: len(f"nbviz: {words}")] for line, words in zip(lines, said, strict=True)] == [
        f"nbviz: {w}" for w in said
    ]


def test_a_sorted_table_tells_of_an_optimizer_too(folder):
    nbviz.view(tutorial(optimizer=adam(16, 68))).save(folder / "trained.json")
    status, printed, _ = run(folder, "trained.json", "--sort", "params")
    assert status == 0
    assert " Optimizer params: 16 (68.00 B), not in the total" in printed.splitlines()


def test_the_index_of_a_variant_names_the_file_that_shows_it(folder):
    header = {"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}
    (folder / "x.safetensors").write_bytes(safetensors_bytes(header, bytes(4)))
    (folder / "big.safetensors.index.fp16.json").write_text(json.dumps({"weight_map": {"w": "x.safetensors"}}))
    status, printed, _ = run(folder, "big.safetensors.index.fp16.json", "-o", ".csv")
    assert (status, printed) == (0, "big.csv\n")


def test_a_module_may_change_where_modules_are_looked_for(folder):
    code = "import os, sys\n\nsys.path[:] = [p for p in sys.path if p != os.getcwd()]\n"
    (folder / "moves.py").write_text(f"{code}import nbviz\n\nnet = nbviz.read('net.json')\n")
    status, printed, complaint = run(folder, "moves:net")
    assert (status, complaint) == (0, "")
    assert "Total params" in printed


def test_a_folder_that_is_gone_is_named_as_what_is_missing(folder):
    inside = "import os; from nbviz.cli import main; os.mkdir('in'); os.chdir('in'); os.rmdir('../in'); main()"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", inside, "net.json", "mymodels:net", str(folder / "net.json")]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Cannot find 'net.json': the current folder no longer exists." in done.stderr
    assert "'mymodels:net' could not be imported: the current folder no longer exists." in done.stderr
    assert "Total params" in done.stdout


def test_one_bad_file_does_not_stop_the_others(folder):
    (folder / "bad.json").write_text(json.dumps({"no": "graph"}))
    status, printed, complaint = run(folder, "bad.json", "net.json")
    assert status == 1
    assert "Total params" in printed
    assert complaint.startswith("nbviz: 'bad.json'")


def test_inputs_that_are_of_no_use_are_noted(folder):
    status, printed, _ = run(folder, "net.json", "--inputs", "2,3")
    assert (status, "inputs was ignored" in printed) == (0, True)


def test_help_and_version(folder):
    status, printed, _ = run(folder, "--help")
    assert status == 0
    for option in (
        "--output",
        "--inputs",
        "--depth",
        "--color-by",
        "--sort",
        "--constants",
        "--run",
        "'MODULE:NAME()'",
    ):
        assert option in printed
    assert r"\b" not in printed
    for value in (
        *COLOR_BY,
        *nbviz.summary(tutorial()).columns,
        *(s for s in FILES if s.count(".") == 1 and s[0] == "."),
    ):
        assert re.search(rf"(?<![\w.]){re.escape(value)}\b", printed), value
    assert version("nbviz") in run(folder, "--version")[1]
    assert run(folder)[0] == 2


def test_code_that_ends_python_does_not_stop_the_others_and_an_interrupt_does(folder):
    pytest.importorskip("torch")
    status, printed, complaint = run(folder, "mymodels:ends()", "net.json")
    assert (status, "Total params" in printed, len(complaint.splitlines())) == (1, True, 1)
    status, printed, _ = run(folder, "mymodels:interrupted()", "net.json")
    assert (status, "Total params" in printed) == (1, False)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_tables_are_drawn_in_any_encoding(folder, encoding):
    _, drawn, _ = run(folder, "net.json", PYTHONIOENCODING="utf-8")
    status, printed, complaint = run(folder, "net.json", PYTHONIOENCODING=encoding)
    assert (status, complaint) == (0, "")
    assert printed.splitlines()[1].strip("-+") == ""
    assert [len(line) for line in printed.splitlines()] == [len(line) for line in drawn.splitlines()]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no disk that is always full")
@pytest.mark.parametrize("argument", ["net.json", "--help", "--version"])
def test_a_full_disk_is_one_clear_line(folder, argument):
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "nbviz", argument]
        done = subprocess.run(command, cwd=folder, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "Cannot write the output: No space left" in done.stderr


def test_a_closed_output_is_one_clear_line(folder):
    command = ["sh", "-c", 'exec "$0" -m nbviz net.json >&-', sys.executable]
    done = subprocess.run(command, cwd=folder, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "standard output is closed" in done.stderr


def test_tensorflow_is_told_not_to_tell_of_processors(folder):
    (folder / "asked.py").write_text("import os\nraise RuntimeError(os.environ['TF_CPP_MIN_LOG_LEVEL'])")
    assert "RuntimeError: 1" in run(folder, "asked:net")[2]
    assert "RuntimeError: 0" in run(folder, "asked:net", TF_CPP_MIN_LOG_LEVEL="0")[2]
