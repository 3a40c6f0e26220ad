"""Exported programs, ``.pt2`` files, fx graphs and scripted modules: what is read from them is what a trace shows."""

from __future__ import annotations

import gc
import json
import pickle
import re
import tracemalloc
import zipfile
from dataclasses import dataclass

import networkx as nx
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.export import Dim, export  # noqa: E402
from torch.fx.passes.shape_prop import ShapeProp  # noqa: E402

from nbviz.adapters import read  # noqa: E402
from nbviz.adapters.torch.exported.nesting import dotted  # noqa: E402
from nbviz.adapters.torch.exported.symbols import UnknownSizeError, readable, value  # noqa: E402
from nbviz.errors import FileReadError  # noqa: E402
from nbviz.invariants import violations  # noqa: E402
from nbviz.metrics import Metrics  # noqa: E402
from tests.models import torch_models as models  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore:The tensor attributes:UserWarning"),  # export, of a recurrent layer's weights
    pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning"),  # PyTorch, of its own code
]

EXPORTABLE = ("mlp", "cnn", "unet", "lstm", "gru", "encoder", "gpt", "shared", "two_inputs")


class Cond(nn.Module):
    """A branch that depends on values, a block without gradients, a constant, and a nested result."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        with torch.no_grad():
            z = x * 2
        y = torch.cond(x.sum() > 0, lambda x: self.a(x).sin(), lambda x: self.b(x) + 1, (x,))
        return {"y": y, "z": (z, torch.tensor([1.0, 2.0, 3.0, 4.0]) * z)}


class Loops(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.ones(4, 4))

    def forward(self, x):
        from torch._higher_order_ops.map import map as each

        first = each(lambda row, w: torch.sin(row @ w), x, self.w)
        _, last = torch.while_loop(lambda i, _: i < 3, lambda i, y: (i + 1, y * 2), (torch.tensor(0), x))
        return first + last


class Counts(nn.Module):
    """Buffers that change: one is in the state, one is not."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.register_buffer("steps", torch.zeros(1))
        self.register_buffer("cache", torch.zeros(2, 4), persistent=False)

    def forward(self, x):
        self.steps += 1
        y = self.fc(x)
        self.cache.copy_(y)
        y[:, 0].mul_(2)
        return y + self.cache, y * self.steps


class Folds(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, x, y):
        both = torch.cat([x, y], 1)
        return self.fc(both.reshape(-1, 4)), torch.bmm(x, x.mT)


@dataclass
class Result:
    logits: torch.Tensor
    loss: torch.Tensor | None = None


