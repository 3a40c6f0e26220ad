"""Files of ``torch.save``: the numbers of the state dict in them, and nothing that is in them ever runs."""

from __future__ import annotations

import argparse
import io
import os
import pickle
import random
import struct
import subprocess
import sys
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import example, given

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from nbviz.adapters import read  # noqa: E402
from nbviz.adapters.checkpoints.pickles import Global, Made, take_apart  # noqa: E402
from nbviz.adapters.files.opening import Bounded  # noqa: E402
from nbviz.errors import FileReadError  # noqa: E402
from nbviz.metrics import Metrics  # noqa: E402
from tests.adapters.checkpoint_reading import (  # noqa: E402  # noqa: E402
    EDITS,
    FUZZ,
    HOSTILE,
    graph_of,
    mutated,
    refused,
    survives,
    tensors,
    totals,
    values,
)


class Net(nn.Module):
    """Convolution, normalization, and two linear layers with one weight."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.bn = nn.BatchNorm2d(4)
        self.first = nn.Linear(4, 4)
        self.second = nn.Linear(4, 4)
        self.second.weight = self.first.weight


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.fixture
def save(tmp_path):
    def file(what, name="net.pt", **options):
        torch.save(what, tmp_path / name, **options)
        return tmp_path / name

    return file


def archive(path, pickled, **files):
    """Write a zip as torch.save does, with any pickle."""
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("net/data.pkl", pickled)
        for name, content in files.items():
            made.writestr(f"net/{name}", content)
    return path


def storage_pickle(numel=4, size=(4,), offset=0, stride=(1,), key="0", kind="FloatStorage"):
    """A pickle of one tensor, instruction by instruction."""

    def number(value):
        return b"I" + str(value).encode() + b"\n"

    def numbers(given):
        return b"(" + b"".join(map(number, given)) + b"t"

    def text(value):
        raw = value.encode()
        return b"X" + struct.pack("<I", len(raw)) + raw

    outside = b"(" + text("storage") + f"ctorch\n{kind}\n".encode() + text(key) + text("cpu") + number(numel) + b"tQ"
    tensor = (
        b"ctorch._utils\n_rebuild_tensor_v2\n("
        + outside
        + number(offset)
        + numbers(size)
        + numbers(stride)
        + b"\x89NtR"
    )
    return b"\x80\x02}" + text("w") + tensor + b"s."


# What is read


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("suffix", [".pt", ".pth", ".pth.tar", ".bin", ".ckpt"])
def test_a_state_dict_has_the_numbers_of_its_module(save, suffix, legacy):
    model = Net()
    path = save(model.state_dict(), f"net{suffix}", _use_new_zipfile_serialization=not legacy)
    graph = graph_of(path)
    assert totals(path) | {"macs": None} == Metrics(read(model).graph).totals | {"macs": None}
    assert (graph.name, graph.framework) == ("net", "PyTorch")
    assert graph.layer_index.keys() == {"", "conv", "bn", "first", "second"}
    [tied] = [p for p in graph.parameters if len(p.owners) > 1]
    assert tied.owners == ("first", "second")
    numbers = values(path)
    for name, tensor in model.state_dict().items():
        if name != "second.weight":
            assert np.array_equal(numbers[name.replace(".", "/")], tensor.numpy().reshape(-1)), name


@pytest.mark.parametrize(
    ("file", "name"), [("M.PTH.TAR", "M"), ("resnet.best.pth.tar", "resnet.best"), ("a.tar.pt", "a.tar")]
)
def test_the_name_is_that_of_the_file_without_suffixes(save, file, name):
    assert graph_of(save({"w": torch.ones(2)}, file)).name == name


def test_nested_dicts_are_rows_and_plain_values_are_settings(save):
    model = Net()
    optimizer = torch.optim.Adam(model.parameters())
    sum(p.sum() for p in model.parameters()).backward()
    optimizer.step()
    path = save(
        {
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "epoch": 3,
            "args": {"lr": 0.1, "name": "x", "sizes": [1, 2], "many": list(range(100))},
            "ema": [torch.ones(2), torch.ones(3)],
        }
    )
    graph = graph_of(path)
    assert {"model/conv", "ema"} <= graph.layer_index.keys()
    assert "optimizer" not in graph.layer_index
    settings = dict(graph.layers[0].settings)
    assert (settings["epoch"], settings["args.lr"], settings["args.sizes"]) == (3, 0.1, (1, 2))
    assert settings["args.many"] == "100 values"
    expected = sum(v.numel() for state in optimizer.state.values() for v in state.values())
    assert (graph.optimizer.name, graph.optimizer.size) == ("optimizer", expected)
    assert Metrics(graph).totals["params"] == sum(p.numel() for p in model.parameters()) + 5


def test_a_file_of_an_optimizer_alone_has_no_parameters(save):
    graph = graph_of(save(torch.optim.SGD([torch.ones(2, requires_grad=True)]).state_dict(), "optimizer.pt"))
    assert graph.optimizer is not None
    assert ["the state of an optimizer" in said.message for said in graph.diagnostics] == [True]
    assert not graph.parameters


def test_views_count_what_they_hold_and_the_same_view_once(save):
    whole = torch.arange(24.0).reshape(4, 6)
    path = save(
        {
            "whole": whole,
            "same": whole,
            "turned": whole.T,
            "half": whole[2:],
            "column": whole[:, 1],
            "wide": torch.ones(1).expand(50),
        }
    )
    found = tensors(graph_of(path))
    assert found["half"] == ((2, 6), "float32", 48, 12)
    assert found["wide"] == ((50,), "float32", 4, 50)
    assert len(found) == 4
    numbers = values(path)
    assert list(numbers["column"]) == [1, 7, 13, 19]
    assert list(numbers["half"]) == list(range(12, 24))
    assert list(numbers["wide"]) == [1] * 50


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning")
def test_dtypes_of_all_kinds(save):
    plain = [
        torch.bfloat16,
        torch.float8_e4m3fn,
        torch.float8_e5m2,
        torch.uint16,
        torch.int64,
        torch.bool,
        torch.complex64,
    ]
    made = {str(d).removeprefix("torch."): torch.ones(2, 3).to(d) for d in plain}
    path = save(
        made
        | {"meta": torch.empty(5, 5, device="meta"), "q": torch.quantize_per_tensor(torch.ones(4), 0.1, 0, torch.qint8)}
    )
    found = tensors(graph_of(path))
    for name, tensor in made.items():
        assert found[name] == ((2, 3), name, tensor.nbytes, 6)
    assert found["meta"] == ((5, 5), "float32", 100, 25)
    assert found["q"] == ((4,), "qint8", 4, 4)
    reading = read(path)
    for parameter in reading.graph.parameters:
        if parameter.name in {"meta", "q"}:
            with pytest.raises(LookupError, match=r"meta device|qint8"):
                list(reading.weights.chunks(parameter.id))
        else:
            assert np.array_equal(np.concatenate(list(reading.weights.chunks(parameter.id))), [1] * 6)


def test_parameters_subclasses_and_arrays_are_tensors(save):
    path = save(
        {
            "p": nn.Parameter(torch.ones(2), requires_grad=False),
            "b": nn.Buffer(torch.ones(3)),
            "n": np.ones((2, 2), "float32"),
        }
    )
    assert tensors(graph_of(path))["n"] == ((2, 2), "float32", 16, 4)
    assert len(tensors(graph_of(path))) == 3


@pytest.mark.filterwarnings("ignore:Sparse:UserWarning", "ignore:The PyTorch API of nested:UserWarning")
def test_tensors_that_are_stored_as_several(save):
    from torch.testing._internal.two_tensor import TwoTensor

    eye = torch.eye(4)
    nested = torch.nested.nested_tensor([torch.ones(2, 3), torch.ones(4, 3)])
    made = {"coo": eye.to_sparse(), "csr": eye.to_sparse_csr(), "nested": nested, "two": TwoTensor(eye, eye), "w": eye}
    graph = read(save(made)).graph
    assert {p.name: (p.shape, p.dtype, p.size, p.bytes) for p in graph.parameters} == {
        "coo": ((4, 4), "float32", 16, 4 * 2 * 8 + 4 * 4),
        "csr": ((4, 4), "float32", 16, (5 + 4) * 8 + 4 * 4),
        "nested": ((18,), "float32", 18, 18 * 4 + 2 * (2 + 2 + 1) * 8),
        "two": ((4, 4), "float32", 16, 2 * 64),
        "w": ((4, 4), "float32", 16, 64),
    }


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested:UserWarning")
def test_a_tensor_of_a_class_that_is_not_read_is_named_with_its_place(save):
    jagged = torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.jagged)
    with pytest.raises(FileReadError, match=r"holds at 'block.s' an object of class .*NestedTensor"):
        read(save({"w": torch.ones(2), "block": {"s": jagged}}))


def test_saved_state_of_random_numbers_is_no_parameter(save):
    numbers = {"rng": torch.get_rng_state(), "cuda_rng_state_all": [torch.zeros(16, dtype=torch.uint8)]}
    shown = {"model": {"w": torch.ones(3), "strng": torch.ones(4, dtype=torch.int32)}, "rngs": {"w": torch.ones(2)}}
    found = totals(save(numbers | {"random_states": {"numpy": torch.zeros(624, dtype=torch.int64)}} | shown))
    assert found["params"] == 3 + 4 + 2
    assert found["buffers"] == len(torch.get_rng_state()) + 16 + 624


def test_a_file_of_random_states_says_so_by_its_name(save, tmp_path):
    state = {"python": random.getstate(), "numpy": np.random.get_state(), "cpu": torch.get_rng_state()}
    found = totals(save(state).rename(tmp_path / "rng_state.pth"))
    assert (found["params"], found["buffers"]) == (0, 624 + len(torch.get_rng_state()))


def test_what_training_keeps_beside_the_model_is_no_parameter(save):
    model, score = torch.nn.Linear(4, 3), torch.tensor(0.3)
    callbacks = {
        "ModelCheckpoint{'monitor': 'val_loss'}": {
            "best_model_score": score.clone(),
            "best_k_models": {"a": score / 2},
        },
        "EarlyStopping{'monitor': 'val_loss'}": {"best_score": score + 1, "patience": 3},
    }
    lightning = {"state_dict": model.state_dict(), "callbacks": callbacks, "loops": {}, "epoch": 1}
    graph = graph_of(save(lightning | {"hyper_parameters": {"pos_weight": torch.ones(7)}}))
    assert (Metrics(graph).totals["params"], Metrics(graph).totals["buffers"]) == (15, 10)
    assert "callbacks/EarlyStopping{'monitor': 'val_loss'}" in graph.layer_index
    found = totals(save({"state_dict": model.state_dict(), "epoch": torch.tensor(3), "best_acc": torch.tensor([0.9])}))
    assert (found["params"], found["buffers"]) == (15, 2)
    optimizer = torch.optim.SGD(model.parameters()).state_dict()
    found = totals(save({"model": model.state_dict(), "optimizer": optimizer, "iteration": torch.tensor(5)}))
    assert (found["params"], found["buffers"]) == (15, 1)


def test_a_number_beside_the_layers_of_a_model_is_a_parameter(save):
    named = {"model.weight": torch.ones(2), "scheduler.weight": torch.ones(3), "logit_scale": torch.tensor(2.0)}
    assert totals(save(named))["params"] == 6
    assert totals(save({"state_dict": {"logit_scale": torch.tensor(2.0)} | named}))["params"] == 6


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.filterwarnings("ignore:TypedStorage")
def test_a_storage_by_itself_is_its_elements_or_its_bytes(save, legacy):
    typed = torch.arange(4.0).storage()
    path = save(
        {"raw": torch.ones(3).untyped_storage(), "typed": typed, "w": torch.ones(2)},
        _use_new_zipfile_serialization=not legacy,
    )
    assert tensors(graph_of(path)) == {
        "raw": ((12,), "uint8", 12, 12),
        "typed": ((4,), "float32", 16, 4),
        "w": ((2,), "float32", 8, 2),
    }
    found = values(path)
    assert bytes(found["raw"].tolist()) == np.ones(3, "f4").tobytes()
    assert found["typed"].tolist() == [0, 1, 2, 3]


def test_what_is_no_tensor_is_noted_and_the_tensors_are_shown(save):
    path = save({"state_dict": Net().state_dict(), "hyper": argparse.Namespace(lr=0.1)})
    graph = graph_of(path)
    assert any("hyper is an argparse.Namespace" in d.message for d in graph.diagnostics)
    assert "state_dict/conv" in graph.layer_index


def test_big_files_open_by_their_pickle_alone(tmp_path):
    """Storages are not read: one of them claims, truly, more than there is memory."""
    path = tmp_path / "net.pt"
    length = 60_000_000_000
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("net/data.pkl", storage_pickle(length, (length,)))
        info = zipfile.ZipInfo("net/data/0")
        made.fp.seek(made.start_dir)
        info.header_offset = made.start_dir
        info.file_size = info.compress_size = 4 * length
        info.CRC = 0
        made.fp.write(info.FileHeader(zip64=True))
        made.fp.seek(4 * length, 1)
        made.start_dir = made.fp.tell()
        made.filelist.append(info)
        made.NameToInfo[info.filename] = info
        made._didModify = True
    tracemalloc.start()
    reading = read(path)
    assert tracemalloc.get_traced_memory()[1] < 2 << 20
    tracemalloc.stop()
    assert Metrics(reading.graph).totals["bytes"] == 4 * length
    assert next(iter(reading.weights.chunks(0))).sum() == 0


def test_no_file_needs_pytorch(save):
    """The values as well: half precision and views included."""
    path = save({"a": torch.ones(2, 3).T, "b": torch.ones(3, dtype=torch.bfloat16)})
    code = f"""
