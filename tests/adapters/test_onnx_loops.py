"""Shapes that the inference of onnx alone does not find: of what loops carry, in graphs that nodes run, of slices."""

from __future__ import annotations

import pytest

onnx = pytest.importorskip("onnx")

from onnx import parser  # noqa: E402

from nbviz.adapters import read  # noqa: E402
from nbviz.metrics import Metrics  # noqa: E402


def graph_of(body, inputs="float[batch,3] x", outputs="y", functions="", domains=""):
    text = f'<ir_version: 10, opset_import: ["": 21{domains}]> model ({inputs}) => ({outputs}) {{ {body} }} {functions}'
    return read(parser.parse_model(text)).graph


def made(graph):
    """Return the shapes of what a model gives."""
    return [call.inputs[0].shape and tuple(call.inputs[0].shape) for call in graph.calls if call.kind == "output"]


STEPS = "n = Constant<value_int = 4>() true = Constant<value = bool {1}>() "


def looped(step, taken="xi", made="xo", given="x", result="y"):
    """Return a loop of four steps."""
    body = f"body (int64 i, bool ci, {taken}) => (bool co, {made}) {{ co = Identity(ci) {step} }}"
    return f"{result} = Loop(n, true, {given}) <body = {body}> "


@pytest.mark.parametrize(
    ("step", "shape"),
    [
        ("xo = Tanh(xi)", ("batch", 3)),
        ("xo = Concat<axis = 0>(xi, x)", (None, 3)),
        ("xo = Unsqueeze(xi, i)", None),
        ("xo = Unheard(xi)", None),
    ],
)
@pytest.mark.parametrize("carried", ["xi", "float[a,b] xi"])
def test_loop_carries_what_no_step_changes(step, shape, carried):
    assert made(graph_of(STEPS + looped(step, carried))) == [shape]


def test_loops_behind_and_inside_each_other_are_followed_and_counted():
    inner = looped("m = MatMul(ti, w) to = Tanh(m)", "ti", "to", "xi", "p")
    first = looped(f"{inner} xo = Add(p, xi)", result="z")
    graph = graph_of(STEPS + first + looped("xo = MatMul(xi, w)", given="z"), "float[batch,3] x, float[3,3] w", "z, y")
    assert made(graph) == [("batch", 3), ("batch", 3)]
    assert Metrics(graph).totals["macs"] == (4 * 4 + 4) * 9


def test_loop_that_changes_what_another_carries_is_told():
    grown = looped("xo = Concat<axis = 0>(xi, x)", result="z")
    assert made(graph_of(STEPS + grown + looped("xo = Tanh(xi)", given="z"), outputs="z, y")) == [(None, 3), (None, 3)]


def chosen(one, other="b = Identity(x)", inputs="float[batch,6] x, bool c"):
    return (
        f"""y = If(c) <then_branch = one () => (a) {{ {one} }}, else_branch = other () => (b) {{ {other} }}>""",
        inputs,
    )


@pytest.mark.parametrize("kept", ["s = Constant<value_ints = [0, 2, 3]>()", "s = Identity(s0)"])
def test_constants_from_around_a_graph_say_its_shapes(kept):
    body, inputs = chosen("a = Reshape(x, s)", "b = Reshape(x, s)")
    shape = ("batch", 2, 3) if "Constant" in kept else None
    assert made(graph_of(f"{kept} {body}", f"{inputs}, int64[k] s0")) == [shape]


def test_operations_of_onnxruntime_make_shapes_in_branches_and_functions():
    norm = "SkipLayerNormalization(x, x, w)"
    body, inputs = chosen(f"a = com.microsoft.{norm}", f"t = com.microsoft.{norm} b = Neg(t)")
    mine = f'<domain: "mine", opset_import: ["": 21, "com.microsoft": 1]> norm (x, w) => (z) {{ t = com.microsoft.{norm} z = Neg(t) }}'
    domains = ', "com.microsoft": 1, "mine": 1'
    graph = graph_of(f"{body} z = mine.norm(x, w)", f"{inputs}, float[6] w", "y, z", mine, domains)
    assert made(graph) == [("batch", 6), ("batch", 6)]


@pytest.mark.parametrize(
    ("starts", "ends", "shape"),
    [
        ("0, 2", "2147483647, 5", ("batch", 3)),
        ("0", "9223372036854775807", ("batch", 6)),
        ("1", "2147483647", (None, 6)),
    ],
)
@pytest.mark.parametrize("inside", [False, True])
def test_slices_that_leave_an_axis_whole_keep_its_size(starts, ends, shape, inside):
    stored = f"s = Constant<value_ints = [{starts}]>() e = Constant<value_ints = [{ends}]>() "
    body, inputs = chosen("a = Slice(x, s, e)", "b = Slice(x, s, e)")
    assert made(graph_of(stored + (body if inside else "y = Slice(x, s, e)"), inputs)) == [shape]


COUNTED = """zero = Constant<value_int = 0>() go = Less(zero, ends)
y, last = Loop({limit}, {begins}, x, zero) <body = body (int64 i, bool ci, xi, int64 k) => (bool co, xo, ko)
{{ one = Constant<value_int = {step}>() ko = Add(k, one) less = Less(ko, ends) also = Identity(ci) co = And(less, also) xo = MatMul(xi, w) }}>"""