class ReturnsDataclass(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        return Result(self.fc(x))


@pytest.fixture(scope="module")
def programs():
    """The exported program of each model by name, made on demand."""
    made = {}

    def program(name):
        if name not in made:
            model, args = models.CASES[name]()
            made[name] = model, args, export(model, args)
        return made[name]

    return program


@pytest.fixture(scope="module")
def branching():
    return export(Cond(), (torch.ones(2, 4),))


@pytest.fixture(scope="module")
def counting():
    return export(Counts(), (torch.ones(2, 4),))


@pytest.fixture(scope="module")
def dynamic():
    shapes = {name: {0: Dim("b"), 1: 2 * Dim("half", max=50)} for name in ("x", "y")}
    return export(Folds(), (torch.ones(2, 6, 4), torch.ones(2, 6, 4)), dynamic_shapes=shapes)


def graph_of(source, inputs=None):
    reading = read(source, inputs)
    assert reading.error is None
    assert list(violations(reading.graph)) == []
    network = reading.graph.to_networkx()
    assert nx.is_directed_acyclic_graph(nx.DiGraph(network))
    starts = {c.id for c in reading.graph.calls if c.kind == "input"}
    for call in reading.graph.calls:
        if call.kind == "output":
            assert nx.ancestors(network, call.id) & starts
    return reading.graph


def calls_of(graph, path):
    return [graph.calls[i] for i in graph.calls_of[path]]


def edges(graph):
    paths = graph.calls.column("path")
    return {(paths[e.source], paths[e.target]) for e in graph.edges}


def outputs(graph):
    return [(c.inputs[0].name, c.inputs[0].shape) for c in graph.calls if c.kind == "output"]


def layer_calls(graph):
    """The calls of layers and the shape of what each gives first: a program leaves out what nobody uses."""
    return [(c.path, c.outputs[0].shape) for c in graph.calls if c.kind == "layer"]


# Exported programs


@pytest.mark.parametrize("name", EXPORTABLE)
def test_a_program_has_the_numbers_and_the_nesting_of_its_module(name, programs):
    model, args, program = programs(name)
    graph, traced = graph_of(program), graph_of(model, args)
    assert Metrics(graph).totals == Metrics(traced).totals
    assert (graph.name, graph.framework, graph.batch_axis) == (traced.name, "PyTorch", False)
    assert outputs(graph) == outputs(traced)
    names = {"alias": "lin"} if name == "shared" else {}  # a program knows a module by the name it is called by
    assert [(names.get(path, path), shape) for path, shape in layer_calls(graph)] == layer_calls(traced)


@pytest.mark.parametrize("name", ["cnn", "unet", "encoder", "two_inputs"])
def test_a_program_has_the_edges_and_the_macs_of_its_module(name, programs):
    model, args, program = programs(name)
    graph, traced = graph_of(program), graph_of(model, args)
    assert edges(graph) == edges(traced)
    assert list(Metrics(graph).call_macs) == list(Metrics(traced).call_macs)
    assert [len(c.parameters) for c in graph.calls] == [len(c.parameters) for c in traced.calls]


@pytest.mark.parametrize("name", ["cnn", "encoder"])
def test_decomposed_programs_keep_nesting_macs_and_parameters(name, programs):
    model, args, program = programs(name)
    graph, traced = graph_of(program.run_decompositions()), graph_of(model, args)
    assert Metrics(graph).totals == Metrics(traced).totals
    assert [path for path, _ in layer_calls(graph)] == [path for path, _ in layer_calls(traced)]
    assert outputs(graph) == outputs(traced)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("L['self'].layers[0].fc", "layers.0.fc"),
        ('L["self"]._modules["h"]._modules["1"]', "h.1"),
        ("L__self__", ""),
        ("layer1.0.relu@1", "layer1.0.relu"),
    ],
)
def test_modules_are_known_however_they_are_written(written, name):
    assert dotted(written) == name


def test_a_tied_weight_is_one_parameter_with_the_rows_that_hold_it(programs):
    graph = graph_of(programs("gpt")[2])
    [tied] = [p for p in graph.parameters if len(p.owners) > 1]
    assert tied.owners == ("wte", "lm_head")
    assert tied.id in calls_of(graph, "wte")[0].parameters
    assert tied.id in calls_of(graph, "lm_head")[0].parameters


def test_a_module_called_twice_has_one_row_and_two_calls(programs):
    graph = graph_of(programs("shared")[2])
    assert len(calls_of(graph, "lin")) == 2
    assert "unused" in graph.layer_index
    assert "unused" not in graph.calls_of
    assert [p.trainable for p in graph.parameters if p.name == "scale"] == [False]


def test_calls_have_names_settings_and_source_lines(programs):
    graph = graph_of(programs("gpt")[2])
    attention = next(c for c in graph.calls if c.op == "scaled_dot_product_attention")
    assert attention.path == "h/0/attn/scaled_dot_product_attention#1"
    assert attention.source.startswith("torch_models.py:")
    view = calls_of(graph, "h/0/attn/view#1")[0]
    assert dict(view.settings)["size"] == (2, 9, 2, 8)
    assert calls_of(graph, "lm_head")[0].source.startswith("torch_models.py:")


def test_inputs_are_not_needed_and_a_note_says_so(programs):
    graph = graph_of(programs("mlp")[2], (None, 4))
    assert "was ignored" in graph.diagnostics[0].message
    assert not graph_of(programs("mlp")[2]).diagnostics


def test_free_sizes_have_the_names_of_their_dims_and_macs_are_per_example(dynamic):
    graph = graph_of(dynamic)
    assert [c.outputs[0].shape for c in graph.calls if c.kind == "input"] == [("b", "2*half", 4)] * 2
    assert graph.batch_axis
    assert calls_of(graph, "cat#1")[0].outputs[0].shape == ("b", "4*half", 4)
    assert Metrics(graph).totals["macs"] is None  # the length is free as well