import sys
from nbviz.adapters import read
reading = read({str(path)!r})
print([float(sum(piece.sum() for piece in reading.weights.chunks(i))) for i in range(2)], "torch" in sys.modules)
"""
    result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert result.stdout.strip() == "[6.0, 3.0] False"


# What is refused


@pytest.mark.parametrize("legacy", [False, True])
def test_a_pickled_module_is_refused_by_its_class(save, legacy):
    said = refused(
        save(nn.Linear(2, 2), _use_new_zipfile_serialization=not legacy), r"torch\.nn\.modules\.linear\.Linear"
    )
    assert "model.state_dict()" in said
    refused(save({"model": nn.Linear(2, 2), "other": torch.ones(2)}), r"torch\.nn\.modules\.linear\.Linear")


@pytest.mark.parametrize("legacy", [False, True])
def test_no_code_of_a_file_runs(save, tmp_path, legacy):
    bomb = tmp_path / "bombed"
    path = save(Bomb(bomb), _use_new_zipfile_serialization=not legacy)
    refused(path, r"posix\.mkdir|nt\.mkdir")
    graph = graph_of(save({"w": torch.ones(2), "b": Bomb(bomb)}, _use_new_zipfile_serialization=not legacy))
    assert any("mkdir" in d.message for d in graph.diagnostics)
    refused(save({"b": Bomb(bomb)}, _use_new_zipfile_serialization=not legacy), "mkdir")
    assert not bomb.exists()
    torch.load(path, weights_only=False)
    assert bomb.exists()  # it was a real one


def test_a_bare_pickle_is_refused_unopened(tmp_path):
    path = tmp_path / "net.pt"
    path.write_bytes(pickle.dumps(Bomb(tmp_path / "bombed")))
    refused(path, "a pickle that torch.save did not write")
    assert not (tmp_path / "bombed").exists()


def test_machines_for_pickles_name_and_never_call():
    made = take_apart(Bounded(io.BytesIO(pickle.dumps(Bomb("x"))), 1 << 20))
    assert isinstance(made, Made)
    assert made.of == Global("posix", "mkdir")


@pytest.mark.parametrize("protocol", range(6))
def test_all_protocols_are_taken_apart(protocol):
    value = [
        1,
        2.5,
        None,
        True,
        "é",
        b"raw",
        (1,),
        (1, 2, 3, 4),
        1 << 80,
        -3,
        frozenset([1]),
        [[], ()],
        bytearray(b"x"),
    ]
    found = take_apart(Bounded(io.BytesIO(pickle.dumps(value, protocol)), 1 << 20))
    assert found[:5] == value[:5]
    assert found[6:10] == value[6:10]


def test_archives_of_other_kinds_are_told_apart(save, tmp_path):
    scripted = tmp_path / "scripted.pt"
    with zipfile.ZipFile(scripted, "w") as made:
        made.writestr("net/data.pkl", b"")
        made.writestr("net/constants.pkl", b"")
        made.writestr("net/code/__torch__.py", b"")
    refused(scripted, "torch.jit.load")
    exported = tmp_path / "exported.pt"
    with zipfile.ZipFile(exported, "w") as made:
        made.writestr("net/archive_format", b"pt2")
    refused(exported, "suffix .pt2")
    np.savez(tmp_path / "arrays.npz", a=np.ones(2))
    (tmp_path / "arrays.npz").rename(tmp_path / "arrays.pt")
    refused(tmp_path / "arrays.pt", "suffix .npz")
    with zipfile.ZipFile(tmp_path / "x.pt", "w") as made:
        made.writestr("hello.txt", b"")
    refused(tmp_path / "x.pt", "no data.pkl")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"numel": 5}, "has 16 bytes, which does not match its 5 values"),
        ({"size": (5,)}, "reaches beyond its storage"),
        ({"offset": 1}, "reaches beyond its storage"),
        ({"size": (1 << 62,), "stride": (0,)}, None),
        ({"size": (-4,)}, "a size of 'a tensor' is -4"),
        ({"stride": (-1,)}, "a size of 'a tensor' is -1"),
        ({"size": (2, 2)}, "cannot be read"),
        ({"offset": -1}, "the offset of a tensor is -1"),
        ({"key": "../../etc/passwd"}, "the storage '../../etc/passwd' is missing"),
        ({"kind": "EvilStorage"}, "class torch.EvilStorage"),
        ({"size": (1 << 62, 1 << 62), "stride": (0, 0)}, "64-bit number"),
    ],
)
def test_tensors_that_do_not_fit_their_storage_are_refused(tmp_path, changes, words):
    path = archive(tmp_path / "net.pt", storage_pickle(**changes), **{"data/0": bytes(16)})
    if words is None:
        assert tensors(graph_of(path))["w"] == ((1 << 62,), "float32", 16, 1 << 62)
    else:
        refused(path, words)


def test_a_pickle_that_unpacks_without_end_is_cut_short(tmp_path):
    path = tmp_path / "net.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made, made.open("net/data.pkl", "w") as file:
        file.write(b"\x80\x02X" + struct.pack("<I", 200 << 20))
        for _ in range(200):
            file.write(bytes(1 << 20))
    assert path.stat().st_size < 1 << 20
    refused(path, "larger than 67,108,864 bytes", megabytes=10)


LAUGHS = (
    b"\x80\x02]q\x00"
    + b"".join(b"]q" + bytes([i + 1]) + b"(" + b"h" + bytes([i]) + b"h" + bytes([i]) + b"e" for i in range(40))
    + b"."
)


@pytest.mark.parametrize(
    ("pickled", "words"),
    [
        (b"", "its pickle, data.pkl, is empty or truncated"),
        (b"\x80\x02", "truncated"),
        (b"\x80\x02.", "damaged"),
        (b"\x80\x02R.", "damaged"),
        (b"\x80\x02h\x07.", "damaged"),
        (b"\x80\x02}.", "holds no tensors"),
        (b"\x80\x02]q\x00h\x00a.", "nested too deeply"),
        (b"\x80\x02" + b"(" * 100_000, "pickle"),
        (b"\x80\x02" + b"]" * 5000 + b"a" * 4999 + b".", "nested too deeply"),
        (b"\x80\x02\x82\x01.", "instruction EXT1"),
        (b"\x80\x02r\xff\xff\xff\x7f.", "damaged"),
        (b"\x80\x04\x8e" + struct.pack("<Q", 1 << 50), "truncated"),
        (b"\x80\x02X" + struct.pack("<I", 1 << 31), "truncated"),
        (LAUGHS, "too many times"),
        (b"\x80\x02}(X\x01\x00\x00\x00aK\x01X\x01\x00\x00\x00aK\x02u.", "'a' appears twice"),
    ],
)
def test_pickles_that_are_none_are_refused(tmp_path, pickled, words):
    refused(archive(tmp_path / "net.pt", pickled), words, megabytes=60)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"hello", "neither a zip archive nor a pickle"),
        (b"GGUF" + bytes(50), "GGUF file"),
        (b"PK\x03\x04" + bytes(50), "cannot be read"),
        (b"PK\x03\x04" + bytes(50) + b"PK\x05\x06" + bytes(8) + b"\xff\xff\xff\x7f" + bytes(6), "cannot be read"),
    ],
)
def test_other_files_are_refused(tmp_path, content, words):
    path = tmp_path / "net.pt"
    path.write_bytes(content)
    refused(path, words)


def test_a_list_of_contents_that_claims_gigabytes_is_not_read(tmp_path):
    path = tmp_path / "net.pt"
    path.write_bytes(b"PK\x03\x04")
    os.truncate(path, 3 << 30)
    with path.open("ab") as file:
        file.write(struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 1, 1, 3 << 30, 0, 0))
    refused(path, "table of contents claims", megabytes=2)


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("part", [10, 50, 90, 99])
def test_files_that_end_early_are_refused(save, legacy, part):
    path = save(Net().state_dict(), _use_new_zipfile_serialization=not legacy)
    os.truncate(path, path.stat().st_size * part // 100)
    refused(path, "cannot be read|ends early")


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_text(save, name):
    graph = graph_of(save({name: torch.ones(2), f"{name}.x": {name: torch.ones(3)}}))
    assert len(graph.parameters) == 2
    assert not any("\x1b" in path for path in graph.layers.column("path"))


def saved(*, legacy=False):
    made = io.BytesIO()
    torch.save({"m": {"a.b": torch.ones(2, 3)}, "e": 3}, made, _use_new_zipfile_serialization=not legacy)
    return made.getvalue()


@FUZZ
@given(**EDITS)
@example(edits=[], keep=100)
def test_damaged_files_end_in_one_clear_error(tmp_path_factory, edits, keep):
    survives(tmp_path_factory.getbasetemp() / "fuzz.pt", mutated(saved(), edits, keep))


@FUZZ
@given(**EDITS)
@example(edits=[], keep=100)
def test_damaged_old_files_end_in_one_clear_error(tmp_path_factory, edits, keep):
    survives(tmp_path_factory.getbasetemp() / "fuzz.pt", mutated(saved(legacy=True), edits, keep))


def test_an_escape_that_no_text_has_is_damage_without_a_warning(tmp_path):
    path = archive(tmp_path / "escape.pt", b"ctorch\nFloat\\qStorage\n.")
    with pytest.raises(FileReadError):
        read(path)


@FUZZ
@given(**EDITS)
def test_damaged_pickles_end_in_one_clear_error(tmp_path_factory, edits, keep):
    with zipfile.ZipFile(io.BytesIO(saved())) as made:
        pickled = made.read("archive/data.pkl")
    path = archive(tmp_path_factory.getbasetemp() / "pickle.pt", mutated(pickled, edits, keep), **{"data/0": bytes(24)})
    survives(path, path.read_bytes())


def test_values_of_a_file_that_changed_say_so(save):
    path = save({"a": torch.ones(300)})
    reading = read(path)
    path.write_bytes(b"hello")
    with pytest.raises(LookupError, match="changed"):
        list(reading.weights.chunks(0))
    with pytest.raises(FileReadError):
        read(path)