@pytest.mark.parametrize(
    ("limit", "begins", "step", "steps"),
    [
        ("", "go", 1, 5),
        ("", "", 2, 3),
        ("three", "go", 1, 3),
        ("", "go", 0, None),
        ("", "unknown", 1, None),
        ("n", "go", 1, None),
    ],
)
def test_loop_that_counts_for_itself_runs_as_often_as_it_does(limit, begins, step, steps):
    body = COUNTED.format(limit=limit or '""', begins=begins or '""', step=step)
    stored = "ends = Constant<value_int = 5>() three = Constant<value_int = 3>() "
    graph = graph_of(stored + body, "float[batch,3] x, float[3,3] w, bool unknown, int64 n", "y, last")
    assert Metrics(graph).totals["macs"] == (None if steps is None else 9 * steps)


def test_what_one_of_many_steps_contracts_is_not_shown_as_what_all_do():
    body = COUNTED.format(limit="n", begins="go", step=1)
    graph = graph_of("ends = Constant<value_int = 5>() " + body, "float[batch,3] x, float[3,3] w, int64 n", "y, last")
    assert [call.compute for call in graph.calls if call.op == "MatMul"] == [None]
    [said] = [d.message for d in graph.diagnostics]
    assert said.startswith("MACs in 'Loop' are missing: what runs there, and how often")


SCANNED = """h, y = Scan<num_scan_inputs = 1, body = body (hi, xi) => (ho, yo) { m = MatMul(xi, w) ho = Add(m, hi) yo = Identity(ho) }>(s, x)"""


@pytest.mark.parametrize(
    ("before", "x", "said"),
    [
        ("", "T,B,4", "MACs are missing for 1 operation: 'T' can have any size; pass sizes as inputs."),
        ("", "B,2,4", "MACs are missing for 1 operation: 'B' can have any size; pass sizes as inputs."),
        ("", "5,B,4", ""),
        ("k", "T,B,4", "MACs in 'Scan' are missing: what runs there, and how often, depends on tensor values."),
    ],
)
def test_open_length_of_a_scan_is_told_as_a_size(before, x, said):
    body = SCANNED if not before else "k = Compress<axis = 0>(x, some) " + SCANNED.replace("(s, x)", "(s, k)")
    graph = graph_of(body, f"float[B,6] s, float[{x}] x, float[4,6] w, bool[U] some", "h, y")
    assert [d.message for d in graph.diagnostics] == ([said] if said else [])
    assert Metrics(graph).totals["macs"] == (None if said else 5 * 4 * 6)
    assert [call.compute is None for call in graph.calls if call.op == "MatMul"] == [bool(said)]


def test_open_length_in_a_loop_that_values_decide_is_not_told():
    inner = SCANNED.replace("(s, x)", "(si, x)").replace("h, y =", "so, yo2 =")
    loop = f"y = Loop(n, true, s) <body = body (int64 i, bool ci, si) => (bool co, so) {{ co = Identity(ci) {inner} }}>"
    stored = "true = Constant<value = bool {1}>() "
    graph = graph_of(stored + loop, "float[T,B,4] x, float[B,6] s, float[4,6] w, int64 n", "y")
    assert "'Loop'" in graph.diagnostics[0].message
    assert not any("any size" in d.message for d in graph.diagnostics)


STACKED = """y, all = Loop({limit}, true, x) <body = body (int64 i, bool ci, xi) => (bool co, xo, each)
{{ co = Identity(ci) xo = Tanh(xi) each = Neg(xo) }}> z = MatMul(all, w)"""


@pytest.mark.parametrize(("limit", "steps"), [("n", 4), ("many", None)])
def test_what_a_loop_stacks_up_is_as_long_as_it_runs(limit, steps):
    graph = graph_of(STEPS + STACKED.format(limit=limit), "float[2,3] x, float[3,5] w, int64 many", "y, z")
    assert made(graph) == [(2, 3), (steps, 2, 5)]
    assert Metrics(graph).totals["macs"] == (None if steps is None else 4 * 2 * 3 * 5)


def test_nodes_in_the_wrong_order_have_shapes_too():
    body, inputs = chosen("a = Neg(p)", "b = Exp(p)")
    backwards = f"{body} p = Add(m, one) m = MatMul(x, w) one = Constant<value_float = 1.0>()"
    graph = graph_of(backwards, f"{inputs}, float[6,3] w")
    assert made(graph) == [("batch", 3)]
    assert [call.op for call in graph.calls if call.kind == "operation"] == ["MatMul", "Add", "Neg", "Exp", "merge"]


@pytest.mark.parametrize(("axes", "shape", "macs"), [(2, ("batch", 6), 36), (3, ("6*batch",), 0)])
def test_branch_whose_condition_is_known_says_what_is_made(axes, shape, macs):
    asked = f"s = Shape(x) r = Size(s) n = Constant<value_int = {axes}>() c = Equal(r, n) "
    body, _ = chosen("a = MatMul(x, w)", "all = Constant<value_ints = [-1]>() b = Reshape(x, all)")
    graph = graph_of(asked + body + "z = Neg(y)", "float[batch,6] x, float[6,6] w", "y, z")
    assert made(graph) == [shape, shape]
    assert Metrics(graph).totals["macs"] == macs