def test_a_free_batch_counts_as_one():
    program = export(models.GptBlock(), (torch.ones(2, 5, 16), None), dynamic_shapes=({0: Dim("batch")}, None))
    graph = graph_of(program)
    one = graph_of(models.GptBlock(), {"x": torch.ones(1, 5, 16), "mask": None})
    assert Metrics(graph).totals["macs"] == Metrics(one).totals["macs"] > 0
    assert Metrics(graph).macs_basis == "per example"
    assert outputs(graph) == [("", ("batch", 5, 16))]
    assert dict(calls_of(graph, "attn/view#1")[0].settings)["size"] == ("batch", 5, 2, 8)


def test_branches_are_frames_that_meet_again(branching):
    graph = graph_of(branching)
    [cond] = calls_of(graph, "cond#1")
    inside = [c.path for c in graph.calls if c.parent == cond.id]
    assert inside == ["cond#1/true_graph_0#1", "cond#1/false_graph_0#1", "cond#1/merge#1"]
    found = edges(graph)
    assert ("input#1", "cond#1/true_graph_0#1/linear#1") in found
    assert ("cond#1/true_graph_0#1/sin#1", "cond#1/merge#1") in found
    assert ("gt#1", "cond#1/merge#1") in found
    assert ("cond#1/merge#1", "output#1") in found
    assert len(calls_of(graph, "cond#1/false_graph_0#1/linear#1")[0].parameters) == 2
    assert Metrics(graph).totals["macs"] is None  # which branch runs depends on values


def test_a_block_without_gradients_is_a_frame_and_a_constant_is_a_constant(branching):
    graph = graph_of(branching)
    assert ("wrap_with_set_grad_enabled#1/mul#1", "output#2") in edges(graph)
    assert len([c for c in graph.calls if c.kind == "constant"]) == 1
    assert [name for name, _ in outputs(graph)] == ["y", "z.0", "z.1"]


def test_loops_are_frames():
    graph = graph_of(export(Loops(), (torch.ones(2, 4, 4),)))
    assert calls_of(graph, "map_impl#1/matmul#1")[0].inputs[0].shape == (4, 4)
    assert calls_of(graph, "map_impl#1")[0].outputs[0].shape == (2, 4, 4)
    assert ("while_loop#1/while_loop_body_graph_0#1/mul#1", "while_loop#1/merge#1") in edges(graph)
    assert Metrics(graph).totals["macs"] is None


@pytest.mark.parametrize("decomposed", [False, True])
def test_buffers_that_change_are_buffers_and_no_outputs(decomposed, counting):
    graph = graph_of(counting.run_decompositions() if decomposed else counting)
    assert {p.name: p.kind for p in graph.parameters} == {
        "weight": "weight", "bias": "weight", "steps": "buffer", "cache": "buffer",
    }  # fmt: skip
    assert outputs(graph) == [("0", (2, 4)), ("1", (2, 4))]
    assert len([c for c in graph.calls if c.kind == "input"]) == 1


def test_a_write_into_a_part_reaches_the_readers_of_the_whole(counting):
    found = edges(graph_of(counting))
    assert ("mul_#1", "add#1") in found
    assert ("copy_#1", "add#1") in found
    assert ("add_#1", "mul#1") in found


def test_fields_of_a_dataclass_name_the_outputs():
    torch.export.register_dataclass(Result, serialized_type_name="tests.Result")
    graph = graph_of(export(ReturnsDataclass(), (torch.ones(2, 4),)))
    assert outputs(graph) == [("logits", (2, 4))]


def test_weights_of_a_program_are_read_while_it_lives():
    program = export(models.mlp(), (torch.ones(2, 4),))
    reading = read(program)
    assert sum(map(len, reading.weights.chunks(0))) == 32
    del program
    gc.collect()  # nodes and graphs know each other
    with pytest.raises(LookupError, match="no longer exists"):
        reading.weights.chunks(0)


# Fx graphs


