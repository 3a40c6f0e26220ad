"""Models that nobody here wrote: what the onnx package is tested with is read as the package itself says."""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import pytest

onnx = pytest.importorskip("onnx")

from nbviz.adapters import read  # noqa: E402
from nbviz.adapters.onnx.shapes.growth import doubtful  # noqa: E402
from nbviz.adapters.onnx.values import ARGUMENTS  # noqa: E402
from nbviz.invariants import violations  # noqa: E402
from nbviz.metrics import Metrics  # noqa: E402

FOLDER = Path(onnx.__file__).parent / "backend" / "test" / "data"
FILES = sorted(FOLDER.rglob("*.onnx"))
FRACTIONS = {
    number
    for name, number in onnx.TensorProto.DataType.items()
    if name.startswith(("FLOAT", "DOUBLE", "BFLOAT", "COMPLEX"))
}
SAMPLE = [path for path in FILES if path.parent.name == "light"][:3] + FILES[:: len(FILES) // 12]


def node_models():
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy, of the overflows that are tested
        return [(case.name, case.model) for case in collect_testcases()]


def check(source, model):
    """Compare a reading with the library: operations, weights, and the shape and type of every tensor."""
    assert not doubtful(model).values
    graph = read(source).graph
    assert list(violations(graph)) == []
    assert not any("do not match" in d.message for d in graph.diagnostics)
    known = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    functions = {(f.domain, f.name) for f in model.functions}
    stored = {tensor.name for tensor in known.initializer}
    for node in known.node:  # an Identity of what is stored is another name for it
        if node.op_type == "Constant" or (node.op_type == "Identity" and node.input[0] in stored):
            stored.update(node.output)
    nodes = [n for n in known.node if not set(n.output) & stored]
    simple = not functions and not any(a.type in (a.GRAPH, a.GRAPHS) for n in nodes for a in n.attribute)
    containers = set(graph.calls.column("parent"))
    calls = [c for c in graph.calls if c.kind in {"layer", "operation"} and c.id not in containers]
    if simple and nodes:
        assert sorted(map(op_of(graph), calls)) == sorted(n.op_type for n in nodes)
    compare_weights(graph, known)
    if simple:
        compare_shapes(calls, nodes, known)
    return graph


def op_of(graph):
    def op(call):
        settings = dict(graph.layers[graph.layer_index[call.layer]].settings) if call.layer else {}
        return settings.get("op", call.op)

    return op


def compare_weights(graph, known):
    readers = {}
    for node in known.node:
        for at, name in enumerate(node.input):
            readers.setdefault(name, []).append(at in ARGUMENTS.get(node.op_type, ()))
    counted = sum(
        math.prod(tensor.dims)
        for tensor in known.initializer
        if tensor.data_type in FRACTIONS
        and tensor.dims
        and not (readers.get(tensor.name) and all(readers[tensor.name]))
    )
    names = {tensor.name for tensor in known.initializer}
    found = [p for p in graph.parameters if p.name in names and p.dtype.startswith(("float", "bfloat", "complex"))]
    assert sum(p.size for p in found) == counted
    assert Metrics(graph).totals["params"] == sum(p.size for p in graph.parameters)


def compare_shapes(calls, nodes, known):
    """Everything is as the library says; where it leaves something open, we may know more."""
    types = {info.name: info.type for info in (*known.value_info, *known.output)}
    found = [said(spec) for call in calls for spec in call.outputs]
    expected = [described(types.get(name)) for node in nodes for name in node.output if name]
    assert len(found) == len(expected)
    for one in sorted(expected, key=lambda one: open_in(one[1])):  # what leaves least open has the fewest counterparts
        fitting = [other for other in found if refines(other, one)]
        assert fitting, f"{one} is none of {found}"
        found.remove(max(fitting, key=lambda other: open_in(other[1])))


def open_in(dims):
    """How much is not known of a shape."""
    return 100 if dims is None else dims.count(None)


def refines(found, expected):
    (dtype, dims), (said_dtype, said_dims) = found, expected
    if dtype != said_dtype or said_dims is None:
        return dtype == said_dtype
    same_rank = dims is not None and len(dims) == len(said_dims)
    return same_rank and all(there is None or here == there for here, there in zip(dims, said_dims, strict=True))


def described(kind):
    if kind is None or not kind.HasField("tensor_type"):
        return None, None
    element = onnx.TensorProto.DataType.Name(kind.tensor_type.elem_type).lower()
    if not kind.tensor_type.HasField("shape"):
        return element, None
    dims = ((d.dim_value if d.HasField("dim_value") else d.dim_param or None) for d in kind.tensor_type.shape.dim)
    return element, tuple(None if str(dim).startswith("unk__") else dim for dim in dims)


def said(spec):
    if spec.dtype is None or "(" in spec.dtype:
        return None, None
    words = {"float32": "float", "float64": "double"}
    return words.get(spec.dtype, spec.dtype.replace("_e", "e")), None if spec.shape is None else spec.shape.dims


@pytest.mark.parametrize("path", SAMPLE, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_files_of_the_package(path):
    check(path, onnx.load(path, load_external_data=False))


@pytest.mark.zoo
@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_file_of_the_package(path):
    check(path, onnx.load(path, load_external_data=False))


@pytest.mark.zoo
def test_every_operation_of_the_standard():
    made = node_models()
    assert len(made) > 1000
    failed = {}
    for name, model in made:
        try:
            graph = check(model, model)
            expected = ("onnx.preview", "MACs", "coefficients of 'TreeEnsemble'")
            assert all(any(words in d.message for words in expected) for d in graph.diagnostics)
        except AssertionError as error:
            failed[name] = str(error)[:300]
    assert failed == {}