def test_a_traced_graph_is_shown_without_shapes_and_says_how_to_get_them():
    traced = torch.fx.symbolic_trace(models.Cnn())
    graph, eager = graph_of(traced), graph_of(models.Cnn(), (None, 3, 16, 16))
    # `out += x` is recorded as an addition
    assert edges(graph) == {(a.replace("add_", "add"), b.replace("add_", "add")) for a, b in edges(eager)}
    assert [c.path for c in graph.calls] == [c.path.replace("add_", "add") for c in eager.calls]
    assert "inputs=" in graph.diagnostics[0].message
    metrics = Metrics(graph)
    assert (metrics.totals["params"], metrics.totals["macs"]) == (Metrics(eager).totals["params"], None)
    assert calls_of(graph, "stem")[0].outputs[0].shape is None
    assert dict(graph.layers[graph.layer_index["stem"]].settings)["in_channels"] == 3
    assert len(calls_of(graph, "layer1/0/bn1")[0].parameters) == 5


def test_a_graph_that_knows_its_shapes_says_what_it_lacks():
    traced = torch.fx.symbolic_trace(models.mlp())
    ShapeProp(traced).propagate(torch.zeros(2, 4))
    [note] = [d.message for d in graph_of(traced).diagnostics]
    assert "its MACs are unknown. To see them, pass inputs" in note


def test_a_traced_graph_with_inputs_runs_through_the_tracer():
    traced = torch.fx.symbolic_trace(models.Cnn())
    graph = graph_of(traced, (None, 3, 16, 16))
    file, _, line = calls_of(graph, "stem")[0].source.partition(":")
    assert file == "GraphModule.code"  # no file has that line
    assert "self.stem(" in traced.code.splitlines()[int(line) - 1]
    assert Metrics(graph).totals["macs"] == Metrics(graph_of(models.Cnn(), (None, 3, 16, 16))).totals["macs"]


def test_sizes_are_no_calls_and_results_have_their_names():
    class Sized(nn.Module):
        def forward(self, x):
            a, b = x.view(x.shape[0] * 2, -1, x.size(1)).chunk(2, 1)
            a.mul_(2)
            return {"sum": a + b, "parts": [a]}

    graph = graph_of(torch.fx.symbolic_trace(Sized()))
    assert [c.op for c in graph.calls if c.kind == "operation"] == [
        "view",
        "chunk",
        "getitem",
        "getitem",
        "mul_",
        "add",
    ]
    assert outputs(graph) == [("sum", None), ("parts.0", None)]
    assert ("mul_#1", "output#2") in edges(graph)


def test_graphs_inside_graphs_are_frames():
    inner = torch.fx.symbolic_trace(models.mlp())
    outer = torch.fx.Graph()
    x = outer.placeholder("x")
    outer.output(outer.call_module("inner", (x,)))
    graph = graph_of(torch.fx.GraphModule({"inner": inner}, outer))
    assert ("inner/0", "inner/1") in edges(graph)
    assert Metrics(graph).totals["params"] == sum(p.numel() for p in inner.parameters())


@pytest.mark.parametrize("name", ["cnn", "shared", "gpt"])
def test_the_module_of_a_program_reads_as_the_program(name, programs):
    program = programs(name)[2]
    graph, module = graph_of(program), graph_of(program.module())
    assert [c.path for c in module.calls] == [c.path for c in graph.calls]
    assert edges(module) == edges(graph)
    assert Metrics(module).totals == Metrics(graph).totals
    assert [layer.type for layer in module.layers] == [layer.type for layer in graph.layers]


# Scripted modules


@pytest.mark.parametrize("make", [torch.jit.script, lambda m: torch.jit.trace(m, torch.ones(1, 3, 16, 16))])
@pytest.mark.parametrize("inputs", [None, (1, 3, 16, 16)])
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_scripted_modules_show_the_tree_and_say_why_there_is_no_graph(make, inputs):
    model = models.Cnn().eval()
    graph, eager = read(make(model), inputs).graph, read(model).graph
    assert [(layer.path, layer.type) for layer in graph.layers] == [(layer.path, layer.type) for layer in eager.layers]
    assert Metrics(graph).totals == Metrics(eager).totals
    assert len(graph.calls) == 0
    assert "torch.export.export" in graph.diagnostics[0].message


# Files


def saved(program, path):
    torch.export.save(program, path)
    return path


@pytest.mark.parametrize("name", ["cnn", "gpt", "lstm", "shared"])
def test_a_file_reads_as_the_program_in_it(name, programs, tmp_path):
    program = programs(name)[2]
    path = saved(program, tmp_path / "model.pt2")
    graph = graph_of(program)
    assert graph_of(path) == graph
    reading, weights = read(path), read(program).weights
    for i in range(len(graph.parameters)):
        found = [np.concatenate(list(reader.chunks(i))) for reader in (reading.weights, weights)]
        np.testing.assert_array_equal(*found)
    assert torch.export.load(path) is not None  # the file itself is one that PyTorch reads


@pytest.mark.parametrize("name", ["branching", "counting", "dynamic"])
def test_files_keep_graphs_inside_graphs_buffers_and_free_sizes(name, request, tmp_path):
    program = request.getfixturevalue(name)
    from_file = graph_of(saved(program, tmp_path / "model.pt2"))
    graph = graph_of(torch.export.load(tmp_path / "model.pt2"))  # which has no names of dims any more
    assert from_file == graph
    assert edges(from_file) == edges(graph_of(program))


def test_weights_of_a_file_that_is_gone_say_so(programs, tmp_path):
    path = saved(programs("mlp")[2], tmp_path / "model.pt2")
    reading = read(path)
    path.unlink()
    with pytest.raises(LookupError, match=r"model\.pt2"):
        list(reading.weights.chunks(0))


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("a pickle from a file was opened",))


def rewritten(path, target, change, compression=zipfile.ZIP_STORED):
    """Write an archive again with its files changed by a function of name and content."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w", compression) as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return target


def test_nothing_in_a_file_runs(programs, tmp_path):
    path = saved(programs("mlp")[2], tmp_path / "model.pt2")
    bomb = "__import__('pytest').fail('an expression from a file was evaluated')"

    def change(name, content):
        if name.endswith("sample_inputs/model.pt"):
            return pickle.dumps(Bomb())
        if name.endswith("weights_config.json"):
            config = json.loads(content)
            config["config"]["0.weight"]["use_pickle"] = True
            return json.dumps(config)
        if "/data/weights/weight_" in name:
            return pickle.dumps(Bomb())
        if name.endswith("models/model.json"):
            program = json.loads(content)
            graph = program["graph_module"]["graph"]
            graph["tensor_values"]["linear"]["sizes"][0] = {"as_expr": {"expr_str": bomb, "hint": None}}
            graph["nodes"][1]["target"] = "torch.serialization.os.system"
            text = json.dumps(program)
            return text.replace('"input"', json.dumps(f"input={bomb}"))
        return content

    reading = read(rewritten(path, tmp_path / "changed.pt2", change))
    assert [c.op for c in reading.graph.calls if c.kind == "layer"][-4:] == ["Linear", "ReLU", "Linear", "Sigmoid"]
    assert calls_of(reading.graph, "0")[0].outputs[0].shape == (None, 8)
    with pytest.raises(LookupError, match="pickle"):
        list(reading.weights.chunks([p.name for p in reading.graph.parameters].index("weight")))


def test_operations_that_reach_out_are_not_run(programs, tmp_path):
    path = saved(programs("mlp")[2], tmp_path / "model.pt2")
    victim = tmp_path / "made.bin"

    def change(name, content):
        if not name.endswith("models/model.json"):
            return content
        program = json.loads(content)
        node = program["graph_module"]["graph"]["nodes"][1]
        node["target"] = "torch.ops.aten.from_file.default"
        node["inputs"] = [
            {"name": "filename", "arg": {"as_string": str(victim)}, "kind": 1},
            {"name": "shared", "arg": {"as_bool": True}, "kind": 1},
            {"name": "size", "arg": {"as_int": 64}, "kind": 1},
        ]
        return json.dumps(program)

    reading = read(rewritten(path, tmp_path / "changed.pt2", change))
    assert not victim.exists()
    assert Metrics(reading.graph).totals["macs"] is None


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"PK\x03\x04 and then nothing", "damaged"),
        (b"\x00" * 1000, "damaged"),
    ],
)
def test_what_is_no_archive_is_refused(content, says, tmp_path):
    path = tmp_path / "bad.pt2"
    path.write_bytes(content)
    with pytest.raises(FileReadError, match=says) as caught:
        read(path)
    assert "bad.pt2" in str(caught.value)
    assert "torch.export.save" in str(caught.value)


def test_a_truncated_file_is_refused(programs, tmp_path):
    path = saved(programs("mlp")[2], tmp_path / "bad.pt2")
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(FileReadError, match="damaged"):
        read(path)


@pytest.mark.parametrize(("at", "value"), [(6, 200), (10, 99)], ids=["version", "compression"])
def test_archives_that_need_more_than_there_is_are_refused_once(programs, tmp_path, at, value):
    path = saved(programs("mlp")[2], tmp_path / "bad.pt2")
    content = bytearray(path.read_bytes())
    for match in re.finditer(b"PK\1\2", bytes(content)):
        content[match.start() + at] = value
    path.write_bytes(content)
    with pytest.raises(FileReadError, match="damaged") as caught:
        read(path)
    assert str(caught.value).count("bad.pt2' cannot") == 1


def test_an_archive_that_was_compressed_again_is_read_and_one_that_inflates_is_refused(programs, tmp_path):
    path, changed = saved(programs("mlp")[2], tmp_path / "model.pt2"), tmp_path / "changed.pt2"

    def spaces(count):
        return lambda name, content: content + b" " * count * name.endswith("models/model.json")

    reading = read(rewritten(path, changed, spaces(1 << 20), zipfile.ZIP_DEFLATED))
    assert graph_of(path).layers == reading.graph.layers
    assert next(iter(reading.weights.chunks(0))).size
    rewritten(path, changed, spaces(17 << 20), zipfile.ZIP_DEFLATED)
    tracemalloc.start()
    with pytest.raises(FileReadError, match=r"changed\.pt2.*is larger than 16,777,216 bytes"):
        read(changed)
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"readme.txt": b"hello"}, "without an exported program"),
        ({"m/archive_format": b"pt2", "m/models/model.json": b"{"}, "damaged"),
        ({"m/archive_format": b"pt2", "m/models/model.json": b"[]"}, "damaged"),
        ({"m/archive_format": b"pt2", "m/models/model.json": b'{"graph_module": {"graph": {}}}'}, "damaged"),
        ({"m/archive_format": b"pt2", "m/data/aotinductor/model/m.so": b""}, "compiled library"),
        ({"serialized_exported_program.json": b"{}", "version": b"8.0"}, "before 2.8"),
    ],
)
def test_archives_of_something_else_are_refused(files, says, tmp_path):
    path = tmp_path / "bad.pt2"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    with pytest.raises(FileReadError, match=says) as caught:
        read(path)
    assert "bad.pt2" in str(caught.value)


def test_what_torch_save_wrote_is_refused(tmp_path):
    torch.save(models.mlp().state_dict(), tmp_path / "bad.pt2")
    with pytest.raises(FileReadError, match=r"torch\.save"):
        read(tmp_path / "bad.pt2")
    (tmp_path / "folder.pt2").mkdir()
    with pytest.raises(FileReadError, match="folder"):
        read(tmp_path / "folder.pt2")


# Sizes


@pytest.mark.parametrize(
    ("written", "text", "size"),
    [
        ("Symbol('s0', positive=True, integer=True)", "s0", 6),
        ("Mul(Integer(2), Symbol('s0', integer=True))", "2*s0", 12),
        ("Mul(Add(Symbol('s0'), Integer(-1)), Integer(3))", "(s0 + -1)*3", 15),
        ("FloorDiv(Symbol('s0'), Integer(4))", "FloorDiv(s0, 4)", 1),
        ("Max(Integer(1), Symbol('s0'))", "Max(1, s0)", 6),
        ("s0", "s0", 6),
    ],
)
def test_expressions_of_sizes_are_read(written, text, size):
    assert readable(written) == text
    assert value(text, {"s0": 6}) == size


@pytest.mark.parametrize("text", ["open('x')", "s0.real", "9**9**9", "s1", "[1]", "", "("])
def test_other_expressions_are_not_evaluated(text):
    with pytest.raises(UnknownSizeError):
        value(text, {"s0": 6})
